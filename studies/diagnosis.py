"""What `al.diagnose` finds where a fault was planted and where none was, and what the trade-offs cost.

    python -m studies.diagnosis     some minutes on one core

Writes `diagnosis_faults.csv`: every fault of `planted`, ten seeds each, with the findings and whether the
advice, carried out, has worked; `diagnosis_healthy.csv`: 200 healthy runs; `diagnosis_width.csv`,
`diagnosis_scale.csv` and `diagnosis_bias.csv`: a trade-off each; `diagnosis_taught.csv`: forty plateaus of
small networks, and whether what was foretold of them came; `diagnosis_inputs.csv`: four real data
sets, prepared in four ways.
"""

from dataclasses import dataclass

import numpy as np

import alignlib as al
from studies import planted, tables

SEEDS = 10
FRESH = range(100, 140)  # of learners; the limits of the rules were chosen by looking at the first thirty
WIDTHS = (2, 3, 4, 5, 6, 8)
SCALES = tuple(10.0**-k for k in range(13))
BIASES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5)
SOURCES = ("MNIST 0/1", "digits 3/8", "breast cancer", "wine")
WAYS = ("raw", "normalised", "centred", "centred, normalised")


@dataclass(frozen=True)
class Planted:
    """A fault and a seed."""

    fault: str
    seed: int


@dataclass(frozen=True)
class Healthy:
    """The seed of a healthy run."""

    seed: int


@dataclass(frozen=True)
class Taught:
    """The seed of a teacher, its samples and a small network."""

    seed: int


@dataclass(frozen=True)
class Width:
    """A width, and the seed of its first start."""

    width: int
    seed: int


@dataclass(frozen=True)
class Scale:
    """A scale of the start and a seed."""

    scale: float
    seed: int


@dataclass(frozen=True)
class Bias:
    """The size of a constant input and a seed."""

    bias: float
    seed: int


@dataclass(frozen=True)
class Inputs:
    """A source of data and what is done to it."""

    source: str
    way: str


def fault(point):
    """Findings, separated by blanks, and whether the advice worked."""
    kind = planted.FAULTS[point.fault]
    path = kind.plant(point.seed)
    found = al.diagnose(path)
    advice = planted.advised(found, kind.finding)
    return {
        "expected": kind.finding,
        "findings": " ".join(one.key for one in found.findings),
        "advice": advice.change if advice else "",
        "worked": advice is not None and kind.cure(path, advice),
    }


def well(point):
    """The findings on a healthy run, none if all is well."""
    path = planted.healthy(point.seed)
    found = al.diagnose(path)
    return {
        "loss": path.loss_function.name,
        "learned": planted.learned(path),
        "fidelity": found.fidelity,
        "findings": " ".join(one.key for one in found.findings),
    }


def three():
    """The three samples of the book."""
    return al.data.toy_2d(n=3)


def width(point, draws=20):
    """Of 20 starts of this width, how many the full flow leaves without a class, or without a fit."""
    data = three()
    rng = np.random.default_rng(point.seed)
    empty = failed = 0
    for _ in range(draws):
        net = al.Network.balanced(point.width, 2, 1e-4, rng)
        path = al.gradient_flow(net, data, "exponential", 60.0)
        empty += len(al.diagnosis.missing(path)) > 0
        failed += path.loss[-1] > 0.5
    ahead = al.diagnosis.outlook(net, data, "exponential")
    return {"starts": draws, "empty": empty, "failed": failed, "chance": ahead.chance_empty}


def scale(point):
    """When neurons align, when the loss moves, and when it is at a tenth."""
    data = three()
    net = al.Network.balanced(50, 2, point.scale, point.seed)
    path = al.gradient_flow(net, data, "exponential", 120.0)
    ahead = al.diagnosis.outlook(net, data, "exponential", 1)
    return {
        "aligned": path.alignment_time,
        "moved": path.when(0.99 * path.loss[0]),
        "tenth": path.when(0.3),
        "early": ahead.alignment_time,
        "foretold": ahead.fit_time,
        "rate": ahead.d_max,
    }


def with_bias(data, size):
    """The samples with one more input of this size."""
    return al.Dataset(np.column_stack([data.x, np.full(data.n, size)]), data.y) if size else data


