"""Bounds of alignment times in the full flow, where pulls change."""

import numpy as np
import pytest

import alignlib as al


def times(path):
    """When every neuron changed its pattern last; infinite where it is not at its goal in the end."""
    last = np.zeros(path.start.width)
    np.maximum.at(last, path.events["neuron"], path.events["t"])
    return np.where(al.geometry.aligned(path, path.t[-1]), last, np.inf)


def pulls(path, until):
    """Least `|g_k| ‖x_k‖` and largest `|ġ_k| ‖x_k‖` up to this time, the second from differences."""
    t = np.linspace(0, until, 400)
    g = path.loss_function.pull(path.outputs_at(t), path.data.y) * np.linalg.norm(path.data.x, axis=1)
    return np.abs(g).min(), np.abs(np.diff(g, axis=0)).max() / t[1]


def opposed(data, scale, rng, many=20):
    """Balanced neurons, many of them more or less opposed to a sample of their class."""
    away = -(data.y[:, None] * data.x)[rng.integers(data.n, size=many)]
    w = away + rng.standard_normal((many, data.dim)) * rng.choice([0.3, 1.0, 3.0], size=(many, 1))
    w *= scale / np.linalg.norm(w, axis=1, keepdims=True)
    v = rng.choice([-1.0, 1.0], size=many) * scale
    return al.Network(v[:, None] * w / scale, v)


def cases(loss, scale, seeds):
    """Runs from such starts, and for every neuron whether it grows and has a sample on its right side."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        data = al.data.separated(int(rng.integers(2, 7)), 4, 0.1, rng=seed)
        data = al.Dataset(data.x * rng.uniform(0.7, 1.4, (data.n, 1)), data.y)
        path = al.gradient_flow(opposed(data, scale, rng), data, loss, 40.0, rtol=1e-7)
        net, pull = path.start, path.loss_function.pull(path.start(data.x), data.y)
        grows = net.v * (net.w * al.geometry.pulled(net, data, pull)).sum(axis=1) >= 0
        right = (np.sign(net.v)[:, None] * data.y * net.preactivations(data.x) >= 0).any(axis=1)
        yield path, times(path), grows, right


@pytest.mark.parametrize(
    ("loss", "scale"), [("exponential", 1e-4), ("exponential", 0.03), ("logistic", 0.03)]
)
def test_no_growing_neuron_of_the_full_flow_is_later_than_its_bound(loss, scale):
    seen = 0
    for path, late, grows, _ in cases(loss, scale, range(6)):
        for t in late[grows & (late > 0) & np.isfinite(late)]:
            pull, change = pulls(path, t)
            if change < pull**2:
                seen += 1
                assert t <= al.theory.bound_alignment_time(path.data.mu, pull, change)
    assert seen > 10


def test_no_neuron_with_a_sample_on_its_right_side_is_later_than_the_two_bounds():
    seen = 0
    for path, late, _, right in cases("exponential", 0.05, range(6)):
        for t in late[right & (late > 0) & np.isfinite(late)]:
            pull, change = pulls(path, t)
            if change < pull**2:
                seen += 1
                turned = al.theory.bound_turning_time(path.data.mu, pull=pull, change=change)
                assert t <= turned + al.theory.bound_alignment_time(path.data.mu, pull, change)
    assert seen > 10


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
@pytest.mark.parametrize("n", [2, 4])
def test_from_a_sufficient_scale_all_that_grow_are_aligned_in_time(n, loss):
    for seed in range(3):
        data = al.data.separated(n, 3, 0.2, rng=seed)
        net = opposed(data, 1.0, np.random.default_rng(seed))
        size = np.sqrt((net.w**2).sum() + (net.v**2).sum())
        scale = al.theory.sufficient_scale(data, loss, late=1.2)
        start = al.Network(net.w * scale / size, net.v * scale / size)
        path = al.gradient_flow(start, data, loss, 60.0)
        pulled = al.geometry.pulled(start, data, path.loss_function.pull(path.outputs[0], data.y))
        grows = start.v * (start.w * pulled).sum(axis=1) >= 0
        pull = np.abs(path.loss_function.pull(0 * data.y, data.y))[0]
        due = 1.2 * al.theory.bound_alignment_time(data.mu, pull)
        assert grows.sum() > 3
        assert times(path)[grows].max() <= due
        # The a priori bounds of pulls, from which it was made, hold up to then.
        outputs = path.outputs_at(np.linspace(0, due, 50))
        assert np.abs(outputs).max() < min(1.0, 1 / np.linalg.norm(data.y @ data.x))


def test_the_bound_falls_as_pulls_change_less_and_is_the_early_one_at_rest():
    bounds = [al.theory.bound_alignment_time(0.05, 0.5, change) for change in (0.2, 0.1, 1e-3, 0.0)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] == pytest.approx(np.arcsinh(20) / 0.5, rel=1e-15)
    # c → 0: heights rise at the rate a μ v at least, and v does not fall: 1 / (a μ).
    assert al.theory.bound_alignment_time(0.05, 0.5, 0.25 * (1 - 1e-12)) == pytest.approx(40, rel=1e-6)


def test_a_sufficient_scale_shrinks_like_a_power_with_the_samples():
    # (μ/2)^M up to factors, M = ‖Σ y_k x_k‖; here all samples are one, so M = n, μ = 1.
    sizes = [
        al.theory.sufficient_scale(al.Dataset(np.tile([[1.0, 0.0]], (n, 1)), np.ones(n)), late=1.01)
        for n in (10, 20)
    ]
    early = np.arcsinh(1.0)
    assert np.exp(-10 * 1.01 * early) / 10 < sizes[1] / sizes[0] < np.exp(-10 * early)
