"""Neurons under pulls that change with time: one sweep of the solver, events included.

Over one step of length H the pulls are a polynomial in `s = (time - start)/H`, `g(s) = Σ_q g_q s^q`
with q = 0, 1, 2. What a neuron feels is linear in them: `D(s) = Σ_q D_q s^q`. On an interval it is moved
by two boosts with averaged D, the commutator-free Magnus formula of order four (Blanes and Moan,
2006); an interval ends where the neuron meets a wall, found by Newton's method, so the order holds
through events. All compiled by Numba.
"""

import numpy as np
from numba import njit

from alignlib.boost import (
    CENTRE,
    RIDGE,
    add,
    copy,
    dot,
    height,
    light_cone,
    meet,
    moved,
    solve,
    time_of_path,
    time_of_turn,
    write,
)

TERMS = 3  # coefficients of the polynomial of the pulls
NOISE = 1e-14  # a height below this share of ‖w‖ and its change, on the wrong side, is rounding
FULL, ENDLESS = -1, -2  # what `fly` may return instead of a number of events
TURN, RELEASE = -2, -3  # events that are not the meeting of a wall


@njit(cache=True)
def fly(w, v, z, sides, d, c, below, above, u, gram, length, nodes, plus, minus, start, log):
    """Move every neuron over a step, in place; the number of events, -1 if `log` is too short for it.

    w (h, d), v (h,), heights z (h, m), sides (h, m); `d` (h, 3, d), `c` (h, 3, m), `below` and `above`
    (3, m): coefficients of `D_j`, of `⟨D_j, u_i⟩` and of the walls' pulls; nodes: increasing, the last
    one the end of the flight. `plus` and `minus` (nodes, m) collect `Σ_j v_j z_ji` on either side.
    """
    h, m = z.shape
    buffers = np.empty((2, m)), np.empty((2, w.shape[1]))
    eff_c, eff_d = np.empty((TERMS, m)), np.empty((TERMS, w.shape[1]))
    count = 0
    for j in range(h):
        side = sides[j]
        asleep = dot(w[j], w[j]) == 0.0
        sliding = not side.all() and not asleep
        sign = _sign(v[j], w[j], d[j], 0.0)
        leave = 2.0
        if sliding:
            touched = np.flatnonzero(side == 0)
            if count + m + 2 > len(log):
                return FULL
            count = _resolve(
                touched, 0.0, sign, side, d[j], c[j], below, above, u, gram, start, j, log, count
            )
            sliding = _slide(side, d[j], c[j], gram, u, eff_d, eff_c)
            leave = _next_release(0.0, side, c[j], gram, below, above) if sliding else 2.0
        x, ahead = 0.0, 0.0
        for node in range(len(nodes)):
            meetings = 0
            while x < nodes[node] and not asleep:
                if count + m + 2 > len(log):
                    return FULL
                dd, cc = (eff_d, eff_c) if sliding else (d[j], c[j])
                goal, was_high = min(nodes[node], leave), height(z[j])
                v[j], x, event = _until_event(
                    x, goal, ahead, length, w[j], v[j], z[j], side, dd, cc, buffers, leave <= nodes[node]
                )
                if event == -1:
                    continue
                if event == TURN:
                    v[j] = 0.0
                    count = write(log, count, start + length * x, j, -1, sign, -sign)
                    sign, ahead = -sign, 0.0
                    if not sliding:
                        continue
                touched = np.flatnonzero(side == 0)
                if event >= 0:
                    z[j, event] = 0.0
                    # With one wall there is no centre: all heights vanish at every crossing.
                    if len(side) > 1 and height(z[j]) <= CENTRE * was_high:
                        count = _rest(z[j], side, below, start + length * x, j, log, count)
                        asleep = True
                        break
                    touched = np.append(touched, event)
                before = count
                count = _resolve(
                    touched,
                    min(x + ahead, 1.0),
                    sign,
                    side,
                    d[j],
                    c[j],
                    below,
                    above,
                    u,
                    gram,
                    start + length * x,
                    j,
                    log,
                    count,
                )
                sliding = _slide(side, d[j], c[j], gram, u, eff_d, eff_c)
                # At a tangency the rule may see no reason to change anything: let it look ahead.
                ahead = max(4.0 * ahead, 1e-9) if count == before else 0.0
                leave = _next_release(x + ahead, side, c[j], gram, below, above) if sliding else 2.0
                meetings += 1
                if meetings > 100 * (m + 10):
                    return ENDLESS
            for i in range(m):
                if side[i] > 0:
                    plus[node, i] += v[j] * z[j, i]
                elif side[i] < 0:
                    minus[node, i] += v[j] * z[j, i]
    return count


