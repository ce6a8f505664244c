"""MNIST 0/1 by the flow, by descent, in mini-batches, with momentum and weight decay, and by Adam.

    python -m studies.optimisers     about three minutes on one core

Writes `optimisers.csv`: 50 balanced neurons, the summed exponential loss, seen at two moments: when the
loss has moved by 1 %, and when it is down to a tenth. Pixels that are blank in all images are left out.
"""

from dataclasses import asdict, dataclass, replace
from functools import cache

import numpy as np
import torch

import alignlib as al
from studies import tables

WIDTH, SEEDS = 50, 3
MOMENTS = {"early": 0.99, "late": 0.1}  # shares of the loss of the zero network


@dataclass(frozen=True)
class Run:
    """A rule, its settings, the scale of the start and its seed; batches are of `batch` samples."""

    rule: str
    step: float
    momentum: float = 0.0
    decay: float = 0.0
    batch: int = 1000
    scale: float = 1e-6
    seed: int = 0


@cache
def zeros_and_ones():
    data = al.data.mnist_pair(0, 1)
    return al.Dataset(data.x[:, data.x.any(axis=0)], data.y, data.name)


def start(run):
    return al.Network.balanced(WIDTH, zeros_and_ones().dim, run.scale, rng=run.seed)


def optimiser(run, weights):
    """The rule as PyTorch has it."""
    if run.rule == "Adam":
        return torch.optim.Adam(weights, run.step)
    return torch.optim.SGD(weights, run.step, run.momentum, weight_decay=run.decay)


def batches(run, n):
    """The samples of every step, for ever."""
    rng = np.random.default_rng(run.seed)
    while run.batch == n:
        yield slice(None)
    while True:
        order = rng.permutation(n)
        yield from (torch.tensor(order[first : first + run.batch]) for first in range(0, n, run.batch))


def stepped(run):
    """Weights and loss before each step of the training by PyTorch."""
    data, net = zeros_and_ones(), start(run)
    x, y, w, v = (torch.tensor(one) for one in (data.x, data.y, net.w, net.v))
    rule = optimiser(run, [w, v])
    for rows in batches(run, data.n):
        z = torch.relu(x @ w.T)
        g = y * torch.exp(-y * (z @ v))
        yield al.Network(w.numpy(), v.numpy()), g.abs().sum().item()
        z, g = z[rows], g[rows]
        w.grad, v.grad = -v[:, None] * (((z > 0) * g[:, None]).T @ x[rows]), -(g @ z)
        rule.step()


def moments(run):
    """For each moment the network, the number of steps, and the time: that of the flow, `η k` for Adam."""
    levels, n = dict(MOMENTS), zeros_and_ones().n
    clock = run.step * (1 if run.rule == "Adam" else run.batch / n / (1 - run.momentum))
    for k, (net, loss) in enumerate(stepped(run)):
        while levels and loss <= n * next(iter(levels.values())):
            name = next(iter(levels))
            del levels[name]
            yield name, net, k, clock * k
        if not levels:
            return


def flowed(run):
    """The same of gradient flow."""
    data, net = zeros_and_ones(), start(run)
    path = al.gradient_flow(net, data, "exponential", 0.1)
    for name, share in MOMENTS.items():
        time = path.when(share * data.n)
        yield name, path.at(time), 0, time


def seen(net, begin):
    """Where the neurons are: angles in degrees to the sum of their class and to its signs, and the rest."""
    data = zeros_and_ones()
    sign = np.sign(net.v)
    sums = np.stack([data.y[data.y == s] @ data.x[data.y == s] for s in (-1, 1)])
    goal = sign[:, None] * sums[(sign > 0).astype(int)]
    right = ((net.w @ data.x.T > 0) == (sign[:, None] * data.y > 0)).mean(axis=1)
    angles = {name: angle(net.w, to) for name, to in (("sum", goal), ("signs", np.sign(goal)))}
    return {
        "angle": angles["sum"].max(),
        "typical": np.median(angles["sum"]),
        "signs": np.median(angles["signs"]),
        "astray": (angles["sum"] > 90).sum(),
        "right": right.min(),
        "turned": (net.v * begin.v < 0).sum(),
        "imbalance": np.median(net.minkowski() / net.v**2),
        "rank": al.measure.stable_rank(net),
    }


def angle(a, b):
    """Angles of rows, in degrees."""
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def trained(run):
    """A row of the table."""
    row, begin = {}, start(run)
    for name, net, k, time in (flowed if run.rule == "flow" else moments)(run):
        found = {"steps": k, "time": time} | seen(net, begin)
        row |= {f"{key}_{name}": value for key, value in found.items()}
    return row


KINDS = {
    "flow": Run("flow", 0.0),
    "step 0.002": Run("SGD", 2e-3),
    "momentum 0.9": Run("SGD", 2e-5, momentum=0.9),
    "batches of 100": Run("SGD", 4e-3, batch=100),
    "weight decay 1": Run("SGD", 2e-3, decay=1.0),
    "Adam 0.001": Run("Adam", 1e-3),
    "Adam 0.0001": Run("Adam", 1e-4),
    "Adam 0.001, batches of 100": Run("Adam", 1e-3, batch=100),
    "Adam 0.001, scale 0.0001": Run("Adam", 1e-3, scale=1e-4),
}


def grid():
    """All runs, three seeds each."""
    return [replace(run, seed=seed) for run in KINDS.values() for seed in range(SEEDS)]


def of(table, run):
    """The rows of a run, of all seeds."""
    same = [table[name] == value for name, value in asdict(run).items() if name != "seed"]
    return table[np.logical_and.reduce(same)]


if __name__ == "__main__":
    tables.main(__doc__, [("optimisers", trained, grid())])
