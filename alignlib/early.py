"""The early phase, exactly: constant pulls, decoupled neurons, no step size.

While the outputs are negligible the pulls stay those of the zero network. Each neuron is then boosted
in closed form from wall to wall (module `boost`), and what happens at a wall is a rule (`meet`).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from alignlib import inputs, record
from alignlib import loss as losses
from alignlib.boost import (
    CENTRE,
    NEAR,
    OPPOSED,
    add,
    copy,
    dot,
    height,
    light_cone,
    meet,
    moved,
    time_of_path,
    time_of_turn,
    write,
)
from alignlib.network import Network
from alignlib.trajectory import Trajectory
from alignlib.walls import Walls

LIGHT = 4e-16  # relative ‖w‖² - v² below this is rounding: the neuron is light-like
LATEST = 250.0  # largest exponent of growth up to the default end
CHUNK = 2**23  # neurons times walls handled at once, which bounds the memory
BLOCK = 64  # walls looked at together in the search for the next one


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
    events by the rules in `boost.meet`. It does not depend on the scale of `net`. Where the Filippov
    solution is not unique `σ'(0) = 0` decides: a neuron that reaches w = 0 (a time-like one can) rests.

    Parameters
    ----------
    t_end : float; without it, the time of the last event of all, unless weights overflow before
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
    loss = losses.fitting(loss, data)
    if net.dim != data.dim:
        raise ValueError(f"`net` must have dim {data.dim}, that of `data`, got {net.dim}")
    walls = Walls.of(data.x)
    pulls = walls.pulls(loss.pull(np.zeros(data.n), data.y))
    end = _follow(net, walls, pulls, np.inf)
    if t_end is None:
        fastest = float(np.linalg.norm(end.d, axis=1).max())
        t_end = min(float(end.since.max()) or 1.0, LATEST / max(fastest, 1e-300))
    t_end = inputs.positive("t_end", t_end)
    t = np.array([0.0, t_end]) if t_save is None else record.times_to_keep(t_save, t_end)

    state = _At(net, walls, pulls, end)
    last = float(end.since.max())
    status = "every neuron has had its last event"
    if t_end < last:
        status = f"reached t_end={t_end:g}; the last event is at t={last:g}"
    times = record.aligned_since(end.log, walls, end.first_sides, np.sign(net.v), data)
    on = end.sides[:, walls.wall] * np.sign(walls.size).astype(np.int8)
    on[:, walls.wall < 0] = -1
    return EarlyFlow(
        data,
        loss,
        t,
        np.array([state(time)(data.x) for time in t]),
        record.expand(end.log, walls),
        float(times.max()),
        status,
        state,
        alignment_times=times,
        directions=end.directions(),
        patterns=on > 0,
        sliding=on == 0,
    )


@dataclass(frozen=True, eq=False)
class _At:
    """The network at any time: neurons past their last event are carried on, the others followed."""

    net: Network
    walls: Walls
    pulls: tuple
    end: "_Stretch"

    def __call__(self, time):
        if time == 0.0:
            return self.net
        late = self.end.since <= time
        w, v = self.end.drift(time)
        if not late.all():
            part = Network(self.net.w[~late], self.net.v[~late])
            w[~late], v[~late] = _follow(part, self.walls, self.pulls, time).drift(time)
        if not (np.isfinite(w).all() and np.isfinite(v).all()):
            raise ValueError(f"`t` must be smaller, got {time:g}: the weights overflow by then")
        return Network(w, v)


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Neurons since their last event, at the times `since`: one boost along `d` takes them on."""

    w: np.ndarray
    v: np.ndarray
    d: np.ndarray
    since: np.ndarray
    sides: np.ndarray
    log: np.ndarray
    minkowski: np.ndarray
    first_size2: np.ndarray
    first_sides: np.ndarray
    total: float
    line: int

    def light_cone(self):
        """`v + b`, `v - b`, and `‖D‖`, as in `boost.light_cone`."""
        size2 = (self.d**2).sum(axis=1)
        moves = size2 > (NEAR * self.total) ** 2  # else D is the rounding of zero
        shadow = np.divide((self.w * self.d).sum(axis=1), size2, out=np.zeros_like(size2), where=moves)
        delta = np.sqrt(np.where(moves, size2, 0.0))
        plus, minus = self.v + shadow * delta, self.v - shadow * delta
        across = ((self.w - shadow[:, None] * self.d) ** 2).sum(axis=1)
        noise = OPPOSED * np.maximum(self.v**2 + self.minkowski, self.first_size2)
        noise *= 1 + self.total**2 / np.where(moves, size2, np.inf)
        on_a_line = self.line == 1 + (self.sides == 0).sum(axis=1)
        across[(across < noise) | on_a_line] = 0.0
        product = across - self.minkowski
        up, down = moves & (self.v * shadow > 0), moves & (self.v * shadow < 0)
        minus[up], plus[down] = product[up] / plus[up], product[down] / minus[down]
        return plus, minus, delta

    def drift(self, time):
        """Weights at `time`."""
        plus, minus, delta = self.light_cone()
        passed = np.maximum(time - self.since, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            growth = np.exp(delta * passed)
            v = 0.5 * (plus * growth + minus / growth)
            rate = np.where(
                delta * passed < 1e-8,
                0.5 * passed,
                np.tanh(0.5 * delta * passed) / np.where(delta > 0, delta, 1.0),
            )
            return self.w + self.d * ((self.v + v) * rate)[:, None], v

    def directions(self):
        """The limits of `w / ‖w‖`: `± D/‖D‖`, or the direction of now for a neuron at rest."""
        plus, _, delta = self.light_cone()
        sign = np.where(plus != 0, np.sign(plus), -np.sign(self.v))  # plus = 0: opposed for ever
        final = np.where((delta > 0)[:, None], sign[:, None] * self.d, self.w)
        size = np.linalg.norm(final, axis=1, keepdims=True)
        return np.divide(final, size, out=np.zeros_like(final), where=size > 0)


def _follow(net, walls, pulls, end):
    """Every neuron at its last event before `end`."""
    h, (below, above) = net.width, pulls
    w, v, d = net.w.copy(), net.v.copy(), np.empty_like(net.w)
    since, logs = np.zeros(h), []
    first_sides, sides = np.empty((2, h, walls.m), np.int8)
    invariant = net.minkowski()
    size2 = (net.w**2).sum(axis=1)
    invariant[np.abs(invariant) < LIGHT * size2] = 0.0
    total = float(np.abs(below).sum() + np.abs(above).sum())
    line = net.dim if _span_all(walls.u) else 0
    gram, rows = _padded(walls.gram), max(1, CHUNK // max(walls.m, 1))
    for first in range(0, h, rows):
        part = slice(first, min(first + rows, h))
        z, side = walls.sides(Network(net.w[part], net.v[part]))
        first_sides[part] = side
        a = np.where(side > 0, above, np.where(side < 0, below, 0.0))
        path = np.zeros_like(z)
        c, z = a @ gram, _padded(z)
        log, count, j = record.new_log((part.stop - first) * (walls.m + 4)), 0, 0
        while True:
            j, count = _follow_neurons(
                j, w[part], v[part], since[part], invariant[part], z, c, a, side, path,
                line, walls.u, gram, below, above, end, log, count,
            )  # fmt: skip
            if j == part.stop - first:
                break
            log = np.concatenate([log, record.new_log(len(log))])
        log["neuron"] += first
        logs.append(log[:count])
        w[part] += path @ walls.u
        d[part], sides[part] = a @ walls.u, side
    log = np.concatenate(logs)
    return _Stretch(w, v, d, since, sides, log, invariant, size2, first_sides, total, line)


def _span_all(u):
    """Whether the rows span the whole space; the quick answers first, for images with black margins."""
    return len(u) >= u.shape[1] and u.any(axis=0).all() and np.linalg.matrix_rank(u) == u.shape[1]


def _padded(rows):
    """The rows with zeros behind them, to whole blocks: walls at height 0 that nothing approaches."""
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % BLOCK)))


