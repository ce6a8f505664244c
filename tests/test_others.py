"""The experiments of others are set up as their settings say."""

import numpy as np
import torch

import alignlib as al
from studies import others


def test_a_seed_of_pytorch_gives_the_authors_numbers():
    """The order of their draws: both layers by the default, then the seed, then both layers anew."""
    _, net = others.five_points(width=50, seed=12)
    inner, outer = torch.nn.Linear(2, 50, bias=False), torch.nn.Linear(50, 1, bias=False)
    torch.manual_seed(12)
    for layer in (inner, outer):
        layer.weight.data.normal_(0)
        layer.weight.data *= 50.0**-3
    # Theirs is multiplied in single precision, with a relative rounding of 6e-8.
    assert np.allclose(net.w, inner.weight.detach(), rtol=1e-7, atol=0)
    assert np.allclose(net.v, outer.weight[0].detach(), rtol=1e-7, atol=0)


def test_an_output_over_the_width_under_a_loss_times_the_width_is_our_network_in_the_same_time():
    data, net = others.isotropic(7, 3, 5, rng=0)
    theirs = net.scaled(5).to_torch()  # with the weights as drawn
    x, y = torch.tensor(data.x), torch.tensor(data.y)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    for _ in range(20):
        loss = 5 / 2 * ((theirs(x)[:, 0] / 5 - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ours = al.gradient_descent(net, data, al.loss.quadratic(0.5, "mean"), 0.1, 20).outputs[-1]
    # Twenty steps of numbers of order one, each rounded to 1e-16 a few times.
    assert np.allclose(ours, theirs(x)[:, 0].detach() / 5, rtol=0, atol=1e-13)


def test_the_time_allowed_is_one_and_a_half_transitions():
    assert others.steps_allowed(40, 30) == 93  # 1.5 · √1200 · log 1200 / 4 = 92.1, and one


def test_samples_and_labels_keep_to_their_ranges():
    data, net = others.isotropic(200, 10, 30, rng=1)
    for sizes in (np.linalg.norm(data.x, axis=1), abs(data.y)):
        assert 1 <= sizes.min() < 1.1 < 1.9 < sizes.max() <= 2
    assert (abs(net.v) > np.linalg.norm(net.w, axis=1)).all()


def test_clusters_are_symmetric_and_labelled_like_xor():
    data, net = others.clusters(rng=0)
    assert np.abs(data.x).max(axis=1).min() > 0.98
    assert (data.y == np.where(abs(data.x[:, 0]) > 0.5, -1, 1)).all()
    for turned in (data.x * [-1, 1], data.x * [1, -1]):
        assert np.array_equal(np.unique(turned, axis=0), np.unique(data.x, axis=0))
    assert (net.minkowski() == 0).all()


def test_the_function_has_four_kinks():
    data = others.four_kinks(2001)
    bends = np.diff(np.diff(data.y)) / (data.x[1, 0] - data.x[0, 0])
    at = data.x[1:-1][abs(bends) > 0.1, 0]
    assert np.allclose(at, [-0.3, 0, 0.4, 0.8], rtol=0, atol=1e-12)


def test_the_teacher_is_a_small_network_and_its_pupil_a_tiny_one():
    data, net = others.teacher(scale=1.0)
    assert data.x.shape == (75, 150)
    ratio = abs(net.v) / np.linalg.norm(net.w, axis=1)
    assert abs(ratio - 1).max() < 1e-6  # at scale one single precision is precise
    assert abs(others.teacher(scale=1e-20)[1].v).max() < 1e-20
    assert 0.95 < np.sqrt(200) * np.linalg.norm(net.w, axis=1).mean() < 1.05


def test_who_carries_the_output_and_when_a_neuron_has_grown():
    net = al.Network([[1, 0], [2, 0.01], [0, 1], [0, -0.001]], [1, 1, 1, 1])
    assert others.carrying(net) == 2
    one = al.Dataset([[1.0]], [1.0])
    path = al.early_flow(al.Network([[1e-3]], [1e-3]), one, "exponential")  # grows like e^t
    assert np.isclose(others.crossing(path, 1.0, np.linspace(0, 10, 11))[0], 3 * np.log(10))
