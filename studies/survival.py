"""The chance that one neuron survives the early phase unaligned: the law behind chapter 5's phase diagram.

    python -m studies.survival     about five minutes on one core

Writes `survival.csv`: for each kind of start and each scale, the share `p` of neurons that end neither
dead nor active on all three points, although the network goes to least squares. Then a network of h
neurons is stuck with probability (1 - p)^h. Nothing random enters: an infinitely wide network is
stood in for by neurons spread evenly over the law of one.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

import alignlib as al
from studies import tables

FEW, MANY = 2**11, 2**14  # neurons that stand for infinitely many; many where few of them survive
SCALES = {
    "balanced": np.r_[0.001, 0.01, np.geomspace(0.05, 0.2, 13), np.geomspace(0.25, 4, 13)],
    "dominated": np.r_[0.001, 0.01, np.geomspace(0.05, 0.2, 13), np.geomspace(0.25, 4, 13)],
    "unbalanced": np.r_[np.geomspace(1e-6, 0.1, 11), np.geomspace(0.14, 4, 13)],
}
END = 30.0  # the network is at least squares, and nothing has escaped yet
ROUNDS = 8
LATE = 12.0  # all neurons with v > 0 that will carry the fit grow at the same rate by then


@dataclass(frozen=True)
class Point:
    """A kind of start, its scale, and how many neurons stand for infinitely many."""

    kind: str
    scale: float
    count: int


def wide(kind, count):
    """`count` neurons spread evenly over the law of one neuron of scale 1 in a network of width 1.

    The balanced ones all have the same size, since only the mean of `‖w‖²` in each direction counts.
    """
    if kind == "balanced":
        angle = 2 * np.pi * (np.arange(count // 2) + 0.5) / (count // 2)
        w = np.sqrt(2) * np.tile(np.stack([np.cos(angle), np.sin(angle)], axis=1), (2, 1))
        return w, np.sqrt(2) * np.repeat([1.0, -1.0], count // 2)
    normal = ndtri(qmc.Sobol(4, rng=0).random(count))
    w, third = normal[:, :2], normal[:, 2]
    if kind == "unbalanced":
        return w, third
    return w, np.sign(normal[:, 3]) * np.hypot(np.linalg.norm(w, axis=1), third)


def unaligned(net, data):
    """The living neurons that are not active on all points.

    Those with v < 0 that rest on one hyperplane do not count: they are held there.
    """
    z, rounding = net.preactivations(data.x), 1e-9 * np.linalg.norm(net.w, axis=1)[:, None]
    active, on = z > rounding, np.abs(z) <= rounding
    full, dead = active.all(axis=1), ~active.any(axis=1)
    resting = (active | on).all(axis=1) & (on.sum(axis=1) == 1) & (net.v < 0)
    return ~(full | dead | resting)


def rounds(point):
    """Who survives, and the network at `END`, round by round.

    A survivor is one in the pulls of a network *without* survivors: those of one round are made a
    billion times smaller in the next, until they stay the same.
    """
    data = al.data.three_points()
    w, v = wide(point.kind, point.count)
    trains = np.ones(point.count, dtype=bool)
    for _ in range(ROUNDS):
        size = point.scale / np.sqrt(trains.sum()) * np.where(trains, 1.0, 1e-9)
        net = al.Network(size[:, None] * w, size * v)
        end = al.gradient_flow(net, data, "squared", END, rtol=1e-5, t_save=[END]).final
        survives = unaligned(end, data)
        yield survives, end
        if (survives != trains).all():
            return
        trains = ~survives


def survival(point):
    """`p`, whether it was settled in at most `ROUNDS` rounds, and the loss at `END`."""
    *before, (survives, end) = rounds(point)
    settled = len(before) < ROUNDS - 1 or bool((survives == before[-1][0]).all())
    data = al.data.three_points()
    loss = al.loss.get("squared").value(end(data.x), data.y)
    return {"p": survives.mean(), "settled": settled, "loss": loss}


def chance(kind, scale):
    """`p(ε)` from the table, linear in log ε between its points."""
    table = tables.read("survival")
    table = table[table.kind == kind]
    return np.interp(np.log(scale), np.log(table.scale), table.p)


@cache
def carried(kind):
    """What the early flow makes of `v²`, for neurons drawn from the law of one; nothing where v < 0."""
    drawn = getattr(al.Network, kind)(MANY, 2, 1.0, rng=0)
    late = al.early_flow(drawn, al.data.three_points(), "squared").at(LATE)
    return np.maximum(late.v, 0.0) ** 2


def law(kind, width, scale, draws=4_000):
    """The chance that `width` neurons are stuck: `(1 - p(ε_eff))^h`, averaged over draws of the neurons.

    The fit comes when the neurons with v > 0 have grown, so a draw acts as if its scale were
    `ε_eff = ε √(M / mean of M)`, `M` the mean over its neurons of what the early flow makes of v².
    """
    grown = carried(kind)
    mean = np.random.default_rng(0).choice(grown, (draws, width)).mean(axis=1) / grown.mean()
    return ((1 - chance(kind, scale * np.sqrt(np.maximum(mean, 1e-9)))) ** width).mean()


def grid():
    """All points of the table."""
    return [
        Point(kind, float(f"{scale:.4g}"), MANY if scale < 0.21 else FEW)
        for kind in SCALES
        for scale in SCALES[kind]
    ]


if __name__ == "__main__":
    tables.main(__doc__, [("survival", survival, grid())])
