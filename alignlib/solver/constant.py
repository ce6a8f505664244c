"""Neurons under constant pulls: each to its last event, and the one boost that takes it on from there.

The way there, from wall to wall, is compiled (module `polygon`). Here the neurons are handed to it, some
at a time, and what comes back is turned into weights.
"""

from dataclasses import dataclass

import numpy as np

from alignlib.network import Network
from alignlib.solver import course, events, polygon, threads
from alignlib.solver.tolerances import NEAR, OPPOSED, rounding

GROUP = 2**18  # neurons times walls for which there is room at once
CHUNK = 2**14  # and which one thread follows at a time: of a group enough for several threads
FIRST_LOG = 2**20  # rows of the log to begin with, at most


@dataclass(frozen=True, eq=False)
class LastLeg:
    """Neurons since their last events, at the times `since`: one boost along `d` takes each of them on.

    Attributes
    ----------
    w, d : (h, d) weights at the time `since`, and D
    neurons : (h,) numbers of each neuron, of dtype `course.NEURON`
    first_sides, sides : (h, m) the sides of the walls on which it was at the start, and is
    first_outputs : (n,) the outputs at the start
    log : all events, of dtype `events.LOG`
    total, line : as in `course.FIELD`
    """

    w: np.ndarray
    d: np.ndarray
    neurons: np.ndarray
    first_sides: np.ndarray
    sides: np.ndarray
    first_outputs: np.ndarray
    log: np.ndarray
    total: float
    line: int

    @property
    def v(self):
        """Output weights at the times `since`, (h,)."""
        return self.neurons["v"]

    @property
    def since(self):
        """The times of the last events, (h,)."""
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


def follow(net, walls, pulls, end):
    """Every neuron at its last event before `end`, a `LastLeg`; `pulls` below and above the walls."""
    h, m = net.width, walls.m
    neurons, pulls = _neurons(net), np.stack(pulls)
    first_sides, sides = np.empty((2, h, m), np.int8)
    w, d, field = net.w.copy(), np.empty_like(net.w), _field(net, walls, pulls, end)
    below, above, logs = [], [], []
    for first in range(0, h, max(1, GROUP // m)):
        part = slice(first, first + max(1, GROUP // m))
        z, first_sides[part] = walls.sides(Network(net.w[part], net.v[part]))
        below.append(net.v[part] @ np.minimum(z, 0.0))
        above.append(net.v[part] @ np.maximum(z, 0.0))
        a = np.where(z > 0, pulls[1], np.where(z < 0, pulls[0], 0.0))
        courses = np.zeros((len(z), course.COURSE, m + -m % course.BLOCK))
        on = courses[:, :, :m]
        on[:, course.Z], on[:, course.SIDE] = z, first_sides[part]
        on[:, course.A], on[:, course.C] = a, a @ walls.gram
        logs += _follow_group(neurons[part], courses, field, walls, pulls, net.w[part])
        w[part] += on[:, course.PATH] @ walls.u
        at_zero = neurons["rests"][part] | (field["line"] > 0) & (on[:, course.Z] == 0.0).all(axis=1)
        if at_zero.any():  # not the rounding of zero, which has a side; but what no sample sees is kept
            w[part][at_zero] = walls.outside(w[part][at_zero])
        d[part], sides[part] = on[:, course.A] @ walls.u, on[:, course.SIDE]
        d[part][neurons["rests"][part]] = 0.0
    outputs = walls.outputs(sum(below), sum(above))
    total, line = float(field["total"]), int(field["line"])
    return LastLeg(w, d, neurons, first_sides, sides, outputs, np.concatenate(logs), total, line)


def _field(net, walls, pulls, end):
    """What is the same for all neurons, as `polygon.follow` wants it."""
    field = np.zeros(1, course.FIELD)[0]
    field["end"], field["total"] = end, np.abs(pulls).sum()
    field["slow"], field["line"] = NEAR * field["total"], net.dim if _span_all(walls.u) else 0
    field["leaky"] = walls.negative_slope != 0.0
    return field


def _follow_group(neurons, courses, field, walls, pulls, w):
    """These neurons to their last events, on all threads; their logs, in order.

    No matrices are multiplied here: that has threads of its own, which would be in the way of these.
    """
    rows = max(1, CHUNK // walls.m)

    def follow_some(first):
        part = slice(first, first + rows)
        return _follow_all(neurons[part], courses[part], field.copy(), walls, pulls, w[part])

    return threads.each(follow_some, range(0, len(neurons), rows))


def _follow_all(neurons, courses, field, walls, pulls, w):
    """These neurons to their last events; the log, which is doubled whenever it is full."""
    log, done = events.new_log(min(len(neurons) * (walls.m + 4), FIRST_LOG) + walls.m), 0
    while True:
        done = polygon.follow(neurons, done, courses, field, walls.gram, pulls, w, walls.u, log)
        if done == len(neurons):
            return log[: field["count"]]
        log = np.concatenate([log, events.new_log(len(log))])


def _neurons(net):
    """The neurons at the start, as `polygon.follow` wants them."""
    neurons = np.zeros(net.width, course.NEURON)
    neurons["number"] = np.arange(net.width)
    neurons["v"], neurons["first2"] = net.v, (net.w**2).sum(axis=1)
    neurons["minkowski"] = net.minkowski()
    light = np.abs(neurons["minkowski"]) < rounding(net.dim) * neurons["first2"]
    neurons["minkowski"][light] = 0.0
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
