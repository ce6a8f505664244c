"""Runs with one planted fault, healthy runs, and advice carried out: what a diagnosis is tried on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import alignlib as al
from alignlib.diagnosis import Advice, Diagnosis
from alignlib.diagnosis.start import MOVED, moves
from alignlib.trajectory import Trajectory

FIT = 0.1  # share of the loss of the zero network up to which a run has learned


@dataclass(frozen=True)
class Fault:
    """A way to spoil a run, the finding that it should lead to, and whether the advice has worked."""

    plant: Callable[[int], Trajectory]
    finding: str
    cure: Callable[[Trajectory, Advice], bool]


def separated(seed, n=20, dim=5, mu=0.3):
    """Data on which nothing is wrong."""
    return al.data.separated(n, dim, mu, rng=seed)


def flow(data, net, t_end=20.0, loss="exponential"):
    return al.gradient_flow(net, data, loss, t_end)


def again(path, **changed):
    """The same run from another start, or on other data."""
    net, data = changed.get("net", path.start), changed.get("data", path.data)
    return al.gradient_flow(net, data, path.loss_function, changed.get("t_end", path.t[-1]))


def learned(path):
    """Whether the loss has come down to 10 % of that of the zero network."""
    return bool(path.loss[-1] <= FIT * path.loss_function.value(0 * path.data.y, path.data.y))


def first(path):
    """Whether all neurons were aligned before the loss moved by 1 %."""
    return bool(path.alignment_time < path.when(0.99 * path.loss[0]))


def spurious(seed):
    """Three points in BF's boxes: aligned neurons cannot fit them."""
    data = al.data.assumption_3(0.1, rng=seed)
    return flow(data, al.Network.balanced(20, 2, 1e-3, rng=seed), 100.0, "squared")


def added(path, advice):
    """Whether the added neuron brings the loss down by a tenth, at most twice as late as predicted."""
    longer = again(path, **advice.use)
    return bool(longer.loss[-1] <= 0.9 * path.loss[-1])


def early_stop(seed):
    """BF's three points from an unbalanced start, stopped while the stragglers are still small."""
    return flow(al.data.three_points(), al.Network.unbalanced(200, 2, 1e-3, rng=seed), 90.0, "squared")


def escaping(seed):
    """The first such start, of seeds a hundred apart, that the flow fits if it is not stopped."""
    for rng in range(seed, seed + 1000, 100):
        path = early_stop(rng)
        if again(path, t_end=400.0).loss[-1] < 1e-3:
            return path
    raise ValueError(f"`seed` {seed} has no such start")


def waited(path, advice):
    return bool(again(path, t_end=advice.use["t_end"]).loss[-1] <= 0.9 * path.loss[-1])


SMALL = 0.05  # size of the small input beside the bias


