"""Alignment times over the number of samples, the separation, the width and the scale: chapter 3's tables.

    python -m studies.alignment_times               both grids, a quarter of an hour on one core
    python -m studies.alignment_times --workers 4   on four cores

Writes `alignment_times.csv` (the early phase, exact) and `alignment_scales.csv` (the full flow against
the scale of its start), one row a seed. It can be interrupted: the same command goes on. Chapter 3 makes
some rows again with the functions below, and compares.
"""

from dataclasses import dataclass

import numpy as np

import alignlib as al
from studies import tables

SEEDS = range(100)
MUS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5)
WIDTHS = {10: 1000, 30: 1000, 100: 1000, 300: 1000, 1000: 1000, 3000: 100, 10_000: 100}
SCALES = (1e-12, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.3, 1.0)
LAST = 30.0  # the end of the full flows


@dataclass(frozen=True)
class Times:
    """Gaussian directions in the early phase of the exponential loss.

    `data` is "equicorrelated" (d = n, all correlations equal to mu) or "separated" (d = 20, the
    smallest is mu).
    """

    data: str
    n: int
    mu: float
    seed: int


@dataclass(frozen=True)
class Scales:
    """The full flow of the exponential loss on 20 separated samples in 5 dimensions."""

    mu: float
    width: int
    scale: float
    seed: int


def alignment(point):
    """Every neuron's alignment time, whether `v v̇(0) ≥ 0`, and the longest dwell in units of 1/(n_a √μ)."""
    width = WIDTHS[point.n] if point.data == "equicorrelated" else 100
    if point.data == "equicorrelated":
        start = al.equicorrelated.Heights.gaussian(point.n, point.mu, width, rng=point.seed)
        found = al.equicorrelated.align(start)
        grows = start.sign * (np.maximum(start.z, 0) @ start.y) >= 0
        dwell = float((found.dwell[:, 1:] * np.arange(1, point.n + 1)).max() * np.sqrt(point.mu))
        return found.times, grows, dwell
    data = al.data.separated(point.n, 20, point.mu, rng=point.seed)
    net = al.Network.balanced(width, data.dim, 1.0, rng=point.seed + 1_000_000)
    grows = np.sign(net.v) * (np.maximum(net.preactivations(data.x), 0) @ data.y) >= 0
    return al.early_flow(net, data, "exponential").alignment_times, grows, np.nan


def times(point):
    """The typical neuron, and the worst of the first 10, 100 and 1,000."""
    t1, grows, dwell = alignment(point)
    worst = {f"worst{h}": t1[:h].max() if h <= len(t1) else np.nan for h in (10, 100, 1000)}
    spread = {"median": np.median(t1), "q90": np.quantile(t1, 0.9)}
    return {**spread, **worst, "worst_growing": t1[grows].max(), "dwell": dwell}


def scales(point):
    """`t1` of the full flow, of the early flow, and the largest early output at that time."""
    data = al.data.separated(20, 5, point.mu, rng=point.seed)
    net = al.Network.balanced(point.width, data.dim, point.scale, rng=point.seed + 1_000_000)
    early = al.early_flow(net, data, "exponential")
    t1 = early.alignment_time
    output = np.abs(early.at(t1)(data.x)).max()
    full = al.gradient_flow(net, data, "exponential", LAST, rtol=1e-8, t_save=[LAST])
    return {"t1": t1, "output": output, "late": full.alignment_time - t1}


def grid(seeds=SEEDS):
    """The configurations of the first table."""
    sizes = [("equicorrelated", n) for n in WIDTHS] + [("separated", n) for n in (10, 30, 100, 300)]
    return [Times(data, n, mu, seed) for data, n in sizes for mu in MUS for seed in seeds]


def ladder(seeds=SEEDS):
    """The configurations of the second table."""
    cases = [(0.1, 20), (0.01, 20), (0.1, 100)]
    return [Scales(mu, width, scale, seed) for mu, width in cases for scale in SCALES for seed in seeds]


if __name__ == "__main__":
    tables.main(
        __doc__,
        [("alignment_times", times, grid()), ("alignment_scales", scales, ladder())],
    )
