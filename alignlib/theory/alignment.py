"""Statements about the early phase, and the conditions of the papers, as checks: each returns a `Claim`."""

from typing import TYPE_CHECKING

import numpy as np

from alignlib import geometry, inputs
from alignlib.claim import Claim
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.theory.stuck import certify_nonconvergence
from alignlib.theory.times import bound_alignment_time
from alignlib.trajectory import Trajectory

if TYPE_CHECKING:  # it would load Numba
    from alignlib.early import EarlyFlow


def check_assumption_1(data: Dataset, key: str = "assumption-1") -> Claim:
    """MMV, Assumption 1: `μ > 0`, measured as the share of violating pairs of samples.

    >>> al.theory.check_assumption_1(al.data.toy_2d())
    Claim(assumption-1: measured 0, bound <= 0: holds)
    """
    return Claim(
        key,
        f"Assumption 1 on {data.name or 'the data'}: no pair of samples violates it (share of pairs)",
        "stated by MMV, Assumption 1",
        geometry.violating_share(data),
        0.0,
    )


def check_assumption_3(data: Dataset, eta: float = 1 / 6, key: str = "assumption-3") -> Claim:
    """BF, Assumption 3, for three points in its order: measured as the smallest η for which it holds.

    Infinite if none does. The bound is `eta`; BF's Theorem 2 asks for `η < 1/6`. `data.assumption_3`
    states the boxes.

    Raises
    ------
    ValueError
        If `data` is not three points in the plane.

    Examples
    --------
    >>> al.theory.check_assumption_3(al.data.three_points())
    Claim(assumption-3: measured ∞, bound <= 0.167: does not hold as run)
    """
    if data.x.shape != (3, 2):
        raise ValueError(f"`data` must be three points in the plane, got n={data.n}, dim={data.dim}")
    (a1, b1), (a2, b2), (a3, b3) = data.x
    y1, y2, y3 = data.y
    # Each must be at least 0 and at most η; those in `open_at_0` must not be 0.
    closed = np.array([b1 - 1, abs(a2), abs(b2 - 1), b3 - 1, y1 - 1, y3 - 1])
    open_at_0 = np.array([a1 + 1, 1 - a3, y2])
    met = (closed >= 0).all() and (open_at_0 > 0).all()
    return Claim(
        key,
        f"Assumption 3 holds on {data.name or 'the data'} (measured: the smallest η for which it does)",
        "stated by BF, Assumption 3",
        max(closed.max(), open_at_0.max()) if met else np.inf,
        eta,
    )


def check_nonconvergence(net: Network, data: Dataset, key: str = "nonconvergence") -> Claim:
    """The certificate that gradient flow from `net` ends at least squares: rapidity against room.

    Measured: `G`, which bounds `∫‖D‖ dt` from here on. Bound: the smallest rapidity that could bring a
    light-like full neuron to a hyperplane. `certify_nonconvergence` has the numbers; chapter 5 the proof.

    >>> net = al.Network.balanced(width=20, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.three_points(), "squared", t_end=60)
    >>> al.theory.check_nonconvergence(path.final, path.data).verdict
    'holds'
    """
    found = certify_nonconvergence(net, data)
    return Claim(
        key,
        f"On {data.name or 'the data'} the flow from this network provably ends at least squares "
        "(rapidity that is left, against what a change of pattern needs)",
        "proved here; the conclusion is that of BF, Theorem 2",
        found.rapidity,
        found.rapidity + found.margin if np.isfinite(found.rapidity) else 0.0,
        hypotheses=found.hypotheses,
    )


def check_balancedness(path: Trajectory, bound: float, key: str = "balancedness") -> Claim:
    """`‖w_j‖² - v_j²` stays what it was, for every neuron at every kept time, whatever the slope.

    Under a weight decay λ what it was times `e^{-2λt}`.

    Measured: its largest change, relative to the largest `‖w_j‖²` of the run. Gradient flow
    conserves it (Du, Hu, Lee 2018; chapter 1); gradient descent drifts in proportion to its step.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> al.theory.check_balancedness(path, bound=1e-12)
    Claim(balancedness: measured below 1e-14, bound <= 1e-12: holds)
    """
    start = path.start.minkowski()
    drift, size = 0.0, 0.0
    for t, net in zip(path.t, path.networks()):
        due = start * np.exp(-2 * path.weight_decay * t)
        drift = max(drift, float(np.abs(net.minkowski() - due).max()))
        size = max(size, float((net.w**2).sum(axis=1).max()))
    return Claim(
        key,
        f"Every neuron keeps its Minkowski norm along the run on {path.data.name or 'the data'} "
        "(largest change, relative to the largest ‖w‖²)",
        "classical (Du, Hu, Lee 2018)",
        drift / (size or 1.0),
        bound,
        resolution=1e-14,
    )


