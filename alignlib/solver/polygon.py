"""One neuron under constant pulls: straight from wall to wall, and a rule at each wall. Compiled.

Measured in `s = ∫ v dt` the neuron moves on a straight line, `w' = D`, until it meets a wall; there D
changes, by the rule of one wall (`_crosses`) or of several (`_touch`). Its path is a polygon. Heights and
speeds tell all: with `z_i = ⟨w, u_i⟩`, `c_i = ⟨D, u_i⟩` and `D = Σ a_i u_i`, each event adds a multiple
of a row of the Gram matrix to c. That, a pass over z and the search for the next wall are the cost.

Everything passes on `me`, `on` and `field` (module `course`), the Gram matrix, `pulls` (2, m) below and
above the walls, and the log of dtype `events.LOG`.
"""

import numpy as np

from alignlib.solver.boost import light_cone, moved, time_of_path, time_of_turn
from alignlib.solver.compiled import borrowed, dot, entry, inlined, inner
from alignlib.solver.course import (
    ABOVE,
    BELOW,
    PATH,
    SIDE,
    SINCE,
    A,
    C,
    Z,
    acts,
    highest,
    largest,
    nearest,
    opposed,
    settle,
    sum_up,
    transverse,
    vanished,
)
from alignlib.solver.events import write
from alignlib.solver.filippov import meet
from alignlib.solver.tolerances import EVENTS, FADED, OPPOSED

NOTHING, WALL, TURN = 0, 1, 2  # what the next event is


@entry
def follow(neurons, first, courses, field, gram, pulls, w, u, log):
    """Follow the neurons from `first` on to their last events before the end; how many are done then.

    Changes neurons, `courses` (h, COURSE, m), field and log. Stops early, between two events, if the log
    may be too short for the next: call it again with a longer one.
    """
    neurons, courses, field, gram, pulls, w, u, log = borrowed(
        (neurons, courses, field, gram, pulls, w, u, log)
    )
    for j in range(first, len(neurons)):
        me, on = neurons[j], courses[j]
        moves = me.first2 > 0.0 or (field.leaky and me.v != 0.0)
        if moves and not _follow_one(me, on, field, gram, pulls, w[j], u, log):
            return j
        for i in range(len(gram)):
            on[PATH, i] += on[A, i] * (me.s - on[SINCE, i])
    return len(neurons)


@inlined
def _follow_one(me, on, field, gram, pulls, w, u, log):
    """From event to event; False if the log is full before the last."""
    while field.count + len(gram) < len(log):  # an event writes a row for v and one for each wall at most
        if not me.started:
            _start(me, on)
            _touch(me, on, field, gram, pulls, log, np.bool_(False))
            continue
        if me.size2 <= field.slow**2:  # D is the rounding of zero
            me.pulled, me.size2 = 0.0, 0.0
        distance = nearest(me, on, field.slow)
        across = transverse(me, on, field, w, u) if opposed(me) else np.nan
        event, k = _step(me, on, field.end, distance, across), me.wall
        if event == NOTHING:
            return True
        came, change, touches = on[SIDE, k], pulls[BELOW, k] - pulls[ABOVE, k], me.slides
        centre = event == WALL and me.fell > 0.0 and len(gram) > 1 and vanished(me, on)
        if event == TURN:
            _turn(me, field, log)
        elif centre and not field.leaky:
            _rest(me, on, field, gram, pulls, log)
            return True
        elif centre:
            on[Z], touches = 0.0, True
        elif not touches and _crosses(me.sign, on[C, k] * came, change, field.slow):
            field.count = write(log, field.count, me.t, me.number, k, came, -came)
            me.size2 += change * (2.0 * on[C, k] * came + change)
            settle(k, on[A, k] + change * came, -came, me, on, gram)
        else:
            touches = True
        if touches:
            _touch(me, on, field, gram, pulls, log, centre)
        if centre and highest(on[C]) <= field.slow:  # no wall feels D: it is the rounding of zero
            me.rests = True
            return True
        me.events += 1
        if me.events % 16 == 0 or not acts(on):
            sum_up(me, on)  # rounding does not add up for ever
        if me.events > EVENTS * (len(gram) + 10):
            raise RuntimeError("a neuron meets walls without end")
    return False


