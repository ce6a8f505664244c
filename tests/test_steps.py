"""Descent as boosts: its bounds are bounds and are attained, and the studies of it are descent."""

import numpy as np
import pytest
from scipy.linalg import expm

import alignlib as al
from studies import late, optimisers, steps, turning


def test_a_step_is_a_boost_times_a_contraction():
    rng = np.random.default_rng(1)
    data = al.Dataset(rng.normal(size=(5, 3)), rng.choice([-1.0, 1.0], 5))
    net = al.Network(rng.normal(size=(1, 3)), [0.3])
    after, _ = turning.early(net, data, "exponential", 0.05, 1)
    D = al.geometry.pulled(net, data, data.y)[0]
    q = 0.05 * np.linalg.norm(D)
    unit = D / np.linalg.norm(D)
    generator = np.block([[np.zeros((3, 3)), unit[:, None]], [unit, 0]])
    across = net.w[0] - (net.w[0] @ unit) * unit
    boosted = expm(np.arctanh(q) * generator) @ np.append(net.w[0] - across, net.v)
    expected = np.sqrt(1 - q**2) * boosted + np.append(across, 0)
    assert np.append(after.w[0], after.v) == pytest.approx(expected, abs=1e-14)  # rounding of sums of six


def test_early_descent_is_that_of_a_network_too_small_for_its_loss():
    data = al.data.toy_2d(n=3)
    net = al.Network.balanced(20, 2, 1.0, rng=0)
    small = al.Network(1e-9 * net.w, 1e-9 * net.v)
    mine, _ = turning.early(net, data, "exponential", 0.1, 20)
    run = al.gradient_descent(small, data, "exponential", 0.1, 20).final
    assert 1e9 * run.w == pytest.approx(mine.w, rel=1e-9)  # pulls move by the square of the scale


@pytest.mark.parametrize("step", [0.05, 0.4, 2.0])
def test_growing_neurons_of_descent_align_within_the_bound(step):
    for seed in range(8):
        data = al.data.separated(5, 3, 0.05, rng=seed)
        net = al.Network.balanced(500, 3, 1.0, rng=seed)
        net = net.some(net.v * (net.w * al.geometry.pulled(net, data, data.y)).sum(axis=1) >= 0)
        bound = al.theory.bound_descent_time(data.mu, step)
        assert turning.last_change(net, data, step, 3 * bound) <= bound
        end, _ = turning.early(net, data, "exponential", step, round(bound / step))
        assert al.geometry.aligned(end, data).all()


@pytest.mark.parametrize("step", [0.03, 0.3])
@pytest.mark.parametrize("mu", [0.2, 0.01])
def test_the_bound_is_attained_to_within_a_step(mu, step):
    net, data = late.triple(mu)
    bound = al.theory.bound_descent_time(mu, step)
    assert bound - 1.5 * step < turning.last_change(net, data, step, 2 * bound) < bound + 0.5 * step


def test_the_bound_of_descent_tends_to_that_of_the_flow_with_order_one():
    miss = [
        al.theory.bound_descent_time(0.1, step, pull=0.5) - al.theory.bound_alignment_time(0.1, 0.5)
        for step in (1e-2, 1e-3, 1e-4)
    ]
    assert 0 <= miss[2] < miss[1] / 4 < miss[0] / 16  # a tenth, but for the rounding up to a step


def test_no_sequence_of_steps_leaves_the_cone_further_than_the_bound():
    rng = np.random.default_rng(0)
    largest = 0.0
    for _ in range(300):
        w, v, rates = rng.normal(size=2), 0.0, []
        v = np.hypot(*w)
        for _ in range(10):
            D = rng.normal(size=2) * 0.05 - 0.05 * w / np.hypot(*w)
            w, v = w + v * D, v + w @ D
            rates.append(np.hypot(*D))
        bound = al.theory.bound_imbalance(rates)
        if np.isfinite(bound):
            assert v > 0
            assert -1e-12 < (w @ w - v * v) / v**2 <= bound * (1 + 1e-12)
            largest = max(largest, (w @ w - v * v) / v**2 / bound)
    assert largest > 0.05  # not idle


