"""The closed form of one neuron under a constant D, that is between two walls.

With `D` constant, `δ = ‖D‖` and `b = ⟨w, D⟩/δ`, the neuron `(w, v)` is boosted along D:

    v(t) = v cosh δt + b sinh δt,   w(t) = w + D P(t),   P(t) = ∫ v dt = (v + v(t)) tanh(δt/2) / δ.

`v² - b²` is constant, so the height over a wall, `z_i + ⟨D, u_i⟩ P`, reaches 0 at a time that one
`artanh` or `log` gives. Derived in chapter 1. Compiled.
"""

import numpy as np

from alignlib.solver.compiled import inner
from alignlib.solver.tolerances import ORIGIN


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
    if transverse == 0.0 and b < 0.0 and b_then > ORIGIN * b:
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
