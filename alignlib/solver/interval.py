"""One neuron under a D that changes with time, over an interval without events. Compiled.

Over a step of length H the pulls are a polynomial in `s = (time - start)/H`, so what a neuron on fixed
sides feels is one too, `D(s) = Σ_q D_q s^q` with q = 0, 1, 2. Over an interval it is moved by two boosts
with averaged D, the commutator-free Magnus formula of order four (Blanes and Moan, 2006). Then w moves
in the span of the three D_q, so with `⟨w, D_q⟩` and `⟨D_p, D_q⟩` at hand no boost needs a vector.
"""

from collections import namedtuple

import numpy as np

from alignlib.solver.boost import light_cone, moved
from alignlib.solver.compiled import dot, inner
from alignlib.solver.tolerances import CANCELS, HALVED, INVARIANT, STEADY

TERMS = 3  # coefficients of the polynomial of the pulls
EARLY, LATE = 0.5 - np.sqrt(3.0) / 6.0, 0.5 + np.sqrt(3.0) / 6.0  # Gauss points of an interval
NEAR, FAR = 0.5 + np.sqrt(3.0) / 3.0, 0.5 - np.sqrt(3.0) / 3.0  # their weights in the two boosts

# A neuron at one point of the step; `sign` is that of v from there on.
Neuron = namedtuple("Neuron", "w v sign z side")
# What it feels over the step, of length H: D_q (3, d), ⟨D_q, u_i⟩ (3, m) and ⟨D_p, D_q⟩ (3, 3).
Felt = namedtuple("Felt", "d c square length")
# `pulled` (3,) is ⟨w, D_q⟩, and w moves by `Σ_q path_q D_q`; `low` and `near` (m,) are for `search`.
Work = namedtuple("Work", "pulled path low near")


@inner
def new_work(m):
    """Room for one neuron at a time, and m walls."""
    return Work(np.empty(TERMS), np.empty(TERMS), np.empty(m), np.empty(m, np.int64))


@inner
def term(c, i, x):
    """`⟨D, u_i⟩` at x."""
    return c[0, i] + x * (c[1, i] + x * c[2, i])


@inner
def along(d, i, p0, p1, p2):
    """Entry i of `Σ_q p_q d_q`."""
    return p0 * d[0, i] + p1 * d[1, i] + p2 * d[2, i]


@inner
def walk(w, d, path):
    """`w += Σ_q path_q d_q`, in place."""
    p0, p1, p2 = path[0], path[1], path[2]
    for i in range(len(w)):
        w[i] += along(d, i, p0, p1, p2)


@inner
def products(d, square):
    """Put the products of the D_q into `square` (3, 3)."""
    for p in range(TERMS):
        for q in range(p + 1):
            square[p, q] = square[q, p] = dot(d[p], d[q])


@inner
def face(w, felt, work):
    """The products of w with the D_q."""
    for q in range(TERMS):
        work.pulled[q] = dot(w, felt.d[q])


@inner
def two_boosts(x, end, w, v, felt, work):
    """Boost over [x, end]: v there; the way of w is left in `work.path`."""
    square, path, span = felt.square, work.path, end - x
    for q in range(TERMS):
        path[q] = 0.0
    first, second, time = x + EARLY * span, x + LATE * span, 0.5 * felt.length * span
    for half in range(2):
        p0, p1 = (NEAR, FAR) if half == 0 else (FAR, NEAR)
        f1, f2 = p0 * first + p1 * second, p0 * first * first + p1 * second * second
        size2 = pulled = 0.0
        for q in range(TERMS):
            f = 1.0 if q == 0 else (f1 if q == 1 else f2)
            along = square[q, 0] + f1 * square[q, 1] + f2 * square[q, 2]
            size2 += f * along
            pulled += f * work.pulled[q] + path[q] * along
        delta = np.sqrt(max(size2, 0.0))
        plus, minus = light_cone(v, pulled, delta, np.nan)
        if min(abs(plus), abs(minus)) < CANCELS * abs(v):
            plus, minus, delta = _careful(w, v, felt.d, path, f1, f2)
        v, gain = moved(v, plus, minus, delta, time)
        path[0] += gain
        path[1] += gain * f1
        path[2] += gain * f2
    return v