def small_input(seed, size=SMALL):
    """A line over one small input and a bias: its level is soon learned, its slope, 5 % of it, is not."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(-1, 1, 20)
    data = al.Dataset(np.column_stack([size * at, np.ones(20)]), 1 + 0.05 * at)
    return flow(data, al.Network.balanced(50, 2, 1e-3, rng=seed), 12.0, "squared")


def fallen(path, advice):
    """Whether what is above the limit has fallen tenfold by the date, and not yet by half of it."""
    until, limit = advice.use["t_end"], al.theory.certify_stuck(path, path.t[-1]).limit
    longer = again(path, t_end=until)
    half = longer.loss_function.value(longer.outputs_at([until / 2])[0], path.data.y)
    most = 0.1 * (path.loss[-1] - limit)
    return bool(longer.loss[-1] - limit <= most < half - limit)


def dead(seed):
    """A bias of the hidden layer far below zero: every neuron is off on every sample."""
    data = separated(seed)
    data = al.Dataset(np.column_stack([data.x, np.full(20, 0.3)]), data.y)
    net = al.Network.balanced(30, 6, 1e-4, rng=seed)
    w = np.column_stack([net.w[:, :5], -10 * np.linalg.norm(net.w, axis=1)])
    return flow(data, al.Network(w, np.sign(net.v) * np.linalg.norm(w, axis=1)))


def stragglers(seed):
    """Independent weights, at a scale at which they come late, and those of the balanced start do not."""
    data, least = al.data.toy_2d(), 1.3
    for rng in range(100 * seed, 100 * seed + 100):
        net = al.Network.unbalanced(60, 2, 1.0, rng)
        level = al.Network(net.w, np.sign(net.v) * np.linalg.norm(net.w, axis=1))
        late, soon = (al.early_flow(one, data, "exponential").alignment_times.max() for one in (net, level))
        if late > least**2 * soon:
            break
    early, factor = al.early_flow(net, data, "exponential"), 1.0
    while moves(early, data.y, MOVED * data.n / factor) < least * soon:
        factor /= 2
    return flow(data, net.scaled(factor))


def one_sided(seed):
    """Three neurons with output weights of one sign."""
    net = al.Network.balanced(3, 5, 1e-5, rng=seed)
    return flow(separated(seed), al.Network(net.w, np.abs(net.v) * (-1) ** seed))


def widened(path, advice):
    net = al.Network.balanced(advice.use["width"], path.data.dim, 1e-5, rng=int(1e6))
    return learned(again(path, net=net))


def narrow(seed):
    """Three neurons, not all of one sign: this time it went well."""
    net = al.Network.balanced(3, 5, 1e-5, rng=seed)
    return flow(separated(seed), al.Network(net.w, np.abs(net.v) * [1, -1, 1]))


def likely(path, advice, draws=400):
    """Whether of 400 starts of the advised width no more miss a side than 1 % makes (chance 1e-3)."""
    net = al.Network.balanced(draws * advice.use["width"], path.data.dim, 1e-5, rng=0)
    early = al.early_flow(net, path.data, path.loss_function)
    alive = early.final_patterns.any(axis=1)
    sides = [(alive & (s * net.v > 0)).reshape(draws, -1).any(axis=1) for s in (1, -1)]
    return bool((~np.logical_and(*sides)).sum() <= 13)


def large(seed):
    """A start as large as the labels."""
    return flow(separated(seed), al.Network.balanced(30, 5, 1.0, rng=seed))


def smaller(path, advice):
    return first(again(path, net=advice.use["net"]))


def bias(seed):
    """A column of ones beside unit samples."""
    data = separated(seed)
    data = al.Dataset(np.column_stack([data.x, np.ones(20)]), data.y)
    return flow(data, al.Network.balanced(30, 6, 1e-5, rng=seed))


def mean(seed):
    """All samples moved by 1.5 in one direction, as pixels are before they are centred."""
    data = separated(seed)
    data = al.Dataset(data.x + 1.5 * np.eye(5)[seed % 5], data.y)
    return flow(data, al.Network.balanced(30, 5, 1e-5, rng=seed))


def reworked(path, advice):
    data = advice.use["data"]
    net = al.Network.balanced(30, data.dim, 1e-5, rng=0)
    return bool(data.mu > 0 and first(again(path, net=net, data=data)))


def flipped(seed, count):
    """Forty separated samples with so many labels flipped, and which."""
    data = separated(seed, 40, 10, 0.1)
    wrong = np.random.default_rng(seed).permutation(40) < count
    return al.Dataset(data.x, np.where(wrong, -data.y, data.y)), wrong


def labels(seed):
    """Four labels of forty flipped."""
    return flow(flipped(seed, 4)[0], al.Network.balanced(30, 10, 1e-6, rng=seed), 5.0)


def relabelled(path, advice):
    """Whether exactly the flipped labels were named: then the data obey Assumption 1 again."""
    data = advice.use["data"]
    flipped = (data.y != path.data.y).sum() == 4
    return bool(flipped and data.mu > 0 and first(again(path, data=data)))


def long_steps(seed):
    """Descent with steps a third as long as the first pull allows."""
    data = separated(seed)
    step = 1 / 3 / np.linalg.norm(data.y @ data.x)
    net = al.Network.balanced(30, 5, 1e-4, rng=seed)
    return al.gradient_descent(net, data, "exponential", step, int(1.5 / step))


def shorter(path, advice):
    step = advice.use["step"]
    path = al.gradient_descent(path.start, path.data, path.loss_function, step, int(path.t[-1] / step))
    return al.diagnose(path).fidelity <= 0.05


FAULTS = {
    "spurious point": Fault(spurious, "unused", added),
    "stopped early": Fault(escaping, "waiting", waited),
    "small input": Fault(small_input, "slow", fallen),
    "dead": Fault(dead, "dead", lambda path, advice: learned(again(path, **advice.use))),
    "stragglers": Fault(stragglers, "stragglers", smaller),
    "empty class": Fault(one_sided, "empty", widened),
    "too few neurons": Fault(narrow, "narrow", likely),
    "scale too large": Fault(large, "overtaken", smaller),
    "bias": Fault(bias, "separation", reworked),
    "mean": Fault(mean, "separation", reworked),
    "wrong labels": Fault(labels, "separation", relabelled),
    "steps too long": Fault(long_steps, "step", shorter),
}


def advised(found: Diagnosis, key: str) -> Advice | None:
    """The advice for a finding."""
    return next((one for one in found.advice if one.evidence == key), None)


def healthy(seed: int) -> Trajectory:
    """A run on which nothing is wrong: Assumption 1, a small balanced or dominated start, enough width.

    Size, separation, loss, start and way of following are drawn. The loss falls as it should: a run that
    has not learned would be no healthy one.
    """
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 30))
    loss = ("exponential", "logistic", "squared")[seed % 3]
    dim = n if loss == "squared" else int(rng.integers(2, 20))  # with n inputs the squares can vanish
    data = al.data.separated(n, dim, rng.uniform(0.1, 0.5), rng)
    law = (al.Network.balanced, al.Network.dominated)[int(rng.integers(2))]
    net = law(int(rng.integers(30, 80)), dim, 1e-7, rng)
    t_end = {"exponential": 20.0, "logistic": 60.0, "squared": 12.0 * n}[loss]
    if seed % 4:
        return al.gradient_flow(net, data, loss, t_end)
    size = {"exponential": 1, "logistic": 2, "squared": n / 2}[loss]
    step = 0.02 * size / np.linalg.norm(data.y @ data.x)
    return al.gradient_descent(net, data, loss, step, min(int(t_end / step), 4000))
