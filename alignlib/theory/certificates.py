"""A certificate: conditions on one network from which it follows that the loss goes to zero.

(That it stays above a limit: `stuck`.) Derived in this book, for ReLU networks: a `negative_slope` other
than 0 is refused; and for flow without weight decay. Like those of `stuck` it returns every number that
enters, so that a reader can check it by hand, and says which hypotheses fail if it does not hold.
"""

from dataclasses import dataclass

import numpy as np

from alignlib import geometry, inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network


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


def certify_convergence(net: Network, data: Dataset, loss: str | losses.Loss) -> Convergence:
    """Whether gradient flow from `net` provably takes the loss to zero like O(1/t).

    If `μ > 0` (MMV, Assumption 1) and every neuron is at its goal (S+ or dead for v > 0, S- or dead
    for v < 0), then it stays at a goal (on the wall of two opposite samples it may leave one for the
    other), and for the exponential loss
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
    loss = known(loss, ("exponential", "logistic"))
    inputs.labels("data.y", data.y)
    inputs.same_dim(net, data)
    inputs.relu("net", net, "this certificate")
    *alive, dead = geometry.subnetworks(net, data)
    x_min = float(np.linalg.norm(data.x, axis=1).min())
    each = loss.values(net(data.x), data.y) / (data.n if loss.reduction == "mean" else 1)
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


def known(loss: str | losses.Loss, names: tuple[str, ...]) -> losses.Loss:
    """The loss, if it is one of these as the library defines them."""
    loss = losses.get(loss)
    if losses.get(loss, "sum") not in [losses.get(name, "sum") for name in names]:
        raise ValueError(f"`loss` must be one of {', '.join(names)}, got {loss!r}")
    return loss


inputs.guard(globals())
