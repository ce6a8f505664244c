"""Gradient flow: exact where it can be, of the stated order elsewhere, and the same however it is asked."""

import pickle
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import alignlib as al
from alignlib.loss import Loss, get
from tests import filippov

STARTS = ("balanced", "dominated", "unbalanced")
LOSSES = ("squared", "exponential", "logistic")


def random_data(seed, n, dim):
    rng = np.random.default_rng(seed)
    return al.Dataset(rng.standard_normal((n, dim)), np.where(rng.random(n) < 0.5, -1.0, 1.0))


def start(kind, width, dim, seed, scale):
    return getattr(al.Network, kind)(width, dim, scale, rng=seed)


def worst(net, w, v):
    """The largest error of a neuron, relative to its own size."""
    size = np.linalg.norm(np.column_stack([w, v]), axis=1)
    return max((np.abs(net.w - w).max(axis=1) / size).max(), (np.abs(net.v - v) / size).max())


# Against solutions that share nothing with it


def test_one_neuron_on_one_sample_against_a_quadrature():
    # w = v = θ, f = θ², squared loss: θ' = 2 (1 - θ²) θ, so θ²/(1 - θ²) grows like e^{4t}.
    data = al.Dataset([[1.0]], [1.0])
    path = al.gradient_flow(al.Network([[0.01]], [0.01]), data, "squared", 5.0, rtol=1e-10)
    odds = 1e-4 / (1 - 1e-4) * np.exp(4 * path.t)
    # A few dozen steps of 1e-10 of rapidity, each twice that in f, at slopes up to 1.
    assert np.abs(path.outputs[:, 0] - odds / (1 + odds)).max() < 1e-8


PROBLEMS = [
    ("three points", al.data.three_points(), "squared", 40.0, 1e-2, 5),
    *((f"random {s}", random_data(s, 5, 3), "squared", 5.0, 0.3, 4) for s in range(3)),
    *((f"random {s}", random_data(s, 6, 3), "exponential", 3.0, 0.1, 4) for s in range(3)),
    ("toy", al.data.toy_2d(6), "logistic", 20.0, 0.05, 4),
]


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: f"{p[0]}, {p[2]}")
def test_it_agrees_with_an_independent_integration(problem, kind):
    _, data, loss, t_end, scale, width = problem
    net = start(kind, width, data.dim, 1, scale)
    w, v, _count, _ = filippov.follow(net, data, get(loss), t_end)
    path = al.gradient_flow(net, data, loss, t_end, rtol=1e-10)
    # rtol 1e-10 a step for about 100 steps, and the other solution's own error, which grows alike.
    assert worst(path.final, w, v) < 1e-8


def test_the_independent_integrations_include_slides_and_many_events():
    slides = events = 0
    for _, data, loss, t_end, scale, width in PROBLEMS[1:7]:
        path = al.gradient_flow(start("balanced", width, data.dim, 1, scale), data, loss, t_end)
        slides += (path.events["kind"] == "slide").sum()
        events += len(path.events)
    assert slides >= 6
    assert events >= 30


def test_gradient_descent_converges_to_it_with_slope_one():
    data, net = al.data.three_points(), start("balanced", 20, 2, 0, 0.1)
    exact = al.gradient_flow(net, data, "squared", 8.0, rtol=1e-10).outputs[-1]
    steps = 0.008 / 2.0 ** np.arange(4)
    errors = [
        np.abs(al.gradient_descent(net, data, "squared", s, round(8 / s)).outputs[-1] - exact).max()
        for s in steps
    ]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)  # the next term of Euler's error, at these steps


def test_it_starts_as_the_early_flow():
    # The pulls differ from those of the zero network by O(ε²): slope two in ε.
    data, errors = random_data(4, 6, 3), []
    for scale in (1e-2, 1e-3):
        net = start("balanced", 8, 3, 0, scale)
        early, full = (
            al.early_flow(net, data, "exponential"),
            al.gradient_flow(net, data, "exponential", 0.5, rtol=1e-12),
        )
        errors.append(worst(full.final, early.at(0.5).w, early.at(0.5).v))
    assert np.log10(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.1)


# Order and error


