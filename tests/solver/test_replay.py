"""Dense output: states that were forgotten come back, and what it says agrees with itself."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import alignlib as al


@pytest.fixture(params=["unbalanced", "dominated"])
def run(request):
    data = al.data.separated(8, 3, 0.1, rng=0)
    net = getattr(al.Network, request.param)(60, 3, 1e-2, rng=1)
    path = al.gradient_flow(net, data, "logistic", t_end=40)
    return path, path.state.__self__


def test_forgotten_states_come_back_but_for_rounding(run):
    path, replay = run
    times = np.random.default_rng(0).uniform(0, path.t[-1], 20)
    before = [path.at(t) for t in times]
    sides = [path.patterns(t) for t in times]
    assert len(replay.steps) > 20
    last = len(replay.steps) - 1
    for kept in (4, 16, last):
        for number, step in enumerate(replay.steps[:-1]):
            if number % kept:
                replay.steps[number] = replace(step, swarm=None)
        for t, net, side in zip(times, before, sides):
            again = path.at(t)
            # Other cells, so sums in another order: some roundings, blown up as neurons grow.
            assert np.abs(again.w - net.w).max() <= 1e-11 * np.abs(net.w).max()
            assert np.abs(again.v - net.v).max() <= 1e-11 * np.abs(net.v).max()
            assert (path.patterns(t) == side).all()


def test_outputs_are_those_of_the_network_then(run):
    path, replay = run
    for t in [*path.t[:3], *np.random.default_rng(1).uniform(0, path.t[-1], 10)]:
        f = path.at(t)(path.data.x)
        assert replay.outputs_at(t) == pytest.approx(f, abs=1e-13 * max(1, np.abs(f).max()))


def test_between_two_steps_it_meets_both_ends(run):
    _, replay = run
    for before, after in pairwise(replay.steps):
        gap = after.t - before.t
        for step, t in ((before, before.t + 1e-9 * gap), (after, after.t - 1e-9 * gap)):
            w = step.swarm.network().w
            assert np.abs(replay.network_at(t).w - w).max() <= 1e-7 * np.abs(w).max()