@njit(cache=True)
def _rest(z, side, below, time, neuron, log, count):
    """End where all hyperplanes meet: there `σ'(0) = 0` makes D vanish, and the neuron stays."""
    for i in range(len(z)):
        went = 0 if below[:, i].any() else -1
        if side[i] != went:
            count = write(log, count, time, neuron, i, side[i], went)
        side[i], z[i] = went, 0.0
    return count


@njit(cache=True)
def carry(theta, d, length, nodes, result):
    """Move the rows `(w, v)` of `theta` under one D, past all walls; `result` (nodes, rows, d + 1)."""
    dim = theta.shape[1] - 1
    ws, zs, none = np.empty((2, dim)), np.empty((2, 0)), np.empty(0, np.int8)
    for row in range(theta.shape[0]):
        w = theta[row, :dim].copy()
        v, x = theta[row, dim], 0.0
        for node in range(len(nodes)):
            later = _two_boosts(x, nodes[node], length, w, v, zs[0], none, d, d[:, :0], zs, ws)
            v, x = later[0], nodes[node]
            for i in range(dim):
                w[i] = ws[1, i]
                result[node, row, i] = w[i]
            result[node, row, dim] = v


@njit(cache=True)
def force(side, below, above, u, gram):
    """`D` (3, d) and `⟨D, u_i⟩` (3, m) on these sides, and where in the step it leaves a wall (2: not)."""
    d, c = np.zeros((TERMS, u.shape[1])), np.zeros((TERMS, len(side)))
    for i in range(len(side)):
        for term in range(TERMS):
            a = above[term, i] if side[i] > 0 else (below[term, i] if side[i] < 0 else 0.0)
            if a != 0.0:
                add(d[term], a, u[i])
    for i in range(len(side)):
        for term in range(TERMS):
            c[term, i] = dot(d[term], u[i])
    eff_d, eff_c = d.copy(), c.copy()
    leave = 2.0
    if _slide(side, d, c, gram, u, eff_d, eff_c):
        leave = _next_release(0.0, side, c, gram, below, above)
    return eff_d, eff_c, leave


@njit(cache=True)
def _until_event(x, goal, ahead, length, w, v, z, side, d, c, buffers, release):
    """Move from x to the first event, or to `goal`: v there, x there, and the event (-1: none).

    `w` and `z` are moved in place. The first guess takes the averaged D for the true one; Newton's
    method on the height over the wall that is met (or on v), kept between the last point `low` before
    the event and the first `high` after it, makes the time exact.
    """
    zs, ws = buffers
    end, low, high, target = goal, x, goal, -1
    for _ in range(60):
        later, where, event = _two_boosts(x, end, length, w, v, z, side, d, c, zs, ws)
        if target == -1 and event == -1:
            break
        if target == -1 or (event != -1 and event != target and where < end - 1e-13):
            target, low, high = event, x, end
            # One that leaves the wall and will turn back to it: not the root where it started.
            leaving = event >= 0 and v * _term(c, event, x + ahead) * side[event] >= 0.0
            end = high if leaving else where
            if end < high:
                continue
        if target == TURN:
            miss, before = later, later * v > 0.0 or (v == 0.0 and later == 0.0)
            speed = _at(dot(d[0], ws[1]), dot(d[1], ws[1]), dot(d[2], ws[1]), end)
        else:
            miss, before = zs[1, target], zs[1, target] * side[target] > 0.0
            speed = later * _term(c, target, end)
        if before:
            low = max(low, end)
        else:
            high = min(high, end)
        shift = -miss / (length * speed) if speed != 0.0 else 0.0
        if abs(shift) <= 1e-14 or high - low <= 1e-15 or end == x:
            break
        end = end + shift if low <= end + shift <= high else 0.5 * (low + high)
        if low == goal:  # the averaged D has foreseen an event that comes after the goal
            target = -1
            break
    copy(ws[1], w)
    copy(zs[1], z)
    if target == -1:
        return later, goal, RELEASE if release else -1
    return later, end, target


