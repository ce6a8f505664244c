"""The figures of chapter 4."""

import matplotlib.pyplot as plt
import numpy as np

from alignlib import claim, geometry, measure, plots, widgets

SMALL = {"color": "0.6", "ms": 6, "mfc": "none"}  # the start
NOW = {"color": "black", "ms": 3}
WIDTH = 4.8


def frozen(t, sigma):
    """Singular values (m, r) over time: two rise, the others stand still."""
    _, ax = plt.subplots(figsize=(WIDTH, 3.4))
    ax.plot(t, sigma[:, 2:], color=plots.DEAD, lw=0.8)
    ax.plot(t, sigma[:, :2], color="black", lw=2)
    ax.text(1e4, 0.6, r"$\sigma_1,\ \sigma_2$")
    ax.text(1e4, 4e-6, r"$\sigma_3, \dots, \sigma_{20}$", color="0.35")
    ax.set(xlabel="time $t$", ylabel="singular values of $W$", xscale="log", yscale="log")
    ax.set(xlim=(1e-3, 1e8), xticks=[1e-3, 1, 1e4, 1e8])
    plt.show()


CLOCK = (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 2, 10, 100, 1e4, 1e6)


def needles_over_time(runs):
    """An explorer of `needles`; `runs` maps a scale to a run to 1e6 on the same data."""

    def show(figure, t, scale):
        run = runs[scale]
        needles(figure, run.start, run.at(float(t)), *geometry.centres(run.data))

    def say(t, scale):
        run = runs[scale]
        net = run.at(float(t))
        one, two, three = measure.singular_values(net)[:3]
        loss = run.loss_function.value(net(run.data.x), run.data.y)
        return claim.printed(
            f"At time {t:,g} from the scale {scale:g} the loss is {loss:.2g}; the singular values are "
            f"{one:.2g}, {two:.2g}, and from the third on at most {three:.2g}."
        )

    controls = {"t": ("time", list(CLOCK)), "scale": ("scale of the start", list(runs))}
    caption = (
        "Left: the input weights of a hundred neurons in the plane of the class sums $x_+$ and $x_-$, "
        "scaled so that the longest has length one before projection (blue dots: $v > 0$, open orange "
        "triangles: $v < 0$). Right: the twenty singular values of $W$, grey circles at the start, black "
        "dots now."
    )
    start = {"t": CLOCK[-1]}
    return widgets.Explorer("halves", show, controls, say, caption, size=(4.4, 2.8), start=start)


