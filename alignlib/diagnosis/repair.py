"""What the advice hands over: steps, starts, data, neurons."""

import numpy as np

from alignlib import geometry, inputs, measure
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.diagnosis.exits import FELL
from alignlib.diagnosis.start import MOVED, Outlook, bias_columns, moves
from alignlib.early import early_flow
from alignlib.network import Network
from alignlib.trajectory import Trajectory

SHORT = 0.02  # rapidity of a step, and its share of the step at which descent is unstable
LEAST = 1e-150  # no start is advised to be made smaller than by this in the outputs
EASY = 2.0  # times the alignment time: the fit time that a start is made to have


def step(path: Trajectory) -> float:
    """A step of descent that is short for the run: 1/50 of a boost, and 1/50 of the stable step.

    A step is a boost of rapidity artanh(η‖D‖), and descent is unstable above `2 / λ` with λ the largest
    eigenvalue of the Hessian, here `K^{1/2} ℓ'' K^{1/2}` with the tangent kernel K, at the end.
    """
    loss, data = path.loss_function, path.data
    g = np.abs(loss.pull(0 * data.y, data.y)) @ np.linalg.norm(data.x, axis=1)
    f, change = path.outputs[-1], 1e-5
    bend = (loss.pull(f - change, data.y) - loss.pull(f + change, data.y)) / (2 * change)
    kernel = measure.tangent_kernel(path.final, data)
    top = float(np.linalg.norm(kernel, 2) * np.abs(bend).max())
    return float(SHORT * min(1 / max(g, 1e-300), 2 / max(top, 1e-300)))


def most(width: int, share: float, draws: int, rare: float) -> int:
    """As many of `width` as chance makes of what `share` of `draws` were: more is rarer than `rare`.

    With the largest chance that such a share leaves possible: none of 1,000 may still be one of 100.
    """
    from scipy.stats import beta, binom

    seen = round(share * draws)
    chance = float(beta.isf(rare, seen + 1, draws - seen)) if seen < draws else 1.0
    return int(binom.isf(rare, width, chance))


def revived(net: Network, data: Dataset) -> Network:
    """The start with new Gaussian directions, of the same lengths, for neurons that are dead."""
    rng, w = inputs.generator("rng", 0), np.array(net.w)
    dead = ~(geometry.patterns(net, data) > 0).any(axis=1)
    dead = dead if dead.any() else ~dead
    fresh = rng.standard_normal(w.shape)
    size = np.linalg.norm(w, axis=1) / np.linalg.norm(fresh, axis=1)
    w[dead] = (fresh * size[:, None])[dead]
    return Network(w, net.v, net.negative_slope)


def balanced(net: Network) -> Network:
    """The same input weights and signs, `|v_j| = ‖w_j‖`."""
    sign = np.where(net.v < 0, -1.0, 1.0)
    return Network(net.w, sign * np.linalg.norm(net.w, axis=1), net.negative_slope)


def smaller(ahead: Outlook, path: Trajectory) -> float | None:
    """The factor of the outputs (`Network.scaled`) at which the fit comes twice as late as alignment."""
    drop = MOVED * path.loss_function.value(0 * path.data.y, path.data.y)
    factor = 0.1
    while factor > LEAST:
        if moves(ahead.early, ahead.pulls, drop / factor) >= EASY * ahead.alignment_time:
            return factor
        factor /= 10
    return None


def preprocessed(data: Dataset) -> dict[str, Dataset]:
    """What may be done to the inputs, the least first; without what leaves a sample at zero."""
    bias = bias_columns(data)
    mean = data.x.mean(axis=0)
    options = {}
    if bias.any():
        options["Drop the bias"] = data.x[:, ~bias]
        options["Drop the bias and centre the samples"] = (data.x - mean)[:, ~bias]
    else:
        options["Centre the samples"] = data.x - mean
    return {
        name: Dataset(x, data.y, data.name)
        for name, x in options.items()
        if x.size and (np.abs(x).max(axis=1) > 1e-12 * np.abs(data.x).max()).all()
    }


def small(path: Trajectory) -> float:
    """A size at which one more neuron changes no output by more than 1e-4 of the largest label."""
    reach = np.linalg.norm(path.data.x, axis=1).max()
    return float(1e-2 * np.sqrt(np.abs(path.data.y).max() / reach))


def escape(one: Network, path: Trajectory, net: Network) -> float:
    """When this neuron has brought the loss of `net` down by a tenth, under the pulls of `net`."""
    loss, data = path.loss_function, path.data
    f = net(data.x)
    g = loss.pull(f, data.y)
    early = early_flow(one, data, losses.fitting(loss, data), pulls=g)
    return moves(early, g, FELL * loss.value(f, data.y))