@pytest.mark.parametrize("q", [0.2, 0.01, 1e-4])
def test_the_short_form_of_the_bound_on_imbalance(q):
    total = np.log(0.25 / q) / 3 * 0.999
    count = int(total / q)
    if count:
        rapidity = q * count
        assert al.theory.bound_imbalance([q] * count) <= q * (np.exp(3 * rapidity) - 1)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_effective_step_is_the_second_order_of_the_heavy_ball(momentum):
    step = 1e-5
    same = al.theory.effective_step(step, momentum)
    slow = step / (1 - momentum)  # time of a step
    root = np.roots([1, -(1 + momentum + step), momentum]).max()
    plain = np.log1p(same) / same * slow  # what descent at the effective step grows by in this time
    assert np.log(root) == pytest.approx(plain, rel=50 * (slow / (1 - momentum)) ** 2)


def test_a_run_of_the_study_is_gradient_descent():
    block = steps.Block(0.2, momentum=0.5, decay=0.01, end=20.0)
    net = al.Network.balanced(100, 2, block.scale, rng=3)
    run = al.gradient_descent(
        net, al.data.three_points(), "squared", 0.2, 50, momentum=0.5, weight_decay=0.01
    )
    w, v, _ = steps.moved(block)
    assert w[3] == pytest.approx(run.final.w, abs=1e-12)
    assert v[3] == pytest.approx(run.final.v, abs=1e-12)


def test_the_law_has_the_exponent_of_the_chance():
    data = al.data.three_points()
    x, chance, law = turning.over(data, "squared", (0.07, 0.05))
    measured = -np.diff(np.log(chance)) / np.diff(x)
    foretold = -np.diff(np.log(law)) / np.diff(x)
    assert measured == pytest.approx(foretold, rel=0.1)  # overshooting a wall moves it by the order of q
    assert 1 < (law / chance).min() < (law / chance).max() < 2


def test_no_exit_where_the_neuron_cannot_turn():
    exits = turning.exits(al.data.toy_2d(n=3), "exponential")
    assert [round(one.rate, 3) for one in exits] == [1.638, 1.638]  # none for v > 0, at the rate 1


@pytest.fixture
def small(monkeypatch):
    """Samples in seven dimensions, one of them blank, in place of the images."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 7)) * [1, 1, 1, 1, 1, 1, 0]
    data = al.Dataset(x, [1, -1, 1, -1, 1, -1])
    monkeypatch.setattr(optimisers, "zeros_and_ones", lambda: data)
    return data


@pytest.mark.parametrize("more", [{}, {"momentum": 0.5, "decay": 0.3}, {"batch": 2}])
def test_the_optimisers_of_the_study_are_those_of_the_library(small, more):
    run = optimisers.Run("SGD", 0.01, scale=0.1, seed=2, **{"batch": 6} | more)
    mine = [net for _, (net, _) in zip(range(8), optimisers.stepped(run))]
    settings = {"momentum": run.momentum, "weight_decay": run.decay}
    batch = {"batch_size": 2, "rng": 2} if run.batch == 2 else {}
    start = optimisers.start(run)
    path = al.gradient_descent(start, small, "exponential", 0.01, 7, **settings, **batch)
    assert mine[0].w == pytest.approx(start.w, abs=0)
    assert mine[-1].w == pytest.approx(path.final.w, abs=1e-13)
    assert mine[-1].v == pytest.approx(path.final.v, abs=1e-13)


def test_the_first_step_of_adam_forgets_the_scale_and_half_of_the_signs(small):
    """Of its rate in every input that is pulled, whatever the start; who was opposed has turned."""
    rate, scale = 1e-3, 1e-4
    run = optimisers.Run("Adam", rate, batch=6, scale=scale)
    (before, _), (after, _) = (one for _, one in zip(range(2), optimisers.stepped(run)))
    D = al.geometry.pulled(before, small, small.y)
    alive = D.any(axis=1)
    inward = (before.w * D).sum(axis=1)
    w, v = before.w + rate * np.sign(before.v[:, None] * D), before.v + rate * np.sign(inward)
    # Adam's constant is 1e-8, gradients are about 1e-4: 1e-4 of a step is missing, more of a few.
    assert np.median(np.abs(after.w - w)) < 1e-3 * rate
    assert np.abs(after.v - v).max() < 0.1 * rate
    assert np.array_equal(after.w[:, 6], before.w[:, 6])
    turned = after.v * before.v < 0
    assert np.array_equal(turned[alive], (before.v * inward < 0)[alive])
    assert 10 < turned.sum() < 40  # of 50 fair coins


def test_angles_of_rows():
    assert optimisers.angle(np.eye(2), np.array([[1.0, 1.0], [0.0, -2.0]])) == pytest.approx([45, 180])
