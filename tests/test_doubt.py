"""A run is doubted with reason: two runs that agree are said to agree, two that part are told apart."""

import numpy as np
import pytest

import alignlib as al
from alignlib import doubts
from alignlib.trajectory import EVENT


def condensation():
    """A published experiment in which neurons of one direction cross hyperplanes one by one."""

    def s(z):
        return np.maximum(z, 0)

    x = np.linspace(-1, 1, 80)
    y = -s(x) + s(2 * x + 0.6) - s(1.5 * x - 0.6) + s(0.5 * x - 0.4)
    return al.Network.unbalanced(100, 2, 1e-3, rng=5), al.Dataset(np.c_[x, np.ones(80)], y)


def test_the_three_points_are_followed_without_a_doubt():
    path = al.gradient_flow(
        al.Network.balanced(50, 2, 1e-3, rng=0), al.data.three_points(), "squared", 30.0
    )
    found = al.doubt(path)
    assert found.parting is None
    assert np.array_equal(found.t, path.t)
    assert found.spread.shape == path.t.shape
    assert found.spread[0] == 0
    assert found.spread.max() < 1e-5  # ten times `rtol`, as test_flow measures
    assert found.sentence.endswith(f"throughout; all {len(path.events)} events are the same")
    assert repr(found) == f"Doubt({found.sentence})"


def test_the_spread_is_the_error():
    net, data = al.Network.balanced(30, 2, 1e-2, rng=0), al.data.three_points()
    coarse = al.gradient_flow(net, data, "squared", 15.0, rtol=1e-4, t_save=[5.0, 10.0, 15.0])
    exact = al.gradient_flow(net, data, "squared", 15.0, rtol=1e-12, t_save=[5.0, 10.0, 15.0])
    error = np.abs(coarse.outputs - exact.outputs).max(axis=1) / np.abs(coarse.outputs).max()
    # The doubt's own run has some 1 % of the error.
    assert np.allclose(al.doubt(coarse).spread, error, rtol=0.1)


def test_an_event_of_one_run_only_is_found():
    net, data = condensation()
    path = al.gradient_flow(net, data, "squared", 300.0, rtol=1e-3)
    found = al.doubt(path)
    assert found.parting.dtype == EVENT
    # It is in one run and not in the other, at that time.
    again = al.gradient_flow(net, data, "squared", 300.0, rtol=1e-5, t_save=path.t)
    counts = []
    for run in (path, again):
        same = (run.events["neuron"] == found.parting["neuron"]) & (
            run.events["sample"] == found.parting["sample"]
        )
        near = np.abs(run.events["t"] - found.parting["t"]) < 1e-3 * found.parting["t"]
        counts.append((same & near & (run.events["kind"] == found.parting["kind"])).sum())
    assert sorted(counts)[0] < sorted(counts)[1]
    assert "in one run and not in the other" in found.sentence
    assert f"neuron {found.parting['neuron']} " in found.sentence


@pytest.mark.parametrize(
    ("worst", "parts", "sentence"),
    [
        (3e-6, False, "outputs agree to 3e-06 throughout; all 37 events are the same"),
        (
            3e-6,
            True,
            "outputs agree to 3e-06 throughout: at t=310.2 neuron 12 leaves the hyperplane "
            "of sample 7 in one run and not in the other, which does not matter to them",
        ),
        (
            3e-3,
            True,
            "outputs part from t=412 on, by 0.003 at t=413: at t=310.2 neuron 12 leaves the hyperplane "
            "of sample 7 in one run and not in the other: the flow is sensitive there, a smaller `rtol` "
            "decides or nothing does",
        ),
        (
            3e-3,
            False,
            "outputs part from t=412 on, by 0.003 at t=413, and all events before are the same: "
            "`rtol` is too large for this run",
        ),
    ],
)
def test_the_sentence_says_what_was_found(worst, parts, sentence):
    parting = events((310.2, 12, 7, "release"))[0] if parts else None
    t, spread = np.array([0.0, 412.0, 413.0, 500.0]), np.array([0.0, worst / 2, worst, worst / 2])
    until = doubts._agreed_until(t, spread, 1e-6)
    assert until == (412.0 if worst == 3e-3 else np.inf)
    assert doubts._sentence(t, spread, parting, until, 37) == sentence


