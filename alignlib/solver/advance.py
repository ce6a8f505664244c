"""The compiled loops that `swarm` calls: each neuron, or cell of neurons, over a step with given pulls.

A neuron goes from event to event (module `search`); at an event the rule for the walls it touches
decides (module `sliding`).
"""

import numpy as np

from alignlib.solver.compiled import add, borrowed, copy, dot, entry, inlined, inner, keep
from alignlib.solver.events import REST, TURN
from alignlib.solver.interval import (
    TERMS,
    Felt,
    Neuron,
    along,
    face,
    fastest,
    new_work,
    products,
    reliable,
    two_boosts,
    walk,
)
from alignlib.solver.search import NOTHING, until_event
from alignlib.solver.sliding import change, crosses, held, note, resolve, slide, tight_walls
from alignlib.solver.tolerances import AHEAD, CENTRE, HELD, MEETINGS, NEAR, ROOT

FULL, ENDLESS = -1, -2  # what `fly` may return instead of a number of events


@entry
def fly(w, v, z, sides, kind, ds, cs, scene, nodes, plus, minus, log):
    """Move every neuron over a step, in place; FULL if the log is too short for it, else 0.

    w (h, d), v (h,), heights z (h, m), sides (h, m); `ds[kind[j]]` (3, d) and `cs[kind[j]]` (3, m) are
    the coefficients of `D_j` and of `⟨D_j, u_i⟩`; nodes: increasing, the last one the end of the flight.
    `plus` and `minus` (nodes, m) collect `Σ_j v_j z_ji` on either side.
    """
    work, own, slid = new_work(z.shape[1]), _room(ds[0], cs[0], scene), _room(ds[0], cs[0], scene)
    squares, plans = np.empty((len(ds), TERMS, TERMS)), np.zeros((len(ds), len(nodes), 2))
    here, done = (work, own, slid, squares, plans), 0
    work, own, slid, squares, plans = borrowed(here)
    w, v, z, sides, kind, ds, cs, scene, nodes, plus, minus, log = borrowed(
        (w, v, z, sides, kind, ds, cs, scene, nodes, plus, minus, log)
    )
    for j in range(len(v)):
        k = kind[j]
        free = Felt(ds[k], cs[k], squares[k], scene.length)
        if plans[k, 0, 0] == 0.0:  # the first of its kind
            products(ds[k], squares[k])
            _plan(free, nodes, scene.rtol, plans[k])
        done = _fly_one(
            j, w[j], v, z[j], sides[j], free, plans[k], own, slid, scene, nodes, plus, minus, work, log
        )
        if done < 0:
            break
    keep(here)
    return done


@inner
def _room(d, c, scene):
    """Room for what one neuron feels."""
    return Felt(np.empty_like(d), np.empty_like(c), np.empty((TERMS, TERMS)), scene.length)


@inner
def _plan(felt, nodes, rtol, plan):
    """Put into `plan` (nodes, 2) what `reliable` says from each node to the next."""
    x = 0.0
    for node in range(len(nodes)):
        plan[node, 0], plan[node, 1] = reliable(x, nodes[node], rtol, felt)
        x = nodes[node]


