"""Statements about the fit after alignment, as bounds and checks.

From a time `t2` on at which every neuron is at its goal the network is two linear networks (chapter 4).
All statements are about ReLU networks without weight decay: others are refused.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alignlib import geometry, inputs, measure
from alignlib.claim import Claim
from alignlib.theory.certificates import certify_convergence
from alignlib.trajectory import Trajectory

ROUNDING = 1e-12  # relative error of a sum over the samples or the neurons, as computed
MOVED = 1e-8  # relative change of a loss that is surely no rounding
TIMES = 200  # a check looks at so many times, whatever the steps of the solver


def bound_loss(path: Trajectory, t2: float, t: ArrayLike) -> Any:
    """`Σ_± L_±(t2) / (1 + α_± L_±(t2) (t - t2))`: what the loss at `t ≥ t2` cannot exceed.

    `α_±` is that of `certify_convergence` for the network at `t2`; `t` may be an array. Valid if every
    neuron is at its goal at `t2`. Derived in chapter 4; the order 1/t is MMV's (Theorem 1).

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> bound = al.theory.bound_loss(path, t2=1.5, t=path.t[path.t > 1.5])
    >>> bool((path.loss[path.t > 1.5] <= bound).all())
    True
    """
    _not_before(t2, t)
    inputs.undecayed("path", path, "this bound")
    certificate = certify_convergence(path.at(t2), path.data, path.loss_function)
    return certificate.bound(np.asarray(t, dtype=np.float64) - t2)


def bound_stable_rank(path: Trajectory, t2: float, t: float) -> float:
    """What the stable rank `‖W‖_F² / ‖W‖_2²` at time `t ≥ t2` cannot exceed.

    `Σ_± (‖v_±‖² + tr Δ_±) / (‖v_±‖² + λ_min(Δ_±)) + ‖W_dead‖_F² / ‖W‖_2²`, with `‖v_±‖` and `‖W‖_2`
    at time t and `Δ_± = W_± W_±ᵀ - v_± v_±ᵀ` at t2. Valid if every neuron is at its goal at `t2`.
    Derived in chapter 4; a stable rank of about 2 is MMV's (Theorem 1, from a summary).

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> round(al.theory.bound_stable_rank(path, t2=1.5, t=3), 3)
    2.0
    >>> round(al.measure.stable_rank(path.final), 3)
    1.008
    """
    _not_before(t2, t)
    return _stable_rank_up_to(_groups(path, t2), _rest(path, t2), path.at(t))


def _stable_rank_up_to(groups, rest, now):
    total = (now.w[rest] ** 2).sum() / measure.singular_values(now)[0] ** 2
    for rows, delta in groups:
        mass = (now.v[rows] ** 2).sum()
        least = mass + delta[0]
        total += (mass + delta.sum()) / least if least > 0 else np.inf
    return float(total)


def bound_third_singular_value(path: Trajectory, t2: float) -> float:
    """`√(λ_max(Δ_+) + λ_max(Δ_-) + ‖W_dead‖_2²)` at `t2`: what `σ_3(W)` can never exceed later.

    Valid if every neuron is at its goal at `t2`. Derived in chapter 4.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> round(al.theory.bound_third_singular_value(path, t2=1.5), 5)
    0.001
    """
    then, rest = path.at(t2), _rest(path, t2)
    frozen = np.linalg.norm(then.w[rest], 2) ** 2 if rest.any() else 0.0
    return float(np.sqrt(frozen + sum(max(delta[-1], 0.0) for _, delta in _groups(path, t2))))


def check_loss_bound(path: Trajectory, t2: float, key: str = "loss-bound") -> Claim:
    """The loss of each class stays below its part of `bound_loss` after `t2`.

    Measured: the smallest `(1/L_±(t) - 1/L_±(t2)) / (α_± (t - t2))`, how many times faster than guaranteed
    `1/L_±` grows; at least 1 is the bound. Looked at are t2 itself, where the quotient is the speed of
    `1/L_±` over `α_±`, and 200 later times, denser towards it, but for those at which 1/L_± has not
    moved, and should not have, by more than rounding.

    Derived in chapter 4; the order 1/t is MMV's (Theorem 1).

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> al.theory.check_loss_bound(path, t2=1.5)
    Claim(loss-bound: measured 5.01, bound >= 1: holds)
    """
    inputs.undecayed("path", path, "this bound")
    certificate = certify_convergence(path.at(t2), path.data, path.loss_function)
    t, rates, first = _later(path, t2), [], []
    losses, speeds = _class_losses(path, t), _speeds(path, t2)
    for now, speed, then, alpha in zip(losses, speeds, certificate.losses, certificate.alpha):
        if then > 0:
            grown, guaranteed = then / now - 1, then * alpha * (t - t2)
            seen = (guaranteed > 0) & (np.maximum(np.abs(grown), guaranteed) > MOVED)
            rates.append(grown[seen] / guaranteed[seen])
        if then * alpha > 0:
            first.append(float(speed / then / (then * alpha)))
    return Claim(
        key,
        f"On {path.data.name or 'the data'} 1/L₊ and 1/L₋ grow at least as fast as guaranteed, "
        f"{path.loss_function.name} loss, t from {t2:.3g} to {t[-1]:.3g} "
        "(smallest speed over the guaranteed one)",
        "proved here; the order is MMV's, Theorem 1",
        min(first + [float(rate.min()) for rate in rates if rate.size], default=np.nan),
        1.0,
        relation=">=",
        hypotheses=certificate.hypotheses | {"both losses have moved": all(r.size for r in rates)},
    )


def check_low_rank(path: Trajectory, t2: float, key: str = "low-rank") -> Claim:
    """The stable rank of W stays below `bound_stable_rank` after `t2`.

    Measured: the largest ratio of the two, at 200 times. Derived in chapter 4; MMV: about 2 (a summary).

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> al.theory.check_low_rank(path, t2=1.5)
    Claim(low-rank: measured 0.504, bound <= 1: holds)
    """
    t, groups, rest = _later(path, t2), _groups(path, t2), _rest(path, t2)
    nets = (path.at(time) for time in t)
    ratios = [measure.stable_rank(net) / _stable_rank_up_to(groups, rest, net) for net in nets]
    return Claim(
        key,
        f"On {path.data.name or 'the data'} the stable rank of W stays below its bound "
        f"from t = {t2:.3g} to {t[-1]:.3g} (largest share of the bound)",
        "proved here; MMV, Theorem 1: about 2 (from a summary)",
        max(ratios),
        1 + ROUNDING,
        hypotheses=certify_convergence(path.at(t2), path.data, path.loss_function).hypotheses,
    )


def check_third_singular_value(path: Trajectory, t2: float, key: str = "third-singular-value") -> Claim:
    """`σ_3(W)` stays below `bound_third_singular_value` after `t2`.

    Measured: its largest value at 200 times; what an SVD rounds (`1e-14 σ_1`) is granted.

    Derived in chapter 4.

    >>> net = al.Network.balanced(width=20, dim=5, scale=1e-3, rng=0)
    >>> data = al.data.separated(20, 5, 0.3, rng=0)
    >>> path = al.gradient_flow(net, data, "exponential", t_end=3)
    >>> al.theory.check_third_singular_value(path, t2=1.5)
    Claim(third-singular-value: measured 0.001, bound <= 0.00159: holds)
    """
    values = np.array([measure.singular_values(path.at(time)) for time in _later(path, t2)])
    third = values[:, 2] if values.shape[1] > 2 else np.zeros(len(values))
    return Claim(
        key,
        f"On {path.data.name or 'the data'} the third singular value of W stays below its bound "
        "(largest value)",
        "proved here",
        third.max(),
        bound_third_singular_value(path, t2) + 1e-14 * values.max(),
        hypotheses=certify_convergence(path.at(t2), path.data, path.loss_function).hypotheses,
    )


def _groups(path, t2):
    """For V+ and V- at `t2`, unless empty: which neurons, and the eigenvalues of Δ, rising."""
    net = path.at(t2)
    alive = geometry.subnetworks(path, t2)[:2]
    found = [(rows, measure.minkowski_gram(net.some(rows))) for rows in alive if rows.any()]
    return [(rows, np.linalg.eigvalsh(delta)) for rows, delta in found]


def _rest(path, t2):
    """The neurons in neither of them: the dead ones, if all are at their goals."""
    inputs.relu("path", path.at(t2), "this bound")
    inputs.undecayed("path", path, "this bound")
    return ~geometry.subnetworks(path, t2)[:2].any(axis=0)


def _class_losses(path, t):
    """The loss of the positive and of the negative samples at these times, (2, m)."""
    loss, y = path.loss_function, path.data.y
    outputs = np.array([path.at(time)(path.data.x) for time in t])
    each = loss.values(outputs, y) / (path.data.n if loss.reduction == "mean" else 1)
    return np.stack([each[:, y > 0].sum(axis=1), each[:, y < 0].sum(axis=1)])


def _speeds(path, t):
    """`-dL_±/dt` at time `t`, from the flow itself: a difference of two losses would be rounding."""
    net, x, y = path.at(t), path.data.x, path.data.y
    active, g = path.patterns(t) > 0, path.loss_function.pull(net(x), y)
    d = (active * g) @ x
    # The derivative of v_j w_j.
    turning = (net.w * d).sum(axis=1)[:, None] * net.w + net.v[:, None] ** 2 * d
    falling = g * (active * (turning @ x.T)).sum(axis=0)
    return falling[y > 0].sum(), falling[y < 0].sum()


def _not_before(t2, t):
    t2, t = inputs.at_least_zero("t2", t2), inputs.array("t", np.atleast_1d(t), 1)
    if t.min() < t2:
        raise ValueError(f"`t` must not lie before `t2` = {t2:g}, got {t.min():g}")


def _later(path, t2):
    """Times after `t2`, denser towards it down to rounding, up to the last; of a record those it has."""
    t2, end = inputs.at_least_zero("t2", t2), path.t[-1]
    if not end > t2:
        raise ValueError(f"`t2` must lie before the last kept time {end:g}, got {t2!r}")
    if not path.continuous:
        return path.t[path.t >= t2]
    return np.append(t2 + (end - t2) * np.geomspace(1e-16, 1, TIMES)[:-1], end)


inputs.guard(globals())
