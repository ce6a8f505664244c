"""The certificate for several patterns: what it promises comes, and nothing that leaves has it."""

import numpy as np
import pytest

import alignlib as al
from studies import forty_points

X = [[-3.0, 1], [-2, 1], [-1, 1], [1, 1], [2, 1], [3, 1]]
SIX = al.Dataset(X, [3.0, 1, 1, 1, 1, 3])  # best with a kink at 0: 8/3, 5/3, 2/3 on both sides


def two_sides(rng, wide=1e-2, extra=()):
    """Neurons active on one side of 0 each, that make about the best function; `extra` are pairs (w, v)."""
    w, v = [], []
    for side in (-1, 1):
        parts = rng.dirichlet(np.ones(3))  # of β = (±1, -1/3), along it: |v| ‖w‖ is the length of each part
        kind = np.exp(0.3 * rng.standard_normal(3))
        beta = np.array([side, -1 / 3]) * (1 + wide * rng.standard_normal())
        length = np.linalg.norm(beta)
        w += list(beta / length * np.sqrt(parts * length)[:, None] * kind[:, None])
        v += list(np.sqrt(parts * length) / kind)
    w, v = w + [a for a, _ in extra], v + [b for _, b in extra]
    return al.Network(np.array(w), np.array(v))


@pytest.mark.parametrize("seed", range(5))
def test_certified_networks_of_two_patterns_go_where_they_must(seed):
    rng = np.random.default_rng(seed)
    y = SIX.y + 0.01 * rng.standard_normal(6)
    data = al.Dataset(SIX.x, y)
    net = two_sides(rng, extra=[(np.array([0.0, -1e-2]), 1.0)])  # and a dead neuron
    found = al.theory.certify_stuck(net, data)
    assert found.holds
    assert (found.living, found.dead, found.pinned, len(found.patterns)) == (6, 1, 0, 2)
    best = [data.x[part] @ np.linalg.lstsq(data.x[part], y[part])[0] for part in (slice(0, 3), slice(3, 6))]
    assert np.abs(found.outputs - np.concatenate(best)).max() < 1e-13  # another least squares, rounded
    path = al.gradient_flow(net, data, "squared", 3000.0)
    assert not len(path.events)
    t = np.linspace(0, 40, 4000)
    gap = ((path.outputs_at(t) - found.outputs) ** 2).mean(axis=1)
    promised = found.excess * np.exp(-2 * found.rate * (1 - found.q) ** (2 / 3) * t)
    assert (
        gap <= promised * (1 + 1e-6) + 1e-14
    ).all()  # 1e-14: the tolerance 1e-8 of a flow, squared, × 100
    assert path.loss[-1] == pytest.approx(found.limit, rel=1e-7)
    d = np.linalg.norm((2 / 6 * (y - path.outputs_at(t)))[:, 3:] @ data.x[3:], axis=1)
    p = found.patterns[:, -1].argmax()
    assert np.trapezoid(d, t) <= found.rapidities[p]


def test_on_the_hyperplane_of_two_opposite_samples_the_dead_do_not_stay():
    """Active on one of them on either side, and pushed the same way on both: such a neuron crosses."""
    data = al.Dataset([[1, 0], [0, 1], [1, 1], [-1, 0]], [1.3, 1.3, 1.7, -1])
    net = al.Network([[2**-0.25, 2**-0.25], [0, -0.1]], [2**0.25, 0.1])  # the first at least squares
    found = al.theory.certify_stuck(net, data)
    assert (found.living, found.dead, found.by_convention) == (1, 1, 1)
    failed = [what for what, holds in found.hypotheses.items() if not holds]
    assert failed == ["every dead neuron that is not held has a side where it is dead"]
    assert al.gradient_flow(net, data, "squared", 200.0).loss[-1] < found.limit - 0.05
    few = al.Dataset(data.x[:3], data.y[:3])  # without the opposite one the left side is dead
    found = al.theory.certify_stuck(net, few)
    assert found.holds
    assert al.gradient_flow(net, few, "squared", 200.0).loss[-1] == pytest.approx(found.limit)


def test_nor_where_three_samples_leave_no_side_dead():
    around = [[1.0, 0, 0], [-0.5, 0.8, 0], [-0.5, -0.8, 0]]
    data = al.Dataset([*around, [0, 0, 1]], [0.3, -1, -1, 1])
    net = al.Network([[0.3, 0.1, 1], [0, 0, -0.1]], [1, -0.1])
    assert not al.theory.certify_stuck(net, data).holds
    two = [0, 2, 3]
    assert al.theory.certify_stuck(net, al.Dataset(data.x[two], data.y[two])).holds


def test_one_pattern_is_the_old_certificate():
    data = al.data.three_points()
    path = al.gradient_flow(al.Network.balanced(200, 2, 1e-3, rng=0), data, "squared", 60.0)
    one, many = al.theory.certify_nonconvergence(path, 60.0), al.theory.certify_stuck(path, 60.0)
    assert one.holds
    assert many.holds
    # By hand, with the formulas of chapter 5.
    full = (path.patterns(60.0) > 0).all(axis=1)
    a, b = (np.linalg.norm(part[full]) for part in (path.final.v, path.final.w))
    least = np.linalg.eigvalsh(2 / 3 * data.x.T @ data.x)[0]
    q = 3 * b * np.sqrt(2 * one.excess / least) / a**3
    for found in (one, many):
        assert found.q == pytest.approx(q, rel=1e-9)
        assert found.rapidity == pytest.approx(a / b * (1 - np.cbrt(1 - q)), rel=1e-6)  # q is 1e-4
    assert many.rate == pytest.approx(a**2 * least, rel=1e-9)


