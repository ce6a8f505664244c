"""How far real and built data are from Assumption 1, and what it costs in the full flow; preprocessing.

    python -m studies.costs     about eight minutes on one core

Writes `costs.csv`: the early flow of 300 neurons beside the full flow of 50, at ε = 1e-6, for pairs of
classes and two kinds of built data; and `prepared.csv`: the early flow after each way of preparing the
samples. `measured(data)` makes a row for any data, such as `al.data.cifar10_files(folder, 0, 1)`.
"""

from dataclasses import dataclass

import numpy as np

import alignlib as al
from studies import class_sums, tables
from studies.class_sums import Pair

END = 500  # in the time of the mean loss: 500 / n in that of the sum
LEAST = 1e-2  # singular values below this share of the largest are noise, and not whitened


@dataclass(frozen=True)
class Prepared:
    """A pair of classes, and how its samples are prepared."""

    source: str
    a: int
    b: int
    how: str


def unit(x):
    return x / np.linalg.norm(x, axis=1)[:, None]


def xor(seed=0):
    """40 unit samples in ten dimensions: clusters around ±e_1 labelled +1, around ±e_2 labelled -1."""
    rng, k = np.random.default_rng(seed), np.arange(40)
    middle = np.where(k % 4 < 2, 1.0, -1.0)[:, None] * np.eye(10)[k % 2]
    x = unit(middle + 0.1 * rng.normal(size=(40, 10)))
    return al.Dataset(x, np.where(k % 2, -1.0, 1.0), "XOR-like clusters")


def orthogonal(seed=0):
    """40 random directions in 200 dimensions, nearly orthogonal."""
    x = np.random.default_rng(seed).normal(size=(40, 200))
    return al.Dataset(unit(x), np.where(np.arange(40) % 2, -1.0, 1.0), "nearly orthogonal")


def load(case):
    """The data of a row."""
    built = {"XOR": xor, "orthogonal": orthogonal}
    return built[case.source]() if case.source in built else class_sums.load(case)


def measured(data, width=300, trained=50):
    """A row for any data: the Gram matrix, the early flow, and the full flow at mean time 500."""
    end = END / data.n
    net = al.Network.balanced(trained, data.dim, 1e-6, rng=0)
    path = al.gradient_flow(net, data, "exponential", end, t_save=[end])
    return class_sums.described(data, width, 0) | {
        "right_by": right_by(net, data),
        "loss": path.loss[-1] / data.n,
        "rank": al.measure.stable_rank(path.final),
        "errors": (path.outputs[-1] * data.y <= 0).mean(),
    }


def right_by(net, data):
    """The median time (mean loss) from which on neurons are right on all held samples; inf if never."""
    path, since = al.early_flow(net, data, "exponential"), np.zeros(net.width)
    for sign in (1, -1):
        held, ours = al.theory.trap(data, sign), net.v * sign > 0
        wrong = (path.final_patterns != (data.y == sign))[:, held].any(axis=1) | ~held.any()
        events = path.events[held[path.events["sample"]] & ours[path.events["neuron"]]]
        np.maximum.at(since, events["neuron"], events["t"])
        since[ours & wrong] = np.inf
    return data.n * np.median(since)


def cost(case):
    """A row of the first table."""
    return measured(load(case))


def raw(pair):
    """Samples as the source has them, and labels 1 and -1."""
    if pair.source == "MNIST":
        images, label = al.data._mnist()
    else:
        from sklearn import datasets

        images, label = getattr(datasets, f"load_{pair.source}")(return_X_y=True)
    both = (label == pair.a) | (label == pair.b)
    return np.asarray(images[both], float), np.where(label[both] == pair.a, 1.0, -1.0)


def whitened(x):
    """Centred samples whose covariance is a multiple of the identity."""
    u, size, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return u[:, size > LEAST * size[0]]


HOW = {
    "none": lambda x: x,
    "normalised": unit,
    "centred": lambda x: x - x.mean(axis=0),
    "centred, normalised": lambda x: unit(x - x.mean(axis=0)),
    "whitened": whitened,
    "whitened, normalised": lambda x: unit(whitened(x)),
}


def prepared(case):
    """A row of the early flow; all samples are divided by one number, so that their mean square is one."""
    x, y = raw(case)
    x = HOW[case.how](x)
    return class_sums.described(al.Dataset(x / np.sqrt((x**2).sum(axis=1).mean()), y), 100, 0)


def cases():
    """The rows of the first table."""
    return [
        Pair("MNIST", 0, 1),
        Pair("MNIST", 3, 8),
        Pair("MNIST", 5, 8),
        Pair("digits", 0, 1),
        Pair("digits", 3, 8),
        Pair("breast_cancer", 1, 0),
        Pair("wine", 0, 1),
        Pair("XOR", 0, 1),
        Pair("orthogonal", 0, 1),
    ]


def ways():
    """The rows of the second."""
    pairs = [("MNIST", 0, 1), ("MNIST", 3, 8), ("digits", 0, 1), ("digits", 3, 8), ("breast_cancer", 1, 0)]
    return [Prepared(*pair, how) for pair in pairs for how in HOW]


if __name__ == "__main__":
    tables.main(__doc__, [("costs", cost, cases()), ("prepared", prepared, ways())])