@njit(cache=True)
def _two_boosts(x, end, length, w, v, z, side, d, c, zs, ws):
    """Move over [x, end] into `ws[1]`, `zs[1]`: the new v, and where the first event seems to be."""
    span = end - x
    first, second = x + (0.5 - np.sqrt(3.0) / 6.0) * span, x + (0.5 + np.sqrt(3.0) / 6.0) * span
    near, far = 0.5 + np.sqrt(3.0) / 3.0, 0.5 - np.sqrt(3.0) / 3.0
    where, event = np.inf, -1
    for half in range(2):
        p0, p1 = (near, far) if half == 0 else (far, near)
        f1, f2 = p0 * first + p1 * second, p0 * first * first + p1 * second * second
        from_w, from_z = (w, z) if half == 0 else (ws[0], zs[0])
        time = 0.5 * length * span
        v, at, k = _boost(time, from_w, v, from_z, side, d, c, f1, f2, ws[half], zs[half])
        if k != -1 and event == -1:
            where, event = x + 0.5 * half * span + at / length, k
    return v, where, event


@njit(cache=True)
def _boost(time, w, v, z, side, d, c, f1, f2, w_to, z_to):
    """One boost along `d_0 + f1 d_1 + f2 d_2`: the new v, and the time and kind of the first event."""
    size2, pulled, norm2 = 0.0, 0.0, 0.0
    for i in range(len(w)):
        w_to[i] = d[0, i] + f1 * d[1, i] + f2 * d[2, i]
        size2 += w_to[i] * w_to[i]
        pulled += w_to[i] * w[i]
        norm2 += w[i] * w[i]
    delta = np.sqrt(size2)
    plus, minus = light_cone(v, pulled, delta, np.nan)
    if delta > 0.0 and min(abs(plus), abs(minus)) < 0.01 * abs(v):
        across = 0.0
        for i in range(len(w)):
            across += (w[i] - pulled / size2 * w_to[i]) ** 2
        invariant = norm2 - v * v
        if abs(invariant) < 4e-15 * norm2:
            invariant = 0.0
        plus, minus = light_cone(v, pulled, delta, across - invariant)
    turn = time_of_turn(v, plus, minus, delta)
    later, path = moved(v, plus, minus, delta, time)
    far = path if turn >= time else moved(v, plus, minus, delta, turn)[1]
    shortest, event, limit = np.inf, -1, NOISE * (np.sqrt(norm2) + abs(path) * delta)
    for i in range(len(z)):
        speed = c[0, i] + f1 * c[1, i] + f2 * c[2, i]
        z_to[i] = z[i] + path * speed
        if side[i] * far * speed < 0.0 and side[i] * (z[i] + far * speed) < -limit:
            height = max(side[i] * z[i], 0.0) / abs(speed)
            if height < shortest:
                shortest, event = height, i
    for i in range(len(w)):
        w_to[i] = w[i] + path * w_to[i]
    if event >= 0:
        return later, min(time_of_path(shortest, v, plus, minus, delta), time), event
    if turn < time:
        return later, turn, TURN
    return later, np.inf, -1


