"""Whatever happens to the flow, it ends soon, says why, and leaves a trajectory that is whole."""

import contextlib
import pickle
import signal
import subprocess
import sys
import time
import tracemalloc
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

import alignlib as al
from alignlib import flow
from alignlib.solver import collocation, replay
from tests.interrupts import interrupted_at

DATA = al.data.toy_2d()
NET = al.Network.balanced(40, 2, 1e-3, rng=0)  # enough for cells
ROOMS = ("collocation", "swarm", "groups", "cells", "events", "replay")
SOLVER = ("alignlib/flow.py", *(f"alignlib/solver/{name}.py" for name in ROOMS))
DESCENT = ("alignlib/descent.py", "alignlib/record.py")


def follow(t_end=3.0, **options):
    return al.gradient_flow(NET, DATA, "exponential", t_end, **options)


# Interrupts


@pytest.mark.parametrize("t_save", [None, [0.3, 1.1, 3.0]])
def test_an_interrupt_at_any_line_leaves_what_the_whole_run_has_up_to_then(t_save):
    whole = follow(t_save=t_save)
    with interrupted_at(np.inf, SOLVER) as count:
        follow(t_save=t_save)
    kept = lost = 0
    # Some of twenty thousand lines, in every part of the run; the last 40 assemble the trajectory.
    lines = np.random.default_rng(0).permutation(count[0])[:50]
    for line in [*lines, *range(count[0] - 40, count[0])]:
        with interrupted_at(line + 1, SOLVER):
            try:
                path = follow(t_save=t_save)
            except KeyboardInterrupt:
                assert line < 60  # checking the arguments, and the start
                lost += 1
                continue
        kept += 1
        check_beginning(path, whole)
    assert kept > 75
    assert lost < 20


def check_beginning(path, whole):
    """`path` is what `whole` is up to its last time, bit for bit: the same steps were taken."""
    many, end = len(path.t), path.t[-1]
    assert np.array_equal(path.t, whole.t[:many])
    assert np.array_equal(path.outputs, whole.outputs[:many])
    assert np.array_equal(path.loss, whole.loss[:many])
    before = path.events[path.events["t"] <= end]
    assert np.array_equal(before, whole.events[whole.events["t"] <= end])
    for t in (0.0, 0.4 * end, end):
        assert np.array_equal(path.at(t).w, whole.at(t).w)
        assert np.array_equal(path.at(t).v, whole.at(t).v)
    assert np.array_equal(path.final.w, whole.at(end).w)
    assert "interrupted" in path.status or path.status == whole.status


def test_an_interrupt_in_gathered_is_the_case_that_was_seen(monkeypatch):
    calls, gathered = [], flow.gathered

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return gathered(*arguments)

    monkeypatch.setattr(flow, "gathered", interrupted)
    path = follow()
    monkeypatch.undo()
    check_beginning(path, follow())  # `.final` raised KeyError, and 19 of 37 events were missing


def test_descent_interrupted_at_any_line_is_whole():
    def descend():
        return al.gradient_descent(NET, DATA, "exponential", 0.02, 60, t_save=np.arange(0.0, 1.2, 0.1))

    whole = descend()
    with interrupted_at(np.inf, DESCENT) as count:
        descend()
    for line in range(100, count[0], 7):
        with interrupted_at(line, DESCENT):
            try:
                path = descend()
            except KeyboardInterrupt:  # before the first step, or while the result is made
                continue
        assert len(path.outputs) == len(path.t)
        assert path.events["t"].max(initial=0) <= path.t[-1]
        many = len(path.events)
        assert np.array_equal(path.events, whole.events[:many])
        assert many == (whole.events["t"] <= path.t[-1]).sum()
        shared = np.isin(path.t, whole.t)
        assert np.array_equal(path.outputs[shared], whole.outputs[np.isin(whole.t, path.t)])


def test_a_problem_keeps_what_it_has_and_can_be_sent_to_another_process(monkeypatch):
    monkeypatch.setattr(flow, "STEPS", 15)
    with pytest.raises(al.FlowError, match="more than 15 steps") as caught:
        follow()
    monkeypatch.undo()
    path, copy = caught.value.trajectory, pickle.loads(pickle.dumps(caught.value))
    assert len(path.t) == 16
    check_steps(path, follow())
    assert str(copy) == str(caught.value)
    assert np.array_equal(copy.trajectory.final.w, path.final.w)


def check_steps(path, whole):
    assert np.array_equal(path.outputs, whole.outputs[: len(path.t)])
    assert np.array_equal(path.final.w, whole.at(path.t[-1]).w)


# Memory


