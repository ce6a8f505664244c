"""How long unbalanced starts stay at least squares on BF's three points: chapter 5.

    python -m studies.escape_times     about five minutes on one core

Writes `escape_times.csv`, one row a start: the first time at which the loss is half that of least squares,
infinite if it had not come by t = 400. It can be interrupted: the same command goes on.
"""

from dataclasses import dataclass

import numpy as np

import alignlib as al
from studies import tables

WIDTHS = (20, 50, 100, 200, 500)
SCALES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
SEEDS = range(20)
HALF = 0.5 * 0.17504273504  # half of the loss at least squares
END, STRETCH = 400.0, 50.0


@dataclass(frozen=True)
class Start:
    """An unbalanced start on the three points."""

    width: int
    scale: float
    seed: int


def escape(start):
    """The time at which the loss falls to `HALF`."""
    data = al.data.three_points()
    net, now = al.Network.unbalanced(start.width, 2, start.scale, rng=start.seed), 0.0
    while now < END:
        path = al.gradient_flow(net, data, "squared", STRETCH, rtol=1e-5)
        if path.loss[-1] <= HALF:
            return now + path.when(HALF)
        if al.theory.certify_nonconvergence(path.final, data).holds:
            return np.inf
        net, now = path.final, now + STRETCH
    return np.inf


def grid(seeds=SEEDS):
    """All starts, the seeds outermost."""
    return [Start(width, scale, seed) for seed in seeds for width in WIDTHS for scale in SCALES]


if __name__ == "__main__":
    tables.main(__doc__, [("escape_times", escape, grid())])
