"""Work against precision: the flow's solver, gradient descent, and general ODE solvers.

    python -m benchmarks.solvers            all problems, at most 40 minutes on one core
    python -m benchmarks.solvers B-200      one of them
    python -m benchmarks.solvers limits     how often a loose run of B ends at the right limit

Writes `benchmarks/solvers.csv`: one row a run, with processor and wall time, the error of the outputs
at fixed times, and the versions. A solver has one process with one thread for all its tolerances of a
problem, and a limit of processor time for them together; a tolerance that did not finish is a row too.
Times of one run of this script may be compared with each other, and with nothing else.

A is separated data, B three points, M MNIST 0/1; S is A with a leaky slope, D is B with weight decay.

The reference of a problem is the flow's own solver at its tightest tolerance. That it is right is shown
by the tests, against DOP853 restarted at every event (on S and D themselves, with fewer neurons), and by
the table itself where general solvers come near to it.
"""

import argparse
import csv
import functools
import importlib.metadata
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

TABLE = Path(__file__).with_suffix(".csv")
PUBLISHED_STEP = 1e-3  # BF's script
TIMED_STEPS = 300  # of published gradient descent; the rest is extrapolated

# `limit`: seconds of processor time that a solver has for all tolerances of the problem.
PROBLEMS = {
    "A-100-100": {"n": 100, "dim": 20, "h": 100, "t_end": 3.0, "limit": 15},
    "A-100-1000": {"n": 100, "dim": 20, "h": 1000, "t_end": 3.0, "limit": 20},
    "A-500-100": {"n": 500, "dim": 100, "h": 100, "t_end": 3.0, "limit": 20},
    "A-500-1000": {"n": 500, "dim": 100, "h": 1000, "t_end": 3.0, "limit": 40},
    "B-200": {"h": 200, "t_end": 2000.0, "limit": 25},
    "B-2000": {"h": 2_000, "t_end": 2000.0, "limit": 20},
    "B-20000": {"h": 20_000, "t_end": 2000.0, "limit": 20},
    "B-200000": {"h": 200_000, "t_end": 2000.0, "limit": 40},
    "M": {"h": 50, "t_end": 0.1, "limit": 30},
    "S-100-100": {"n": 100, "dim": 20, "h": 100, "t_end": 3.0, "limit": 20, "slope": 0.2},
    "D-200": {"h": 200, "t_end": 2000.0, "limit": 25, "decay": 0.01},
}
TOLERANCES = [10.0**-k for k in range(2, 11)]
SOLVERS = {
    "alignlib": TOLERANCES[:-1],  # the last is the reference
    "SciPy RK45": TOLERANCES[2:],
    "SciPy DOP853": TOLERANCES[2:],
    "SciPy LSODA": TOLERANCES[2:],
    "torchdiffeq dopri5": TOLERANCES[2:],
    "diffrax Dopri8": TOLERANCES[2:],
    "diffrax Kvaerno5": TOLERANCES[2:],
}
IMPLICIT = ("SciPy LSODA", "diffrax Kvaerno5")
LARGEST = 7_000  # unknowns that an implicit solver is given: its Jacobian has as many squared
SEEDS, LOOSE, LONG = 12, 1e-3, 120  # of "limits": starts, relative tolerance, seconds for all starts
COLUMNS = ("problem", "solver", "rtol", "h", "cpu", "wall", "error", "status", "versions", "date")


