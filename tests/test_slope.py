"""Leaky slopes, the modulus and linear networks, against solutions that share nothing with the solver."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

import alignlib as al
from alignlib.loss import get
from alignlib.solver.swarm import Swarm
from alignlib.solver.walls import Walls
from tests import filippov
from tests.problems import STARTS, random_data, worst

SLOPES = (-1.0, 0.01, 0.2, 1.0)

PROBLEMS = [
    ("three points", al.data.three_points(), "squared", 20.0, 1e-2, 5),
    *((f"random {s}", random_data(s, 5, 3), "squared", 4.0, 0.3, 4) for s in range(2)),
    ("exponential", random_data(2, 6, 3), "exponential", 2.0, 0.1, 4),
]


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: f"{p[0]}, {p[2]}")
def test_the_flow_agrees_with_an_independent_integration(problem, slope, kind):
    _, data, loss, t_end, scale, width = problem
    net = STARTS[kind](width, data.dim, scale, 1, negative_slope=slope)
    w, v, *_ = filippov.follow(net, data, get(loss), t_end)
    path = al.gradient_flow(net, data, loss, t_end, rtol=1e-10)
    assert path.final.negative_slope == slope
    # rtol 1e-10 a step for about 100 steps, and the other solution's own error, which grows alike.
    assert worst(path.final, w, v) < 1e-8
    assert np.allclose(path.outputs[-1], path.final(data.x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("slope", [-1.0, 0.01, 0.2])
def test_the_independent_integrations_include_slides(slope):
    slides = 0
    for _, data, loss, t_end, scale, width in PROBLEMS:
        for kind in STARTS.values():
            path = al.gradient_flow(kind(width, data.dim, scale, 1, slope), data, loss, t_end)
            slides += (path.events["kind"] == "slide").sum()
    assert slides >= 3


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("kind", STARTS)
def test_the_early_flow_agrees_with_an_independent_integration(kind, slope):
    for seed in range(2):
        data = random_data(seed, 7, 3)
        net = STARTS[kind](5, 3, 1.0, seed, negative_slope=slope)
        w, v, *_ = filippov.follow(net, data, get("exponential"), 1.2, constant=True)
        path = al.early_flow(net, data, "exponential")
        # DOP853 at 1e-12 a step, some hundred steps and a growth of e^{δt} of their errors.
        assert worst(path.at(1.2), w, v) < 1e-9
        assert (path.outputs[0] == path.at(0.0)(data.x)).all() or np.allclose(
            path.outputs[0], net(data.x), rtol=1e-12
        )


def test_a_neuron_with_a_slope_goes_on_where_all_walls_meet():
    # Time-like neurons that slide on one of two walls come to w = 0; a ReLU neuron would rest there.
    for seed in (29, 160, 206, 270):  # those of the first 400 that come there
        rng = np.random.default_rng(seed)
        data = al.Dataset(rng.standard_normal((2, 2)), [1.0, -1.0])
        net = al.Network(0.1 * rng.standard_normal((1, 2)), rng.standard_normal(1), 0.5)
        early = al.early_flow(net, data, "exponential")
        t = early.events["t"]
        assert (np.diff(t) == 0).any()
        w, v, *_ = filippov.follow(net, data, get("exponential"), t[-1] + 0.5, constant=True)
        assert worst(early.at(t[-1] + 0.5), w, v) < 1e-9  # as above
        w, v, *_ = filippov.follow(net, data, get("exponential"), t[-1] + 0.5)
        path = al.gradient_flow(net, data, "exponential", t[-1] + 0.5, rtol=1e-10)
        assert worst(path.final, w, v) < 1e-8


def held_at_the_origin(dim=2):
    """All walls attract a time-like neuron: it comes to w = 0, and is let go when others have fitted."""
    rng = np.random.default_rng(0)
    data = al.Dataset(rng.standard_normal((int(rng.integers(3, 6)), 2)), -np.ones(5))
    w = np.concatenate([0.02 * rng.standard_normal((1, 2)), 0.5 * rng.standard_normal((2, 2))])
    w, x = (np.pad(array, ((0, 0), (0, dim - 2))) for array in (w, data.x))
    w[:, 2:] = 0.05
    return al.Network(w, np.array([0.2, -0.6, -0.6]), 0.2), al.Dataset(x, data.y)


def smoothed(net, data, width, t_end):
    """The flow of the logistic loss where σ' goes from α to 1 over this width: no walls, so no rule."""
    shape, slope = net.w.shape, net.negative_slope

    def field(t, state):
        w, v = state[: net.w.size].reshape(shape), state[net.w.size :]
        z = w @ data.x.T / width
        f = v @ (slope * z + (1 - slope) * 0.5 * np.logaddexp(0, 2 * z)) * width
        sees = slope + (1 - slope) * 0.5 * (1 + np.tanh(z))
        d = (sees * get("logistic").pull(f, data.y)) @ data.x
        return np.append((v[:, None] * d).ravel(), (w * d).sum(axis=1))

    start = np.append(net.w.ravel(), net.v)
    end = solve_ivp(field, (0, t_end), start, "LSODA", rtol=1e-9, atol=1e-13).y[:, -1]
    return end[: net.w.size].reshape(shape), end[net.w.size :]