def check_alignment(path: Trajectory, key: str = "alignment") -> Claim:
    """After MMV, Theorem 1: every neuron is at its goal before the loss has moved by 1 % (our threshold).

    For ReLU networks without weight decay; others are refused.

    Measured: the alignment time. Bound: when the loss has come down to 99 %, or the end of the run.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> al.theory.check_alignment(path).verdict
    'only illustrated'
    """
    return Claim(
        key,
        f"On {path.data.name or 'the data'}, every neuron is aligned before the loss moves by 1 % "
        "(time, against that at which it has)",
        "after MMV, Theorem 1",
        path.alignment_time,
        _quiet_until(path),
        kind="illustration",
        hypotheses=_alignment_hypotheses(path),
    )


def check_directional_alignment(
    path: Trajectory, bound: float = 0.99, key: str = "directional-alignment"
) -> Claim:
    """After MMV: before the loss has moved by 1 %, every living neuron points to the sum of its class.

    Measured: the smallest `cos(w_j, x_+)` over the neurons with `v_j > 0`, `cos(w_j, x_-)` over the
    others, when the loss has come down to 99 %. Bound: ours. For ReLU networks without weight
    decay; others are refused.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> al.theory.check_directional_alignment(path, bound=0.9).verdict
    'only illustrated'
    """
    quiet = _quiet_until(path)
    net, alive = path.at(quiet), (path.patterns(quiet) > 0).any(axis=1)
    worst = np.nan
    if alive.any():
        to_sums = geometry.cosine(net.w[alive], geometry.centres(path.data))
        worst = np.where(net.v[alive] > 0, *to_sums.T).min()
    return Claim(
        key,
        f"On {path.data.name or 'the data'}, every living neuron points to the sum of its class "
        "before the loss moves by 1 % (smallest cosine)",
        "after MMV",
        worst,
        bound,
        relation=">=",
        kind="illustration",
        hypotheses=_alignment_hypotheses(path) | {"a neuron is alive": alive.any()},
    )


def _quiet_until(path):
    """A time until which the loss has surely not moved by 1 %: for a flow, the last such."""
    level = 0.99 * path.loss[0]
    inputs.whole("path", path)
    if np.isnan(path.rtol):  # between kept times `at` only interpolates
        moved = np.flatnonzero(path.loss < level)
        return path.t[moved[0] - 1] if moved.size else path.t[-1]
    return min(path.when(level), float(path.t[-1]))


def _alignment_hypotheses(path):
    """Those of MMV's Theorem 1 that can be checked; that the scale is small enough is not among them."""
    inputs.relu("path", path.start, "this theorem")
    inputs.undecayed("path", path, "this theorem")
    largest = float((path.start.w**2).sum(axis=1).max())
    pulls = path.loss_function.pull(path.outputs, path.data.y)
    return {
        "Assumption 1": path.data.mu > 0,
        "balanced start": np.abs(path.start.minkowski()).max() <= 1e-12 * largest,
        "pulls of the sign of the labels": (np.sign(pulls) == path.data.y).all(),
    }


def check_alignment_time(path: "EarlyFlow", key: str = "alignment-time") -> Claim:
    """No neuron of an early flow with `v v̇(0) ≥ 0` is later than `bound_alignment_time`.

    For ReLU networks; a `negative_slope` other than 0 is refused. Weight decay moves no event of the early
    flow, so it may have any.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> early = al.early_flow(net, al.data.toy_2d(), "exponential")
    >>> al.theory.check_alignment_time(early)
    Claim(alignment-time: measured 0.192, bound <= 1.79: holds)
    """
    net, data = path.start, path.data
    inputs.relu("path", net, "this theorem")
    g = path.pulls
    grows = net.v * (net.w * geometry.pulled(net, data, g)).sum(axis=1) >= 0
    size2 = (net.w**2).sum(axis=1)
    hypotheses = {
        "Assumption 1": data.mu > 0,
        "pulls of the sign of the labels": (np.sign(g) == data.y).all(),
        "no space-like neuron": (net.minkowski() <= 1e-12 * size2).all(),
    }
    pull = float((np.abs(g) * np.linalg.norm(data.x, axis=1)).min())
    return Claim(
        key,
        f"On {data.name or 'the data'}, every neuron that does not shrink at first "
        "is aligned by arsinh(1/μ) (latest time)",
        "proved here",
        path.alignment_times[grows].max(initial=0.0),
        bound_alignment_time(data.mu, pull) if all(hypotheses.values()) else np.nan,
        hypotheses=hypotheses,
    )


inputs.guard(globals())
