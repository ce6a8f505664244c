"""Rounding decides nothing: a few units in the last place of start and data change no event."""

import numpy as np
import pytest

import alignlib as al

ULPS = 2


def shaken(a, rng):
    """Every entry that is not zero moved by up to ULPS units in the last place."""
    for steps in rng.integers(-ULPS, ULPS + 1, (1, *a.shape)):
        a = np.where(a == 0, a, a + steps * np.spacing(a))
    return a


def happenings(net, data):
    """For every neuron what it meets, in order, and where it is active and slides in the end."""
    path = al.early_flow(net, data, "exponential")
    met = path.events[["neuron", "sample", "kind"]]
    met = [met[met["neuron"] == j].tolist() for j in range(net.width)]
    return list(zip(met, path.final_patterns.tolist(), path.sliding.tolist()))


def same(net, data, seed):
    rng = np.random.default_rng([7, seed])
    moved = al.Network(shaken(net.w, rng), shaken(net.v, rng)), al.Dataset(shaken(data.x, rng), data.y)
    return happenings(net, data) == happenings(*moved)


@pytest.mark.parametrize("kind", ["balanced", "dominated", "unbalanced"])
@pytest.mark.parametrize("dim", [2, 3, 10])
def test_what_happens_does_not_hang_on_the_last_digits(kind, dim):
    """In d = 2 one balanced neuron in twelve was light-like by the last digit, and was released or not."""
    for seed in range(12):
        rng = np.random.default_rng([seed, dim])
        x = rng.standard_normal((rng.integers(2, 12), dim))
        x /= np.linalg.norm(x, axis=1, keepdims=True) if seed % 2 else 1.0
        data = al.Dataset(x, rng.choice([-1.0, 1.0], len(x)))
        assert same(getattr(al.Network, kind)(15, dim, 1.0, rng=rng), data, seed), seed


@pytest.mark.parametrize(("dim", "seed", "neuron"), [(2, 177, 16), (3, 22, 11)])
def test_a_neuron_rests_at_zero_however_it_gets_there(dim, seed, neuron):
    """It slid from 1e-5 of its start to 1e-15 of it, missed the rest, and lived on as rounding."""
    rng = np.random.default_rng([seed, dim])
    x = rng.standard_normal((rng.integers(2, 12), dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    data = al.Dataset(x, rng.choice([-1.0, 1.0], len(x)))
    net = al.Network.unbalanced(20, dim, 1.0, rng=rng)
    alone = al.Network(net.w[[neuron]], net.v[[neuron]])
    assert alone.minkowski()[0] < 0
    for again in range(5):
        assert same(alone, data, again)
    path = al.early_flow(alone, data, "exponential")
    assert (path.at(path.t[-1] + 1.0).w == 0).all()


def test_nearly_opposite_samples_of_equal_pull_are_crossed():
    """Whether their wall attracts is rounding; the neuron met it without end."""
    x = np.array([[1.0, 1.0, 1.0], [0.0, -1.0, 2.0], [-2.0, 2.0, -2.0], [2.0, -2.0, 2.0]])
    data = al.Dataset(x, [1.0, 1.0, 1.0, -1.0])
    for kind in ("balanced", "dominated"):
        for seed in range(20):
            assert same(getattr(al.Network, kind)(10, 3, 1.0, rng=seed), data, seed), (kind, seed)
