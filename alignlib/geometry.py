"""Activation patterns, the cones they form, and angles to the data.

Everything here looks at one network and one data set at a time, or at a trajectory at one time, and
changes neither. A trajectory knows its patterns; those of a bare network are the signs of its heights, as
far as these are not rounding.
"""

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs
from alignlib.data import Dataset
from alignlib.network import Network

if TYPE_CHECKING:  # it comes later
    from alignlib.trajectory import Trajectory

CONES = ("S+", "S-", "dead", "mixed")
OTHERS = "`al.geometry.patterns`, `al.measure.alignment` and `al.extremal_vectors` take"
TOUCHING = 1e-13  # relative height up to which a neuron may be on a hyperplane, as computed


def patterns(net: "Network | Trajectory", data: "Dataset | float") -> np.ndarray:
    """Where every neuron is: an (h, n) array of +1 (active on the sample), 0 (on its hyperplane) and -1.

    Of a network, the signs of `⟨w_j, x_k⟩`, 0 up to a share of 1e-13 of `‖w_j‖‖x_k‖`, which is rounding;
    `patterns(path, t)`, as well as all functions below, takes a trajectory and a time, and what the solver
    carried (`Trajectory.patterns`). A zero sample is never active, and always -1.

    >>> net = al.Network([[0, 1], [1e-20, -1], [0, -1]], [1, -1, 1])
    >>> al.geometry.patterns(net, al.Dataset([[1, 0], [0, 1]], [1, -1]))
    array([[ 0,  1],
           [ 0, -1],
           [ 0, -1]], dtype=int8)
    """
    return _look(net, data)[0]


def _look(net, data):
    """Patterns, network and data of a network on a data set, or of a trajectory at a time."""
    if not isinstance(net, Network):
        if not (hasattr(net, "patterns") and isinstance(data, Real)):
            raise ValueError(
                "`net, data` must be a Network and a Dataset, or a trajectory and a time, "
                f"got {type(net).__name__} and {type(data).__name__}"
            )
        return net.patterns(data), net.at(data), net.data
    if not hasattr(data, "x"):
        raise ValueError(f"`data` must be a Dataset, got {type(data).__name__}")
    # In rows of about length one, for signs have no scale, and products of large numbers no value.
    inputs.same_dim(net, data)
    w, x = (inputs.near_one(rows)[0] for rows in (net.w, data.x))
    height, size = w @ x.T, np.outer(np.linalg.norm(w, axis=1), np.linalg.norm(x, axis=1))
    height[np.abs(height) <= TOUCHING * size] = 0.0
    signs = np.sign(height).astype(np.int8)
    signs[:, ~data.x.any(axis=1)] = -1
    return signs, net, data


def cones(net: "Network | Trajectory", data: "Dataset | float") -> np.ndarray:
    """The cone of every neuron, an (h,) array of the strings "S+", "S-", "dead", "mixed".

    `S+` is active exactly on the samples with label +1, `S-` exactly on those with label -1, "dead"
    (the papers' S_dead, taken closed) on none. With a `negative_slope` other than 0 no neuron is dead: one
    that is active on none is "mixed", as is all that is neither S+ nor S-. Takes a network and a data set,
    or a trajectory and a time. Source: MMV, section 3.

    >>> net = al.Network([[0, 1], [0, -1], [1, 0]], [1, -1, 1])
    >>> al.geometry.cones(net, al.data.toy_2d())
    array(['S+', 'S-', 'mixed'], dtype='<U5')
    """
    return _cones(*_look(net, data))


def _cones(signs, net, data):
    """The cones of the neurons of a network with these patterns."""
    active, positive = signs > 0, inputs.labels("data.y", data.y, OTHERS) > 0
    result = np.full(len(active), "mixed", dtype="<U5")
    result[(active == positive).all(axis=1)] = "S+"
    result[(active != positive).all(axis=1)] = "S-"
    if net.negative_slope == 0.0:
        result[~active.any(axis=1)] = "dead"
    return result


def cone_counts(net: "Network | Trajectory", data: "Dataset | float") -> dict[str, int]:
    """How many neurons are in each cone, a dict with the keys of `CONES`.

    >>> net = al.Network([[0, 1], [0, -1], [1, 0]], [1, -1, 1])
    >>> al.geometry.cone_counts(net, al.data.toy_2d())
    {'S+': 1, 'S-': 1, 'dead': 0, 'mixed': 1}
    """
    found = cones(net, data)
    return {cone: int((found == cone).sum()) for cone in CONES}


def aligned(net: "Network | Trajectory", data: "Dataset | float") -> np.ndarray:
    """Which neurons have reached their goal: (h,) booleans.

    The goal is S+ or dead for `v_j > 0`, S- or dead for `v_j < 0`; a neuron with `v_j = 0` has none
    and counts only when dead. Source: MMV, Theorem 1.

    >>> net = al.Network([[0, 1], [0, -1], [1, 0]], [1, -1, 1])
    >>> al.geometry.aligned(net, al.data.toy_2d())
    array([ True,  True, False])
    """
    signs, then, data = _look(net, data)
    found, v = _cones(signs, then, data), then.v
    goal = np.where(v > 0, "S+", np.where(v < 0, "S-", "dead"))
    return (found == goal) | (found == "dead")


