"""Figures and tables of chapter 6: three samples, 45 pairs, label noise, and what a violation costs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import alignlib as al

# The pairs that are named, and where their names stand from the dot, in points.
NAMED = {(0, 1): (8, -3), (3, 8): (-24, -3)}


def points(angles, labels):
    """Unit samples in the plane at these angles, in degrees."""
    angle = np.radians(angles)
    return al.Dataset(np.stack([np.cos(angle), np.sin(angle)], axis=1), labels)


def word(pattern, sliding=None):
    """A pattern as a word: 1 active, 0 not, s slid on."""
    tight = np.zeros(len(pattern), bool) if sliding is None else sliding
    return "".join("s" if t else "01"[int(p)] for p, t in zip(pattern, tight))


def ends(data, sign=1, slope=0.0):
    """Where the neurons of this sign end, of a thousand: pattern and share, the largest first."""
    drawn = al.Network.balanced(1000, 2, 1e-6, rng=0)
    ours = drawn.some(drawn.v * sign > 0)
    path = al.early_flow(al.Network(ours.w, ours.v, slope), data, "exponential")
    words = [word(*both) for both in zip(path.final_patterns, path.sliding)]
    found, count = np.unique(words, return_counts=True)
    return [(found[i], count[i] / len(words)) for i in np.argsort(-count)]


def pairs(table):
    """Pairs that violate Assumption 1 against loose samples; hollow: all are loose."""
    loose = (table.loose_plus + table.loose_minus) / 2 / table.n
    right = _right(table)
    fig, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
    said = loose < 1
    ax.scatter(100 * table.pairs[~said], 100 * loose[~said], c="white", s=34, ec="black")
    x, y, colour = (100 * one[said] for one in (table.pairs, loose, right))
    dots = ax.scatter(x, y, c=colour, cmap="viridis", s=34, ec="black", lw=0.5)
    for a, b, x, y in zip(table.a, table.b, 100 * table.pairs, 100 * loose):
        if (a, b) in NAMED:
            ax.annotate(f"{a}/{b}", (x, y), NAMED[a, b], textcoords="offset points", fontsize=10)
    ax.text(37, 98, "5/8, 3/5, 7/9, 4/9", va="center", ha="right", fontsize=10)
    ax.set(
        xlabel="pairs of samples that violate Assumption 1 (%)",
        ylabel="loose samples (%)",
        yscale="log",
        ylim=(0.8, 150),
    )
    ax.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    fig.colorbar(dots, label="neurons right on all the others (%)")
    return fig


def _right(one):
    """The share of neurons right off the loose samples; of a row, or of every row of a table.

    The dead are not right. A sign for which all samples are loose has no say: masked if neither has one.
    """
    shares = [
        np.where(np.less(loose, one.n), np.nan_to_num(right) * (1 - dead), np.nan)
        for right, dead, loose in (
            (one.right_plus, one.dead_plus, one.loose_plus),
            (one.right_minus, one.dead_minus, one.loose_minus),
        )
    ]
    return np.ma.masked_invalid(shares).mean(axis=0)


def noise(table):
    """Label noise: samples that are loose, and neurons that are right on all the others."""
    middle = table.assign(right=_right(table).filled(np.nan)).groupby("amount").mean(numeric_only=True)
    fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
    amount = 100 * middle.index
    loose = 100 * (middle.loose_plus + middle.loose_minus) / 2 / middle.n
    ax.plot(amount, 100 * middle.right, "o-", color=al.plots.POSITIVE)
    ax.plot(amount, loose, "s--", color=al.plots.NEGATIVE)
    ax.text(1, 90, "neurons right on all other samples", color=al.plots.POSITIVE)
    ax.text(1, 30, "loose samples", color=al.plots.NEGATIVE)
    ax.plot([0, 30], [0, 30], ":", color="0.5")
    ax.set(xlabel="flipped labels (%)", ylabel="share (%)", ylim=(-3, 105))
    return fig


NAMES = {"breast_cancer": "breast cancer", "XOR": "XOR-like clusters", "orthogonal": "nearly orthogonal"}


def bill(table):
    """The columns and rows of the table of costs: how far from Assumption 1, where neurons go, the fit."""
    columns = (
        "data",
        "pairs that violate (%)",
        "loose (%)",
        "neurons right off them (%)",
        "end patterns, $v > 0$ and $v < 0$",
        "loss per sample",
        "stable rank",
    )
    return columns, [_bill(one) for one in table.itertuples()]


def _bill(one):
    loose, right, patterns, _ = _shares(one)
    fit = float(f"{one.loss:.2g}"), round(one.rank, 2)
    return (name_of(one), round(100 * one.pairs), loose, right, patterns, *fit)


def _shares(one):
    """Of both signs of v: loose samples, neurons right off them, end patterns, neurons that slide."""
    loose, right = 50 * (one.loose_plus + one.loose_minus) / one.n, _right(one)
    return (
        round(loose, 1) if loose < 10 else round(loose),
        "nothing said" if np.ma.is_masked(right) else round(100 * float(right)),
        f"{one.patterns_plus} and {one.patterns_minus}",
        round(50 * (one.sliding_plus + one.sliding_minus)),
    )


def survives(table):
    """The columns and rows of the table of what survives a violation in the full flow."""
    columns = (
        "20 samples",
        "all aligned at half the loss, of 50",
        "last event before that, median time",
        "loss at $t = 100$, median",
        "exponent $p$ of its fall $t^{-p}$",
        "stable rank, median",
    )
    shown = {
        ("mu", 0.3): "$\\mu = 0.3$",
        ("mu", -0.3): "$\\mu = -0.3$",
        ("mu", -0.5): "$\\mu = -0.5$",
        ("arbitrary", 2): "2 arbitrary ones",
        ("noise", 1): "1 wrong label",
        ("noise", 3): "3 wrong labels",
    }
    return columns, [
        _survives(name, table[(table.kind == kind) & (table.amount == amount)])
        for (kind, amount), name in shown.items()
    ]


def _survives(name, rows):
    middle = rows.median(numeric_only=True)
    aligned = (rows.wrong_half == 0).sum()
    return (
        name,
        aligned,
        round(middle["last"], 2),
        float(f"{middle.loss:.2g}"),
        round(middle.fall, 2),
        round(middle["rank"], 2),
    )


def ignored(right, wrong):
    """The loss of networks trained with the true labels, and with a wrong one."""
    fig, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
    times = np.geomspace(0.5, 100, 150)
    for paths, colour in ((right, al.plots.OTHERS[0]), (wrong, al.plots.NEGATIVE)):
        for path in paths:
            loss = path.loss_function.value(path.outputs_at(times), path.data.y)
            ax.loglog(times, loss, color=colour, lw=1)
    ax.text(6, 9, "one wrong label", color=al.plots.NEGATIVE)
    ax.text(4.5, 0.01, "no wrong label", ha="right")
    ax.axhline(1, color="0.6", ls=":", lw=1, zorder=0)
    ax.set(xlabel="time $t$", ylabel="loss $L$", xlim=(0.5, 100))
    ax.set_xticks([1, 10, 100], ["1", "10", "100"])
    ax.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    return fig


def name_of(one):
    """The data of a row."""
    return NAMES.get(one.source, f"{one.source} {one.a}/{one.b}")


def mapped(rows):
    """The columns and rows of a table of pairs that the map and the early flow have seen."""
    columns = "data", "violating pairs (%)", "loose (%)", "right off them (%)", "patterns", "slide (%)"
    table = pd.DataFrame(rows)
    return columns, [(name_of(one), round(100 * one.pairs), *_shares(one)) for one in table.itertuples()]


def preparation(one):
    """A row of the table of ways to prepare data."""
    return (name_of(one), one.how, round(100 * one.pairs), *_shares(one))