@njit(cache=True)
def _follow_neurons(
    j, w, v, since, invariant, z, c, a, side, path, line, u, gram, below, above, end, log, count
):
    """Follow the neurons from j on until `end`; stops early, before a neuron, if the log is full."""
    while j < len(v):
        before = c[j].copy(), a[j].copy(), side[j].copy(), z[j].copy()
        v_end, now, after = _follow_neuron(
            j, w[j], v[j], invariant[j], z[j], c[j], a[j], side[j], path[j],
            line, u, gram, below, above, end, log, count,
        )  # fmt: skip
        if after < 0:
            for i in range(a.shape[1]):
                a[j, i], side[j, i], path[j, i] = before[1][i], before[2][i], 0.0
            copy(before[0], c[j])
            copy(before[3], z[j])
            return j, count
        v[j], since[j], count = v_end, now, after
        j += 1
    return j, count


@njit(cache=True)
def _follow_neuron(j, w, v, invariant, z, c, a, side, path, line, u, gram, below, above, end, log, count):
    """One neuron from wall to wall, to its last event before `end`: v and the time then.

    Changed in place: heights `z`, `c_i = ⟨D, u_i⟩` and its coefficients `a`, sides, and `path_i`, with
    `w = w(0) + Σ path_i u_i`. On `line - 1` walls it slides along a line, so D is along w. The third
    result is the new length of the log, -1 if it is full.
    """
    if dot(w, w) == 0.0:
        return v, 0.0, count
    m = len(a)
    since, s, now, total = np.zeros(m), 0.0, 0.0, 0.0
    for i in range(m):
        total += abs(above[i]) + abs(below[i])
    slow = NEAR * total
    sign = np.sign(v) if v != 0.0 else np.sign(dot(a, z))
    sliding, next_k, facing = False, -1, np.zeros(len(z))
    touched = np.flatnonzero(side == 0)
    if len(touched) > 0:
        sliding, count = _touch(
            touched, sign, a, c, side, since, path, s, gram, below, above, now, j, log, count
        )
    _face(side, sign, facing)
    pulled, size2, changes = dot(a, z), dot(a, c), 0
    while True:
        if size2 <= slow * slow:
            size2, pulled = 0.0, 0.0
        distance, k, next_k = _nearest(z, c, facing, sign, slow, next_k)
        if k < 0 and v * pulled >= 0.0:
            break  # it approaches no wall, and |v| grows
        delta = np.sqrt(size2)
        plus, minus = light_cone(v, pulled, delta, np.nan)
        if delta > 0.0 and min(abs(plus), abs(minus)) < 0.01 * abs(v):
            across = _across(w, a, since, path, s, u, pulled / size2)
            noise = OPPOSED * (1.0 + total * total / size2) * max(v * v + invariant, dot(w, w))
            if across < noise or line == 1 + (side == 0).sum():
                across = 0.0
            plus, minus = light_cone(v, pulled, delta, across - invariant)
        reach = time_of_path(distance, v, plus, minus, delta) if k >= 0 else np.inf
        turn = time_of_turn(v, plus, minus, delta)
        step = min(reach, turn)
        if now + step > end or step == np.inf:
            break
        if count + m + 1 > len(log):
            return v, now, -1
        now += step
        v, p = moved(v, plus, minus, delta, step)
        if reach <= turn:
            p = sign * distance
        s += p
        was_pulled, was_high = pulled, 0.0
        pulled += size2 * p
        if abs(pulled) <= 1e-9 * abs(was_pulled):  # costs a pass over z, so only when it may be
            was_high = height(z)
        add(z, p, c)
        jump = 0.0
        if turn < reach:
            count = write(log, count, now, j, -1, sign, -sign)
            v, sign = 0.0, -sign
        else:
            z[k] = 0.0
            if m > 1 and was_high > 0.0 and height(z) <= CENTRE * was_high:
                count = _rest(a, side, since, path, s, below, now, j, log, count)
                return v, now, count
            jump = 0.0 if sliding else _jump_across(k, sign, c, side, below, above, slow)
        if jump != 0.0:
            count = write(log, count, now, j, k, side[k], -side[k])
            size2 += jump * (2.0 * c[k] + jump)
            add(c, jump, gram[k])
            path[k] += a[k] * (s - since[k])
            since[k], a[k], side[k], facing[k] = s, a[k] + jump, -side[k], -facing[k]
        elif reach <= turn or sliding:
            touched = np.flatnonzero(side == 0)
            if reach <= turn:
                touched = np.append(touched, k)
            sliding, count = _touch(
                touched, sign, a, c, side, since, path, s, gram, below, above, now, j, log, count
            )
            size2 = dot(a, c)
        if jump == 0.0:
            _face(side, sign, facing)
        changes += 1
        if changes % 16 == 0 or not _acts(a):
            pulled, size2 = dot(a, z), dot(a, c)
        if changes > 1000 * (m + 10):
            raise RuntimeError("a neuron meets walls without end")
    for i in range(m):
        path[i] += a[i] * (s - since[i])
    return v, now, count