@pytest.mark.parametrize("width", [30, 3000])
def test_snapshots_stay_below_their_limit_and_replay_what_is_forgotten(monkeypatch, width):
    net, data = al.Network.balanced(width, 2, 1e-3, rng=0), al.data.three_points()
    whole = al.gradient_flow(net, data, "squared", 60.0)
    state = 2 * width * (3 * 8 + 3)  # w, v and sides, twice: of three points
    monkeypatch.setattr(replay, "MEMORY", 8 * state)
    path = al.gradient_flow(net, data, "squared", 60.0)
    run = path.state.__self__
    for t in np.linspace(0, 60, 7):
        # Replayed without the cells of the steps: the same to rounding, amplified.
        assert np.allclose(path.at(t).w, whole.at(t).w, rtol=1e-9, atol=1e-12)
    swarms = [step.swarm for step in run.steps[:-1] if step.swarm is not None]
    assert 2 <= len(swarms) < len(whole.t)
    assert bytes_of(swarms) <= 8 * state


def bytes_of(swarms):
    """What is really reachable from them: every array once, and what a view keeps alive."""
    arrays, queue = (
        {},
        [value for swarm in swarms for name, value in vars(swarm).items() if name != "walls"],
    )
    while queue:
        value = queue.pop()
        if isinstance(value, np.ndarray):
            value = value if value.base is None else value.base
            arrays[id(value)] = value.nbytes
        elif isinstance(value, tuple):
            queue += value
        elif hasattr(value, "theta"):
            queue += vars(value).values()
    return sum(arrays.values())


def test_python_agrees_about_the_memory_of_a_run(monkeypatch):
    data, net = al.data.separated(60, 5, 0.1, rng=0), al.Network.balanced(500, 5, 1e-3, rng=0)
    al.gradient_flow(net, data, "logistic", 1.0)
    monkeypatch.setattr(replay, "MEMORY", 2**21)
    tracemalloc.start()
    path = al.gradient_flow(net, data, "logistic", 1e4)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(path.t) > 60
    # Besides: the last state with its heights (240 kB), events and their log, 3n pulls a step.
    assert held < 2**21 + 2**20 + 150 * len(path.events) + 2000 * len(path.t)


def test_a_cell_does_not_keep_the_sides_of_all_neurons():
    swarm = follow().state.__self__.swarm
    assert swarm.cells
    assert all(cell.side.base is None for cell in swarm.cells)  # a view would


# Ends


def test_pulls_that_overflow_are_refused_before_the_first_step():
    pixels = al.Dataset(
        np.random.default_rng(0).uniform(0, 255, (20, 784)), np.where(np.arange(20) % 2, 1, -1)
    )
    net = al.Network.balanced(100, 784, 1.0, rng=0)
    with pytest.raises(ValueError, match="`net` must give a finite loss at the start, got inf"):
        al.gradient_flow(net, pixels, "exponential", 1.0)
    # Finite, but too large to be squared.
    with pytest.raises(ValueError, match=r"`net` must give pulls of less than 1e\+150.*got 5.22e\+173"):
        al.gradient_flow(
            al.Network([[20.0, 0.0]], [-20.0]), al.Dataset([[1.0, 0.0]], [1]), "exponential", 1e-3
        )


def test_a_step_that_never_succeeds_ends_even_where_no_length_is_too_small(monkeypatch):
    monkeypatch.setattr(flow.Step, "solve", lambda step: False)
    monkeypatch.setattr(flow.Step, "next_length", lambda step: step.length)
    with pytest.raises(al.FlowError, match="cannot be made small enough") as caught:
        follow()
    assert caught.value.trajectory.final.width == NET.width


def test_a_singular_newton_matrix_is_an_unsolved_step_without_a_word(monkeypatch):
    # SciPy's `lu_factor` warned, and divided by zero (a kernel of 1e160, in a wild problem).
    seen, newton = [], collocation.Newton

    def singular(kernel, slope, *decay):
        if len(seen) < 2:
            seen.append(1)
            eigenvalue = collocation.EIGENVALUES[collocation.REAL].real
            return newton(np.eye(len(slope)) / eigenvalue, np.ones(len(slope)))
        return newton(kernel, slope, *decay)

    monkeypatch.setattr(collocation, "Newton", singular)
    path = follow()
    assert len(seen) == 2
    monkeypatch.undo()
    assert np.allclose(path.outputs[-1], follow().outputs[-1], rtol=1e-5)


