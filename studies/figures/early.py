"""The pictures of chapter 2: arrows that turn, a polygon, a neuron that slides, landscapes, bundles."""

import matplotlib.pyplot as plt
import numpy as np

import alignlib as al

UP, DOWN = al.plots.POSITIVE, al.plots.NEGATIVE


def by_sign(v):
    """Line and colour of a neuron."""
    return ("-", UP) if v > 0 else ("--", DOWN)


def circle(count=1441):
    """Angles all around, and the unit vectors there."""
    angle = np.linspace(0, 2 * np.pi, count)
    return angle, np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ten_neurons(figure, t, path, vectors):
    """Arrows among the samples at one time, the extremal vectors around them, the loss below."""
    above, below = figure.subplots(2, 1, height_ratios=[2.4, 1])
    al.plots.samples(path.data, al.plots.cones(path.data, above, radius=1.3))
    al.plots.arrows(path.at(t), above)
    for vector in vectors:
        mark, colour = "v^"[int(vector.sign > 0)], by_sign(vector.sign)[1]
        above.plot(*(1.2 * vector.direction), mark, color=colour, ms=8)
    above.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35))
    above.set_axis_off()
    al.plots.loss(path, below)
    below.plot(t, np.interp(t, path.t, path.loss), "o", color="black", ms=7)
    below.set(xlim=(0, path.t[-1]), ylim=(0, 1.1 * path.loss[0]))


def plane(data, ax, size):
    """The samples and their hyperplanes; a hyperplane is dotted and bears the number of its sample."""
    al.plots.samples(data, ax)
    for k, x in enumerate(data.x):
        along = np.array([x[1], -x[0]]) / np.linalg.norm(x)
        along *= -1 if along[0] < -1e-9 else 1
        ax.plot(*(3 * size * np.outer([-1, 1], along)).T, ":", color="0.55", lw=1, zorder=0)
        ax.text(*((1 + 0.12 * size) * x), f"$x_{k + 1}$", ha="center", va="center", clip_on=True)
    ax.set(xlim=(-size, size), ylim=(-size, size), xlabel="", ylabel="")
    ax.set_axis_off()


def polygon(figure, flow, corners, times, angles):
    """One neuron: the path of w with its corners, and below it the angle law on a logarithmic axis."""
    above, below = figure.subplots(2, 1, height_ratios=[2.2, 1])
    plane(flow.data, above, 1.75)
    w = np.array([flow.at(t).w[0] for t in times])
    at = np.array([flow.at(t).w[0] for t in corners]).reshape(-1, 2)
    above.plot(*w.T, color=UP)
    above.plot(*w[0], "o", color="black", ms=6)
    above.plot(*at.T, "D", color=UP, mfc="white", ms=6, mew=1.5, zorder=5)
    below.semilogy(times, angles, color=UP)
    for t in corners:
        below.axvline(t, color="0.8", lw=1, zorder=0)
    below.set(xlabel="time $t$", ylabel=r"$\tan(\varphi/2)$", ylim=(1e-3, 100), xlim=(0, times[-1]))


def sliding(data, flow, descent, times, factor):
    """The same start twice: the flow, which stays on a hyperplane, and descent, which chatters about it.

    Weights are drawn `factor` times as long as they are; the arrows are D on the two sides.
    """
    _, ax = plt.subplots(figsize=(4.6, 2.9))
    plane(data, ax, 1.3)
    steps = factor * np.array([net.w[0] for net in descent.networks()])
    ax.plot(*steps.T, color="0.45", lw=0.9, marker="o", ms=3.5, zorder=4)
    w = factor * np.array([flow.at(t).w[0] for t in times])
    ax.plot(*w.T, color=UP, lw=2.2)
    ax.plot(*w[0], "o", color="black", ms=6, zorder=5)
    for foot, pull, name, at in (
        ((0.0, 0.2), data.x[0] - data.x[2], "$D$, active", (-0.04, 0.2)),
        ((0.72, 0.12), data.x[0], "$D$, inactive", (1.3, 0.2)),
    ):
        ax.annotate("", foot + 0.25 * pull, foot, arrowprops={"arrowstyle": "-|>", "color": "black"})
        ax.text(*at, name, ha="right", va="center", bbox={"fc": "white", "ec": "none", "pad": 1})
    ax.set(xlim=(-0.75, 1.5), ylim=(-0.1, 1.25))


