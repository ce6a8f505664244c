"""What is written down of a gradient descent: kept weights, events, and since when neurons are aligned.

Unlike the flow (`solver.replay`), a descent cannot be followed again between kept steps: there it is
interpolated.
"""

from dataclasses import dataclass

import numpy as np

from alignlib import inputs
from alignlib.network import Network
from alignlib.trajectory import EVENT, Trajectory

with inputs.extra("torch"):
    import torch


@dataclass(frozen=True, eq=False)
class Good:
    """A step whose loss is finite; `n_chunks` of the events had come by then."""

    t: float
    f: np.ndarray
    w: torch.Tensor
    v: torch.Tensor
    active: torch.Tensor
    aligned_since: float
    n_chunks: int


class Record:
    """What has been written down so far; `hidden` (h, n) is a pre-activation of the shape to come."""

    def __init__(self, data, negative_slope, hidden, max_events):
        self.data, self.negative_slope, self.max_events = data, negative_slope, max_events
        classes = bool((np.abs(data.y) == 1).all())
        self.positive = data.y > 0
        self.goal = torch.tensor(self.positive, device=hidden.device) if classes else None
        self.now = None
        self.spare = _unknown(hidden)  # for the next pattern
        self.astray = 0  # the neuron that was last seen not to be aligned
        # `events_until` is inf while all are recorded.
        self.events, self.n_events, self.events_until = [], 0, np.inf
        self.kept = []

    def note(self, t, f, w, v, hidden, keep):
        """Note a good step: its events, its alignment, its weights (for good, if `keep`)."""
        active = _positive(hidden, self.spare)
        since = self._aligned_since(t, active, v)
        if self.now is not None:
            self._record_events(t, active)
        # In one assignment, for an interrupt may come at any line.
        last, self.now = self.now, Good(t, f, w, v, active, since, len(self.events))
        self.spare = _unknown(hidden) if last is None else last.active
        if keep:
            self.keep_last_good()

    def keep_last_good(self):
        if not self.kept or self.kept[-1][0] < self.now.t:
            weights = self.now.w.cpu().numpy(), self.now.v.cpu().numpy()
            self.kept.append((self.now.t, self.now.f, weights))

    def _record_events(self, t, active):
        if np.isfinite(self.events_until):
            return
        # By NumPy, which finds the few in many far faster.
        changed = np.flatnonzero((active != self.now.active).cpu().numpy())
        if not changed.size:
            return
        if self.n_events >= self.max_events:
            self.events_until = t
            return
        rows = np.empty(len(changed), EVENT)
        rows["t"], (rows["neuron"], rows["sample"]) = t, np.divmod(changed, self.data.n)
        now = active[rows["neuron"], rows["sample"]].cpu()
        rows["kind"] = np.where(now, "activate", "deactivate")
        self.events.append(rows)
        self.n_events += len(rows)

    def _aligned_since(self, t, active, v):
        """The time since which all neurons have been at their goals; nan without classes."""
        if self.goal is None:
            return np.nan
        before = np.inf if self.now is None else self.now.aligned_since
        # One neuron that is not there suffices, most often that of the last step.
        if np.isinf(before) and not self._one_is_there(active, v):
            return np.inf
        there = self._there(active, v)
        if not there.all():
            self.astray = int(torch.argmin(there.to(torch.uint8)))
            return np.inf
        return min(t, before)

    def _one_is_there(self, active, v):
        """Whether the neuron that was astray is at its goal; by NumPy, quicker with a few numbers."""
        active, v = active[self.astray].cpu().numpy(), float(v[self.astray])
        dead = self.negative_slope == 0.0 and not active.any()
        return dead or (v != 0 and bool((active == (self.positive == (v > 0))).all()))

    def _there(self, active, v):
        """Which neurons are at their goals."""
        goal = self.goal == (v > 0)[:, None]
        there = (active == goal).all(dim=1) & (v != 0)
        return there | ~active.any(dim=1) if self.negative_slope == 0.0 else there  # else none is dead

    def trajectory(self, loss, status):
        """The steps kept."""
        if self.events_until <= self.now.t:
            status += f"; events from t={self.events_until:g} on not recorded (`max_events`)"
        t, outputs, weights = zip(*self.kept)
        state = Interpolated(np.array(t), list(weights), self.data.x, self.negative_slope)
        return Trajectory(
            self.data,
            loss,
            np.array(t),
            np.array(outputs, dtype=np.float64),
            np.concatenate([np.empty(0, EVENT), *self.events[: self.now.n_chunks]]),
            self.now.aligned_since,
            status,
            state,
            state.patterns,
        )


def _unknown(hidden):
    return torch.empty_like(hidden, dtype=torch.bool)


def _positive(a, out):
    """`a > 0` in `out`; on the CPU by NumPy, which is four times as fast at it."""
    if a.device.type != "cpu":
        return torch.gt(a, 0, out=out)
    return torch.from_numpy(np.greater(a.numpy(), 0, out=out.numpy()))


@dataclass(frozen=True)
class Interpolated:
    """The network at any time: linear between the kept ones."""

    t: np.ndarray
    weights: list
    x: np.ndarray
    negative_slope: float

    def __call__(self, time):
        right = int(np.searchsorted(self.t, time))
        if self.t[right] == time:
            return Network(*self.weights[right], self.negative_slope)
        before, after = self.t[right - 1], self.t[right]
        part = (time - before) / (after - before)
        pairs = zip(self.weights[right - 1], self.weights[right])
        return Network(*((1 - part) * a + part * b for a, b in pairs), self.negative_slope)

    def patterns(self, time):
        """The signs of the pre-activations then."""
        return np.sign(self(time).preactivations(self.x)).astype(np.int8)
