"""The closed form of one neuron under a constant pull, and the rule for meeting a wall.

With `D` constant, `δ = ‖D‖` and `b = ⟨w, D⟩/δ`, the neuron `(w, v)` is boosted along D:

    v(t) = v cosh δt + b sinh δt,   w(t) = w + D P(t),   P(t) = ∫ v dt = (v + v(t)) tanh(δt/2) / δ.

`v² - b²` is constant, so the height over a wall, `z_i + ⟨D, u_i⟩ P`, reaches 0 at a time that one
`artanh` or `log` gives. Derived in chapter 1. Compiled.
"""

import numpy as np

from alignlib.compiled import inner, solve

NEAR = 1e-13  # relative size below which a coefficient is at its bound, a velocity is zero
# ‖w_⊥‖² below this share of the largest ‖w‖² is rounding, more so where D is a small difference of
# large pulls: such a neuron counts as exactly along D, or as opposed to it for ever.
OPPOSED = 1e-27
CENTRE = 1e-12  # heights that fall to this share of theirs all at once are all zero
RIDGE = 1e-15  # makes the sliding coefficients unique where tight walls are linearly dependent


@inner
def moved(v, plus, minus, delta, t):
    """`v(t)` and `P(t)`, from `plus = v + b` and `minus = v - b`."""
    if delta == 0.0:
        return v, v * t
    more = np.expm1(delta * t)  # tanh δt/2 = (e^δt - 1)/(e^δt + 1)
    growth = 1.0 + more
    later = 0.5 * (plus * growth + minus / growth)
    share = more / (2.0 + more) if more < 1e16 else 1.0
    return later, (v + later) * share / delta


@inner
def light_cone(v, pulled, delta, transverse):
    """`v + b` and `v - b`, for `pulled = ⟨w, D⟩`, without cancellation.

    `transverse = v² - b² = ‖w_⊥‖² - (‖w‖² - v²)` replaces the difference where it is known;
    pass nan where it is not.
    """
    if delta == 0.0:
        return v, v
    b = pulled / delta
    plus, minus = v + b, v - b
    if not np.isnan(transverse):
        if v * b < 0.0:
            plus = transverse / minus
        elif v * b > 0.0:
            minus = transverse / plus
    return plus, minus


@inner
def time_of_path(path, v, plus, minus, delta):
    """The time at which `|P|` first reaches `path`, before v changes sign; inf if it never does."""
    if path <= 0.0:
        return 0.0
    speed, b = abs(v), 0.5 * (plus - minus)
    if v < 0.0 or (v == 0.0 and b < 0.0):
        plus, minus, b = -plus, -minus, -b
    if delta == 0.0:
        return path / speed if speed > 0.0 else np.inf
    transverse = plus * minus
    b_then = b + delta * path
    if transverse == 0.0 and b < 0.0 and b_then > 1e-8 * b:
        return np.inf  # straight to the origin, where all walls meet and it never comes
    if transverse < 0.0 and b < 0.0 and b_then > -np.sqrt(-transverse):
        return np.inf
    # v² - b² is kept. Of the two ways to say so each is exact where the other may cancel.
    square = v * v + delta * path * (b + b_then) if b >= 0.0 else transverse + b_then * b_then
    v_then = np.sqrt(max(square, 0.0))
    if v_then + speed == 0.0:
        return np.inf
    half = delta * path / (speed + v_then)
    if half < 0.5:
        return 2.0 * np.arctanh(half) / delta
    if b_then >= 0.0:
        return np.log((v_then + b_then) / plus) / delta if plus > 0.0 else np.inf
    if v_then - b_then <= 0.0:
        return np.inf
    return np.log(minus / (v_then - b_then)) / delta


@inner
def time_of_turn(v, plus, minus, delta):
    """The time at which v changes sign; inf if it never does (always so for `|b| ≤ |v|`)."""
    if delta == 0.0 or v == 0.0 or plus * minus >= 0.0 or (plus > 0.0) == (v > 0.0):
        return np.inf
    return 0.5 * np.log(-minus / plus) / delta


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
    solve(system, right)
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