@inlined
def _fly_one(j, w, v, z, side, free, plan, own, slid, scene, nodes, plus, minus, work, log):
    """One neuron from event to event.

    `free` is what it feels if it does not slide, `slid` if it does. Until its first event the former, and
    `plan`, are those of its kind; then `own`.
    """
    sign = np.sign(v[j]) if v[j] != 0.0 else np.sign(dot(w, free.d[0]))
    asleep, x, begin, ahead, meetings = _stays(w, v[j], scene), 0.0, 0.0, 0.0, 0
    sliding, planned, leave = held(side) > 0 and not asleep, True, 2.0
    resting = sliding and dot(w, w) == 0.0  # with a slope, until its walls let it go
    if len(log.rows) < log.count[0] + len(side) + 3:
        return FULL
    if sliding:
        free, planned = _copied(free, own), False
        if scene.start == 0.0 or resting:  # later its sides are those of the step before
            touched = np.arange(len(side)) if resting else tight_walls(side, NOTHING)
            resolve(touched, 0.0, sign, j, side, free.d, free.c, scene, log)
        sliding, leave = _begin(0.0, sign, side, free, slid, scene)
        resting = resting and sliding and _still(free, slid, scene)
    for node in range(len(nodes)):
        while x < nodes[node] and not asleep:
            felt, goal, event = slid if sliding else free, min(nodes[node], leave), NOTHING
            if resting:
                x = goal
            elif x < goal:
                if planned and x == begin:
                    end, speed = plan[node, 0], plan[node, 1]
                else:
                    end, speed = reliable(x, goal, scene.rtol, felt)
                neuron = Neuron(w, v[j], sign, z, side)
                v[j], x, event = until_event(x, end, speed, ahead, neuron, felt, work)
            if event == NOTHING and x < leave:
                continue
            centre = resting
            meetings += 1  # turns count too: where v only just reaches 0, they need not end
            if meetings > MEETINGS * (len(side) + 10):
                return ENDLESS
            if len(log.rows) < log.count[0] + len(side) + 3:
                return FULL
            time, before, then = scene.start + scene.length * x, log.count[0], min(x + ahead, 1.0)
            if event == TURN:
                v[j] = 0.0
                note(log, time, j, event, np.int8(sign), np.int8(-sign))
                sign, ahead = -sign, 0.0
                if not sliding:
                    continue
            if event >= 0:
                z[event] = 0.0
                add(w, -dot(w, scene.u[event]), scene.u[event])  # not beside the wall by rounding
                noise = ROOT * abs(v[j]) * (1.0 + 2.0 * scene.length * fastest(0.0, 1.0, felt.square))
                if _at_centre(w, z, felt, work.path, noise):
                    centre = True
                    if scene.negative_slope == 0.0:
                        _rest(w, z, side, sign, time, j, scene, log)
                        asleep = True
                        break
            if planned:
                free, planned = _copied(free, own), False
            if centre:
                z[:] = 0.0
                resolve(np.arange(len(side)), then, sign, j, side, free.d, free.c, scene, log)
            elif event >= 0 and not sliding and crosses(event, then, sign, side[event], free.c, scene):
                change(event, np.int8(-side[event]), x, j, side, free.d, free.c, scene, log)
            else:
                resolve(tight_walls(side, event), then, sign, j, side, free.d, free.c, scene, log)
            # At a tangency the rule may see no reason to change anything: let it look ahead.
            ahead = max(4.0 * ahead, AHEAD) if log.count[0] == before else 0.0
            sliding, leave = _begin(x + ahead, sign, side, free, slid, scene)
            resting = centre and sliding and _still(free, slid, scene)
            if resting:
                w[:] = 0.0
                note(log, time, j, REST, np.int8(sign), np.int8(sign))
        begin = nodes[node]
        _collect(v[j], z, side, plus[node], minus[node])
    return 0


@inner
def _stays(w, v, scene):
    """Whether a neuron has w = 0 for good: a ReLU neuron, or one with v = 0."""
    return dot(w, w) == 0.0 and (scene.negative_slope == 0.0 or v == 0.0)


@inner
def _collect(v, z, side, plus, minus):
    """Add `v z_i` to the sum of the side on which the neuron is."""
    for i in range(len(z)):  # without branches: which side is next cannot be foretold
        part = v * z[i]
        plus[i] += part if side[i] > 0 else 0.0
        minus[i] += part if side[i] < 0 else 0.0


@inner
def _copied(felt, to):
    """`to`, now equal to `felt`."""
    for q in range(TERMS):
        copy(felt.d[q], to.d[q])
        copy(felt.c[q], to.c[q])
        copy(felt.square[q], to.square[q])
    return to


@inner
def _begin(x, sign, side, free, slid, scene):
    """Whether the neuron slides from x on, and where that ends; the products of what it feels."""
    if held(side) > 0:
        leave = slide(tight_walls(side, NOTHING), x, sign, free.d, free.c, scene, slid.d, slid.c)
        products(slid.d, slid.square)
        return True, leave
    products(free.d, free.square)
    return False, 2.0


