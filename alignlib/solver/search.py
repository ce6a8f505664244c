"""The first event of a neuron in an interval: it meets a wall, or its v changes sign. Compiled.

Events are found, not guessed. While v keeps its sign, a height `z_i` turns only where the quadratic
`⟨D(s), u_i⟩` changes sign. So between the last state and the next node it has at most three monotone
pieces with known ends: a wall is met in the first piece at whose end the neuron is beyond it, and there
Newton's method finds the time between two points on either side of the wall. All walls are looked at
again up to that time, until none is met before it.

- A neuron is never said to be at a wall that it does not reach, and the walls are met in their order.
- What may be missed: a dip beyond a wall that is less deep than NOISE, or than the error of the formula
  in the interval (the height is then within that error of the wall); two changes of the sign of v within
  a rapidity of CLOSE, or between which |v| stays below NOISE times ‖w‖.
"""

import numpy as np

from alignlib.solver.boost import light_cone, time_of_path
from alignlib.solver.compiled import dot, inner, lesser, within
from alignlib.solver.events import TURN
from alignlib.solver.interval import TERMS, along, face, roots, term, two_boosts, walk
from alignlib.solver.tolerances import CLOSE, LIGHT, NOISE, ROOT

# No event. Others are the meeting of a wall, 0 to m - 1, and TURN, that v changes sign.
NOTHING = np.int64(-2)
BLOCK = 32  # walls that are passed over together


@within
def until_event(x, end, speed, ahead, neuron, felt, work):
    """Move from x to the first event, or to `end` or a point before it: v there, x there, the event.

    `end` and `speed` are those of `reliable`. `w` and `z` are moved in place. The interval is halved while
    v might change its sign twice in it. On a wall at x, what the neuron does at `x + ahead` counts.
    """
    w, v, sign, length, target = neuron.w, neuron.v, neuron.sign, felt.length, NOTHING
    face(w, felt, work)
    size = np.sqrt(dot(w, w))
    later = two_boosts(x, end, w, v, felt, work)
    while sign * later > 0.0 and _may_turn(x, end, speed, v, later, size, felt, work):
        end = 0.5 * (x + end)
        later = two_boosts(x, end, w, v, felt, work)
    if sign * later < 0.0:
        target = TURN
        low = _before_turn(x, end, neuron, felt, work)
        later, end = _root(x, low, end, end, TURN, sign, neuron, felt, work)
    near = -1
    while True:
        rapidity = speed * length * (end - x)
        growth = 1.0 + rapidity * (1.0 + 0.72 * rapidity) if rapidity < 1.0 else np.exp(rapidity)
        reach = length * (end - x) * max(abs(v), size) * growth  # |v| is at most e^rapidity times that
        limit = NOISE * (size + abs(work.path[0]) * speed)
        if near < 0:  # an earlier end brings no wall nearer
            near = _near(x, end, reach, neuron, felt, work)
        wall, low, high = _first_crossing(x, end, ahead, reach, limit, near, neuron, felt, work)
        if wall < 0:
            break
        target, guess, before = wall, _guess(x, high, wall, neuron, felt, work), end
        later, end = _root(x, low, high, guess, wall, float(neuron.side[wall]), neuron, felt, work)
        if not end < before - ROOT:  # where |v| is far above ‖w‖ the height at a root may exceed its noise
            break
    walk(w, felt.d, work.path)
    walk(neuron.z, felt.c, work.path)
    return later, end, target


@inner
def _may_turn(x, end, speed, v, later, size, felt, work):
    """Whether v may have changed its sign and back over [x, end], by more than NOISE."""
    rapidity = speed * felt.length * (end - x)
    if rapidity < CLOSE or abs(v) >= (1.0 - LIGHT) * size:
        return False
    size_later = np.sqrt(max(size * size - v * v + later * later, 0.0))
    if rapidity <= np.arctanh(abs(v) / size) + np.arctanh(min(abs(later) / size_later, 1.0)):
        return False
    return not _deepest(x, end, rapidity, v, felt, work) <= NOISE * size


@inner
def _deepest(x, end, rapidity, v, felt, work):
    """A bound of |v| between two changes of its sign in [x, end].

    There `v'' = H²‖D‖² v + H⟨w, D'⟩`, and the first term only bends v back to 0: so |v| is at most
    `(end - x)² max H|⟨w, D'⟩| / 8`. It is 0 under a constant D, however near to 0 v is.
    """
    pulled, square, length, span = work.pulled, felt.square, felt.length, end - x
    most = turning = change2 = 0.0
    for corner in range(3):
        f1 = x + 0.5 * corner * span
        f2 = x * x if corner == 0 else (x * end if corner == 1 else end * end)
        most = max(most, abs(pulled[0] + f1 * pulled[1] + f2 * pulled[2]))
        turning = max(turning, abs(pulled[1] + 2.0 * f1 * pulled[2]))
        change2 = max(change2, square[1, 1] + 4.0 * f1 * (square[2, 1] + f1 * square[2, 2]))
    way = rapidity * (abs(v) + length * span * most) * np.cosh(rapidity)  # how far w may have gone
    return 0.125 * length * span * span * (turning + way * np.sqrt(change2))


@inner
def _before_turn(x, end, neuron, felt, work):
    """A point of [x, end] where v still has its sign; x itself but for a neuron that starts with v = 0."""
    if neuron.v != 0.0:
        return x
    low = end
    while low - x > ROOT and neuron.sign * two_boosts(x, low, neuron.w, 0.0, felt, work) < 0.0:
        low = 0.5 * (x + low)
    return low if low - x > ROOT else x