@inner
def _start(me, on):
    """Set out, with the sign of v, or the one that v = 0 is about to take."""
    me.started, me.wall, me.second, me.third = True, -1, -1, -1
    me.sign = np.sign(me.v) if me.v != 0.0 else np.sign(dot(on[A], on[Z]))


@inner
def _step(me, on, end, distance, across):
    """The step: along D to the next event, the wall at this distance or a change of sign of v; which."""
    if me.wall < 0 and me.v * me.pulled >= 0.0:
        return NOTHING  # it approaches no wall, and |v| grows
    delta = np.sqrt(me.size2)
    plus, minus = light_cone(me.v, me.pulled, delta, across - me.minkowski)
    reach = time_of_path(distance, me.v, plus, minus, delta) if me.wall >= 0 else np.inf
    turn = time_of_turn(me.v, plus, minus, delta)
    step = min(reach, turn)
    if me.t + step > end or step == np.inf:
        return NOTHING
    me.t += step
    me.v, path = moved(me.v, plus, minus, delta, step)
    if reach <= turn:
        path = me.sign * distance
    was_pulled = me.pulled
    me.s += path
    me.pulled += me.size2 * path
    # Whether w is 0 now: a pass over z, so only when it may be, and there are other walls than this.
    may = abs(me.pulled) <= max(FADED * abs(was_pulled), np.sqrt(OPPOSED * largest(me)) * delta)
    me.fell = highest(on[Z]) if may else 0.0
    for i in range(on.shape[1]):
        on[Z, i] += path * on[C, i]
    if turn < reach:
        return TURN
    on[Z, me.wall] = 0.0
    return WALL


@inner
def _crosses(sign, speed, change, slow):
    """The event rule at one wall: whether the neuron crosses it, and does not slide.

    It does if it moves on behind the wall, or if both sides push it away. `speed` is `side c` before
    the wall, `speed + change` behind it; negative times v is towards the wall, and on from it.
    """
    return (sign * (speed + change) < -slow) | (sign * change < 0.0)


@inner
def _turn(me, field, log):
    """v changes sign: walls that attracted repel now, and the neuron leaves those it slides on."""
    me.wall, me.second, me.third = -1, -1, -1
    field.count = write(log, field.count, me.t, me.number, me.wall, me.sign, -me.sign)
    me.v, me.sign = 0.0, -me.sign


@inner
def _touch(me, on, field, gram, pulls, log, everywhere):
    """The event rule `filippov.meet` at all walls touched: those it slides on, and the one just met.

    `everywhere`, where all walls meet, it is at all of them. A ReLU neuron rests there; one with a slope on
    the negative side goes on, unless they hold it there.
    """
    n = 0
    touched = np.empty(len(gram), np.int64)
    for i in range(len(gram)):
        if everywhere or on[SIDE, i] == 0.0 or i == me.wall:
            touched[n] = i
            n += 1
    part, q, below, above = np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n)
    came = np.empty(n, np.int8)
    for i in range(n):
        wall = touched[i]
        q[i], came[i] = on[C, wall], np.int8(on[SIDE, wall])
        below[i], above[i] = pulls[BELOW, wall], pulls[ABOVE, wall]
        for other in range(n):
            part[i, other] = gram[wall, touched[other]]
            q[i] -= part[i, other] * on[A, touched[other]]
    went, a = meet(part, q, below, above, me.sign, came)
    me.slides = False
    for i in range(n):
        if came[i] != went[i]:
            field.count = write(
                log, field.count, me.t, me.number, touched[i], float(came[i]), float(went[i])
            )
        settle(touched[i], a[i], float(went[i]), me, on, gram)
        me.slides |= went[i] == 0
    for i in range(n):
        if went[i] == 0:
            on[C, touched[i]] = 0.0
    sum_up(me, on)


@inner
def _rest(me, on, field, gram, pulls, log):
    """End at w = 0, where all hyperplanes meet: there `σ'(0) = 0` makes D vanish, and the neuron stays."""
    me.rests = True
    for i in range(len(gram)):
        went = 0.0 if pulls[BELOW, i] != 0.0 else -1.0
        if on[SIDE, i] != went:
            field.count = write(log, field.count, me.t, me.number, i, on[SIDE, i], went)
        settle(i, 0.0, went, me, on, gram)
