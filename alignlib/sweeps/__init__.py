"""One function over many configurations: in this process, on all cores, or on many machines.

`rows` says what a row is and how a line of the file holds it, `source` recognises a function that has
changed, `store` writes the file, its head and then the rows as they come, and `run` hands configurations to
an executor.
rows, source -> store -> run
"""

from alignlib.sweeps.run import sweep

__all__ = ["sweep"]