def test_no_step_grows_right_after_an_attempt_in_vain(monkeypatch):
    # It grew by four at once, and half of the attempts of a stiff run failed.
    lengths, solve = [], flow.Step.solve

    def watched(step):
        solved = solve(step)
        lengths.append((step.length, solved and step.error <= step.run.rtol))
        return solved

    monkeypatch.setattr(flow.Step, "solve", watched)
    rng = np.random.default_rng(1)
    data = al.Dataset(rng.standard_normal((20, 5)), np.sign(rng.standard_normal(20)))
    al.gradient_flow(al.Network.unbalanced(20, 5, 0.1, rng=1), data, "exponential", 20.0)
    after = 0
    for (_, first), (length, second), (following, _) in zip(lengths, lengths[1:], lengths[2:]):
        if second and not first:
            after += 1
            assert following <= length
    assert after > 20


def wild(seed):
    """A random problem: scale, size of data and labels, and the time, each over 40 orders of magnitude."""
    rng = np.random.default_rng(seed)
    n, d, h = rng.integers(1, 13), rng.integers(1, 7), rng.integers(1, 31)
    scale, size, label = 10.0 ** rng.uniform(-20, 20, 3)
    loss = ("squared", "exponential", "logistic")[rng.integers(3)]
    y = label * rng.standard_normal(n) if loss == "squared" else rng.choice([-1.0, 1.0], n)
    data = al.Dataset(size * rng.standard_normal((n, d)), y)
    start = (al.Network.balanced, al.Network.dominated, al.Network.unbalanced)[rng.integers(3)]
    unit = size * (label if loss == "squared" else 1.0)
    t_end = 10.0 ** rng.uniform(-3, 6) / unit if rng.random() < 0.7 else 10.0 ** rng.uniform(-20, 20)
    return start(h, d, scale, rng=rng), data, loss, t_end


@contextlib.contextmanager
def within(seconds):
    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_wild_problems_end_soon_with_a_trajectory_or_a_clear_error(monkeypatch):
    # In full: 500 problems and 1,000 attempts in vain, at most 30 s each.
    monkeypatch.setattr(flow, "UNSOLVED", 50)
    ends = []
    for seed in range(60):
        begin = time.perf_counter()
        try:
            with within(30):
                path = al.gradient_flow(*wild(seed))
            ends.append("reached")
        except al.FlowError as problem:
            path = problem.trajectory
            ends.append("stopped")
        except ValueError as problem:
            ends.append(str(problem)[:15])
            continue
        assert np.isfinite(path.outputs).all()
        assert path.final.width > 0
        assert all(a < b for a, b in pairwise(path.t))
        assert time.perf_counter() - begin < 30
    assert set(ends) == {"reached", "stopped", "`net` must give"}
    assert min(map(ends.count, set(ends))) > 3


# Times


@pytest.mark.parametrize(("t_save", "t_end"), [(np.arange(8) * 0.1, 0.7), (np.arange(0, 0.31, 0.1), 0.3)])
def test_times_that_rounding_puts_beyond_the_end_are_the_end(t_save, t_end):
    assert t_save[-1] > t_end
    paths = (
        follow(t_end, t_save=t_save),
        al.early_flow(NET, DATA, "exponential", t_end, t_save=t_save),
        al.gradient_descent(NET, DATA, "exponential", 0.1, len(t_save) - 1, t_save=t_save),
    )
    for path in paths:
        assert len(path.t) == len(t_save)
        assert np.allclose(path.t, t_save, rtol=1e-15)  # an ulp or two
        assert path.final.width == NET.width
    assert paths[0].t[-1] == paths[1].t[-1] == t_end


@pytest.mark.parametrize("t_save", [[1, np.nextafter(1, 2)], [5e-324], [1e-300], [3 - 1e-15]])
def test_times_that_are_nearly_one_are_kept_without_a_word(t_save):
    # Warnings, which are errors here: a step of no length has no order.
    path = al.gradient_flow(
        al.Network.balanced(6, 2, 1e-3, rng=0), al.data.toy_2d(), "exponential", t_end=3, t_save=t_save
    )
    assert list(path.t) == [0, *t_save]
    assert path.status.startswith("reached t_end")


def test_the_shortest_of_all_times_is_reached():
    path = al.gradient_flow(al.Network.balanced(6, 2, 1e-3, rng=0), al.data.toy_2d(), "exponential", 5e-324)
    assert path.t[-1] == 5e-324


def test_the_early_flow_goes_on_to_the_times_to_be_saved():
    # It complained about a `t_end` that nobody had given.
    path = al.early_flow(NET, DATA, "exponential", t_save=[5.0])
    assert path.t.tolist() == [0.0, 5.0]
    assert np.array_equal(path.final.w, al.early_flow(NET, DATA, "exponential", 5.0).final.w)
    assert path.status == "every neuron has had its last event"


