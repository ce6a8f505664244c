"""A run of the user's own as a trajectory, and many times at once."""

import pickle

import numpy as np
import pytest

import alignlib as al

DATA = al.data.toy_2d()
NET = al.Network.balanced(20, 2, 1e-4, rng=0)
RUN = al.gradient_descent(NET, DATA, "exponential", 0.01, 300, t_save=0.01 * np.arange(301))
PATH = al.recorded(DATA, "exponential", RUN.t, RUN.networks())


def test_it_says_of_a_run_what_the_run_says_of_itself():
    assert np.array_equal(PATH.t, RUN.t)
    assert PATH.outputs == pytest.approx(RUN.outputs, rel=1e-13, abs=1e-20)  # sums in another order
    assert PATH.alignment_time == RUN.alignment_time < np.inf
    assert len(PATH.events) == 0
    for time in (0.0, RUN.t[7], 3.0):
        assert np.array_equal(PATH.at(time).w, RUN.at(time).w)
        assert np.array_equal(PATH.patterns(time) > 0, RUN.patterns(time) > 0)


@pytest.mark.parametrize("check", ["check_alignment", "check_directional_alignment"])
def test_checks_take_it(check):
    ours, theirs = getattr(al.theory, check)(PATH), getattr(al.theory, check)(RUN)
    assert ours.measured == pytest.approx(theirs.measured, rel=1e-12)
    assert ours.verdict == theirs.verdict
    assert al.theory.check_balancedness(PATH, 0.1).verdict == al.theory.check_balancedness(RUN, 0.1).verdict


def test_checks_after_alignment_look_at_the_recorded_times():
    start = PATH.t[PATH.t >= PATH.alignment_time][0]
    claim = al.theory.check_loss_bound(PATH, start)
    flow = al.gradient_flow(NET, DATA, "exponential", 3.0)
    assert claim.verdict == al.theory.check_loss_bound(flow, start).verdict


def test_nothing_is_made_up_between_the_recorded_times():
    with pytest.raises(ValueError, match=r"one of the recorded times, such as 0\.01, got 0\.012"):
        PATH.at(0.012)
    with pytest.raises(ValueError, match="one of the recorded times"):
        al.geometry.cones(PATH, 0.012)
    below = PATH.when(4.0)
    assert below in PATH.t
    assert PATH.loss[PATH.t < below].min() > 4.0 >= PATH.loss[PATH.t == below][0]
    assert PATH.when(1e-9) == np.inf


def test_a_run_that_does_not_begin_at_zero_or_never_aligns():
    early = al.recorded(DATA, "exponential", [2.0, 3.0], [NET, NET])
    assert early.alignment_time == np.inf
    assert early.at(2.0) is NET
    regression = al.data.three_points()
    assert np.isnan(al.recorded(regression, "squared", [0], [NET]).alignment_time)


def test_it_can_be_sent_to_another_process_and_drawn():
    copy = pickle.loads(pickle.dumps(PATH))
    assert np.array_equal(copy.at(1.0).w, PATH.at(1.0).w)
    al.plots.neurons(copy)
    al.plots.turning(copy)
    al.plots.loss(copy)


FLOW = al.gradient_flow(NET, DATA, "exponential", 3.0)
EARLY = al.early_flow(NET, DATA, "exponential")


@pytest.mark.parametrize("path", [RUN, PATH, FLOW, EARLY])
def test_many_times_at_once_are_each_alone(path):
    times = [0.5, 0.0, 0.3] if path is not EARLY else [0.5, 0.0, 50.0]
    w, v = path.weights(times)
    for i, time in enumerate(times):
        assert np.array_equal(w[i], path.at(time).w)
        assert np.array_equal(v[i], path.at(time).v)
        assert np.array_equal(path.outputs_at(times)[i], path.at(time)(DATA.x))
    assert [net.width for net in path.networks(times)] == [20, 20, 20]
    assert len(path.weights()[0]) == len(list(path.networks())) == len(path.t)
