"""Full-batch gradient descent in PyTorch: what practitioners run, and Euler's method for the flow."""

import numpy as np
import torch
from tqdm.auto import tqdm

from alignlib import inputs
from alignlib import loss as losses
from alignlib.network import Network
from alignlib.trajectory import EVENT, Trajectory

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def gradient_descent(
    net,
    data,
    loss,
    step,
    n_steps,
    *,
    t_save=None,
    dtype="float64",
    device="cpu",
    max_events=1_000_000,
    progress=False,
):
    """Train `net` on `data` by full-batch gradient descent.

    One step is `w_j += η v_j D_j`, `v_j += η ⟨w_j, D_j⟩` with `D_j = Σ_k g_k σ'(⟨w_j, x_k⟩) x_k`,
    both sides at the old weights: Euler's method for gradient flow, so k steps are the time `η k`.

    Parameters
    ----------
    step : float, η
    n_steps : int
    t_save : times to keep, moved to the nearest step; without it, 200 evenly spaced ones
    dtype : "float64" or "float32"
    device : any PyTorch device
    max_events : from this many events on they are no longer recorded (`status` says so)
    progress : show a bar

    Returns
    -------
    Trajectory
        Between kept times `at` interpolates linearly. A run that is interrupted, or whose loss
        stops being finite, returns what it has; `status` says why.
    """
    loss = losses.get(loss)
    step, n_steps = inputs.positive("step", step), inputs.integer("n_steps", n_steps)
    inputs.choice("dtype", dtype, DTYPES)
    if net.dim != data.dim:
        raise ValueError(f"`net` must have dim {data.dim}, that of `data`, got {net.dim}")
    keep = _steps_to_keep(t_save, step, n_steps)
    run = _Run(net, data, loss, DTYPES[dtype], torch.device(device), max_events)
    # Overflow is no surprise here: it is found, and reported, one line later.
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(loss.value(net(data.x), data.y)):
            raise ValueError("`net` must give a finite loss at the start, got an infinite one")
        status = run.steps(step, n_steps, keep, progress)
    return run.trajectory(status)


def _steps_to_keep(t_save, step, n_steps):
    if t_save is None:
        return set(np.linspace(0, n_steps, min(n_steps, 200) + 1).round().astype(int).tolist())
    t_save = inputs.array("t_save", t_save, 1)
    end = step * n_steps
    if t_save.min() < 0 or t_save.max() > end * (1 + 1e-12):
        raise ValueError(
            f"`t_save` must lie between 0 and step * n_steps = {end:g}, "
            f"got {t_save.min():g} to {t_save.max():g}"
        )
    return set((t_save / step).round().astype(int).tolist()) | {0}


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
        self.active, self.z = None, None
        self.aligned_since = np.nan if self.goal is None else np.inf
        self.events, self.n_events, self.events_until = [], 0, np.inf
        self.t, self.outputs, self.weights = [], [], []

    def steps(self, step, n_steps, keep, progress):
        """Run, and say in words why it ended."""
        try:
            for k in tqdm(range(n_steps + 1), disable=not progress, desc="gradient descent"):
                t = k * step
                f = self.look(t)
                if not np.isfinite(self.loss.value(f, self.data.y)):
                    return f"stopped at step {k} (t={t:g}): the loss is not finite; try a smaller `step`"
                if k in keep:
                    self.keep(t, f)
                if k < n_steps:
                    self.advance(step, f)
        except KeyboardInterrupt:
            return f"interrupted by the user at step {k} (t={t:g})"
        return f"reached the last of {n_steps} steps"

    def look(self, t):
        """The outputs now; events since the last look are recorded on the way."""
        self.z = self.w @ self.x.T
        active = self.z > 0
        if self.active is not None:
            self._record_events(t, active)
        self.active = active
        if self.goal is not None:
            self._record_alignment(t)
        return (self.v @ torch.relu(self.z)).cpu().numpy()

    def _record_events(self, t, active):
        changed = active != self.active
        if self.n_events >= self.max_events or not changed.any():
            return
        neuron, sample = changed.nonzero(as_tuple=True)
        rows = np.empty(len(neuron), EVENT)
        rows["t"], rows["neuron"], rows["sample"] = t, neuron.cpu(), sample.cpu()
        rows["kind"] = np.where(active[neuron, sample].cpu(), "activate", "deactivate")
        self.events.append(rows)
        self.n_events += len(rows)
        if self.n_events >= self.max_events:
            self.events_until = t

    def _record_alignment(self, t):
        goal = self.goal == (self.v > 0)[:, None]
        there = (self.active == goal).all(dim=1) & (self.v != 0) | ~self.active.any(dim=1)
        if not there.all():
            self.aligned_since = np.inf
        elif np.isinf(self.aligned_since):
            self.aligned_since = t

    def keep(self, t, f):
        self.t.append(t)
        self.outputs.append(f)
        self.weights.append((self.w.cpu().numpy().copy(), self.v.cpu().numpy().copy()))

    def advance(self, step, f):
        g = torch.as_tensor(self.loss.pull(f, self.data.y).astype(f.dtype), device=self.w.device)
        d = (self.active * g) @ self.x
        dw, dv = self.v[:, None] * d, (self.w * d).sum(dim=1)
        self.w += step * dw
        self.v += step * dv

    def trajectory(self, status):
        if np.isfinite(self.events_until):
            status += f"; events after t={self.events_until:g} not recorded (`max_events`)"
        t, weights = np.array(self.t), self.weights

        def state(time):
            right = int(np.searchsorted(t, time))
            if t[right] == time:
                return Network(*weights[right])
            left, part = right - 1, (time - t[right - 1]) / (t[right] - t[right - 1])
            pairs = zip(weights[left], weights[right])
            return Network(*((1 - part) * a + part * b for a, b in pairs))

        events = np.concatenate([np.empty(0, EVENT), *self.events])
        return Trajectory(
            self.data,
            self.loss,
            t,
            np.array(self.outputs, dtype=np.float64),
            events,
            self.aligned_since,
            status,
            state,
        )
