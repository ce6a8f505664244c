"""Runs of gradient descent at a finite step on the three points: who escapes.

    python -m studies.steps     about five minutes on one core

Writes `steps.csv`: final losses of descent on the three points, 100 balanced neurons, 400 seeds at a
step, with momentum, weight decay and batches of one; and at one step over the scale of the start.
"""

from dataclasses import dataclass

import numpy as np

import alignlib as al
from studies import tables

SEEDS = 50  # of one row; they move together
STEPS = (0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35)
SCALES = (1e-1, 3e-2, 1e-2, 1e-4, 1e-5, 1e-6)  # beside 1e-3
LEAST = 0.1750427350427  # the loss of least squares on the three points


@dataclass(frozen=True)
class Block:
    """Fifty seeds of one kind of descent; `first` is the first of them, `end` a time of the flow."""

    step: float
    scale: float = 1e-3
    momentum: float = 0.0
    decay: float = 0.0
    batch: int = 3
    end: float = 400.0
    first: int = 0


def descend(block):
    """What the fifty runs of a block end at, and how many of their neurons turned."""
    w, v, turned = moved(block)
    return ends(w, v) | {"turned": int(turned.sum())}


def moved(block):
    """The weights of the fifty runs at the end, and which neurons have had another sign of v."""
    data, rng = al.data.three_points(), np.random.default_rng(block.first)
    w, v = draws(block)
    sign, turned, uw, uv = np.sign(v), np.zeros(v.shape, bool), 0.0, 0.0
    for _ in range(round(block.end * (1 - block.momentum) / block.step)):
        z = np.maximum(w @ data.x.T, 0)
        g = 2 / 3 * (data.y - (v[:, :, None] * z).sum(axis=1))
        if block.batch < 3:
            g = g * 3 / block.batch * (rng.random((SEEDS, 3)).argsort(axis=1) < block.batch)
        d = ((z > 0) * g[:, None, :]) @ data.x
        uw = block.momentum * uw + v[:, :, None] * d - block.decay * w
        uv = block.momentum * uv + (w * d).sum(axis=2) - block.decay * v
        w, v = w + block.step * uw, v + block.step * uv
        turned |= v * sign < 0
    return w, v, turned


def draws(block):
    """The fifty starts, (50, 100, 2) and (50, 100)."""
    seeds = range(block.first, block.first + SEEDS)
    nets = [al.Network.balanced(100, 2, block.scale, rng=seed) for seed in seeds]
    return np.stack([net.w for net in nets]), np.stack([net.v for net in nets])


def ends(w, v):
    """How many runs end below least squares, near it, and fitted."""
    data = al.data.three_points()
    f = (v[:, :, None] * np.maximum(w @ data.x.T, 0)).sum(axis=1)
    loss = ((f - data.y) ** 2).mean(axis=1)
    found = {"below": loss < LEAST - 0.01, "stuck": np.abs(loss - LEAST) <= 0.01, "fitted": loss < 1e-3}
    return {name: int(runs.sum()) for name, runs in found.items()}


def adam(step, n_steps):
    """The same for `torch.optim.Adam`, from the first fifty starts of the table."""
    import torch

    data = al.data.three_points()
    w, v = (torch.tensor(a, requires_grad=True) for a in draws(Block(step)))
    x, y = torch.tensor(data.x), torch.tensor(data.y)
    rule = torch.optim.Adam([w, v], lr=step)
    for _ in range(n_steps):
        rule.zero_grad()
        f = (v[:, :, None] * torch.relu(w @ x.T)).sum(dim=1)
        ((f - y) ** 2).mean(dim=1).sum().backward()  # the runs do not touch each other
        rule.step()
    return ends(w.detach().numpy(), v.detach().numpy())


def blocks():
    """All rows of the table."""
    two = (0, SEEDS)
    plain = [Block(step, first=50 * k) for step in STEPS for k in range(4 if step < 0.1 else 8)]
    scales = [Block(0.2, scale=scale, end=600.0, first=50 * k) for scale in SCALES for k in range(4)]
    heavy = [
        Block(round(step * (1 - mu) ** 2 / (1 + mu), 6), momentum=mu, first=first)
        for mu in (0.5, 0.9)
        for step in (0.2, 0.3)
        for first in two
    ]
    decay = [Block(0.2, decay=0.01, first=first) for first in two]
    single = [Block(step, batch=1, first=first) for step in (0.2, 0.05) for first in two]
    return plain + scales + heavy + decay + single


if __name__ == "__main__":
    tables.main(__doc__, [("steps", descend, blocks())])