# At x = 1 the best function is too low (g* > 0): a neuron on its hyperplane with v < 0 is held there.
ON_WALL = np.array([1e-2, -1e-2])


@pytest.mark.parametrize(("v", "holds"), [(-2e-2, True), (2e-2, False), (-1e-9, False)])
def test_a_guest_on_a_hyperplane_of_a_pattern_must_be_held(v, holds):
    net = two_sides(np.random.default_rng(0), wide=1e-3, extra=[(ON_WALL, v)])
    found = al.theory.certify_stuck(net, SIX)
    assert (found.pinned, len(found.patterns)) == (1, 2)
    assert found.holds == holds
    if holds:
        path = al.gradient_flow(net, SIX, "squared", 3000.0)
        assert not len(path.events) or set(path.events["neuron"]) == {6}
        assert path.loss[-1] == pytest.approx(found.limit, rel=1e-7)


# Dead, and on the hyperplane of x = 3, where g* > 0: with v < 0 it is held there.
EDGE = np.array([1e-2, -3e-2])


@pytest.mark.parametrize(("v", "count"), [(-2e-2, 0), (2e-2, 1)])
def test_dead_neurons_that_only_a_convention_keeps_are_counted(v, count):
    net = two_sides(np.random.default_rng(0), wide=1e-3, extra=[(EDGE, v), (0 * EDGE, 0.0)])
    found = al.theory.certify_stuck(net, SIX)
    assert found.holds
    assert (found.dead, found.by_convention) == (2, count)
    path = al.gradient_flow(net, SIX, "squared", 100.0)  # has the convention
    assert (path.final.w[-2] == EDGE).all()


def test_without_the_convention_such_a_neuron_leaves():
    beside = np.array([1e-2, -3e-2 + 1e-9])  # on the active side
    net = two_sides(np.random.default_rng(0), wide=1e-3, extra=[(beside, 2e-2)])
    assert not al.theory.certify_stuck(net, SIX).holds
    path = al.gradient_flow(net, SIX, "squared", 100.0)
    assert np.linalg.norm(path.final.w[-1]) > 2 * np.linalg.norm(beside)


def test_neurons_that_slide_for_ever_are_a_pattern_of_their_own():
    # Alone on the wall of the middle point, v < 0: on the other two it sees the part off that wall.
    # Slope -0.84 there, residuals -0.16 and 0.08: of the middle one, 0.3, it takes 0.08 / 0.3.
    data = al.Dataset([[-1.0, 1], [0, 1], [1, 1], [2, 1]], [0.5, 0.3, -1.0, -1.6])
    net = al.Network([[0.92, 0.0]], [-0.92])
    found = al.theory.certify_stuck(net, data)
    assert found.holds
    assert found.patterns.tolist() == [[-1, 0, 1, 1]]
    assert np.abs(found.outputs - [0, 0, -0.84, -1.68]).max() < 1e-13
    path = al.gradient_flow(net, data, "squared", 3000.0)
    assert path.patterns(3000.0).tolist() == [[-1, 0, 1, 1]]
    assert path.loss[-1] == pytest.approx(found.limit, rel=1e-9)
    assert not al.theory.certify_stuck(al.Network([[0.92, 0.0]], [0.92]), data).holds


def test_a_network_without_a_living_neuron_is_stuck():
    found = al.theory.certify_stuck(al.Network([[0.0, -1.0]], [1.0]), SIX)
    assert found.holds
    assert (found.rapidity, found.limit, len(found.patterns)) == (0, pytest.approx((SIX.y**2).mean()), 0)


def test_forty_points_are_stuck_on_three_patterns_and_not_before():
    path = forty_points.flow(forty_points.Start(200, 0))
    assert not any(al.theory.certify_stuck(path, t).holds for t in (5.0, 50.0, 100.0, 200.0, 400.0))
    found = al.theory.certify_stuck(path, 2000.0)
    assert found.holds
    assert len(found.patterns) == 3
    assert found.limit == pytest.approx(0.0418214, abs=1e-7)  # the digits of the table


@pytest.mark.parametrize(("width", "kind", "scale"), [(200, "unbalanced", 1e-3), (50, "balanced", 1.0)])
def test_no_certificate_on_the_way_to_a_fit(width, kind, scale):
    data = al.data.three_points()
    path = al.gradient_flow(getattr(al.Network, kind)(width, 2, scale, rng=0), data, "squared", 400.0)
    assert path.loss[-1] < 1e-6
    assert not any(al.theory.certify_stuck(path, t).holds for t in path.t)


def test_zero_samples_are_left_out_and_come_back_in_the_answer():
    data = al.Dataset([*X, [0.0, 0.0]], [*SIX.y, 1.0])
    net = two_sides(np.random.default_rng(0))
    plain, found = (al.theory.certify_stuck(net, one, al.loss.quadratic(1, "sum")) for one in (SIX, data))
    assert found.patterns[:, -1].tolist() == [-1, -1]
    assert found.outputs[-1] == 0
    assert found.limit == pytest.approx(plain.limit + 1, rel=1e-14)
    assert found.rapidity == pytest.approx(plain.rapidity, rel=1e-12)
