"""The pictures of chapter 9: stairs, sleepers at a plateau, errors of forecasts, the drift with decay."""

import matplotlib.pyplot as plt
import numpy as np

import alignlib as al
from studies import saddles

BLACK, GREEN, PINK, ORANGE, SKY = al.plots.OTHERS
BLUE, RED, GREY = al.plots.POSITIVE, al.plots.NEGATIVE, al.plots.DEAD
LOOK = {
    "three samples": (BLACK, "o", "-"),
    "clusters": (BLUE, "s", "--"),
    "forty points": (GREEN, "^", "-."),
    "teacher": (ORANGE, "D", ":"),
}


def stairs(path, rows):
    """The loss, the plateaus at which we looked (dots), and what was foretold there (arrows)."""
    _, ax = plt.subplots(figsize=(5, 2.7))
    ax.plot(path.t, path.loss, color=BLACK)
    for number, row in enumerate(rows.itertuples(), start=1):
        ax.plot(row.plateau, row.loss, "o", color=GREEN, ms=7, zorder=3)
        ax.axvline(row.foretold, color=GREEN, ls="--", lw=1.2)
        ax.text(row.foretold + 0.8, 1.06, f"{number}", color=GREEN, fontsize=11)
    ax.set(xlabel="time $t$", ylabel="loss", ylim=(0, 1.15), xlim=(-1.5, 1.2 * rows.foretold.max()))


def masses(path, rows, groups):
    """How the groups grow in the full flow (lines) and as foretold from each plateau (dots)."""
    _, ax = plt.subplots(figsize=(5, 2.9))
    times = np.linspace(0, 1.2 * rows.foretold.max(), 400)
    v = np.array([path.at(t).v for t in times])
    for number, (jump, row) in enumerate(zip(groups, rows.itertuples()), start=1):
        ink = BLUE if jump.sign > 0 else RED
        ax.semilogy(times, (v[:, jump.neurons] ** 2).sum(axis=1), color=ink, ls="-" if number < 3 else "--")
        frozen = foretold(path, row.plateau, jump)
        seen = np.linspace(row.plateau, row.foretold, 9)
        ax.semilogy(seen, [(frozen.at(t - row.plateau).v ** 2).sum() for t in seen], "o", color=ink, ms=4)
        ax.text(row.foretold + 0.6, 2e-3, f"{number}", color=ink, fontsize=11)
    ax.axhline(saddles.LEVEL, color="0.6", lw=1)
    ax.text(0, 2 * saddles.LEVEL, "awake", color="0.4", fontsize=10)
    ax.set(xlabel="time $t$", ylabel="mass $\\Sigma v_j^2$", ylim=(1e-19, 8))


def foretold(path, now, jump):
    """The early flow of a group under the pulls at a plateau."""
    net = path.at(now)
    pulls = path.loss_function.pull(net(path.data.x), path.data.y)
    return al.early_flow(net.some(jump.neurons), path.data, path.loss_function, pulls=pulls)


class Sleepers:
    """What is to be gained in each direction at each plateau, and where the small neurons are."""

    def __init__(self, path, rows):
        self.path, self.rows = path, rows
        self.turn = np.linspace(0, 360, 721)
        turn = np.radians(self.turn)
        self.heights = np.maximum(np.stack([np.cos(turn), np.sin(turn)], axis=1) @ path.data.x.T, 0)

    def at(self, plateau):
        """The network at this plateau, its pulls, and who sleeps."""
        net = self.path.at(float(self.rows.plateau[plateau - 1]))
        g = self.path.loss_function.pull(net(self.path.data.x), self.path.data.y)
        return net, g, al.theory.dormant(net, saddles.LEVEL)

    def draw(self, figure, plateau):
        net, g, asleep = self.at(plateau)
        top, low = figure.subplots(2, 1, sharex=True)
        top.plot(self.turn, self.heights @ g, color=BLACK)
        top.axhline(0, color="0.8", lw=0.8)
        top.set(ylabel="gain $G^*(u)$", ylim=(-0.65, 0.85))
        angle = np.degrees(np.arctan2(net.w[:, 1], net.w[:, 0])) % 360
        size = np.log10(np.maximum(np.abs(net.v), 1e-16))
        sleeps = np.isin(np.arange(net.width), asleep)
        for sign, ink, mark in ((1, BLUE, "o"), (-1, RED, "s")):
            for these, face in ((sleeps, "white"), (~sleeps, ink)):
                here = these & (np.sign(net.v) == sign)
                low.plot(angle[here], size[here], mark, color=ink, mfc=face, ms=4.5, mew=0.7)
        low.set(xlabel="direction, degrees", ylabel="$\\log_{10}|v_j|$", ylim=(-16, 1), xlim=(0, 360))
        low.set(xticks=[0, 90, 180, 270, 360])

    def words(self, plateau):
        row = self.rows.iloc[plateau - 1]
        return (
            f"Foretold here: the next {row.woke:.0f} neurons wake at {row.foretold:.1f}, "
            f"and grow at the rate {row.rate:.2f}. In the full flow they woke at {row.measured:.1f}."
        )


