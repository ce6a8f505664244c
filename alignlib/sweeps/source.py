"""Whether a function is still the one that made the rows of a file."""

import ast
import hashlib
import inspect
import textwrap

import numpy as np


def fingerprint(function):
    """A hash of what the function says, and of the values that it holds.

    Comments, line breaks and its docstring do not count. Of the values that it closes over and of its
    defaults, numbers, strings and arrays do, and functions by what they say. What it calls by the names of
    its module is not followed: a change there goes unseen.
    """
    return hashlib.sha256(_described(function, ()).encode()).hexdigest()[:16]


def _described(value, seen):
    if any(value is known for known in seen):
        return "itself"
    seen = (*seen, value)
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__} {[_described(part, seen) for part in value]}"
    if inspect.isfunction(value):
        held = [_described(part, seen) for part in _held(value)]
        return f"{_text(value)} {held}"
    plain = value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic))
    return repr(value) if plain else type(value).__qualname__


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
