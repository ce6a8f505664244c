"""Certificates: conditions on one network from which its whole future follows.

Both are derived in this book, for ReLU networks: a `negative_slope` other than 0 is refused. A certificate
returns every number that enters, so that a reader can check it by hand, and says which hypotheses fail if
it does not hold.
"""

from dataclasses import dataclass

import numpy as np

from alignlib import geometry, inputs
from alignlib import loss as losses

LIGHT = 1e-12  # relative ‖w‖² - v² up to which a neuron counts as light-like, as computed
ON = 1e-10  # relative height up to which a neuron may be on a hyperplane, as computed
TOUCHING = 8 * np.finfo(float).eps  # relative height up to which it is on it, by any account


@dataclass(frozen=True)
class Convergence:
    """What `certify_convergence` found: the bound, and the numbers it is made of.

    `alpha` and `losses` are those of the positive and the negative samples, `alive` counts the neurons
    in S+ and S-, `hypotheses` maps each condition to whether it holds.
    """

    hypotheses: dict
    mu: float
    x_min: float
    alive: tuple
    dead: int
    mass: tuple
    losses: tuple
    alpha: tuple

    @property
    def holds(self):
        """Whether all hypotheses do."""
        return all(self.hypotheses.values())

    def bound(self, t):
        """`Σ_± L_± / (1 + α_± L_± t)`: the loss at time t after the network is at most this."""
        t = np.asarray(t, dtype=np.float64)
        return sum(loss / (1 + alpha * loss * t) for loss, alpha in zip(self.losses, self.alpha))


def certify_convergence(net, data, loss):
    """Whether gradient flow from `net` provably takes the loss to zero like O(1/t).

    If `μ > 0` (MMV, Assumption 1) and every neuron is at its goal (S+ or dead for v > 0, S- or dead
    for v < 0), then S+, S- and dead are traps, and for the exponential loss
    `L_±(t) ≤ L_± / (1 + α_± L_± t)` with `α_± = μ X_min² Σ_{j ∈ V±} v_j²`; for the logistic loss
    divide α by `4 ln² 2`. Rate in units of the stated loss. Balance is not needed: where neurons are
    at their goals, every `v_j²` grows, whatever their Minkowski norm. Derived in chapter 4.

    Returns
    -------
    Convergence

    Raises
    ------
    ValueError
        If the loss is neither exponential nor logistic, the labels are not +1 and -1, a sample is zero,
        the dimensions differ, or the network is not ReLU.

    Examples
    --------
    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> found = al.theory.certify_convergence(path.final, path.data, "exponential")
    >>> found.holds, found.alive, found.dead
    (True, (4, 6), 0)
    """
    loss = _known(loss, ("exponential", "logistic"))
    inputs.labels("data.y", data.y)
    inputs.same_dim(net, data)
    inputs.relu("net", net, "this certificate")
    *alive, dead = geometry.subnetworks(net, data)
    x_min = float(np.linalg.norm(data.x, axis=1).min())
    each = loss.sample_value(net(data.x), data.y) / (data.n if loss.reduction == "mean" else 1)
    slower = 4 * np.log(2) ** 2 if loss.name == "logistic" else 1.0
    mass = [float((net.v[rows] ** 2).sum()) for rows in alive]
    classes = [data.y > 0, data.y < 0]
    return Convergence(
        hypotheses={
            "Assumption 1: μ > 0": data.mu > 0,
            "every neuron is at its goal": bool((alive[0] | alive[1] | dead).all()),
            "each class has a neuron in its cone, S₊ or S₋": all(
                m > 0 or not members.any() for m, members in zip(mass, classes)
            ),
        },
        mu=data.mu,
        x_min=x_min,
        alive=tuple(int(rows.sum()) for rows in alive),
        dead=int(dead.sum()),
        mass=tuple(mass),
        losses=tuple(float(each[members].sum()) for members in classes),
        alpha=tuple(float(max(data.mu, 0.0) * x_min**2 * m / slower) for m in mass),
    )


