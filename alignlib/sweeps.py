"""One function over many configurations: in this process, on all cores, or on many machines.

Rows are written as they come, so that a sweep that was interrupted goes on where it stopped.
"""

import json
import pickle
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from alignlib import inputs

with inputs.extra("sweeps"):
    import pandas as pd


def sweep(
    function: Callable,
    configs: Iterable,
    executor: Executor | None = None,
    progress: bool = True,
    file: str | Path | None = None,
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
        Configurations that it holds are not run again, failed ones are. Delete it after changing
        the function.

    Returns
    -------
    pandas.DataFrame
        In the order of `configs`: their fields, what the function returned (a number as `result`),
        `seconds` (wall time), and `error`, empty if all went well. `KeyboardInterrupt` gives a
        warning and the rows that there are.

    Raises
    ------
    ValueError
        If an argument does not fit, or if `file` belongs to another sweep. An error in the function
        is not raised: it is the row's `error`.

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
    configs = list(configs)
    keys = _keys(configs)
    if isinstance(executor, ProcessPoolExecutor):
        _check_it_travels(function)
    rows, store = {}, None
    if file is not None:
        store = _Store(Path(file), function, type(configs[0]))
        rows = store.rows()
    todo = [config for key, config in keys.items() if key not in rows or rows[key]["error"]]
    bar = tqdm(total=len(keys), initial=len(keys) - len(todo), disable=not progress, desc="sweep")
    finished = 0
    with bar:
        try:
            for row in _run(function, todo, executor):
                if store:
                    store.append(row)
                rows[_key(type(configs[0]), row)] = row
                finished += 1
                bar.update()
        except KeyboardInterrupt:
            done = len(keys) - len(todo) + finished
            rest = "without a `file` to go on from" if file is None else "the same call goes on from there"
            warnings.warn(f"interrupted after {done} of {len(keys)} configurations: {rest}", stacklevel=2)
    return _table([rows[key] for key in keys if key in rows], type(configs[0]))


def _run(function, configs, executor):
    """The rows as they come; what has not begun is cancelled if nobody wants more."""
    if executor is None:
        yield from (_attempt(function, config) for config in configs)
        return
    waiting = {}
    try:
        for config in configs:
            try:
                waiting[executor.submit(_attempt, function, config)] = config
            except Exception as problem:  # a pool that is broken takes nothing more
                yield _row(config, error=problem)
        for future in as_completed(waiting):
            try:
                yield future.result()
            except Exception as problem:  # not the function's: a lost process, a lost worker
                yield _row(waiting[future], error=problem)
    finally:
        for future in waiting:
            future.cancel()


def _attempt(function, config):
    """The row of one configuration, whatever happens; this is what travels to other processes."""
    began = time.perf_counter()
    try:
        found = function(config)
        row = _row(config, found if isinstance(found, Mapping) else {"result": found})
    except Exception as problem:
        row = _row(config, error=problem)
    row["seconds"] = time.perf_counter() - began
    return row


def _row(config, found=(), error=None):
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    nameless = [name for name in found if not isinstance(name, str)]
    if nameless:
        raise ValueError(f"the result's names must be strings, got {nameless}")
    taken = {*values, "seconds", "error"} & set(found)
    if taken:
        raise ValueError(f"the result's names must not be those of other columns, got {sorted(taken)}")
    row = {name: _plain(name, value) for name, value in {**values, **dict(found)}.items()}
    said = "" if error is None else f"{type(error).__name__}: {error}"
    return {**row, "seconds": float("nan"), "error": said}


def _plain(name, value):
    """`value` as a table and a line of JSON can hold it."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    kind = type(value).__name__
    raise ValueError(f"`{name}` must be a number, a string, a boolean or None, got {kind}")


def _keys(configs):
    """The configurations by their keys, in order."""
    kinds = {type(config) for config in configs}
    frozen = [is_dataclass(kind) and kind.__dataclass_params__.frozen for kind in kinds]
    if len(kinds) != 1 or not all(frozen):
        names = ", ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
        raise ValueError(f"`configs` must be instances of one frozen dataclass, got {names}")
    (kind,) = kinds
    taken = sorted({"seconds", "error"} & {field.name for field in fields(kind)})
    if taken:
        raise ValueError(f"`configs` must not have fields of the table's own names, got {taken}")
    keys = {}
    for config in configs:
        key = _key(kind, _row(config))
        if key in keys:
            raise ValueError(f"`configs` must all be different (give each a seed), got {config!r} twice")
        keys[key] = config
    return keys


def _key(kind, row):
    return json.dumps([row[field.name] for field in fields(kind)])


def _check_it_travels(function):
    try:
        pickle.dumps(function)
    except Exception as problem:
        name = getattr(function, "__qualname__", repr(function))
        raise ValueError(
            f"`function` must be defined at the top level of a module to be sent to processes, got {name}"
        ) from problem


def _table(rows, kind):
    first = [field.name for field in fields(kind)]
    last = ["seconds", "error"]
    found = dict.fromkeys(name for row in rows for name in row if name not in (*first, *last))
    return pd.DataFrame(rows, columns=[*first, *found, *last])


class _Store:
    """A file of rows: a line that says whose they are, then one row a line."""

    def __init__(self, path, function, kind):
        self.path, self.kind = path, kind
        name = getattr(function, "__name__", "<lambda>")
        if name == "<lambda>":  # two of them, or two partials, could not be told apart in the file
            raise ValueError(
                "`function` must have a name of its own to write a `file` (define it with `def`, and let "
                f"the configuration hold what it needs), got {function!r}"
            )
        head = {"sweep": name, "of": kind.__name__, "fields": [field.name for field in fields(kind)]}
        self.head = json.dumps(head).encode() + b"\n"

    def rows(self):
        """The rows that the file holds, by key, the newest of each; a half-written end is cut off."""
        content = self.path.read_bytes() if self.path.exists() else b""
        if not content.startswith(self.head):
            if not self.head.startswith(content):
                raise ValueError(f"`file` must be new or of this sweep, got {str(self.path)!r}")
            content = self.head
            self.path.write_bytes(content)
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        rows = [self._row(line, number) for number, line in enumerate(whole.splitlines()[1:], 2)]
        return {_key(self.kind, row): row for row in rows}

    def _row(self, line, number):
        """The row on a line, with at least the columns that every row has."""
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        needed = {field.name for field in fields(self.kind)} | {"seconds", "error"}
        if not isinstance(row, dict) or not needed <= row.keys():
            where = f"line {number} of {str(self.path)!r}"
            raise ValueError(
                f"`file` must hold one row a line, got {line[:40]!r} in {where}; without that line, "
                "its configuration is run again"
            )
        return row

    def append(self, row):
        """Written before the next one runs."""
        with self.path.open("ab") as file:
            file.write(json.dumps(row).encode() + b"\n")
