"""Gradient descent in PyTorch: what practitioners run, and in full batches Euler's method for the flow."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.progress import progress_bar
from alignlib.record import Record
from alignlib.trajectory import Trajectory

with inputs.extra("torch"):
    import torch

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def gradient_descent(
    net: Network,
    data: Dataset,
    loss: str | losses.Loss,
    step: float | ArrayLike | Callable[[int], float],
    n_steps: int,
    *,
    batch_size: int | None = None,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    rng: inputs.Seed = None,
    stop_loss: float | None = None,
    t_save: ArrayLike | None = None,
    dtype: str = "float64",
    device: str = "cpu",
    max_events: int = 1_000_000,
    progress: bool = False,
) -> Trajectory:
    """Train `net` on `data` by gradient descent, in full batches unless `batch_size` says otherwise.

    One step is `w_j += η v_j D_j`, `v_j += η ⟨w_j, D_j⟩` with `D_j = Σ_k g_k σ'(⟨w_j, x_k⟩) x_k`,
    both sides at the old weights (σ'(z) is the `negative_slope` of `net` for z ≤ 0): Euler's method for
    gradient flow, so k steps are the time `η k`.
    The other settings make it `torch.optim.SGD`, step by step: with λ `weight_decay` and μ `momentum`, for
    each array of weights θ, `u ← μ u - (∂L/∂θ + λ θ)`, `θ += η u`, from `u = 0`. These are not the flow;
    slow weights go `1 / (1 - μ)` times as fast, and times are `η k` all the same.

    Parameters
    ----------
    step : float, η; or the lengths of the steps, an array (n_steps,) or a function of k = 0, 1, ...
        The k-th step then ends at the sum of the first k.
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
    lengths = _lengths(step, inputs.integer("n_steps", n_steps))
    inputs.choice("dtype", dtype, DTYPES)
    max_events = inputs.integer("max_events", max_events, least=0)
    inputs.same_dim(net, data)
    rule = Rule(
        inputs.at_least_zero("momentum", momentum, below=1),
        inputs.at_least_zero("weight_decay", weight_decay),
        -np.inf if stop_loss is None else inputs.positive("stop_loss", stop_loss),
    )
    batches = _batches(data.n, batch_size, inputs.generator("rng", rng))
    times = _times(lengths)
    keep = _steps_to_keep(t_save, times)
    run = _Run(net, data, loss, rule, batches, DTYPES[dtype], _device(device), max_events)
    # Overflow is no surprise here: it is found, and reported, one line later.
    quiet = np.errstate(over="ignore", invalid="ignore", under="ignore")
    # In `dtype`, whatever PyTorch is told to cast around it.
    with quiet, torch.autocast(run.x.device.type, enabled=False):
        status = run.steps(lengths.tolist(), times.tolist(), keep, progress)
    return run.record.trajectory(loss, status)


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
    size = inputs.integer("batch_size", size)
    if size > n:
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


def _lengths(step, n_steps):
    """The lengths of all steps, (n_steps,)."""
    if callable(step):
        step = [step(k) for k in range(n_steps)]
    if np.ndim(step) == 0:
        return np.full(n_steps, inputs.positive("step", step))
    lengths = inputs.array("step", step, 1, (n_steps,))
    if lengths.min() <= 0:
        k = np.argmin(lengths)
        raise ValueError(f"`step` must be positive, got {lengths[k]:g} for step {k}")
    return lengths


def _times(lengths):
    """The times at which the steps end, with 0 in front; of equal steps without the rounding of a sum."""
    if (lengths == lengths[0]).all():
        return lengths[0] * np.arange(len(lengths) + 1)
    return np.append(0.0, np.cumsum(lengths))


def _steps_to_keep(t_save, times):
    """The steps whose weights are kept: the nearest to the times asked for."""
    n_steps = len(times) - 1
    if t_save is None:
        return set(np.linspace(0, n_steps, min(n_steps, 200) + 1).round().astype(int).tolist())
    t_save = inputs.times("t_save", t_save, times[-1], "the end of the last step")
    return set(np.searchsorted((times[1:] + times[:-1]) / 2, t_save).tolist())


class _Run:
    """The weights on their device, moved step by step; what they come by goes into `record`."""

    def __init__(self, net, data, loss, rule, batches, dtype, device, max_events):
        self.data, self.loss, self.rule, self.batches = data, loss, rule, batches
        # A real copy: `as_tensor` would share memory with the caller's network.
        self.w, self.v, self.x = (
            torch.tensor(np.array(a), dtype=dtype, device=device) for a in (net.w, net.v, data.x)
        )
        self.negative_slope, self.velocity = net.negative_slope, None
        # The hidden layer, made once and then overwritten: to allocate it takes longer than to compute it.
        self.hidden = self.x.new_empty(net.width, data.n)
        self.record = Record(data, net.negative_slope, self.hidden, max_events)

    def steps(self, lengths, times, keep, progress):
        """Run, and say in words why it ended."""
        f = self.outputs_now()
        losses.check_start(self.loss, f, self.data.y)
        self.note(0.0, f, keep=True)
        value, n_steps = self.loss.value(f, self.data.y), len(lengths)
        try:
            for k in progress_bar(progress, "gradient descent", n_steps, iterable=range(1, n_steps + 1)):
                if value <= self.rule.stop_loss:
                    return self.stopped()
                self.advance(lengths[k - 1], f)
                f = self.outputs_now()
                value = self.loss.value(f, self.data.y)
                if not np.isfinite(value):
                    self.record.keep_last_good()
                    at = f"step {k} (t={times[k]:g})"
                    return f"stopped at {at}: the loss is not finite; try a smaller `step`"
                self.note(times[k], f, keep=k in keep)
        except KeyboardInterrupt:
            self.record.keep_last_good()
            return f"interrupted by the user after t={self.record.now.t:g}"
        return self.stopped() if value <= self.rule.stop_loss else f"reached the last of {n_steps} steps"

    def stopped(self):
        self.record.keep_last_good()
        return f"reached `stop_loss` at t={self.record.now.t:g}"

    def note(self, t, f, keep):
        self.record.note(t, f, self.w, self.v, self.hidden, keep)

    def outputs_now(self):
        torch.matmul(self.w, self.x.T, out=self.hidden)
        if self.negative_slope == 0.0:
            return (self.v @ self.hidden.clamp_(min=0)).cpu().numpy()
        return (self.v @ torch.nn.functional.leaky_relu(self.hidden, self.negative_slope)).cpu().numpy()

    def advance(self, step, f):
        dw, dv = self._directions(f, next(self.batches))
        if self.rule.weight_decay:
            dw, dv = dw - self.rule.weight_decay * self.w, dv - self.rule.weight_decay * self.v
        if self.rule.momentum:
            if self.velocity is not None:
                dw, dv = (self.rule.momentum * u + now for u, now in zip(self.velocity, (dw, dv)))
            self.velocity = dw, dv
        # New tensors: `record` still holds the old ones.
        self.w, self.v = (step * dw).add_(self.w), (step * dv).add_(self.v)

    def _directions(self, f, batch):
        """Minus the derivatives of the loss of a batch, by `w` and by `v`."""
        hidden, x = self.hidden, self.x
        if batch is None:
            g = self.loss.pull(f, self.data.y)
        else:
            g = self.loss.pulls(f, self.data.y)[batch]
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


def _row_sums(a):
    """`a.sum(dim=1)`; of short rows column by column: the same to the last bit, ten times faster."""
    return sum(a.unbind(1)[1:], a[:, 0]) if a.shape[1] <= 3 else a.sum(dim=1)


inputs.guard(globals())
