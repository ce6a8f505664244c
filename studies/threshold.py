"""How many samples a network interpolates before it stops at something simpler: chapter 5.

    python -m studies.threshold     about twenty minutes on one core

Writes `threshold.csv`, one row a start: Gaussian inputs in d dimensions, no bias, n noisy labels of a
linear teacher; the loss at three times, the error on new inputs without noise at the last, and the same
of least squares. Chapter 5 makes some rows again with the functions below, and compares.
"""

from dataclasses import dataclass

import numpy as np

import alignlib as al
from studies import tables

NOISE = 0.5  # its deviation; the teacher has norm 1
TIMES = (50.0, 150.0, 500.0)
SMALL, LARGE = 1e-3, 1.0  # scales of the start
SEEDS = range(20)
LINES = {  # (d, h, scale): numbers of samples
    (2, 256, SMALL): (4, 8, 16, 32, 64, 128, 256),
    (3, 256, SMALL): (4, 8, 16, 32, 64, 128, 256),
    (5, 256, SMALL): (8, 16, 32, 64),
    (3, 1024, SMALL): (16,),
    (3, 256, LARGE): (16,),
}


@dataclass(frozen=True)
class Start:
    """A balanced start of `width` neurons on `n` samples in `dim` dimensions."""

    dim: int
    width: int
    scale: float
    n: int
    seed: int


def noisy(start):
    """The teacher, and its samples; all starts of one `dim`, `n` and `seed` have the same."""
    rng = np.random.default_rng([start.n, start.seed])
    x, teacher = rng.standard_normal((start.n, start.dim)), np.ones(start.dim) / np.sqrt(start.dim)
    return teacher, al.Dataset(x, x @ teacher + NOISE * rng.standard_normal(start.n))


def outcome(start):
    """`loss_T` at each T of `TIMES`, `test` at the last; `least_loss`, `least_test` of least squares."""
    teacher, data = noisy(start)
    net = al.Network.balanced(start.width, start.dim, start.scale, rng=start.seed)
    path = al.gradient_flow(net, data, "squared", TIMES[-1], rtol=1e-3, t_save=TIMES)
    fresh = np.random.default_rng(0).standard_normal((4000, start.dim))
    least = np.linalg.lstsq(data.x, data.y)[0]
    return {
        **{f"loss_{t:g}": loss for t, loss in zip(TIMES, path.loss[1:])},
        "test": ((path.final(fresh) - fresh @ teacher) ** 2).mean(),
        "least_loss": ((data.y - data.x @ least) ** 2).mean(),
        "least_test": ((fresh @ (least - teacher)) ** 2).mean(),
    }


def grid(seeds=SEEDS):
    """All starts, the seeds outermost, so that a sweep that is stopped has every cell."""
    return [Start(*line, n, seed) for seed in seeds for line, numbers in LINES.items() for n in numbers]


if __name__ == "__main__":
    tables.main(__doc__, [("threshold", outcome, grid())])
