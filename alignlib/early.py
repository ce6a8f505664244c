"""The early phase, exactly: constant pulls, decoupled neurons, no step size.

While the outputs are negligible the pulls stay those of the zero network. Each neuron is then boosted
in closed form from wall to wall (module `boost`), and what happens at a wall is a rule (`meet`).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from alignlib import inputs, record
from alignlib import loss as losses
from alignlib.boost import NEAR, light_cone, meet, moved, time_of_path, time_of_turn
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
        z[j], c[j], sides[j], path[j] = height, pull, side, way
        j += 1
    return j, count


@njit(cache=True)
def _follow_neuron(j, w, v, z, c, side, path, u, gram, below, above, end, log, count):
    """One neuron from wall to wall: `v` at the end and the new length of the log, -1 if it is full.

    Changed in place: heights `z`, `c_i = ⟨D, u_i⟩`, sides, and `path_i`, with `w = w(0) + Σ path_i u_i`.
    """
    m = len(z)
    if not w.any():
        return v, count
    norm = np.sqrt((w * w).sum())
    minkowski = (norm - v) * (norm + v)
    if abs(minkowski) < 4e-16 * norm * norm:
        minkowski = 0.0
    a = np.where(side > 0, above, np.where(side < 0, below, 0.0))
    sign = np.sign(v) if v != 0.0 else np.sign(a @ z)
    since, s, now, tight = np.zeros(m), 0.0, 0.0, 0
    slow = NEAR * (np.abs(above).sum() + np.abs(below).sum())
    started = np.flatnonzero(side == 0)
    if len(started):
        tight = _touch(started, sign, a, c, side, since, path, s, gram, below, above)
    pulled, size2, changes, ended = a @ z, a @ c, 0, False
    while True:
        if size2 <= slow * slow:
            size2, pulled = 0.0, 0.0
        delta = np.sqrt(size2)
        if v == 0.0 and pulled == 0.0:
            break
        plus, minus = light_cone(v, pulled, delta, np.nan)
        if abs(plus) < 0.01 * abs(v) or abs(minus) < 0.01 * abs(v):
            here, d = w + (path + a * (s - since)) @ u, a @ u
            across = ((here - (pulled / size2) * d) ** 2).sum() - minkowski
            plus, minus = light_cone(v, pulled, delta, across)
        distance, k = _nearest(z, c, side, sign, slow)
        reach = time_of_path(distance, v, plus, minus, delta) if k >= 0 else np.inf
        turn = time_of_turn(v, plus, minus, delta)
        step = min(reach, turn)
        if now + step > end or step == np.inf:
            if end < np.inf:
                v, p = moved(v, plus, minus, delta, end - now)
                s += p
            elif delta > 0.0 and plus != 0.0:
                w[:], ended = np.sign(plus) / delta * (a @ u), True
            break
        if count + m + 1 > len(log):
            return v, -1
        now += step
        v, p = moved(v, plus, minus, delta, step)
        p = sign * distance if reach <= turn else p
        z += c * p
        s += p
        pulled += size2 * p
        if turn < reach:
            count = _log(log, count, now, j, -1, sign, -sign)
            v, sign, k = 0.0, -sign, -1
        else:
            z[k] = 0.0
            if tight == 0:
                near, far = (above[k], below[k]) if side[k] > 0 else (below[k], above[k])
                jump = far - near
                if sign * jump * side[k] <= 0.0 or sign * (c[k] + jump) * side[k] < -slow:
                    count = _log(log, count, now, j, k, side[k], -side[k])
                    size2 += jump * (2.0 * c[k] + jump)
                    _add(c, jump, gram[k])
                    path[k] += near * (s - since[k])
                    since[k], a[k], side[k] = s, far, -side[k]
                    k = -2
        if k != -2 and (k >= 0 or tight > 0):
            touched = np.flatnonzero(side == 0) if k < 0 else np.append(np.flatnonzero(side == 0), k)
            came = side[touched]
            tight = _touch(touched, sign, a, c, side, since, path, s, gram, below, above)
            for i in range(len(touched)):
                if side[touched[i]] != came[i]:
                    count = _log(log, count, now, j, touched[i], came[i], side[touched[i]])
            size2 = a @ c
        changes += 1
        if changes % 16 == 0 or not a.any():
            pulled, size2 = a @ z, a @ c
        if changes > 1000 * (m + 10):
            raise RuntimeError("a neuron meets walls without end: please report these data")
    path += a * (s - since)
    if end == np.inf and not ended:
        w += path @ u
        w /= np.sqrt((w * w).sum())
    return v, count


@njit(cache=True)
def _touch(touched, sign, a, c, side, since, path, s, gram, below, above):
    """Apply the rule `boost.meet` to the touched walls; the number of walls it slides on after it."""
    part = gram[touched][:, touched]
    old = a[touched]
    went, new = meet(part, c[touched] - part @ old, below[touched], above[touched], sign, side[touched])
    for i in range(len(touched)):
        k = touched[i]
        path[k] += old[i] * (s - since[k])
        since[k], a[k], side[k] = s, new[i], went[i]
        _add(c, new[i] - old[i], gram[k])
    for i in range(len(touched)):
        if side[touched[i]] == 0:
            c[touched[i]] = 0.0
    return int((side == 0).sum())


@njit(cache=True)
def _nearest(z, c, side, sign, slow):
    """The wall that `|P|` reaches first, and its distance; -1 if the neuron approaches none."""
    best, at = np.inf, -1
    for i in range(len(z)):
        speed = -side[i] * sign * c[i]
        if speed > slow:
            height = side[i] * z[i]
            if height < best * speed:
                best, at = max(height, 0.0) / speed, i
    return best, at


@njit(cache=True, fastmath=True)
def _add(c, factor, row):
    for i in range(len(c)):
        c[i] += factor * row[i]


@njit(cache=True)
def _log(log, count, t, neuron, wall, came, went):
    row = log[count]
    row.t, row.neuron, row.wall, row.came, row.went = t, neuron, wall, came, went
    return count + 1
