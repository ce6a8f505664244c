"""The pictures of chapter 5: the line, the neurons, the certificate, the way out, the chance of escape."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import beta as beta_law

import alignlib as al
from studies import phase_diagram, stuck, survival

BLACK, GREEN, PINK, *_ = al.plots.OTHERS
BLUE, GREY = al.plots.POSITIVE, al.plots.DEAD
LINE = np.stack([np.linspace(-0.92, 0.3, 62), np.ones(62)], axis=1)
LIMIT = phase_diagram.LEAST_SQUARES


def functions(data, path, times, by_hand):
    """What the network computes at some times, the data, and a network that fits them."""
    _, ax = plt.subplots(figsize=(5, 2.7))
    for time, shade in zip(times, np.linspace(0.75, 1, len(times))):
        ink = GREEN if time == times[-1] else str(1.35 - shade)
        word = GREEN if ink == GREEN else "0.35"
        ax.plot(LINE[:, 0], path.at(time)(LINE), color=ink, lw=2.2 if ink == GREEN else 1.2)
        ax.text(0.31, path.at(time)(LINE)[-1], f"$t$ = {time:,g}", color=word, va="center", fontsize=10)
    ax.plot(LINE[:, 0], by_hand(LINE), ":", color="0.4")
    ax.text(-0.66, 0.93, "by hand", color="0.35", fontsize=10)
    points(ax, data)
    ax.set(xlabel="input $x$", ylabel="output", ylim=(-0.1, 1.6), xlim=(-0.95, 0.46))


def points(ax, data):
    ax.plot(data.x[:, 0], data.y, "o", color=BLACK, ms=6, zorder=3)


class Film:
    """The neurons and the function of one run at some times: what an explorer draws and says."""

    def __init__(self, path, times, drawn=500):
        self.data, self.drawn = path.data, slice(0, drawn)
        self.nets = {time: path.at(float(time)) for time in times}
        self.patterns = {time: path.patterns(float(time)) > 0 for time in times}
        self.loss = {
            time: path.loss_function.value(net(path.data.x), path.data.y) for time, net in self.nets.items()
        }

    def draw(self, figure, t):
        grid = figure.add_gridspec(1, 2, width_ratios=[1.45, 1])
        self.compass(figure.add_subplot(grid[0], projection="polar"), t)
        ax = figure.add_subplot(grid[1])
        ax.plot(LINE[:, 0], self.nets[t](LINE), color=GREEN)
        points(ax, self.data)
        ax.set(ylim=(-0.05, 1.25), xlim=(-0.95, 0.35), ylabel="output", xlabel="input $x$")
        ax.set(xticks=[-0.5, 0], yticks=[0, 1], title=f"loss {self.loss[t]:.3f}")

    def compass(self, ax, t):
        shade_sectors(ax, self.data)
        net, alive = self.nets[t], self.patterns[t].any(axis=1)[self.drawn]
        size, up = np.log10(al.measure.norms(net)[self.drawn]) + 9, net.v[self.drawn] > 0
        for these, ink, mark in (
            (~alive, GREY, "."),
            (alive & up, BLUE, "o"),
            (alive & ~up, al.plots.NEGATIVE, "^"),
        ):
            look = {"color": ink, "ms": 3, "alpha": 0.5, "mew": 0}
            ax.plot(stuck.angles(net.w[self.drawn])[these], size[these], mark, **look)
        ax.set(ylim=(0, 8.8), xticks=[], yticks=[3, 5, 7], yticklabels=[])
        ax.grid(color="0.85", lw=0.6)
        ax.spines["polar"].set_color("0.8")

    def words(self, t):
        pattern, up = self.patterns[t], self.nets[t].v > 0
        alive, full = pattern.any(axis=1), pattern.all(axis=1)
        return (
            f"At time {t:,g}: {share(full)} of the neurons are active on all three points, "
            f"{share(alive & ~full)} on some, {share(~alive)} are dead; of the living {share(up[alive])} "
            f"have a positive output weight. The loss is {self.loss[t]:.3f}."
        )


def share(which):
    return f"{100 * which.mean():.0f}\u00a0%"


def shade_sectors(ax, data):
    """Blue where a neuron sees all points, grey where none; the hyperplanes with their names."""
    turn = np.linspace(0, 2 * np.pi, 1441)
    sees = (np.stack([np.cos(turn), np.sin(turn)], axis=1) @ data.x.T > 0).sum(axis=1)
    for count, ink, alpha in ((data.n, BLUE, 0.13), (0, GREY, 0.28)):
        ax.fill_between(turn, 0, 7.5, where=sees == count, color=ink, alpha=alpha, lw=0, zorder=0)
    for k, across in enumerate(stuck.angles(data.x)):
        for side in (np.pi / 2, -np.pi / 2):
            ax.plot([across + side] * 2, [0, 7.5], color="0.7", lw=0.7, zorder=0)
        end = across + (np.pi / 2 if k == 1 else -np.pi / 2)  # so that no two names meet
        ax.text(end, 8.2, f"$x_{k + 1}$", color="0.4", ha="center", va="center", fontsize=10)


def certificate(table):
    """The bound on what is still to come, what came, and the room that there is."""
    _, ax = plt.subplots(figsize=(5, 2.9))
    ax.axvspan(table.t[table.holds].min(), table.t.max(), color=GREEN, alpha=0.12, lw=0)
    ax.semilogy(table.t, table.room, color=BLUE)
    ax.semilogy(table.t, table.G.where(np.isfinite(table.G)), "o-", color=BLACK, ms=3)
    ax.semilogy(table.t, table.left, "--", color=PINK)
    known = table[np.isfinite(table.G)]
    for column, at, ink, lift in (
        ("room", 0.6, BLUE, 1.5),
        ("G", 0.2, BLACK, 2.2),
        ("left", 0.45, PINK, 0.2),
    ):
        row = known.iloc[int(at * len(known))]
        name = {"room": "room", "G": "bound $G$", "left": "really left"}[column]
        ax.text(row.t, row[column] * lift, name, color=ink, fontsize=10, va="center")
    ax.text(table.t.max() - 0.3, 5, "certified", color="0.25", ha="right", va="top", fontsize=10)
    ax.set(xlabel="time $t$", ylabel="angle, radians", ylim=(3e-3, 8), xlim=(table.t.min(), table.t.max()))


def way_out(data, residual, ways):
    """What a small neuron of each direction gains at least squares, and the peaks."""
    turn = np.linspace(-20, 340, 1441)
    circle = np.stack([np.cos(np.radians(turn)), np.sin(np.radians(turn))], axis=1)
    seen, gain = circle @ data.x.T > 0, np.maximum(circle @ data.x.T, 0) @ (2 / data.n * residual.y)
    _, ax = plt.subplots(figsize=(5, 2.7))
    for where, ink, name in ((seen.all(axis=1), BLUE, "all active"), (~seen.any(axis=1), GREY, "dead")):
        ax.fill_between(turn, 0, 0.1, where=where, color=ink, alpha=0.15, lw=0, zorder=0)
        ax.text(turn[where].mean(), 0.04, name, ha="center", fontsize=10)
    edges = np.sort((np.degrees(stuck.sectors(data)) + 20) % 360 - 20)
    for edge in edges:
        ax.axvline(edge, color="0.75", lw=0.7, zorder=0)
    for low, high in pairwise(edges):
        pattern = seen[(turn > low) & (turn < high)][0]
        if 0 < pattern.sum() < data.n:
            name = ", ".join(f"$x_{k + 1}$" for k in np.flatnonzero(pattern))
            place = {"rotation": 90, "ha": "center", "va": "bottom", "fontsize": 10}
            ax.text((low + high) / 2, 0.066, name, **place)
    ax.plot(turn, gain, color="black")
    for u in ways:
        angle = np.degrees(np.arctan2(*u.direction[::-1])) % 360
        ax.plot(angle, abs(u.rate), "^", color=BLUE, mfc="white", ms=5, zorder=3)
    ax.set(xlim=(-20, 340), ylim=(-0.003, 0.092), ylabel="$G^*(u)$")
    ax.set(xlabel="direction, degrees", xticks=range(0, 340, 60))


def losses(runs, xlim=(1, 400)):
    """Losses over time beside that of least squares; `runs` is a dict from a name to its paths."""
    _, ax = plt.subplots(figsize=(5, 2.6))
    ax.axhline(LIMIT, color="0.6", lw=0.8)
    ax.text(xlim[0] * 1.15, LIMIT - 0.012, "least squares", color="0.35", fontsize=10, va="top")
    for (name, paths), ink, dashes in zip(runs.items(), (BLACK, PINK, GREEN), ("-", "--", "-.")):
        for path in paths:
            label = name if path is paths[0] else None
            ax.semilogx(path.t[1:], path.loss[1:], dashes, color=ink, lw=1.4, label=label)
    ax.set(xlim=xlim, ylim=(0, 0.65), xlabel="time $t$", ylabel="loss $L$")
    ax.legend(loc="upper right")


def interval(count, total):
    """Clopper and Pearson's 95 % interval of a share."""
    low, high = (
        beta_law.ppf(0.025, count, total - count + 1),
        beta_law.ppf(0.975, count + 1, total - count),
    )
    return np.where(count > 0, low, 0.0), np.where(count < total, high, 1.0)


