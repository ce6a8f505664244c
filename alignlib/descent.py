"""Gradient descent in PyTorch: what practitioners run, and in full batches Euler's method for the flow."""

from dataclasses import dataclass
from itertools import repeat

import numpy as np
from tqdm.auto import tqdm

from alignlib import inputs
from alignlib import loss as losses
from alignlib.network import Network
from alignlib.trajectory import EVENT, Trajectory

with inputs.extra("torch"):
    import torch

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def gradient_descent(
    net,
    data,
    loss,
    step,
    n_steps,
    *,
    batch_size=None,
    momentum=0.0,
    weight_decay=0.0,
    rng=None,
    stop_loss=None,
    t_save=None,
    dtype="float64",
    device="cpu",
    max_events=1_000_000,
    progress=False,
):
    """Train `net` on `data` by gradient descent, in full batches unless `batch_size` says otherwise.

    One step is `w_j += η v_j D_j`, `v_j += η ⟨w_j, D_j⟩` with `D_j = Σ_k g_k σ'(⟨w_j, x_k⟩) x_k`,
    both sides at the old weights (σ'(z) is the `negative_slope` of `net` for z ≤ 0): Euler's method for
    gradient flow, so k steps are the time `η k`.
    The other settings make it `torch.optim.SGD`, step by step: with λ `weight_decay` and μ `momentum`, for
    each array of weights θ, `u ← μ u - (∂L/∂θ + λ θ)`, `θ += η u`, from `u = 0`. These are not the flow;
    slow weights go `1 / (1 - μ)` times as fast, and times are `η k` all the same.

    Parameters
    ----------
    step : float, η
    n_steps : int
    batch_size : int up to n; without it, all samples. L is then the loss of the batch: its sum, or its mean
        over the batch. An epoch is a permutation, `rng.permutation(n)`, drawn when it begins and cut into
        batches in order; what is left at its end is a smaller batch.
    momentum : float from 0 up to, not including, 1
    weight_decay : float, PyTorch's: λ times the weights is added to the gradient, as of a penalty
        `λ/2 ‖θ‖²`; losses are reported without it
    rng : seed or generator for the batches
    stop_loss : float; the run ends at the first step whose loss, of all samples, is at most this
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
    rule = Rule(
        inputs.at_least_zero("momentum", momentum, below=1),
        inputs.at_least_zero("weight_decay", weight_decay),
        -np.inf if stop_loss is None else inputs.positive("stop_loss", stop_loss),
    )
    batches = _batches(data.n, batch_size, inputs.generator("rng", rng))
    keep = _steps_to_keep(t_save, step, n_steps)
    run = _Run(net, data, loss, rule, batches, DTYPES[dtype], _device(device), max_events)
    # Overflow is no surprise here: it is found, and reported, one line later.
    with np.errstate(over="ignore", invalid="ignore"):
        status = run.steps(step, n_steps, keep, progress)
    return run.trajectory(status)


@dataclass(frozen=True)
class Rule:
    """What a step adds to the gradient, and the loss at which there are no more steps."""

    momentum: float
    weight_decay: float
    stop_loss: float


def _batches(n, size, rng):
    """The samples of every step, for ever: None stands for all."""
    if size is None:
        return repeat(None)
    if inputs.integer("batch_size", size) > n:
        raise ValueError(f"`batch_size` must be at most n = {n}, got {size}")
    return _epochs(n, size, rng)


def _epochs(n, size, rng):
    while True:
        order = rng.permutation(n)
        yield from (order[first : first + size] for first in range(0, n, size))


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

    def __init__(self, net, data, loss, rule, batches, dtype, device, max_events):
        self.data, self.loss, self.rule, self.batches = data, loss, rule, batches
        self.max_events = max_events
        # A real copy: `as_tensor` would share memory with the caller's network.
        self.w, self.v, self.x = (
            torch.tensor(np.array(a), dtype=dtype, device=device) for a in (net.w, net.v, data.x)
        )
        classes = bool((np.abs(data.y) == 1).all())
        self.goal = torch.tensor(data.y > 0, device=device) if classes else None
        self.negative_slope = net.negative_slope
        self.now, self.velocity = None, None
        # The hidden layer, made once and then overwritten: to allocate it takes longer than to compute it.
        self.hidden = self.x.new_empty(net.width, data.n)
        self.spare = self._unknown()  # for the next pattern
        self.astray = 0  # the neuron that was last seen not to be aligned
        # `events_until` is inf while all are recorded.
        self.events, self.n_events, self.events_until = [], 0, np.inf
        self.kept = []

    def steps(self, step, n_steps, keep, progress):
        """Run, and say in words why it ended."""
        f = self.outputs_now()
        losses.check_start(self.loss, f, self.data.y)
        self.record(0.0, f, keep=True)
        value = self.loss.value(f, self.data.y)
        try:
            for k in tqdm(range(1, n_steps + 1), disable=not progress, desc="gradient descent"):
                if value <= self.rule.stop_loss:
                    return self.stopped()
                self.advance(step, f)
                f = self.outputs_now()
                value = self.loss.value(f, self.data.y)
                if not np.isfinite(value):
                    self.keep_last_good()
                    at = f"step {k} (t={k * step:g})"
                    return f"stopped at {at}: the loss is not finite; try a smaller `step`"
                self.record(k * step, f, keep=k in keep)
        except KeyboardInterrupt:
            self.keep_last_good()
            return f"interrupted by the user after t={self.now.t:g}"
        return self.stopped() if value <= self.rule.stop_loss else f"reached the last of {n_steps} steps"

    def stopped(self):
        self.keep_last_good()
        return f"reached `stop_loss` at t={self.now.t:g}"

    def outputs_now(self):
        torch.matmul(self.w, self.x.T, out=self.hidden)
        if self.negative_slope == 0.0:
            return (self.v @ self.hidden.clamp_(min=0)).cpu().numpy()
        return (self.v @ torch.nn.functional.leaky_relu(self.hidden, self.negative_slope)).cpu().numpy()

    def _unknown(self):
        return torch.empty_like(self.hidden, dtype=torch.bool)

    def record(self, t, f, keep):
        """Note a good step: its events, its alignment, its weights (for good, if `keep`)."""
        active = _positive(self.hidden, self.spare)
        since = self._aligned_since(t, active)
        if self.now is not None:
            self._record_events(t, active)
        # In one assignment, for an interrupt may come at any line.
        last, self.now = self.now, Good(t, f, self.w, self.v, active, since, len(self.events))
        self.spare = self._unknown() if last is None else last.active
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

    def _aligned_since(self, t, active):
        """The time since which all neurons have been at their goals; nan without classes."""
        if self.goal is None:
            return np.nan
        # One neuron that is not there suffices, most often that of the last step.
        if not self._there(slice(self.astray, self.astray + 1), active).all():
            return np.inf
        there = self._there(slice(None), active)
        if not there.all():
            self.astray = int(torch.argmin(there.to(torch.uint8)))
            return np.inf
        return t if self.now is None else min(t, self.now.aligned_since)

    def _there(self, rows, active):
        """Which of these neurons are at their goals."""
        active, v = active[rows], self.v[rows]
        goal = self.goal == (v > 0)[:, None]
        there = (active == goal).all(dim=1) & (v != 0)
        return there | ~active.any(dim=1) if self.negative_slope == 0.0 else there  # else none is dead

    def advance(self, step, f):
        dw, dv = self._directions(f, next(self.batches))
        if self.rule.weight_decay:
            dw, dv = dw - self.rule.weight_decay * self.w, dv - self.rule.weight_decay * self.v
        if self.rule.momentum:
            if self.velocity is not None:
                dw, dv = (self.rule.momentum * u + now for u, now in zip(self.velocity, (dw, dv)))
            self.velocity = dw, dv
        # New tensors: `now` still holds the old ones.
        self.w, self.v = (step * dw).add_(self.w), (step * dv).add_(self.v)

    def _directions(self, f, batch):
        """Minus the derivatives of the loss of a batch, by `w` and by `v`."""
        hidden, x = self.hidden, self.x
        if batch is None:
            g = self.loss.pull(f, self.data.y)
        else:
            g = self.loss.sample_pull(f, self.data.y)[batch]
            g = g / len(batch) if self.loss.reduction == "mean" else g
            batch = torch.as_tensor(batch, device=x.device)
            hidden, x = hidden[:, batch], x[batch]
        g = torch.as_tensor(g.astype(f.dtype), device=x.device)
        if self.negative_slope == 0.0:
            slopes = hidden.gt_(0)
        else:
            slopes = torch.full_like(hidden, self.negative_slope).masked_fill_(hidden > 0, 1.0)
        d = slopes.mul_(g) @ x
        return self.v[:, None] * d, _row_sums(self.w * d)

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


def _positive(a, out):
    """`a > 0` in `out`; on the CPU by NumPy, which is four times as fast at it."""
    if a.device.type != "cpu":
        return torch.gt(a, 0, out=out)
    return torch.from_numpy(np.greater(a.numpy(), 0, out=out.numpy()))


def _row_sums(a):
    """`a.sum(dim=1)`; of short rows column by column: the same to the last bit, ten times faster."""
    return sum(a.unbind(1)[1:], a[:, 0]) if a.shape[1] <= 3 else a.sum(dim=1)


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
