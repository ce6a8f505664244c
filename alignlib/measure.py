"""What to look at in a network: sizes, ranks, directions."""

import numpy as np

from alignlib import geometry, inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network


def norms(net: Network) -> np.ndarray:
    """`‖w_j‖` of every neuron, (h,).

    >>> net = al.Network([[0, 1], [0, -1], [3, 4]], [1, -1, 1])
    >>> al.measure.norms(net)
    array([1., 1., 5.])
    """
    return inputs.lengths(net.w)


def singular_values(net: Network) -> np.ndarray:
    """The singular values of the input weights W, in falling order, (min(h, d),).

    >>> al.measure.singular_values(al.Network([[3, 0], [0, 4]], [1, 1]))
    array([4., 3.])
    """
    return np.linalg.svd(net.w, compute_uv=False)


def stable_rank(net: Network) -> float:
    """`‖W‖_F² / ‖W‖_2²` of the input weights: between 1 and their rank.

    Raises
    ------
    ValueError
        If all input weights are zero.

    Examples
    --------
    >>> al.measure.stable_rank(al.Network([[3.0, 0.0], [0.0, 3.0]], [1.0, 1.0]))
    2.0
    """
    return 1.0 + rank_excess(net)


def rank_excess(net: Network) -> float:
    """`Σ_{i≥2} σ_i² / σ_1²`, the stable rank less 1, of the input weights, without cancellation.

    Raises
    ------
    ValueError
        If all input weights are zero.

    Examples
    --------
    >>> al.measure.rank_excess(al.Network([[3, 0], [0, 4]], [1, 1]))
    0.5625
    """
    values = singular_values(net)
    if values[0] == 0:
        raise ValueError("`net` must have a non-zero input weight, got w = 0 throughout")
    return float(((values[1:] / values[0]) ** 2).sum())


def minkowski_gram(net: Network) -> np.ndarray:
    """`Δ_ij = ⟨w_i, w_j⟩ - v_i v_j`, an (h, h) array: conserved while neurons i and j feel the same D.

    Under a weight decay λ it decays as `e^{-2λt}` instead. Derived in chapter 4.

    >>> al.measure.minkowski_gram(al.Network([[3.0, 0.0], [0.0, 2.0]], [3.0, 2.0]))
    array([[ 0., -6.],
           [-6.,  0.]])
    """
    return net.w @ net.w.T - np.outer(net.v, net.v)


def alignment(net: Network, data: Dataset, loss: str | losses.Loss) -> np.ndarray:
    """`cos(w_j, sign(v_j) D_j)` of every neuron, (h,): 1 once it points where it is pulled.

    `D_j` is taken at the pulls of the zero network, which rule the early phase. `nan` for a neuron
    that is dead, or that no pull acts on. Source: the critical directions of BF, `D(u)` parallel
    to u, in the form of a number.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> data = al.data.toy_2d()
    >>> early = al.early_flow(net, data, "exponential")
    >>> bool(al.measure.alignment(early.at(5), data, "exponential").min() > 0.999)
    True
    """
    g = losses.get(loss).pull(np.zeros(data.n), data.y)
    return _cosines(net, geometry.pulled(net, data, g), np.abs(g) @ inputs.lengths(data.x))


def _cosines(net, d, whole):
    """`cos(w_j, sign(v_j) D_j)`; nan where nothing pulls; `whole` is `Σ |g_k| ‖x_k‖`."""
    size, dot = inputs.lengths(d), np.sign(net.v) * (net.w * d).sum(axis=1)
    pulled = (norms(net) > 0) & (size > 1e-14 * whole)  # what is less is the rounding of pulls that cancel
    return np.divide(dot, size * norms(net), out=np.full(net.width, np.nan), where=pulled)


def tangent_kernel(net: Network, data: Dataset) -> np.ndarray:
    """The tangent kernel `K_kl = ⟨∂f(x_k)/∂θ, ∂f(x_l)/∂θ⟩` over all weights θ, an (n, n) array.

    `K_kl = Σ_j v_j² σ'(z_jk) σ'(z_jl) ⟨x_k, x_l⟩ + Σ_j σ(z_jk) σ(z_jl)` with `z_jk = ⟨w_j, x_k⟩`;
    `σ'(0)` is the negative slope, as in PyTorch, also where a height is rounding (`geometry.patterns`). In
    gradient flow the outputs move by `ḟ = K g`, where g are the pulls, but for what walls hold of neurons
    that slide.

    >>> net = al.Network([[1, 0], [0, 2]], [1, 3])
    >>> al.measure.tangent_kernel(net, al.Dataset([[1, 1], [1, -1]], [1, -1]))
    array([[25.,  1.],
           [ 1.,  3.]])
    """
    inputs.same_dim(net, data)
    z = net.preactivations(data.x)
    slopes = np.where(geometry.patterns(net, data) > 0, 1.0, net.negative_slope)
    hidden, reach = slopes * z, slopes * net.v[:, None]
    return (reach.T @ reach) * data.gram + hidden.T @ hidden


def distinct_directions(net: Network, degrees: float = 1.0) -> int:
    """How many cones of half-angle `degrees` it takes to cover the directions of all neurons.

    Greedy: the largest neuron not yet covered opens a cone around itself. Zero vectors have no
    direction and are passed over. `direction_groups` says which neurons are in which.

    >>> al.measure.distinct_directions(al.Network([[1.0, 0.0], [2.0, 0.001], [0.0, 1.0]], [1.0, 1.0, 1.0]))
    2
    """
    return int(direction_groups(net, degrees).max() + 1)


def direction_groups(net: Network, degrees: float = 1.0) -> np.ndarray:
    """Which neurons point the same way: the number of its group for every neuron, (h,) integers.

    The groups are the cones of half-angle `degrees` of `distinct_directions`, 0 around the largest neuron,
    1 around the largest that it does not cover, and so on; -1 for a neuron with w = 0.

    >>> net = al.Network([[1.0, 0.0], [0.0, 3.0], [0.0, 0.0], [2.0, 0.001]], [1.0, 1.0, 1.0, 1.0])
    >>> al.measure.direction_groups(net)
    array([ 1,  0, -1,  1])
    """
    least = np.cos(np.radians(inputs.positive("degrees", degrees, below=180)))
    size = norms(net)
    order = np.argsort(-size, kind="stable")
    rest = order[size[order] > 0]  # the neurons not yet covered, the largest first
    groups = np.full(net.width, -1)
    unit = inputs.unit_rows("net.w", net.w[rest]) if len(rest) else np.empty((0, net.dim))
    count = 0
    while len(rest):
        outside = unit @ unit[0] < least
        outside[0] = False  # whatever the rounding
        groups[rest[~outside]] = count
        rest, unit, count = rest[outside], unit[outside], count + 1
    return groups


inputs.guard(globals())
