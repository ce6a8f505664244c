"""The figures of chapter 1 and its fine print."""

import matplotlib.pyplot as plt
import numpy as np

import alignlib as al
from alignlib.plots import DEAD, NEGATIVE, POSITIVE
from studies.turned import aims, turned

GREY = "0.92"


def silence(run, moved):
    """The loss, grey until the time `moved`."""
    ax = al.plots.loss(run)
    ax.axvspan(0, moved, color=GREY)
    ax.text(moved / 2, 0.5 * run.loss[0], "what happens\nhere?", ha="center")
    ax.figure.set_size_inches(4.8, 2.8)


def _plane(data, ax):
    """Samples and named sectors, without axes."""
    al.plots.samples(data, al.plots.cones(data, ax, radius=1.3))
    for axis in ax.lines[-2:]:  # they would cross the names of the cones
        axis.remove()
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.42, 1.42))
    ax.set_axis_off()


def three_samples(data):
    """The samples, their sectors, and the activation pattern of each."""
    ax = plt.figure(figsize=(3.6, 3.4)).add_subplot()
    _plane(data, ax)
    for x, place, name in zip(data.x, ((0.13, 0), (0.2, -0.03), (-0.3, 0)), "123"):
        ax.text(*(x + place), f"$x_{name}$", va="center")
    middles = np.radians([17.5, 162.5, 197.5, 342.5])
    for angle in middles:
        w = np.array([np.cos(angle), np.sin(angle)])
        pattern = "".join(str(int(active)) for active in data.x @ w > 0)
        ax.text(*(0.95 * w), pattern, ha="center", va="center", color="0.35", family="monospace")


def light_cone(starts):
    """Size across, output weight up, for networks by the name of their start."""
    _, axes = plt.subplots(1, len(starts), figsize=(4.8, 3.6), sharey=True)
    for ax, (kind, net) in zip(axes, starts.items()):
        size = al.measure.norms(net)
        ax.fill_between([0, 4], [0, 4], [0, -4], color=GREY, lw=0)
        ax.plot([4, 0, 4], [4, 0, -4], color="0.6", lw=1)
        for these, colour, mark in ((net.v > 0, POSITIVE, "o"), (net.v < 0, NEGATIVE, "s")):
            ax.plot(size[these], net.v[these], mark, ms=2.5, color=colour)
        ax.set(title=kind, xlabel="$\\|w_j\\|$", xlim=(0, 4), ylim=(-4, 4), xticks=[0, 2, 4])
    axes[0].set_ylabel("$v_j$")
    for up in (3.4, -3.7):  # beside the points
        axes[1].text(0.15, up, "time-like", va="center")
    axes[1].text(1.25, 0.3, "space-like", va="center")
    axes[0].text(1.5, 2.15, "light-like", rotation=46, ha="center", va="center")


def turning(early, data, until):
    """Directions from the centre (start) to the rim, with the samples and their hyperplanes around."""
    ax = plt.figure(figsize=(3.8, 3.8)).add_subplot(projection="polar")
    al.plots.turning(early, ax, until)
    rim = 1.12 * until
    for x, y in zip(data.x, data.y):
        angle = np.arctan2(x[1], x[0])
        for side in (-1, 1):
            ax.plot(2 * [angle + side * np.pi / 2], [0, until], color="0.75", lw=0.8, zorder=0)
        mark, colour, fill = ("o", POSITIVE, POSITIVE) if y > 0 else ("s", NEGATIVE, "white")
        ax.plot(angle, rim, mark, color=colour, mfc=fill, ms=8, mew=1.8, clip_on=False)
    ax.set_ylim(-0.12 * until, rim)
    ax.spines["polar"].set_visible(False)