def test_a_neuron_with_a_slope_rests_where_walls_hold_it_and_is_let_go():
    # Where all walls attract, the field is monotone and the flow unique: it is the limit of smooth ones.
    net, data = held_at_the_origin()
    path = al.gradient_flow(net, data, "logistic", 6.0, rtol=1e-9)
    rests = np.array([not path.at(t).w[0].any() for t in (0.5, 1.0, 2.0, 4.0, 4.5)])
    assert rests.tolist() == [False, True, True, True, False]
    assert path.status.endswith(
        "1 neuron came to rest where all hyperplanes meet and the flow may not be unique"
    )
    ends = [smoothed(net, data, width, 6.0) for width in (1e-5, 1e-6)]
    errors = [worst(path.final, *end) for end in ends]
    # A ridge of that width is left after a time of log(1/width): the error falls by 10 · log 1e5 / log 1e6.
    assert errors[0] > 7 * errors[1]


@pytest.mark.parametrize("dim", [2, 3, 6])
def test_a_neuron_with_a_slope_rests_in_the_early_flow_where_walls_hold_it(dim):
    net, data = held_at_the_origin(dim)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((dim, dim)))[0]  # as below
    early = al.early_flow(
        al.Network(net.w @ turn, net.v, 0.2), al.Dataset(data.x @ turn, data.y), "logistic"
    )
    assert early.status.endswith(
        "; 1 neuron came to rest where all hyperplanes meet and the flow may not be unique"
    )
    rest = early.events["t"][early.events["neuron"] == 0].max()
    kept = np.array([0.0, 0.0, *np.full(dim - 2, 0.05)])  # all of it, the rest is the rounding of this
    for t in (rest, rest + 1.0, rest + 50.0):
        w = early.at(t).w[0] @ turn.T
        assert np.abs(w - kept).max() <= 1e-14 * kept.max()
        assert early.at(t).v[0] == early.at(rest).v[0]
    size = np.linalg.norm(kept) or 1.0
    assert np.abs(early.directions[0] @ turn.T - kept / size).max() <= 1e-14 * kept.max() / size


def test_with_the_modulus_a_neuron_may_rest_or_leave_and_status_says_so():
    # v > 0 climbs ⟨w, D(w)⟩ = |w_1 + w_2| + |w_1 - w_2| - |w_1| - 3 |w_2|: it comes to 0 along w_1 = 0.
    data = al.Dataset([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]], np.ones(4))
    g = np.array([-1.0, -3.0, 1.0, 1.0])
    path = al.early_flow(al.Network([[0.02, 0.5]], [2.0], -1.0), data, "squared", pulls=g)
    assert path.status.endswith(
        "1 neuron came to rest where all hyperplanes meet and the flow may not be unique"
    )
    t, v = path.t[-1], path.at(path.t[-1]).v[0]
    assert not path.at(t + 5.0).w.any()
    # It may rest: D is odd, so 0 is in the convex hull of its values around w = 0, which is Filippov's set.
    u = np.random.default_rng(0).standard_normal((50, 2))
    there, opposite = (al.geometry.pulled(al.Network(w, np.ones(50), -1.0), data, g) for w in (u, -u))
    assert (there == -opposite).all()
    # It may leave, either way along w_2 = 0, where D = ±(1, 0) for a suitable share of the wall: so do the
    # flows that start beside it, w = ±v sinh(t), v cosh(t) in the limit.
    for side in (1.0, -1.0):
        beside = al.Network([[1e-13 * side, 0.0]], [v], -1.0)
        left = al.early_flow(beside, data, "squared", pulls=g).at(1.0)
        assert left.w[0] == pytest.approx([side * v * np.sinh(1.0), 0.0], abs=1e-12)
        assert left.v == pytest.approx(v * np.cosh(1.0), abs=1e-12)


