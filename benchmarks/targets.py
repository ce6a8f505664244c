"""What was asked of the solver's speed and memory, and what it needs; each in a process of its own.

    python -m benchmarks.targets                  all, on one thread, in processor time
    python -m benchmarks.targets -t 2 script      one of them, on two threads, in wall time: alone

Writes `benchmarks/targets.csv`. What is compared is run in turns, five times, and the medians count. The
seconds of "M", "many samples", "random labels" and of the first use depend on the processor, which is
named; ratios hardly.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.solvers import Clock, problem, run_alignlib, run_published, run_scipy, versions
from studies.work import seconds_at

TABLE = Path(__file__).with_suffix(".csv")
ROUNDS = 5
UNIT = (1 if sys.platform == "darwin" else 1024) / 1e6  # of `ru_maxrss`, in MB
COLUMNS = ("target", "what", "asked", "measured", "unit", "threads", "clock", "versions", "date")


def clock():
    """Which clock counts: the processor's with one thread, else that on the wall."""
    return "processor" if os.environ["ALIGNLIB_THREADS"] == "1" else "wall"


def counted(cpu, wall):
    return cpu if clock() == "processor" else wall


def seconds(function):
    """How long it takes."""
    watch = Clock()
    function()
    return counted(*watch.read())


def in_turns(*functions):
    """The median seconds of each."""
    rounds = [[function() for function in functions] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds)]


def script():
    """The published script's two million steps, extrapolated, over the flow."""
    setting = problem("B-200000")
    published, ours = in_turns(
        lambda: counted(*run_published(*setting)[0]),
        lambda: counted(*run_alignlib(*setting, 1e-6)[0]),
    )
    return published / ours


def general(name):
    """SciPy's RK45, the best general solver on A in `solvers.csv`, over the flow, at the error 1e-6."""
    setting = problem(name)
    exact = run_alignlib(*setting, 1e-10)[1]

    def at_error(run, tolerances):
        found = [run(rtol) for rtol in tolerances]
        errors = [np.abs(outputs - exact).max() for _, outputs in found]
        return seconds_at(1e-6, [counted(*times) for times, _ in found], errors)

    general, ours = in_turns(
        lambda: at_error(lambda rtol: run_scipy("RK45", *setting, rtol), [1e-6, 1e-7, 1e-8, 1e-9]),
        lambda: at_error(lambda rtol: run_alignlib(*setting, rtol), [1e-4, 1e-5, 1e-6]),
    )
    return general / ours


def product():
    """The early flow of 1,000 neurons on MNIST, over the product of its weights and data."""
    import alignlib as al

    data = al.data.mnist_pair(0, 1)
    net = al.Network.balanced(1000, data.dim, 1e-6, rng=0)
    al.early_flow(net.some(slice(10)), data, "exponential")  # compiled, or read from the cache
    flow, once = in_turns(
        lambda: seconds(lambda: al.early_flow(net, data, "exponential")),
        lambda: seconds(lambda: net.w @ data.x.T),
    )
    return flow / once


def digits():
    """M at a tight tolerance."""
    return counted(*run_alignlib(*problem("M"), 1e-8)[0])


def many_samples():
    """1,300 normal samples in 100 dimensions with random labels, 100 neurons."""
    import alignlib as al

    rng = np.random.default_rng(0)
    data = al.Dataset(rng.standard_normal((1300, 100)) / 10, rng.choice([-1.0, 1.0], 1300))
    net = al.Network.balanced(100, 100, 1e-3, rng=0)
    setting = net, data, "squared", np.array([2000.0]), 0.0
    return counted(*run_alignlib(*setting, 1e-6)[0])


def random_labels():
    """As Dana, Bach and Pillaud-Vivien: output over the width, loss half the mean square times the width.

    For as long as they allow with steps of length 1. The width is that of their code for a good start with
    a chance of 95 percent, `⌊log(n / 0.05) / log(4/3)⌋ + 1`.
    """
    import alignlib as al
    from studies.others import isotropic, steps_allowed

    n, width = 1300, 36
    data, net = isotropic(n, 100, width, 0)
    times = np.array([float(steps_allowed(n, width))])
    return counted(*run_alignlib(net, data, al.loss.quadratic(0.5, "mean"), times, 0.0, 1e-6)[0])


