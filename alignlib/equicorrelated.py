"""The early phase on equicorrelated data, exactly, for any number of samples: no coordinates.

If all signed samples `ξ_k = y_k x_k` are unit vectors with `⟨ξ_k, ξ_l⟩ = μ`, the early phase needs only
the heights `ζ_k = ⟨w, ξ_k⟩` of a neuron. Take `v > 0` (`v < 0` is the same with the labels swapped) and
n_a active samples, so `D = Σ ξ_k` over these, for pulls `g_k = y_k`. Then

    ‖D‖² = n_a (1 - μ + μ n_a),   ⟨D, ξ_k⟩ = 1 - μ + μ n_a  if k is active,  μ n_a  if not:

heights only rise, at one of two speeds, so samples become active (label +1) and inactive (label -1)
in the order of their heights at the start. One sort replaces the search for the next wall. Derived here.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.solver.boost import light_cone, moved, time_of_path
from alignlib.solver.compiled import entry
from alignlib.solver.tolerances import OPPOSED


@dataclass(frozen=True, eq=False, repr=False)
class Heights(inputs.Frozen):
    """Balanced neurons, known by their heights over the samples instead of by their weights.

    Parameters
    ----------
    z : (h, n) the heights `⟨w_j, x_k⟩`
    rest : (h,) the squared length of the part of `w_j` orthogonal to all samples
    sign : (h,) the sign of `v_j`; `|v_j| = ‖w_j‖` follows
    y : (n,) labels +1 and -1
    mu : the correlation of all pairs of signed samples, between 0 and 1

    Raises
    ------
    ValueError
        If an argument does not fit.

    Examples
    --------
    >>> al.equicorrelated.Heights.gaussian(n=1000, mu=0.01, width=5, rng=0).z.shape
    (5, 1000)
    """

    z: np.ndarray
    rest: np.ndarray
    sign: np.ndarray
    y: np.ndarray
    mu: float

    if TYPE_CHECKING:  # what may be given; the fields are what comes of it

        def __init__(
            self, z: ArrayLike, rest: ArrayLike, sign: ArrayLike, y: ArrayLike, mu: float
        ) -> None: ...

    def __post_init__(self) -> None:
        z, y = inputs.array("z", self.z, 2), inputs.labels("y", self.y)
        rest = inputs.array("rest", self.rest, 1, z.shape[:1])
        if rest.min() < 0:
            raise ValueError(f"`rest` must not be negative, got {rest.min():g}")
        sign = inputs.labels("sign", self.sign)
        checked = {
            "z": inputs.array("z", z, 2, (len(sign), len(y))),
            "rest": rest,
            "sign": sign,
            "y": y,
            "mu": inputs.positive("mu", self.mu, below=1),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        super().__post_init__()

    @classmethod
    def gaussian(cls, n: int, mu: float, width: int, rng: inputs.Seed, dim: int | None = None) -> Self:
        """Those of `Network.balanced(width, dim, ...)` on `n` samples, labels half and half.

        The heights over Gaussian weights have covariance `(1 - μ) I + μ 11ᵀ`, and `rest` is
        chi-squared with `dim - n` degrees of freedom; `dim`, at least n, is n if not given.
        """
        n, width = inputs.integer("n", n, least=2), inputs.integer("width", width)
        mu, rng = inputs.positive("mu", mu, below=1), inputs.generator("rng", rng)
        dim = inputs.integer("dim", n if dim is None else dim, least=n)
        y = np.where(np.arange(n) % 2, -1.0, 1.0)
        z = rng.standard_normal((width, n))
        z *= np.sqrt(1 - mu)
        z += np.sqrt(mu) * rng.standard_normal((width, 1))
        rest = rng.chisquare(dim - n, width) if dim > n else np.zeros(width)
        return cls(z * y, rest, rng.choice([-1.0, 1.0], width), y, mu)

    @classmethod
    def of(cls, net: Network, data: Dataset) -> Self:
        """The heights of a balanced network over equicorrelated unit samples.

        Raises
        ------
        ValueError
            If the samples are not such, a neuron is zero or not balanced, or the network is not ReLU.
        """
        if data.n < 2:
            raise ValueError(f"`data` must have at least two samples, got n = {data.n}")
        inputs.same_dim(net, data)
        inputs.relu("net", net, "the closed form")
        apart = data.correlations[~np.eye(data.n, dtype=bool)]
        norm = np.linalg.norm(data.x, axis=1)
        if max(np.ptp(apart), np.abs(norm - 1).max()) > 1e-12:
            raise ValueError("`data` must have unit samples, all pairs equally correlated, got others")
        size = np.linalg.norm(net.w, axis=1)
        if not size.all():
            raise ValueError(f"`net` must have no zero neurons, got {(size == 0).sum()} with w = 0")
        if (np.abs(np.abs(net.v) - size) > 1e-12 * size).any():
            raise ValueError("`net` must be balanced, got a neuron with `|v_j|` other than `‖w_j‖`")
        signed, mu = data.x * data.y[:, None], apart.mean()
        outside = net.w - _solve_gram(net.w @ signed.T, mu) @ signed
        return cls(net.w @ data.x.T, (outside**2).sum(axis=1), np.sign(net.v), data.y, mu)


@dataclass(frozen=True, eq=False, repr=False)
class Alignment:
    """What the early phase does with every neuron.

    Attributes
    ----------
    times : (h,) when each neuron is at its goal; inf for one exactly opposed to it
    goals : (h,) "S+", "S-" or "dead", as in `geometry.cones`; "mixed" for one that never arrives
    dwell : (h, n + 1) the time that each neuron spends with 0, 1, ..., n active samples before that
    """

    times: np.ndarray
    goals: np.ndarray
    dwell: np.ndarray


def align(heights: Heights) -> Alignment:
    """Follow balanced neurons to their goals under the pulls `g_k = y_k` (exponential loss, `f = 0`).

    The same neurons, events and times as in `early_flow`, in O(n log n) a neuron instead of O(n²).
    Time is in units of gradient flow for the summed exponential loss. Derived here.

    >>> start = al.equicorrelated.Heights.gaussian(10_000, 0.01, width=3, rng=0)
    >>> found = al.equicorrelated.align(start)
    >>> bool((found.times < np.arcsinh(1 / 0.01)).all()), set(found.goals.tolist()) <= {"S+", "S-"}
    (True, True)
    """
    h, n = heights.z.shape
    times, dwell = np.empty(h), np.zeros((h, n + 1))
    goals = np.full(h, "mixed")
    for j in range(h):
        wanted = heights.sign[j] * heights.y > 0  # active at the goal
        signed = heights.z[j] * np.where(wanted, 1.0, -1.0)  # these rise
        low, active = signed <= 0, heights.z[j] > 0
        v, pulled, across = _first_boost(signed, active, heights.rest[j], heights.mu)
        times[j], count = _rise(
            np.sort(-signed[wanted & low]),
            np.sort(-signed[active & low]),
            int(active.sum()),
            heights.mu,
            v,
            pulled,
            across,
            dwell[j],
        )
        if times[j] < np.inf:
            goals[j] = "dead" if count == 0 else "S+" if heights.sign[j] > 0 else "S-"
    return Alignment(times, goals, dwell)


def _solve_gram(z, mu):
    """`z G⁻¹` for the Gram matrix `G = (1 - μ) I + μ 11ᵀ`."""
    n = z.shape[-1]
    return (z - z.sum(axis=-1, keepdims=True) * (mu / (1 - mu + n * mu))) / (1 - mu)


def _size2(z, mu):
    """`z G⁻¹ zᵀ`, the squared length in the span of the samples: a sum of squares, so nothing cancels."""
    mean = z.mean()
    return ((z - mean) ** 2).sum() / (1 - mu) + len(z) * mean**2 / (1 - mu + len(z) * mu)


def _first_boost(signed, active, rest, mu):
    """`|v|`, `⟨w, D⟩` and `‖w_⊥‖²` at the start, w_⊥ the part of w orthogonal to D."""
    count = active.sum()
    v, pulled = np.sqrt(_size2(signed, mu) + rest), signed[active].sum()
    if count == 0:
        return v, 0.0, np.nan
    size2 = count * (1 - mu + mu * count)
    speed = mu * count + (1 - mu) * active
    across = rest + _size2(signed - pulled / size2 * speed, mu)
    noise = OPPOSED * (1 + len(signed) ** 2 / size2) * v**2
    return v, pulled, across if across > noise else 0.0


@entry
def _rise(waiting, leaving, active, mu, v, pulled, across, dwell):
    """One neuron with `v > 0` to its goal: when it is there, and how many samples are active then.

    `waiting` and `leaving` are sorted: how far below 0 the heights are of the samples that are to
    become active, and inactive. `dwell` is filled in. `across` is used before the first event; after
    it the neuron is orthogonal to some ξ_k and cannot be so nearly opposed to D that digits cancel.
    """
    now, low, high, i, k = 0.0, 0.0, 0.0, 0, 0  # low and high: how far the slow and the fast have come
    while active > 0 and (i < len(waiting) or k < len(leaving)):
        slow, fast = mu * active, 1.0 - mu + mu * active
        to_wait = (waiting[i] - low) / slow if i < len(waiting) else np.inf
        to_leave = (leaving[k] - high) / fast if k < len(leaving) else np.inf
        path = max(min(to_wait, to_leave), 0.0)
        delta = np.sqrt(active * fast)
        plus, minus = light_cone(v, pulled, delta, across)
        step = time_of_path(path, v, plus, minus, delta)
        now += step
        dwell[active] += step
        if step == np.inf:
            break
        v, _ = moved(v, plus, minus, delta, step)
        pulled += active * fast * path
        low += slow * path
        high += fast * path
        across = np.nan
        if to_wait <= to_leave:
            active, i = active + 1, i + 1
        else:
            active, k = active - 1, k + 1
    return now, active


inputs.guard(globals())
