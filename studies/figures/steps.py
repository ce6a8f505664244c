"""Figures of chapter 7: one step in the plane of D and v, neurons that turn, escapes of descent."""

import matplotlib.pyplot as plt
import numpy as np

import alignlib as al
from studies import optimisers, steps, turning
from studies.figures.failure import interval

BLUE, ORANGE, GREY = al.plots.POSITIVE, al.plots.NEGATIVE, "0.45"


def one_step(q=0.3, count=12):
    """Flow and descent of one neuron in the plane of b and v: a hyperbola, and steps that leave it."""
    _, ax = plt.subplots(figsize=(4.6, 3.4))
    b, v = -0.97, 1.0
    across = v**2 - b**2
    ax.plot([-1.1, 0, 1.1], [1.1, 0, 1.1], ":", color=GREY)
    line = np.linspace(-1.05, 0.75, 100)
    ax.plot(line, np.sqrt(line**2 + across), "--", color="black", label="flow")
    points = [(b, v)]
    for _ in range(count):
        points.append((points[-1][0] + q * points[-1][1], points[-1][1] + q * points[-1][0]))
    ax.plot(*np.transpose(points), "o-", color=BLUE, ms=5, label=r"descent, $\eta\|D\|=0.3$")
    ax.text(0.56, 0.47, "light cone", color=GREY)
    ax.set(xlabel="$b$, the part of $w$ along $D$", ylabel="$v$", xlim=(-1.05, 1.0), ylim=(0, 1.05))
    ax.legend(loc="upper center")


class Opposed:
    """A neuron of the three points with v < 0, nearly where neurons with v > 0 go: flow and descent."""

    def __init__(self, angle=0.01, end=14.0):
        self.data, self.end = al.data.three_points(), end
        (aim,) = (one for one in al.extremal_vectors(self.data, "squared") if one.rate)
        along, across = aim.direction, np.array([aim.direction[1], -aim.direction[0]])
        self.start = al.Network([np.cos(angle) * along + np.sin(angle) * across], [-1.0])
        self.walls = np.degrees(np.arctan2(-self.data.x[:, 0], self.data.x[:, 1]))

    def follow(self, step):
        """Times, angles of w in degrees, and v/‖w‖."""
        pulls = al.loss.get("squared").pull(np.zeros(3), self.data.y)
        w, v, rows = self.start.w, self.start.v, []
        for k in range(round(self.end / step) + 1):
            rows.append((k * step, np.degrees(np.arctan2(*w[0][::-1])), v[0] / np.hypot(*w[0])))
            w, v, _ = turning.one_step(w, v, self.data, pulls, step)
        return np.transpose(rows)

    def draw(self, figure, step):
        top, bottom = figure.subplots(2, 1, sharex=True)
        times = np.linspace(0, self.end, 300)
        flow = al.early_flow(self.start, self.data, "squared")
        nets = [flow.at(t) for t in times]
        angle = [np.degrees(np.arctan2(*net.w[0][::-1])) for net in nets]
        t, turned, ratio = self.follow(step)
        top.plot(times, angle, "--", color="black", label="flow")
        top.plot(t, turned, "-", color=BLUE, label="descent")
        for wall in self.walls:
            if -30 < wall < 150:
                top.axhline(wall, color="0.75", lw=0.8)
        top.set(ylabel="angle of $w$ (°)", ylim=(0, 125), yticks=[0, 45, 90])
        top.legend(loc="upper center")
        bottom.axhline(0, color="0.75", lw=0.8)
        bottom.plot(times, [net.v[0] / np.hypot(*net.w[0]) for net in nets], "--", color="black")
        bottom.plot(t, ratio, "-", color=BLUE)
        bottom.set(xlabel="time $t$", ylabel=r"$v/\|w\|$", ylim=(-1.1, 1.1), yticks=[-1, 0, 1])

    def words(self, step):
        _, _, ratio = self.follow(step)
        end = "turns the sign of v and lives" if ratio[-1] > 0 else "dies with v < 0, as in the flow"
        return f"At step {step:g} the neuron {end}."