@inner
def _lowest(i, x, span, reach, neuron, c):
    """A bound from below of the height on its side of wall i: as if its fastest fall went on and on."""
    b0, rise, side = term(c, i, x), c[1, i] + 2.0 * x * c[2, i], neuron.side[i]
    on = neuron.sign * side
    b1, b2 = b0 + 0.5 * span * rise, b0 + span * (rise + span * c[2, i])  # all ⟨D, u_i⟩ are between these
    return side * neuron.z[i] + reach * lesser(lesser(on * b0, on * b1), lesser(on * b2, 0.0))


@inner
def _near(x, end, reach, neuron, felt, work):
    """Put into `work.near` the walls that might be met in [x, end]; how many. Mostly few are."""
    low, span, m, found = work.low, end - x, len(work.low), 0
    for i in range(m):  # plain loops, with nothing else in them, take several walls at a time
        low[i] = _lowest(i, x, span, reach, neuron, felt.c)
    for block in range(0, m, BLOCK):
        count, stop = 0, min(block + BLOCK, m)
        for i in range(block, stop):
            count += low[i] < 0.0
        for i in range(block, stop if count else block):
            if low[i] < 0.0:
                work.near[found] = i
                found += 1
    return found


@inner
def _first_crossing(x, end, ahead, reach, limit, near, neuron, felt, work):
    """The wall that seems to be crossed first in [x, end], and an interval in which it is; -1 if none is.

    Only the first `near` of `work.near` are looked at. `work.path` is the way to `end`, before and after.
    """
    z, side, c, span = neuron.z, neuron.side, felt.c, end - x
    p0, p1, p2 = work.path[0], work.path[1], work.path[2]
    first, wall, low, high = np.inf, -1, x, end
    for k in range(near):  # those that are surely crossed: their order need only be about right
        i = work.near[k]
        here, there = side[i] * z[i], side[i] * (z[i] + along(c, i, p0, p1, p2))
        if here > 0.0 and there < -limit and here < first * (here - there):
            first, wall = here / (here - there), i
    if wall >= 0:
        return wall, x, end
    for k in range(near):
        i = work.near[k]
        if _lowest(i, x, span, reach, neuron, c) < -limit:
            there = side[i] * (z[i] + along(c, i, p0, p1, p2))
            share, begin, stop = _crossing(i, x, end, ahead, there, limit, neuron, felt, work)
            if share < first:
                first, wall, low, high = share, i, begin, stop
    work.path[0], work.path[1], work.path[2] = p0, p1, p2
    return wall, low, high


@inner
def _crossing(i, x, end, ahead, there, limit, neuron, felt, work):
    """Where in the order of crossings wall i is (inf: it is not crossed), and the piece in which it is.

    `there` is the height over the wall at `end`. The order is that of `∫ v ds` at the crossings as if D
    were constant; pieces that end at a turn of the height come first of all, to be looked at.
    """
    z, side, c = neuron.z, neuron.side, felt.c
    here, on, begin = side[i] * z[i], neuron.sign * side[i], x
    r0, r1, r2 = on * term(c, i, x), on * (c[1, i] + 2.0 * x * c[2, i]), on * c[2, i]
    if here <= 0.0 and r0 + ahead * (r1 + ahead * r2) < 0.0:
        return -1.0, x, x
    first, second = roots(r0, r1, r2)
    for turn in (first, second):
        if (ahead if here <= 0.0 else 0.0) < turn < end - x:
            if r1 + 2.0 * r2 * turn < 0.0:  # the height turns from rising to falling
                begin = x + turn
            else:
                two_boosts(x, x + turn, neuron.w, neuron.v, felt, work)
                least = side[i] * (z[i] + along(c, i, work.path[0], work.path[1], work.path[2]))
                if least < -limit:
                    return -1.0, begin, x + turn
    if there < -limit:
        return max(here, 0.0) / (max(here, 0.0) - there), begin, end
    return np.inf, x, end


@inner
def _guess(x, high, wall, neuron, felt, work):
    """When the wall would be met if D were that of the middle of [x, high]."""
    square, f1, size2, pulled = felt.square, 0.5 * (x + high), 0.0, 0.0
    for q in range(TERMS):
        f = 1.0 if q == 0 else (f1 if q == 1 else f1 * f1)
        size2 += f * (square[q, 0] + f1 * (square[q, 1] + f1 * square[q, 2]))
        pulled += f * work.pulled[q]
    delta, speed = np.sqrt(max(size2, 0.0)), abs(term(felt.c, wall, f1))
    plus, minus = light_cone(neuron.v, pulled, delta, np.nan)
    return x + time_of_path(abs(neuron.z[wall]) / speed, neuron.v, plus, minus, delta) / felt.length


@inner
def _root(x, low, high, guess, target, sign, neuron, felt, work):
    """Where the wall `target` is met, or v vanishes (TURN), and v there; the way there is in `work.path`.

    Newton's method, kept between `low`, where `sign` times the height, or v, is not yet negative, and
    `high`, where it is.
    """
    end = guess if low < guess < high else 0.5 * (low + high)
    for _ in range(100):
        later = two_boosts(x, end, neuron.w, neuron.v, felt, work)
        path = work.path
        if target == TURN:
            miss, speed = later, 0.0
            for q in range(TERMS):
                speed += end**q * (work.pulled[q] + dot(path, felt.square[q]))
        else:
            miss = neuron.z[target] + along(felt.c, target, path[0], path[1], path[2])
            speed = later * term(felt.c, target, end)
        if miss * sign > 0.0:
            low = end
        else:
            high = end
        shift = -miss / (felt.length * speed) if speed != 0.0 else np.inf
        if abs(shift) <= ROOT or miss == 0.0 or high - low <= 1e-15:
            return later, end
        end = end + shift if low < end + shift < high else 0.5 * (low + high)
    return later, end
