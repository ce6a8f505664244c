"""Gradient flow against gradient descent and general solvers: CPU seconds and errors, as a CSV table.

Run `python benchmarks/solvers.py [problem ...]`, with A, B, M or none for all; one thread is enough.
Gradient descent as published is timed on a slice of its steps and extrapolated, which the table
says. Each general solver gets the flow as one ODE of all weights; its tolerance is halved by decades until
the outputs at the end are within `TARGET` of a reference, or its time is up. diffrax and torchdiffeq
take part if they are installed.
"""

import csv
import multiprocessing
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from scipy.integrate import solve_ivp

import alignlib as al
from alignlib.loss import get

TARGET = 1e-6  # error of the outputs at the end, for all solvers
PATIENCE = 120.0  # CPU seconds a run of a general solver may take
SLICE = 200  # steps of gradient descent that are timed
COLUMNS = ["problem", "width", "solver", "rtol", "cpu_seconds", "error", "note"]


def problems(names):
    """(name, data, network, loss, end, step and number of steps of gradient descent)."""
    if "A" in names:
        for n, dim, width in ((100, 20, 100), (500, 100, 100), (500, 100, 1000)):
            data = al.data.separated(n, dim, 0.1, rng=0)
            yield f"A n={n}", data, al.Network.balanced(width, dim, 1e-6, rng=0), "exponential", 10.0, 1e-3
    if "B" in names:
        for width in (200, 2000, 20_000, 200_000):
            data = al.data.three_points()
            yield "B", data, al.Network.balanced(width, 2, 1e-3, rng=0), "squared", 2000.0, 1e-3
    if "M" in names:
        data = al.data.mnist_pair(0, 1)
        yield "M", data, al.Network.balanced(50, data.dim, 1e-6, rng=0), "exponential", 0.5, 1e-3


def ours(net, data, loss, end, rtol):
    return al.gradient_flow(net, data, loss, end, rtol=rtol, t_save=[end]).outputs[-1]


def general(method):
    """The flow as an ODE for one of SciPy's methods, absolute tolerance scaled with the start."""

    def outputs(net, data, loss, end, rtol):
        loss, (h, d), x = get(loss), net.w.shape, data.x

        def field(_, state):
            w, v = state[: h * d].reshape(h, d), state[h * d :]
            z = w @ x.T
            active = z > 0
            pull = (active * loss.pull(v @ (z * active), data.y)) @ x
            return np.concatenate([(v[:, None] * pull).ravel(), (w * pull).sum(axis=1)])

        start = np.concatenate([net.w.ravel(), net.v])
        run = solve_ivp(
            field, (0, end), start, method, rtol=rtol, atol=rtol * np.abs(start).max(), t_eval=[end]
        )
        if not run.success:
            raise RuntimeError(run.message)
        state = run.y[:, -1]
        return al.Network(state[: h * d].reshape(h, d), state[h * d :])(x)

    return outputs


def torchdiffeq(net, data, loss, end, rtol):
    import torch
    from torchdiffeq import odeint

    x, y = torch.tensor(np.array(data.x)), torch.tensor(np.array(data.y))

    def field(_, state):
        w, v = state
        z = w @ x.T
        active = (z > 0).double()
        f = v @ (z * active)
        g = y * torch.exp(-y * f) if loss == "exponential" else 2 * (y - f) / len(y)
        pull = (active * g) @ x
        return v[:, None] * pull, (w * pull).sum(dim=1)

    start = torch.tensor(np.array(net.w)), torch.tensor(np.array(net.v))
    scale = float(start[0].abs().max())
    w, v = odeint(
        field, start, torch.tensor([0.0, end]).double(), rtol=rtol, atol=rtol * scale, method="dopri5"
    )
    return al.Network(w[-1].numpy(), v[-1].numpy())(data.x)


