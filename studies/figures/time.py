"""The pictures of chapter 3: heights that come up, and how long they take."""

import matplotlib.pyplot as plt
import numpy as np

import alignlib as al
from studies import late

ORDER = r"MMV's order $\log n/\sqrt{\mu}$"
TWO = {"figsize": (4.8, 5.2)}  # one panel over the other: letters that a phone can show
ONE = {"figsize": (4.8, 3.2)}
OPEN = {"color": "black", "mfc": "white"}
# From x_-, in degrees, and none along a wall of the three samples, where rounding decides.
ANGLES = [180, 160, 140, 130, 120, 110, 100, 95, *range(85, 55, -5), *range(50, 5, -5), 7, 5, 3, 2, 1, 0]
LIMITS = (-1.8, 1.8), (-1.35, 1.75)


def inks(data):
    """A colour and a dash for every sample, by its label."""
    dashes = {1.0: iter(("-", "-.", (0, (1, 1)), (0, (5, 1)))), -1.0: iter(("--", ":", (0, (3, 1, 1, 1))))}
    colour = {1.0: al.plots.POSITIVE, -1.0: al.plots.NEGATIVE}
    return [{"color": colour[y], "ls": next(dashes[y], "-")} for y in np.sign(data.y)]


def followed(early, j, times):
    """Of neuron j at each time: its heights and |v|, both in units of its first |v|."""
    nets = [early.at(t) for t in times]
    size = np.abs(early.start.v[j])
    climbs = np.array([late.heights(net, early.data)[j] for net in nets])
    return climbs / size, np.abs([net.v[j] for net in nets]) / size


def proof(early, j):
    """The proof in a picture: |v| above cosh t, hence every height above μ sinh t - 1."""
    data, bound = early.data, al.theory.bound_alignment_time(early.data.mu)
    t = np.linspace(0, 1.18 * bound, 200)
    climbs, size = followed(early, j, t)
    _, (above, below) = plt.subplots(2, sharex=True, height_ratios=[1, 1.15], **TWO)
    inside = t <= bound
    above.fill_between(t[inside], np.cosh(t[inside]), color="0.88")
    above.plot(t, np.cosh(t), "--", color="0.35", lw=1.5)
    above.plot(t, size, color="black")
    above.text(0.6 * bound, 0.45, r"area $\sinh t$", ha="center")
    above.set(ylabel=r"$v/v(0)$", ylim=(0, 1.15 * np.cosh(t[-1])))
    below.plot(t, data.mu * np.sinh(t) - 1, "--", color="0.35", lw=1.5)
    for climb, ink in zip(climbs.T, inks(data)):
        below.plot(t, climb, **ink)
    below.axhline(0, color="black", lw=0.8)
    below.set(xlabel="time $t$", ylabel=r"height $\zeta_k/v(0)$", ylim=(-1.08, 1))
    for ax in (above, below):
        ax.axvline(bound, color="black", ls=":", lw=1.2)
    below.text(bound, -0.9, r"$\mathrm{arsinh}(1/\mu)$ ", ha="right")
    return above, below


