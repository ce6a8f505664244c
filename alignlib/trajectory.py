"""What every solver returns: a network followed through time. And the same of a run of the user's own."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from alignlib import geometry, inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.loss import Loss
from alignlib.network import Network

EVENT = np.dtype([("t", "f8"), ("neuron", "i8"), ("sample", "i8"), ("kind", "U10")])
"""One row an event: when, which neuron, at the hyperplane of which sample, and "activate",
"deactivate", "slide" or "release"."""


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory(inputs.Frozen):
    """A network followed through time, whatever solver followed it.

    Attributes
    ----------
    data, loss_function : what it was trained on
    t : (m,) the kept times, in units of gradient flow for the stated loss; the start is always one of
        them, so m may be one more than were asked for
    outputs : (m, n) the outputs `f(x_k)` at these times
    events : structured array of dtype `EVENT`, in order of time
    alignment_time : float
        The first time from which on every neuron stays at its goal (`geometry.aligned`);
        `inf` if it had not come by the end, `nan` if the labels are not +1 and -1.
    status : str, why it stopped
    state : function from a time to a `Network`; call it through `at` (a flow's is in `solver.replay`)
    signs : function from a time to an (h, n) array; call it through `patterns`
    rtol : float, the tolerance of `gradient_flow`; nan for solvers that have none
    weight_decay : float, λ of `θ̇ = F(θ) - λ θ`; `loss` is the loss without `½ λ ‖θ‖²`

    Examples
    --------
    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> path.at(1.5)
    Network(width=10, dim=2)
    >>> bool(path.loss[-1] < path.loss[0])
    True
    >>> path.events["kind"][:3].tolist()
    ['activate', 'deactivate', 'activate']
    """

    data: Dataset
    loss_function: Loss
    t: np.ndarray
    outputs: np.ndarray
    events: np.ndarray
    alignment_time: float
    status: str
    state: Callable[[float], Network]
    signs: Callable[[float], np.ndarray]
    rtol: float = field(default=np.nan, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)
    continuous = True  # whether `at` has the networks between the kept times, too

    def __post_init__(self) -> None:
        for name in ("t", "outputs", "events"):
            if not isinstance(array := getattr(self, name), np.ndarray):
                raise ValueError(f"`{name}` must be an array, got {type(array).__name__}")
        super().__post_init__()

    @property
    def loss(self) -> np.ndarray:
        """The loss at the kept times, (m,)."""
        return self.loss_function.value(self.outputs, self.data.y)

    def at(self, t: float) -> Network:
        """The network at time `t`, between the first and the last kept time; ValueError beyond them."""
        return self.state(self._time(t))

    def patterns(self, t: float) -> np.ndarray:
        """Where the neurons are at time `t`, as the solver carried it: an (h, n) array of +1, 0 and -1.

        +1 where a neuron is active on a sample, -1 where it is not, 0 on the hyperplane: where it slides,
        and where it rests with w = 0. It agrees with the events, which signs of computed heights do not: a
        neuron that died on a hyperplane is there but for rounding. A zero sample is never active.

        >>> net = al.Network.balanced(width=4, dim=2, scale=1e-3, rng=0)
        >>> path = al.gradient_flow(net, al.data.toy_2d(n=4), "exponential", t_end=3)
        >>> path.patterns(0)
        array([[-1,  1, -1,  1],
               [ 1, -1, -1,  1],
               [-1, -1,  1, -1],
               [ 1, -1,  1, -1]], dtype=int8)
        >>> path.patterns(3)[0]
        array([ 1, -1,  1, -1], dtype=int8)
        """
        return self.signs(self._time(t))

    def _time(self, t):
        """`t` as a float, between the first and the last kept time."""
        first, last = self.t[0], self.t[-1]
        given, t = t, inputs.one_time(t)
        slack = 1e-12 * max(abs(first), abs(last))  # step times number of steps is rounded
        if not first - slack <= t <= last + slack:
            raise ValueError(f"`t` must lie between {first:g} and {last:g}, got {given!r}")
        return float(np.clip(t, first, last))

    def when(self, loss: float) -> float:
        """The first time at which the loss has come down to `loss`; inf if it has not by the end.

        Between the kept times as `at` has it: exact for the flow, wherever the steps of the solver end.

        >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
        >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
        >>> round(path.when(0.99 * path.loss[0]), 4)
        1.4604
        """
        loss = inputs.number("loss", loss)
        there = np.flatnonzero(self.loss <= loss)
        if not there.size:
            return np.inf
        if there[0] == 0:
            return float(self.t[0])
        from scipy.optimize import brentq

        def above(t):
            return self.loss_function.value(self.at(t)(self.data.x), self.data.y) - loss

        first, last = self.t[there[0] - 1], self.t[there[0]]
        if above(first) <= 0 or above(last) >= 0:  # a level within rounding of a kept one
            return float(first if above(first) <= 0 else last)
        return float(brentq(above, first, last, xtol=1e-13 * last, rtol=1e-13))

    @property
    def start(self) -> Network:
        """The network at the first kept time."""
        return self.at(self.t[0])

    @property
    def final(self) -> Network:
        """The network at the last kept time."""
        return self.at(self.t[-1])

    def networks(self, times: ArrayLike | None = None) -> Iterator[Network]:
        """The networks at these times, or at the kept ones, one after the other."""
        return (self.at(t) for t in self._times(times))

    def outputs_at(self, times: ArrayLike) -> np.ndarray:
        """The outputs `f(x_k)` at these times: (m, n).

        >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
        >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
        >>> path.outputs_at([1.0, 2.0]).shape
        (2, 8)
        """
        return np.array([net(self.data.x) for net in self.networks(times)])

    def weights(self, times: ArrayLike | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The weights at these times, or at the kept ones, as two arrays: `w` (m, h, d) and `v` (m, h).

        >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
        >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
        >>> w, v = path.weights([1.0, 2.0, 3.0])
        >>> w.shape, v.shape
        ((3, 10, 2), (3, 10))
        """
        nets = list(self.networks(times))
        return np.array([net.w for net in nets]), np.array([net.v for net in nets])

    def _times(self, times):
        return (
            self.t if times is None else [self._time(t) for t in inputs.array("times", times, 1).tolist()]
        )

    def __repr__(self) -> str:
        return (
            f"Trajectory({self.data.name or 'data'}, t from {self.t[0]:g} to {self.t[-1]:g}, "
            f"loss {self.loss[0]:.3g} to {self.loss[-1]:.3g}, {len(self.events)} events; {self.status})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Recorded(Trajectory):
    """A run of the user's own, of which only the kept times are known; see `recorded`."""

    continuous = False

    def _time(self, t):
        t = inputs.one_time(t)
        near = self.t[np.argmin(np.abs(self.t - t))]
        if not abs(near - t) <= 1e-12 * max(abs(self.t[0]), abs(self.t[-1])):
            raise ValueError(f"`t` must be one of the recorded times, such as {near:g}, got {t!r}")
        return float(near)

    def when(self, loss: float) -> float:
        """The first recorded time at which the loss is at most `loss`; inf if it never is."""
        there = np.flatnonzero(self.loss <= inputs.number("loss", loss))
        return float(self.t[there[0]]) if there.size else np.inf


def recorded(data: Dataset, loss: str | Loss, t: ArrayLike, networks: Iterable[Network]) -> Trajectory:
    """A run of your own as a trajectory, for checks, measures and pictures.

    Between the recorded times nothing is made up: `at` and `patterns` take these times only, `when` gives
    the first of them, `alignment_time` is the first from which on all are aligned, and `events` is empty,
    for when a pattern changed is not known. Patterns are the signs of the heights (`geometry.patterns`).

    Parameters
    ----------
    data : Dataset
    loss : Loss or its name
    t : (m,) times, growing; k steps of descent of length η are the time `η k`
    networks : m networks, all of one width

    Returns
    -------
    Trajectory

    Raises
    ------
    ValueError
        If times and networks do not fit each other, or the networks do not fit the data.

    Examples
    --------
    >>> data = al.data.toy_2d()
    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> nets, step = [net], 1e-2
    >>> for _ in range(300):
    ...     d = al.geometry.pulled(net, data, al.loss.get("exponential").pull(net(data.x), data.y))
    ...     net = al.Network(net.w + step * net.v[:, None] * d, net.v + step * (net.w * d).sum(axis=1))
    ...     nets.append(net)
    >>> path = al.recorded(data, "exponential", step * np.arange(301), nets)
    >>> path
    Trajectory(toy 2-D, t from 0 to 3, loss 8 to 0.652, 0 events; recorded by the user)
    >>> al.theory.check_alignment(path)
    Claim(alignment: measured 0.42, bound <= 1.48: only illustrated)
    """
    loss, nets = losses.fitting(loss, data), inputs.items("networks", networks)
    times = inputs.array("t", t, 1, (len(nets),))
    if (np.diff(times) <= 0).any():
        late = times[1:][np.diff(times) <= 0][0]
        raise ValueError(f"`t` must grow, got {late:g} after a time not before it")
    for net in nets:
        if not isinstance(net, Network):
            raise ValueError(f"`networks` must be a list of Network, got {type(net).__name__}")
        inputs.same_dim(net, data)
    if len({net.width for net in nets}) > 1:
        raise ValueError(f"`networks` must have one width, got {sorted({net.width for net in nets})}")
    state = _States(times, nets, data)
    return Recorded(
        data,
        loss,
        times,
        np.array([net(data.x) for net in nets]),
        np.empty(0, EVENT),
        _aligned_from(data, times, nets),
        "recorded by the user",
        state,
        state.patterns,
    )


def _aligned_from(data, t, networks):
    """The first of these times from which on all neurons are at their goals; nan without classes."""
    if not (np.abs(data.y) == 1).all():
        return np.nan
    not_there = [i for i, net in enumerate(networks) if not geometry.aligned(net, data).all()]
    first = not_there[-1] + 1 if not_there else 0
    return float(t[first]) if first < len(t) else np.inf


@dataclass(frozen=True)
class _States:
    """The network at a recorded time, and its patterns."""

    t: np.ndarray
    networks: list
    data: Dataset

    def __call__(self, time):
        return self.networks[int(np.searchsorted(self.t, time))]

    def patterns(self, time):
        return geometry.patterns(self(time), self.data)


inputs.guard(globals())