def chance_of_escape(starts, narrow, critical, widths=(10, 20, 50, 200)):
    """Over the scale: the share of balanced starts that escape, the averaged law, and the naive one."""
    _, ax = plt.subplots(figsize=(5, 3.6))
    fine = np.geomspace(0.03, 1, 36)
    for width, ink, mark in zip(widths, plt.cm.viridis(np.linspace(0, 0.8, len(widths))), "osD^"):
        law = 1 - np.array([survival.law("balanced", width, scale, 100_000 // width) for scale in fine])
        ax.loglog(fine, np.where(law > 0, law, np.nan), color=ink, lw=1.2, label=f"$h = {width}$")
        naive = 1 - (1 - survival.chance("balanced", fine)) ** width
        ax.loglog(fine, np.where(naive > 0, naive, np.nan), ":", color=ink, lw=1)
        for table in (starts, narrow):
            cells = table[(table.kind == "balanced") & (table.width == width)].groupby("scale").end
            count, total = cells.apply(lambda end: (end == "escaped").sum()), cells.size()
            some = (count > 0) & (count.index < 0.99)
            low, high = interval(count[some].to_numpy(), total[some].to_numpy())
            middle = (count / total)[some]
            bars = np.abs(middle.to_numpy() - np.array([low, high]))
            ax.errorbar(middle.index, middle, bars, fmt=mark, ms=4, lw=0.8, color=ink)
    ax.axvline(critical, color="0.4", lw=0.8, ls="--", zorder=0)
    ax.text(critical * 0.97, 0.55, r"$\varepsilon_c$", ha="right", color="0.3")
    ax.set(xlabel=r"scale $\varepsilon$", ylabel="chance of escape", ylim=(3e-4, 1.2), xlim=(0.03, 1))
    ax.set_xticks([0.03, 0.06, 0.1, 0.3, 1], ["0.03", "0.06", "0.1", "0.3", "1"])
    ax.minorticks_off()
    ax.legend(loc="lower right")


def forty(data, runs, at, marks):
    """Above: what two networks learned; below: their losses, with the time of a certificate marked."""
    _, (top, bottom) = plt.subplots(2, 1, figsize=(5, 4.6))
    dense = np.stack([np.linspace(-1, 1, 301), np.ones(301)], axis=1)
    top.plot(data.x[:, 0], data.y, "o", color="0.6", ms=3)
    for (name, run), dashes, ink, thick in zip(runs.items(), ("--", "-"), (BLACK, GREEN), (1.4, 2.2)):
        top.plot(dense[:, 0], run.at(at)(dense), dashes, color=ink, lw=thick)
        bottom.loglog(run.t[1:], run.loss[1:], dashes, color=ink, lw=thick, label=name)
        if name in marks:
            height = np.interp(marks[name], run.t, run.loss)
            bottom.plot(marks[name], height, "s", color=PINK, ms=7, zorder=3)
            bottom.text(marks[name], height * 1.35, "certified", color=PINK, ha="center", fontsize=10)
    top.set(xlabel="input $x$", ylabel="output", xticks=[-1, 0, 1], yticks=[0, 1])
    bottom.set(xlabel="time $t$", ylabel="loss $L$", xlim=(1, 2_000))
    bottom.legend(title="neurons", loc="lower left")
