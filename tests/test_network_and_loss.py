"""The network, its starts, and the losses it is trained on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import alignlib as al

NAMES = ("exponential", "logistic", "squared")


def test_the_network_is_the_formula():
    rng = np.random.default_rng(0)
    w, v, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(5, 3))
    by_hand = [sum(v[j] * max(w[j] @ x[k], 0.0) for j in range(4)) for k in range(5)]
    assert np.allclose(al.Network(w, v)(x), by_hand, atol=1e-14)


def test_a_sample_on_the_hyperplane_is_not_active():
    net = al.Network([[1.0, 0.0]], [1.0])
    assert net.pattern([[0.0, 1.0], [1e-300, 1.0], [-1.0, 0.0]]).tolist() == [[False, True, False]]


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e-30])
def test_the_three_starts_are_light_like_time_like_and_neither(scale):
    size = scale**2 / 400
    balanced = al.Network.balanced(400, 3, scale, rng=0)
    # (a - b)(a + b) with a, b equal to a rounding each.
    assert np.abs(balanced.minkowski()).max() < 1e-14 * size * 20
    assert (al.Network.dominated(400, 3, scale, rng=0).minkowski() < 0).all()
    loose = al.Network.unbalanced(400, 3, scale, rng=0).minkowski()
    assert (loose > 0).any()
    assert (loose < 0).any()


def test_starts_have_the_stated_spread_whatever_the_width():
    for width in (10, 1000):
        nets = [al.Network.balanced(width, 4, 0.5, rng=seed) for seed in range(40)]
        total = np.mean([(net.w**2).sum() for net in nets])
        # ||W||_F^2 = scale^2 d chi2(h d)/(h d): its mean over 40 draws is within 4 deviations.
        assert total == pytest.approx(0.25 * 4, rel=4 * np.sqrt(2 / (width * 4 * 40)))


def test_half_of_the_output_weights_are_negative():
    net = al.Network.balanced(10_000, 2, 1.0, rng=0)
    assert abs((net.v < 0).mean() - 0.5) < 0.02  # four standard deviations


def test_scaling_a_neuron_by_c_and_its_output_by_1_over_c_changes_nothing():
    net = al.Network.unbalanced(6, 3, 1.0, rng=0)
    x = np.random.default_rng(1).normal(size=(8, 3))
    c = np.array([0.1, 0.5, 1, 2, 5, 10.0])
    assert np.allclose(al.Network(c[:, None] * net.w, net.v / c)(x), net(x), atol=1e-13)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(
    f=st.lists(st.floats(-5, 5), min_size=1, max_size=6),
    name=st.sampled_from(NAMES),
    reduction=st.sampled_from(["sum", "mean"]),
)
def test_the_pull_is_minus_the_slope_of_the_loss(f, name, reduction):
    loss = al.loss.get(name, reduction)
    f = np.array(f)
    y = np.where(np.arange(len(f)) % 2, -1.0, 1.0)
    step = 1e-5
    slopes = [(loss.value(f + e, y) - loss.value(f - e, y)) / (2 * step) for e in step * np.eye(len(f))]
    # Central difference: step^2/6 times a third derivative of at most e^5.
    assert np.allclose(loss.pull(f, y), -np.array(slopes), atol=1e-7)


def test_the_conventions_are_the_papers():
    f, y = np.array([0.5, 0.5]), np.array([1.0, -1.0])
    assert al.loss.get("exponential").value(f, y) == pytest.approx(np.exp(-0.5) + np.exp(0.5))
    assert al.loss.get("squared").value(f, y) == pytest.approx((0.25 + 2.25) / 2)
    assert al.loss.get("squared").pull(f, y) == pytest.approx([0.5, -1.5])


def test_the_logistic_loss_does_not_overflow():
    loss = al.loss.get("logistic")
    f, y = np.array([-2000.0, 2000.0]), np.ones(2)
    assert loss.value(f, y) == 2000.0
    assert loss.pull(f, y).tolist() == [1.0, 0.0]


def test_the_loss_of_many_outputs_at_once_is_the_loss_of_each():
    f = np.random.default_rng(0).normal(size=(7, 3))
    y = np.array([1.0, -1.0, 1.0])
    for name in NAMES:
        loss = al.loss.get(name)
        assert loss.value(f, y).tolist() == [loss.value(row, y) for row in f]
