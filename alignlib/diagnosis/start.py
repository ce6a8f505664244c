"""What the early flow foretells of a start: who aligns when, who dies, when the loss will move."""

from dataclasses import dataclass, field

import numpy as np

from alignlib import geometry, inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.early import EarlyFlow, early_flow
from alignlib.network import Network

MOVED = 0.01  # share of the loss by which it has moved, as in `theory.check_alignment`
SPACE = 1e-12  # relative ‖w‖² - v² up to which a neuron counts as light-like, as computed
SURE = 0.99  # wanted chance that no side stays empty


@dataclass(frozen=True, eq=False, repr=False)
class Outlook(inputs.Frozen):
    """What the early flow foretells of a start.

    Attributes
    ----------
    size : `√Σ(‖w_j‖² + v_j²)`
    d_max : the largest rate at which a neuron of this start ends up growing
    fit_time : about when the loss has moved by 1 %, if the pulls stay; about `log(1/size) / d_max`
    settled : (h,) times of the last event of every neuron in the early flow, or, if that comes later, when
        its output weight has taken its last sign; no scale changes them
    late : (h,) booleans, not settled by `fit_time`
    dead, space_like : (h,) booleans, dead at the end of the early flow; `‖w_j‖ > |v_j|` at the start
    mu, violating : separation and share of violating pairs; nan unless labels are +1 and -1
    mu_without_bias : separation without a constant column; nan if there is none
    dead_at_start : share of fresh neurons that are dead at once
    draws : number of fresh neurons
    living : shares of fresh neurons that end alive with v > 0, and with v < 0
    chance_empty : chance that a side is left without a living neuron, at this width
    width : the smallest width at which this chance is at most 1 %; inf if no fresh neuron lives there
    early : the `EarlyFlow`, and `pulls`, (n,) those of the zero network
    """

    size: float
    d_max: float
    fit_time: float
    settled: np.ndarray
    late: np.ndarray
    dead: np.ndarray
    space_like: np.ndarray
    mu: float
    violating: float
    mu_without_bias: float
    dead_at_start: float
    draws: int
    living: tuple
    chance_empty: float
    width: float
    early: EarlyFlow = field(repr=False)
    pulls: np.ndarray = field(repr=False)

    @property
    def alignment_time(self) -> float:
        """The last event of all: from then on nothing changes but sizes."""
        return float(self.settled.max())

    def __repr__(self) -> str:
        return (
            f"Outlook(aligned at {self.alignment_time:.2g}, loss moves at {self.fit_time:.2g}; "
            f"{self.late.sum()} late, {self.dead.sum()} dead of {len(self.dead)}; "
            f"a side stays empty with chance {self.chance_empty:.1g})"
        )


def outlook(
    net: Network, data: Dataset, loss: str | losses.Loss, draws: int = 1000, rng: inputs.Seed = 0
) -> Outlook:
    """What the early flow foretells of this start, before any training.

    Exact as far as the early flow is; `fit_time` takes it up to where the loss would have moved by 1 %. The
    *sides* are the signs of the pulls at the zero network, for labels +1 and -1 the classes. Fresh neurons
    have Gaussian directions, random signs, and the ratios `|v_j| / ‖w_j‖` of `net`; with shares `p_±` that
    live, a side is empty with chance `(1-p_+)^h + (1-p_-)^h - (1-p_+-p_-)^h`.

    Parameters
    ----------
    draws : int, the number of fresh neurons
    rng : seed or Generator for them

    Raises
    ------
    ValueError
        If loss, labels and dimensions do not fit.

    Examples
    --------
    >>> net = al.Network.balanced(width=30, dim=2, scale=1e-6, rng=0)
    >>> found = al.diagnosis.outlook(net, al.data.toy_2d(), "exponential")
    >>> found.alignment_time < found.fit_time, found.late.sum(), found.width
    (True, np.int64(0), 8)
    """
    loss = losses.fitting(loss, data)
    inputs.same_dim(net, data)
    draws, g = inputs.integer("draws", draws), losses.constant_pulls(loss, data)
    early = early_flow(net, data, loss)
    rates = growth(early, g)
    fit = moves(early, g, MOVED * loss.value(net(data.x), data.y))
    size2 = (net.w**2).sum(axis=1)
    at_start, living = _fresh(net, data, loss, draws, rng)
    needed = [share for share, side in zip(living, (g > 0, g < 0)) if side.any()]
    classes = bool((np.abs(data.y) == 1).all()) and data.n > 1 and bool(data.x.any(axis=1).all())
    return Outlook(
        size=float(np.sqrt(size2.sum() + (net.v**2).sum())),
        d_max=float(rates.max(initial=0.0)),
        fit_time=fit,
        settled=(settled := _settled(early, g)),
        late=settled > fit,
        dead=dead(early, net),
        space_like=net.minkowski() > SPACE * size2,
        mu=data.mu if classes else np.nan,
        violating=geometry.violating_share(data) if classes else np.nan,
        mu_without_bias=_without_bias(data) if classes else np.nan,
        dead_at_start=at_start,
        draws=draws,
        living=living,
        chance_empty=chance_empty(needed, net.width),
        width=width_for(needed),
        early=early,
        pulls=g,
    )


