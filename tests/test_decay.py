"""Weight decay, against an independent integration, closed forms and the stationary point."""

import numpy as np
import pytest
from scipy.integrate import quad

import alignlib as al
from alignlib.loss import get
from alignlib.solver.collocation import NODES, RADAU, TO_POLYNOMIAL
from alignlib.solver.tolerances import RELAXED, SLOW, SLOW_WITH_DECAY
from tests import filippov
from tests.problems import STARTS, random_data, worst

PROBLEMS = [
    ("three points", al.data.three_points(), "squared", 20.0, 1e-2, 0.1, 0.0),
    ("random 0", random_data(0, 5, 3), "squared", 4.0, 0.3, 0.05, 0.0),
    ("random 1", random_data(1, 5, 3), "squared", 4.0, 0.3, 0.3, 0.2),
    ("random 2", random_data(2, 6, 3), "exponential", 2.0, 0.1, 1.0, 0.0),
]


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: f"{p[0]}, {p[2]}")
def test_the_flow_agrees_with_an_independent_integration(problem, kind):
    _, data, loss, t_end, scale, decay, slope = problem
    net = STARTS[kind](5, data.dim, scale, 1, negative_slope=slope)
    path = al.gradient_flow(net, data, loss, t_end, rtol=1e-10, weight_decay=decay)
    # rtol 1e-10 a step for about 100 steps, and the other solution's own error, which grows alike.
    for time in (0.37 * t_end, t_end):
        w, v, *_ = filippov.follow(net, data, get(loss), time, decay=decay)
        assert worst(path.at(time), w, v) < 1e-8
    assert np.allclose(path.outputs[-1], path.final(data.x), rtol=0, atol=1e-12)


def test_the_independent_integrations_include_slides():
    slides = [
        (
            al.gradient_flow(
                kind(5, data.dim, scale, 1, slope), data, loss, t_end, weight_decay=decay
            ).events["kind"]
            == "slide"
        ).sum()
        for _, data, loss, t_end, scale, decay, slope in PROBLEMS
        for kind in STARTS.values()
    ]
    assert sum(count > 0 for count in slides) >= 2


def test_one_neuron_on_one_sample_in_closed_form():
    # w = v = θ, s = θ²: s' = (4 - 2λ) s - 4 s², logistic.
    rate, decay = 4 - 2 * 0.5, 0.5
    path = al.gradient_flow(
        al.Network([[0.01]], [0.01]), al.Dataset([[1.0]], [1.0]), "squared", 30.0, 1e-10, weight_decay=decay
    )
    odds = 1e-4 / (rate / 4 - 1e-4) * np.exp(rate * path.t)
    # A few dozen steps of 1e-10 of rapidity, each twice that in f, at slopes up to 1.
    assert np.abs(path.outputs[:, 0] - rate / 4 * odds / (1 + odds)).max() < 1e-8


def test_a_network_that_no_pull_moves_only_shrinks():
    data = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [1.0, -1.0])
    net = al.Network(-np.ones((30, 2)), np.linspace(-1, 1, 30))
    path = al.gradient_flow(net, data, "logistic", 1e6, weight_decay=0.01, t_save=[1.0, 10.0])
    for time in (1.0, 10.0):
        # Some dozens of roundings.
        assert np.allclose(path.at(time).w, np.exp(-0.01 * time) * net.w, rtol=1e-13)
        assert np.allclose(path.at(time).v, np.exp(-0.01 * time) * net.v, rtol=1e-13)
    path = al.gradient_flow(net, data, "logistic", 1e6, weight_decay=0.01)
    assert not path.final.w.any()  # e^{-10,000}
    assert (path.patterns(1e6) == -1).all()


# The early phase


def test_decay_moves_no_event_of_the_early_phase_and_scales_the_weights():
    data, net = random_data(1, 10, 3), al.Network.unbalanced(50, 3, 1.0, 2)
    one, other = (al.early_flow(net, data, "exponential", weight_decay=decay) for decay in (0.0, 0.7))
    assert (one.events == other.events).all()
    assert (one.alignment_times == other.alignment_times).all()
    assert (one.directions == other.directions).all()
    assert other.weight_decay == 0.7
    for t in (0.1, 1.0, 5.0):
        assert (other.at(t).w == np.exp(-0.7 * t) * one.at(t).w).all()
        assert (other.at(t).v == np.exp(-0.7 * t) * one.at(t).v).all()
        assert (other.patterns(t) == one.patterns(t)).all()


def test_a_direction_grows_if_and_only_if_its_pull_is_larger_than_the_decay():
    data = al.data.three_points()
    vector = max(al.extremal_vectors(data, "squared"), key=lambda vector: vector.rate)
    net = al.Network(1e-3 * vector.direction[None], [1e-3 * vector.sign])
    for share, grows in ((0.99, True), (1.01, False)):
        early = al.early_flow(net, data, "squared", weight_decay=share * vector.rate)
        path = al.gradient_flow(net, data, "squared", 20.0, weight_decay=share * vector.rate)
        for run in (early.at(20.0), path.final):
            assert (np.linalg.norm(run.w) > 1e-3) == grows


# Long runs