def events(*rows):
    return np.array(list(rows), EVENT)


ONE, TWO = (1.0, 3, 7, "activate"), (2.0, 3, 7, "deactivate")


@pytest.mark.parametrize(
    ("these", "those", "parting"),
    [
        ([ONE, TWO], [ONE, TWO], None),
        ([ONE, (1.5, 4, 7, "slide")], [(1.0 + 1e-4, 3, 7, "activate"), (1.5, 4, 7, "slide")], None),
        ([ONE, TWO], [ONE], 2.0),
        ([ONE], [ONE, TWO], 2.0),
        ([ONE, TWO], [], 1.0),
        ([ONE, TWO], [(1.2, *ONE[1:]), TWO], 1.0),  # later than the tolerance explains
        ([ONE, (9.9999, 3, 8, "slide")], [ONE], None),  # the other would have had it after the end
        ([ONE, TWO, (1.0, 2, 0, "slide")], [(1.0, 2, 0, "slide"), ONE, TWO], None),  # a tie
    ],
)
def test_where_the_outputs_agree_the_parting_is_the_first_event_of_one_run_only(these, those, parting):
    found = doubts._parting(events(*these), events(*those), 10.0, 1e-3, np.inf)
    assert (found if found is None else found["t"]) == parting


# Neuron 1 grazes in one run, which matters to no one; at t = 150 neuron 2 does not, and parts the outputs
# from t = 152 on; that parts the event of neuron 3.
GRAZED, CAUSE, EFFECT = (46.4, 1, 0, "activate"), (150.0, 2, 7, "release"), (160.0, 3, 5, "slide")


@pytest.mark.parametrize("until", [152.0, 150.0])
def test_where_the_outputs_part_the_parting_is_the_last_before_they_do(until):
    # It named the first, at t = 46.4, for a spread that came at t = 1502.
    both, one, other = [ONE, TWO], [GRAZED, EFFECT], [CAUSE, (170.0, *EFFECT[1:])]
    for these, those in ((one, other), (other, one)):
        found = doubts._parting(events(*both, *these), events(*both, *those), 200.0, 1e-3, until)
        assert found.item() == CAUSE
    assert doubts._parting(events(*both, *one), events(*both, *other), 200.0, 1e-3, 40.0) is None


def test_outputs_part_where_they_last_agreed_before_the_worst():
    t, apart = np.arange(7.0), 1e-2
    spread = np.array([0.0, 1e-6, apart, 1e-6, apart, 3 * apart, 1e-6])
    assert doubts._agreed_until(t, spread, 1e-6) == 4.0  # they were apart in passing before
    assert doubts._agreed_until(t, np.full(7, apart), 1e-6) == 0.0
    assert doubts._agreed_until(t, np.full(7, 1e-6), 1e-6) == np.inf


def test_a_doubt_of_a_run_that_ended_early_goes_as_far_as_it_did(monkeypatch):
    from alignlib import flow

    net, data = al.Network.balanced(10, 2, 1e-3, rng=0), al.data.toy_2d()
    monkeypatch.setattr(flow, "STEPS", 12)
    with pytest.raises(al.FlowError) as problem:
        al.gradient_flow(net, data, "exponential", 3.0)
    path = problem.value.trajectory
    short = al.doubt(path)
    assert len(short.t) < len(path.t)
    assert "the run at rtol=1e-08 stopped at t=" in short.sentence
    monkeypatch.undo()
    assert len(al.doubt(path).t) == len(path.t)


def test_only_runs_of_the_flow_have_a_tolerance_to_doubt():
    net, data = al.Network.balanced(5, 2, 1e-3, rng=0), al.data.toy_2d()
    assert al.gradient_flow(net, data, "logistic", 1.0, rtol=1e-5).rtol == 1e-5
    for path in (al.early_flow(net, data, "logistic"), al.gradient_descent(net, data, "logistic", 0.1, 3)):
        with pytest.raises(ValueError, match="`path` must come from `gradient_flow`"):
            al.doubt(path)