def growth(early: EarlyFlow, g: np.ndarray) -> np.ndarray:
    """The rate at which every neuron grows in the end, (h,); negative where it slides and shrinks."""
    start = early.start
    space_like = start.minkowski() > SPACE * (start.w**2).sum(axis=1)
    lean = along(early, g)
    # v keeps its sign but for a space-like neuron: that takes the one with which it grows.
    return np.where(space_like, np.abs(lean), np.sign(start.v) * lean)


def along(early: EarlyFlow, g: np.ndarray) -> np.ndarray:
    """`⟨D_j, u_j⟩` at the end of the early flow, (h,)."""
    slope = early.start.negative_slope
    felt = np.where(early.final_patterns, g, slope * np.where(early.sliding, 0.0, g))
    return ((felt @ early.data.x) * early.directions).sum(axis=1)


def dead(early: EarlyFlow, net: Network) -> np.ndarray:
    """Who is on no sample at the end of the early flow, (h,)."""
    alive = early.final_patterns.any(axis=1) | early.sliding.any(axis=1)
    return np.asarray(~alive & (net.negative_slope == 0))


def _settled(early, g):
    """When every neuron has seen its last event, and the last change of the sign of v, (h,)."""
    settled = np.zeros(early.start.width)
    np.maximum.at(settled, early.events["neuron"], early.events["t"])
    return np.maximum(settled, _turned(early, along(early, g) * (growth(early, g) > 0)))


def _turned(early, lean):
    """When v has taken the sign of `lean`, (h,), to some per cent; 0 if it begins so, or that is 0."""
    result, turns = np.zeros(len(lean)), early.start.v * lean < 0
    if turns.any():
        # After all events it takes log(‖w‖ / |v + b|) / rate: at most 40 / rate, rounding being what it is.
        rate = np.abs(lean[turns])
        times = np.geomspace(0.01 / rate.max(), early.t[-1] + 40 / rate.min(), 400)
        # What has overflowed by then is not finite, and has turned: it grows.
        not_yet = np.array([early.state.weights(t)[1][turns] * lean[turns] < 0 for t in times])
        result[turns] = times[np.minimum(not_yet.sum(axis=0), len(times) - 1)]
    return result


def moves(early: EarlyFlow, g: np.ndarray, drop: float) -> float:
    """The first time at which the loss has fallen by `drop`, to first order: `⟨g, f(t) - f(0)⟩ = drop`.

    This never falls in the early flow: its slope is `Σ_j v_j² ‖D_j‖² + ⟨w_j, D_j⟩²`.
    """
    begin = early.at(0.0)(early.data.x)

    def fallen(t):
        try:
            return g @ (early.at(t)(early.data.x) - begin) >= drop
        except ValueError:  # the weights overflow
            return True

    rate = growth(early, g).max(initial=0.0)
    if not rate > 0:
        return np.inf
    low, high = 0.0, 1 / rate
    while not fallen(high):
        if high > 1e300:  # the rate is the rounding of pulls that cancel
            return np.inf
        low, high = high, 2 * high
    for _ in range(40):  # to twelve digits
        middle = (low + high) / 2
        low, high = (low, middle) if fallen(middle) else (middle, high)
    return float(high)


def _fresh(net, data, loss, draws, rng):
    """Of fresh neurons: the share dead at once, and the shares that end alive with v > 0, v < 0."""
    rng = inputs.generator("rng", rng)
    w = rng.standard_normal((draws, data.dim))
    norm = np.linalg.norm(net.w, axis=1)
    ratio = np.abs(net.v[norm > 0]) / norm[norm > 0] if norm.any() else np.ones(1)
    v = rng.choice(ratio, draws) * np.linalg.norm(w, axis=1) * rng.choice([-1.0, 1.0], draws)
    some = Network(w, v, net.negative_slope)
    early = early_flow(some, data, loss)
    g = losses.constant_pulls(loss, data)
    alive, lean = ~dead(early, some), along(early, g)
    at_once = ~some.pattern(data.x).any(axis=1) & (net.negative_slope == 0)
    return float(at_once.mean()), tuple(float((alive & (s * lean > 0)).mean()) for s in (1, -1))


def chance_empty(shares: list, width: int) -> float:
    """The chance that one of these sides gets none of `width` independent neurons.

    >>> round(al.diagnosis.start.chance_empty([0.25, 0.25], 10), 3)
    0.112
    """
    both = (1 - sum(shares)) ** width if len(shares) == 2 else 0.0
    return float(np.clip(sum((1 - p) ** width for p in shares) - max(both, 0.0), 0.0, 1.0))


def width_for(shares: list) -> float:
    """The smallest width at which no side is empty with a chance of 99 %."""
    if not all(shares):
        return np.inf
    width = 1
    while chance_empty(shares, width) > 1 - SURE:
        width += 1
    return width


def bias_columns(data: Dataset) -> np.ndarray:
    """Which inputs are a bias: constant, and not zero."""
    return (np.ptp(data.x, axis=0) == 0) & (data.x[0] != 0)


def _without_bias(data):
    rest = data.x[:, ~bias_columns(data)]
    if rest.shape[1] in (0, data.dim) or not rest.any(axis=1).all():
        return np.nan
    return Dataset(rest, data.y).mu


inputs.guard(globals())
