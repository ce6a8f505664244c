"""Figures of chapter 6: three samples and what the Gram matrix foretells of them, 45 pairs, label noise."""

import matplotlib.pyplot as plt
import numpy as np

import alignlib as al

COLUMNS = ("samples", "μ", "fixed points, v > 0", "held", "where neurons with v > 0 end")
# The pairs that are named, and where their names stand from the dot, in points.
NAMED = {(0, 1): (8, -3), (2, 7): (-8, 8), (3, 8): (-24, -3)}


def points(angles, labels):
    """Unit samples in the plane at these angles, in degrees."""
    angle = np.radians(angles)
    return al.Dataset(np.stack([np.cos(angle), np.sin(angle)], axis=1), labels)


def three_samples():
    """The running example of the book, and what is done to it."""
    return {
        "three": points([55, 125, 270], [1, 1, -1]),
        "dragged": points([55, 150, 270], [1, 1, -1]),
        "flipped": points([55, 125, 270], [1, -1, -1]),
    }


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


def row(name, data):
    """A row of the table of three samples, for v > 0."""
    fixed = [word(one) for one in al.theory.fixed_points(data)]
    share = ", ".join(f"{pattern} ({part:.0%})" for pattern, part in ends(data))
    held = al.theory.trap(data).sum()
    return name, round(data.mu, 2), ", ".join(fixed) or "none", f"{held} of 3", share


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
