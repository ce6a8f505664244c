"""One function over many configurations: in this process, on all cores, or on many machines.

`rows` says what a row is, `source` recognises a function that has changed, `store` keeps the rows in a file
as they come, and `run` hands configurations to an executor.
rows, source -> store -> run
"""

from alignlib.sweeps.run import sweep

__all__ = ["sweep"]
