"""The early phase is exact: closed forms, events on their walls, and nothing depends on the scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import alignlib as al
from alignlib.loss import get
from alignlib.solver import constant
from tests import filippov

STARTS = ("balanced", "dominated", "unbalanced")
EPS = np.finfo(float).eps


def random_data(seed, n, dim):
    rng = np.random.default_rng(seed)
    return al.Dataset(rng.standard_normal((n, dim)), np.where(rng.random(n) < 0.5, -1.0, 1.0))


def start(kind, width, dim, seed, scale=1e-3):
    return getattr(al.Network, kind)(width, dim, scale, rng=seed)


# One neuron, one sample: everything can be written down.


@pytest.mark.parametrize("v0", [1.0, 2.0, 0.3, -0.3])
def test_one_active_neuron_is_boosted_along_its_sample(v0):
    data = al.Dataset([[2.0, 0.0]], [1.0])
    path = al.early_flow(al.Network([[3.0, 1.0]], [v0]), data, "exponential", t_end=1.0)
    delta, t = 2.0, 0.7
    now = path.at(t)
    # δ = ‖D‖ = 2, b = 3: v = v0 cosh + 3 sinh, w_1 = 3 cosh + v0 sinh, w_2 rests. Ten roundings.
    assert now.v[0] == pytest.approx(v0 * np.cosh(delta * t) + 3 * np.sinh(delta * t), rel=10 * EPS)
    assert now.w[0, 0] == pytest.approx(3 * np.cosh(delta * t) + v0 * np.sinh(delta * t), rel=10 * EPS)
    assert now.w[0, 1] == 1.0


def test_a_crossing_comes_when_the_quadratic_says():
    data = al.Dataset([[1.0, 0.0], [-1.0, 2.0]], [1.0, -1.0])
    path = al.early_flow(al.Network([[1.0, 0.8]], [1.3]), data, "exponential")
    # Active on both: D = (1, 0) - (-1, 2) = (2, -2); z_2 = 0.6 - 6 P = 0 at P = 0.1.
    delta, b = np.sqrt(8.0), (1.0 * 2 - 0.8 * 2) / np.sqrt(8.0)
    event = path.events[0]
    p = (1.3 * np.sinh(delta * event["t"]) + b * (np.cosh(delta * event["t"]) - 1)) / delta
    assert (event["neuron"], event["sample"], event["kind"]) == (0, 1, "deactivate")
    assert p == pytest.approx(0.1, rel=20 * EPS)


def test_the_angle_of_a_light_like_neuron_halves_exponentially():
    data = al.Dataset([[1.0, 0.0]], [1.0])
    path = al.early_flow(al.Network([[np.cos(1.2), np.sin(1.2)]], [1.0]), data, "exponential")
    for t in (0.1, 1.0, 10.0):
        w = path.at(t).w[0]
        # tan(φ/2) decays like e^{-t}; arctan2 and the boost round to a few ulp of an angle.
        assert np.tan(np.arctan2(w[1], w[0]) / 2) == pytest.approx(np.tan(0.6) * np.exp(-t), rel=1e-13)


@pytest.mark.parametrize("angle", [1e-2, 1e-5, 1e-8])
def test_a_neuron_nearly_opposed_to_its_goal_turns_late_and_exactly(angle):
    data = al.Dataset([[1.0, 0.0], [-1.0, 0.3]], [-1.0, -1.0])
    w = np.array([[np.cos(angle), np.sin(angle)]])
    path = al.early_flow(al.Network(w, np.linalg.norm(w, axis=1)), data, "exponential")
    # D = (-1, 0) until z_2 = 0: from the angle π - ψ to D to the angle π/2 + arctan(0.3) to x_1.
    wall = np.arctan2(1.0, 0.3)
    exact = np.log(np.tan(wall / 2) / np.tan(angle / 2))
    # v + b = v ψ²/2 is known through ‖w_⊥‖, with relative error ε/ψ for w given in doubles.
    assert path.events["t"][0] == pytest.approx(exact, abs=4 * EPS / angle + 1e-14)


def test_a_flip_of_v_retraces_the_path_to_the_mirrored_start():
    data, net = random_data(3, 5, 3), start("unbalanced", 30, 3, 0)
    path = al.early_flow(net, data, "exponential")
    checked = 0
    for j in np.flatnonzero(np.sign(path.at(10.0).v) == -np.sign(net.v)):
        turn = brentq(lambda t, j=j: path.at(t).v[j], 0, 10, xtol=1e-15, rtol=1e-15)
        mine = path.events[path.events["neuron"] == j]
        if not (mine["kind"][mine["t"] <= 2 * turn] == "slide").any():
            back = path.at(2 * turn)
            # The time of the turn is known to 1e-15, the growth until 2 t* is below 100.
            assert np.allclose(back.w[j], net.w[j], rtol=0, atol=1e-12 * np.linalg.norm(net.w[j]))
            assert back.v[j] == pytest.approx(-net.v[j], rel=1e-11)
            checked += 1
    assert checked >= 3


# Events


def heights_at_events(path, data, events):
    for event in events:
        now = path.at(event["t"])
        w, x = now.w[event["neuron"]], data.x[event["sample"]]
        yield abs(w @ x) / (np.linalg.norm(w) * np.linalg.norm(x))


@pytest.mark.parametrize("kind", STARTS)
def test_at_every_event_the_neuron_is_on_the_hyperplane(kind):
    data = random_data(0, 8, 4)
    path = al.early_flow(start(kind, 20, 4, 1), data, "logistic")
    assert len(path.events) > 20
    # A height is a sum of a few dozen rounded terms, each up to e^{δt} ~ 100 times the result.
    assert max(heights_at_events(path, data, path.events)) < 1e-12


@pytest.mark.parametrize("kind", STARTS)
def test_the_minkowski_norm_is_conserved_through_events_and_slides(kind):
    data = random_data(1, 10, 3)
    net = start(kind, 50, 3, 2)
    path = al.early_flow(net, data, "exponential")
    assert (path.events["kind"] == "slide").any()
    for t in (0.1, 1.0, 3.0):
        now = path.at(t)
        drift = np.abs(now.minkowski() - net.minkowski()).max()
        assert drift < 1e-12 * (now.w**2).sum(axis=1).max()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", STARTS)
def test_it_agrees_with_an_independent_integration(kind, seed):
    data = random_data(seed, 7, 3)
    net = start(kind, 5, 3, seed, scale=1.0)
    w, v, _count, _slides = filippov.follow(net, data, get("exponential"), 1.5, constant=True)
    now = al.early_flow(net, data, "exponential").at(1.5)
    size = np.linalg.norm(np.column_stack([w, v]), axis=1)
    # DOP853 at 1e-12 a step, some hundred steps and a growth of e^{δt} of their errors.
    assert (np.abs(now.w - w).max(axis=1) / size).max() < 1e-9
    assert (np.abs(now.v - v) / size).max() < 1e-9


def test_the_independent_integrations_include_slides():
    counts = [
        filippov.follow(
            start("balanced", 5, 3, s, 1.0), random_data(s, 7, 3), get("exponential"), 1.5, True
        )[3]
        for s in range(3)
    ]
    assert sum(counts) > 0


# Symmetries: what must not change does not.


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(STARTS), st.integers(2, 5), st.integers(2, 9))
def test_the_scale_of_the_start_changes_nothing_but_the_scale(seed, kind, dim, n):
    data, net = random_data(seed, n, dim), start(kind, 6, dim, seed, 1.0)
    small = al.Network(net.w * 2.0**-100, net.v * 2.0**-100)
    a, b = (al.early_flow(each, data, "exponential") for each in (net, small))
    # A power of two scales every operation exactly.
    assert np.array_equal(a.events, b.events)
    assert np.array_equal(a.at(1.0).w * 2.0**-100, b.at(1.0).w)
    assert np.array_equal(a.directions, b.directions)


@settings(derandomize=True, max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(STARTS))
def test_rotated_inputs_give_rotated_weights(seed, kind):
    data, net = random_data(seed, 6, 3), start(kind, 6, 3, seed, 1.0)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    turned = al.early_flow(al.Network(net.w @ turn, net.v), al.Dataset(data.x @ turn, data.y), "logistic")
    plain = al.early_flow(net, data, "logistic")
    assert np.array_equal(plain.events["sample"], turned.events["sample"])
    # Rounding of the rotation, times the growth of nearby neurons apart.
    assert np.allclose(plain.at(1.0).w @ turn, turned.at(1.0).w, rtol=1e-9, atol=1e-10)


@settings(derandomize=True, max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(STARTS))
def test_swapped_labels_and_output_signs_are_the_same_flow(seed, kind):
    data, net = random_data(seed, 6, 3), start(kind, 6, 3, seed)
    other = al.early_flow(al.Network(net.w, -net.v), al.Dataset(data.x, -data.y), "exponential")
    plain = al.early_flow(net, data, "exponential")
    assert np.array_equal(plain.events, other.events)
    assert np.array_equal(plain.alignment_times, other.alignment_times)
    assert np.array_equal(plain.at(0.5).w, other.at(0.5).w)


@settings(derandomize=True, max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(STARTS), st.floats(0.05, 0.8))
def test_splitting_a_run_in_two_changes_nothing(seed, kind, share):
    data, net = random_data(seed, 6, 3), start(kind, 6, 3, seed, 1.0)
    path = al.early_flow(net, data, "exponential")
    middle = path.at(share)
    whole, rest = path.at(1.0), al.early_flow(middle, data, "exponential").at(1.0 - share)
    # One neuron on a wall at the split is put on it again within `walls.rounding`.
    assert np.allclose(whole.w, rest.w, rtol=1e-9, atol=1e-10)


def test_duplicated_samples_are_one_sample_with_twice_the_pull():
    data, net = random_data(5, 5, 3), start("balanced", 30, 3, 0)
    twice = al.Dataset(np.repeat(data.x, 2, axis=0), np.repeat(data.y, 2))
    longer = al.Dataset(data.x * 2, data.y)
    a, b = al.early_flow(net, twice, "exponential"), al.early_flow(net, longer, "exponential")
    assert np.allclose(a.at(1.0).w, b.at(1.0).w, rtol=1e-12, atol=1e-15)
    assert len(a.events) == 2 * len(b.events)


def test_opposite_samples_share_a_hyperplane():
    # One wall, x and -2x: z > 0 pulls by 1, z < 0 by 2 y_2; for y_2 = -1 both pull to the wall if v < 0.
    data = al.Dataset([[1.0, 0.0], [-2.0, 0.0], [0.0, 1.0]], [1.0, 1.0, -1.0])
    net = al.Network([[0.5, 1.0]], [-2.0])
    path = al.early_flow(net, data, "exponential")
    assert list(path.events["kind"]) == ["slide", "slide"]
    assert set(path.events["sample"]) == {0, 1}
    assert abs(path.at(path.events["t"][0] + 0.1).w[0, 0]) < 1e-15


def test_a_sample_at_the_origin_never_acts():
    data, net = random_data(6, 5, 3), start("balanced", 10, 3, 0)
    more = al.Dataset(np.vstack([data.x, np.zeros(3)]), np.append(data.y, 1.0))
    assert np.array_equal(
        al.early_flow(net, data, "exponential").events, al.early_flow(net, more, "exponential").events
    )


# Special starts


def test_a_dead_neuron_stays_where_it_is():
    data = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0])
    path = al.early_flow(al.Network([[-1.0, -2.0]], [3.0]), data, "exponential")
    assert not len(path.events)
    assert np.array_equal(path.at(100.0).w, [[-1.0, -2.0]])


def test_a_neuron_on_a_hyperplane_goes_where_the_convention_sends_it():
    data = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0])
    # v > 0: the wall of sample 1 repels; σ'(0) = 0 leaves the neuron inactive on it, at height 0.
    path = al.early_flow(al.Network([[0.0, 1.0]], [1.0]), data, "exponential")
    assert path.at(1.0).w[0, 0] == 0.0
    assert path.at(1.0).w[0, 1] > 1.0


def test_a_neuron_that_dies_rests_on_its_last_hyperplane():
    data = al.Dataset([[1.0, 0.0]], [-1.0])
    net = al.Network([[1.0, 1.0]], [2.0])
    path = al.early_flow(net, data, "exponential")
    assert list(path.events["kind"]) == ["deactivate"]
    rest = path.at(50.0)
    assert np.array_equal(rest.w, path.at(60.0).w)
    # z = 1 - P ends at P = 1 to rounding.
    assert abs(rest.w[0, 0]) < 4 * EPS


def test_a_sliding_neuron_whose_v_flips_leaves_to_the_inactive_side():
    # Space-like, v < 0, on the wall of a sample with g > 0; the other sample turns v positive.
    data = al.Dataset([[1.0, 0.0], [-0.4, 1.0]], [1.0, 1.0])
    net = al.Network([[0.005, 1.0]], [-0.2])
    path = al.early_flow(net, data, "exponential")
    assert "slide" in path.events["kind"]
    assert "release" in path.events["kind"]
    released = path.events["t"][path.events["kind"] == "release"][0]
    assert path.at(released + 0.1).w[0] @ data.x[0] < 0
    assert path.at(released + 0.1).v[0] > 0


def test_zero_weights_and_v_zero():
    data = random_data(0, 4, 2)
    net = al.Network([[0.0, 0.0], [1.0, 0.5]], [1.0, 0.0])
    path = al.early_flow(net, data, "exponential")
    assert np.array_equal(path.at(1.0).w[0], [0.0, 0.0])
    w, _v, *_ = filippov.follow(
        al.Network(net.w[1:], [1e-14]), data, get("exponential"), 1.0, constant=True
    )
    assert np.allclose(path.at(1.0).w[1], w[0], atol=1e-9)  # the nudge of v is 1e-14


def test_the_status_says_where_a_neuron_came_to_rest_at_the_origin():
    # Time-like, along -D = (1, 1): w = (1, 1) - (1, 1) P reaches 0 with v > 0. The other one grows.
    data = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [-1.0, -1.0])
    path = al.early_flow(al.Network([[1.0, 1.0], [1.0, 1.0]], [2.0, -2.0]), data, "exponential")
    assert path.status.endswith(
        "; 1 neuron came to rest where all hyperplanes meet and the flow is not unique"
    )
    assert np.abs(path.at(5.0).w[0]).max() < 4 * EPS
    # v² - ‖w‖² = 2 is conserved.
    assert path.at(5.0).v[0] == pytest.approx(np.sqrt(2.0), rel=10 * EPS)
    early = al.early_flow(al.Network([[1.0, 1.0]] * 2, [2.0, 2.0]), data, "exponential", t_end=0.1)
    assert early.status.startswith(
        "reached t_end=0.1; the last event is at t=0.623225; 2 neurons came to rest"
    )
    light = al.early_flow(al.Network([[1.0, 1.0]], [np.sqrt(2.0)]), data, "exponential")
    assert "rest" not in light.status  # a light-like neuron takes for ever


# How the work is cut up


@pytest.mark.parametrize(("name", "value"), [("FIRST_LOG", 1), ("CHUNK", 30), ("GROUP", 60)])
def test_a_short_log_and_small_portions_change_nothing(monkeypatch, name, value):
    data, net = random_data(4, 9, 3), start("unbalanced", 40, 3, 1)
    whole = al.early_flow(net, data, "exponential")
    monkeypatch.setattr(constant, name, value)
    parts = al.early_flow(net, data, "exponential")
    assert len(whole.events) > 100
    for field in ("neuron", "sample", "kind"):
        assert np.array_equal(whole.events[field], parts.events[field])
    # Products of matrices of another size are rounded in another order.
    assert np.allclose(whole.events["t"], parts.events["t"], rtol=0, atol=1e-12)
    assert np.allclose(whole.at(1.0).w, parts.at(1.0).w, rtol=0, atol=1e-12)


def test_more_walls_than_one_block_are_all_met():
    # 150 walls are two whole blocks and a part; the independent solver knows no blocks.
    data, net = random_data(2, 150, 20), start("balanced", 2, 20, 0, scale=1.0)
    w, v, count, _slides = filippov.follow(net, data, get("exponential"), 0.1, constant=True)
    assert count > 20
    now = al.early_flow(net, data, "exponential").at(0.1)
    size = np.linalg.norm(np.column_stack([w, v]), axis=1)
    # As above: DOP853 at 1e-12 a step.
    assert (np.abs(now.w - w).max(axis=1) / size).max() < 1e-9
    assert (np.abs(now.v - v) / size).max() < 1e-9


# Alignment, under Assumption 1


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(("balanced", "dominated")), st.floats(0.02, 0.6))
def test_under_assumption_1_no_neuron_slides_and_each_hyperplane_is_crossed_once(seed, kind, mu):
    data = al.data.separated(12, 4, mu, rng=seed)
    path = al.early_flow(start(kind, 30, 4, seed), data, "exponential")
    assert set(path.events["kind"]) <= {"activate", "deactivate"}
    pairs = path.events["neuron"] * data.n + path.events["sample"]
    assert len(np.unique(pairs)) == len(pairs)
    assert np.isfinite(path.alignment_times).all()


@settings(derandomize=True, max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.02, 0.6))
def test_neurons_that_grow_at_once_align_within_arsinh_of_one_over_mu(seed, mu):
    data = al.data.separated(8, 3, mu, rng=seed)
    net = start("balanced", 200, 3, seed)
    g = get("exponential").pull(np.zeros(data.n), data.y)
    growing = net.v * (net.w * al.geometry.pulled(net, data, g)).sum(axis=1) >= 0
    path = al.early_flow(net, data, "exponential")
    assert path.alignment_times[growing].max() <= np.arcsinh(1 / mu)


@pytest.mark.parametrize("kind", STARTS)
def test_alignment_times_are_those_of_the_geometry(kind):
    data, net = al.data.toy_2d(), start(kind, 40, 2, 3)
    path = al.early_flow(net, data, "exponential")
    for j in np.flatnonzero(np.isfinite(path.alignment_times) & (path.alignment_times > 0)):
        t = path.alignment_times[j]
        before, after = (al.geometry.aligned(path.at(s), data)[j] for s in (t * (1 - 1e-9), t * (1 + 1e-9)))
        assert after
        assert not before


@pytest.mark.parametrize("w", [[1e-6, 1e-7], [-1e-6, 1e-7]])
@pytest.mark.parametrize("solve", [al.early_flow, al.gradient_flow])
def test_a_neuron_that_starts_with_v_zero_is_aligned_with_the_sign_it_grows_into(solve, w):
    # Its time was infinite: the goal was that of np.sign(0). The nudge is 1e-10 of w, in either direction.
    exact, *nudged = (
        solve(al.Network([w], [v]), al.data.toy_2d(), "exponential", 3.0) for v in (0.0, 1e-16, -1e-16)
    )
    assert 0 < exact.alignment_time < np.inf
    for path in nudged:
        # What 1e-10 does to the time of the last event, and the steps of the flow to 1e-10.
        assert path.alignment_time == pytest.approx(exact.alignment_time, rel=1e-8)


def test_directions_are_limits():
    data, net = random_data(8, 6, 3), start("unbalanced", 40, 3, 1)
    path = al.early_flow(net, data, "exponential")
    late = path.at(path.t[-1] + 20.0)
    size = np.linalg.norm(late.w, axis=1, keepdims=True)
    # The rest of w shrinks against the part along D like e^{-δt}; the slowest δ here gives 1e-8.
    assert np.allclose(late.w / size, path.directions, atol=1e-6)


def test_errors_say_what_came():
    data = al.data.toy_2d()
    with pytest.raises(ValueError, match="`net` must have dim 2"):
        al.early_flow(al.Network.balanced(3, 4, 1.0, rng=0), data, "exponential")
    path = al.early_flow(al.Network.balanced(3, 2, 1.0, rng=0), data, "exponential")
    with pytest.raises(ValueError, match="`t` must be at least 0"):
        path.at(-1.0)
    with pytest.raises(ValueError, match="overflow"):
        path.at(1e4)


def test_a_single_wall_is_crossed_and_not_taken_for_the_origin():
    # Opposite samples share a hyperplane and pull the same way on both sides: w_1 = cosh t - 2 sinh t.
    data = al.Dataset([[1.0, 0.0], [-1.0, 0.0]], [-1, 1])
    net = al.Network([[1.0, 1.0]], [2.0])
    path = al.early_flow(net, data, "exponential")
    assert sorted(path.events["kind"]) == ["activate", "deactivate"]
    assert path.at(2.0).w[0] == pytest.approx([np.cosh(2) - 2 * np.sinh(2), 1], abs=1e-13)
    assert path.final_patterns.tolist() == [[False, True]]
    tiny = al.Network(1e-3 * net.w, 1e-3 * net.v)
    flow = al.gradient_flow(tiny, data, "exponential", 2.0)
    # The full flow differs from the early one by the square of the scale and what growth adds.
    assert flow.final.w[0] / 1e-3 == pytest.approx(path.at(2.0).w[0], abs=1e-4)


@pytest.mark.parametrize("start", [[0.0, 1.0], [-1.0, 0.5]])
def test_between_opposite_samples_a_neuron_is_dead_for_an_instant_only(start):
    # The first starts on the wall and sees nothing, the second comes to it: on both sides D = (1, 0).
    data = al.Dataset([[1.0, 0.0], [-1.0, 0.0]], [1, -1])
    size = np.hypot(*start)
    net = al.Network([start], [size])
    path, t = al.early_flow(net, data, "exponential"), 2.0
    foretold = [start[0] * np.cosh(t) + size * np.sinh(t), start[1]]
    assert path.at(t).w[0] == pytest.approx(foretold, abs=1e-13)
    assert al.geometry.cones(path.at(t), data) == ["S+"]
    flow = al.gradient_flow(al.Network(1e-3 * net.w, 1e-3 * net.v), data, "exponential", t)
    # As above: the square of the scale and what growth adds.
    assert flow.final.w[0] / 1e-3 == pytest.approx(foretold, abs=1e-4)


def test_the_minkowski_norm_is_kept_on_degenerate_data():
    # Integer data have coinciding walls and D = 0 on many corners, which Gaussian data never have.
    rng = np.random.default_rng(0)
    for _ in range(60):
        x = rng.integers(-2, 3, (5, 3)).astype(float)
        data = al.Dataset(x, rng.choice([-1.0, 1.0], 5))
        net = al.Network.dominated(50, 3, 1.0, rng=rng)
        later = al.early_flow(net, data, "exponential").at(2.0)
        size = np.maximum((later.w**2).sum(axis=1), net.v**2)
        assert (np.abs(later.minkowski() - net.minkowski()) / size).max() < 1e-12


@pytest.mark.parametrize("solver", ["early", "flow"])
def test_a_neuron_at_rest_at_zero_is_exactly_zero_and_stays_so_after_a_restart(solver):
    """It came back as 1e-18 with random sides, and a restart brought it to life."""
    rng = np.random.default_rng(0)
    data = al.Dataset(rng.standard_normal((5, 2)), rng.choice([-1.0, 1.0], 5))
    net = al.Network.dominated(60, 2, 1e-6, rng)

    def follow(start, time):
        if solver == "early":
            return al.early_flow(start, data, "exponential").at(time)
        return al.gradient_flow(start, data, "exponential", time).final

    half, whole = follow(net, 1.5), follow(net, 3.0)
    rests = (half.w == 0).all(axis=1)
    assert rests.sum() >= 3
    assert (whole.w[rests] == 0).all()
    assert (follow(half, 1.5).w[rests] == 0).all()
