"""The early phase, exactly: constant pulls, decoupled neurons, no step size.

While the outputs are negligible the pulls stay those of the zero network, and the neurons decouple. So do
small neurons near a saddle, under the pulls there. Each is boosted in closed form (`boost`) from wall to
wall (`polygon`) to its last event (`constant`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.solver import constant, events
from alignlib.solver.tolerances import LARGEST, LATEST
from alignlib.solver.walls import Walls
from alignlib.trajectory import Trajectory


@dataclass(frozen=True, eq=False, repr=False)
class EarlyFlow(Trajectory):
    """A trajectory of the early phase; `at` accepts every time from 0 on.

    Attributes
    ----------
    alignment_times : (h,) the time from which on each neuron is at its goal; inf if never
    directions : (h, d) the limits of `w_j / ‖w_j‖` as t grows
    final_patterns : (h, n) booleans, the samples on which each neuron is active in the end
    sliding : (h, n) booleans, the samples on whose hyperplane it slides in the end
    pulls : (n,) the constant pulls
    """

    alignment_times: np.ndarray
    directions: np.ndarray
    final_patterns: np.ndarray
    sliding: np.ndarray
    pulls: np.ndarray

    def at(self, t: float) -> Network:
        """The network at time `t ≥ 0`, exact also after the last event.

        Raises
        ------
        ValueError
            If t is negative, or so late that the weights overflow.
        """
        return super().at(t)

    def _time(self, t):
        t = inputs.one_time(t)
        if not t >= 0:
            raise ValueError(f"`t` must be at least 0, got {t!r}")
        return float(t)


def early_flow(
    net: Network,
    data: Dataset,
    loss: str | losses.Loss,
    t_end: float | None = None,
    t_save: ArrayLike | None = None,
    *,
    pulls: ArrayLike | None = None,
    weight_decay: float = 0.0,
) -> EarlyFlow:
    """Follow every neuron of `net` under the constant pulls `g_k(0)` of the zero network.

    Exact for any data, slope and loss: `ẇ_j = v_j D_j`, `v̇_j = ⟨w_j, D_j⟩` between events in closed form,
    events by the rules in `alignlib.solver.filippov`. It does not depend on the scale of `net`. Where
    the Filippov solution is not unique `σ'(0) = 0` decides: a neuron that reaches w = 0 (a time-like
    one can) rests there, and `status` says so. With a `negative_slope` other than 0 the rule for walls,
    applied to all of them, says whether it goes on from there or they hold it for good.

    Parameters
    ----------
    loss : "exponential", "logistic" or "squared" (`al.loss.get` has their mean), or a `Loss`
    t_end : float; without it, the time of the last event of all, unless weights overflow before, or the
        last of `t_save` if that is later
    t_save : times to keep; without it, 0 and `t_end`
    pulls : (n,) constant pulls in place of those of the zero network
        Neurons that are still small near a saddle feel those there: who wakes next, where to, and when.
    weight_decay : float, λ of `ẇ_j = v_j D_j - λ w_j`, `v̇_j = ⟨w_j, D_j⟩ - λ v_j`
        All weights are `e^{-λt}` times those without it, and hyperplanes are cones: so events and
        directions do not change at all, and a neuron along its D grows if and only if `‖D‖ > λ`.

    Returns
    -------
    EarlyFlow
        A `Trajectory` with the alignment time and the final direction of every neuron. Its events
        are all events, its directions are limits, whatever `t_end`.

    Raises
    ------
    ValueError
        If an argument does not fit, or if a time is so late that the weights overflow.

    Examples
    --------
    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> early = al.early_flow(net, al.data.toy_2d(), "exponential")
    >>> early.status
    'every neuron has had its last event'
    >>> round(early.alignment_time, 3)
    0.411
    >>> al.geometry.cone_counts(early, early.t[-1])
    {'S+': 4, 'S-': 6, 'dead': 0, 'mixed': 0}
    """
    loss = losses.fitting(loss, data)
    inputs.same_dim(net, data)
    walls = Walls.of(data.x, net.negative_slope)
    pulls = losses.constant_pulls(loss, data, pulls)
    weight_decay = inputs.between("weight_decay", weight_decay, 0, LARGEST)
    most = float(np.abs(pulls) @ inputs.lengths(data.x))  # that ‖D_j‖ can be
    if not most < LARGEST:
        raise ValueError(f"`pulls` must be below {LARGEST:g}, times the size of `data`, got {most:.3g}")
    sides = walls.pulls(pulls)  # below and above
    end = constant.follow(net, walls, sides, np.inf)
    if t_end is None:
        fastest = float(np.linalg.norm(end.d, axis=1).max())
        t_end = min(float(end.since.max()) or 1.0, LATEST / max(fastest, 1e-300))
        if t_save is not None:
            t_end = max(t_end, float(inputs.array("t_save", t_save, 1).max()))
    t_end = inputs.positive("t_end", t_end)
    t = np.array([0.0, t_end]) if t_save is None else inputs.times("t_save", t_save, t_end, "`t_end`")

    state, name = _At(net, walls, sides, end, weight_decay), "t_end" if t_save is None else "t_save"
    times = events.aligned_since(end.log, walls, end.first_sides, net.v, end.neurons["sign"], data)
    final = walls.patterns(end.sides)
    return EarlyFlow(
        data,
        loss,
        t,
        np.array([state(time, name)(data.x) if time > 0 else end.first_outputs for time in t]),
        events.expand(end.log, walls),
        float(times.max()),
        _status(end, walls, t_end),
        state,
        state.patterns,
        alignment_times=times,
        directions=end.directions(),
        final_patterns=final > 0,
        sliding=final == 0,
        pulls=pulls,
        weight_decay=weight_decay,
    )


def _status(end, walls, t_end):
    """Why the trajectory ends, and where the flow is not unique."""
    last = float(end.since.max())
    status = "every neuron has had its last event"
    if t_end < last:
        status = f"reached t_end={t_end:g}; the last event is at t={last:g}"
    return status + events.remark(end.neurons["rests"].sum(), walls)


@dataclass(frozen=True, eq=False)
class _At:
    """The network at any time: neurons past their last event are carried on, the others followed."""

    net: Network
    walls: Walls
    pulls: tuple
    end: constant.LastLeg
    weight_decay: float

    def __call__(self, time, name="t"):
        if time == 0.0:
            return self.net
        w, v = self.weights(time)
        if not (np.isfinite(w).all() and np.isfinite(v).all()):
            raise ValueError(f"`{name}` must be smaller, got {time:g}: the weights overflow by then")
        kept = np.exp(-self.weight_decay * time)
        return Network(kept * w, kept * v, self.net.negative_slope)

    def weights(self, time):
        """Both layers but for the decay; of a neuron that overflows by then not finite."""
        late = self.end.since <= time
        with np.errstate(over="ignore", invalid="ignore"):
            w, v = self.end.drift(time)
        if not late.all():
            part = self.net.some(~late)
            w[~late], v[~late] = constant.follow(part, self.walls, self.pulls, time).drift(time)
        return w, v

    def patterns(self, time):
        """Where every neuron is then."""
        late, sides = self.end.since <= time, self.end.sides.copy()
        if not late.all():
            part = self.net.some(~late)
            sides[~late] = constant.follow(part, self.walls, self.pulls, time).sides
        return self.walls.patterns(sides)


inputs.guard(globals())