def test_the_error_follows_rtol_and_the_order_is_at_least_four():
    data, net = al.data.three_points(), start("balanced", 50, 2, 0, 1e-2)
    exact = al.gradient_flow(net, data, "squared", 15.0, rtol=1e-12)
    errors, steps = [], []
    for rtol in (1e-4, 1e-6, 1e-8, 1e-10):
        path = al.gradient_flow(net, data, "squared", 15.0, rtol=rtol)
        errors.append(np.abs(path.outputs[-1] - exact.outputs[-1]).max())
        steps.append(len(path.t) - 1)
        assert errors[-1] < 10 * rtol * len(path.t) ** 0.5
    # Between the coarsest and the finest run; five is the order of the method on smooth stretches.
    assert np.log(errors[0] / errors[-1]) / np.log(steps[-1] / steps[0]) > 4.0


@pytest.mark.parametrize("time", [0.37, 3.3, 11.1, 14.9])
def test_between_its_steps_it_is_as_exact_as_at_them(time):
    data, net = al.data.three_points(), start("balanced", 30, 2, 2, 1e-2)
    coarse = al.gradient_flow(net, data, "squared", 15.0, rtol=1e-7)
    exact = al.gradient_flow(net, data, "squared", time, rtol=1e-12).final
    # The parabola of the pulls is wrong by the estimated error inside a step: some rtol, amplified.
    assert worst(coarse.at(time), exact.w, exact.v) < 1e-5


def test_an_estimate_that_ignores_a_small_neuron_ends_at_the_wrong_limit():
    # DOP853 at rtol 1e-3 puts one neuron in 20,000 into the wrong cell. The error here is per neuron.
    data = al.data.three_points()
    limit = data.x @ np.linalg.lstsq(data.x, data.y, rcond=None)[0]
    for seed in range(5):
        path = al.gradient_flow(start("balanced", 2000, 2, seed, 1e-3), data, "squared", 2000.0, rtol=1e-3)
        assert np.abs(path.outputs[-1] - limit).max() < 1e-3


# What the flow conserves


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", STARTS)
def test_minkowski_norms_are_kept_and_the_loss_never_rises(kind, loss):
    data, net = random_data(2, 8, 3), start(kind, 20, 3, 0, 0.05)
    path = al.gradient_flow(net, data, loss, 30.0)
    largest = max((now.w**2).sum(axis=1).max() for now in path.networks())
    drift = max(np.abs(now.minkowski() - net.minkowski()).max() for now in path.networks())
    assert drift < 1e-12 * largest
    assert np.diff(path.loss).max() <= 1e-13 * path.loss[0]


def test_at_every_event_the_neuron_is_on_the_hyperplane():
    data, net = random_data(2, 8, 3), start("balanced", 20, 3, 0, 0.3)
    path = al.gradient_flow(net, data, "squared", 10.0)
    assert len(path.events) > 30
    for event in path.events:
        w, x = path.at(event["t"]).w[event["neuron"]], data.x[event["sample"]]
        # Newton's method ends at 1e-14 of the step, in which a neuron turns by a radian or so.
        assert abs(w @ x) < 1e-12 * np.linalg.norm(w) * np.linalg.norm(x)


# Symmetries


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(STARTS), st.sampled_from(LOSSES))
def test_relabelling_rotating_and_swapping_change_only_what_they_must(seed, kind, loss):
    data, net = random_data(seed, 5, 3), start(kind, 6, 3, seed, 0.1)
    rng = np.random.default_rng(seed)
    plain = al.gradient_flow(net, data, loss, 4.0, rtol=1e-9).final
    order = rng.permutation(6)
    shuffled = al.gradient_flow(al.Network(net.w[order], net.v[order]), data, loss, 4.0, rtol=1e-9).final
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turned = al.gradient_flow(
        al.Network(net.w @ turn, net.v), al.Dataset(data.x @ turn, data.y), loss, 4.0, rtol=1e-9
    ).final
    swapped = al.gradient_flow(
        al.Network(net.w, -net.v), al.Dataset(data.x, -data.y), loss, 4.0, rtol=1e-9
    ).final
    # The steps differ in their roundings only; 1e-6 leaves room for neurons that run apart.
    assert worst(shuffled, plain.w[order], plain.v[order]) < 1e-6
    assert worst(turned, plain.w @ turn, plain.v) < 1e-6
    assert worst(swapped, plain.w, -plain.v) < 1e-6


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(STARTS), st.floats(0.3, 3.5))
def test_splitting_a_run_in_two_changes_nothing(seed, kind, middle):
    data, net = random_data(seed, 5, 3), start(kind, 6, 3, seed, 0.1)
    whole = al.gradient_flow(net, data, "squared", 4.0, rtol=1e-10)
    rest = al.gradient_flow(whole.at(middle), data, "squared", 4.0 - middle, rtol=1e-10).final
    # Dense output has the error of a step inside; both halves then drift apart by some rtol.
    assert worst(rest, whole.final.w, whole.final.v) < 1e-7


