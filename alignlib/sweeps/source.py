"""Whether a function is still the one that made the rows of a file."""

import ast
import copyreg
import hashlib
import inspect
import textwrap
from dataclasses import fields, is_dataclass
from functools import cache, cached_property
from types import CodeType, ModuleType

import numpy as np


def fingerprint(function):
    """A hash of what the function says, and of the values that it holds.

    Comments, line breaks and its docstring do not count where its source can be read and is what runs. The
    values are its defaults, what it closes over, its attributes, and of a method all those of its instance:
    numbers, containers, functions by what they say, and whatever pickle can take apart; the rest by their
    types. What it calls by the names of its module or of its class is not followed: a change there goes
    unseen.
    """
    reader = _Reader()
    call = inspect.getattr_static(type(function), "__call__", None)  # of an instance that is called
    try:
        return reader.digest([function, call] if inspect.isfunction(call) else function)[:16]
    except RecursionError:
        raise ValueError(
            "`function` must hold values that are not nested so deep, to write a `file`"
        ) from None


class _Reader:
    """Digests of values, each of which is looked at once."""

    def __init__(self):
        self.seen = {}  # by id, with the value: so that no other gets its id

    def digest(self, value):
        """The same for values that say the same, whichever process they are in."""
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        if not isinstance(value, np.generic):  # those of NumPy are known by their bytes
            if value is None or isinstance(value, (bool, float, complex, str, bytes)):
                return _hash(kind, repr(value))
            if isinstance(value, int):
                return _hash(kind, hex(value))
        _, known = self.seen.get(id(value), (None, None))
        if known is None:
            self.seen[id(value)] = value, "itself"
            known = _hash(kind, *self.parts(value))
            self.seen[id(value)] = value, known
        return known

    def parts(self, value):
        """What a value consists of, as strings and bytes."""
        if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, np.ma.MaskedArray):
            content = self.digest(value.tolist()) if value.dtype.hasobject else value.tobytes()
            return [str(value.dtype), str(value.shape), content]
        if value is np.random.mtrand._rand:  # NumPy's own, which every process seeds anew
            return []
        if isinstance(value, (list, tuple)):
            return self.all(value)
        if isinstance(value, (set, frozenset)):
            return sorted(self.all(value))
        if isinstance(value, dict):
            return sorted(_hash(self.digest(key), self.digest(part)) for key, part in value.items())
        if isinstance(value, CodeType):
            return self.machine(value)
        if isinstance(value, ModuleType):
            return [value.__name__]
        if inspect.isclass(value):
            return [value.__module__, value.__qualname__]
        if callable(value) and (parts := self.called(value)):
            return parts
        if is_dataclass(value):
            held = {field.name: getattr(value, field.name, None) for field in fields(value)}
            return [self.digest(held)]
        return self.reduced(value)

    def all(self, values):
        return [self.digest(part) for part in values]

    def called(self, value):
        """The parts of what is called, None if it is an instance like others."""
        if inspect.isfunction(value):
            attributes = {name: part for name, part in vars(value).items() if name != "__wrapped__"}
            return [self.text(value), *self.all(_held(value)), self.digest(attributes)]
        if inspect.ismethod(value):
            return [self.digest(value.__func__), self.digest(value.__self__)]
        if inspect.isbuiltin(value):
            return [value.__qualname__, self.digest(value.__self__)]
        inside = inspect.getattr_static(value, "py_func", None)  # of Numba, whose state is of a run
        if isinstance(value, type(cache(len))):
            inside = value.__wrapped__
        return [self.digest(inside)] if inspect.isfunction(inside) else None

    def reduced(self, value):
        """What pickle would make of it; nothing if it cannot."""
        try:
            if hasattr(type(value), "detach"):  # a tensor, whose pickle is another in each process
                return [str(value.dtype), repr(value.tolist())]
            reduce = copyreg.dispatch_table.get(type(value))
            found = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception:  # whatever an object does that is not to be pickled
            return []
        if isinstance(found, str):  # a name
            return [found]
        make, arguments, state, items, pairs = (*found, None, None, None)[:5]
        if isinstance(state, dict):
            state = {name: part for name, part in state.items() if not _cached(value, name)}
        items, pairs = (None if part is None else list(part) for part in (items, pairs))
        name = getattr(make, "__qualname__", make)  # of a class or a function: no more is needed of it
        return self.all([name, arguments, state, items, pairs])

    def text(self, function):
        """What a function says, or its machine code where there is no source, or another one by now."""
        code = function.__code__
        own = self.machine(code)
        try:
            file = "".join(inspect.findsource(code)[0])
            there = list(_codes(compile(file, code.co_filename, "exec", dont_inherit=True)))
            if not any(_place(part) == _place(code) and self.machine(part) == own for part in there):
                return _hash(*own)
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(code))).body
            tree.name = ""
            if ast.get_docstring(tree) is not None:
                del tree.body[0]
            return ast.unparse(tree)
        except (OSError, TypeError, SyntaxError, ValueError, AttributeError):  # typed in, or part of a line
            return _hash(*own)

    def machine(self, code):
        """The parts of a code object."""
        counts = code.co_flags, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
        return [code.co_code, str(counts), str(code.co_names), *self.all(code.co_consts)]


def _hash(*parts):
    """A digest of strings and bytes, and of where each ends."""
    whole = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        whole.update(f"{len(content)} ".encode())
        whole.update(content)
    return whole.hexdigest()


def _held(function):
    """The values that travel with a function: its defaults, and the variables it closes over."""
    yield function.__defaults__
    yield function.__kwdefaults__
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            yield None


def _cached(value, name):
    """Whether an attribute is there because somebody has asked for it."""
    return isinstance(inspect.getattr_static(type(value), str(name), None), cached_property)


def _codes(code):
    """A code object and all in it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _codes(part)


def _place(code):
    return code.co_name, code.co_firstlineno
