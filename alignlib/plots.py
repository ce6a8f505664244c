"""One visual language for neurons, cones, data, time and loss.

Every function draws on the axes it is given (or on new ones), returns them, and computes no more than
a projection. A notebook switches the style on with ``plt.style.use(al.plots.STYLE)``.
"""

from typing import TYPE_CHECKING

import numpy as np

from alignlib import geometry, inputs, measure
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.trajectory import Trajectory

if TYPE_CHECKING:
    from alignlib.diagnosis import Diagnosis

with inputs.extra("plots"):
    import matplotlib.pyplot as plt
    from cycler import cycler
    from matplotlib.axes import Axes
    from matplotlib.patheffects import withStroke

# Okabe and Ito's palette: told apart by readers with any kind of colour vision.
POSITIVE, NEGATIVE, DEAD = "#0072B2", "#D55E00", "#8C8C8C"
OTHERS = ("#000000", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # for all that has no sign

STYLE = {
    "figure.figsize": (6.0, 3.2),
    "figure.dpi": 200,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "font.size": 11,
    "axes.prop_cycle": cycler(color=OTHERS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.8,
}


def _planar(name, dim):
    if dim < 2:
        raise ValueError(f"`{name}` must have dim 2 or more to be drawn, got {dim}")


def samples(data: Dataset, ax=None):
    """Samples in the plane (the first two inputs): filled circles for y > 0, open squares for y < 0.

    >>> ax = al.plots.samples(al.data.toy_2d())
    """
    _planar("data", data.dim)
    ax = _axes(ax)
    x, y = data.x[:, 0], data.x[:, 1]
    up = data.y > 0
    ax.plot(x[up], y[up], "o", color=POSITIVE, ms=7, label="$y_k > 0$", zorder=3)
    ax.plot(x[~up], y[~up], "s", color=NEGATIVE, ms=7, mfc="white", mew=1.8, label="$y_k < 0$", zorder=3)
    ax.axhline(0, color="0.85", lw=0.8, zorder=0)
    ax.axvline(0, color="0.85", lw=0.8, zorder=0)
    ax.set_aspect("equal")
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    return ax


def cones(data: Dataset, ax=None, radius=1.0):
    """The sectors of the plane with one activation pattern; S+, S-, S_dead shaded and named.

    >>> data = al.data.toy_2d()
    >>> ax = al.plots.samples(data, al.plots.cones(data))
    """
    if data.dim != 2:
        raise ValueError(f"`data` must have dim 2 to be drawn, got {data.dim}")
    ax, radius = _axes(ax), inputs.positive("radius", radius)
    angle = np.arctan2(data.x[:, 1], data.x[:, 0])
    edge = np.unique(np.mod(np.concatenate([angle + np.pi / 2, angle - np.pi / 2]), 2 * np.pi))
    shade = {"S+": (POSITIVE, "$S_+$"), "S-": (NEGATIVE, "$S_-$"), "dead": ("0.45", r"$S_{\rm dead}$")}
    ends = np.append(edge[1:], edge[0] + 2 * np.pi)
    middles = np.stack([np.cos((edge + ends) / 2), np.sin((edge + ends) / 2)], axis=1)
    signs = Dataset(data.x, np.sign(data.y))
    names = geometry.cones(Network(middles, np.ones(len(edge))), signs)
    for low, high, middle, name in zip(edge, ends, middles, names):
        ax.plot([0, radius * np.cos(low)], [0, radius * np.sin(low)], color="0.8", lw=0.8, zorder=0)
        if name in shade:
            arc = np.linspace(low, high, 60)
            colour, label = shade[name]
            ax.fill(
                np.append(0, radius * np.cos(arc)),
                np.append(0, radius * np.sin(arc)),
                color=colour,
                alpha=0.22,
                lw=0,
                zorder=0,
            )
            halo = [withStroke(linewidth=3, foreground="white")]
            place = {"ha": "center", "va": "center", "fontsize": 12, "path_effects": halo, "zorder": 4}
            ax.text(*(0.62 * radius * middle), label, **place)
    ax.set_aspect("equal")
    return ax


def arrows(net: Network, ax=None):
    """Directions of planar neurons as arrows of length one, by the sign of `v_j` as in `turning`.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> ax = al.plots.arrows(net)
    """
    _planar("net", net.dim)
    ax = _axes(ax)
    unit = inputs.unit_rows("net.w", net.w[:, :2])
    for sign in (1, -1):
        line, colour = _by_sign(sign)
        for tip in unit[np.sign(net.v) == sign]:
            style = {"arrowstyle": "-|>", "color": colour, "linestyle": line, "linewidth": 1.4}
            ax.annotate("", tip, (0, 0), arrowprops=style, zorder=2)
    ax.set_aspect("equal")
    return ax


def turning(path: Trajectory, ax=None, until=None):
    """Directions of planar neurons over time: the radius is time, the angle the direction of `w_j`.

    The centre is the start, the rim the time `until` (default: the end). Solid blue lines have
    `v_j > 0`, dashed orange ones `v_j < 0`; grey dotted ones are dead at the end.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> ax = al.plots.turning(path, until=2)
    """
    _planar("path", path.data.dim)
    ax = _axes(ax, polar=True)
    end = path.t[-1] if until is None else inputs.positive("until", until)
    if end <= path.t[0]:
        raise ValueError(f"`until` must lie after the start of the path, got {end:g}")
    try:
        path.at(end)
    except ValueError as problem:
        raise ValueError(f"`until` must be a time of the path: {problem}") from problem
    kept = path.t[path.t <= end * (1 + 1e-12)]  # step times number of steps is rounded
    t = np.linspace(path.t[0], end, 120) if path.continuous else kept
    nets = [path.at(time) for time in t]
    w = np.stack([net.w[:, :2] for net in nets])
    angle = np.unwrap(np.arctan2(w[..., 1], w[..., 0]), axis=0)
    dies = nets[-1].negative_slope == 0
    living = {*np.flatnonzero((path.patterns(t[-1]) > 0).any(axis=1))}
    for j, v in enumerate(nets[-1].v):
        line, colour = (":", DEAD) if dies and j not in living else _by_sign(v)
        ax.plot(angle[:, j], t, line, color=colour, lw=1.1, alpha=0.8)
    ax.set_ylim(path.t[0] - 0.12 * (end - path.t[0]), end)
    ax.set(yticks=[], xticks=[])
    ax.spines["polar"].set_color("0.8")
    return ax


def neurons(path: Trajectory, ax=None):
    """Every neuron's cosine to the samples it should turn to, over time.

    That is `x_+` (the sum of the positive samples) for `v_j > 0`, solid blue, and `x_-` for
    `v_j < 0`, dashed orange.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> ax = al.plots.neurons(path)
    """
    ax = _axes(ax)
    centres = geometry.centres(path.data)
    cosines = np.full((len(path.t), path.start.width, 2), np.nan)
    for at, net in enumerate(path.networks()):
        there = net.w.any(axis=1)  # w = 0 has no direction
        if there.any():
            cosines[at, there] = geometry.cosine(net.w[there], centres)
    for j, v in enumerate(path.final.v):
        line, colour = _by_sign(v)
        ax.plot(path.t, cosines[:, j, 0 if v > 0 else 1], line, color=colour, lw=0.9, alpha=0.7)
    ax.plot([], [], "-", color=POSITIVE, label="$v_j > 0$: $\\cos(w_j, x_+)$")
    ax.plot([], [], "--", color=NEGATIVE, label="$v_j < 0$: $\\cos(w_j, x_-)$")
    ax.set(xlabel="time $t$", ylabel="cosine to the goal", ylim=(-1.05, 1.05))
    ax.legend(loc="lower right")
    return ax


def loss(path: Trajectory, ax=None, relative=False):
    """The loss over time, divided by its first value if `relative`.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> ax = al.plots.loss(path, relative=True)
    """
    ax = _axes(ax)
    inputs.choice("relative", relative, (True, False))
    scale = path.loss[0] if relative else 1.0
    ax.plot(path.t, path.loss / scale, color="black")
    ax.set(xlabel="time $t$", ylabel="loss / first loss" if relative else "loss $L$")
    return ax


def norms(path: Trajectory, ax=None):
    """`‖w_j‖` of every neuron over time, on a logarithmic axis, which has no place for `w_j = 0`.

    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> ax = al.plots.norms(path)
    """
    ax = _axes(ax)
    sizes = np.stack([measure.norms(net) for net in path.networks()])
    sizes[sizes == 0] = np.nan
    for j, v in enumerate(path.final.v):
        line, colour = _by_sign(v)
        ax.plot(path.t, sizes[:, j], line, color=colour, lw=0.9, alpha=0.7)
    ax.set(yscale="log", xlabel="time $t$", ylabel="$\\|w_j\\|$")
    return ax


def fitted(net: Network, data: Dataset, ax=None):
    """A network of one input and a bias as a function of the input, with the data.

    >>> net = al.Network.balanced(width=20, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.three_points(), "squared", t_end=60)
    >>> ax = al.plots.fitted(path.final, path.data)
    """
    ax = _axes(ax)
    low, high = data.x[:, 0].min(), data.x[:, 0].max()
    reach = np.linspace(low - 0.2 * (high - low), high + 0.2 * (high - low), 400)
    ax.plot(reach, net(np.stack([reach, np.ones_like(reach)], axis=1)), color=POSITIVE, label="network")
    ax.plot(data.x[:, 0], data.y, "o", color="black", ms=6, label="data", zorder=3)
    ax.set(xlabel="input $x$", ylabel="output")
    return ax


def diagnosis(found: "Diagnosis", ax=None):
    """The loss of a diagnosed run, its plateaus shaded and named, and when its neurons had aligned.

    A dotted line is the limit that the certificate proves, a triangle an escape that is foretold.

    >>> net = al.Network.balanced(width=20, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.three_points(), "squared", t_end=60)
    >>> ax = al.plots.diagnosis(al.diagnose(path))
    """
    ax = loss(found.path, ax)
    for one in found.plateaus:
        ax.axvspan(one.begin, one.end, color=DEAD, alpha=0.18, lw=0)
        middle, words = (one.begin + one.end) / 2, f"stands at: {one.reference}"
        ax.annotate(words, (middle, one.loss), (0, 6), textcoords="offset points", ha="center")
    if np.isfinite(found.aligned):
        ax.axvline(found.aligned, color=POSITIVE, ls="--", label="aligned")
    if found.certificate is not None and any(one.key == "stuck" for one in found.findings):
        ax.axhline(found.certificate.limit, color=NEGATIVE, ls=":", label="proved limit")
    escapes = [way.escape for way in found.ways_out if np.isfinite(way.escape)]
    if escapes:
        later = found.path.t[-1] + min(escapes)
        ax.plot(later, found.path.loss[-1], "v", color=POSITIVE, label="escape foretold")
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    return ax


def _by_sign(v):
    """Line style and colour of a neuron with output weight `v`."""
    return ("-", POSITIVE) if v > 0 else ("--", NEGATIVE)


def _axes(ax, polar=False):
    if ax is not None and not isinstance(ax, Axes):
        raise ValueError(f"`ax` must be axes of Matplotlib or None, got {type(ax).__name__}")
    if ax is not None:
        if polar != (ax.name == "polar") or ax.name == "3d":
            need = "polar axes" if polar else "axes of a plane"
            raise ValueError(f"`ax` must be {need}, got the projection {ax.name!r}")
        return ax
    return plt.figure().add_subplot(projection="polar" if polar else None)


inputs.guard(globals())
