"""A row: the fields of a configuration, what the function returned, the seconds, the error.

In a file a row is one line of JSON, in the strict sense: a number that JSON does not know is one of the
words `NaN`, `Infinity` and `-Infinity`, which no string of a row may be.
"""

import json
import math
from dataclasses import fields, is_dataclass

import numpy as np

OWN = ("seconds", "error")  # the columns that the table makes itself
WORDS = ("NaN", "Infinity", "-Infinity")
LONGEST = 10**4300  # Python reads no integer of more digits, unless it is told to


def row(config, found=(), error=None):
    """The row of a configuration; `found` maps the names of results to their values."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    nameless = [name for name in found if not isinstance(name, str)]
    if nameless:
        raise ValueError(f"the result's names must be strings, got {nameless}")
    taken = {*values, *OWN} & set(found)
    if taken:
        raise ValueError(f"the result's names must not be those of other columns, got {sorted(taken)}")
    plain = {name: _plain(name, value) for name, value in {**values, **dict(found)}.items()}
    return {**plain, "seconds": float("nan"), "error": "" if error is None else _said(error)}


def _said(error):
    """What an error says, even if it cannot."""
    try:
        return f"{type(error).__name__}: {error}"
    except KeyboardInterrupt:
        raise
    except BaseException:
        return type(error).__name__


def _plain(name, value):
    """`value` as a table and a line of JSON can hold it."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str) and value in WORDS:
        raise ValueError(f"`{name}` must not be a word that stands for a number in the file, got {value!r}")
    if isinstance(value, int) and abs(value) >= LONGEST:
        got = f"an integer of {value.bit_length()} bits"
        raise ValueError(f"`{name}` must be a number of at most 4300 digits, got {got}")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    kind = type(value).__name__
    raise ValueError(f"`{name}` must be a number, a string, a boolean or None, got {kind}")


def keys(configs):
    """The configurations by their keys, in order."""
    kinds = {type(config) for config in configs}
    frozen = [is_dataclass(kind) and kind.__dataclass_params__.frozen for kind in kinds]
    if len(kinds) != 1 or not all(frozen):
        names = ", ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
        raise ValueError(f"`configs` must be instances of one frozen dataclass, got {names}")
    (kind,) = kinds
    taken = sorted({*OWN} & {field.name for field in fields(kind)})
    if taken:
        raise ValueError(f"`configs` must not have fields of the table's own names, got {taken}")
    found = {}
    for config in configs:
        name = key(kind, row(config))
        if name in found:
            raise ValueError(f"`configs` must all be different (give each a seed), got {config!r} twice")
        found[name] = config
    return found


def key(kind, row):
    """What tells the rows of a sweep apart: the fields of their configurations."""
    return json.dumps([row[field.name] for field in fields(kind)])


def to_line(row):
    """A row as a line of JSON that every reader takes."""
    wild = {
        name: value for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)
    }
    words = {name: json.dumps(value) for name, value in wild.items()}
    return json.dumps({**row, **words}, allow_nan=False).encode() + b"\n"


def from_line(line, kind):
    """The row on a line, or None if it is not one of such configurations."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    needed = {*(field.name for field in fields(kind)), *OWN}
    if not isinstance(row, dict) or not needed <= row.keys():
        return None
    return {name: float(value) if value in WORDS else value for name, value in row.items()}
