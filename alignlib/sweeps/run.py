"""Configurations go to an executor, quick ones in batches, and come back as rows."""

import pickle
import queue
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Executor, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import fields
from functools import partial
from itertools import islice
from pathlib import Path

from alignlib import inputs
from alignlib.progress import progress_bar
from alignlib.sweeps import rows
from alignlib.sweeps.store import Store

with inputs.extra("sweeps"):
    import pandas as pd

AHEAD = 1_000  # batches that are handed out at a time: enough for a cluster, and a million fit into memory
BATCH, LARGEST = 0.1, 100  # seconds that a batch may take, and the most configurations in one
# A batch that the executor loses, as Dask does if its scheduler is restarted, is handed out again. These
# say so: an error of the function itself is a row already.
TRIES, LOST = 3, (CancelledError, OSError)


def sweep(
    function: Callable,
    configs: Iterable,
    executor: Executor | None = None,
    progress: bool = True,
    file: str | Path | None = None,
    keep_changed: bool = False,
) -> "pd.DataFrame":
    """Call `function(config)` for every configuration and return a table, one row each.

    Parameters
    ----------
    function : takes one configuration, returns a number or a mapping from names to values
    configs : list of instances of one frozen dataclass, all different
        By convention a field `seed` feeds all randomness, so that every row can be made again.
    executor : any `concurrent.futures.Executor`; without it, one after the other in this process
        A `ProcessPoolExecutor` needs a function from the top level of a module. For more than one
        machine use Dask: `distributed.Client(address).get_executor()`; if a worker dies, Dask gives
        its configurations to another.
    progress : show a bar
    file : where to keep the rows as they come, as JSON lines; used by one sweep at a time
        Configurations that it holds are not run again, failed ones are. Its first line has the versions
        of the packages and a hash of the function. What JSON does not know is one of the words NaN,
        Infinity and -Infinity.
    keep_changed : go on with the rows of `file` although the function has changed since
        So it has if it changes what it holds, such as a memory of its own or an attribute.

    Returns
    -------
    pandas.DataFrame
        In the order of `configs`: their fields, what the function returned (a number as `result`),
        `seconds` (wall time), and `error`, empty if all went well. `KeyboardInterrupt` gives a
        warning and the rows that there are.

    Raises
    ------
    ValueError
        If an argument does not fit, or if `file` belongs to another sweep, to an older version of the
        function, or to a sweep that is running. An error in the function, or `sys.exit()`, is not
        raised: it is the row's `error`.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Draw:
    ...     n: int
    ...     seed: int
    >>> def largest(draw):
    ...     return np.random.default_rng(draw.seed).integers(100, size=draw.n).max()
    >>> table = al.sweep(largest, [Draw(n, seed=0) for n in (1, 10)], progress=False)
    >>> table[["n", "seed", "result"]]
        n  seed  result
    0   1     0      85
    1  10     0      85
    """
    if not callable(function):
        raise ValueError(f"`function` must be callable, got {type(function).__name__}")
    wanted = inputs.items("configs", configs)
    keys = rows.keys(wanted)
    _check_executor(executor, function)
    kind = type(wanted[0])
    store = Store(inputs.path("file", file), function, kind, keep_changed) if file is not None else None
    with store or nullcontext():
        table = store.read() if store else {}
        todo = [config for key, config in keys.items() if key not in table or table[key]["error"]]
        before = len(keys) - len(todo)
        bar = progress_bar(progress, "sweep", len(keys), initial=before)
        finished = 0
        with bar:
            try:
                for row in _run(function, todo, executor):
                    table[rows.key(kind, row)] = row
                    if store:
                        store.append(row)
                    finished += 1
                    bar.update()
            except KeyboardInterrupt:
                rest = "the same call goes on from there" if store else "without a `file` to go on from"
                said = f"interrupted after {before + finished} of {len(keys)} configurations: {rest}"
                warnings.warn(said, stacklevel=2)
    return _table([table[key] for key in keys if key in table], kind)


