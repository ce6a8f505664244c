"""The record of one neuron for `polygon`, and which wall it meets next. Compiled.

Three things are passed around: `me`, the numbers of the neuron (a row of dtype NEURON); `on`, what it knows
of the walls, an array (COURSE, m); `field`, what is the same for all neurons (a row of dtype FIELD).
"""

import numpy as np

from alignlib.solver.compiled import dot, inner, rows_of
from alignlib.solver.tolerances import CANCELS, CENTRE, OPPOSED, TINY

NEURON = rows_of(
    ("number", "i8"),
    ("v", "f8"),
    ("t", "f8"),  # the time of its last event
    ("first2", "f8"),  # ‖w‖² at the start
    ("minkowski", "f8"),  # ‖w‖² - v², conserved
    ("sign", "f8"),  # the sign of v, or the one that v = 0 is about to take
    ("wall", "i8"),  # the one it has met or is about to meet; -1 if none
    ("second", "i8"),  # walls that may be the next after it; -1 if none is known
    ("third", "i8"),
    ("fell", "f8"),  # its largest height before the step, if w may be 0 after it
    ("s", "f8"),  # ∫ v dt
    ("pulled", "f8"),  # ⟨w, D⟩
    ("size2", "f8"),  # ‖D‖²
    ("events", "i8"),
    ("slides", "?"),
    ("started", "?"),
    ("rests", "?"),  # it came to w = 0
)
FIELD = rows_of(
    ("end", "f8"),  # the neurons are followed until then
    ("total", "f8"),  # the sum of the sizes of all pulls
    ("slow", "f8"),  # a speed below this is the rounding of zero
    ("leaky", "?"),  # σ has a slope on its negative side
    ("line", "i8"),  # d if the walls span the whole space, else 0
    ("count", "i8"),  # rows of the log that are filled
)
# The rows of `on`: heights, speeds, coefficients of D, sides (±1, and 0 where the neuron slides), and
# PATH, with `w = w(0) + Σ path_i u_i`, brought up to date at `s = since_i`. RATIO is for `nearest`.
# Their length is a multiple of BLOCK: behind the walls are zeros, at height 0, which nothing approaches.
Z, C, A, SIDE, PATH, SINCE, RATIO = range(7)
COURSE = 7
BLOCK = 64  # walls looked at together in the search for the next one
BELOW, ABOVE = 0, 1


@inner
def sum_up(me, on):
    """`⟨w, D⟩` and `‖D‖²` from all walls."""
    me.pulled, me.size2 = dot(on[A], on[Z]), dot(on[A], on[C])


@inner
def settle(k, a, side, me, on, gram):
    """From now on the neuron is on this side of wall k, with this coefficient."""
    change = a - on[A, k]
    on[PATH, k] += on[A, k] * (me.s - on[SINCE, k])
    on[SINCE, k], on[A, k], on[SIDE, k] = me.s, a, side
    for i in range(gram.shape[1]):
        on[C, i] += change * gram[k, i]


@inner
def highest(row):
    """The largest size of a row of `on`: `max |z_i|` of its Z."""
    most = 0.0
    for number in row:
        most = max(most, abs(number))
    return most


@inner
def acts(on):
    """Whether any coefficient is not 0; looks no further than the first such."""
    i = 0
    while i < on.shape[1] and on[A, i] == 0.0:
        i += 1
    return i < on.shape[1]


@inner
def opposed(me):
    """Whether w is so nearly opposed to D that `v + b` cannot be had from v and b."""
    return me.size2 > 0.0 and abs(me.v * np.sqrt(me.size2) + me.pulled) < CANCELS * abs(me.v) * np.sqrt(
        me.size2
    )


@inner
def largest(me):
    """The larger of `‖w‖²` at the start and now, to which the rounding of w is in proportion."""
    return max(me.v**2 + me.minkowski, me.first2)


@inner
def vanished(me, on):
    """Whether all heights have vanished in the last step: before it or at the start they were large."""
    return highest(on[Z]) <= max(CENTRE * me.fell, np.sqrt(OPPOSED * largest(me)))


@inner
def transverse(me, on, field, w, u):
    """`‖w_⊥‖²`, w_⊥ the part of w orthogonal to D; w is the start.

    On `line - 1` walls the neuron slides along a line, so D is along w, and w_⊥ is 0.
    """
    rest, slides = w.copy(), 0
    for i in range(len(u)):
        part = on[PATH, i] + on[A, i] * (me.s - on[SINCE, i] - me.pulled / me.size2)
        slides += on[SIDE, i] == 0.0
        for x in range(len(rest)):
            rest[x] += part * u[i, x]
    across = dot(rest, rest)
    noise = OPPOSED * (1.0 + field.total**2 / me.size2) * largest(me)
    return 0.0 if across < noise or field.line == 1 + slides else across


@inner
def nearest(me, on, slow):
    """How far `|P|` may grow until the neuron meets a wall, and which, in `me.wall`; -1 if none.

    The wall of the largest `urgency = speed / height`, with speed `-sign side c` and height `side z`.
    Most blocks are passed by a comparison, the more so if two walls that were urgent in the search
    before are looked at first.
    """
    sign, urgency, likely = me.sign, 0.0, (me.second, me.third)
    me.wall, me.second, me.third = -1, -1, -1
    for k in likely:
        if k >= 0:
            speed, high = -sign * on[SIDE, k] * on[C, k] - slow, on[SIDE, k] * on[Z, k]
            if speed > urgency * max(high, TINY):
                urgency, me.wall, me.second = speed / max(high, TINY), k, me.wall
            else:
                me.second = k
    for first in range(0, on.shape[1], BLOCK):
        # Loops without branches and with indices that cannot be negative become vector instructions.
        start, found = np.uint64(first), 0
        stop = start + np.uint64(BLOCK)
        for i in range(start, stop):
            found += on[SIDE, i] * (-sign * on[C, i] - urgency * on[Z, i]) > slow
        if found > 0:
            for i in range(start, stop):
                speed, high = -sign * on[SIDE, i] * on[C, i] - slow, on[SIDE, i] * on[Z, i]
                on[RATIO, i] = speed / max(high, TINY)
            for i in range(first, first + BLOCK):
                if on[RATIO, i] > urgency:
                    urgency, me.wall, me.second, me.third = on[RATIO, i], i, me.wall, me.second
    if me.wall < 0:
        return np.inf
    return max(on[SIDE, me.wall] * on[Z, me.wall], 0.0) / abs(on[C, me.wall])
