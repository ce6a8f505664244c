"""The rule at the walls: where a neuron goes that touches them, in the sense of Filippov.

The pull of a wall is `above` on its + side, `below` on the other, anything between for a neuron that
slides on it. Compiled.
"""

import numpy as np

from alignlib.solver.compiled import inner, solve
from alignlib.solver.tolerances import NEAR, RIDGE


@inner
def slope(gram, q, a, i):
    """`⟨D, u_i⟩ = q_i + Σ_k gram_ik a_k`."""
    total = q[i]
    for k in range(len(a)):
        total += gram[i, k] * a[k]
    return total


@inner
def free_optimum(gram, q, a, free):
    """The `a` that makes `q + gram a` vanish where `free`, fixed elsewhere (there the row says `a = a`)."""
    n = len(q)
    system, right = np.empty((n, n)), a.copy()
    for i in range(n):
        if free[i]:
            right[i] = -q[i]
        for k in range(n):
            system[i, k] = gram[i, k] if free[i] and free[k] else 0.0
            if free[i] and not free[k]:
                right[i] -= gram[i, k] * a[k]
        system[i, i] = gram[i, i] + RIDGE * n if free[i] else 1.0
    solve(system, right.reshape(1, n))
    return right


@inner
def least_norm(gram, q, low, high, a, attract, small):
    """The point of least norm in `{D_0 + Σ a_i u_i : low ≤ a ≤ high}` over the walls that attract.

    `q_i = ⟨D_0, u_i⟩`; `a` is the start, and changed; the walls that do not attract keep theirs. A
    primal active-set method: solve for the free coefficients, walk there until one meets its bound
    and fix it; at the optimum of the free ones, free the bound that is worst, until none is.
    """
    n = len(q)
    free = attract.copy()
    for _ in range(50 + 20 * n):
        target = free_optimum(gram, q, a, free)
        walk, hit = 1.0, -1
        for i in range(n):
            if free[i] and not low[i] <= target[i] <= high[i]:
                bound = high[i] if target[i] > high[i] else low[i]
                part = (bound - a[i]) / (target[i] - a[i])
                if part <= walk:
                    walk, hit = part, i
        for i in range(n):
            a[i] += walk * (target[i] - a[i])
        if hit >= 0:
            a[hit] = high[hit] if target[hit] > high[hit] else low[hit]
            free[hit] = False
            continue
        worst, at = small, -1
        for i in range(n):
            if attract[i] and not free[i]:
                rise = slope(gram, q, a, i)
                wish = rise if a[i] == high[i] else -rise
                if wish > worst:
                    worst, at = wish, i
        if at < 0:
            break
        free[at] = True


@inner
def meet(gram, q, below, above, sign, side):
    """Where a neuron goes that touches these walls: new sides, 0 where it slides, and coefficients.

    `q_i = ⟨D_0, u_i⟩` for the D without these walls, `sign` that of v, `side` where it comes from (0:
    it starts on the wall). A wall with `v (above - below) < 0` attracts: all of those together take
    the coefficients of least `‖D‖` (Filippov). The others repel: the neuron goes on to the side to
    which it is moving; from rest on the wall, to which `σ'(0) = 0` sends it.
    """
    n = len(q)
    low, high, a = np.empty(n), np.empty(n), np.empty(n)
    attract, result = np.empty(n, np.bool_), side.copy()
    scale = 0.0
    for i in range(n):
        low[i], high[i] = min(below[i], above[i]), max(below[i], above[i])
        attract[i] = sign * (above[i] - below[i]) < 0.0
        if side[i] != 0:
            a[i] = above[i] if side[i] > 0 else below[i]
        else:
            a[i] = 0.5 * (low[i] + high[i]) if attract[i] else 0.0
        scale = max(scale, abs(q[i]) + high[i] - low[i])
    small = NEAR * scale
    for _ in range(10 + 4 * n):
        least_norm(gram, q, low, high, a, attract, small)
        turn = -1
        for i in range(n):
            away = sign * slope(gram, q, a, i)
            if turn < 0 and not attract[i] and (result[i] == 0 or away * result[i] < -small):
                turn, result[i] = i, (1 if away > small else -1)
                a[i] = above[i] if result[i] > 0 else below[i]
        if turn < 0:
            break
    for i in range(n):
        if attract[i]:
            up, down = abs(a[i] - above[i]), abs(a[i] - below[i])
            result[i] = 0
            if min(up, down) <= small:  # both, where the wall pulls by no more than others' rounding
                result[i], a[i] = (1, above[i]) if up <= down else (-1, below[i])
    return result, a