class Turned:
    """The explorer's pictures: one neuron of an early flow in the plane for every angle from x_-."""

    def __init__(self, fan, angles, last=6.0):
        self.fan, self.data, self.angles, self.last = fan, fan.data, list(angles), last
        self.bound = al.theory.bound_alignment_time(self.data.mu)
        self.t = np.arange(0, last + 1e-9, 0.05)
        nets = [fan.at(time) for time in self.t]
        self.trails = np.array([net.w for net in nets])
        self.climbs = np.array([late.heights(net, self.data) for net in nets])

    def crossings(self, psi):
        """When the neuron that starts at this angle crosses a wall."""
        events = self.fan.events
        times = events["t"][events["neuron"] == self.angles.index(psi)]
        return times[times > 0]

    def stages(self, psi):
        """How long it stays in each stage before it is aligned, and with how many active samples."""
        ends = np.array([0, *self.crossings(psi)] if psi else [0, self.last])
        signs = map(self.fan.patterns, (ends[1:] + ends[:-1]) / 2)
        active = [int((sign[self.angles.index(psi)] > 0).sum()) for sign in signs]
        return np.diff(ends), active

    def grows(self, psi):
        """Whether its output weight does not shrink at the start."""
        start = self.fan.start
        pulled = al.geometry.pulled(start, self.data, self.data.y)
        return bool(((start.w * pulled).sum(axis=1) * start.v)[self.angles.index(psi)] >= 0)

    def time(self, psi):
        return self.fan.alignment_times[self.angles.index(psi)]

    def draw(self, figure, psi):
        above, below = figure.subplots(2, 1, height_ratios=[1.8, 1])
        self.path(above, psi)
        self.heights(below, psi)

    def path(self, ax, psi):
        i = self.angles.index(psi)
        al.plots.samples(self.data, al.plots.cones(self.data, ax, radius=4))
        for name in ax.texts:  # the cones' names, out of the way of the paths
            name.set_position((-0.9, 1.45) if name.get_position()[1] > 0 else (-0.8, -1.15))
        self.angle(ax, psi)
        ax.plot(*self.trails[:, i].T, color="black", lw=1.4)
        dots = self.trails[::5, i]
        ax.plot(*dots[_inside(dots)].T, "o", color="black", ms=3)
        ax.plot(*self.trails[0, i], "o", ms=8, zorder=4, **OPEN)
        gates = np.array([self.fan.at(time).w[i] for time in self.crossings(psi)]).reshape(-1, 2)
        ax.plot(*gates[_inside(gates)].T, "D", ms=6, zorder=4, **OPEN)
        ax.set(xlim=LIMITS[0], ylim=LIMITS[1])
        ax.set_axis_off()
        how = "grows" if self.grows(psi) else "shrinks first"
        when = f"$t_1 = {self.time(psi):.3g}$" if psi else "never arrives"
        ax.set_title(rf"$\psi = {psi}°$: {how}, {when}")

    def angle(self, ax, psi):
        """The direction x_- and the angle from it to the start."""
        tip = self.trails[0, self.angles.index(psi)]
        ax.plot(*np.array([[0, -1], [0, 0], tip]).T, color="0.3", lw=0.8)
        ax.text(-0.1, -1.02, "$x_-$", ha="right", va="center")
        if psi > 0:
            arc = np.radians(270 + np.linspace(0, psi, 60))
            ax.plot(0.4 * np.cos(arc), 0.4 * np.sin(arc), color="0.3", lw=1)
            # A narrow angle has its name beside it.
            middle = np.radians(270 + (psi / 2 if psi >= 25 else -17))
            ax.text(0.57 * np.cos(middle), 0.57 * np.sin(middle), r"$\psi$", ha="center", va="center")

    def heights(self, ax, psi):
        i = self.angles.index(psi)
        for climb, ink in zip(self.climbs[:, i].T, inks(self.data)):
            ax.plot(self.t, climb, **ink)
        ax.axhline(0, color="black", lw=0.8)
        times = self.crossings(psi)
        ax.plot(times, 0 * times, "D", ms=6, zorder=4, **OPEN)
        ax.plot([self.bound] * 2, [-1, 1], ":", color="black", lw=1.2)
        ax.text(self.bound + 0.1, -0.8, r"$\mathrm{arsinh}(1/\mu)$")
        stays, counts = self.stages(psi)
        for end, stay, count in zip(np.cumsum(stays), stays, counts):
            if stay > 0.3:
                ax.text(end - stay / 2, -1.22, f"{count}", ha="center")
        ax.text(0.985 * self.last, -1.22, "$n_a$", ha="right")
        ax.set(xlim=(0, self.last), ylim=(-1.3, 1), xlabel="time $t$", ylabel=r"height $\zeta_k$")

    def words(self, psi):
        if psi == 0:
            return "Exactly opposed, the neuron shrinks for ever and never arrives."
        how = "grows" if self.grows(psi) else "shrinks at first"
        stages = [f"{stay:.2f} with {n} active" for stay, n in zip(*self.stages(psi))]
        order = "before" if self.time(psi) < self.bound else "after"
        return (
            f"At {psi} degrees from x minus the neuron {how}; it is aligned at {self.time(psi):.2f}, "
            f"{order} arsinh(1/μ) = {self.bound:.2f}; stages: {', '.join(stages) or 'none'}."
        )


def _inside(points):
    """Which points the frame does not cut."""
    return (np.abs(points - [0, 0.2]) < [1.75, 1.5]).all(axis=-1)


