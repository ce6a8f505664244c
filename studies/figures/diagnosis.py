"""Figures of chapter 8: ways out, cures, faults against findings, and what the trade-offs cost."""

import matplotlib.pyplot as plt
import numpy as np

import alignlib as al
from alignlib.diagnosis import start
from studies import planted

KEYS = (
    "stuck",
    "unused",
    "waiting",
    "slow",
    "dead",
    "stragglers",
    "empty",
    "narrow",
    "overtaken",
    "separation",
    "step",
)
SIZES = tuple(10.0**-k for k in range(1, 8))


def picture(found):
    """The loss of a run, its plateaus, and what is known about them."""
    fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
    al.plots.diagnosis(found, ax)
    ax.set(ylim=(0, None))
    return fig


def cure(run, cured):
    """What the network computes before and after, over the data."""
    fig, axes = plt.subplots(2, 1, figsize=(5, 4.6), layout="constrained", sharex=True)
    for ax, path, word in zip(axes, (run, cured), ("stuck", "with one more neuron")):
        al.plots.fitted(path.final, path.data, ax)
        ax.text(0.5, 0.06, word, transform=ax.transAxes, ha="center")
        ax.set(xlabel="")
    axes[1].set(xlabel="input $x$")
    return fig


def ways(found):
    """The ways out as rows: what sees them, how fast, who is there."""
    rows = [
        (f"{way.sign:+d}", f"{way.pattern.sum()} of {len(way.pattern)}", way.rate, len(way.neurons))
        for way in found.ways_out
    ]
    return al.Table(["sign of v", "active on", "rate", "neurons on the way"], rows, digits=2)


def one_more(net, data, way, sizes=SIZES, t_end=700.0):
    """Runs with one more neuron of these sizes, and when a tenth of the loss was foretold to be gone."""
    drop = 0.1 * al.loss.get("squared").value(net(data.x), data.y)
    result = {}
    for size in sizes:
        one = way.neuron(size)
        grown = al.Network(np.vstack([net.w, one.w]), np.append(net.v, one.v))
        foretold = np.log(1 + drop / (way.rate * size**2)) / (2 * way.rate)
        result[size] = al.gradient_flow(grown, data, "squared", t_end), float(foretold)
    return result


def escape(figure, runs, size):
    """The loss with one more neuron of this size, and when it was foretold to have fallen by a tenth."""
    path, foretold = runs[size]
    ax = figure.add_subplot()
    times = np.linspace(0, path.t[-1], 400)
    loss = [path.loss_function.value(f, path.data.y) for f in path.outputs_at(times)]
    ax.plot(times, loss, color="black")
    ax.axvline(foretold, color=al.plots.POSITIVE, ls="--")
    ax.axhline(0.9 * path.loss[0], color="0.7", lw=1)
    ax.text(foretold, 0.002, " foretold", color=al.plots.POSITIVE)
    ax.set(xlabel="time since the neuron was added", ylabel="loss", ylim=(0, 1.1 * path.loss[0]))


def confusion(faults, healthy):
    """Findings against planted faults, in shares of the seeds; and how often the advice has worked."""
    names = [*planted.FAULTS, "nothing"]
    found = np.zeros((len(names), len(KEYS)))
    for i, name in enumerate(names):
        rows = healthy if name == "nothing" else faults[faults.fault == name]
        words = rows.findings.fillna("").str.split()
        found[i] = [np.mean([key in each for each in words]) for key in KEYS]
    fig, ax = plt.subplots(figsize=(5, 4.8), layout="constrained")
    ax.imshow(found, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for i, name in enumerate(names[:-1]):
        rows = faults[faults.fault == name]
        key = KEYS.index(planted.FAULTS[name].finding)
        ax.text(key, i, str(rows.worked.sum()), ha="center", va="center", fontsize=10)
    ax.set_xticks(range(len(KEYS)), KEYS, rotation=60, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="found", ylabel="planted")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return fig


def widths(table):
    """The chance that a class stays empty: computed, and counted in the full flow."""
    sums = table.groupby("width")[["starts", "empty", "failed"]].sum()
    h = np.array(sums.index)
    fig, ax = plt.subplots(figsize=(5, 3.0), layout="constrained")
    ax.plot(h, 2.0 ** (1 - h), color="black", label="computed, $2^{1-h}$")
    share = sums["empty"] / sums.starts
    error = np.sqrt(share * (1 - share) / sums.starts)
    ax.errorbar(h, share, 2 * error, fmt="o", color=al.plots.POSITIVE, label="counted")
    ax.axhline(1 - start.SURE, color="0.6", ls=":", lw=1)
    ax.set(xlabel="width $h$", ylabel="share of starts", yscale="symlog", ylim=(0, 1))
    ax.set_yscale("symlog", linthresh=1e-2)
    ax.legend()
    return fig


def scales(table):
    """When neurons are aligned, when the loss moves, when it is down to a tenth, over the scale."""
    middle = table.groupby("scale").median(numeric_only=True)
    fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
    ax.plot(middle.index, middle.tenth, "^-", color="black", label="loss down to a tenth")
    ax.plot(middle.index, middle.moved, "s--", color=al.plots.NEGATIVE, label="loss moves by 1 %")
    done = np.where(np.isfinite(middle.aligned), middle.aligned, np.nan)
    ax.plot(middle.index, done, "o-", color=al.plots.POSITIVE, label="neurons aligned")
    ax.set(xscale="log", xlabel="scale of the start $\\varepsilon$", ylabel="time", ylim=(0, None))
    ax.invert_xaxis()
    ax.legend()
    return fig


def biases(table):
    """How many data sets keep Assumption 1, and how many neurons align, over the size of the bias input."""
    kept = table.assign(kept=table.mu > 0, law=table.bias**2 < table.across)
    middle = kept.groupby("bias").mean(numeric_only=True)
    fig, ax = plt.subplots(figsize=(5, 3.0), layout="constrained")
    ax.plot(middle.index, 100 * middle.aligned, "o-", color=al.plots.POSITIVE, label="neurons aligned")
    ax.plot(middle.index, 100 * middle.kept, "s--", color="black", label="data sets with Assumption 1")
    ax.plot(middle.index, 100 * middle.loose, "^:", color=al.plots.NEGATIVE, label="loose samples")
    ax.set(xlabel="size of the constant input $b$", ylabel="share (%)")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def said(runs):
    """The sentence that an explorer says of a size."""

    def sentence(size):
        path, foretold = runs[size]
        when = path.when(0.9 * path.loss[0])
        return f"Size {size:g}: a tenth of the loss is gone at {when:.0f}, foretold at {foretold:.0f}."

    return sentence