@dataclass(frozen=True)
class Nonconvergence:
    """What `certify_nonconvergence` found, and the numbers it is made of.

    Attributes
    ----------
    hypotheses : dict from condition to whether it holds
    loss, limit : L now, and at least squares, `L(β*)`
    excess : E, the excess loss of the linear part
    eigenvalues : smallest non-zero and largest eigenvalue of the Hessian H
    masses : a² and b², the sums of `v_j²` and of `‖w_j‖²` over the full neurons
    q, rapidity : `q = 3 b √(2E/λ) / a³`, and `G = (1 - ∛(1 - q)) a / b`, which bounds `∫ ‖D‖ dt` for ever
    full, dead, pinned, other : numbers of neurons
    margin : smallest height of a neuron over what G could take from it, relative to its size
    beta, least_squares : β and β*, (d,)
    """

    hypotheses: dict
    loss: float
    limit: float
    excess: float
    eigenvalues: tuple
    masses: tuple
    q: float
    rapidity: float
    full: int
    dead: int
    pinned: int
    other: int
    margin: float
    beta: np.ndarray
    least_squares: np.ndarray

    @property
    def holds(self):
        """Whether all hypotheses do."""
        return all(self.hypotheses.values())


def certify_nonconvergence(net, data, loss="squared"):
    """Whether gradient flow from `net` provably ends at least squares, with a loss above zero.

    Every neuron is to be *dead*, *full* (active on all samples), or *pinned* (active on all but one,
    whose hyperplane it is on). Then `f = ⟨β, x⟩`, and if `G` is finite and smaller than the room of
    every full neuron, no full or dead one ever changes its pattern, a pinned one
    can only become full, and β goes to β*. Zero samples are ignored.
    A dead neuron on a hyperplane stays there by the convention `σ'(0) = 0`. Derived in chapter 5.

    Returns
    -------
    Nonconvergence

    Raises
    ------
    ValueError
        If the loss is neither squared nor made by `loss.quadratic`, all samples are zero, the dimensions
        differ, or the network is not ReLU.

    Examples
    --------
    >>> net = al.Network.balanced(width=20, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.three_points(), "squared", t_end=60)
    >>> found = al.theory.certify_nonconvergence(path.final, path.data)
    >>> found.holds, found.full, found.dead, round(found.limit, 4)
    (True, 8, 12, 0.175)
    """
    loss = losses.get(loss)
    factor = losses.quadratic_factor(loss)
    if factor is None:
        raise ValueError(f"`loss` must be squared, or made by `al.loss.quadratic`, got {loss!r}")
    inputs.same_dim(net, data)
    inputs.relu("net", net, "this certificate")
    acts = data.x.any(axis=1)
    if not acts.any():
        raise ValueError("`data` must have a sample that is not zero, got none")
    x, y, weight = data.x[acts], data.y[acts], factor / data.n if loss.reduction == "mean" else factor
    height, norm = _heights(net, x)
    full, dead, pinned = _kinds(height)
    doubtful = dead & _barely_active(net, x, norm)
    moving = full | pinned
    beta, target = net.v[moving] @ net.w[moving], np.linalg.lstsq(x, y, rcond=None)[0]
    # From the singular values of x, so that a small eigenvalue is seen wherever `lstsq` sees it.
    singular = np.linalg.svd(x, compute_uv=False)
    rank = (singular > singular[0] * np.finfo(float).eps * max(x.shape)).sum()
    spectrum = 2 * weight * singular[:rank][::-1] ** 2
    excess = weight * float(((x @ (beta - target)) ** 2).sum())
    limit = loss.value(data.x @ target, data.y)
    a, b = np.linalg.norm(net.v[full]), np.linalg.norm(net.w[full])
    q = float(3 * b * np.sqrt(2 * excess / spectrum[0]) / a**3) if a > 0 else np.inf
    rapidity = -a / b * np.expm1(np.log1p(-q) / 3) if q < 1 else np.inf
    margin = _margins(height[moving], np.abs(net.v[moving]), norm[moving], rapidity)
    pull = 2 * weight * (y - x @ target)
    held = (net, x, height, pull, excess, spectrum[-1], weight, rapidity, norm)
    stays = _held(np.flatnonzero(pinned), *held)
    rests = _held(np.flatnonzero(doubtful), *held)
    return Nonconvergence(
        hypotheses={
            "every neuron is dead, full or pinned": bool((full | dead | pinned).all()),
            "q < 1": q < 1,
            "every full or pinned neuron has room for G": bool(margin > 0),
            "every pinned neuron stays pinned or becomes full": stays,
            "every neuron dead but for rounding is held on its hyperplane": rests,
            "least squares leaves a loss": bool(
                limit > 1e-14 * max(loss.value(0 * data.y, data.y), 1e-300)
            ),
        },
        loss=loss.value(net(data.x), data.y),
        limit=limit,
        excess=excess,
        eigenvalues=(float(spectrum[0]), float(spectrum[-1])),
        masses=(float(a**2), float(b**2)),
        q=q,
        rapidity=float(rapidity),
        full=int(full.sum()),
        dead=int(dead.sum()),
        pinned=int(pinned.sum()),
        other=int((~(full | dead | pinned)).sum()),
        margin=float(margin),
        beta=beta,
        least_squares=target,
    )


