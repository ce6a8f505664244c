"""What the tests of the compiled kernels share: a way to call them, and arithmetic without rounding."""

from decimal import Decimal, getcontext

import numpy as np
from numba import config, njit

getcontext().prec = 60  # digits: what is left after the worst cancellation tried, 1e-30, is beyond doubt
EPS = np.finfo(float).eps
INFINITY = Decimal("Infinity")


def cases(many, few):
    """So many random cases, or few where the kernels run in plain Python, some hundred times slower."""
    return few if config.DISABLE_JIT else many


def called(kernel):
    """A kernel that only compiled code calls, to be called from Python."""

    @njit(error_model="numpy")
    def call(*arguments):
        return kernel(*arguments)

    return call


def exact(*numbers):
    """These doubles as decimals, which are exactly they."""
    return [Decimal(float(number)) for number in numbers]


def exact_dot(a, b):
    """`⟨a, b⟩` without rounding."""
    return sum((Decimal(float(x)) * Decimal(float(y)) for x, y in zip(a, b)), Decimal(0))
