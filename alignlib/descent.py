"""Full-batch gradient descent in PyTorch: what practitioners run, and Euler's method for the flow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.trajectory import EVENT, Trajectory

with inputs.extra("torch"):
    import torch

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def gradient_descent(
    net: Network,
    data: Dataset,
    loss: str | losses.Loss,
    step: float,
    n_steps: int,
    *,
    t_save: ArrayLike | None = None,
    dtype: str = "float64",
    device: str = "cpu",
    max_events: int = 1_000_000,
    progress: bool = False,
) -> Trajectory:
    """Train `net` on `data` by full-batch gradient descent.

    One step is `w_j += η v_j D_j`, `v_j += η ⟨w_j, D_j⟩` with `D_j = Σ_k g_k σ'(⟨w_j, x_k⟩) x_k`,
    both sides at the old weights (σ'(z) is the `negative_slope` of `net` for z ≤ 0): Euler's method for
    gradient flow, so k steps are the time `η k`.

    Parameters
    ----------
    step : float, η
    n_steps : int
    t_save : times to keep besides the start, moved to the nearest step; without it, 200 evenly spaced
    dtype : "float64" or "float32"
    device : a PyTorch device that knows the dtype
    max_events : from this many events on they are no longer recorded (`status` says so)
    progress : show a bar

    Returns
    -------
    Trajectory
        Between kept times `at` interpolates linearly. A run that is interrupted, or whose loss
        stops being finite, returns what it has up to the last good step; `status` says why.

    Raises
    ------
    ValueError
        For arguments that do not fit, and a start whose loss is not finite.

    Examples
    --------
    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> data = al.data.toy_2d()
    >>> path = al.gradient_descent(net, data, "exponential", step=1e-3, n_steps=3000)
    >>> path.status
    'reached the last of 3000 steps'
    >>> round(float(path.loss[-1]), 3)
    0.628
    """
    loss = losses.fitting(loss, data)
    step, n_steps = inputs.positive("step", step), inputs.integer("n_steps", n_steps)
    inputs.choice("dtype", dtype, DTYPES)
    max_events = inputs.integer("max_events", max_events, least=0)
    inputs.same_dim(net, data)
    keep = _steps_to_keep(t_save, step, n_steps)
    run = _Run(net, data, loss, DTYPES[dtype], _device(device), max_events)
    # Overflow is no surprise here: it is found, and reported, one line later.
    with np.errstate(over="ignore", invalid="ignore"):
        status = run.steps(step, n_steps, keep, progress)
    return run.trajectory(status)


def _device(device):
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError) as problem:
        raise ValueError(f"`device` must be a PyTorch device of this machine, got {device!r}") from problem


def _steps_to_keep(t_save, step, n_steps):
    if t_save is None:
        return set(np.linspace(0, n_steps, min(n_steps, 200) + 1).round().astype(int).tolist())
    t_save = inputs.times("t_save", t_save, step * n_steps, "step * n_steps")
    return set((t_save / step).round().astype(int).tolist())


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


class _Run:
    """The weights on their device, and what has been recorded of them so far."""

    def __init__(self, net, data, loss, dtype, device, max_events):
        self.data, self.loss, self.max_events = data, loss, max_events
        # A real copy: `as_tensor` would share memory with the caller's network.
        self.w, self.v, self.x = (
            torch.tensor(np.array(a), dtype=dtype, device=device) for a in (net.w, net.v, data.x)
        )
        classes = bool((np.abs(data.y) == 1).all())
        self.goal = torch.tensor(data.y > 0, device=device) if classes else None
        self.negative_slope = net.negative_slope
        self.z, self.now = None, None
        # `events_until` is inf while all are recorded.
        self.events, self.n_events, self.events_until = [], 0, np.inf
        self.kept = []

    def steps(self, step, n_steps, keep, progress):
        """Run, and say in words why it ended."""
        f = self.outputs_now()
        losses.check_start(self.loss, f, self.data.y)
        self.record(0.0, f, keep=True)
        try:
            for k in tqdm(range(1, n_steps + 1), disable=not progress, desc="gradient descent"):
                self.advance(step, f)
                f = self.outputs_now()
                if not np.isfinite(self.loss.value(f, self.data.y)):
                    self.keep_last_good()
                    at = f"step {k} (t={k * step:g})"
                    return f"stopped at {at}: the loss is not finite; try a smaller `step`"
                self.record(k * step, f, keep=k in keep)
        except KeyboardInterrupt:
            self.keep_last_good()
            return f"interrupted by the user after t={self.now.t:g}"
        return f"reached the last of {n_steps} steps"

    def outputs_now(self):
        self.z = self.w @ self.x.T
        if self.negative_slope == 0.0:
            return (self.v @ torch.relu(self.z)).cpu().numpy()
        return (self.v @ torch.nn.functional.leaky_relu(self.z, self.negative_slope)).cpu().numpy()

    def record(self, t, f, keep):
        """Note a good step: its events, its alignment, its weights (for good, if `keep`)."""
        active = self.z > 0
        since = self._aligned_since(t, active)
        if self.now is not None:
            self._record_events(t, active)
        # In one assignment, for an interrupt may come at any line.
        self.now = Good(t, f, self.w, self.v, active, since, len(self.events))
        if keep:
            self.keep_last_good()

    def keep_last_good(self):
        if not self.kept or self.kept[-1][0] < self.now.t:
            weights = self.now.w.cpu().numpy(), self.now.v.cpu().numpy()
            self.kept.append((self.now.t, self.now.f, weights))

    def _record_events(self, t, active):
        changed = active != self.now.active
        if np.isfinite(self.events_until) or not changed.any():
            return
        if self.n_events >= self.max_events:
            self.events_until = t
            return
        neuron, sample = changed.nonzero(as_tuple=True)
        rows = np.empty(len(neuron), EVENT)
        rows["t"], rows["neuron"], rows["sample"] = t, neuron.cpu(), sample.cpu()
        rows["kind"] = np.where(active[neuron, sample].cpu(), "activate", "deactivate")
        self.events.append(rows)
        self.n_events += len(rows)

    def _aligned_since(self, t, active):
        """The time since which all neurons have been at their goals; nan without classes."""
        if self.goal is None:
            return np.nan
        goal = self.goal == (self.v > 0)[:, None]
        there = (active == goal).all(dim=1) & (self.v != 0)
        if self.negative_slope == 0.0:  # else no neuron is dead
            there |= ~active.any(dim=1)
        if not there.all():
            return np.inf
        return t if self.now is None else min(t, self.now.aligned_since)

    def advance(self, step, f):
        g = torch.as_tensor(self.loss.pull(f, self.data.y).astype(f.dtype), device=self.w.device)
        active = self.now.active
        if self.negative_slope != 0.0:
            active = torch.full_like(self.z, self.negative_slope).masked_fill_(active, 1.0)
        d = (active * g) @ self.x
        dw, dv = self.v[:, None] * d, (self.w * d).sum(dim=1)
        # New tensors: `now` still holds the old ones.
        self.w, self.v = self.w + step * dw, self.v + step * dv

    def trajectory(self, status):
        if self.events_until <= self.now.t:
            status += f"; events from t={self.events_until:g} on not recorded (`max_events`)"
        t, outputs, weights = zip(*self.kept)
        state = Interpolated(np.array(t), list(weights), self.data.x, self.negative_slope)
        return Trajectory(
            self.data,
            self.loss,
            np.array(t),
            np.array(outputs, dtype=np.float64),
            np.concatenate([np.empty(0, EVENT), *self.events[: self.now.n_chunks]]),
            self.now.aligned_since,
            status,
            state,
            state.patterns,
        )


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