def test_what_no_sample_sees_of_a_neuron_let_go_is_kept():
    flat, (net, data) = held_at_the_origin(), held_at_the_origin(6)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))[0]  # no axis is one of no sample
    turned = al.Network(net.w @ turn, net.v, 0.2), al.Dataset(data.x @ turn, data.y)
    flat, turned = (al.gradient_flow(*start, "logistic", 8.0, rtol=1e-9) for start in (flat, turned))
    for t in (0.5, 2.0, 5.0, 6.0, 8.0):
        one, other = flat.at(t), turned.at(t)
        expected = np.column_stack([one.w, np.full((3, 4), 0.05)])
        np.testing.assert_allclose(other.w @ turn.T, expected, atol=1e-9)  # rtol, with room for rounding
        np.testing.assert_allclose(other.v, one.v, atol=1e-9)


# A linear network, α = 1


def test_a_linear_network_keeps_its_whole_gram_matrix_and_follows_the_smooth_equation():
    rng = np.random.default_rng(0)
    data = al.Dataset(rng.standard_normal((8, 3)), rng.standard_normal(8))
    net = al.Network.unbalanced(12, 3, 0.3, 1, negative_slope=1.0)
    path = al.gradient_flow(net, data, "squared", 10.0, rtol=1e-10)
    start = al.measure.minkowski_gram(net)
    # Kept to rounding by each boost, of which there are some thousand.
    assert np.abs(al.measure.minkowski_gram(path.final) - start).max() < 1e-12 * (path.final.w**2).sum()
    assert not np.isin(path.events["kind"], ["slide", "release"]).any()

    def field(t, state):
        w, v = state[:36].reshape(12, 3), state[36:]
        pull = get("squared", "mean").pull(v @ w @ data.x.T, data.y) @ data.x
        return np.append(np.outer(v, pull).ravel(), w @ pull)

    run = solve_ivp(field, (0, 10.0), np.append(net.w.ravel(), net.v), "DOP853", rtol=1e-12, atol=1e-14)
    w, v = run.y[:36, -1].reshape(12, 3), run.y[36:, -1]
    assert worst(path.final, w, v) < 1e-8  # rtol 1e-10 for some dozens of steps


def test_a_linear_network_on_whitened_data_in_closed_form():
    # w_j = a_j u, v_j = a_j with u along Xᵀy: for s = Σ a_j², L = Σ (f - y)²: s' = 4 (‖y‖ - s) s.
    x = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))[0]
    y = np.array([1.0, -2.0, 0.5, 1.5])
    size = np.linalg.norm(y)
    a = np.array([0.01, -0.02, 0.03])
    net = al.Network(np.outer(a, x.T @ y / size), a, negative_slope=1.0)
    path = al.gradient_flow(net, al.Dataset(x, y), get("squared", "sum"), 2.0, rtol=1e-10)
    odds = (a**2).sum() / (size - (a**2).sum()) * np.exp(4 * size * path.t)
    s = size * odds / (1 + odds)
    # rtol 1e-10 of rapidity a step, twice that in s, for some dozens of steps, at slopes up to ‖y‖².
    assert np.abs(path.outputs - s[:, None] * y / size).max() < 1e-8


# The parts


@pytest.mark.parametrize("slope", SLOPES)
def test_walls_know_the_slope(slope):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, 3))
    x = np.vstack([x, -2 * x[0], 3 * x[1], np.zeros(3)])
    g, net = rng.standard_normal(9), al.Network.unbalanced(7, 3, 1.0, 0, slope)
    walls = Walls.of(x, slope)
    below, above = walls.pulls(g)
    z, sides = walls.sides(net)
    d = np.where(sides > 0, above, below) @ walls.u
    felt = np.where(net.w @ x.T > 0, 1.0, slope)
    assert np.allclose(d, (felt * g) @ x, atol=1e-13)  # sums of a dozen products of size 1
    assert np.allclose(d, al.geometry.pulled(net, al.Dataset(x, g), g), atol=1e-13)
    sums = net.v @ np.minimum(z, 0.0), net.v @ np.maximum(z, 0.0)
    assert np.allclose(walls.outputs(*sums), net(x), atol=1e-13)
    slow = [sum(v * (max(w @ row, 0) + slope * min(w @ row, 0)) for w, v in zip(net.w, net.v)) for row in x]
    assert np.allclose(net(x), slow, atol=1e-13)


