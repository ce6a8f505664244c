"""Where the loss of a run stood still, and at which reference."""

from dataclasses import dataclass

import numpy as np

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.theory.stuck import certify_stuck
from alignlib.trajectory import Trajectory

STILL = 0.02  # share by which the loss may fall on a plateau; that of 1/t falls five times as much
NEAR = 0.02  # share of the loss within which a plateau is at a reference: what may be left of its fall
OVER = 1e-4  # share of the loss of the zero network up to which a run is over


@dataclass(frozen=True, eq=False)
class Plateau:
    """A stretch of a run in which the loss stands still.

    `reference` says what its level is: "zero" (the loss of the zero network), "least squares" (the best
    linear function), "least squares of the patterns" (of the living neurons), "an empty side" (the outputs
    of one side of labels are zero), or "none" of these.
    """

    begin: float
    end: float
    loss: float
    reference: str


def plateaus(path: Trajectory, least: float = 0.1) -> list[Plateau]:
    """The plateaus of a run, in order: the loss falls by at most 2 % over at least `least` of the run.

    A loss that falls like 1/t has none at `least` 0.1; one below 1e-4 of that of the zero network is over,
    not on a plateau.

    Parameters
    ----------
    least : float between 0 and 1

    Raises
    ------
    ValueError
        If `least` is not.

    Examples
    --------
    >>> net = al.Network.balanced(width=20, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.three_points(), "squared", t_end=60)
    >>> [one.reference for one in al.diagnosis.plateaus(path)]
    ['least squares']
    """
    least = inputs.positive("least", least, below=1)
    loss, t, data = path.loss, path.t, path.data
    zero = path.loss_function.value(0 * data.y, data.y)
    still = _still(t, np.where(loss > OVER * zero, loss, -np.inf), least * (t[-1] - t[0]))
    return [_plateau(path, first, last, zero) for first, last in still]


def _still(t, loss, window):
    """The stretches that windows of this length cover over which the loss stays: first and last index."""
    ahead = np.searchsorted(t, t + window * (1 - 1e-9))
    back = np.searchsorted(t, t - window * (1 - 1e-9), side="right") - 1
    windows = {*enumerate(ahead.tolist()), *((first, last) for last, first in enumerate(back.tolist()))}
    stretches: list[list[int]] = []
    for first, last in sorted(windows):
        if first < 0 or last == len(t) or not np.isfinite(loss[first : last + 1]).all():
            continue
        if (np.abs(loss[first : last + 1] - loss[first]) > STILL * loss[first]).any():
            continue
        if stretches and first <= stretches[-1][1]:
            stretches[-1][1] = max(last, stretches[-1][1])
        else:
            stretches.append([first, last])
    return stretches


def _plateau(path, first, last, zero):
    reference = _reference(path, path.t[last], path.outputs[last], path.loss[last], zero)
    return Plateau(float(path.t[first]), float(path.t[last]), float(path.loss[last]), reference)


def _reference(path, t, f, loss, zero):
    levels = {"zero": zero}
    if losses.quadratic_factor(path.loss_function) is not None:
        levels |= _least_squares(path, t)
    for name, level in levels.items():
        if abs(loss - level) <= NEAR * level:
            return name
    return "an empty side" if empty_sides(f, path.data) else "none"


def empty_sides(f: np.ndarray, data: Dataset) -> list[int]:
    """The signs of labels whose outputs are all still zero (2 % of the label), where the others are not."""
    small = np.abs(f) <= NEAR * np.abs(data.y)
    if small.all():
        return []
    return [s for s in (1, -1) if (s * data.y > 0).any() and small[s * data.y > 0].all()]


def _least_squares(path, t):
    """The losses of the best linear function, and of the best with the patterns that are alive."""
    x, y, value = path.data.x, path.data.y, path.loss_function.value
    levels = {"least squares": value(x @ np.linalg.lstsq(x, y, rcond=None)[0], y)}
    if path.start.negative_slope == 0 and path.weight_decay == 0:
        levels["least squares of the patterns"] = certify_stuck(path, float(t)).limit
    return levels


inputs.guard(globals())