@inner
def _still(free, slid, scene):
    """Whether the walls at w = 0 hold a neuron there, over all of the step: the D left to it is noise.

    It is the rounding of D without those walls, or so little that `slide` would not let go for it.
    """
    left = size = 0.0
    for q in range(TERMS):
        left += np.sqrt(slid.square[q, q])
        size += np.sqrt(dot(free.d[q], free.d[q]))
    return left <= NEAR * size + HELD * scene.rtol / (scene.start + scene.length)


@inner
def _at_centre(w, z, felt, path, noise):
    """Whether all heights have just vanished at once. With one wall there is no centre.

    A ReLU neuron rests there. For one with a slope the rule is applied to all walls at once; they may hold
    it too, until the pulls let it go.
    """
    longest = np.sqrt(dot(w, w))  # then no height was larger than this before
    for q in range(TERMS):
        longest += abs(path[q]) * np.sqrt(felt.square[q, q])
    for i in range(len(z)):
        if abs(z[i]) > 2.0 * CENTRE * longest + noise:
            return False
    most = least = 0.0
    for i in range(len(z)):
        least = max(least, abs(z[i]))
        most = max(most, abs(z[i] - along(felt.c, i, path[0], path[1], path[2])))
    return len(z) > 1 and least <= CENTRE * most + noise


@inner
def _rest(w, z, side, sign, time, neuron, scene, log):
    """End where all hyperplanes meet: there `σ'(0) = 0` makes D vanish, and the neuron stays."""
    for i in range(len(w)):  # not the rounding of zero, which has a side
        w[i] = 0.0
    note(log, time, neuron, REST, np.int8(sign), np.int8(sign))
    for i in range(len(z)):
        went = np.int8(-1)
        for q in range(TERMS):
            if scene.below[q, i] != 0.0:
                went = np.int8(0)
        if side[i] != went:
            note(log, time, neuron, i, side[i], went)
        side[i], z[i] = went, 0.0


@entry
def carry(theta, d, length, nodes, momentum):
    """Move the rows `(w, v)` of `theta`, in place, under one D past all walls.

    `momentum` (nodes, d), if it has rows, collects `Σ_r v_r w_r` at the nodes.
    """
    dim, work = theta.shape[1] - 1, new_work(0)
    felt = Felt(d, d, np.empty((TERMS, TERMS)), length)  # no walls
    products(d, felt.square)
    for row in range(len(theta)):
        x, w = 0.0, theta[row, :dim]
        for node in range(len(nodes)):
            face(w, felt, work)
            v = two_boosts(x, nodes[node], w, theta[row, dim], felt, work)
            walk(w, d, work.path)
            theta[row, dim], x = v, nodes[node]
            if len(momentum) > 0:
                for i in range(dim):
                    momentum[node, i] += v * w[i]


@entry
def felt(sign, side, d, c, scene):
    """`D` and `⟨D, u_i⟩` as a cell that slides on walls feels them, and where it leaves one (2: not)."""
    eff_d, eff_c = d.copy(), c.copy()
    return eff_d, eff_c, slide(tight_walls(side, NOTHING), 0.0, sign, d, c, scene, eff_d, eff_c)


@entry
def has_room(sign, side, room, used, d, c, length):
    """A bound of the rapidity that a cell gains in the step, and whether no member can meet a wall."""
    square = np.empty((TERMS, TERMS))
    products(d, square)
    gained = length * fastest(0.0, 1.0, square)
    if gained == 0.0:
        return gained, True
    for i in range(len(side)):
        if used + gained > room[i] and falls(sign * side[i], i, c):
            return gained, False
    return gained, used + gained <= room[-1]


@inner
def falls(way, i, c):
    """Whether `way ⟨D, u_i⟩`, a quadratic, is negative anywhere on [0, 1]."""
    e0, e1, e2 = way * c[0, i], way * c[1, i], way * c[2, i]
    turn = -0.5 * e1 / e2 if e2 > 0.0 else 2.0
    least = min(e0, e0 + e1 + e2)
    if 0.0 < turn < 1.0:
        least = min(least, e0 + turn * (e1 + turn * e2))
    return least < 0.0