def _run(function, configs, executor):
    """The rows as they come; what has not begun is cancelled if nobody wants more."""
    if executor is None:
        yield from (_attempt(function, config) for config in configs)
        return
    left, again, waiting, done, size = iter(configs), [], {}, queue.SimpleQueue(), 1
    submit = _submitter(executor)
    try:
        while True:
            while len(waiting) < AHEAD and (batch := again.pop() if again else _Batch(islice(left, size))):
                try:
                    future = submit(_attempt_all, function, batch)
                    waiting[future] = batch
                    future.add_done_callback(done.put)
                except Exception as problem:  # a pool that is broken takes nothing more
                    yield from (rows.row(config, error=problem) for config in batch)
            if not waiting:
                return
            future = done.get()
            batch = waiting.pop(future)
            try:
                found = future.result()
                size = _size(found)
            except Exception as problem:  # not the function's: a lost process, a lost worker
                batch.tries += 1
                if isinstance(problem, LOST) and batch.tries < TRIES:
                    again.append(batch)
                    continue
                found = [rows.row(config, error=problem) for config in batch]
            yield from found
    finally:
        for future in waiting:
            future.cancel()


def _submitter(executor):
    """What hands a batch out: of Dask the client, not its executor.

    If the scheduler goes while a result is on its way, a future of that executor never ends.
    """
    client, words = getattr(executor, "_client", None), getattr(executor, "_kwargs", None)
    if client is None or words is None:
        return executor.submit
    if getattr(executor, "_shutdown", False):
        raise ValueError("`executor` must not have been shut down")
    return partial(client.submit, **words)


class _Batch:
    """Configurations that travel together, closed: Dask would hash them one by one to name the task."""

    def __init__(self, configs):
        self.configs, self.tries, self.name = list(configs), 0, uuid.uuid4().hex

    def __len__(self):
        return len(self.configs)

    def __iter__(self):
        return iter(self.configs)

    def __dask_tokenize__(self):
        return self.name, self.tries


def _size(found):
    """How many quick configurations travel together, so that travelling costs little."""
    mean = sum(row["seconds"] for row in found) / len(found)
    return int(min(max(BATCH / max(mean, 1e-9), 1), LARGEST))


def _attempt_all(function, configs):
    """The rows of some configurations; this is what is done in other processes."""
    return [_attempt(function, config) for config in configs]


def _attempt(function, config):
    """The row of one configuration, whatever happens."""
    began = time.perf_counter()
    try:
        found = function(config)
        row = rows.row(config, found if isinstance(found, Mapping) else {"result": found})
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # `sys.exit()`, a cancelled task or a panic of Rust ends one row only
        row = rows.row(config, error=problem)
    row["seconds"] = time.perf_counter() - began
    return row


def _check_executor(executor, function):
    """Whether this is one, and whether the function can reach its processes."""
    if executor is None:
        return
    if not callable(getattr(executor, "submit", None)) or not isinstance(executor, Executor):
        mend = ": pass `client.get_executor()`" * hasattr(executor, "get_executor")
        mend = mend or f": pass `ProcessPoolExecutor({executor})`" * (type(executor) is int)
        kind = type(executor).__name__
        raise ValueError(f"`executor` must be a concurrent.futures.Executor or None, got {kind}{mend}")
    if isinstance(executor, ProcessPoolExecutor):
        _check_it_travels(function, executor)


def _check_it_travels(function, executor):
    name = getattr(function, "__qualname__", repr(function))
    try:
        pickle.dumps(function)
    except Exception as problem:
        raise ValueError(
            f"`function` must be defined at the top level of a module to be sent to processes, got {name}"
        ) from problem
    context = getattr(executor, "_mp_context", None)
    fresh = context is not None and context.get_start_method() != "fork"
    main = sys.modules["__main__"]
    if fresh and function.__module__ == "__main__" and getattr(main, "__file__", None) is None:
        raise ValueError(
            "`function` must be in a file that new processes can import (this pool starts them afresh, and "
            f"they do not see what was typed here), got {name}: write it to a module and import it"
        )


def _table(found_rows, kind):
    first = [field.name for field in fields(kind)]
    last = ["seconds", "error"]
    found = dict.fromkeys(name for row in found_rows for name in row if name not in (*first, *last))
    return pd.DataFrame(found_rows, columns=[*first, *found, *last])