@njit(cache=True)
def _acts(a):
    """Whether any coefficient is not 0; looks no further than the first such."""
    i = 0
    while i < len(a) and a[i] == 0.0:
        i += 1
    return i < len(a)


@njit(cache=True)
def _jump_across(k, sign, c, side, below, above, slow):
    """The change of `a_k` if the neuron crosses wall k, the only one it touches; 0 if it does not."""
    jump = (below[k] - above[k]) * side[k]
    repels = sign * jump * side[k] < 0.0
    return jump if repels or sign * (c[k] + jump) * side[k] < -slow else 0.0


@njit(cache=True)
def _touch(touched, sign, a, c, side, since, path, s, gram, below, above, now, neuron, log, count):
    """Apply the rule `boost.meet` to the touched walls: whether it slides after it, length of the log."""
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
        if side[k] != went[i]:
            count = write(log, count, now, neuron, k, side[k], went[i])
        path[k] += a[k] * (s - since[k])
        add(c, new[i] - a[k], gram[k])
        since[k], a[k], side[k] = s, new[i], went[i]
    for k in touched:
        if side[k] == 0:
            c[k] = 0.0
    return not went.all(), count


@njit(cache=True)
def _rest(a, side, since, path, s, below, now, neuron, log, count):
    """End where all hyperplanes meet: there `σ'(0) = 0` makes D vanish, and the neuron stays."""
    for i in range(len(a)):
        went = 0 if below[i] != 0.0 else -1
        if side[i] != went:
            count = write(log, count, now, neuron, i, side[i], went)
        path[i] += a[i] * (s - since[i])
        a[i], side[i] = 0.0, went
    return count