# Near stationary points


def near_a_saddle(seed, labels):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((8, 2))
    return al.Dataset(x, rng.choice([-1.0, 1.0], 8) if labels else rng.standard_normal(8))


@pytest.mark.parametrize(("seed", "labels"), [(2, True), (2, False)])
def test_long_steps_beside_a_stationary_point_know_what_walls_hold(seed, labels):
    data, rtol = near_a_saddle(seed, labels), 1e-6
    net = al.Network.balanced(12, 2, 0.3, rng=seed)
    path = al.gradient_flow(net, data, "squared", 3000.0, rtol=rtol)  # with labels: given up at t = 1,491
    assert (path.patterns(3000.0) == 0).any()
    assert (np.diff(path.loss) <= rtol).all()
    sharp = al.gradient_flow(net, data, "squared", 3000.0, rtol=rtol / 100)
    # Each step adds rtol to the error of (w, v), twice that to the products that f is the sum of.
    size = (np.abs(path.final.v) * np.linalg.norm(path.final.w, axis=1)).sum()
    reach = size * np.linalg.norm(data.x, axis=1).max()
    assert np.abs(path.outputs[-1] - sharp.outputs[-1]).max() <= 2 * rtol * len(path.t) * reach


def at_rest(rtol):
    """A run that has come near a stationary point where neurons slide, and its outputs there."""
    net = al.Network.balanced(12, 2, 0.3, rng=2)
    run = flow._Run(net, near_a_saddle(2, True), al.loss.get("squared"), rtol, 0.0)
    assert run.follow([3000.0], False) is None
    run.unsolved = 3
    return run


def test_the_rounding_of_a_stiff_fit_ends_no_step():
    # Sweeps come no nearer than rounding lets them: this step was refused.
    run = at_rest(1e-8)
    step = flow.Step(run, 300.0)
    assert step.solve()
    for _ in range(10):
        short = flow.Step(run, 30.0)
        assert short.solve()
        run.accept(short, np.inf)
    # Each may change w and v by its error (rtol at most, if short), and products by twice that.
    size = (run.swarm.network().v ** 2).sum() * np.linalg.norm(run.data.x, axis=1).max()
    assert np.abs(step.f[-1] - run.now.f).max() <= 2 * (step.error + 10 * 1e-8) * size


def test_a_miss_of_the_equations_is_not_taken_for_rounding():
    step = flow.Step(at_rest(1e-8), 300.0)
    assert step.solve()
    assert step.rounded(step.f, step.rounding(300.0))
    assert not step.rounded(step.f, 1.01 * step.rounding(300.0))
    assert not step.rounded(step.f + 1e-6, step.rounding(300.0))  # Newton's method would mend that


def test_a_run_becomes_careful_after_attempts_in_vain_only():
    net = al.Network.balanced(12, 2, 0.3, rng=2)
    run = flow._Run(net, near_a_saddle(2, True), al.loss.get("squared"), 1e-6, 0.0)
    assert not run.careful
    run.unsolved = 3
    assert run.careful
    run.shorten(0.5, False)
    assert run.longest == np.inf
    run.unsolved = 101
    run.shorten(0.5, False)
    assert run.longest == 0.25
    run.shorten(0.25, True)
    assert run.longest == 1.05 * 0.25
    assert flow._Run(net, near_a_saddle(2, True), al.loss.get("squared"), 1e-6, 0.1).careful


# Consoles


@dataclass(frozen=True)
class One:
    n: int


def number(one):
    return one.n


def test_a_process_without_a_console_has_no_bar_and_no_error(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)  # under pythonw, and where it was closed: `2>&-`
    data = al.data.three_points()
    net = al.Network.balanced(2, 2, 0.1, rng=0)
    assert al.gradient_flow(net, data, "squared", 0.1, progress=True).t[-1] == 0.1
    assert len(al.gradient_descent(net, data, "squared", 0.1, 2, progress=True).t) > 1
    assert al.sweep(number, [One(3)], progress=True).result.tolist() == [3]


def test_a_hidden_bar_starts_no_thread():
    # It would be there in every process that forks from this one.
    runs = """
import dataclasses, threading, alignlib as al
net, data = al.Network.balanced(2, 2, 0.1, rng=0), al.data.three_points()
al.gradient_flow(net, data, "squared", 0.1)
al.gradient_descent(net, data, "squared", 0.1, 2)
al.sweep(str, [dataclasses.make_dataclass("One", ["n"], frozen=True)(3)], progress=False)
print([thread.name for thread in threading.enumerate()])"""
    done = subprocess.run([sys.executable, "-c", runs], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("['MainThread']\n", "")
