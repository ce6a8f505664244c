"""Whether a function is still the one that made the rows of a file."""

import ast
import hashlib
import inspect
import textwrap
from dataclasses import fields, is_dataclass
from functools import cached_property

import numpy as np


def fingerprint(function):
    """A hash of what the function says, and of the values that it holds.

    Comments, line breaks and its docstring do not count. Of the values that it closes over and of its
    defaults, numbers, strings and arrays do, dataclasses by their fields, and functions by what they say,
    also those that `functools.cache` or Numba has wrapped. A method counts with the values of its instance.
    What it calls by the names of its module is not followed: a change there goes unseen.
    """
    return hashlib.sha256(_described(function, ()).encode()).hexdigest()[:16]


def _described(value, seen):
    if any(value is known for known in seen):
        return "itself"
    seen = (*seen, value)
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:  # whose bytes are addresses
            return f"array {_described(value.tolist(), seen)}"
        return f"array {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__} {[_described(part, seen) for part in value]}"
    if isinstance(value, dict):
        return f"{type(value).__name__} {_described([*value.items()], seen)}"
    if inspect.isfunction(value):
        held = [_described(part, seen) for part in _held(value)]
        return f"{_text(value)} {held}"
    if inspect.ismethod(value):
        return f"{_described(value.__func__, seen)} of {_owner(value.__self__, seen)}"
    if inspect.isclass(value) or inspect.isbuiltin(value):
        return f"{value.__module__}.{value.__qualname__}"
    if callable(inside := getattr(value, "__wrapped__", None)):
        return _described(inside, seen)
    if is_dataclass(value):
        return _with({field.name: getattr(value, field.name) for field in fields(value)}, value, seen)
    plain = value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic))
    return repr(value) if plain else type(value).__qualname__


def _owner(value, seen):
    """What a method is bound to: a class, or an instance with all its values."""
    if inspect.isclass(value):
        return _described(value, seen)
    kept = {
        name: part
        for name, part in getattr(value, "__dict__", {}).items()
        if not isinstance(getattr(type(value), name, None), cached_property)  # there, or not yet
    }
    return f"{_described(value, seen)} {_with(kept, value, seen)}"


def _with(values, whole, seen):
    inside = {name: _described(part, (*seen, whole)) for name, part in sorted(values.items())}
    return f"{type(whole).__qualname__} {inside}"


def _held(function):
    """The values that travel with a function: its defaults, and the variables it closes over."""
    yield from function.__defaults__ or ()
    yield from (value for _, value in sorted((function.__kwdefaults__ or {}).items()))
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            yield None


def _text(function):
    """The syntax tree of a function, or its machine code where there is no source."""
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
        tree.name = ""
        if ast.get_docstring(tree) is not None:
            del tree.body[0]
        return ast.dump(tree)
    except (OSError, TypeError, SyntaxError, ValueError, AttributeError):  # typed in, or a part of a line
        return _machine(function.__code__)


def _machine(code):
    inner = [_machine(part) if inspect.iscode(part) else repr(part) for part in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {inner}"
