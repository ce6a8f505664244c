"""The early phase under given pulls, against the zero network, a doubling of the samples, and the flow."""

import numpy as np
import pytest

import alignlib as al
from alignlib.loss import get
from tests import filippov


def random_data(seed, n, d):
    rng = np.random.default_rng(seed)
    return al.Dataset(rng.standard_normal((n, d)), rng.choice([-1.0, 1.0], n))


def test_the_pulls_of_the_zero_network_change_nothing():
    data, net = random_data(0, 7, 3), al.Network.unbalanced(20, 3, 1.0, 0)
    g = get("logistic").pull(np.zeros(7), data.y)
    one, other = al.early_flow(net, data, "logistic"), al.early_flow(net, data, "logistic", pulls=g)
    assert (one.events == other.events).all()
    assert (one.final.w == other.final.w).all()
    assert (other.pulls == g).all()
    for dim in (2, 3):
        data = random_data(1, 6, dim)
        g = get("squared").pull(np.zeros(6), data.y)
        one = al.extremal_vectors(data, "squared", starts=50)
        other = al.extremal_vectors(data, "squared", starts=50, pulls=g)
        assert [v.rate for v in one] == [v.rate for v in other]


@pytest.mark.parametrize("slope", [-1.0, -0.3, 0.01, 0.2, 1.0])
@pytest.mark.parametrize("dim", [2, 4])
def test_a_slope_is_a_doubling_of_the_samples(dim, slope):
    # σ_α(z) = σ(z) - α σ(-z): to D a sample -x with the pull -α g adds α g x where x is inactive.
    data, g = random_data(dim, 6, dim), np.random.default_rng(dim).standard_normal(6)
    double = al.Dataset(np.vstack([data.x, -data.x]), np.append(data.y, data.y))
    # No time-like neurons: at w = 0 those of a ReLU network rest, and those with a slope go on.
    w = al.Network.balanced(30, dim, 1.0, 3).w
    v = np.random.default_rng(4).uniform(-1, 1, 30) * np.linalg.norm(w, axis=1)
    leaky = al.early_flow(al.Network(w, v, slope), data, "squared", pulls=g)
    relu = al.early_flow(al.Network(w, v), double, "squared", pulls=np.append(g, -slope * g))
    first = relu.events[relu.events["sample"] < 6]
    assert len(leaky.events) == len(first)
    assert (
        leaky.events[["neuron", "sample", "kind"]].tolist() == first[["neuron", "sample", "kind"]].tolist()
    )
    # The same numbers summed in another order.
    assert np.allclose(leaky.events["t"], first["t"], rtol=1e-10, atol=1e-12)
    for t in (0.3, 1.0, 3.0):
        one, other = leaky.at(t), relu.at(t)
        size = np.linalg.norm(np.column_stack([other.w, other.v]), axis=1)
        assert (np.abs(one.w - other.w).max(axis=1) / size).max() < 1e-9
        assert (np.abs(one.v - other.v) / size).max() < 1e-9


def test_small_neurons_near_a_saddle_do_what_is_foretold():
    # Neuron 0 has fitted what it can: one sample of three; small ones feel the pulls it leaves.
    data = al.Dataset([[1.0, 0.0], [0.6, 0.8], [-0.5, 1.0]], [1.0, -0.5, 0.8])
    big = al.gradient_flow(al.Network([[0.3, -0.1]], [0.4]), data, "squared", 200.0, rtol=1e-10).final
    g = get("squared", "mean").pull(big(data.x), data.y)
    small = al.Network.balanced(12, 2, 1e-6, 0)
    foretold = al.early_flow(small, data, "squared", pulls=g)
    both = al.Network(np.vstack([big.w, small.w]), np.append(big.v, small.v))
    path = al.gradient_flow(both, data, "squared", foretold.t[-1] + 1.0, rtol=1e-10)
    true, said = path.final.some(slice(1, None)), foretold.at(path.t[-1])
    size = np.linalg.norm(np.column_stack([said.w, said.v]), axis=1)
    # What is left of the motion of neuron 0, and 1e-12 times the growth of the small ones, squared.
    assert (np.abs(true.w - said.w).max(axis=1) / size).max() < 1e-6
    late = path.events[path.events["neuron"] > 0]
    assert len(late) == len(foretold.events) > 0
    assert np.abs(late["t"] - foretold.events["t"]).max() < 1e-6 * path.t[-1]
    # Where it ends: an extremal vector under these pulls.
    found = al.extremal_vectors(data, "squared", pulls=g)
    left = np.abs(g) > 1e-9  # what is fitted pulls by rounding
    acts = (foretold.final_patterns | foretold.sliding)[:, left].any(axis=1)
    assert acts.sum() > 3
    for direction, v in zip(foretold.directions[acts], said.v[acts]):
        assert any(vector.sign * v > 0 and vector.direction @ direction > 1 - 1e-12 for vector in found)


def test_it_agrees_with_an_independent_integration_under_any_pulls():
    data, net = random_data(3, 6, 3), al.Network.unbalanced(5, 3, 1.0, 3, negative_slope=0.1)
    g = np.random.default_rng(5).standard_normal(6)
    loss = al.Loss("linear", lambda f, y: -g * f, lambda f, y: g + 0 * f)
    w, v, *_ = filippov.follow(net, data, loss, 1.5, constant=True)
    now = al.early_flow(net, data, "squared", pulls=g).at(1.5)
    size = np.linalg.norm(np.column_stack([w, v]), axis=1)
    # DOP853 at 1e-12 a step, some hundred steps and a growth of e^{δt} of their errors.
    assert (np.abs(now.w - w).max(axis=1) / size).max() < 1e-9


def test_a_neuron_stays_at_the_listed_vectors_and_leaves_a_kink_that_repels():
    """prop-one-more is about vectors that attract: (1, 0) below is extremal too, by D = x1 + x2 / 2."""
    data, g = al.Dataset([[1.0, -0.5], [0.0, 1.0]], [1.0, 1.0]), np.ones(2)
    listed = [one for one in al.extremal_vectors(data, "squared", pulls=g) if one.rate > 0]
    assert len(listed) == 3  # active on x1, on x2, on both
    assert all(abs(one.direction[1]) > 0.4 for one in listed)
    for one in listed:
        early = al.early_flow(al.Network([one.direction], [one.sign]), data, "squared", pulls=g)
        added = one.sign * np.exp(2 * one.rate) * np.maximum(data.x @ one.direction, 0)
        assert early.at(1.0)(data.x) == pytest.approx(added)  # rounding: no step, no other error
    left = al.early_flow(al.Network([[1.0, 0.0]], [1.0]), data, "squared", pulls=g)
    assert left.directions[0] == pytest.approx([np.sqrt(0.8), -np.sqrt(0.2)])