@inner
def _careful(w, v, d, path, f1, f2):
    """`v + b`, `v - b` and `‖D‖` by vectors: where one of the first two is small, and must be exact."""
    size2 = pulled = norm2 = across = 0.0
    for i in range(len(w)):
        pull, here = along(d, i, 1.0, f1, f2), w[i] + along(d, i, path[0], path[1], path[2])
        size2 += pull * pull
        pulled += pull * here
        norm2 += here * here
    if size2 == 0.0:
        return v, v, 0.0
    for i in range(len(w)):
        pull, here = along(d, i, 1.0, f1, f2), w[i] + along(d, i, path[0], path[1], path[2])
        across += (here - pulled / size2 * pull) ** 2
    invariant, delta = norm2 - v * v, np.sqrt(size2)
    if abs(invariant) < INVARIANT * norm2:
        invariant = 0.0
    plus, minus = light_cone(v, pulled, delta, across - invariant)
    return plus, minus, delta


@inner
def fastest(x, end, square):
    """A bound of `‖D‖` on [x, end]: the largest of the three vectors whose mixtures D is there."""
    most, half = 0.0, 0.5 * (end - x)
    for corner in range(3):
        f1 = x + corner * half
        f2 = x * x if corner == 0 else (x * end if corner == 1 else end * end)
        size2 = square[0, 0] + 2.0 * (f1 * square[1, 0] + f2 * square[2, 0])
        size2 += f1 * f1 * square[1, 1] + f2 * f2 * square[2, 2] + 2.0 * f1 * f2 * square[2, 1]
        most = max(most, size2)
    return np.sqrt(most)


@inner
def _error(x, end, speed, felt):
    """About the largest relative error of `two_boosts` over [x, end]; 0 where D keeps its direction.

    The commutators of order five in the length, of D, of its change and of its bend across D. The factors
    bound 99 of 100 errors of random boosts within a factor of three (tests/solver/test_search.py).
    """
    square, length, span, f1 = felt.square, felt.length, end - x, 0.5 * (x + end)
    along0 = square[0, 0] + f1 * (square[1, 0] + f1 * square[2, 0])
    along1 = square[1, 0] + f1 * (square[1, 1] + f1 * square[2, 1])
    along2 = square[2, 0] + f1 * (square[2, 1] + f1 * square[2, 2])
    size2 = along0 + f1 * (along1 + f1 * along2)
    if size2 <= 0.0:
        return 0.0
    slope = 2.0 * f1
    change2 = square[1, 1] + slope * (2.0 * square[2, 1] + slope * square[2, 2])
    change = np.sqrt(max(change2 - (along1 + slope * along2) ** 2 / size2, 0.0))
    bend = np.sqrt(max(square[2, 2] - along2**2 / size2, 0.0))
    rapidity = speed * length * span
    change, bend = length * span * span * change, 0.5 * length * span**3 * bend
    return (
        rapidity * (rapidity * (1e-3 * rapidity * change + 2e-3 * bend) + 2e-3 * change**2)
        + 1e-2 * change * bend
    )


@inner
def _steady(span, speed, rtol, felt):
    """Whether D changes so little that `_error` is surely below `rtol`, without its roots."""
    time, change2 = felt.length * span, felt.square[1, 1] + 4.0 * felt.square[2, 2]
    return speed * time < 1.0 and time * time * change2 < STEADY * rtol * rtol


@inner
def reliable(x, goal, rtol, felt):
    """An `end` up to which two boosts from x err by `rtol` at most, and a bound of `‖D‖` until `goal`."""
    end, speed = goal, fastest(x, goal, felt.square)
    if not _steady(end - x, speed, rtol, felt):
        while end - x > HALVED and _error(x, end, speed, felt) > rtol:
            end = 0.5 * (x + end)
    return end, speed


@inner
def roots(e0, e1, e2):
    """The real roots of `e0 + e1 s + e2 s²`, the smaller one first; nan where there is none."""
    square = e1 * e1 - 4.0 * e2 * e0
    if square <= 0.0:
        return np.nan, np.nan
    half = -0.5 * (e1 + np.copysign(np.sqrt(square), e1))
    one = e0 / half if half != 0.0 else np.nan
    other = half / e2 if e2 != 0.0 else np.nan
    return (other, one) if other < one else (one, other)