def _known(loss, names):
    """The loss, if it is one of these as the library defines them."""
    loss = losses.get(loss)
    if losses.get(loss, "sum") not in [losses.get(name, "sum") for name in names]:
        raise ValueError(f"`loss` must be one of {', '.join(names)}, got {loss!r}")
    return loss


def _heights(net, x):
    """`⟨w_j, x_k⟩ / (‖w_j‖ ‖x_k‖)`, 0 where that is rounding, and `‖w_j‖`."""
    norm = np.linalg.norm(net.w, axis=1)
    height = net.preactivations(x) / np.linalg.norm(x, axis=1)
    height = np.divide(height, norm[:, None], out=np.zeros_like(height), where=norm[:, None] > 0)
    height[np.abs(height) < ON] = 0.0
    return height, norm


def _kinds(height):
    """Which neurons are full, dead, and pinned to one sample."""
    active, inactive = (height > 0).sum(axis=1), (height < 0).sum(axis=1)
    n = height.shape[1]
    full = active == n
    return full, active == 0, ~full & (active == n - 1) & (inactive == 0) & (active > 0)


def _margins(height, v, norm, rapidity):
    """The smallest height over a sample, less what a boost of this rapidity could take."""
    if not np.isfinite(rapidity):
        return -np.inf
    if not len(height):
        return np.inf
    needed = v / norm * np.sinh(rapidity) + np.cosh(rapidity) - 1
    light = np.abs(v - norm) <= LIGHT * norm
    least = np.where(height > 0, height, np.inf).min(axis=1)
    room = np.where(light, np.arcsin(np.minimum(least, 1)) - rapidity, least - needed)
    return room.min()


def _barely_active(net, x, norm):
    """Which neurons are active on some sample by more than rounding."""
    least = TOUCHING * norm[:, None] * np.linalg.norm(x, axis=1)
    return (net.preactivations(x) > least).any(axis=1)


def _held(neurons, net, x, height, pull, excess, largest, weight, rapidity, norm):
    """Whether none of these neurons can ever leave its hyperplanes to the wrong side.

    Wrong is inactive for a pinned neuron, active for a dead one: in both cases `v g*_k < 0`, with a
    margin for what the pulls may still change, holds it.
    """
    size = np.linalg.norm(x, axis=1)
    for j in neurons:
        keeps_sign = abs(net.v[j]) >= norm[j] * (1 - LIGHT) or abs(net.v[j]) > norm[j] * np.tanh(rapidity)
        for k in np.flatnonzero(height[j] == 0):
            held = net.v[j] * pull[k] < 0
            strong = np.sqrt(2 * largest * excess) < size[k] * (abs(pull[k]) - 2 * np.sqrt(weight * excess))
            if not (held and strong and keeps_sign):
                return False
    return True
