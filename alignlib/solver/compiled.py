"""What the compiled rooms share: how functions are compiled, and plain loops over short vectors."""

import numpy as np
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from alignlib.solver.cache import Kept, slow

OPTIONS = {"error_model": "numpy", "no_cfunc_wrapper": True, "nogil": True}  # x/0 is inf, as in NumPy
INNER = {**OPTIONS, "no_cpython_wrapper": True}


def entry(function):
    """Compile what Python calls, and keep it in a cache, or say once that none can be written."""
    compiled = njit(**OPTIONS)(function)
    if not config.DISABLE_JIT:
        try:
            compiled._cache = Kept(function)
        except RuntimeError:
            slow("finds no folder for its cache")
    return compiled


# Decorators: `entry` for what Python calls; for what only compiled code calls, which compiles faster
# without a bridge from Python and is kept in the cache of its callers; for a function with many arrays that
# is called for every neuron, and would spend more on handing them over; and for a part of its only caller,
# set apart to be read, which would otherwise be compiled twice.
inner = njit(**INNER)
within = njit(forceinline=True, **INNER)
inlined = njit(error_model="numpy", inline="always")


def rows_of(*fields):
    """A dtype whose rows are read by attribute in plain Python too, under `NUMBA_DISABLE_JIT=1`."""
    return np.dtype((np.record, list(fields)))


def _ownerless(context, builder, kind, value):
    """The array, or the arrays in a tuple, without their owners."""
    if isinstance(kind, types.Array):
        array = make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        members = cgutils.unpack_tuple(builder, value, len(kind))
        return context.make_tuple(
            builder, kind, [_ownerless(context, builder, *member) for member in zip(kind, members)]
        )
    return value


@intrinsic
def _borrowed(_, value):
    def codegen(context, builder, signature, arguments):
        return _ownerless(context, builder, signature.args[0], arguments[0])

    return value(value), codegen


# A tuple of arrays for which Numba counts no references: counting took a quarter of a flight. Whoever
# borrows keeps the arrays alive: they must come from the caller, or be used again afterwards (`keep`).
borrowed = (lambda value: value) if config.DISABLE_JIT else _borrowed


@inner
def keep(_):
    """Does nothing, with arrays that were borrowed and must live until here."""


@inner
def add(c, factor, row):
    """`c += factor * row`, in place."""
    for i in range(len(c)):
        c[i] += factor * row[i]


@inner
def add_rows(c, factors, matrix, rows):
    """`c += Σ_i factors_i matrix_k, k = rows_i`, in place; four at a time, so c is passed over less."""
    whole = len(rows) - len(rows) % 4
    for i in range(0, whole, 4):
        f0, f1, f2, f3 = factors[i], factors[i + 1], factors[i + 2], factors[i + 3]
        r0, r1, r2, r3 = matrix[rows[i]], matrix[rows[i + 1]], matrix[rows[i + 2]], matrix[rows[i + 3]]
        for x in range(len(c)):
            c[x] = c[x] + f0 * r0[x] + f1 * r1[x] + f2 * r2[x] + f3 * r3[x]
    for i in range(whole, len(rows)):
        add(c, factors[i], matrix[rows[i]])


@inner
def copy(source, to):
    """`to = source`, in place (a slice assignment takes Numba a second to compile)."""
    for i in range(len(source)):
        to[i] = source[i]


@inner
def lesser(a, b):
    """The lesser of two numbers. `min` asks for nan, and keeps a loop from vector instructions."""
    return a if a < b else b


@njit(fastmath={"reassoc", "nsz"}, **INNER)
def dot(a, b):
    """`Σ a_i b_i`, added in an order that suits the vector instructions."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@inner
def solve(system, rights):
    """Solve a small positive definite system for each row of `rights`, by elimination, in place.

    Only the upper half of the system is read. Unsigned indices cannot count from the end: so the loop
    becomes vector instructions.
    """
    n = len(system)
    for i in range(n):
        for k in range(i + 1, n):
            factor = system[i, k] / system[i, i]
            for column in range(np.uint64(k), np.uint64(n)):
                system[k, column] -= factor * system[i, column]
            for q in range(len(rights)):
                rights[q, k] -= factor * rights[q, i]
    for q in range(len(rights)):
        for i in range(n - 1, -1, -1):
            for k in range(i + 1, n):
                rights[q, i] -= system[i, k] * rights[q, k]
            rights[q, i] /= system[i, i]
