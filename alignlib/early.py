"""The early phase, exactly: constant pulls, decoupled neurons, no step size.

While the outputs are negligible the pulls stay those of the zero network. Each neuron is then boosted
in closed form from wall to wall (module `boost`), and what happens at a wall is a rule (`meet`).
"""

from dataclasses import dataclass

import numpy as np

from alignlib import inputs, polygon, record
from alignlib import loss as losses
from alignlib.boost import NEAR, OPPOSED
from alignlib.network import Network
from alignlib.trajectory import Trajectory
from alignlib.walls import Walls

LIGHT = 4e-16  # relative ‖w‖² - v² below this is rounding: the neuron is light-like
LATEST = 250.0  # largest exponent of growth up to the default end
CHUNK = 2**18  # neurons times walls handled at once: what they need stays near the processor
FIRST_LOG = 2**20  # rows of the log to begin with, at most


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
    d: np.ndarray
    neurons: np.ndarray
    sides: np.ndarray
    log: np.ndarray
    first_sides: np.ndarray
    total: float
    line: int

    @property
    def v(self):
        return self.neurons["v"]

    @property
    def since(self):
        return self.neurons["t"]

    def light_cone(self):
        """`v + b`, `v - b`, and `‖D‖`, as in `boost.light_cone`."""
        size2 = (self.d**2).sum(axis=1)
        moves = size2 > (NEAR * self.total) ** 2  # else D is the rounding of zero
        shadow = np.divide((self.w * self.d).sum(axis=1), size2, out=np.zeros_like(size2), where=moves)
        delta = np.sqrt(np.where(moves, size2, 0.0))
        plus, minus = self.v + shadow * delta, self.v - shadow * delta
        across = ((self.w - shadow[:, None] * self.d) ** 2).sum(axis=1)
        noise = OPPOSED * np.maximum(self.v**2 + self.neurons["minkowski"], self.neurons["first2"])
        noise *= 1 + self.total**2 / np.where(moves, size2, np.inf)
        on_a_line = self.line == 1 + (self.sides == 0).sum(axis=1)
        across[(across < noise) | on_a_line] = 0.0
        product = across - self.neurons["minkowski"]
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
    below, above = pulls
    neurons, w, d = _neurons(net), net.w.copy(), np.empty_like(net.w)
    first_sides, sides = np.empty((2, net.width, walls.m), np.int8)
    total = float(np.abs(below).sum() + np.abs(above).sum())
    line = net.dim if _span_all(walls.u) else 0
    field = np.array([(end, total, NEAR * total, line, 0)], polygon.FIELD)[0]
    log = record.new_log(min(net.width * (walls.m + 4), FIRST_LOG) + walls.m)
    rows = max(1, CHUNK // max(walls.m, 1))
    for first in range(0, net.width, rows):
        part = slice(first, first + rows)
        z, first_sides[part] = walls.sides(Network(net.w[part], net.v[part]))
        a = np.where(first_sides[part] > 0, above, np.where(first_sides[part] < 0, below, 0.0))
        on = np.zeros((len(z), polygon.COURSE, walls.m + -walls.m % polygon.BLOCK))
        for row, value in zip(
            (polygon.Z, polygon.C, polygon.A, polygon.SIDE), (z, a @ walls.gram, a, first_sides[part])
        ):
            on[:, row, : walls.m] = value
        done = 0
        while done < len(z):
            done = polygon.follow(
                neurons[part], done, on, field, walls.gram, np.array(pulls), net.w[part], walls.u, log
            )
            if done < len(z):
                log = np.concatenate([log, record.new_log(len(log))])
        w[part] += on[:, polygon.PATH, : walls.m] @ walls.u
        d[part], sides[part] = on[:, polygon.A, : walls.m] @ walls.u, on[:, polygon.SIDE, : walls.m]
    return _Stretch(w, d, neurons, sides, log[: field["count"]], first_sides, total, line)


def _neurons(net):
    """The neurons at the start, as `polygon.follow` wants them."""
    neurons = np.zeros(net.width, polygon.NEURON)
    neurons["number"] = np.arange(net.width)
    neurons["v"], neurons["first2"] = net.v, (net.w**2).sum(axis=1)
    neurons["minkowski"] = net.minkowski()
    neurons["minkowski"][np.abs(neurons["minkowski"]) < LIGHT * neurons["first2"]] = 0.0
    return neurons


def _span_all(u):
    """Whether the rows span the whole space, safely; the quick answers first, for black margins."""
    if len(u) < u.shape[1] or not u.any(axis=0).all():
        return False
    try:
        pivots = np.linalg.cholesky(u.T @ u).diagonal()
    except np.linalg.LinAlgError:
        return False
    return pivots.min() > 1e-5 * pivots.max()
