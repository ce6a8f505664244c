"""One neuron under a D that changes with time, up to its first event.

Over a step of length H the pulls are a polynomial in `s = (time - start)/H`, so what a neuron on fixed
sides feels is one too, `D(s) = Σ_q D_q s^q` with q = 0, 1, 2. Over an interval it is moved by two boosts
with averaged D, the commutator-free Magnus formula of order four (Blanes and Moan, 2006). Then w moves
in the span of the three D_q, so with `⟨w, D_q⟩` and `⟨D_p, D_q⟩` at hand no boost needs a vector. The
interval ends where the neuron meets a wall, found by Newton's method, so the order holds through events.
"""

from collections import namedtuple

import numpy as np

from alignlib.boost import copy, dot, inner, light_cone, moved, time_of_path, time_of_turn
from alignlib.record import TURN

TERMS = 3  # coefficients of the polynomial of the pulls
NOISE = 1e-14  # a height below this share of ‖w‖ and its change, on the wrong side, is rounding
NOTHING = -2  # no event; others are the meeting of a wall, 0 to m - 1, and TURN, that v changes sign
EARLY, LATE = 0.5 - np.sqrt(3.0) / 6.0, 0.5 + np.sqrt(3.0) / 6.0  # Gauss points of an interval
NEAR, FAR = 0.5 + np.sqrt(3.0) / 3.0, 0.5 - np.sqrt(3.0) / 3.0  # their weights in the two boosts

# `pulled` (3,) is ⟨w, D_q⟩, `square` (3, 3) is ⟨D_p, D_q⟩, and w moves by `Σ_q path_q D_q`, of which
# `half_q` in the first boost. Row by row, `boosts` (2, 9) is what `first_event` wants to know of them.
Work = namedtuple("Work", "pulled square path half boosts")


@inner
def new_work():
    """Room for one neuron at a time."""
    square, boosts = np.empty((TERMS, TERMS)), np.empty((2, 9))
    return Work(np.empty(TERMS), square, np.empty(TERMS), np.empty(TERMS), boosts)


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
def prepare(d, work):
    """The products of the D_q."""
    for p in range(TERMS):
        for q in range(p + 1):
            work.square[p, q] = work.square[q, p] = dot(d[p], d[q])


@inner
def face(w, d, work):
    """The products of w with the D_q."""
    for q in range(TERMS):
        work.pulled[q] = dot(w, d[q])


@inner
def two_boosts(x, end, length, w, v, d, work):
    """Boost over [x, end]: v there; the way of w is left in `work.path`, the boosts in `work.boosts`."""
    square, path, span = work.square, work.path, end - x
    for q in range(TERMS):
        path[q] = 0.0
    first, second, time = x + EARLY * span, x + LATE * span, 0.5 * length * span
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
            plus, minus, delta = _careful(w, v, d, path, f1, f2)
        later, gain = moved(v, plus, minus, delta, time)
        turn = time_of_turn(v, plus, minus, delta)
        far = gain if turn >= time else moved(v, plus, minus, delta, turn)[1]
        row = work.boosts[half]
        row[0], row[1], row[2], row[3], row[4] = f1, f2, far, turn, abs(gain) * delta
        row[5], row[6], row[7], row[8] = v, plus, minus, delta
        path[0] += gain
        path[1] += gain * f1
        path[2] += gain * f2
        if half == 0:
            copy(path, work.half)
        v = later
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
def first_event(x, end, length, size, z, side, c, work):
    """Where in [x, end] the first event of these boosts seems to be (inf: nowhere), and which."""
    time = 0.5 * length * (end - x)
    p0, p1, p2 = 0.0, 0.0, 0.0
    for half in range(2):
        row = work.boosts[half]
        f1, f2, far, turn, limit = row[0], row[1], row[2], row[3], NOISE * (size + row[4])
        # Most passes find nothing: a plain count is what the vector instructions are good at.
        q0, q1, q2, passed = p0 + far, p1 + far * f1, p2 + far * f2, 0
        for i in range(len(z)):
            passed += side[i] * (z[i] + along(c, i, q0, q1, q2)) < -limit
        shortest, event = np.inf, NOTHING
        for i in range(len(z) if passed else 0):
            speed, here = along(c, i, 1.0, f1, f2), z[i] + along(c, i, p0, p1, p2)
            if side[i] * (here + far * speed) < -limit and side[i] * far * speed < 0.0:
                height = max(side[i] * here, 0.0) / abs(speed)
                if height < shortest:
                    shortest, event = height, i
        if event >= 0 or turn < time:
            if event >= 0:
                turn = min(time_of_path(shortest, row[5], row[6], row[7], row[8]), time)
            return x + 0.5 * half * (end - x) + turn / length, event if event >= 0 else TURN
        p0, p1, p2 = work.half[0], work.half[1], work.half[2]
    return np.inf, NOTHING


@inner
def until_event(x, goal, ahead, length, w, v, z, side, d, c, work):
    """Move from x to the first event, or to `goal`: v there, x there, and the event.

    `w` and `z` are moved in place. The first guess takes the averaged D for the true one; `_root`
    makes the time exact; then all walls are looked at once more, for another that was met before.
    """
    face(w, d, work)
    size, end = np.sqrt(dot(w, w)), goal
    later, target = two_boosts(x, end, length, w, v, d, work), NOTHING
    while True:
        where, event = first_event(x, end, length, size, z, side, c, work)
        found = event == target or (target != NOTHING and where >= end - 1e-13)
        if found or event == NOTHING:
            break
        target = event
        # One that leaves the wall and will turn back to it: not the root where it started.
        leaving = event >= 0 and v * term(c, event, x + ahead) * side[event] >= 0.0
        later, end = _root(x, end if leaving else where, end, target, length, w, v, z, side, d, c, work)
        if end > goal:  # the averaged D has foreseen an event that comes after the goal
            later, end, target = two_boosts(x, goal, length, w, v, d, work), goal, NOTHING
            break
    walk(w, d, work.path)
    walk(z, c, work.path)
    return later, end, target


@inner
def _root(x, end, high, target, length, w, v, z, side, d, c, work):
    """Where the neuron meets the wall `target`, or v vanishes, and v there; 2 if not before `high`.

    Newton's method, kept between the last point before the event and the first after it.
    """
    low, top = x, high
    for _ in range(100):
        later = two_boosts(x, end, length, w, v, d, work)
        path = work.path
        if target == TURN:
            miss, before = later, later * v > 0.0 or (v == 0.0 and later == 0.0)
            speed = 0.0
            for q in range(TERMS):
                speed += end**q * (work.pulled[q] + dot(path, work.square[q]))
        else:
            miss = z[target] + along(c, target, path[0], path[1], path[2])
            before, speed = miss * side[target] > 0.0, later * term(c, target, end)
        if before:
            low = max(low, end)
        else:
            high = min(high, end)
        shift = -miss / (length * speed) if speed != 0.0 else 0.0
        if before and end == top and abs(shift) > 1e-14:
            return later, 2.0
        if abs(shift) <= 1e-14 or high - low <= 1e-15 or end == x:
            return later, end
        end = end + shift if low <= end + shift <= high else 0.5 * (low + high)
    return later, end
