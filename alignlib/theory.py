"""Statements of the papers as checks: every `check_…` returns a `Claim`, every `bound_…` a number."""

import numpy as np

from alignlib import geometry
from alignlib.certify import certify_convergence, certify_nonconvergence
from alignlib.claim import Claim

__all__ = [
    "Claim",
    "certify_convergence",
    "certify_nonconvergence",
    "check_alignment",
    "check_assumption_1",
    "check_balancedness",
    "check_directional_alignment",
]


def check_assumption_1(data, key="assumption-1"):
    """MMV, Assumption 1: `μ > 0`, measured as the share of violating pairs of samples."""
    return Claim(
        key,
        f"Assumption 1 on {data.name or 'the data'}: no pair of samples violates it",
        "MMV, Assumption 1",
        geometry.violating_share(data),
        0.0,
    )


def check_balancedness(path, bound, key="balancedness"):
    """`‖w_j‖² - v_j²` stays what it was, for every neuron at every kept time.

    Measured: its largest change, relative to the largest `‖w_j‖²` of the run. Gradient flow
    conserves it (Du, Hu, Lee 2018; chapter 1); gradient descent drifts in proportion to its step.
    """
    start = path.start.minkowski()
    drift, size = 0.0, 0.0
    for net in path.networks():
        drift = max(drift, float(np.abs(net.minkowski() - start).max()))
        size = max(size, float((net.w**2).sum(axis=1).max()))
    return Claim(
        key,
        f"Every neuron keeps its Minkowski norm along the run on {path.data.name or 'the data'}",
        "classical (Du, Hu, Lee 2018)",
        drift / (size or 1.0),
        bound,
        resolution=1e-14,
    )


def check_alignment(path, key="alignment"):
    """After MMV, Theorem 1: every neuron is at its goal before the loss has moved by 1 % (our threshold).

    Measured: the alignment time. Bound: the last kept time before the loss first falls below 99 %.
    """
    return Claim(
        key,
        f"On {path.data.name or 'the data'} every neuron is aligned before the loss moves by 1 %",
        "after MMV, Theorem 1",
        path.alignment_time,
        _last_quiet_time(path),
        kind="illustration",
        hypotheses=_alignment_hypotheses(path),
    )


def check_directional_alignment(path, bound=0.99, key="directional-alignment"):
    """After MMV: before the loss has moved by 1 %, every living neuron points to the sum of its class.

    Measured: the smallest `cos(w_j, x_+)` over the neurons with `v_j > 0`, `cos(w_j, x_-)` over the
    others, at the last kept time before the loss first falls below 99 %. Bound: ours.
    """
    net = path.at(_last_quiet_time(path))
    alive = net.pattern(path.data.x).any(axis=1)
    to_sums = geometry.cosine(net.w[alive], geometry.centres(path.data))
    return Claim(
        key,
        f"On {path.data.name or 'the data'} every living neuron points to the sum of its class "
        "before the loss moves by 1 %",
        "after MMV",
        np.where(net.v[alive] > 0, *to_sums.T).min(),
        bound,
        relation=">=",
        kind="illustration",
        hypotheses=_alignment_hypotheses(path),
    )


def _last_quiet_time(path):
    """The last kept time before the loss first falls below 99 % of its first value."""
    moved = np.flatnonzero(path.loss < 0.99 * path.loss[0])
    return path.t[moved[0] - 1] if moved.size else path.t[-1]


def _alignment_hypotheses(path):
    """Those of MMV's Theorem 1 that can be checked; that the scale is small enough is not among them."""
    largest = float((path.start.w**2).sum(axis=1).max())
    pulls = path.loss_function.pull(path.outputs, path.data.y)
    return {
        "Assumption 1": path.data.mu > 0,
        "balanced start": np.abs(path.start.minkowski()).max() <= 1e-12 * largest,
        "pulls of the sign of the labels": (np.sign(pulls) == path.data.y).all(),
    }
