"""Which starts end at least squares on BF's three points: chapter 5's phase diagram.

    python -m studies.phase_diagram               the tables, about twenty minutes on one core
    python -m studies.phase_diagram --workers 4   on four cores

Writes `phase_diagram.csv`, one row a start: kind, width, scale and seed; how well it was aligned at the
end of the early phase; how it ended. And `phase_functions.csv`, what the first balanced ones have learned.
It can be interrupted: the same command goes on. Chapter 5 makes some rows again with the functions
below, and compares.
"""

from dataclasses import dataclass

import numpy as np

import alignlib as al
from studies import tables

KINDS = ("balanced", "dominated", "unbalanced")
WIDTHS = (10, 20, 50, 100, 200, 500)
SCALES = (1e-3, 1e-2, 0.03, 0.06, 0.1, 0.18, 0.3, 0.6, 1.0)
SEEDS = range(50)
STOPS = (30.0, 60.0, 90.0, 120.0, 150.0, 200.0, 300.0, 400.0)  # where it is asked whether a run is decided
LEAST_SQUARES = 0.17504273504  # its loss
ESCAPED = 0.17  # the loss never rises, so a run below this does not end at least squares
FITTED = 0.01  # how far down the first seeds of every cell are followed
FOLLOWED = 5
LINE = np.linspace(-0.92, 0.3, 62)  # where the functions of these seeds are kept


@dataclass(frozen=True)
class Start:
    """A start on the three points; `kind` names a constructor of `Network`."""

    kind: str
    width: int
    scale: float
    seed: int


def outcome(start):
    """Its alignment, and its end: "stuck" (certified), "escaped" (loss below `ESCAPED`) or "open"."""
    path, net, now, stuck = followed(start)
    loss = path.loss_function.value(net(path.data.x), path.data.y)
    end = "stuck" if stuck else "escaped" if loss < ESCAPED else "open"
    return {**alignment(path), "end": end, "t": now, "loss": loss}


def learned(start):
    """The function of the network when it is decided, at the inputs `LINE`."""
    _, net, _, _ = followed(start)
    return {f"f{i}": value for i, value in enumerate(net(np.stack([LINE, np.ones_like(LINE)], axis=1)))}


def followed(start, rtol=1e-5):
    """The path to the first stop; the network where it is decided, when that is, whether it is stuck."""
    data = al.data.three_points()
    net = getattr(al.Network, start.kind)(start.width, 2, start.scale, rng=start.seed)
    path, now = al.gradient_flow(net, data, "squared", STOPS[0], rtol=rtol), STOPS[0]
    net, enough = path.final, FITTED if start.seed < FOLLOWED else ESCAPED
    for stop in STOPS:
        if stop > now:
            net = al.gradient_flow(net, data, "squared", stop - now, rtol=rtol, t_save=[stop - now]).final
        now, stuck = stop, al.theory.certify_nonconvergence(net, data).holds
        if stuck or path.loss_function.value(net(data.x), data.y) < enough:
            break
    return path, net, now, stuck


def alignment(path):
    """The living neurons with v > 0 at two times: when the loss has moved by 1 %, and half way down.

    For the first, the worst cosine to the extremal vector, and the mean weighted by `v²`; for both,
    how many of them are not active on all samples.
    """
    (goal,) = [v for v in al.extremal_vectors(path.data, path.loss_function) if v.rate > 0]
    levels = 0.99 * path.loss[0], 0.5 * (path.loss[0] + LEAST_SQUARES)
    quiet, half = (min(path.when(level), path.t[-1]) for level in levels)
    cosines, size, unaligned = living(path, quiet, goal)
    return {
        "quiet": quiet,
        "worst": cosines.min(initial=1.0),
        "mean": np.average(cosines, weights=size**2) if len(size) else np.nan,
        "unaligned": unaligned,
        "left": living(path, half, goal)[2],
    }


def living(path, time, goal):
    """Of the living neurons with v > 0 then: cosines to `goal`, `v`, and how many are not full."""
    net, pattern = path.at(time), path.patterns(time) > 0
    alive = pattern.any(axis=1) & (net.v > 0)
    if not alive.any():
        return np.array([]), np.array([]), 0
    cosines = al.geometry.cosine(net.w[alive], goal.direction[None])[:, 0]
    return cosines, net.v[alive], int((~pattern[alive].all(axis=1)).sum())


def grid(seeds=SEEDS, kinds=KINDS):
    """All starts, the seeds outermost, so that a sweep that is stopped has every cell."""
    return [
        Start(kind, width, scale, seed)
        for seed in seeds
        for kind in kinds
        for width in WIDTHS
        for scale in SCALES
    ]


def shown():
    """The starts whose functions are kept."""
    return grid(range(FOLLOWED), kinds=("balanced",))


if __name__ == "__main__":
    tables.main(__doc__, [("phase_functions", learned, shown()), ("phase_diagram", outcome, grid())])