def test_neurons_in_cells_move_as_they_would_alone(monkeypatch):
    from alignlib.solver import groups

    data, net = al.data.three_points(), start("unbalanced", 300, 2, 0, 1e-2)
    together = al.gradient_flow(net, data, "squared", 150.0, rtol=1e-10)
    monkeypatch.setattr(groups, "FEWEST", 10**9)
    alone = al.gradient_flow(net, data, "squared", 150.0, rtol=1e-10)
    assert worst(together.final, alone.final.w, alone.final.v) < 1e-7
    assert np.allclose(together.at(3.3).w, alone.at(3.3).w, rtol=1e-8, atol=1e-10)


# Long, small, and special


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
def test_the_loss_falls_like_one_over_t_up_to_t_1e8(loss):
    data = al.data.toy_2d()
    path = al.gradient_flow(start("balanced", 50, 2, 0, 1e-3), data, loss, 1e8)
    assert len(path.t) < 1000  # steps grow with t
    late = path.t > 1e4
    slope = np.polyfit(np.log(path.t[late]), np.log(path.loss[late]), 1)[0]
    # Norms still grow like log t, which makes the loss fall a little faster than 1/t.
    assert -1.3 < slope < -1.0


@pytest.mark.parametrize("scale", [1e-8, 1e-30])
def test_small_scales_reach_the_same_limit(scale):
    data = al.data.three_points()
    path = al.gradient_flow(start("balanced", 50, 2, 0, scale), data, "squared", 500.0)
    limit = data.x @ np.linalg.lstsq(data.x, data.y, rcond=None)[0]
    assert np.abs(path.outputs[-1] - limit).max() < 1e-6
    # Early events do not know the scale: they are those of the early flow, to rtol.
    early = al.early_flow(start("balanced", 50, 2, 0, scale), data, "squared").events
    assert np.allclose(path.events["t"][: len(early)], early["t"], rtol=1e-6)


def test_unbalanced_neurons_leave_least_squares_and_interpolate():
    data = al.data.three_points()
    for seed in range(4):
        path = al.gradient_flow(start("unbalanced", 200, 2, seed, 1e-3), data, "squared", 400.0)
        assert np.abs(path.outputs[-1] - data.y).max() < 1e-6
        assert (np.sign(path.final.v) != np.sign(path.start.v)).any()


def test_a_sliding_neuron_is_released_and_caught_again():
    rng = np.random.default_rng(24)
    data = al.Dataset(rng.standard_normal((6, 3)), rng.standard_normal(6))
    net = start("balanced", 8, 3, 24, 0.3)
    path = al.gradient_flow(net, data, "squared", 12.0, rtol=1e-10)
    mine = path.events[(path.events["neuron"] == 1) & (path.events["sample"] == 2)]
    assert list(mine["kind"]) == ["slide", "release", "slide"]
    w, v, *_ = filippov.follow(net, data, get("squared"), 12.0)
    assert worst(path.final, w, v) < 1e-7  # as above, over a run four times as long


@pytest.mark.parametrize("loss", LOSSES)
def test_degenerate_samples(loss):
    # Duplicates, parallel and opposite samples and one at the origin, against their sum by hand.
    base = random_data(7, 4, 2)
    x = np.vstack([base.x, base.x[0], 2 * base.x[1], np.zeros(2), -base.x[2]])
    y = np.concatenate([base.y, base.y[[0]], base.y[[1]], [1.0], -base.y[[2]]])
    path = al.gradient_flow(start("unbalanced", 10, 2, 0, 0.1), al.Dataset(x, y), loss, 10.0)
    assert np.diff(path.loss).max() <= 1e-13 * path.loss[0]
    descent = al.gradient_descent(path.start, path.data, loss, 2e-4, 50_000)
    # Euler's error at this step; a wrong side of a wall would show as O(1).
    assert np.abs(descent.outputs[-1] - path.outputs[-1]).max() < 2e-2