def chances(rows, single):
    """Chances to turn the sign of v against 1 over step and rate, measured, and by the law.

    `rows` maps a name to its columns 1/(η‖D‖), chance, law; `single` has the first two, for batches of one.
    """
    _, ax = plt.subplots(figsize=(5, 3.6))
    for (name, (x, chance, law)), ink, mark in zip(rows.items(), (BLUE, ORANGE), "os"):
        ax.semilogy(x, chance, mark, color=ink, ms=6, label=name)
        ax.semilogy(x, law, "-", color=ink, lw=1)
    ax.semilogy(*single, "^--", color="black", ms=5, lw=1, label="three points, one sample a step")
    ax.set(xlabel=r"$1/(\eta\|D\|)$", ylabel=r"chance to turn the sign of $v$", ylim=(1e-9, 3))
    ax.legend(loc="lower left")


def shares(table):
    """Escaped runs of rows that belong together: how many, and of how many."""
    return table.below.sum(), steps.SEEDS * len(table)


def escapes(table, law):
    """Share of escaped runs over the (effective) step, with 95 % intervals, and the law."""
    _, ax = plt.subplots(figsize=(5, 3.4))
    ax.plot(law[0], law[1], "-", color="black", lw=1, label="from single neurons")
    kinds = {  # momentum, how it is drawn, and how far to the side
        "plain": (0.0, BLUE, "o", 0.0),
        "momentum 0.5": (0.5, ORANGE, "s", 0.005),
        "momentum 0.9": (0.9, "black", "^", 0.01),
    }
    for name, (momentum, ink, mark, shift) in kinds.items():
        these = table[table.momentum == momentum]
        for step, part in these.groupby("step"):
            _dot(ax, al.theory.effective_step(step, momentum) + shift, part, ink, mark, name)
            name = None  # one label a kind
    ax.set(
        xlabel=r"step, with momentum $\eta(1+m)/(1-m)^2$",
        ylabel="share of runs that escape",
        ylim=(-0.03, 1),
    )
    ax.legend(loc="upper left")


def scales(table, law):
    """The same over the scale of the start, at one step."""
    _, ax = plt.subplots(figsize=(5, 3))
    ax.semilogx(law[0], law[1], "-", color="black", lw=1, label="from single neurons")
    name = "400 or 200 runs, step 0.2"
    for scale, part in table.groupby("scale"):
        _dot(ax, scale, part, BLUE, "o", name)
        name = None
    ax.set(xlabel=r"scale $\varepsilon$", ylabel="share of runs that escape", ylim=(-0.03, 0.6))
    ax.legend(loc="upper left")


def _dot(ax, x, part, ink, mark, name):
    count, total = shares(part)
    low, high = interval(count, total)
    share = count / total
    bars = [[share - low], [high - share]]
    ax.errorbar(
        [x], [share], bars, fmt=mark, color=ink, ms=5, lw=1, mfc="white" if mark == "s" else ink, label=name
    )


def rules(table, moment="early"):
    """The columns and rows of the table of rules on MNIST 0/1 at a moment, over the seeds of each."""
    count = optimisers.SEEDS * optimisers.WIDTH
    angles = ("angle to the class sum (°)", "to its signs (°)")
    columns = ("rule", "time", *angles, f"turned, of {count}", "imbalance $N/v^2$", "rank")
    return columns, [
        (name, *_rule(optimisers.of(table, run), moment)) for name, run in optimisers.KINDS.items()
    ]


def _rule(part, moment):
    middle = part.median(numeric_only=True)
    drift = middle[f"imbalance_{moment}"]
    return (
        *(float(f"{middle[f'{name}_{moment}']:.2g}") for name in ("time", "typical", "signs")),
        int(part[f"turned_{moment}"].sum()),
        round(drift) if drift > 1 else float(f"{drift:.0e}") if drift > 1e-12 else 0,
        round(part[f"rank_{moment}"].max(), 2),
    )


def latest(mu, rows):
    """Alignment times of the slowest neuron known over the step: measured, and the bounds."""
    _, ax = plt.subplots(figsize=(5, 3))
    step, measured, bound = np.transpose(rows)
    ax.plot(step, bound, "-", color="black", lw=1, label="bound of descent")
    ax.plot(step, measured, "o", color=BLUE, ms=5, label="measured")
    ax.axhline(
        np.arcsinh(1 / mu), ls="--", color=GREY, label=r"bound of the flow, $\mathrm{arsinh}(1/\mu)$"
    )
    ax.set(xlabel=r"step $\eta$", ylabel="alignment time", ylim=(2.5, 4.2))
    ax.legend(loc="upper left")