def two_clocks(paths, data):
    """Above the share of aligned neurons, below the loss, over one axis of time; scales by power of ten."""
    _, axes = plt.subplots(2, 1, figsize=(4.8, 4.6), sharex=True)
    for (power, path), style in zip(paths.items(), ("-", "--", ":")):
        share = [al.geometry.aligned(net, data).mean() for net in path.networks()]
        axes[0].plot(path.t, share, style, color="black")
        axes[1].plot(path.t, path.loss / path.loss[0], style, color="black", label=f"$10^{{{power}}}$")
    axes[0].set(ylabel="share of neurons\nin their goal cone", ylim=(0, 1.05))
    axes[1].set(xlabel="time $t$", ylabel="loss / first loss", ylim=(0, 1.05))
    axes[1].legend(title="scale $\\varepsilon$")


def cones_and_goals(figure, turn):
    """The explorer: sectors, samples, and where living neurons turn to."""
    data, ax = turned(turn), figure.subplots()
    _plane(data, ax)
    ax.plot(*data.x[1], "o", ms=15, mfc="none", color="0.4", mew=1)
    for aim in aims(data):
        mark, colour = ("^", POSITIVE) if aim.sign > 0 else ("v", NEGATIVE)
        fill = "white" if aim.tight.any() else colour
        ax.plot(*(1.3 * aim.direction), mark, color=colour, mfc=fill, ms=10, zorder=4)
    verdict = "holds" if data.mu > 0 else "fails"
    ax.set_title(f"$\\mu = {data.mu:.2f}$: Assumption 1 {verdict}")


def digits(mnist, centres):
    """Two images of each class and the two class sums, brighter than the mean in blue."""
    pictures = [*mnist.x[mnist.y > 0][:2], *mnist.x[mnist.y < 0][:2], *centres]
    titles = ["$y_k=+1$", "", "$y_k=-1$", "", "$x_+$", "$x_-$"]
    _, axes = plt.subplots(2, 3, figsize=(4.2, 3.1))
    for ax, picture, title in zip(axes.T.flat, pictures, titles):
        most = np.abs(picture).max()
        ax.imshow(picture.reshape(28, 28), cmap="RdBu", vmin=-most, vmax=most)
        ax.set(title=title, xticks=[], yticks=[])
        ax.spines[:].set_visible(False)


def aligning(run, moved):
    """The cosines to the class sums and the norms over one axis of time, grey until `moved`."""
    _, axes = plt.subplots(2, 1, figsize=(4.8, 4.6), sharex=True)
    al.plots.neurons(run, axes[0]).set(ylim=(-0.1, 1.05), xlabel="")
    al.plots.norms(run, axes[1])
    for ax in axes:
        ax.axvspan(0, moved, color=GREY, zorder=0)


def correlations(pairs, exact, share):
    """How often each correlation occurs among the pairs of two data sets; the violating ones in amber."""
    bins = np.linspace(-1, 1, 81)
    ax = plt.figure(figsize=(4.8, 3.4)).add_subplot()
    ax.hist(pairs[pairs > 0], bins, color="0.7", label="MNIST 0/1")
    ax.hist(pairs[pairs <= 0], bins, color=al.plots.OTHERS[3], label="MNIST 0/1, violating")
    ax.hist(exact, bins, histtype="step", color="black", label=r"separated data, $\mu = 0.1$")
    ax.text(-0.17, 30, f"{100 * share:.0f} %", ha="center")
    ax.set(xlabel="correlation of two signed samples", ylabel="pairs", yscale="log")
    ax.set(xlim=(-1, 1), xticks=[-1, -0.5, 0, 0.5, 1])
    ax.set_ylim(top=3e7)
    ax.legend(loc="upper left")


def sliding(times, heights):
    """A neuron's height over a sample that it meets, and its chatter there under descent."""
    ax = plt.figure(figsize=(4.8, 2.6)).add_subplot()
    ax.axhline(0, color=DEAD, lw=1)
    ax.plot(times, heights, ".-", color="black", lw=0.8, ms=4)
    ax.set(xlabel="time $t$", ylabel=r"$\langle w, x_1\rangle / \|w\|$")
