"""The figures of the appendix on the solver."""

import matplotlib.pyplot as plt
import numpy as np

import alignlib as al
from alignlib.plots import POSITIVE
from studies.work import DESCENT, OURS

PANELS = {
    "A-100-100": "A: $n = 100$, $h = 100$",
    "A-500-100": "A: $n = 500$, $h = 100$",
    "B-2000": "B: $h = 2{,}000$",
    "M": "M: $h = 50$",
    "S-100-100": "S: leaky slope",
    "D-200": "D: weight decay",
}
COLOURS = ["#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#0072B2", "#D55E00"]


def polygon(run, data):
    """The path of the one neuron of `run` in the plane, with its events."""
    end = run.t[-1]
    w = np.array([run.at(t).w[0] for t in np.linspace(0, end, 400)])
    corners = np.array([run.at(t).w[0] for t in run.events["t"]])
    _, ax = plt.subplots(figsize=(4.6, 4.6))
    al.plots.cones(data, ax, radius=1.3)
    ax.plot(*w.T, color=POSITIVE)
    ax.plot(*corners.T, "o", color=POSITIVE, ms=4)
    ax.annotate("", w[-1], w[-20], arrowprops={"arrowstyle": "-|>", "color": POSITIVE, "lw": 2})
    ax.plot(*w[0], "*", color="black", ms=11)
    ax.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), xlabel="$w_1$", ylabel="$w_2$")


def order(found):
    """The error against the number of steps, of each problem in `found`: see `work.errors`."""
    fig, ax = plt.subplots(figsize=(5, 3.8))
    for (name, (_, steps, error, _)), mark in zip(found.items(), ("o-", "s--")):
        ax.loglog(steps, error, mark, label=name, ms=5)
    guide = np.array([15, 300])
    for slope, style in ((-5, ":"), (-2, "-.")):
        line = 2e-5 * (guide / 15.0) ** slope
        ax.loglog(guide, line, style, color="0.4", label=f"slope ${slope}$")
    ax.set(xlabel="steps", ylabel="error of the outputs")
    ax.set_xticks([10, 30, 100, 300], labels=[10, 30, 100, 300])
    ax.minorticks_off()
    fig.legend(loc="outside lower center", ncols=1)


def work(table, error):
    """Error against processor time of all solvers of the table, a panel a problem."""
    runs = table[(table.status == "ok") & (table.error > 0)]
    names = sorted(set(runs.solver[runs.problem.isin(PANELS)]) - {OURS, DESCENT})
    styles = {**dict(zip(names, zip(COLOURS, "sv^D<>"))), OURS: ("black", "o")}
    fig, axes = plt.subplots(3, 2, figsize=(5, 8.4), sharex=True, sharey=True)
    for ax, (problem, title) in zip(axes.flat, PANELS.items()):
        for name, (colour, mark) in styles.items():
            part = runs[(runs.problem == problem) & (runs.solver == name)]
            line = {"ls": "-" if name == OURS else "--", "lw": 1, "marker": mark, "ms": 4}
            label = name.replace(OURS, "alignlib (this solver)")
            ax.loglog(part.cpu, part.error, color=colour, label=label, **line)
        ax.axhline(error, color="0.6", ls=":", lw=1)
        ax.set(title=title, xlim=(0.01, 40), ylim=(3e-12, 1))
        ax.set_xticks([0.01, 0.1, 1, 10], labels=["0.01", "", "1", ""])
    for ax in axes[-1]:
        ax.set_xlabel("processor time (s)")
    for ax in axes[:, 0]:
        ax.set_ylabel("error of the outputs")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=1)