def test_special_neurons_rest():
    data = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0])
    dead, zero, on_it = [-1.0, -2.0], [0.0, 0.0], [0.0, 1.0]
    net = al.Network([dead, zero, on_it], [3.0, 1.0, 0.5])
    final = al.gradient_flow(net, data, "squared", 5.0).final
    assert np.array_equal(final.w[:2], [dead, zero])
    assert final.w[2, 0] == 0.0
    assert final.w[2, 1] > 1.0


def test_a_neuron_that_comes_to_rest_at_the_origin_is_reported():
    # It slides on the hyperplane of (0, 1), its D points back along w, and |v| > |w|: finite time.
    data = al.Dataset([[0.0, 1.0], [1.0, -0.5]], [-1.0, -1.0])
    path = al.gradient_flow(al.Network([[1.0, 0.0], [1.0, 1.0]], [2.0, -1.0]), data, "exponential", 5.0)
    remark = "; 1 neuron came to rest where all hyperplanes meet and the flow is not unique"
    assert path.status == "reached t_end=5" + remark
    assert np.abs(path.final.w[0]).max() < 1e-12  # `tolerances.CENTRE`, of its start
    assert path.final.v[0] == pytest.approx(np.sqrt(3.0), rel=1e-12)  # v² - |w|² is conserved
    assert al.gradient_flow(path.start, data, "exponential", 0.1).status == "reached t_end=0.1"


def test_a_dead_network_and_a_short_time_cost_nothing():
    dead = al.Network([[-1.0, 0.0]], [1.0])
    data = al.Dataset([[1.0, 0.0], [1.0, 0.5]], [1.0, 1.0])
    path = al.gradient_flow(dead, data, "squared", 1e5)
    assert len(path.t) < 20  # lengths grow by four from the first
    assert np.array_equal(path.final.w, dead.w)
    net = start("balanced", 5, 2, 0, 0.1)
    path = al.gradient_flow(net, data, "squared", 1e-20, t_save=[1e-30, 1e-20])
    assert path.status == "reached t_end=1e-20"
    assert list(path.t) == [0.0, 1e-30, 1e-20]


def test_exact_ties_are_all_recorded():
    # A neuron on the diagonal meets both hyperplanes at the same time.
    data = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [-1.0, -1.0])
    net = al.Network([[1.0, 1.0]], [2.0])
    for path in (al.gradient_flow(net, data, "exponential", 5.0), al.early_flow(net, data, "exponential")):
        assert len(path.events) == 2
        assert np.ptp(path.events["t"]) < 1e-12
        assert set(path.events["sample"]) == {0, 1}


def test_a_users_own_loss():
    fourth = Loss("fourth power", lambda f, y: (f - y) ** 4, lambda f, y: -4 * (f - y) ** 3)
    path = al.gradient_flow(start("balanced", 20, 2, 0, 0.1), al.data.three_points(), fourth, 50.0)
    assert np.diff(path.loss).max() <= 0
    assert path.loss[-1] < 0.2 * path.loss[0]


@pytest.mark.parametrize("starts", [([[1.0]], [2.0]), ([[0.3], [0.7]], [2.0, 1.0])])
def test_with_one_input_a_neuron_that_dies_is_exactly_zero(starts):
    # Its hyperplane is the origin; it ended beside it, at 4e-19.
    data, net = al.Dataset([[1.0]], [-1.0]), al.Network(*starts)
    for path in (
        al.gradient_flow(net, data, "exponential", 5.0),
        al.early_flow(net, data, "exponential", 5.0),
    ):
        assert (path.final.w == 0).all()
        # v² - w² is conserved.
        assert path.final.v == pytest.approx(np.sqrt(net.v**2 - net.w[:, 0] ** 2), rel=1e-14)


# What it says