def diffrax(net, data, loss, end, rtol):
    import diffrax as dx
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    x, y = jnp.array(data.x), jnp.array(data.y)

    def field(_, state, __):
        w, v = state
        z = w @ x.T
        active = z > 0
        f = v @ (z * active)
        g = y * jnp.exp(-y * f) if loss == "exponential" else 2 * (y - f) / len(y)
        pull = (active * g) @ x
        return v[:, None] * pull, (w * pull).sum(axis=1)

    scale = float(np.abs(net.w).max())
    end_state = dx.diffeqsolve(
        dx.ODETerm(field), dx.Tsit5(), 0.0, end, None, (jnp.array(net.w), jnp.array(net.v)),
        stepsize_controller=dx.PIDController(rtol=rtol, atol=rtol * scale), max_steps=None,
    ).ys  # fmt: skip
    return al.Network(np.array(end_state[0][-1]), np.array(end_state[1][-1]))(data.x)


def _worker(pipe, solver, args):
    start = time.process_time()
    try:
        pipe.send((solver(*args), time.process_time() - start, ""))
    except Exception as problem:  # a solver that gives up is a result
        pipe.send((None, time.process_time() - start, f"{type(problem).__name__}: {problem}"))


def timed(solver, *args):
    """Outputs, CPU seconds and a note; the run is a process of its own, ended when its time is up."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_worker, args=(there, solver, args))
    process.start()
    done = here.poll(PATIENCE)
    result = here.recv() if done else (None, PATIENCE, f"not finished in {PATIENCE:g} s")
    process.terminate()
    process.join()
    return result


def best_at_target(solver, net, data, loss, end, exact):
    """The first tolerance at which the error is within the target, or the last that finished."""
    last = (np.nan, np.nan, np.nan, "")
    for rtol in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9):
        f, seconds, note = timed(solver, net, data, loss, end, rtol)
        if f is None:
            return rtol, seconds, last[2], note
        last = rtol, seconds, float(np.abs(f - exact).max()), note
        if last[2] <= TARGET:
            return last
    return (*last[:3], "target not reached")


def descent(net, data, loss, end, step):
    """CPU seconds of the published script, extrapolated from a slice; autograd, both layers trained."""
    import torch

    x, y = torch.tensor(np.array(data.x)), torch.tensor(np.array(data.y))
    w, v = (torch.tensor(np.array(a), requires_grad=True) for a in (net.w, net.v))
    optimizer = torch.optim.SGD([w, v], lr=step)
    start = time.process_time()
    for _ in range(SLICE):
        optimizer.zero_grad()
        f = torch.relu(x @ w.T) @ v
        value = torch.exp(-y * f).sum() if loss == "exponential" else ((f - y) ** 2).mean()
        value.backward()
        optimizer.step()
    return (time.process_time() - start) / SLICE * end / step


def rows(names):
    for name, data, net, loss, end, step in problems(names):
        exact = ours(net, data, loss, end, 1e-9)
        yield name, net.width, "alignlib", *best_at_target(ours, net, data, loss, end, exact)
        f, seconds, note = timed(ours, net, data, loss, end, 1e-6)
        yield name, net.width, "alignlib at rtol 1e-6", 1e-6, seconds, float(np.abs(f - exact).max()), note
        seconds = descent(net, data, loss, end, step)
        yield (
            name,
            net.width,
            "gradient descent",
            np.nan,
            seconds,
            np.nan,
            f"{end / step:.0f} steps, from {SLICE}",
        )
        if net.width > 2000:
            continue
        for method in ("RK45", "DOP853", "LSODA"):
            if method == "LSODA" and net.w.size > 2500:
                continue  # its dense Jacobian would not fit
            yield name, net.width, method, *best_at_target(general(method), net, data, loss, end, exact)
        for solver in (torchdiffeq, diffrax):
            if _version(solver.__name__) != "absent":
                yield name, net.width, solver.__name__, *best_at_target(solver, net, data, loss, end, exact)


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def main():
    names = sys.argv[1:] or ["A", "B", "M"]
    al.gradient_flow(
        al.Network.balanced(4, 2, 1e-2, rng=0), al.data.three_points(), "squared", 1.0
    )  # compile
    packages = ("numpy", "scipy", "numba", "torch", "torchdiffeq", "diffrax")
    print("#", platform.python_version(), *(f"{p} {_version(p)}" for p in packages), sep="; ")
    table = csv.writer(sys.stdout)
    table.writerow(COLUMNS)
    for row in rows(names):
        table.writerow([f"{value:.3g}" if isinstance(value, float) else value for value in row])
        sys.stdout.flush()


if __name__ == "__main__":
    main()