def worst(mus, triples, quartets):
    """The slow constructions against the bounds without n, and MMV's order at two n."""
    grid = np.geomspace(mus.min(), 0.5, 60)
    growing = np.array([al.theory.bound_alignment_time(mu) for mu in grid])
    whole = growing + [al.theory.bound_turning_time(mu) for mu in grid]
    _, ax = plt.subplots(figsize=(4.8, 3.8))
    for n in (10, 10_000):
        ax.loglog(1 / grid, np.log(n) / np.sqrt(grid), "--", color="0.5")
    ax.loglog(1 / grid, whole, color="black")
    ax.loglog(1 / mus, quartets, "s", ms=5, **OPEN)
    ax.loglog(1 / grid, growing, color="black")
    ax.loglog(1 / mus, triples, "o", color="black", ms=5)
    ax.text(1.2e6, 190, "MMV's order,\n$n = 10$", color="0.35", va="center")
    ax.text(60, 190, "$n = 10{,}000$", ha="right", color="0.35")
    right = {"x": 1 / mus.min(), "ha": "right"}
    ax.text(y=50, s="one right sample", **right)
    ax.text(y=4.6, s="growing neuron", **right)
    ax.set(xlabel=r"$1/\mu$", ylabel="alignment time $t_1$", ylim=(0.8, 500))
    return ax


def clocks(typical):
    """Typical times against n, `typical` by (data, n, μ): summed loss above, mean loss below."""
    fig, axes = plt.subplots(2, sharex=True, figsize=(4.8, 6.2))
    n, mu = np.array([10, 10_000]), 0.1
    kinds = [
        (
            "equicorrelated",
            0.001,
            r"$d = n$, $\mu = 0.001$",
            {"marker": "s", "color": "black", "mfc": "white"},
        ),
        ("equicorrelated", mu, r"$d = n$, $\mu = 0.1$", {"marker": "s", "color": "black"}),
        ("separated", mu, r"$d = 20$, $\mu = 0.1$", {"marker": "o", "color": al.plots.OTHERS[1]}),
    ]
    for ax, power, name in zip(axes, (0, 1), ("summed loss", "mean loss: times $n$")):
        ax.loglog(n, n**power * np.log(n) / np.sqrt(mu), "--", color="0.5", label=ORDER)
        bound = al.theory.bound_alignment_time(mu)
        ax.loglog(n, n**power * bound, ":", color="0.2", label=r"$\mathrm{arsinh}(1/\mu)$")
        for kind, separation, label, look in kinds:
            times = typical[kind].xs(separation, level="mu")
            ax.loglog(times.index, times * times.index**power, ms=4, label=label, **look)
        ax.set_title(name)
        ax.set(ylabel="$t_1$", xlim=(8, 1.3e4))
    axes[1].set_xlabel("samples $n$")
    fig.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=2)


def delays(cases, ax=None):
    """How much later than the early flow, against the output that it predicts: `cases` by (μ, h)."""
    ax = ax or plt.subplots(figsize=(4.8, 3.8))[1]
    line = np.logspace(-5, 2, 2)
    ax.loglog(line, 0.2 * line, ":", color="black", lw=1.2)
    ax.text(2e-2, 2e-2, "0.2 × output", ha="right")
    rows = (1e3, 5e3, 2.5e4)
    # Black last, so that the other two do not cover it.
    for ((mu, width), some), mark, ink, row in [*zip(cases, "osD", al.plots.OTHERS, rows)][::-1]:
        look = {"ls": "", "marker": mark, "color": ink, "mfc": "none", "ms": 3.5, "mew": 0.6}
        there = np.isfinite(some.late)
        seen, never = some[there], some[~there]
        ax.loglog(seen.output, seen.delay, label=rf"$\mu={mu}$, $h={width}$", **look)
        ax.loglog(never.output, np.full(len(never), row), **look)
    ax.text(4, 5e3, "not aligned", ha="right", va="center")
    ax.set(xlabel=r"output predicted at $t_1(0)$", ylim=(1e-6, 1e5))
    ax.set_ylabel(r"delay $t_1(\varepsilon)/t_1(0) - 1$")
    ax.legend(loc="upper left", markerscale=1.6)
    return ax
