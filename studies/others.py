"""Data and starts of experiments that others published, drawn anew from the settings that they state.

Seeds of PyTorch are theirs where they fix one; then the order of the draws is theirs too, and the numbers.
"""

import numpy as np
import torch

import alignlib as al


def relu(z):
    return np.maximum(z, 0)


def with_ones(x):
    """Inputs of one dimension beside a column of ones: the bias of the hidden layer is its weight."""
    return np.column_stack([x, np.ones(len(x))])


def five_points(width=50, power=-3, seed=12):
    """Wu, Simsek and Ged: five points on a line, all weights with deviation `width ** power`."""
    y = [0.28, -0.1, 0.03, 0.23, -0.22]
    data = al.Dataset(with_ones(np.array([-1, -0.6, -0.1, 0.3, 0.7])), y, "five points")
    torch.manual_seed(seed)
    w, v = torch.empty(width, 2).normal_(), torch.empty(1, width).normal_()[0]
    return data, al.Network(w.double(), v.double()).scaled(float(width) ** (2 * power))


def two_points():
    """Boursier, Pillaud-Vivien and Flammarion: two points on a line, orthogonal with their ones."""
    return al.Dataset(with_ones(np.array([-0.5, 2])), [-1, 1], "two orthogonal points")


def five_others():
    """Boursier, Pillaud-Vivien and Flammarion: five points on a line, which are not orthogonal."""
    y = [0.7, -0.3, -0.4, 0.4, 0.2]
    return al.Dataset(with_ones(np.array([-1.5, -1, 0, 0.25, 2])), y, "five other points")


def teacher(scale=1e-20, seed=4, n=75, dim=150, width=200, teachers=6):
    """Boursier, Pillaud-Vivien and Flammarion: labels of a small network; a start in float32, as theirs."""
    torch.manual_seed(seed)
    inner = torch.nn.Linear(dim, teachers, bias=False)
    inner.weight.data.normal_(std=(dim * teachers) ** -0.5)
    outer = torch.nn.Linear(teachers, 1, bias=False)
    outer.weight.data.normal_(std=teachers**-0.5)
    x = torch.randn(n, dim)
    y = outer(torch.relu(inner(x)))[:, 0].detach()
    hidden = torch.nn.Linear(dim, width, bias=False).weight.data.normal_(std=scale / (width * dim) ** 0.5)
    torch.nn.Linear(width, 1, bias=False)  # PyTorch draws here, too
    sign = 2 * torch.bernoulli(torch.full((width,), 0.5)) - 1
    v = sign * hidden.norm(dim=1).square().sqrt()
    return al.Dataset(x.double(), y.double(), "a teacher"), al.Network(hidden.double(), v.double())


def isotropic(n, dim, width, rng):
    """Dana, Bach and Pillaud-Vivien: isotropic samples and random labels; output weights that dominate.

    Their output is divided by the width, and their loss is half the mean square times the width: the
    network here is theirs with the width divided out, in the same time, under half the mean square.
    """
    rng = np.random.default_rng(rng)
    x = rng.normal(size=(n, dim))
    x *= rng.uniform(1, 2, (n, 1)) / np.linalg.norm(x, axis=1, keepdims=True)
    y = rng.uniform(1, 2, n) * rng.choice([-1, 1], n)
    w = rng.uniform(-1, 1, (width, dim)) / np.sqrt(dim)
    v = rng.choice([-1, 1], width) * (np.linalg.norm(w, axis=1) + rng.exponential(1, width))
    return al.Dataset(x, y, "isotropic"), al.Network(w, v).scaled(1 / width)


def steps_allowed(n, width, step=1.0):
    """How many steps they allow: one and a half times the time of their phase transition."""
    return int(1.5 * np.sqrt(n * width) * np.log(n * width) / (4 * step) + 1)


def clusters(rng, n=16, spread=0.005):
    """Tsoy and Konstantinov: four tight clusters on the axes, and at each one neuron of its own size."""
    near = np.random.default_rng(rng).normal(0, spread, (n, 2))
    near = near[(near**2).sum(axis=1) < (2 * spread) ** 2] + [1, 0]
    near = np.concatenate([near, near * [-1, 1]])
    near = np.concatenate([near, near * [1, -1]])
    data = al.Dataset(np.concatenate([near, near[:, ::-1]]), np.repeat([-1, 1], len(near)), "clusters")
    size = 1e-4 * np.array([1, 0.1, 0.001, 0.01])
    axes = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    return data, al.Network(size[:, None] * axes, size * [-1, 1, -1, 1])


def four_kinks(n=80):
    """Bai, Xu and Zhou: a function with four kinks, evenly sampled; they do not say how often."""
    x = np.linspace(-1, 1, n)
    y = -relu(x) + relu(2 * (x + 0.3)) - relu(1.5 * (x - 0.4)) + relu(0.5 * (x - 0.8))
    return al.Dataset(with_ones(x), y, "four kinks")


def carrying(net, degrees=5.0):
    """In how many directions the neurons point that carry at least a hundredth of the strongest."""
    size = al.measure.norms(net) * abs(net.v)
    return al.measure.distinct_directions(net.some(size > 0.01 * size.max()), degrees)


def crossing(path, size, times):
    """When each neuron reaches a norm, read from a path at `times` (log-linear between them)."""
    norms = np.array([al.measure.norms(net) for net in path.networks(times)])
    return np.array([np.interp(np.log(size), np.log(one), times) for one in norms.T])
