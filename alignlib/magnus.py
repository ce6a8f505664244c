"""One neuron under a D that changes with time, up to its first event.

Over a step of length H the pulls are a polynomial in `s = (time - start)/H`, so what a neuron on fixed
sides feels is one too, `D(s) = Σ_q D_q s^q` with q = 0, 1, 2. Over an interval it is moved by two boosts
with averaged D, the commutator-free Magnus formula of order four (Blanes and Moan, 2006). Then w moves
in the span of the three D_q, so with `⟨w, D_q⟩` and `⟨D_p, D_q⟩` at hand no boost needs a vector.

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

from collections import namedtuple

import numpy as np

from alignlib.boost import light_cone, moved, time_of_path
from alignlib.compiled import dot, inner, within
from alignlib.record import TURN

TERMS = 3  # coefficients of the polynomial of the pulls
NOISE = 1e-14  # a height below this share of ‖w‖ and its change, on the wrong side, is rounding
NOTHING = -2  # no event; others are the meeting of a wall, 0 to m - 1, and TURN, that v changes sign
LIGHT = 1e-12  # v of a neuron with |v| ≥ (1 - LIGHT) ‖w‖ does not change its sign
CLOSE = 1e-7
ROOT = 1e-14  # the time of an event is known to this share of the step
EARLY, LATE = 0.5 - np.sqrt(3.0) / 6.0, 0.5 + np.sqrt(3.0) / 6.0  # Gauss points of an interval
NEAR, FAR = 0.5 + np.sqrt(3.0) / 3.0, 0.5 - np.sqrt(3.0) / 3.0  # their weights in the two boosts

# A neuron at one point of the step; `sign` is that of v from there on.
Neuron = namedtuple("Neuron", "w v sign z side")
# What it feels over the step, of length H: D_q (3, d), ⟨D_q, u_i⟩ (3, m) and ⟨D_p, D_q⟩ (3, 3).
Felt = namedtuple("Felt", "d c square length")
# `pulled` (3,) is ⟨w, D_q⟩, and w moves by `Σ_q path_q D_q`.
Work = namedtuple("Work", "pulled path")


@inner
def new_work():
    """Room for one neuron at a time."""
    return Work(np.empty(TERMS), np.empty(TERMS))


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
        if min(abs(plus), abs(minus)) < 0.01 * abs(v):
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
    if abs(invariant) < 4e-15 * norm2:
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
    bound 99 of 100 errors of random boosts within a factor of three (tests/solver/test_magnus.py).
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
    return speed * time < 1.0 and time * time * change2 < 1e3 * rtol * rtol


@inner
def reliable(x, goal, rtol, felt):
    """An `end` up to which two boosts from x err by `rtol` at most, and a bound of `‖D‖` until `goal`."""
    end, speed = goal, fastest(x, goal, felt.square)
    if not _steady(end - x, speed, rtol, felt):
        while end - x > 1e-6 and _error(x, end, speed, felt) > rtol:
            end = 0.5 * (x + end)
    return end, speed


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
    while True:
        rapidity = speed * length * (end - x)
        growth = 1.0 + rapidity * (1.0 + 0.72 * rapidity) if rapidity < 1.0 else np.exp(rapidity)
        reach = length * (end - x) * max(abs(v), size) * growth  # |v| is at most e^rapidity times that
        wall, low, high = _first_crossing(x, end, ahead, reach, size, speed, neuron, felt, work)
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
    return side * neuron.z[i] + reach * min(min(on * b0, on * b1), min(on * b2, 0.0))


@inner
def _first_crossing(x, end, ahead, reach, size, speed, neuron, felt, work):
    """The wall that seems to be crossed first in [x, end], and an interval in which it is; -1 if none is.

    Most passes find that all walls are too far off to be reached, which is a plain loop. `work.path` is
    the way to `end`, before and after.
    """
    z, side, c, span, doubtful = neuron.z, neuron.side, felt.c, end - x, 0
    p0, p1, p2 = work.path[0], work.path[1], work.path[2]
    limit = NOISE * (size + abs(p0) * speed)
    for i in range(len(z)):
        doubtful += _lowest(i, x, span, reach, neuron, c) < -limit
    first, wall, low, high = np.inf, -1, x, end
    for i in range(len(z) if doubtful else 0):
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
def roots(e0, e1, e2):
    """The real roots of `e0 + e1 s + e2 s²`, the smaller one first; nan where there is none."""
    square = e1 * e1 - 4.0 * e2 * e0
    if square <= 0.0:
        return np.nan, np.nan
    half = -0.5 * (e1 + np.copysign(np.sqrt(square), e1))
    one = e0 / half if half != 0.0 else np.nan
    other = half / e2 if e2 != 0.0 else np.nan
    return (other, one) if other < one else (one, other)


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