def errors(table):
    """The size of the error in units of the time in which a neuron grows by e, over the scale."""
    _, ax = plt.subplots(figsize=(5, 3))
    came = saddles.came_true(table)
    folds = (came.foretold - came.measured).abs() * came.rate
    for name, (ink, mark, line) in LOOK.items():
        for jump, face in ((1, ink), (2, "white")):
            these = (came.problem == name) & (came.jump == jump)
            middle = folds[these].groupby(came.scale[these]).median()
            ax.loglog(
                middle.index, middle, line, marker=mark, color=ink, mfc=face, ms=6, lw=1.2, label=name
            )
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::2], labels[::2], fontsize=10, ncols=2, loc="lower left")
    ax.axhline(saddles.LEVEL, color="0.6", lw=1)
    ax.text(3e-3, 1.05 * saddles.LEVEL, "level", color="0.4", fontsize=10)
    ax.set(xlabel="scale $\\varepsilon$", ylabel="error, e-folds", ylim=(3e-5, 0.1), xlim=(4e-13, 2e-2))


def levels(rows):
    """The error of one forecast and its bound, over the mass at which a group counts as awake."""
    _, ax = plt.subplots(figsize=(5, 2.6))
    level, error, bound = np.array(rows).T
    ax.loglog(level, error, "o", color=BLACK, ms=6, label="error")
    ax.loglog(level, bound, "-", color=GREEN, label="bound")
    ax.set(xlabel="level", ylabel="time")
    ax.legend()


def escapes(table):
    """When an unbalanced start leaves the line: foretold and seen."""
    _, ax = plt.subplots(figsize=(5, 3))
    left = table[np.isfinite(table.measured)]
    ax.plot([45, 145], [45, 145], color="0.7", lw=1)
    ax.plot(left.foretold, left.measured, "o", color=BLUE, ms=6)
    ax.set(xlabel="foretold to wake", ylabel="woke", xlim=(45, 145), ylim=(45, 145), aspect="equal")


def decay(runs, start, ends):
    """How far the mass of the living group is above the least, over λ times the time since the fit."""
    _, ax = plt.subplots(figsize=(5, 2.7))
    share = np.linspace(0, ends, 41)
    for (rate, path), mark in zip(runs.items(), "os^"):
        ax.semilogy(
            share, saddles.excess(path, start + share / rate), mark, ms=4, label=rf"$\lambda = {rate:g}$"
        )
    ax.set(xlabel="$\\lambda\\,(t - t_{\\rm p})$", ylabel="mass above the least")
    ax.legend()


def waits(table):
    """Top: who lives when the first jump comes. Bottom: where the loss ends. Over the scale."""
    _, (top, low) = plt.subplots(2, 1, figsize=(5, 4.2), sharex=True)
    foretold = table.groupby("scale").foretold.mean()
    top.semilogx(foretold.index, foretold, color=GREEN)
    spread = table.groupby("scale").measured
    up, down = spread.max() - spread.mean(), spread.mean() - spread.min()
    top.errorbar(spread.mean().index, spread.mean(), [down, up], fmt="o", color=BLACK, ms=4, lw=1)
    jitter = 10 ** np.linspace(-0.2, 0.2, 10)
    low.semilogx(table.scale * jitter[table.seed], table.final_loss, "o", color=BLACK, ms=3.5, mfc="none")
    top.set(ylabel="alive, $v < 0$")
    low.set(xlabel="scale $\\varepsilon$", ylabel="final loss", ylim=(0, 0.09))
