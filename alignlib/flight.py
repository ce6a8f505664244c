"""One sweep of the solver: every neuron, or cell of neurons, over a step with given pulls.

A neuron goes from event to event (module `magnus`); at an event the rule for the walls it touches
decides (module `sliding`). All compiled by Numba.
"""

import numpy as np

from alignlib.boost import CENTRE, add, copy, dot, entry, inlined, inner
from alignlib.magnus import (
    NOTHING,
    ROOT,
    TERMS,
    along,
    face,
    fastest,
    new_work,
    products,
    two_boosts,
    until_event,
    walk,
)
from alignlib.record import REST, TURN
from alignlib.sliding import change, crosses, note, resolve, slide, tight_walls

FULL, ENDLESS = -1, -2  # what `fly` may return instead of a number of events


@entry
def fly(w, v, z, sides, kind, ds, cs, scene, nodes, plus, minus, log):
    """Move every neuron over a step, in place; FULL if the log is too short for it, else 0.

    w (h, d), v (h,), heights z (h, m), sides (h, m); `ds[kind[j]]` (3, d) and `cs[kind[j]]` (3, m) are
    the coefficients of `D_j` and of `⟨D_j, u_i⟩`; nodes: increasing, the last one the end of the flight.
    `plus` and `minus` (nodes, m) collect `Σ_j v_j z_ji` on either side.
    """
    work, m = new_work(), z.shape[1]
    d, c = np.empty((TERMS, w.shape[1])), np.empty((TERMS, m))
    eff_d, eff_c = np.empty((TERMS, w.shape[1])), np.empty((TERMS, m))
    for j in range(len(v)):
        for q in range(TERMS):
            copy(ds[kind[j], q], d[q])
            copy(cs[kind[j], q], c[q])
        done = _fly_one(
            j, w[j], v, z[j], sides[j], d, c, eff_d, eff_c, scene, nodes, plus, minus, work, log
        )
        if done < 0:
            return done
    return 0


@inlined
def _fly_one(j, w, v, z, side, d, c, eff_d, eff_c, scene, nodes, plus, minus, work, log):
    """One neuron from event to event, where its sides, `d` and `c` change; `eff_`: as felt sliding."""
    face(w, d, work)
    sign = np.sign(v[j]) if v[j] != 0.0 else np.sign(work.pulled[0])
    asleep, x, ahead, meetings = dot(w, w) == 0.0, 0.0, 0.0, 0
    if len(log.rows) < log.count[0] + len(side) + 3:
        return FULL
    if scene.start == 0.0 and not asleep:  # later its sides are those of the step before
        touched = tight_walls(side, np.int64(NOTHING))
        if len(touched) > 0:
            resolve(touched, 0.0, sign, j, side, d, c, scene, log)
    sliding, leave = _begin(0.0, sign, side, d, c, scene, eff_d, eff_c, work)
    for node in range(len(nodes)):
        while x < nodes[node] and not asleep:
            dd, cc = (eff_d, eff_c) if sliding else (d, c)
            goal, event = min(nodes[node], leave), np.int64(NOTHING)
            if x < goal:
                v[j], x, event = until_event(
                    x, goal, ahead, scene.length, sign, scene.rtol, w, v[j], z, side, dd, cc, work
                )
            if event == NOTHING and x < leave:
                continue
            meetings += 1  # turns count too: where v only just reaches 0, they need not end
            if meetings > 100 * (len(side) + 10):
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
                noise = ROOT * abs(v[j]) * (1.0 + 2.0 * scene.length * fastest(0.0, 1.0, work.square))
                if _at_centre(z, cc, work.path, noise):
                    _rest(w, z, side, sign, time, j, scene, log)
                    asleep = True
                    break
            if event >= 0 and not sliding and crosses(event, then, sign, side[event], c, scene):
                change(event, np.int8(-side[event]), x, j, side, d, c, scene, log)
            else:
                resolve(tight_walls(side, event), then, sign, j, side, d, c, scene, log)
            # At a tangency the rule may see no reason to change anything: let it look ahead.
            ahead = max(4.0 * ahead, 1e-9) if log.count[0] == before else 0.0
            sliding, leave = _begin(x + ahead, sign, side, d, c, scene, eff_d, eff_c, work)
        _collect(v[j], z, side, plus[node], minus[node])
    return 0


@inner
def _collect(v, z, side, plus, minus):
    """Add `v z_i` to the sum of the side on which the neuron is."""
    for i in range(len(z)):
        if side[i] > 0:
            plus[i] += v * z[i]
        elif side[i] < 0:
            minus[i] += v * z[i]


@inner
def _begin(x, sign, side, d, c, scene, eff_d, eff_c, work):
    """Whether the neuron slides from x on, and where that ends; the products of what it feels."""
    for i in range(len(side)):
        if side[i] == 0:
            leave = slide(tight_walls(side, np.int64(NOTHING)), x, sign, d, c, scene, eff_d, eff_c)
            products(eff_d, work.square)
            return True, leave
    products(d, work.square)
    return False, 2.0


@inner
def _at_centre(z, c, path, noise):
    """Whether all heights have just vanished at once. With one wall there is no centre."""
    most = least = 0.0
    for i in range(len(z)):
        least = max(least, abs(z[i]))
        most = max(most, abs(z[i] - along(c, i, path[0], path[1], path[2])))
    return len(z) > 1 and least <= CENTRE * most + noise


@inner
def _rest(w, z, side, sign, time, neuron, scene, log):
    """End where all hyperplanes meet: there `σ'(0) = 0` makes D vanish, and the neuron stays."""
    for i in range(len(w)):  # not the rounding of zero, which has a side
        w[i] = 0.0
    note(log, time, neuron, np.int64(REST), np.int8(sign), np.int8(sign))
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
    dim, work = theta.shape[1] - 1, new_work()
    products(d, work.square)
    for row in range(len(theta)):
        x, w = 0.0, theta[row, :dim]
        for node in range(len(nodes)):
            face(w, d, work)
            v = two_boosts(x, nodes[node], length, w, theta[row, dim], d, work)
            walk(w, d, work.path)
            theta[row, dim], x = v, nodes[node]
            if len(momentum) > 0:
                for i in range(dim):
                    momentum[node, i] += v * w[i]


@entry
def felt(sign, side, d, c, scene):
    """`D` and `⟨D, u_i⟩` as a cell that slides on walls feels them, and where it leaves one (2: not)."""
    eff_d, eff_c = d.copy(), c.copy()
    return eff_d, eff_c, slide(tight_walls(side, np.int64(NOTHING)), 0.0, sign, d, c, scene, eff_d, eff_c)


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