@njit(cache=True)
def _resolve(touched, x, sign, side, d, c, below, above, u, gram, time, neuron, log, count):
    """Apply the rule `boost.meet` at x; `d` and `c` then hold all walls but those it slides on."""
    n = len(touched)
    part, q, low, high = np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        k = touched[i]
        low[i] = _at(below[0, k], below[1, k], below[2, k], x)
        high[i] = _at(above[0, k], above[1, k], above[2, k], x)
    for i in range(n):
        k = touched[i]
        q[i] = _at(c[0, k], c[1, k], c[2, k], x)
        for other in range(n):
            part[i, other] = gram[k, touched[other]]
            came = side[touched[other]]
            if came != 0:
                q[i] -= part[i, other] * (high[other] if came > 0 else low[other])
    went, _ = meet(part, q, low, high, sign, side[touched])
    for i in range(n):
        k, came = touched[i], side[touched[i]]
        if went[i] == came:
            continue
        for term in range(TERMS):
            change = 0.0
            if came != 0:
                change -= above[term, k] if came > 0 else below[term, k]
            if went[i] != 0:
                change += above[term, k] if went[i] > 0 else below[term, k]
            if change != 0.0:
                add(d[term], change, u[k])
                add(c[term], change, gram[k])
        side[k] = went[i]
        count = write(log, count, time, neuron, k, came, went[i])
    acts = False
    for i in range(len(side)):
        if side[i] == 0 or (above[:, i] if side[i] > 0 else below[:, i]).any():
            acts = True
    if not acts:  # dead: no rounding noise may move it
        for term in range(TERMS):
            add(d[term], -1.0, d[term])
            add(c[term], -1.0, c[term])
    return count


@njit(cache=True)
def _slide(side, d, c, gram, u, eff_d, eff_c):
    """Put into `eff_d`, `eff_c` the part orthogonal to all walls that the neuron slides on, if any."""
    tight = np.flatnonzero(side == 0)
    n = len(tight)
    if n == 0:
        return False
    for term in range(TERMS):
        copy(d[term], eff_d[term])
        copy(c[term], eff_c[term])
        a = sliding_part(tight, c[term], gram)
        for i in range(n):
            add(eff_d[term], a[i], u[tight[i]])
            add(eff_c[term], a[i], gram[tight[i]])
        for i in range(n):
            eff_c[term, tight[i]] = 0.0
    return True


@njit(cache=True)
def sliding_part(tight, c, gram):
    """The coefficients of the tight walls that make D orthogonal to them."""
    n = len(tight)
    system, a = np.empty((n, n)), np.empty(n)
    for i in range(n):
        a[i] = -c[tight[i]]
        for k in range(n):
            system[i, k] = gram[tight[i], tight[k]]
        system[i, i] += RIDGE * n
    solve(system, a)
    return a


@njit(cache=True)
def _next_release(x, side, c, gram, below, above):
    """The first s > x at which the coefficient of a tight wall reaches a bound; 2 if none does."""
    tight = np.flatnonzero(side == 0)
    first = 2.0
    a = np.empty((TERMS, len(tight)))
    for term in range(TERMS):
        a[term] = sliding_part(tight, c[term], gram)
    for i in range(len(tight)):
        k = tight[i]
        for bound in (below, above):
            e0, e1, e2 = a[0, i] - bound[0, k], a[1, i] - bound[1, k], a[2, i] - bound[2, k]
            first = min(first, first_root(e0, e1, e2, x + 1e-13))
    return first


@njit(cache=True)
def first_root(e0, e1, e2, after):
    """The smallest root above `after` of `e0 + e1 s + e2 s²` at which it changes sign; 2 if none."""
    square = e1 * e1 - 4.0 * e2 * e0
    if square <= 0.0:
        return 2.0
    half = -0.5 * (e1 + np.copysign(np.sqrt(square), e1))
    first = 2.0
    if half != 0.0 and e0 / half > after:
        first = e0 / half
    if e2 != 0.0 and half / e2 > after:
        first = min(first, half / e2)
    return first


@njit(cache=True)
def _sign(v, w, d, x):
    if v != 0.0:
        return np.sign(v)
    return np.sign(_at(dot(d[0], w), dot(d[1], w), dot(d[2], w), x))


@njit(cache=True)
def _at(e0, e1, e2, x):
    return e0 + x * (e1 + x * e2)


@njit(cache=True)
def _term(c, i, x):
    """`⟨D, u_i⟩` at x."""
    return _at(c[0, i], c[1, i], c[2, i], x)