def subnetworks(net: "Network | Trajectory", data: "Dataset | float") -> np.ndarray:
    """Who works for which class, once aligned: `V+` (in S+, `v_j > 0`), `V-` (in S-, `v_j < 0`), dead.

    Three rows of (h,) booleans; a neuron in none of them is not at its goal. Source: MMV, section 3.

    >>> net = al.Network([[0, 1], [0, -1], [1, 0]], [1, -1, 1])
    >>> al.geometry.subnetworks(net, al.data.toy_2d())
    array([[ True, False, False],
           [False,  True, False],
           [False, False, False]])
    """
    signs, then, data = _look(net, data)
    found, v = _cones(signs, then, data), then.v
    return np.stack([(found == "S+") & (v > 0), (found == "S-") & (v < 0), found == "dead"])


def violating_share(data: Dataset) -> float:
    """Share of the pairs of samples with `⟨y_k x_k, y_l x_l⟩ ≤ 0`, which Assumption 1 forbids.

    Raises
    ------
    ValueError
        If there are fewer than two samples.

    Examples
    --------
    >>> round(al.geometry.violating_share(al.data.toy_2d(spread=120)), 2)
    0.11
    """
    if data.n < 2:
        raise ValueError(f"`data` must have at least two samples, got n = {data.n}")
    # The diagonal is 1 and never counts.
    return float((data.correlations <= 0).sum() / (data.n * (data.n - 1)))


def pair_correlations(data: Dataset) -> np.ndarray:
    """The correlations of Assumption 1 of the n(n-1)/2 different pairs of samples.

    >>> al.geometry.pair_correlations(al.data.toy_2d(n=3, spread=60)).round(2)
    array([0.87, 0.5 , 0.87])
    """
    return data.correlations[np.triu_indices(data.n, 1)]


def centres(data: Dataset) -> np.ndarray:
    """`x_+` and `x_-`, the sums of the samples with label +1 and with label -1: a (2, d) array.

    Raises
    ------
    ValueError
        If a label is neither, or one of them is missing.

    Examples
    --------
    >>> al.geometry.centres(al.data.toy_2d()).round(2)
    array([[ 0.32,  3.69],
           [ 0.32, -3.69]])
    """
    positive = inputs.labels("data.y", data.y, OTHERS) > 0
    if positive.all() or not positive.any():
        raise ValueError(f"`data` must have samples of both labels, got {data.y[0]:+g} only")
    return np.stack([data.x[positive].sum(axis=0), data.x[~positive].sum(axis=0)])


def max_margin(data: Dataset) -> np.ndarray:
    """The points of the convex hulls of the positive and of the negative samples nearest to zero: (2, d).

    Their lengths are the margins `γ_± = max_u min_k ⟨u, x_k⟩` over unit vectors u and the samples of the
    class, and their directions are where these are attained; zero if a hull holds zero. They weigh the
    samples as `centres` does not: few of them count, the support vectors.

    Raises
    ------
    ValueError
        If a label is neither +1 nor -1, or one of them is missing.

    Examples
    --------
    >>> al.geometry.max_margin(al.data.toy_2d()).round(2)
    array([[ 0.08,  0.86],
           [ 0.08, -0.86]])
    """
    from scipy.optimize import nnls

    centres(data)  # both labels
    x = data.x / (np.linalg.norm(data.x, axis=1).max() or 1.0)
    points = []
    for label in (1, -1):
        rows = data.y == label
        # At whatever sum of the weights, the least length is at the nearest point times this sum.
        weights, _ = nnls(np.vstack([x[rows].T, np.ones(rows.sum())]), np.append(np.zeros(data.dim), 1.0))
        points.append(weights @ data.x[rows] / weights.sum())
    return np.stack(points)


def cosine(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Cosines between the rows of `a` and the rows of `b`: (m, d), (k, d) -> (m, k).

    >>> al.geometry.cosine([[1, 0], [0, 2]], [[1, 1]]).round(2)
    array([[0.71],
           [0.71]])
    """
    return inputs.unit_rows("a", a) @ inputs.unit_rows("b", b).T


def pulled(net: Network, data: Dataset, g: ArrayLike) -> np.ndarray:
    """`D_j = Σ_k g_k σ'(⟨w_j, x_k⟩) x_k`, an (h, d) array, for the pulls `g` (n,), whatever the slope.

    On a hyperplane, as far as `patterns` can tell, σ' is the negative slope: the height of a neuron that
    slides in a flow is rounding, and its sign means nothing.

    >>> net = al.Network([[0, 1], [0, -1]], [1, -1])
    >>> data = al.data.toy_2d()
    >>> al.geometry.pulled(net, data, data.y).round(2)
    array([[ 0.32,  3.69],
           [-0.32,  3.69]])
    """
    g = inputs.array("g", g, 1, (data.n,))
    slopes = np.where(patterns(net, data) > 0, 1.0, net.negative_slope)
    return (slopes * g) @ data.x


inputs.guard(globals())