def test_every_time_asked_for_is_kept_however_close():
    # Times closer than 1e-12 were left out.
    data, net = al.data.three_points(), start("balanced", 10, 2, 0, 0.1)
    asked = np.array([1e-13, 2.0, np.nextafter(2.0, 3.0), 2.0 + 1e-13, 5.0 - 1e-13, 5.0])
    path = al.gradient_flow(net, data, "squared", 5.0, t_save=asked)
    assert path.t.tolist() == [0.0, *asked]
    plain = al.gradient_flow(net, data, "squared", 5.0, t_save=[2.0, 5.0])
    # Steps of some ulp more in between change the others by rounding, amplified.
    assert np.allclose(path.outputs[[2, 3, 4]], plain.outputs[1], rtol=0, atol=1e-9)
    assert np.allclose(path.outputs[[5, 6]], plain.outputs[2], rtol=0, atol=1e-6)


def test_any_kind_of_number_may_be_a_level():
    path = al.gradient_flow(
        al.Network.balanced(4, 2, 1e-2, rng=0), al.data.toy_2d(), "exponential", t_end=3
    )
    level = float(path.loss[-1]) * 1.5
    assert path.when(Decimal(level)) == path.when(np.array(level)) == path.when(level) < path.t[-1]


def test_asked_times_interruption_and_errors(monkeypatch):
    from alignlib import flow

    data, net = al.data.three_points(), start("balanced", 10, 2, 0, 0.1)
    path = al.gradient_flow(net, data, "squared", 10.0, t_save=[2.5, 10.0], progress=True)
    assert list(path.t) == [0.0, 2.5, 10.0]
    assert path.status == "reached t_end=10"
    assert np.allclose(path.outputs[1], path.at(2.5)(data.x), rtol=0, atol=1e-12)
    full = al.gradient_flow(net, data, "squared", 10.0)
    # Steps end at the times asked for, so the two have other steps: some rtol, amplified.
    assert np.allclose(path.outputs[1], full.at(2.5)(data.x), rtol=0, atol=1e-5)

    calls = []
    solve = flow.Step.solve

    def interrupted(step):
        calls.append(step)
        if len(calls) > 5:
            raise KeyboardInterrupt
        return solve(step)

    monkeypatch.setattr(flow.Step, "solve", interrupted)
    stopped = al.gradient_flow(net, data, "squared", 10.0)
    assert "interrupted" in stopped.status
    assert 0 < stopped.t[-1] < 10
    monkeypatch.setattr(flow.Step, "solve", lambda step: False)
    with pytest.raises(flow.FlowError, match="cannot be made small enough") as problem:
        al.gradient_flow(net, data, "squared", 10.0)
    assert list(problem.value.trajectory.t) == [0.0]
    with pytest.raises(ValueError, match="`rtol` must lie between"):
        al.gradient_flow(net, data, "squared", 1.0, rtol=2.0)


def test_the_late_steps_cost_the_same_whatever_the_width():
    data, sizes = al.data.three_points(), []
    for width in (500, 5000):
        path = al.gradient_flow(start("balanced", width, 2, 0, 1e-3), data, "squared", 2000.0)
        swarm = path.state.__self__.swarm
        sizes.append(len(swarm.index) + sum(len(cell.basis) for cell in swarm.cells))
    assert max(sizes) < 60


def test_importing_the_library_loads_no_compiler():
    import subprocess
    import sys

    code = "import sys, alignlib; print([m for m in ('numba', 'torch', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "solve",
    [lambda n, d: al.gradient_flow(n, d, "logistic", 1.0), lambda n, d: al.early_flow(n, d, "logistic")],
)
def test_trajectories_can_be_sent_to_another_process(solve):
    path = solve(al.Network.balanced(5, 2, 0.1, rng=0), al.data.toy_2d())
    copy = pickle.loads(pickle.dumps(path))
    middle = 0.5 * path.t[-1]
    assert np.array_equal(copy.at(middle).w, path.at(middle).w)


def test_a_neuron_whose_output_weight_only_just_reaches_zero_does_not_turn_for_ever():
    # A space-like neuron grazes v = 0; the search for its turns never came to an end.
    data = al.data.three_points()
    path = al.gradient_flow(al.Network.unbalanced(100, 2, 0.3, rng=37), data, "squared", 120.0, rtol=1e-5)
    assert path.loss[-1] < 1e-4