def problem(name, seed=0, width=None):
    """Network, data, loss, the times at which outputs are compared, and the weight decay."""
    import alignlib as al

    spec = PROBLEMS[name]
    kind, end, h = name[0], spec["t_end"], width or spec["h"]
    decay, start = spec.get("decay", 0.0), {"negative_slope": spec.get("slope", 0.0), "rng": seed}
    if kind in "AS":
        data = al.data.separated(spec["n"], spec["dim"], 0.1, rng=0)
        net = al.Network.balanced(h, data.dim, 1e-4, **start)
        return net, data, "exponential", end * np.array([0.01, 0.02, 0.05, 0.1, 0.3, 1.0]), decay
    if kind in "BD":
        data = al.data.three_points()
        net = al.Network.balanced(h, 2, 1e-3, **start)
        return net, data, "squared", np.array([1.0, 2, 5, 10, 20, 100, end]), decay
    data = al.data.mnist_pair(0, 1)
    net = al.Network.balanced(h, data.dim, 1e-6, **start)
    return net, data, "exponential", end * np.array([0.2, 0.4, 0.5, 0.7, 1.0]), decay


def right_hand_side(net, data, pull, decay, xp):
    """The flow as a function of one long vector, for a library `xp` of arrays; and the outputs."""
    (h, d), slope = net.w.shape, net.negative_slope
    x, y = xp.asarray(np.array(data.x)), xp.asarray(np.array(data.y))

    def rhs(theta):
        w, v = theta[: h * d].reshape(h, d), theta[h * d :]
        z = w @ x.T
        active = z > 0
        f = v @ xp.where(active, z, slope * z)
        felt = xp.where(active, 1.0, slope) if slope else active
        pulled = (felt * pull(f, y)) @ x
        forward = xp.concatenate([(v[:, None] * pulled).ravel(), (w * pulled).sum(1)])
        return forward - decay * theta if decay else forward

    def outputs(theta):
        w, v = theta[: h * d].reshape(h, d), theta[h * d :]
        z = w @ data.x.T
        return np.where(z > 0, z, slope * z).T @ v

    return rhs, outputs


def pulls(loss, n, xp):
    if loss == "exponential":
        return lambda f, y: y * xp.exp(-y * f)
    return lambda f, y: 2 * (y - f) / n


@functools.cache
def compiled():
    """Numba's compilation is paid once an installation, so it is not counted."""
    import alignlib as al

    net = al.Network.balanced(50, 2, 1e-3, rng=0)
    al.gradient_flow(net, al.data.three_points(), "squared", 2000.0, rtol=1e-2)


def run_alignlib(net, data, loss, times, decay, rtol):
    import alignlib as al

    compiled()
    clock = Clock()
    path = al.gradient_flow(net, data, loss, times[-1], rtol=rtol, t_save=times, weight_decay=decay)
    return clock.read(), path.outputs[1:]


def run_scipy(method, net, data, loss, times, decay, rtol):
    from scipy.integrate import solve_ivp

    rhs, outputs = right_hand_side(net, data, pulls(loss, data.n, np), decay, np)
    theta = np.concatenate([net.w.ravel(), net.v])
    # SciPy's default atol is larger than the whole start: it must scale with it.
    atol = rtol * np.abs(theta).max()
    clock = Clock()
    found = solve_ivp(lambda t, y: rhs(y), (0, times[-1]), theta, method, times, rtol=rtol, atol=atol)
    return clock.read(), np.array([outputs(row) for row in found.y.T])


def run_torchdiffeq(net, data, loss, times, decay, rtol):
    import torch
    from torchdiffeq import odeint

    torch.set_default_dtype(torch.float64)
    rhs, outputs = right_hand_side(net, data, pulls(loss, data.n, torch), decay, torch)
    theta = torch.tensor(np.concatenate([net.w.ravel(), net.v]))
    at = torch.tensor(np.concatenate([[0.0], times]))
    clock = Clock()
    with torch.no_grad():
        found = odeint(lambda t, y: rhs(y), theta, at, rtol=rtol, atol=rtol * float(theta.abs().max()))
    return clock.read(), np.array([outputs(row) for row in found[1:].numpy()])


