"""Narrow balanced networks below the critical scale, some of which escape: chapter 5.

    python -m studies.narrow     about three minutes on one core

Writes `narrow.csv`, one row a start: how it ended, when that was known, and its loss then. The three cells
are below the scale at which an infinitely wide network begins to leave neurons behind.
"""

from studies import tables
from studies.phase_diagram import ESCAPED, Start, followed

CELLS = ((10, 0.06), (10, 0.08), (20, 0.08))  # width and scale
SEEDS = range(1000, 1400)


def outcome(start):
    """The end: "stuck" (certified), "escaped" (a loss below that of least squares) or "open"."""
    path, net, now, stuck = followed(start)
    loss = path.loss_function.value(net(path.data.x), path.data.y)
    return {"end": "stuck" if stuck else "escaped" if loss < ESCAPED else "open", "t": now, "loss": loss}


def grid():
    """All starts, cell by cell."""
    return [Start("balanced", width, scale, seed) for width, scale in CELLS for seed in SEEDS]


if __name__ == "__main__":
    tables.main(__doc__, [("narrow", outcome, grid())])