@pytest.mark.parametrize("slope", SLOPES)
def test_the_tangent_kernel_is_the_speed_of_the_outputs(slope):
    data = random_data(0, 5, 3)
    net, g, step = al.Network.unbalanced(6, 3, 1.0, 0, slope), np.arange(5.0) - 1.5, 1e-6
    kernel = Swarm.of(net, Walls.of(data.x, slope), 1e-6).kernel(data)
    d = al.geometry.pulled(net, data, g)

    def moved(by):
        return al.Network(net.w + by * net.v[:, None] * d, net.v + by * (net.w * d).sum(axis=1), slope)

    speed = (moved(step)(data.x) - moved(-step)(data.x)) / (2 * step)
    assert np.allclose(kernel @ g, speed, atol=1e-7)  # rounding over the step, 1e-15 / 1e-6, some dozens


@pytest.mark.parametrize("slope", [-1.0, 0.2, 1.0])
def test_descent_is_that_of_pytorch(slope):
    data, net = random_data(0, 5, 3), al.Network.unbalanced(6, 3, 1.0, 0, slope)
    path = al.gradient_descent(net, data, "squared", 0.01, 20)
    w, v = (torch.tensor(np.array(a), requires_grad=True) for a in (net.w, net.v))
    x, y = torch.tensor(np.array(data.x)), torch.tensor(np.array(data.y))
    optimizer = torch.optim.SGD([w, v], 0.01)
    for _ in range(20):
        optimizer.zero_grad()
        ((v @ torch.nn.functional.leaky_relu(w @ x.T, slope) - y) ** 2).mean().backward()
        optimizer.step()
    assert worst(path.final, w.detach().numpy(), v.detach().numpy()) < 1e-13  # rounding of 20 steps
    assert np.allclose(path.at(0.105).negative_slope, slope)


# What looks at a network


def test_no_neuron_with_a_slope_is_dead():
    data, none = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [1.0, -1.0]), np.array([[-1.0, -1.0]])
    assert al.geometry.cones(al.Network(none, [1.0]), data).tolist() == ["dead"]
    leaky = al.Network(none, [1.0], negative_slope=0.1)
    assert al.geometry.cone_counts(leaky, data) == {"S+": 0, "S-": 0, "dead": 0, "mixed": 1}
    assert not al.geometry.aligned(leaky, data).any()
    assert not al.geometry.subnetworks(leaky, data).any()
    data = al.data.toy_2d()
    net = al.Network.balanced(10, 2, 1e-3, 0, negative_slope=0.1)
    early, path = al.early_flow(net, data, "exponential"), al.gradient_flow(net, data, "exponential", 3.0)
    assert al.geometry.cone_counts(early, early.t[-1])["mixed"] == 0
    assert early.alignment_time == early.t[-1]
    assert abs(path.alignment_time - early.alignment_time) < 1e-4  # the pulls have moved by 1e-6 or so
    descent = al.gradient_descent(net, data, "exponential", 1e-3, 1000)
    assert abs(descent.alignment_time - early.alignment_time) < 2e-3  # two steps


@pytest.mark.parametrize("slope", SLOPES)
def test_extremal_vectors_are_where_neurons_end(slope):
    data = al.data.toy_2d(spread=150)
    found = al.extremal_vectors(data, "logistic", negative_slope=slope)
    g = get("logistic").pull(np.zeros(data.n), data.y)
    for vector in found:
        if not vector.tight.any():
            net = al.Network(vector.direction[None], [vector.sign], slope)
            d = al.geometry.pulled(net, data, g)[0]
            # Angles from arctan2 of sums of some numbers of size 1.
            assert abs(d[0] * vector.direction[1] - d[1] * vector.direction[0]) < 1e-13
            assert abs(vector.rate - vector.sign * d @ vector.direction) < 1e-13
    rng = np.random.default_rng(0)
    w = rng.standard_normal((400, 2))
    net = al.Network(w, rng.choice([-1.0, 1.0], 400) * np.linalg.norm(w, axis=1), slope)
    ends = al.early_flow(net, data, "logistic").directions
    near = np.array(
        [[v.sign * net.v[j] > 0 and v.direction @ ends[j] > 1 - 1e-12 for v in found] for j in range(400)]
    )
    assert near.any(axis=1).all()
    assert sum(vector.share for vector in found) == pytest.approx(2.0)


def test_a_search_in_three_dimensions_has_rates_with_the_slope():
    data = al.data.separated(12, 3, 0.3, rng=0)
    for vector in al.extremal_vectors(data, "exponential", starts=40, negative_slope=0.3):
        d = al.geometry.pulled(al.Network(vector.direction[None], [1.0], 0.3), data, data.y)[0]
        assert vector.rate == pytest.approx(np.linalg.norm(d), rel=1e-12)