def run_diffrax(solver, net, data, loss, times, decay, rtol):
    import diffrax
    import jax

    jax.config.update("jax_enable_x64", True)
    rhs, outputs = right_hand_side(net, data, pulls(loss, data.n, jax.numpy), decay, jax.numpy)
    theta = jax.numpy.asarray(np.concatenate([net.w.ravel(), net.v]))
    atol = rtol * float(abs(theta).max())

    @jax.jit
    def solve(theta, end):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, _: rhs(y)),
            getattr(diffrax, solver)(),
            0.0,
            end,
            None,
            theta,
            saveat=diffrax.SaveAt(ts=jax.numpy.minimum(times * end / times[-1], end)),  # despite rounding
            stepsize_controller=diffrax.PIDController(rtol, atol),
            max_steps=None,
        ).ys

    solve(theta, times[0] * 1e-3).block_until_ready()  # compilation is not counted
    clock = Clock()
    found = solve(theta, float(times[-1])).block_until_ready()
    return clock.read(), np.array([outputs(row) for row in np.asarray(found)])


def run_published(net, data, loss, times, decay):
    """The script's training loop for a few steps; its time is extrapolated to all of them."""
    import torch

    x, y = torch.tensor(data.x, dtype=torch.float32), torch.tensor(data.y, dtype=torch.float32)[:, None]
    model = torch.nn.Sequential(
        torch.nn.Linear(net.dim, net.width, bias=False),
        torch.nn.LeakyReLU(net.negative_slope) if net.negative_slope else torch.nn.ReLU(),
        torch.nn.Linear(net.width, 1, bias=False),
    )
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor(np.array(net.w)))
        model[2].weight.copy_(torch.tensor(np.array(net.v)[None]))
    optimiser = torch.optim.SGD(model.parameters(), lr=PUBLISHED_STEP, weight_decay=decay)
    loss_of = {
        "squared": torch.nn.MSELoss(),
        "exponential": lambda f, y: torch.exp(-y * f).sum(),
    }[loss]

    def step():
        optimiser.zero_grad()
        loss_of(model(x), y).backward()
        optimiser.step()

    for _ in range(20):
        step()
    clock = Clock()
    for _ in range(TIMED_STEPS):
        step()
    share = TIMED_STEPS * PUBLISHED_STEP / times[-1]
    return tuple(seconds / share for seconds in clock.read()), None


class Clock:
    """Processor and wall seconds since it was made."""

    def __init__(self):
        self.start = time.process_time(), time.perf_counter()

    def read(self):
        return time.process_time() - self.start[0], time.perf_counter() - self.start[1]


RUNNERS = {
    "alignlib": run_alignlib,
    "torchdiffeq dopri5": run_torchdiffeq,
    **{f"SciPy {m}": (lambda *a, m=m: run_scipy(m, *a)) for m in ("RK45", "DOP853", "LSODA")},
    **{f"diffrax {s}": (lambda *a, s=s: run_diffrax(s, *a)) for s in ("Dopri8", "Kvaerno5")},
}


def serve(name, solver, settings, limit, seeds):
    """All runs of one solver, in this process: a line of JSON each, as soon as it is there.

    One that would have less time left than the looser one before it took is not begun: it cannot finish.
    """
    for seed in seeds:
        setting, cpu = problem(name, seed), 0.0
        for rtol in settings:
            if cpu > limit - time.process_time():
                os.kill(os.getpid(), signal.SIGXCPU)
            if solver == "published descent":
                (cpu, wall), outputs = run_published(*setting)
            else:
                (cpu, wall), outputs = RUNNERS[solver](*setting, rtol)
            outputs = None if outputs is None else outputs.tolist()
            print(json.dumps({"cpu": cpu, "wall": wall, "outputs": outputs}), flush=True)


def in_its_own_process(name, solver, settings, limit, seeds=(0,)):
    """What each run gave, in order; the last entry is why there are no more, if some are missing."""
    asked = json.dumps([name, solver, settings, limit, list(seeds)])
    threads = {
        key: "1"
        for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ALIGNLIB_THREADS")
    }
    flags = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.solvers", "--serve", asked],
        capture_output=True,
        text=True,
        env={**os.environ, **threads, **flags},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5)),
        check=False,
    )
    found = [
        {"status": "ok", **json.loads(line)} for line in done.stdout.splitlines() if line.startswith("{")
    ]
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "Error" in line] or [f"exit {done.returncode}"]
        out_of_time = done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
        found.append({"status": f"not within {limit} s" if out_of_time else said[-1][:80]})
    return found


