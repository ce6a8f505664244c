"""The two-layer network, with ReLU or a leaky slope, and its three kinds of start."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs, pytorch

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False, repr=False)
class Network(inputs.Frozen):
    """A bias-free two-layer network, `f(x) = Σ_j v_j σ(⟨w_j, x⟩)` with `σ(z) = max(z, 0) + α min(z, 0)`.

    Parameters
    ----------
    w : (h, d) array, the input weights; row j belongs to neuron j
    v : (h,) array, the output weights
    negative_slope : float, α from -1 to 1
        0 is ReLU, 1 a linear network, -1 the modulus.

    Raises
    ------
    ValueError
        If an array is not finite, the shapes do not fit, or the slope is not from -1 to 1.

    Examples
    --------
    >>> net = al.Network([[1.0, 0.0], [0.0, 2.0]], [1.0, -1.0])
    >>> net
    Network(width=2, dim=2)
    >>> net([[3.0, 1.0]])
    array([1.])
    >>> light = al.Network.balanced(width=50, dim=2, scale=1e-3, rng=0)
    >>> bool(np.abs(light.minkowski()).max() < 1e-18)
    True
    """

    w: np.ndarray
    v: np.ndarray
    negative_slope: float = 0.0

    if TYPE_CHECKING:  # what may be given; the fields are what comes of it

        def __init__(self, w: ArrayLike, v: ArrayLike, negative_slope: float = 0.0) -> None: ...

    def __post_init__(self) -> None:
        slope = inputs.between("negative_slope", self.negative_slope, -1, 1)
        object.__setattr__(self, "negative_slope", slope)
        w = inputs.array("w", self.w, 2)
        object.__setattr__(self, "w", w)
        object.__setattr__(self, "v", inputs.array("v", self.v, 1, (len(w),)))

    @classmethod
    def balanced(
        cls, width: int, dim: int, scale: float, rng: inputs.Seed, negative_slope: float = 0.0
    ) -> Self:
        """Gaussian `w_j` and `|v_j| = ‖w_j‖` with a random sign: light-like neurons.

        Every entry of `w` has standard deviation `scale / √width`, so the size of `W`, and of the
        outputs, does not depend on the width. Source: MMV and BF, "balanced initialisation".
        """
        rng = inputs.generator("rng", rng)
        w = _gaussian(width, dim, scale, rng)
        v = rng.choice([-1.0, 1.0], size=len(w)) * inputs.lengths(w)
        return cls(w, v, negative_slope)

    @classmethod
    def dominated(
        cls, width: int, dim: int, scale: float, rng: inputs.Seed, negative_slope: float = 0.0
    ) -> Self:
        """Gaussian `w_j` and `|v_j| > ‖w_j‖`: time-like neurons.

        `v_j² = ‖w_j‖² + ζ_j²` with `ζ_j` an independent Gaussian of standard deviation
        `scale / √width`. BF ask only for `|v_j| ≥ ‖w_j‖`; the law of the excess is ours.
        """
        rng = inputs.generator("rng", rng)
        w = _gaussian(width, dim, scale, rng)
        excess = _gaussian(width, 1, scale, rng)[:, 0]
        sign = rng.choice([-1.0, 1.0], size=len(w))
        return cls(w, sign * np.hypot(inputs.lengths(w), excess), negative_slope)

    @classmethod
    def unbalanced(
        cls, width: int, dim: int, scale: float, rng: inputs.Seed, negative_slope: float = 0.0
    ) -> Self:
        """Independent Gaussian `w_j` and `v_j`, all entries with deviation `scale / √width`."""
        rng = inputs.generator("rng", rng)
        w = _gaussian(width, dim, scale, rng)
        return cls(w, _gaussian(width, 1, scale, rng)[:, 0], negative_slope)

    def some(self, rows: Any) -> "Network":
        """The network of these neurons alone; `rows` is any index into the neurons.

        >>> al.Network([[1.0, 0.0], [0.0, 2.0]], [1.0, -1.0]).some([1]).v
        array([-1.])
        """
        return Network(self.w[rows], self.v[rows], self.negative_slope)

    def scaled(self, factor: float) -> "Network":
        """The network whose outputs are `factor` times as large: all weights times its root.

        So a network with an output scale, `a f(x; θ)`, is `f(x; φ)` with `φ = √a θ`, and trains as
        `net.scaled(a)` does in another time: `θ(t)` there is `path.at(a * t).scaled(1 / a)` here. A step η
        of descent there is `a η` here, a weight decay λ is `λ / a`; loss and momentum are the same.

        >>> net = al.Network([[1.0, 0.0], [0.0, 2.0]], [1.0, -1.0])
        >>> net.scaled(0.25).w, net.scaled(0.25)([[3.0, 1.0]]) / net([[3.0, 1.0]])
        (array([[0.5, 0. ],
               [0. , 1. ]]), array([0.25]))
        """
        root = np.sqrt(inputs.positive("factor", factor))
        return Network(root * self.w, root * self.v, self.negative_slope)

    @classmethod
    def from_torch(cls, module: "torch.nn.Module") -> Self:
        """The network that a PyTorch module computes, exactly; the module stays as it is.

        A bias of the hidden layer becomes the weight of one more input, the last, which is to be 1:
        `dim` grows by one, and data want a last column of ones. The module may be a `Sequential` or a
        class of one's own. It is tried on some inputs, so that a factor or an activation in its `forward`
        is not overlooked. (For a factor of the output see `scaled`.)

        Parameters
        ----------
        module : torch.nn.Module with two Linear layers, ReLU or LeakyReLU between, one output without bias

        Raises
        ------
        ValueError
            If the module is something else: the message says what, and why it cannot be taken.

        Examples
        --------
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(3, 20), nn.ReLU(), nn.Linear(20, 1, bias=False))
        >>> al.Network.from_torch(model)
        Network(width=20, dim=4)
        """
        return cls(*pytorch.weights(module))

    def to_torch(self, bias: bool = False) -> "torch.nn.Sequential":
        """The network as `torch.nn.Sequential(Linear, ReLU or LeakyReLU, Linear)` in float64, on the CPU.

        Parameters
        ----------
        bias : whether the weights of the last input become the bias of the hidden layer

        Raises
        ------
        ValueError
            With `bias` and one input only, for no input would be left.

        Examples
        --------
        >>> net = al.Network([[1.0, 0.5], [0.0, 2.0]], [1.0, -1.0])
        >>> net.to_torch(bias=True)
        Sequential(
          (0): Linear(in_features=1, out_features=2, bias=True)
          (1): ReLU()
          (2): Linear(in_features=2, out_features=1, bias=False)
        )
        >>> al.Network.from_torch(net.to_torch(bias=True)).w
        array([[1. , 0.5],
               [0. , 2. ]])
        """
        return pytorch.module(self.w, self.v, self.negative_slope, bool(bias))

    @property
    def width(self) -> int:
        """Number of neurons, h."""
        return len(self.v)

    @property
    def dim(self) -> int:
        """Number of inputs, d."""
        return self.w.shape[1]

    def preactivations(self, x: ArrayLike) -> np.ndarray:
        """`z_jk = ⟨w_j, x_k⟩` as an (h, n) array, for `x` of shape (n, d)."""
        return self.w @ inputs.array("x", x, 2, (None, self.dim)).T

    def pattern(self, x: ArrayLike) -> np.ndarray:
        """Which neuron is active on which sample: the (h, n) boolean array `z_jk > 0`."""
        return self.preactivations(x) > 0

    def __call__(self, x: ArrayLike) -> np.ndarray:
        """The outputs `f(x_k)` as an (n,) array, for `x` of shape (n, d)."""
        z = self.preactivations(x)
        active = self.v @ np.maximum(z, 0)
        if self.negative_slope == 0.0:
            return active
        return active + self.negative_slope * (self.v @ np.minimum(z, 0))

    def minkowski(self) -> np.ndarray:
        """`‖w_j‖² - v_j²` of every neuron, (h,): gradient flow conserves it.

        Under a weight decay λ it decays as `e^{-2λt}` instead.

        Zero for a light-like (balanced) neuron, negative for a time-like (strictly dominated) one,
        positive for a space-like one. Derived in chapter 1.
        """
        norm = inputs.lengths(self.w)
        return (norm - self.v) * (norm + self.v)

    def __repr__(self) -> str:
        slope = f", negative_slope={self.negative_slope:g}" if self.negative_slope else ""
        return f"Network(width={self.width}, dim={self.dim}{slope})"


def _gaussian(width, dim, scale, rng):
    """(width, dim) independent Gaussians of standard deviation `scale / √width`."""
    width, dim = inputs.integer("width", width), inputs.integer("dim", dim)
    scale = inputs.positive("scale", scale)
    return rng.standard_normal((width, dim)) * (scale / np.sqrt(width))
