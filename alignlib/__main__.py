"""`python -m alignlib`: what runs here, and whether it computes what is known in closed form.

The answer to "is it installed right?", and what a report of an error needs. The exit code is 0 if every
check passes.

`python -m alignlib diagnose run.npz` prints the diagnosis of a run. The file holds the arrays `x` (n, d),
`y` (n,), `t` (m,), `w` (m, h, d), `v` (m, h), and `loss`, the name "squared", "exponential" or "logistic";
`al.diagnosis.save` writes one, and says what else may be in it. The exit code is 0 if nothing is wrong, 1
if something was found, 2 if the file cannot be read.
"""

import os
import platform
import sys
import time
from importlib.metadata import version

import numpy as np
from llvmlite import binding  # of Numba

import alignlib as al
from alignlib.solver import threads

# Errors that are allowed. The early phase: roundings of 1e-16, a few at each of a neuron's twenty events.
# The flow: at each of some forty steps 1e-6 (`rtol`) in the size of w and in that of v, of outputs up to 1.
# What is kept: roundings at each of some hundred events and steps.
EARLY, FLOW, KEPT = 1e-12, 1e-4, 1e-12


def early_phase():
    """The times at which `early_flow` has neurons at their goal, against heights that only rise.

    On equicorrelated data, module `equicorrelated`: another algorithm, without coordinates.
    """
    data = al.data.equicorrelated(20, 0.1)
    net = al.Network.balanced(width=10, dim=data.dim, scale=1e-6, rng=0)
    expected = al.equicorrelated.align(al.equicorrelated.Heights.of(net, data)).times
    found = al.early_flow(net, data, "exponential").alignment_times
    return float(np.abs(found / expected - 1).max()), EARLY


def logistic_growth():
    """One balanced neuron on one sample: `f' = 4 f (1 - f)` under the squared loss."""
    data = al.Dataset([[1.0]], [1.0])
    start, t = 1e-4, np.linspace(0.0, 4.0, 9)
    net = al.Network([[np.sqrt(start)]], [np.sqrt(start)])
    path = al.gradient_flow(net, data, "squared", t_end=t[-1], t_save=t)
    exact = 1 / (1 + (1 / start - 1) * np.exp(-4 * path.t))
    return float(np.abs(path.outputs[:, 0] - exact).max()), FLOW


def conserved():
    """`‖w_j‖² - v_j²` of the flow, from a start that is not balanced."""
    net = al.Network.unbalanced(width=20, dim=2, scale=1.0, rng=0)
    final = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3.0).final
    drift = np.abs(final.minkowski() - net.minkowski())
    return float((drift / (final.v**2 + 1)).max()), KEPT


CHECKS = {
    "early phase, against rising heights": early_phase,
    "full flow, against logistic growth": logistic_growth,
    "full flow, against what it conserves": conserved,
}


def about():
    """What runs here, by name."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    kernel = al.equicorrelated._rise  # any compiled function
    cache = getattr(getattr(kernel, "stats", None), "cache_path", None)
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba"))
    return {
        "alignlib": al.__version__,
        "Python": f"{platform.python_version()}, {packages}",
        "processor": f"{binding.get_host_cpu_name()}, {platform.system()} {platform.machine()}",
        "BLAS": f"{blas['name']} {blas.get('version', '')}".strip(),
        "threads": threads.count(),
        "cache of Numba": cache or "none",
    }


def passes(name, check):
    """Run a check and print the verdict."""
    error, allowed = check()
    good = error <= allowed  # nan is not
    print(f"{'pass' if good else 'FAIL':<15} {name}: off by {error:.0e}, allowed {allowed:.0e}")
    return good


def main():
    """Print it all; the exit code."""
    for name, what in about().items():
        print(f"{name:<15} {what}")
    began = time.perf_counter()
    for check in CHECKS.values():
        check()
    compiled = time.perf_counter()
    print(f"{'compiled':<15} or read from the cache, in {compiled - began:.1f} s")
    good = [passes(name, check) for name, check in CHECKS.items()]
    print(f"{'self-check':<15} {sum(good)} of {len(good)} passed in {time.perf_counter() - compiled:.1f} s")
    return 0 if all(good) else 1


def diagnose(file):
    """Print the diagnosis of the run in a file; the exit code."""
    try:
        found = al.diagnose(al.diagnosis.load(file))
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 2
    print(found)
    return 0 if found.healthy else 1


def command(words):
    """What these words ask for; the exit code."""
    if not words:
        return main()
    if len(words) == 2 and words[0] == "diagnose":
        return diagnose(words[1])
    print("usage: python -m alignlib [diagnose run.npz]", file=sys.stderr)
    return 2


def piped(words):
    """What `command` does, where somebody may read no further: `| head`."""
    try:
        code = command(words)
        print(end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own last flush
        return 1
    return code


if __name__ == "__main__":
    sys.exit(piped(sys.argv[1:]))