def versions(*names):
    names = ("numpy", "scipy", "numba", "torch", *names)
    found = {name: importlib.metadata.version(name) for name in names}
    return json.dumps({"processor": processor(), "python": platform.python_version(), **found})


def processor():
    """Its family as LLVM calls it, which says what instructions it has."""
    from llvmlite import binding

    return binding.get_host_cpu_name()


def limit_of(name, solver):
    """The processor time for a solver, or why it is not run."""
    spec = PROBLEMS[name]
    unknowns = spec["h"] * (1 + spec.get("dim", 784 if name == "M" else 2))
    if solver in IMPLICIT and unknowns > LARGEST:
        return None, f"not run: a Jacobian of {unknowns:,} squared"
    return spec["limit"], ""


def measure(name):
    """The rows of one problem."""
    found = in_its_own_process(name, "alignlib", TOLERANCES[-1:], limit=300)
    if found[-1]["status"] != "ok":
        sys.exit(f"no reference for {name}: {found[-1]['status']}")
    reference, rows = np.array(found[-1]["outputs"]), []
    for solver, settings in {"published descent": [PUBLISHED_STEP], **SOLVERS}.items():
        limit, why_not = limit_of(name, solver)
        runs = in_its_own_process(name, solver, settings, limit) if limit else [{"status": why_not}]
        for rtol, run in zip(settings, runs):
            outputs = run.pop("outputs", None)
            error = np.nan if outputs is None else float(np.abs(np.array(outputs) - reference).max())
            rows.append(row(name, solver, rtol, error, run))
    return rows


def limits():
    """How often a loose run of B ends at the right limit, least squares: a row a solver."""
    name, rows = "B-2000", []
    _, data, *_ = problem(name)
    limit = data.x @ np.linalg.lstsq(data.x, data.y, rcond=None)[0]
    for solver in SOLVERS:
        if solver in IMPLICIT:
            continue
        runs = in_its_own_process(name, solver, [LOOSE], LONG, range(SEEDS))
        ends = [np.array(run["outputs"])[-1] for run in runs if run["status"] == "ok"]
        errors = [float(np.abs(end - limit).max()) for end in ends]
        right = sum(error < 0.01 for error in errors)
        total = {key: sum(run.get(key, 0.0) for run in runs) for key in ("cpu", "wall")}
        status = f"{right} right of {len(errors)} seeds"
        rows.append(row("limits", solver, LOOSE, max(errors, default=np.nan), {**total, "status": status}))
    return rows


def row(name, solver, rtol, error, run):
    """One row of the table, printed too."""
    print(
        f"{name:12} {solver:20} {rtol:.0e} {run['status'][:40]:24} "
        f"cpu {run.get('cpu', np.nan):9.3g} error {error:.1e}",
        flush=True,
    )
    h = PROBLEMS["B-2000" if name == "limits" else name]["h"]
    common = {"versions": versions("torchdiffeq", "diffrax", "jax"), "date": time.strftime("%Y-%m-%d")}
    return {"problem": name, "solver": solver, "rtol": rtol, "h": h, "error": error, **run, **common}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    everything = [*PROBLEMS, "limits"]
    parser.add_argument("problems", nargs="*", default=everything, help="which problems to run")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        return serve(*json.loads(chosen.serve))
    rows = []
    if TABLE.exists():
        with TABLE.open() as file:
            rows = [row for row in csv.DictReader(file) if row["problem"] not in chosen.problems]
    for name in chosen.problems:
        rows += limits() if name == "limits" else measure(name)
        with TABLE.open("w", newline="") as file:  # after every problem: nothing is lost
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
