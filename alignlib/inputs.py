"""What the library accepts: every public function sends its arguments through here.

Each function returns the checked value or raises a ``ValueError`` that names the argument, says what
is needed, and says what came.
"""

import functools
import inspect
import operator
import os
import types
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

Seed = int | np.random.Generator | None  # what `generator` takes


@contextmanager
def extra(name):
    """Around the import of packages that `early-alignment` installs only with its extra `name`.

    Raises
    ------
    ModuleNotFoundError
        If one of them is not installed; it says which, and what installs it.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        needed = f'{missing.name} is not installed: `pip install "early-alignment[{name}]"` installs it'
        raise ModuleNotFoundError(needed, name=missing.name) from missing


def guard(room: dict[str, Any]) -> None:
    """Make the public functions of a room refuse, by name, what is not of the kind that they ask for.

    `room` is its `globals()`. What an argument must be is read from the annotations: a Network, a Dataset,
    a Trajectory, a Loss, or one of several. Inside, a function may then trust them.
    """
    for name, function in list(room.items()):
        own = inspect.isfunction(function) and function.__module__ == room["__name__"]
        if own and not name.startswith("_"):
            room[name] = _guarded(function)


KINDS = {"Network", "Dataset", "Trajectory", "EarlyFlow", "Loss", "Heights", "Diagnosis", "None"}
MENDS = {"Network": "Network.from_torch(module)", "Dataset": "Dataset(x, y)"}


def _guarded(function):
    """The function, which looks at such arguments first; it itself if it has none."""
    parameters = inspect.signature(function).parameters
    wanted = {}
    for name, parameter in parameters.items():
        said = getattr(parameter.annotation, "__name__", str(parameter.annotation))
        kinds = [kind.strip().rpartition(".")[2] for kind in said.split("|")]
        if KINDS.issuperset(kinds):
            wanted[name] = kinds
    if not wanted:
        return function
    names, fits = list(parameters), of_kind

    def guarded(*given, **named):
        for name, value in [*zip(names, given), *named.items()]:
            if name in wanted:
                fits(name, value, wanted[name])
        return function(*given, **named)

    # With the globals of the room, so that its examples are found and tested as before.
    code, closure = guarded.__code__, guarded.__closure__
    made = types.FunctionType(code, function.__globals__, function.__name__, None, closure)
    return functools.wraps(function)(made)


def of_kind(name, value, kinds):
    """Whether a value is of one of these kinds, by the names of its classes: so no room imports another."""
    if {kind.__name__ for kind in type(value).__mro__} & set(kinds) or (value is None and "None" in kinds):
        return
    need = " or ".join(f"a {kind}" for kind in kinds if kind != "None")
    mends = [f": pass `al.{MENDS[kind]}`" for kind in kinds if kind in MENDS]
    raise ValueError(f"`{name}` must be {need}, got {type(value).__name__}{''.join(mends[:1])}")


def array(name, value, ndim, shape=None):
    """`value` as a read-only float64 array that is finite and has `ndim` axes, none of them empty.

    `shape` may fix some lengths: ``(None, 3)`` asks for three columns.
    """
    unmasked(name, value)
    try:
        given = np.asarray(_plain(value))
        result = np.array(given, dtype=np.float64, order="C") if given.dtype.kind in "biuf" else None
    except (TypeError, ValueError, RuntimeError):
        result = None
    if result is None:
        raise ValueError(f"`{name}` must be an array of real numbers, got {kind_of(value)}{_mend(value)}")
    if result.ndim != ndim or result.size == 0:
        flat = ndim == 1 and result.size == max(result.shape, default=0) > 0  # as of PyTorch: (n, 1)
        mend = f": pass `{name}.reshape(-1)`" * flat
        raise ValueError(
            f"`{name}` must be a non-empty array with {ndim} axes, got shape {result.shape}{mend}"
        )
    wanted = (None,) * ndim if shape is None else shape
    if any(want is not None and want != have for want, have in zip(wanted, result.shape)):
        text = ", ".join("any" if want is None else str(want) for want in wanted)
        raise ValueError(f"`{name}` must have shape ({text}), got {result.shape}")
    if not np.isfinite(result).all():
        bad = np.argwhere(~np.isfinite(result))[0]
        where = ", ".join(map(str, bad))
        raise ValueError(f"`{name}` must be finite, got {result[tuple(bad)]} at index ({where})")
    result.setflags(write=False)
    return result


class Frozen:
    """A value: its arrays are read-only, in deep copies and where it was pickled too."""

    def __post_init__(self) -> None:
        for part in self.__dict__.values():
            if isinstance(part, np.ndarray):
                part.setflags(write=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        Frozen.__post_init__(self)


def unmasked(name, value):
    """Whether nothing of a masked array is hidden, else an error."""
    hidden = np.ma.getmaskarray(value) if isinstance(value, np.ma.MaskedArray) else np.zeros(0)
    if hidden.any():
        where = ", ".join(map(str, np.argwhere(hidden)[0]))
        raise ValueError(f"`{name}` must have no masked entries, got one at index ({where})")


def _plain(value):
    """A table of pandas whose columns are numbers, of its extension types too, as an array; NA is nan."""
    types = getattr(value, "dtypes", None)
    types = list(types) if hasattr(types, "__iter__") else [types]
    if hasattr(value, "to_numpy") and all(getattr(kind, "kind", None) in {*"biuf"} for kind in types):
        return value.to_numpy(dtype=np.float64, na_value=np.nan)
    return value


def kind_of(value):
    """What came: its type, and of what."""
    of = None if hasattr(value, "detach") else getattr(value, "dtype", None)
    return type(value).__name__ + (f" of {of}" if of is not None else "")


def _mend(value):
    """What to pass instead, where that is known."""
    if hasattr(value, "detach"):  # on a graph, on another device, or of a type that NumPy lacks
        return ": pass `.detach().cpu().double()` of it, or a whole module to `Network.from_torch`"
    if hasattr(value, "toarray"):
        return ": pass `.toarray()` of it"
    return ": pass `list(...)` of it" if hasattr(value, "__next__") else ""


def near_one(rows):
    """Rows (h, d) over powers of two, so that the largest entry of each is from 1/2 to 1; the exponents."""
    _, power = np.frexp(np.abs(rows).max(axis=1, initial=0.0))
    return np.ldexp(rows, -power[:, None]), power


def lengths(rows):
    """`‖w_j‖` of rows (h, d), also where their squares overflow; else to the last bit NumPy's."""
    scaled, power = near_one(rows)
    return np.ldexp(np.linalg.norm(scaled, axis=1), power)