def first_use(call):
    """Seconds from the start of Python to the result, with an empty cache."""
    ask = f"import alignlib as al; net = al.Network.balanced(50, 2, 1e-3, rng=0); {call}"
    with tempfile.TemporaryDirectory() as empty:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", ask], env={**os.environ, "NUMBA_CACHE_DIR": empty}, check=True
        )
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return counted(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def memory_of_flow():
    import alignlib as al

    net, data, loss, times, _ = problem("B-200000")
    al.gradient_flow(net, data, loss, times[-1])
    return UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory_of_early_flow():
    """In a process that finds the images as an array: reading them takes more than the flow. On Linux.

    (`ru_maxrss` of a child begins with that of its parent.)
    """
    import alignlib as al

    data = al.data.mnist_pair(0, 1)
    ask = """
import numpy as np, alignlib as al
data = al.Dataset(*np.load("images.npz").values())
al.early_flow(al.Network.balanced(1000, data.dim, 1e-6, rng=0), data, "exponential")
print(next(line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line))"""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "images.npz", x=data.x, y=data.y)
        run = [sys.executable, "-c", ask]
        return UNIT * float(subprocess.run(run, cwd=folder, stdout=subprocess.PIPE, check=True).stdout)


TOY = "al.data.toy_2d(), 'exponential'"
# What is measured, what was asked, its unit, and how.
TARGETS = {
    "script": ("B, 200,000 neurons, t = 2,000: the published script over the flow", ">= 5000", "", script),
    "general 100": (
        "A, 100 samples, 100 neurons, error 1e-6: the best general solver over the flow",
        ">= 10",
        "",
        lambda: general("A-100-100"),
    ),
    "general 500": ("the same, 500 samples", ">= 10", "", lambda: general("A-500-100")),
    "product": ("early flow of 1,000 neurons on MNIST over the product W X'", "<= 15", "", product),
    "M": ("MNIST, 50 neurons, rtol 1e-8", "<= 30", "s", digits),
    "many samples": ("1,300 samples, 100 dimensions, 100 neurons, t = 2,000", "<= 15", "s", many_samples),
    "random labels": (
        "1,300 samples, 100 dimensions, 36 neurons, as Dana et al. (2025)",
        "<= 15",
        "s",
        random_labels,
    ),
    "first early flow": (
        "first use of early_flow, compilation included",
        "<= 5",
        "s",
        lambda: first_use(f"al.early_flow(net, {TOY})"),
    ),
    "first flow": (
        "first use of gradient_flow, compilation included",
        "<= 8",
        "s",
        lambda: first_use(f"al.gradient_flow(net, {TOY}, 3.0)"),
    ),
    "memory B": ("peak memory of B, 200,000 neurons", "<= 350", "MB", memory_of_flow),
    "memory MNIST": (
        "peak memory of the early flow of 1,000 neurons on MNIST",
        "<= 350",
        "MB",
        memory_of_early_flow,
    ),
}


def measured(name, threads):
    """One row, from a process with so many threads."""
    keys = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ALIGNLIB_THREADS")
    environment = {**os.environ, **dict.fromkeys(keys, str(threads))}
    command = [sys.executable, "-m", "benchmarks.targets", "--measure", name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    what, asked, unit, _ = TARGETS[name]
    value, used = json.loads(done.stdout)
    print(f"{name:18} {what}: {value:.3g} {unit} (asked: {asked})", flush=True)
    common = {"versions": versions(), "date": time.strftime("%Y-%m-%d")}
    row = (name, what, asked, f"{value:.4g}", unit, threads, "" if unit == "MB" else used)
    return {**dict(zip(COLUMNS, row)), **common}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help="which to measure")
    parser.add_argument("-t", "--threads", type=int, default=1, help="how many threads")
    parser.add_argument("--measure", choices=TARGETS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        return print(json.dumps([TARGETS[chosen.measure][-1](), clock()]))
    before = csv.DictReader(TABLE.read_text().splitlines()) if TABLE.exists() else []
    rows = {(row["target"], row["threads"]): row for row in before}
    for name in chosen.targets:
        rows[name, str(chosen.threads)] = measured(name, chosen.threads)
        with TABLE.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows.values())


if __name__ == "__main__":
    main()
