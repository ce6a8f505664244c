"""The closed form of one neuron under a constant pull, and the rule for meeting a wall.

With `D` constant, `δ = ‖D‖` and `b = ⟨w, D⟩/δ`, the neuron `(w, v)` is boosted along D:

    v(t) = v cosh δt + b sinh δt,   w(t) = w + D P(t),   P(t) = ∫ v dt = (v + v(t)) tanh(δt/2) / δ.

`v² - b²` is constant, so the height over a wall, `z_i + ⟨D, u_i⟩ P`, reaches 0 at a time that one
`atanh` or `log` gives. Derived in chapter 1; everything here is compiled by Numba.
"""

import numpy as np
from numba import njit

NEAR = 1e-13  # relative size below which a coefficient is at its bound, a velocity is zero
RIDGE = 1e-15  # makes the sliding coefficients unique where tight walls are linearly dependent


@njit(cache=True)
def moved(v, plus, minus, delta, t):
    """`v(t)` and `P(t)`, from `plus = v + b` and `minus = v - b`."""
    if delta == 0.0:
        return v, v * t
    growth = np.exp(delta * t)
    later = 0.5 * (plus * growth + minus / growth)
    return later, (v + later) * np.tanh(0.5 * delta * t) / delta


@njit(cache=True)
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


@njit(cache=True)
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
    if transverse < 0.0 and b < 0.0 and b_then > -np.sqrt(-transverse):
        return np.inf
    v_then = np.sqrt(max(transverse + b_then * b_then, 0.0))
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


@njit(cache=True)
def time_of_turn(v, plus, minus, delta):
    """The time at which v changes sign; inf if it never does (always so for `|b| ≤ |v|`)."""
    if delta == 0.0 or v == 0.0 or plus * minus >= 0.0 or (plus > 0.0) == (v > 0.0):
        return np.inf
    return 0.5 * np.log(-minus / plus) / delta


@njit(cache=True)
def box_least_norm(gram, q, low, high, a):
    """The point of least norm in `{D_0 + Σ a_i u_i : low ≤ a ≤ high}`; `a` is the start, changed.

    `q_i = ⟨D_0, u_i⟩`. A primal active-set method: solve on the free coefficients, walk there until
    one meets its bound, fix it; at the optimum of the free ones, free the bound that is worst.
    """
    n = len(q)
    free = np.ones(n, np.bool_)
    scale = np.abs(q).max() + np.abs(low).max() + np.abs(high).max()
    for _ in range(50 + 20 * n):
        index = np.flatnonzero(free)
        walk, hit = 1.0, -1
        if len(index):
            system = np.empty((len(index), len(index)))
            right = np.empty(len(index))
            for row, i in enumerate(index):
                right[row] = -q[i]
                for k in range(n):
                    if not free[k]:
                        right[row] -= gram[i, k] * a[k]
                for column, k in enumerate(index):
                    system[row, column] = gram[i, k]
                system[row, row] += RIDGE * n
            target = np.linalg.solve(system, right)
            for row, i in enumerate(index):
                bound = high[i] if target[row] > a[i] else low[i]
                if (target[row] - bound) * (target[row] - a[i]) > 0.0:
                    part = (bound - a[i]) / (target[row] - a[i])
                    if part < walk:
                        walk, hit = part, i
            for row, i in enumerate(index):
                a[i] += walk * (target[row] - a[i])
        if hit >= 0:
            a[hit] = high[hit] if abs(a[hit] - high[hit]) < abs(a[hit] - low[hit]) else low[hit]
            free[hit] = False
            continue
        worst, at = NEAR * scale, -1
        for i in range(n):
            if not free[i]:
                slope = q[i]
                for k in range(n):
                    slope += gram[i, k] * a[k]
                wish = slope if a[i] == high[i] else -slope
                if low[i] < high[i] and wish > worst:
                    worst, at = wish, i
        if at < 0:
            return
        free[at] = True


@njit(cache=True)
def meet(gram, q, below, above, sign, side):
    """Where a neuron goes that touches these walls: new sides, 0 where it slides, and coefficients.

    `q_i = ⟨D_0, u_i⟩` for the D without these walls, `sign` that of v, `side` where it comes from (0:
    it starts on the wall). A wall with `v (above - below) < 0` attracts: all of those together take
    the coefficients of least `‖D‖` (Filippov). The others repel: the neuron goes on to the side to
    which it is moving; from rest on the wall, to which `σ'(0) = 0` sends it.
    """
    n = len(q)
    low, high = np.minimum(below, above), np.maximum(below, above)
    attract = sign * (above - below) < 0.0
    result, a = side.copy(), np.zeros(n)
    for i in range(n):
        if attract[i]:
            a[i] = above[i] if side[i] > 0 else (below[i] if side[i] < 0 else 0.5 * (low[i] + high[i]))
        elif side[i] != 0:
            a[i] = above[i] if side[i] > 0 else below[i]
    tight = np.flatnonzero(attract)
    scale = np.abs(q).max() + np.abs(low).max() + np.abs(high).max()
    for _ in range(10 + 4 * n):
        velocity = q + gram @ a
        if len(tight):
            rest = velocity[tight] - gram[tight][:, tight] @ a[tight]
            inside = a[tight]
            box_least_norm(gram[tight][:, tight], rest, low[tight], high[tight], inside)
            a[tight] = inside
            velocity = q + gram @ a
        turned = False
        for i in range(n):
            if not attract[i] and not turned:
                away = sign * velocity[i]
                if result[i] == 0 or away * result[i] < -NEAR * scale:
                    result[i] = 1 if away > NEAR * scale else -1
                    a[i] = above[i] if result[i] > 0 else below[i]
                    turned = True
        if not turned:
            break
    for i in tight:
        room = NEAR * scale
        if abs(a[i] - above[i]) <= room:
            result[i], a[i] = 1, above[i]
        elif abs(a[i] - below[i]) <= room:
            result[i], a[i] = -1, below[i]
        else:
            result[i] = 0
    return result, a