@njit(cache=True)
def _face(side, sign, facing):
    """Put into `facing` what makes `facing c` the speed, per `|P|`, at which each wall comes nearer."""
    for i in range(len(side)):
        facing[i] = -sign * side[i]


@njit(cache=True)
def _nearest(z, c, facing, sign, slow, likely):
    """How far `|P|` may grow until the neuron meets a wall, which, and the next likely one; -1 if none.

    The largest of `speed / height`. Most blocks are passed by a comparison without divisions, the
    more so if a wall `likely` to be among the nearest is looked at first.
    """
    urgency, nearest, second = 0.0, -1, -1
    ratio = np.empty(BLOCK)  # made here, so the compiler knows that it overlaps nothing
    if likely >= 0:
        speed, high = facing[likely] * c[likely] - slow, -sign * facing[likely] * z[likely]
        if speed > 0.0:
            urgency, nearest = speed / max(high, 1e-280), likely
    zs, cs, facings = z.reshape(-1, BLOCK), c.reshape(-1, BLOCK), facing.reshape(-1, BLOCK)
    for block in range(len(zs)):
        if _more_urgent(zs[block], cs[block], facings[block], sign, slow, urgency):
            for i in range(BLOCK):  # first all the divisions, which vector instructions do
                high = -sign * facings[block, i] * zs[block, i]
                ratio[i] = (facings[block, i] * cs[block, i] - slow) / max(high, 1e-280)
            for i in range(BLOCK):
                if ratio[i] > urgency:
                    urgency, nearest, second = ratio[i], block * BLOCK + i, nearest
    if nearest < 0:
        return np.inf, -1, -1
    return max(-sign * facing[nearest] * z[nearest], 0.0) / (facing[nearest] * c[nearest]), nearest, second


@njit(cache=True)
def _more_urgent(z, c, facing, sign, slow, urgency):
    """Whether a wall of the block may be met sooner than `height = speed / urgency` tells."""
    found = False
    for i in range(len(z)):  # without branches, so the compiler makes it vector instructions
        found |= facing[i] * c[i] - slow > urgency * (-sign * facing[i] * z[i])
    return found


@njit(cache=True)
def _across(w, a, since, path, s, u, shadow):
    """`‖w_⊥‖²` now, w_⊥ the part of w orthogonal to D, for `shadow = ⟨w, D⟩/‖D‖²`."""
    rest = w.copy()
    for i in range(len(a)):
        add(rest, path[i] + a[i] * (s - since[i] - shadow), u[i])
    return dot(rest, rest)
