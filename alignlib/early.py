"""The early phase, exactly: constant pulls, decoupled neurons, no step size.

While the outputs are negligible the pulls stay those of the zero network. Each neuron is then boosted
in closed form from wall to wall (module `boost`), and what happens at a wall is a rule (`meet`).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from alignlib import inputs, record
from alignlib import loss as losses
from alignlib.boost import NEAR, add, dot, light_cone, meet, moved, time_of_path, time_of_turn
from alignlib.network import Network
from alignlib.trajectory import Trajectory
from alignlib.walls import Walls

CHUNK = 2**23  # neurons times walls handled at once, which bounds the memory


@dataclass(frozen=True, eq=False, repr=False)
class EarlyFlow(Trajectory):
    """A trajectory of the early phase; `at` accepts every time from 0 on.

    Attributes
    ----------
    alignment_times : (h,) the time from which on each neuron is at its goal; inf if never
    directions : (h, d) the limits of `w_j / ‖w_j‖` as t grows
    patterns : (h, n) booleans, the samples on which each neuron is active in the end
    sliding : (h, n) booleans, the samples on whose hyperplane it slides in the end
    """

    alignment_times: np.ndarray
    directions: np.ndarray
    patterns: np.ndarray
    sliding: np.ndarray

    def at(self, t):
        """The network at time `t ≥ 0`, exact also after the last event."""
        if not t >= 0:
            raise ValueError(f"`t` must be at least 0, got {t!r}")
        return self.state(float(t))


def early_flow(net, data, loss, t_end=None, t_save=None):
    """Follow every neuron of `net` under the constant pulls `g_k(0)` of the zero network.

    Exact for any data and loss: `ẇ_j = v_j D_j`, `v̇_j = ⟨w_j, D_j⟩` between events in closed form,
    events from section 3 of the rules in `boost.meet`. It does not depend on the scale of `net`.

    Parameters
    ----------
    t_end : float; without it, the time of the last event of all (at least 1)
    t_save : times to keep; without it, 0 and `t_end`

    Returns
    -------
    EarlyFlow
        A `Trajectory` with the alignment time and the final direction of every neuron. Its events
        are all events, its directions are limits, whatever `t_end`.

    Raises
    ------
    ValueError
        If an argument does not fit, or if a time is so late that the weights overflow.
    """
    loss = losses.get(loss)
    if net.dim != data.dim:
        raise ValueError(f"`net` must have dim {data.dim}, that of `data`, got {net.dim}")
    walls = Walls.of(data.x)
    below, above = walls.pulls(loss.pull(np.zeros(data.n), data.y))
    w, v, sides, log = _follow(net, walls, below, above, np.inf)
    events = record.expand(log, walls)
    if t_end is None:
        t_end = max(1.0, float(log["t"].max(initial=0.0)))
    t_end = inputs.positive("t_end", t_end)
    t = np.array([0.0, t_end]) if t_save is None else record.times_to_keep(t_save, t_end)

    def state(time):
        if time == 0.0:
            return net
        then_w, then_v, _, _ = _follow(net, walls, below, above, time)
        if not (np.isfinite(then_w).all() and np.isfinite(then_v).all()):
            raise ValueError(f"`t` must be smaller, got {time:g}: the weights overflow by then")
        return Network(then_w, then_v)

    since = record.aligned_since(log, walls, walls.sides(net)[1], np.sign(net.v), data)
    on = sides[:, walls.wall] * np.sign(walls.size).astype(np.int8)
    on[:, walls.wall < 0] = -1
    return EarlyFlow(
        data,
        loss,
        t,
        np.array([state(time)(data.x) for time in t]),
        events,
        float(since.max()) if since.size else np.nan,
        "every neuron has had its last event",
        state,
        alignment_times=since,
        directions=w,
        patterns=on > 0,
        sliding=on == 0,
    )


def _follow(net, walls, below, above, t):
    """Weights at time `t`, sides, and the log; for `t = inf`, limits of the directions instead."""
    h = net.width
    w, v, sides = net.w.copy(), net.v.copy(), np.empty((h, walls.m), np.int8)
    rows = max(1, CHUNK // max(walls.m, 1))
    logs = []
    for first in range(0, h, rows):
        part = slice(first, min(first + rows, h))
        z, side = walls.sides(Network(net.w[part], net.v[part]))
        path = np.zeros_like(z)
        c = np.where(side > 0, above, np.where(side < 0, below, 0.0)) @ walls.gram
        log = record.new_log((part.stop - first) * (walls.m + 4))
        count, j = 0, 0
        while j < part.stop - first:
            j, count = _follow_neurons(
                j, w[part], v[part], z, c, side, path, walls.u, walls.gram, below, above, t, log, count
            )
            if j < part.stop - first:
                log = np.concatenate([log, record.new_log(len(log))])
        log = log[:count]
        log["neuron"] += first
        logs.append(log)
        if np.isfinite(t):
            w[part] += path @ walls.u
        sides[part] = side
    return w, v, sides, np.concatenate(logs)


@njit(cache=True)
def _follow_neurons(j, w, v, z, c, sides, path, u, gram, below, above, end, log, count):
    """Follow the neurons from j on until `end`; stops early, before a neuron, if the log is full."""
    while j < len(v):
        height, pull, side, way = z[j].copy(), c[j].copy(), sides[j].copy(), path[j].copy()
        v_end, after = _follow_neuron(
            j, w[j], v[j], height, pull, side, way, u, gram, below, above, end, log, count
        )
        if after < 0:
            return j, count
        v[j], count = v_end, after
        sides[j, :], path[j, :] = side, way
        j += 1
    return j, count


@njit(cache=True)
def _follow_neuron(j, w, v, z, c, side, path, u, gram, below, above, end, log, count):
    """One neuron from wall to wall: `v` at the end and the new length of the log, -1 if it is full.

    Changed in place: heights `z`, `c_i = ⟨D, u_i⟩`, sides, and `path_i`, with `w = w(0) + Σ path_i u_i`.
    With `end = inf`, `w` becomes the limit of its direction.
    """
    m = len(z)
    if dot(w, w) == 0.0:
        return v, count
    minkowski = _minkowski(w, v)
    a, since, s, now, total = np.zeros(m), np.zeros(m), 0.0, 0.0, 0.0
    for i in range(m):
        total += abs(above[i]) + abs(below[i])
        if side[i] != 0:
            a[i] = above[i] if side[i] > 0 else below[i]
    slow = NEAR * total
    sign = np.sign(v) if v != 0.0 else np.sign(dot(a, z))
    sliding = False
    if not side.all():
        touched = np.flatnonzero(side == 0)
        sliding = _touch(touched, sign, a, c, side, since, path, s, gram, below, above)
    pulled, size2, changes = dot(a, z), dot(a, c), 0
    while True:
        if size2 <= slow * slow:
            size2, pulled = 0.0, 0.0
        delta = np.sqrt(size2)
        plus, minus = light_cone(v, pulled, delta, np.nan)
        if delta > 0.0 and min(abs(plus), abs(minus)) < 0.01 * abs(v):
            across = _across(w, a, since, path, s, u, pulled / size2) - minkowski
            plus, minus = light_cone(v, pulled, delta, across)
        distance, k = _nearest(z, c, side, sign, slow)
        reach = time_of_path(distance, v, plus, minus, delta) if k >= 0 else np.inf
        turn = time_of_turn(v, plus, minus, delta)
        step = min(reach, turn)
        if now + step > end or step == np.inf:
            if end < np.inf:
                v, p = moved(v, plus, minus, delta, end - now)
                s += p
            break
        if count + m + 1 > len(log):
            return v, -1
        now += step
        v, p = moved(v, plus, minus, delta, step)
        if reach <= turn:
            p = sign * distance
        s += p
        pulled += size2 * p
        add(z, p, c)
        if turn < reach:
            count = _write(log, count, now, j, -1, sign, -sign)
            v, sign = 0.0, -sign
        else:
            z[k] = 0.0
        jump = _jump_across(k, sign, c, side, below, above, slow)
        if reach <= turn and not sliding and jump != 0.0:
            count = _write(log, count, now, j, k, side[k], -side[k])
            size2 += jump * (2.0 * c[k] + jump)
            add(c, jump, gram[k])
            path[k] += a[k] * (s - since[k])
            since[k], a[k], side[k] = s, a[k] + jump, -side[k]
        elif reach <= turn or sliding:
            touched = np.flatnonzero(side == 0)
            if reach <= turn:
                touched = np.append(touched, k)
            came = side[touched]
            sliding = _touch(touched, sign, a, c, side, since, path, s, gram, below, above)
            for i in range(len(touched)):
                if side[touched[i]] != came[i]:
                    count = _write(log, count, now, j, touched[i], came[i], side[touched[i]])
            size2 = dot(a, c)
        changes += 1
        if changes % 16 == 0 or not a.any():
            pulled, size2 = dot(a, z), dot(a, c)
        if changes > 1000 * (m + 10):
            raise RuntimeError("a neuron meets walls without end")
    for i in range(m):
        path[i] += a[i] * (s - since[i])
    if end == np.inf:
        _to_limit(w, a, path, u, delta, plus)
    return v, count


@njit(cache=True)
def _jump_across(k, sign, c, side, below, above, slow):
    """The change of `a_k` if the neuron crosses wall k, the only one it touches; 0 if it does not."""
    if k < 0:
        return 0.0
    jump = (below[k] - above[k]) * side[k]
    repels = sign * jump * side[k] < 0.0
    return jump if repels or sign * (c[k] + jump) * side[k] < -slow else 0.0


@njit(cache=True)
def _touch(touched, sign, a, c, side, since, path, s, gram, below, above):
    """Apply the rule `boost.meet` to the touched walls; whether the neuron slides after it."""
    n = len(touched)
    part, q = np.empty((n, n)), np.empty(n)
    for i in range(n):
        q[i] = c[touched[i]]
        for k in range(n):
            part[i, k] = gram[touched[i], touched[k]]
            q[i] -= part[i, k] * a[touched[k]]
    went, new = meet(part, q, below[touched], above[touched], sign, side[touched])
    for i in range(n):
        k = touched[i]
        path[k] += a[k] * (s - since[k])
        add(c, new[i] - a[k], gram[k])
        since[k], a[k], side[k] = s, new[i], went[i]
    for k in touched:
        if side[k] == 0:
            c[k] = 0.0
    return not went.all()


@njit(cache=True)
def _nearest(z, c, side, sign, slow):
    """How far `|P|` may grow until the neuron meets a wall, and which; -1 if it approaches none."""
    best, at = np.inf, -1
    for i in range(len(z)):
        speed = -side[i] * sign * c[i]
        if speed > slow:
            height = max(side[i] * z[i], 0.0)
            if at < 0 or height < best * speed:
                best, at = height / speed, i
    return best, at


@njit(cache=True)
def _minkowski(w, v):
    """`‖w‖² - v²`; exactly 0 where it is rounding noise, so that a light-like neuron is one."""
    norm = np.sqrt(dot(w, w))
    value = (norm - v) * (norm + v)
    return value if abs(value) > 4e-16 * norm * norm else 0.0


@njit(cache=True)
def _across(w, a, since, path, s, u, shadow):
    """`‖w_⊥‖²` now, w_⊥ the part of w orthogonal to D, for `shadow = ⟨w, D⟩/‖D‖²`."""
    rest = w.copy()
    for i in range(len(a)):
        add(rest, path[i] + a[i] * (s - since[i] - shadow), u[i])
    return dot(rest, rest)


@njit(cache=True)
def _to_limit(w, a, path, u, delta, plus):
    """Turn `w` at the start into the limit of `w / ‖w‖`: `± D/‖D‖`, or its direction if it rests."""
    if delta > 0.0 and plus != 0.0:
        w[:] = 0.0
        for i in range(len(a)):
            add(w, np.sign(plus) * a[i], u[i])
    else:
        for i in range(len(a)):
            add(w, path[i], u[i])
    size = np.sqrt(dot(w, w))
    for i in range(len(w)):
        w[i] /= size


@njit(cache=True)
def _write(log, count, t, neuron, wall, came, went):
    row = log[count]
    row.t, row.neuron, row.wall, row.came, row.went = t, neuron, wall, came, went
    return count + 1