def bias(point):
    """What a constant input does to Assumption 1, to the trap, and to alignment."""
    plain = planted.separated(point.seed)
    data = with_bias(plain, point.bias)
    net = al.Network.balanced(50, data.dim, 1e-6, point.seed)
    early = al.early_flow(net, data, "exponential")
    across = data.y[:, None] != data.y
    return {
        "mu": data.mu,
        "across": float(plain.correlations[across].min()),
        "violating": al.geometry.violating_share(data),
        "loose": np.mean([(~al.theory.trap(data, s)).mean() for s in (1, -1)]),
        "aligned": np.isfinite(early.alignment_times).mean(),
    }


def learner(seed):
    """Six small unbalanced neurons; sixty Gaussian samples with a bias, labels of four random neurons."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.standard_normal((60, 4)), np.ones(60)])
    teacher = al.Network(rng.standard_normal((4, 5)), rng.standard_normal(4))
    return al.Network.unbalanced(6, 5, 1e-2, rng=rng), al.Dataset(x, teacher(x))


def taught(point):
    """When a tenth of the loss should be gone, by waiting and with one neuron more, and when it was.

    Looked for until twice that date; inf if it had not come, nan where nothing was foretold.
    """
    net, data = learner(point.seed)
    path = al.gradient_flow(net, data, "squared", 200.0)
    found, result = al.diagnose(path), {}
    for key in ("waiting", "unused"):
        advice = planted.advised(found, key)
        end = np.nan if advice is None else advice.use["t_end"] - path.t[-1] * (key == "waiting")
        result[key], result[f"{key}_came"] = end / 2, np.nan
        if advice:
            begin = advice.use.get("net", path.final)
            again = al.gradient_flow(begin, data, "squared", end)
            result[f"{key}_came"] = again.when(0.9 * path.loss[-1])
    return result


def source(name):
    """Raw inputs and labels."""
    if name == "MNIST 0/1":
        images, label = al.data._mnist()
        keep = label < 2
        return images[keep].astype(float), np.where(label[keep] == 0, 1.0, -1.0)
    from sklearn import datasets

    if name == "digits 3/8":
        x, label = datasets.load_digits(return_X_y=True)
        keep = (label == 3) | (label == 8)
        return x[keep], np.where(label[keep] == 3, 1.0, -1.0)
    x, label = getattr(datasets, f"load_{name.replace(' ', '_')}")(return_X_y=True)
    keep = label < 2
    x = x[keep] / x[keep].std(axis=0)  # in units of their own; still far from centred
    return x, np.where(label[keep] == 1, 1.0, -1.0)


def prepared(x, y, way):
    """The inputs as they are, with length one, centred, or both."""
    x = x - x.mean(axis=0) if way.startswith("centred") else x
    size = np.linalg.norm(x, axis=1)
    return al.Dataset(x / size[:, None] if way.endswith("normalised") else x / size.max(), y)


def inputs(point):
    """Share of violating pairs, of loose samples, and of neurons that end at their goal."""
    data = prepared(*source(point.source), point.way)
    net = al.Network.balanced(100, data.dim, 1e-6, 0)
    early = al.early_flow(net, data, "exponential")
    return {
        "violating": al.geometry.violating_share(data),
        "loose": np.mean([(~al.theory.trap(data, s)).mean() for s in (1, -1)]),
        "right": (early.final_patterns == (data.y * np.sign(net.v)[:, None] > 0)).mean(),
    }


SWEEPS = [
    ("diagnosis_faults", fault, [Planted(name, seed) for name in planted.FAULTS for seed in range(SEEDS)]),
    ("diagnosis_healthy", well, [Healthy(seed) for seed in range(200)]),
    ("diagnosis_taught", taught, [Taught(seed) for seed in FRESH]),
    ("diagnosis_width", width, [Width(h, seed) for h in WIDTHS for seed in range(10)]),
    ("diagnosis_scale", scale, [Scale(one, seed) for one in SCALES for seed in range(5)]),
    ("diagnosis_bias", bias, [Bias(one, seed) for one in BIASES for seed in range(20)]),
    ("diagnosis_inputs", inputs, [Inputs(name, way) for name in SOURCES for way in WAYS]),
]

if __name__ == "__main__":
    tables.main(__doc__, SWEEPS)
