"""Figures and tables of chapter 6: three samples, 45 pairs, label noise, and what a violation costs."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np

import alignlib as al
from alignlib import widgets

DEAD = "dead"
# The pairs that are named, and where their names stand from the dot, in points.
NAMED = {(0, 1): (8, -3), (2, 7): (-8, 8), (3, 8): (-24, -3)}


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
    right = (table.right_plus + table.right_minus) / 2
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


def noise(table):
    """Label noise: samples that are loose, and neurons that are right on all the others."""
    middle = table.groupby("amount").mean(numeric_only=True)
    fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
    amount = 100 * middle.index
    loose = 100 * (middle.loose_plus + middle.loose_minus) / 2 / middle.n
    right = 100 * (middle.right_plus + middle.right_minus) / 2
    ax.plot(amount, right, "o-", color=al.plots.POSITIVE)
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
    loose, right = 50 * (one.loose_plus + one.loose_minus) / one.n, 50 * (one.right_plus + one.right_minus)
    return (
        round(loose, 1) if loose < 10 else round(loose),
        round(right) if loose < 100 else "nothing said",
        f"{one.patterns_plus} and {one.patterns_minus}",
        round(50 * (one.sliding_plus + one.sliding_minus)),
    )


def survives(table):
    """The columns and rows of the table of what survives a violation in the full flow."""
    columns = (
        "20 samples",
        "all aligned at half the loss, of 50",
        "median time of the last event",
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


@cache
def rim(angle, flipped):
    """The data, the starts in degrees, where balanced neurons with v > 0 end as words, and in degrees.

    They start at whole degrees and three tenths: never on a hyperplane of samples at whole degrees.
    """
    data = points([55, angle, 270], [1, -1 if flipped == "flipped" else 1, -1])
    degrees = np.arange(360) + 0.3
    w = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)
    path = al.early_flow(al.Network(w, np.ones(360)), data, "exponential")
    words = np.array([word(*both) for both in zip(path.final_patterns, path.sliding)], dtype="<U4")
    words[~(path.final_patterns | path.sliding).any(axis=1)] = DEAD
    return data, degrees, words, np.degrees(np.arctan2(*path.directions.T[::-1]))


def far(figure, angle, flipped):
    """Three samples, and around them where the neurons end that start in each direction."""
    data, degrees, words, ends = rim(angle, flipped)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1), aspect="equal", xlim=(-1.7, 1.7), ylim=(-1.7, 1.7))
    axis.axis("off")
    for name in np.unique(words):
        colour = _colour(name, data)
        axis.scatter(*_at(degrees[words == name], 1.25), s=14, c=colour)
        if name != DEAD:
            end, style = ends[words == name][0], {"arrowstyle": "-|>", "color": colour, "lw": 2}
            axis.annotate("", _at(end, 1.15), (0, 0), arrowprops=style)
            axis.text(*_at(end, 1.48), name, color=colour, ha="center", va="center", weight="bold")
    for k, held in enumerate(al.theory.trap(data)):
        _sample(axis, data, k, held)


def _sample(axis, data, k, held):
    """A circle for the label 1, a square for -1; filled if it is held."""
    colour, marker = (al.plots.POSITIVE, "o") if data.y[k] > 0 else (al.plots.NEGATIVE, "s")
    face = colour if held else "white"
    axis.scatter(*data.x[k], s=110, marker=marker, ec=colour, fc=face, lw=2, zorder=3)
    x, y = data.x[k]
    axis.text(0.82 * x + 0.1 * y, 0.82 * y - 0.1 * x, str(k + 1), ha="center", va="center")


def _at(degrees, radius):
    return radius * np.cos(np.radians(degrees)), radius * np.sin(np.radians(degrees))


def _colour(name, data):
    """Blue: on the class; green: at another fixed point; pink: sliding; grey: dead."""
    if name == DEAD:
        return al.plots.DEAD
    if name == word(data.y > 0):
        return al.plots.POSITIVE
    return al.plots.OTHERS[2] if "s" in name else al.plots.OTHERS[1]


def say(angle, flipped):
    """The explorer in words."""
    data, _, words, _ = rim(angle, flipped)
    fixed = ", ".join(word(one) for one in al.theory.fixed_points(data)) or "none"
    held = ", ".join(str(k + 1) for k in np.flatnonzero(al.theory.trap(data))) or "none"
    found, count = np.unique(words, return_counts=True)
    where = ", ".join(f"{found[i]} ({count[i] / 360:.0%})" for i in np.argsort(-count, kind="stable"))
    holds = "holds" if data.mu > 0 else "fails"
    return (
        f"Sample 2 at {angle} degrees, its label {flipped}: Assumption 1 {holds}. "
        f"Fixed points: {fixed}; held: {held}; starts end in {where}."
    )


# Every ten degrees, and where it is in the book; no two samples share a hyperplane.
ANGLES = sorted({*range(0, 360, 10), 125} - {90, 270})


def explorer():
    """How far from Assumption 1: drag the second of the three samples, flip its label."""
    return widgets.Explorer(
        "how-far",
        far,
        {"angle": ("sample 2, degrees", ANGLES), "flipped": ("its label", ["kept", "flipped"])},
        say,
        "Circles have the label 1, squares -1; filled: held for $v > 0$, hollow: loose. The rim: where a "
        "neuron with $v > 0$ ends that starts in this direction. Blue: on its class; green: at another "
        "fixed point; pink: sliding; grey: dead. Arrows: the ends and their patterns.",
        size=(4.4, 4.4),
        start={"angle": 125},
    )


def name_of(one):
    """The data of a row."""
    return NAMES.get(one.source, f"{one.source} {one.a}/{one.b}")


def preparation(one):
    """A row of the table of ways to prepare data."""
    return (name_of(one), one.how, round(100 * one.pairs), *_shares(one))
