"""Where every neuron of a network is, what it is pulled to, and how far it is from its next wall."""

from dataclasses import dataclass

import numpy as np

from alignlib import geometry, inputs, measure
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.trajectory import Trajectory

KINDS = ("S+", "S-", "full", "partial", "pinned", "dead")
POINTS = 0.99  # cosine from which on a neuron points where it is pulled


@dataclass(frozen=True, eq=False, repr=False)
class Neurons(inputs.Frozen):
    """Every neuron of a network: arrays (h,).

    Attributes
    ----------
    kind : "dead" (active on no sample), "pinned" (alive, on a hyperplane), "S+", "S-" (labels +1 and -1
        only), "full" (active on all samples) or "partial"
    minkowski : `‖w_j‖² - v_j²`
    cosine, cosine_at_zero : `cos(w_j, sign(v_j) D_j)` under the pulls now, and those of the zero network
    mass : share of `Σ |v_j| ‖w_j‖`
    room : the angle to the nearest hyperplane that it is not on, in radians
    goal : booleans, at the goal of its sign (`geometry.aligned`); without classes, dead or
        `cosine_at_zero` at least 0.99
    """

    kind: np.ndarray
    minkowski: np.ndarray
    cosine: np.ndarray
    cosine_at_zero: np.ndarray
    mass: np.ndarray
    room: np.ndarray
    goal: np.ndarray

    def counts(self) -> dict[str, int]:
        """How many neurons are of each kind; kinds without any are left out."""
        return {kind: int(count) for kind in KINDS if (count := (self.kind == kind).sum())}

    def __repr__(self) -> str:
        return f"Neurons({', '.join(f'{count} {kind}' for kind, count in self.counts().items())})"


def neurons(net: "Network | Trajectory", data: "Dataset | float", loss: str | losses.Loss) -> Neurons:
    """Where every neuron is: of a network on data, or of a trajectory at a time.

    Raises
    ------
    ValueError
        If loss, labels and dimensions do not fit.

    Examples
    --------
    >>> net = al.Network.balanced(width=20, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.three_points(), "squared", t_end=60)
    >>> al.diagnosis.neurons(path, 60, "squared")
    Neurons(8 full, 12 dead)
    """
    signs = geometry.patterns(net, data)
    then, those = _now(net, data)
    return _census(then, those, signs, loss)


def _now(net, data):
    """Network and data, also of a trajectory and a time."""
    return (net, data) if isinstance(net, Network) else (net.at(data), net.data)


def _census(then, data, signs, loss):
    loss = losses.fitting(loss, data)
    inputs.same_dim(then, data)
    classes = bool((np.abs(data.y) == 1).all())
    at_zero = _cosine(then, data, signs, loss.pull(np.zeros(data.n), data.y))
    mass = np.abs(then.v) * measure.norms(then)
    alive = (signs > 0).any(axis=1) | (then.negative_slope != 0)
    return Neurons(
        kind=_kinds(signs, data.y if classes else None, alive),
        minkowski=then.minkowski(),
        cosine=_cosine(then, data, signs, loss.pull(then(data.x), data.y)),
        cosine_at_zero=at_zero,
        mass=mass / (mass.sum() or 1.0),
        room=_room(then, data, signs),
        goal=geometry.aligned(then, data) if classes else ~alive | (at_zero >= POINTS),
    )


def missing(path: Trajectory) -> list[int]:
    """The signs of labels that no neuron works for at the end of a run: alive, of this sign, active there.

    >>> net = al.Network([[0, 1], [1, 1]], [1, 1])
    >>> al.diagnosis.missing(al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3))
    [-1]
    """
    signs, v, y = path.patterns(path.t[-1]), path.final.v, path.data.y
    if path.final.negative_slope:
        return []
    sides = [s for s in (1, -1) if (s * y > 0).any()]
    return [s for s in sides if not (signs[s * v > 0][:, s * y > 0] > 0).any()]


def _kinds(signs, y, alive):
    active = signs > 0
    kind = np.full(len(signs), "partial", dtype="<U7")
    kind[active.all(axis=1)] = "full"
    if y is not None:
        kind[(active == (y > 0)).all(axis=1)] = "S+"
        kind[(active == (y < 0)).all(axis=1)] = "S-"
    kind[(signs == 0).any(axis=1)] = "pinned"
    kind[~alive] = "dead"
    return kind


def _cosine(net, data, signs, g):
    """`cos(w_j, sign(v_j) D_j)` under the pulls g; nan where nothing pulls."""
    slopes = np.where(signs > 0, 1.0, net.negative_slope)
    d = (slopes * g) @ data.x
    return measure._cosines(net, d, np.abs(g) @ inputs.lengths(data.x))


def _room(net, data, signs):
    size = np.outer(measure.norms(net), np.linalg.norm(data.x, axis=1))
    height = np.abs(net.preactivations(data.x))
    sine = np.divide(height, size, out=np.full_like(height, 1.0), where=(size > 0) & (signs != 0))
    return np.arcsin(np.minimum(sine, 1.0)).min(axis=1)


inputs.guard(globals())