@pytest.mark.parametrize(
    ("data", "loss", "decay", "slope"),
    [
        (al.data.three_points(), "squared", 0.01, 0.0),
        (al.data.three_points(), "squared", 0.01, 0.2),
        (al.data.toy_2d(), "exponential", 0.03, 0.0),
    ],
    ids=["three points", "three points, leaky", "toy"],
)
def test_a_long_run_ends_where_the_loss_with_decay_is_stationary(data, loss, decay, slope):
    net = al.Network.balanced(20, 2, 0.3, 0, negative_slope=slope)
    path = al.gradient_flow(net, data, loss, 1e6, weight_decay=decay)
    end = path.final
    size = np.linalg.norm(np.column_stack([end.w, end.v]), axis=1)
    alive = size > 1e-3 * size.max()
    assert alive.any()
    d = al.geometry.pulled(
        end, data, get(loss, "mean" if loss == "squared" else "sum").pull(end(data.x), data.y)
    )
    free = (path.patterns(1e6) != 0).all(axis=1)
    rows = alive & free
    assert rows.any()
    force = np.column_stack([end.v[:, None] * d, (end.w * d).sum(axis=1)])[rows]
    pull = decay * np.column_stack([end.w, end.v])[rows]
    # A stationary point to ten times the tolerance of the flow.
    assert np.abs(force - pull).max() < 1e-5 * np.abs(pull).max()

    def total(f, size2):
        return path.loss_function.value(f, data.y) + 0.5 * decay * size2

    totals = [total(n(data.x), (n.w**2).sum() + (n.v**2).sum()) for n in (path.at(t) for t in path.t[::10])]
    assert (np.diff(totals) <= 1e-9 * totals[0]).all()
    # At rest a step is as long as it may be, for no length is too long for Newton's method (next test); one
    # more where the count begins, and one where the last step is shared.
    assert (path.t > 1e5).sum() <= (1e6 - 1e5) * decay / RELAXED + 2


def forgetting(decay):
    """`∫_0^{c_i} e^{-decay (c_i - s)} l_j(s) ds`, l_j the parabola that is 1 at c_j, by quadrature."""
    parabolas = TO_POLYNOMIAL[::-1].T

    def entry(c, parabola):
        return quad(lambda s: np.exp(-decay * (c - s)) * np.polyval(parabola, s), 0, c)[0]

    return np.array([[entry(c, parabola) for parabola in parabolas] for c in NODES])


def rate(taken, true):
    """The share of a defect that a sweep leaves where the fit is stiff and Newton's matrix another."""
    return np.abs(np.linalg.eigvals(np.eye(3) - np.linalg.solve(taken, true))).max()


def test_newton_s_method_gains_in_every_sweep_however_long_the_step():
    for decay in np.geomspace(1e-2, RELAXED, 60):
        taken = np.linalg.solve(np.eye(3) + decay * RADAU, RADAU)
        assert rate(taken, forgetting(decay)) < SLOW_WITH_DECAY
    # Why: when decay was left out, no more than half was gained from 4.4 on, and steps were given up.
    assert rate(RADAU, forgetting(4.0)) < SLOW < rate(RADAU, forgetting(5.0))


@pytest.mark.parametrize("decay", [1.0, 10.0])
def test_the_matrix_is_what_the_outputs_do(decay):
    """At rest, for all pulls at the nodes: by differences of whole steps."""
    data, net = al.data.three_points(), al.Network.balanced(20, 2, 0.3, 0)
    path = al.gradient_flow(net, data, "squared", 3e4, rtol=1e-9, weight_decay=0.01)
    swarm, length, n = path.state.__self__.swarm, 100.0 * decay, data.n
    pulls = np.tile(path.loss_function.pull(path.outputs[-1], data.y), (3, 1))

    def outputs(change):
        return swarm.move(TO_POLYNOMIAL @ (pulls + change.reshape(3, n)), length, NODES, 3e4)[0].ravel()

    changes = 1e-6 * np.abs(pulls).max() * np.eye(3 * n)
    found = np.array([(outputs(c) - outputs(-c)) / (2 * c.max()) for c in changes]).T
    kernel, growth = swarm.kernel(data), swarm.growth(data)
    expected = length * (np.kron(RADAU, growth) + np.kron(forgetting(decay), kernel - growth))
    # The state is at rest up to 1e-5, the change is one of 1e-6; without the second term it is far off.
    assert np.linalg.norm(found - expected) < 1e-2 * np.linalg.norm(found)
    plain = length * np.kron(RADAU, kernel)
    assert np.linalg.norm(found - plain) > 0.1 * np.linalg.norm(found)


# What knows it


def test_balancedness_decays_and_the_check_knows_it():
    data, net = al.data.toy_2d(), al.Network.unbalanced(20, 2, 0.3, 0)
    path = al.gradient_flow(net, data, "exponential", 10.0, weight_decay=0.2)
    assert path.weight_decay == 0.2
    assert al.theory.check_balancedness(path, bound=1e-12).verdict == "holds"
    assert np.allclose(path.final.minkowski(), np.exp(-4.0) * net.minkowski(), rtol=0, atol=1e-12)


def test_a_doubt_follows_the_same_flow():
    data, net = al.data.toy_2d(), al.Network.balanced(10, 2, 1e-2, 0)
    path = al.gradient_flow(net, data, "exponential", 3.0, rtol=1e-5, weight_decay=0.3)
    assert al.doubt(path).spread.max() < 1e-3  # without decay they part by half


def test_an_alignment_time_of_the_early_flow_may_have_decay():
    data, net = al.data.toy_2d(), al.Network.balanced(10, 2, 1e-3, 0)
    one, other = (
        al.theory.check_alignment_time(al.early_flow(net, data, "exponential", weight_decay=decay))
        for decay in (0.0, 3.0)
    )
    assert one.measured == other.measured
