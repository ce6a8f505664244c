"""What networks of three widths learn of the forty points of Stewart et al.: chapter 5.

    python -m studies.forty_points     about six minutes on one core

Writes `forty_points.csv`, one row a start: at each of `TIMES` the loss, the number of kinks of the
function, and the number of living neurons that slide on a hyperplane. 20,000 is the width that the
published script has by default. Chapter 5 makes the narrower rows of one seed again, and compares.
"""

from dataclasses import dataclass

import numpy as np

import alignlib as al
from studies import tables

WIDTHS = (200, 2_000, 20_000)
SEEDS = range(5)
TIMES = (5, 10, 50, 200, 400, 1000, 2000)
CELLS, BEND = np.linspace(-1, 1, 201), 0.01  # a kink: the slope changes by more than `BEND` in a cell


@dataclass(frozen=True)
class Start:
    """A balanced start with ε = 1e-3."""

    width: int
    seed: int


def flow(start):
    """The gradient flow from this start."""
    net = al.Network.balanced(start.width, 2, 1e-3, rng=start.seed)
    return al.gradient_flow(net, al.data.stewart(rng=0), "squared", float(TIMES[-1]), rtol=1e-4)


def history(start):
    """Loss, kinks and sliding neurons at the times of the table."""
    return measured(flow(start))


def measured(path):
    """`loss_T`, `kinks_T` and `sliding_T` for each T of `TIMES`."""
    found = {}
    for t in TIMES:
        net = path.at(float(t))
        found[f"loss_{t}"] = path.loss_function.value(net(path.data.x), path.data.y)
        found[f"kinks_{t}"] = kinks(net)
        found[f"sliding_{t}"] = sliding(net, path.data)
    return found


def kinks(net):
    """How often the function bends in [-1, 1]; neighbouring cells count once."""
    tilted = net.w[:, 0] != 0
    slope, height = net.w[tilted].T
    bends, _ = np.histogram(-height / slope, CELLS, weights=net.v[tilted] * np.abs(slope))
    bent = np.abs(bends) > BEND
    return int(bent[0]) + int((bent[1:] & ~bent[:-1]).sum())


def sliding(net, data):
    """How many neurons are on the hyperplane of a sample and active on another."""
    size = np.linalg.norm(net.w, axis=1)[:, None] * np.linalg.norm(data.x, axis=1)
    height = net.preactivations(data.x)
    on, active = np.abs(height) < 1e-9 * size, height > 1e-9 * size
    return int((on.any(axis=1) & active.any(axis=1)).sum())


def grid():
    """All starts, the wide ones last."""
    return [Start(width, seed) for width in WIDTHS for seed in SEEDS]


if __name__ == "__main__":
    tables.main(__doc__, [("forty_points", history, grid())])
