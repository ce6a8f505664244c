"""What every solver returns: a network followed through time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from alignlib.data import Dataset
from alignlib.loss import Loss
from alignlib.network import Network

EVENT = np.dtype([("t", "f8"), ("neuron", "i8"), ("sample", "i8"), ("kind", "U10")])
"""One row an event: when, which neuron, at the hyperplane of which sample, and "activate",
"deactivate", "slide" or "release"."""


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """A network followed through time, whatever solver followed it.

    Attributes
    ----------
    data, loss_function : what it was trained on
    t : (m,) the kept times, in units of gradient flow for the stated loss
    outputs : (m, n) the outputs `f(x_k)` at these times
    events : structured array of dtype `EVENT`, in order of time
    alignment_time : float
        The first time from which on every neuron stays at its goal (`geometry.aligned`);
        `inf` if it had not come by the end, `nan` if the labels are not +1 and -1.
    status : str, why it stopped
    state : function from a time to a `Network`; call it through `at`
    signs : function from a time to an (h, n) array; call it through `patterns`
    rtol : float, the tolerance of `gradient_flow`; nan for solvers that have none

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

    def __post_init__(self) -> None:
        for array in (self.t, self.outputs, self.events):
            array.setflags(write=False)

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
        slack = 1e-12 * max(abs(first), abs(last))  # step times number of steps is rounded
        if not first - slack <= t <= last + slack:
            raise ValueError(f"`t` must lie between {first:g} and {last:g}, got {t!r}")
        return float(np.clip(t, first, last))

    def when(self, loss: float) -> float:
        """The first time at which the loss has come down to `loss`; inf if it has not by the end.

        Between the kept times as `at` has it: exact for the flow, wherever the steps of the solver end.

        >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
        >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
        >>> round(path.when(0.99 * path.loss[0]), 4)
        1.4604
        """
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

    def networks(self) -> Iterator[Network]:
        """The networks at the kept times, one after the other."""
        return (self.at(t) for t in self.t)

    def __repr__(self) -> str:
        return (
            f"Trajectory({self.data.name or 'data'}, t from {self.t[0]:g} to {self.t[-1]:g}, "
            f"loss {self.loss[0]:.3g} to {self.loss[-1]:.3g}, {len(self.events)} events; {self.status})"
        )
