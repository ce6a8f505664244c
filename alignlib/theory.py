"""Statements of the papers as checks: every `check_…` returns a `Claim`, every `bound_…` a number."""

import numpy as np

from alignlib import geometry, measure
from alignlib.certify import certify_convergence, certify_nonconvergence
from alignlib.claim import Claim
from alignlib.network import Network

__all__ = [
    "Claim",
    "bound_loss",
    "bound_stable_rank",
    "bound_third_singular_value",
    "certify_convergence",
    "certify_nonconvergence",
    "check_alignment",
    "check_assumption_1",
    "check_balancedness",
    "check_directional_alignment",
    "check_loss_bound",
    "check_low_rank",
    "check_third_singular_value",
]

ROUNDING = 1e-12  # relative error of a sum over the samples or the neurons, as computed
MOVED = 1e-8  # relative change of a loss that is surely no rounding


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


def bound_loss(path, t2, t):
    """`Σ_± L_±(t2) / (1 + α_± L_±(t2) (t - t2))`: what the loss at `t ≥ t2` cannot exceed.

    `α_±` is that of `certify_convergence` for the network at `t2`; `t` may be an array. Valid if every
    neuron is at its goal at `t2`. Derived in chapter 4; the order 1/t is MMV's (Theorem 1).
    """
    certificate = certify_convergence(path.at(t2), path.data, path.loss_function)
    return certificate.bound(np.asarray(t, dtype=np.float64) - t2)


def bound_stable_rank(path, t2, t):
    """What the stable rank `‖W‖_F² / ‖W‖_2²` at time `t ≥ t2` cannot exceed.

    `Σ_± (‖v_±‖² + tr Δ_±) / (‖v_±‖² + λ_min(Δ_±)) + ‖W_dead‖_F² / ‖W‖_2²`, with `‖v_±‖` and `‖W‖_2`
    at time t and `Δ_± = W_± W_±ᵀ - v_± v_±ᵀ` at t2. Valid if every neuron is at its goal at `t2`.
    Derived in chapter 4; a stable rank of at most 2 + O(ε) is MMV's (Theorem 1).
    """
    groups, rest, now = _groups(path, t2), _rest(path, t2), path.at(t)
    total = (now.w[rest] ** 2).sum() / measure.singular_values(now)[0] ** 2
    for rows, delta in groups:
        mass = (now.v[rows] ** 2).sum()
        least = mass + delta[0]
        total += (mass + delta.sum()) / least if least > 0 else np.inf
    return float(total)


def bound_third_singular_value(path, t2):
    """`√(λ_max(Δ_+) + λ_max(Δ_-) + ‖W_dead‖_2²)` at `t2`: what `σ_3(W)` can never exceed later.

    Valid if every neuron is at its goal at `t2`. Derived in chapter 4.
    """
    then, rest = path.at(t2), _rest(path, t2)
    frozen = np.linalg.norm(then.w[rest], 2) ** 2 if rest.any() else 0.0
    return float(np.sqrt(frozen + sum(max(delta[-1], 0.0) for _, delta in _groups(path, t2))))


def check_loss_bound(path, t2, key="loss-bound"):
    """The loss of each class stays below its part of `bound_loss` at every kept time after `t2`.

    Measured: the smallest `(1/L_±(t) - 1/L_±(t2)) / (α_± (t - t2))`, how many times faster than guaranteed
    `1/L_±` grows; at least 1 is the bound. Times are passed over until 1/L_± has moved, or should have,
    by more than rounding. Derived in chapter 4; the order 1/t is MMV's (Theorem 1).
    """
    certificate = certify_convergence(path.at(t2), path.data, path.loss_function)
    t, rates = _later(path, t2), []
    losses = _class_losses(path)[:, path.t > t2]
    for now, then, alpha in zip(losses, certificate.losses, certificate.alpha):
        if then > 0:
            grown, guaranteed = then / now - 1, then * alpha * (t - t2)
            seen = (guaranteed > 0) & (np.maximum(np.abs(grown), guaranteed) > MOVED)
            rates.append(grown[seen] / guaranteed[seen])
    return Claim(
        key,
        f"On {path.data.name or 'the data'} 1/L grows at least as fast as guaranteed, in both classes, "
        f"{path.loss_function.name} loss, t from {t2:.3g} to {t[-1]:.3g}",
        "derived here; the order is MMV's, Theorem 1",
        min((float(rate.min()) for rate in rates if rate.size), default=np.nan),
        1.0,
        relation=">=",
        hypotheses=certificate.hypotheses | {"both losses have moved": all(r.size for r in rates)},
    )


def check_low_rank(path, t2, key="low-rank"):
    """The stable rank of W stays below `bound_stable_rank` at every kept time after `t2`.

    Measured: the largest ratio of the two. Derived in chapter 4; "at most 2 + O(ε)" is MMV's.
    """
    t = _later(path, t2)
    ratios = [measure.stable_rank(path.at(time)) / bound_stable_rank(path, t2, time) for time in t]
    return Claim(
        key,
        f"On {path.data.name or 'the data'} the stable rank of W over its bound is at most 1 "
        f"from t = {t2:.3g} to {t[-1]:.3g}",
        "derived here; 2 + O(ε) is MMV's, Theorem 1",
        max(ratios),
        1 + ROUNDING,
        hypotheses=certify_convergence(path.at(t2), path.data, path.loss_function).hypotheses,
    )


def check_third_singular_value(path, t2, key="third-singular-value"):
    """`σ_3(W)` stays below `bound_third_singular_value` at every kept time after `t2`.

    Measured: its largest value; what an SVD rounds (`1e-14 σ_1`) is granted. Derived in chapter 4.
    """
    values = np.array([measure.singular_values(path.at(time)) for time in _later(path, t2)])
    third = values[:, 2] if values.shape[1] > 2 else np.zeros(len(values))
    return Claim(
        key,
        f"On {path.data.name or 'the data'} the third singular value of W stays below its bound",
        "derived here",
        third.max(),
        bound_third_singular_value(path, t2) + 1e-14 * values.max(),
        hypotheses=certify_convergence(path.at(t2), path.data, path.loss_function).hypotheses,
    )


def _groups(path, t2):
    """For V+ and V- at `t2`, unless empty: which neurons, and the eigenvalues of Δ, rising."""
    net = path.at(t2)
    alive = geometry.subnetworks(net, path.data)[:2]
    found = [
        (rows, measure.minkowski_gram(Network(net.w[rows], net.v[rows]))) for rows in alive if rows.any()
    ]
    return [(rows, np.linalg.eigvalsh(delta)) for rows, delta in found]


def _rest(path, t2):
    """The neurons in neither of them: the dead ones, if all are at their goals."""
    return ~geometry.subnetworks(path.at(t2), path.data)[:2].any(axis=0)


def _class_losses(path):
    """The loss of the positive and of the negative samples at the kept times, (2, m)."""
    loss, y = path.loss_function, path.data.y
    each = loss.sample_value(path.outputs, y) / (path.data.n if loss.reduction == "mean" else 1)
    return np.stack([each[:, y > 0].sum(axis=1), each[:, y < 0].sum(axis=1)])


def _later(path, t2):
    t = path.t[path.t > t2]
    if not t.size:
        raise ValueError(f"`t2` must lie before the last kept time {path.t[-1]:g}, got {t2!r}")
    return t