def whole(name, path):
    """Whether the kept times of a path go on to its last event, else an error."""
    if (path.events["t"][-1:] > path.t[-1]).any():
        after = f"an event at t={path.events['t'][-1]:g} after the last kept time {path.t[-1]:g}"
        raise ValueError(f"`{name}` must keep the end of its run, got {after}: keep a later time")


def unit_rows(name, value):
    """The rows of `value`, each divided by its length: no zero vectors. Safe at any scale."""
    result = array(name, value, 2)
    largest = np.abs(result).max(axis=1, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    if zero.size:
        raise ValueError(
            f"`{name}` must have no zero vectors (they have no direction), "
            f"got {zero.size}, the first in row {zero[0]}"
        )
    result = result / largest  # so that no square underflows or overflows
    return result / np.linalg.norm(result, axis=1, keepdims=True)


def labels(name, value, others=""):
    """`value` as an array of labels +1 and -1; `others` names what takes any, for regression."""
    result = array(name, value, 1)
    bad = result[np.abs(result) != 1]
    if bad.size:
        mend = f": {others} any labels" if others else ""
        if np.isin(result, (0, 1)).all():
            mend = f": pass `2 * {name.split('.')[-1]} - 1`"
        raise ValueError(f"`{name}` must hold the labels +1 and -1 only, got {bad[0]:g}{mend}")
    return result


def times(name, value, end, words):
    """Times from 0 to `end`, which `words` describe, as a sorted array with 0 in front.

    What a sum of steps is too late by rounding (1e-12 of `end`: some thousand steps) is the end.
    """
    result = array(name, value, 1)
    if result.min() < 0 or result.max() > end * (1 + 1e-12):
        raise ValueError(
            f"`{name}` must lie between 0 and {words} = {end:g}, got {result.min():g} to {result.max():g}"
        )
    return np.unique(np.append(0.0, np.minimum(result, end)))


def _real(value):
    """`value` as a float, None if it is no number; words are none, though `float` reads some."""
    of = getattr(getattr(value, "dtype", None), "kind", "f")  # of NumPy; other packages have no kinds
    if isinstance(value, (str, bytes, bytearray, memoryview)) or of not in "biuf":
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def shown(value):
    """`value` as a message shows it, even if it cannot be written out."""
    try:
        return repr(value.item() if isinstance(value, np.generic) else value)
    except Exception:  # an integer of more digits than Python writes, or whatever a `repr` does
        return f"a value of type {type(value).__name__} that cannot be shown"


def positive(name, value, below=np.inf):
    """`value` as a float above zero and under `below`."""
    result = _real(value)
    if result is None or not 0 < result < below:
        need = "a positive finite number" if np.isinf(below) else f"a number between 0 and {below:g}"
        raise ValueError(f"`{name}` must be {need}, got {shown(value)}")
    return result


def at_least_zero(name, value, below=np.inf):
    """`value` as a float that is zero or above, and under `below`."""
    result = _real(value)
    if result is None or not 0 <= result < below:
        end = "finite" if np.isinf(below) else f"below {below:g}"
        raise ValueError(f"`{name}` must be a number that is at least 0 and {end}, got {shown(value)}")
    return result


def between(name, value, low, high):
    """`value` as a float from `low` to `high`."""
    result = _real(value)
    if result is None or not low <= result <= high:
        raise ValueError(f"`{name}` must be a number from {low:g} to {high:g}, got {shown(value)}")
    return result


def relu(name, net, what):
    """Whether this is a ReLU network, which `what` is about, else an error."""
    if net.negative_slope != 0.0:
        need = f"negative_slope 0, for {what} is about ReLU networks"
        raise ValueError(f"`{name}` must have {need}, got {net.negative_slope:g}")


def undecayed(name, path, what):
    """Whether this path has no weight decay, as `what` asks, else an error."""
    if path.weight_decay != 0.0:
        need = f"weight_decay 0, for {what} is about the flow without it"
        raise ValueError(f"`{name}` must have {need}, got {path.weight_decay:g}")


def path(name: str, value: str | os.PathLike) -> Path:
    """`value` as a `Path`, with `~` for the home."""
    try:
        found = Path(os.path.expanduser(os.fspath(value)))
    except TypeError as problem:
        raise ValueError(f"`{name}` must be a path, got {type(value).__name__}") from problem
    if "\0" in str(found):
        raise ValueError(f"`{name}` must be a path, got {value!r} with a null character")
    return found


def number(name, value):
    """`value` as a float, infinite or nan too."""
    result = _real(value)
    if result is None:
        raise ValueError(f"`{name}` must be a number, got {type(value).__name__}")
    return result


def one_time(t):
    """`t` as a float; many times are for other methods."""
    try:
        many = np.ndim(t) > 0
    except ValueError:  # a ragged list
        many = True
    if many:
        raise ValueError("`t` must be one time, got many: `networks` and `outputs_at` take them")
    return number("t", t)


def items(name: str, value: Any) -> list:
    """`value` as a list."""
    try:
        return list(value)
    except TypeError as problem:
        raise ValueError(f"`{name}` must be a list, got {type(value).__name__}") from problem


def integer(name, value, least=1):
    """`value` as an int of at least `least`."""
    try:
        result = operator.index(value)
    except TypeError as problem:
        raise ValueError(f"`{name}` must be an integer, got {shown(value)}") from problem
    if result < least:
        raise ValueError(f"`{name}` must be at least {least}, got {shown(result)}")
    return result


def choice(name, value, options):
    """`value` if it is one of `options`."""
    try:
        known = (isinstance(value, tuple) or np.ndim(value) == 0) and value in tuple(options)
    except (TypeError, ValueError):  # what cannot be compared, or not by one answer
        known = False
    if not known:
        raise ValueError(f"`{name}` must be one of {', '.join(map(str, options))}, got {shown(value)}")
    return value


def same_dim(net, data):
    """Whether network and data have the same number of inputs, else an error."""
    if net.dim != data.dim:
        raise ValueError(f"`net` must have dim {data.dim}, that of `data`, got {net.dim}")


def generator(name: str, value: Seed) -> np.random.Generator:
    """`value`, a seed or a generator or None for a fresh seed, as a `numpy.random.Generator`."""
    try:
        return np.random.default_rng(value)
    except (TypeError, ValueError) as problem:
        raise ValueError(
            f"`{name}` must be a non-negative integer seed, a numpy Generator or None, got {shown(value)}"
        ) from problem