def landscape(panels):
    """G(u) around the circle for each name, data and extremal vectors, one panel under the other."""
    panels = list(panels)
    angle, u = circle()
    _, axes = plt.subplots(len(panels), 1, figsize=(4.6, 2.3 * len(panels)), sharex=True)
    for ax, (name, data, vectors) in zip(axes, panels):
        height = np.maximum(u @ data.x.T, 0) @ data.y
        ax.plot(np.degrees(angle), height, color="black", lw=1.4)
        for vector in vectors:
            at = np.degrees(np.arctan2(*vector.direction[::-1])) % 360
            value = np.interp(at, np.degrees(angle), height)
            colour = by_sign(vector.sign)[1]
            fill = "white" if vector.tight.any() else colour
            ax.plot(at, value, "v^"[int(vector.sign > 0)], color=colour, mfc=fill, ms=8, mew=1.6)
        ax.set(ylabel="$G(u)$", xticks=range(0, 361, 90), title=name)
    axes[-1].set_xlabel("angle of $u$ (degrees)")


def bundles(curves):
    """How many directions are left over time: a name, times and numbers for each curve."""
    _, ax = plt.subplots(figsize=(4.6, 3.0))
    for (name, t, number), line in zip(curves, ("-", "--", "-.")):
        ax.plot(t, number, line, label=name)
    ax.set(yscale="log", xlabel=r"time, in units of $1/\max_j\|D_j(0)\|$", ylabel="distinct directions")
    ax.set_yticks([1, 2, 6, 10, 100, 1000], labels=["1", "2", "6", "", "100", "1000"])
    ax.legend(loc="upper right")


def departure(curves, rate):
    """Distance of true and early flow over time: scale, times, distances and BF's time for each curve."""
    _, ax = plt.subplots(figsize=(4.6, 3.4))
    for (scale, t, gap, stop), line in zip(curves, ("-", "--", "-.")):
        ax.semilogy(t, gap, line, label=rf"$\varepsilon = 10^{{{np.log10(scale):.0f}}}$")
        ax.semilogy(t, scale**2 * np.exp(2 * rate * t), color="0.7", lw=0.8, zorder=0)
        ax.plot(stop, np.exp(np.interp(stop, t, np.log(gap))), "o", color="black", ms=6, zorder=5)
    ax.set(xlabel="time $t$", ylabel="relative difference", ylim=(1e-10, 10), xlim=(0, curves[0][1][-1]))
    ax.legend(loc="lower right")


def goals(times, cosines, shares, up):
    """A row a time: cosines to the class sum, and shares of images seen as in the goal cone."""
    _, axes = plt.subplots(len(times), 2, figsize=(4.8, 4.6), sharex="col", sharey=True)
    for row, time, *both in zip(axes, times, cosines, shares):
        for ax, what, low in zip(row, both, (-0.25, 0.0)):
            for these, sign in ((up, 1), (~up, -1)):
                line, colour = by_sign(sign)
                bins = np.linspace(low, 1, 51)
                ax.hist(what[these], bins, histtype="stepfilled", color=colour, alpha=0.35)
                ax.hist(what[these], bins, histtype="step", color=colour, ls=line)
            ax.set(yscale="log", ylim=(0.7, 700), xticks=[0, 0.5, 1])
        row[0].set_ylabel(f"$t={time}$")
    axes[-1][0].set_xlabel("cosine to the class sum")
    axes[-1][1].set_xlabel("share of images")