def needles(figure, start, net, first, last):
    """The input weights in the plane of two class sums, and the singular values then and now."""
    ax, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    screen = plane(first, last)
    tips = net.w @ screen / measure.norms(net).max()
    hollow = {"mfc": "none", "ms": 5, "mew": 0.8, "zorder": 3}
    bundle(ax, tips[net.v > 0], "-o", color=plots.POSITIVE, ms=3, zorder=3)
    bundle(ax, tips[net.v < 0], "--^", color=plots.NEGATIVE, **hollow)
    for goal, name in ((first, "$x_+$"), (last, "$x_-$")):
        ax.text(*(1.24 * goal @ screen / np.linalg.norm(goal)), name, ha="center", va="center")
    ax.set(xlim=(-1.15, 1.15), ylim=(-0.7, 0.95), title="input weights", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_aspect("equal", anchor="N")
    for one, look in ((start, SMALL), (net, NOW)):
        values = measure.singular_values(one)
        right.semilogy(np.arange(1, len(values) + 1), values, "o", **look)
    right.set(ylim=(1e-7, 50), xticks=[1, 10, 20], xlabel="index $i$")
    right.set_title(r"singular values $\sigma_i$")


def plane(first, last):
    """Two orthonormal columns: across and along the two class sums."""
    a, b = (v / np.linalg.norm(v) for v in (first, last))
    return np.stack([v / np.linalg.norm(v) for v in (a - b, a + b)], axis=1)


def bundle(ax, tips, style, **look):
    """Lines from the origin, marked at their tips."""
    line, mark = style[:-1], style[-1]
    there_and_back = np.stack([tips, 0 * tips], axis=1).reshape(-1, 2)
    ax.plot(*there_and_back.T, line, color=look["color"], lw=0.7)
    ax.plot(*tips.T, mark, **look)


def fence(t, sigma, eigenvalues, t2):
    """Singular values (m, 5), from the second on, in the bands of the conserved matrix's eigenvalues."""
    _, ax = plt.subplots(figsize=(WIDTH, 3.8))
    edge = np.sqrt(eigenvalues[:6]) * 1e6
    for i in range(5):
        ax.fill_between([t2, 1e8], edge[i + 1], edge[i], color="0.93" if i % 2 else "0.85", lw=0)
        ax.plot(t, sigma[:, i] * 1e6, color="black", lw=1.3)
        side = "top" if i in (0, 2) else "bottom"
        ax.text(3e7, sigma[-1, i] * 1e6, rf"$\sigma_{i + 2}$", va=side, ha="right")
    for i in range(6):
        ax.text(1.5e8, edge[i], rf"$\sqrt{{\lambda_{i + 1}}}$", va="center")
    ax.axvline(t2, color="0.35", ls=":", lw=1)
    ax.text(t2 * 1.2, 0.845, "$t_2$", va="bottom")
    ax.set(xscale="log", xlabel="time $t$", xlim=(1e-3, 1e8), ylim=(0.53, 0.87))
    ax.set_ylabel("singular values of $W_+$ (units of $10^{-6}$)")
    plt.show()


def speeds(t, curves):
    """The speed of 1/L over what is guaranteed at `t`: both classes of the bundles, then of the three."""
    _, ax = plt.subplots(figsize=(WIDTH, 3.2))
    names = [f"{data}, $y = {label}$" for data in ("bundles", "three samples") for label in (1, -1)]
    looks = (plots.POSITIVE, "-"), (plots.NEGATIVE, "--"), (plots.OTHERS[1], "-"), ("black", "--")
    for name, values, (colour, line) in zip(names, curves, looks):
        ax.plot(t, values, line, color=colour, label=name, lw=1.6)
    ax.axhspan(0, 1, color="0.9", lw=0)
    ax.text(1e7, 0.87, "excluded", color="0.35", ha="center")
    ax.set(xscale="log", xlim=(10, 1e8), ylim=(0.8, 1.8), xlabel="time $t$")
    ax.set_ylabel(r"speed of $1/L_\pm$ over $2\gamma_\pm\ln(1/L_\pm)$")
    ax.legend()
    plt.show()


def directions(flow, limit):
    """Degrees to the max-margin direction against ln(1/L); both map a class to (ln(1/L), degrees)."""
    _, ax = plt.subplots(figsize=(WIDTH, 3.4))
    looks = {"positive": (plots.POSITIVE, "o"), "negative": (plots.NEGATIVE, "^")}
    for name, (colour, mark) in looks.items():
        ax.plot(*limit[name], color=colour, lw=1, label=f"{name} class, rank one")
        ax.plot(*flow[name], mark, color=colour, ms=5, mfc="none", label=f"{name} class, the run")
    ax.axvline(flow["positive"][0][-1], 0.35, color="0.35", ls=":", lw=1)
    ax.text(flow["positive"][0][-1] * 1.15, 8, "$t = 10^8$", color="0.35")
    ax.set(xscale="log", yscale="log", ylim=(0.2, 10), xlim=(1, 1e4), yticks=[0.3, 1, 3, 10])
    ax.set_yticklabels(["0.3", "1", "3", "10"])
    ax.set(xlabel=r"$\ln(1/L_\pm)$, roughly $\ln t$", ylabel="degrees to the largest margin")
    ax.legend(loc="lower left", fontsize=10)
    plt.show()


def mnist(t, sides, since):
    """Four singular values of each side; from `since` on its neurons share one pattern."""
    _, axes = plt.subplots(2, 1, figsize=(WIDTH, 5), sharex=True)
    for ax, (name, values), end, colour in zip(
        axes, sides.items(), since, (plots.POSITIVE, plots.NEGATIVE)
    ):
        for i in range(4):
            ax.plot(t, values[:, i], color=colour, lw=1.0 if i else 1.8)
        ax.axvline(end, color="0.35", ls=":", lw=1)
        ax.set(yscale="log", title=name, ylim=(2e-6, 10), ylabel="singular values")
    for i, factor in enumerate((0.2, 1.4, 1.4, 1.3)):
        height = sides["$v_j > 0$"][-1, i] * factor
        axes[0].text(0.1, height, rf"$\sigma_{i + 1}$", ha="right")
    axes[1].text(0.1, 0.5, r"$\sigma_1$", ha="right")
    axes[1].text(0.1, 8e-6, r"$\sigma_2, \sigma_3, \sigma_4$", ha="right")
    axes[1].set(xlabel="time $t$", xticks=[0, 0.02, 0.04, 0.06, 0.08, 0.1])
    plt.show()


def loss_bounds(path, bounds):
    """The loss, and bounds restarted at several times: `bounds` maps a name to (t, bound)."""
    _, ax = plt.subplots(figsize=(WIDTH, 3.2))
    plots.loss(path, ax)
    ax.text(2e6, 4e-9, "loss", ha="right")
    for (name, (t, bound)), shade in zip(bounds.items(), plots.OTHERS[1:]):
        ax.plot(t, bound, "--", lw=1.3, color=shade)
        ax.plot(t[0], bound[0], "o", ms=5, color=shade)
        side = "left" if name == "$t_2$" else "right"
        ax.text(t[0] * 0.8, bound[0] / 2, name, color=shade, ha=side, va="top")
    ax.set(xscale="log", yscale="log", xlim=(path.alignment_time / 2, 1e8), ylim=(1e-10, 300))
    plt.show()


def rank_scale(scales, sizes):
    """What is left beyond rank r against the scale; `sizes` maps a name to (runs, scales)."""
    _, ax = plt.subplots(figsize=(WIDTH, 3.4))
    looks = {"marker": "o", "ms": 4}, {"marker": "s", "ms": 5, "mfc": "none"}
    for (name, size), shade, look in zip(sizes.items(), (plots.OTHERS[1], "black"), looks):
        ax.plot(np.tile(scales, len(size)), size.ravel(), ls="", color=shade, label=name, **look)
    top = 10 * next(iter(sizes.values()))[0, 0]
    for power, line, height in ((2, "k--", 1e-9), (1, "k:", 1e-5)):
        ax.plot(scales, top * (scales / scales[0]) ** power, line, lw=1)
        ax.text(3e-6, height, f"slope {power}", ha="right")
    ax.set(xscale="log", yscale="log", xlabel=r"initialisation scale $\varepsilon$")
    ax.set_ylabel(r"$\sum_{i>r}\,\sigma_i^2/\sigma_1^2$")
    ax.legend(loc="lower right")
    plt.show()


def narrow(widths, shares, computed):
    """The chance of an empty class: `shares` maps a name to (share, low, high), `computed` to a line."""
    _, ax = plt.subplots(figsize=(WIDTH, 3.4))
    for (name, (share, low, high)), shade, mark in zip(shares.items(), plots.OTHERS, "sod"):
        bars = [share - low, high - share]
        ax.errorbar(widths, share, bars, fmt=mark, ms=4, color=shade, label=name)
        ax.plot(widths, computed[name], color=shade, lw=1)
    ax.plot([], [], color="0.5", lw=1, label="lines: computed")
    ax.set(yscale="log", xlabel="width $h$", ylabel="chance of an empty side")
    ax.legend()
    plt.show()
