"""What survives of MMV's conclusion in the full flow when Assumption 1 is violated by a controlled amount.

    python -m studies.violated     about fifteen minutes on one core

Writes `violated.csv`: 50 seeds for each kind and amount, 20 unit samples in five dimensions, 20 balanced
neurons at ε = 1e-6, the summed exponential loss to t = 100. Kinds:

- `mu`: signed samples around one direction, drawn apart until μ is the amount;
- `noise`: samples that obey Assumption 1 at μ = 0.3, of which that many have their label flipped;
- `arbitrary`: as many replaced by directions and labels drawn at random;
- `scale`: one flipped label, and the amount is ε.

And `label_noise.csv`: `noise` up to 40 % of the labels, where neurons are when the fit begins, in the early
flow and in the full one, and which samples are ignored or fitted at t = 100.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

import alignlib as al
from studies import tables

N, DIM, WIDTH, END, SEEDS = 20, 5, 20, 100.0, 50
AMOUNTS = {
    "mu": (0.3, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3, -0.4, -0.5),
    "noise": (1, 2, 3),
    "arbitrary": (1, 2, 4),
    "scale": (1e-3, 0.1, 1.0),
}
FLIPPED = (0, 1, 2, 4, 6, 8)  # of 20 labels


@dataclass(frozen=True)
class Violated:
    """A kind of violation, how much of it, and a seed."""

    kind: str
    amount: float
    seed: int


@dataclass(frozen=True)
class Flipped:
    """How many of 20 labels are flipped, and a seed."""

    amount: int
    seed: int


def around(mu, rng):
    """Unit samples with alternating labels, signed samples around one direction with separation `mu`."""
    y, xi = np.where(np.arange(N) % 2, -1.0, 1.0), rng.normal(size=(N, DIM))

    def signed(log_spread):
        z = np.eye(DIM)[0] + np.exp(log_spread) * xi
        return z / np.linalg.norm(z, axis=1)[:, None]

    def excess(log_spread):
        z = signed(log_spread)
        return (z @ z.T).min() - mu

    return al.Dataset(y[:, None] * signed(brentq(excess, -9, 9, xtol=1e-13)), y)


def drawn(point):
    """The samples, and the labels that obey Assumption 1 where there are such."""
    rng = np.random.default_rng(point.seed)
    if point.kind == "mu":
        data = around(point.amount, rng)
        return data, data.y
    clean = around(0.3, rng)
    bad = rng.permutation(N) < (1 if point.kind == "scale" else point.amount)
    if point.kind != "arbitrary":
        return al.Dataset(clean.x, np.where(bad, -clean.y, clean.y)), clean.y
    other = rng.normal(size=(N, DIM))
    other /= np.linalg.norm(other, axis=1)[:, None]
    y = np.where(bad, np.sign(rng.normal(size=N)), clean.y)
    return al.Dataset(np.where(bad[:, None], other, clean.x), y), np.where(bad, 0.0, clean.y)


def wrong_share(path, t, true):
    """Of the neurons alive at time t, the share not active on exactly its class, where `true` is not 0."""
    active, goal = path.patterns(t) > 0, path.at(t).v[:, None] * true > 0
    living = active.any(axis=1)
    return ((active != goal)[:, true != 0].any(axis=1) & living).sum() / max(living.sum(), 1)


def last_event(path, t):
    """The time of the last event before time t, of all neurons."""
    before = path.events["t"][path.events["t"] <= t]
    return before.max(initial=0.0)


def followed_from(wrong, seed, scale=1e-6):
    """The full flow of samples of which this many have a wrong label."""
    data, _ = drawn(Violated("noise", wrong, seed))
    net = al.Network.balanced(WIDTH, DIM, scale, rng=seed)
    return al.gradient_flow(net, data, "exponential", END)


def ignored_for_ever(path, true):
    """Whether no neuron is active on a wrong label at the end, and the loss on all others is less than one.

    If all wrong labels are in one class, it stays so for ever: chapter 6.
    """
    wrong = path.data.y != true
    active = (path.patterns(path.t[-1]) > 0).any(axis=0)
    return bool(not active[wrong].any() and path.loss[-1] < wrong.sum() + 1)


def followed(point):
    """A row: alignment once the loss has halved and at the end, its time, how the loss falls, the rank."""
    data, true = drawn(point)
    scale = point.amount if point.kind == "scale" else 1e-6
    net = al.Network.balanced(WIDTH, DIM, scale, rng=point.seed)
    path = al.gradient_flow(net, data, "exponential", END)
    half = path.when(path.loss[0] / 2)
    loss = [float(path.loss_function.value(path.at(t)(data.x), data.y)) for t in (END / 10, END)]
    return {
        "mu": data.mu,
        "pairs": al.geometry.violating_share(data),
        "half": half,
        "wrong_half": wrong_share(path, half, true) if np.isfinite(half) else np.nan,
        "wrong_end": wrong_share(path, END, true),
        "last": last_event(path, half),
        "loss": loss[1],
        "fall": np.log10(loss[0] / loss[1]),
        "rank": al.measure.stable_rank(path.final),
        "ignored": (~(path.patterns(END) > 0).any(axis=0)).sum(),
    }


def flipped(point):
    """A row of label noise: who is aligned with the true labels, and what becomes of the samples."""
    data, true = drawn(Violated("noise", point.amount, point.seed))
    net = al.Network.balanced(WIDTH, DIM, 1e-6, rng=point.seed)
    path = al.gradient_flow(net, data, "exponential", END)
    early = al.early_flow(net, data, "exponential").final_patterns
    begun, f, wrong = path.when(0.9 * path.loss[0]), path.final(data.x), data.y != true
    seen = (path.patterns(END) > 0).any(axis=0)
    counts = {"ignored": ~seen, "fitted": seen & (f * data.y > 0), "misfit": seen & (f * data.y <= 0)}
    return {
        "loose": (~al.theory.trap(data, 1)).sum(),
        "early": (early == (net.v[:, None] * true > 0)).all(axis=1).mean(),
        "begun": begun,
        "wrong_begun": wrong_share(path, begun, true),
        "loss": path.loss[-1],
        "rank": al.measure.stable_rank(path.final),
        **{f"{name}_wrong": (these & wrong).sum() for name, these in counts.items()},
        **{f"{name}_right": (these & ~wrong).sum() for name, these in counts.items()},
    }


def grid():
    """All points."""
    return [Violated(k, a, s) for k, amounts in AMOUNTS.items() for a in amounts for s in range(SEEDS)]


if __name__ == "__main__":
    noise = [Flipped(amount, seed) for amount in FLIPPED for seed in range(SEEDS)]
    tables.main(__doc__, [("violated", followed, grid()), ("label_noise", flipped, noise)])
