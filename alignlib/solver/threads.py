"""Threads for what is done to many neurons. The callers cut fixed chunks, so results do not depend on them.

Compiled code lets go of Python's lock, so threads run it side by side. `ALIGNLIB_THREADS` says how many;
without it, as many as the process may use.
"""

import os
from concurrent.futures import ThreadPoolExecutor


def count():
    """How many threads a sweep may use."""
    asked = os.environ.get("ALIGNLIB_THREADS", "")
    if not asked:
        affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if not asked.isdecimal() or int(asked) < 1:
        raise ValueError(f"`ALIGNLIB_THREADS` must be a whole number from 1 on, got {asked!r}")
    return int(asked)


def each(function, items):
    """`[function(item) for item in items]`, side by side; after an error no further one is begun."""
    workers = min(count(), len(items))
    if workers < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:  # made anew each time: a forked process has no threads of it
        try:
            return list(pool.map(function, items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
