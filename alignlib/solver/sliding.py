"""What a neuron does at the walls it touches: the event rule, sliding under a D that changes, and its end.

The pulls of the walls are polynomials in `s = (time - start)/H` (module `interval`): `below` and `above`
(3, m), and so are `d` (3, d) and `c` (3, m), coefficients of `D` and of `⟨D, u_i⟩`, which leave out the
walls that the neuron slides on, side 0.
"""

from collections import namedtuple

import numpy as np

from alignlib.solver.compiled import add, add_rows, copy, inner, solve
from alignlib.solver.events import write
from alignlib.solver.filippov import meet
from alignlib.solver.interval import TERMS, roots, term
from alignlib.solver.tolerances import HELD, NEAR, RIDGE

# Rows of dtype `events.LOG`, and in `count[0]` how many there are.
Log = namedtuple("Log", "rows count")
# What is the same for all neurons of a step: pulls and geometry of the walls, length and start in time,
# the rapidity that a step may err by, and the slope on the negative side of σ.
Scene = namedtuple("Scene", "below above u gram length start rtol negative_slope")


@inner
def note(log, time, neuron, wall, came, went):
    """One more row."""
    log.count[0] = write(log.rows, log.count[0], time, neuron, wall, came, went)


@inner
def held(side):
    """On how many walls the neuron is."""
    n = 0
    for i in range(len(side)):
        n += side[i] == 0
    return n


@inner
def tight_walls(side, extra):
    """The walls on which the neuron is, and the wall `extra` if it is not negative."""
    tight = np.empty(held(side) + (extra >= 0), np.int64)
    n = 0
    for i in range(len(side)):
        if side[i] == 0:
            tight[n] = i
            n += 1
    if extra >= 0:
        tight[n] = extra
    return tight


@inner
def crosses(k, x, sign, came, c, scene):
    """Whether a neuron that meets only wall k goes through: its velocity is the same way on both sides."""
    above, below = term(scene.above, k, x), term(scene.below, k, x)
    here = term(c, k, x)
    there = here + (below - above if came > 0 else above - below)
    small = NEAR * (abs(here) + abs(above) + abs(below))
    return sign * came * here < -small and sign * came * there < -small


@inner
def resolve(touched, x, sign, neuron, side, d, c, scene, log):
    """Apply the rule `filippov.meet` at x; `d` and `c` then hold all walls but those it slides on."""
    n = len(touched)
    part, q, low, high = np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n)
    came = np.empty(n, np.int8)
    for i in range(n):
        k = touched[i]
        came[i], q[i] = side[k], term(c, k, x)
        low[i], high[i] = term(scene.below, k, x), term(scene.above, k, x)
    for i in range(n):
        for other in range(n):
            part[i, other] = scene.gram[touched[i], touched[other]]
            if came[other] != 0:
                q[i] -= part[i, other] * (high[other] if came[other] > 0 else low[other])
    went, _ = meet(part, q, low, high, sign, came)
    for i in range(n):
        if went[i] != came[i]:
            change(touched[i], went[i], x, neuron, side, d, c, scene, log)


@inner
def change(k, went, x, neuron, side, d, c, scene, log):
    """Put the neuron on the side `went` of wall k: sides, D and the log."""
    came = side[k]
    for q in range(TERMS):
        step = 0.0
        if came != 0:
            step -= scene.above[q, k] if came > 0 else scene.below[q, k]
        if went != 0:
            step += scene.above[q, k] if went > 0 else scene.below[q, k]
        if step != 0.0:
            add(d[q], step, scene.u[k])
            add(c[q], step, scene.gram[k])
    side[k] = went
    if not feels(side, scene):  # dead: no rounding noise may move it
        for q in range(TERMS):
            add(d[q], -1.0, d[q])
            add(c[q], -1.0, c[q])
    note(log, scene.start + scene.length * x, neuron, k, came, went)


@inner
def feels(side, scene):
    """Whether any wall acts on a neuron on these sides."""
    for i in range(len(side)):
        if side[i] == 0:
            return True
        pulls = scene.above if side[i] > 0 else scene.below
        for q in range(TERMS):
            if pulls[q, i] != 0.0:
                return True
    return False


@inner
def slide(tight, x, sign, d, c, scene, eff_d, eff_c):
    """Put into `eff_d`, `eff_c` the part of D orthogonal to the tight walls; where from x on it ends.

    It ends at the first s ≥ x at which the coefficient of a tight wall leaves its bounds; 2 if none does by
    more than the noise of the pulls. Between `above` and `below` it is held if v times their difference is
    negative.
    """
    n = len(tight)
    a = sliding_part(tight, c, scene.gram)
    for q in range(TERMS):
        copy(d[q], eff_d[q])
        copy(c[q], eff_c[q])
        add_rows(eff_d[q], a[q], scene.u, tight)
        add_rows(eff_c[q], a[q], scene.gram, tight)
        for i in range(n):
            eff_c[q, tight[i]] = 0.0
    first, noise = 2.0, HELD * scene.rtol / (scene.start + scene.length)
    for i in range(n):
        for upper in range(2):
            bound, way = (scene.above, sign) if upper else (scene.below, -sign)
            e0, e1, e2 = a[0, i], a[1, i], a[2, i]
            k = tight[i]
            root = first_exit(
                way * (e0 - bound[0, k]), way * (e1 - bound[1, k]), way * (e2 - bound[2, k]), x, noise
            )
            first = min(first, root)
    return first


@inner
def sliding_part(tight, c, gram):
    """The coefficients (3, n) of the tight walls that make D orthogonal to them."""
    n = len(tight)
    system, a = np.empty((n, n)), np.empty((TERMS, n))
    for i in range(n):
        for q in range(TERMS):
            a[q, i] = -c[q, tight[i]]
        for k in range(n):
            system[i, k] = gram[tight[i], tight[k]]
        system[i, i] += RIDGE * n
    solve(system, a)
    return a


@inner
def first_exit(e0, e1, e2, x, noise):
    """The first point of [x, 1] from which on `e0 + e1 s + e2 s²` is negative; 2 if none by `noise`."""
    least = min(e0 + x * (e1 + x * e2), e0 + e1 + e2)
    turn = -0.5 * e1 / e2 if e2 > 0.0 else 2.0
    if x < turn < 1.0:
        least = min(least, e0 + turn * (e1 + turn * e2))
    if least >= -noise:
        return 2.0
    if e0 + x * (e1 + x * e2) <= 0.0:
        return x
    one, other = roots(e0, e1, e2)
    return one if one > x else (other if other > x else x)
