"""Samples that share a hyperplane share a wall: against loops over pairs of samples."""

import numpy as np
import pytest

import alignlib as al
from alignlib.solver.walls import Walls

EPS = np.finfo(float).eps


def samples(seed, n, dim):
    """Directions drawn with repetition, either way, of any length; some samples are zero."""
    rng = np.random.default_rng(seed)
    pool = rng.standard_normal((max(1, n // 2), dim))
    x = pool[rng.integers(len(pool), size=n)] * (rng.choice([-1, 1], n) * rng.uniform(0.1, 9, n))[:, None]
    x[rng.random(n) < 0.15] = 0.0
    x[0] = pool[0]
    return rng, x


def grouped(x):
    """The wall of each sample, and on which side of it the sample is active: by comparing all pairs."""
    wall, sign, first = [], [], []
    for row in x:
        size = np.linalg.norm(row)
        where, side = -1, 0
        for i, other in enumerate(first):
            for s in (1, -1):
                if size and np.linalg.norm(row / size - s * x[other] / np.linalg.norm(x[other])) < 1e-14:
                    where, side = i, s
        if where < 0 and size:
            where, side = len(first), 1
            first.append(len(wall))
        wall.append(where)
        sign.append(side)
    return np.array(wall), np.array(sign), first


@pytest.mark.parametrize("dim", [1, 2, 3, 10])
def test_walls_are_the_hyperplanes_of_the_samples(dim):
    for seed in range(60):
        _, x = samples(seed, 2 + seed % 11, dim)
        walls = Walls.of(x)
        wall, sign, first = grouped(x)
        assert np.array_equal(walls.wall, wall)
        assert np.array_equal(np.sign(walls.size), sign)
        assert walls.m == len(first)
        # A norm and a quotient round.
        assert np.allclose(walls.size[:, None] * walls.u[wall], x, rtol=0, atol=8 * EPS * np.abs(x).max())
        assert np.allclose(walls.gram, walls.u @ walls.u.T, rtol=0, atol=4 * EPS)
        assert (walls.gram.diagonal() == 1).all()


@pytest.mark.parametrize("apart", [1e-13, 1e-9, 1e-3])
def test_nearly_parallel_samples_keep_their_own_walls(apart):
    for way in (1.0, -1.0):
        assert Walls.of(np.array([[1.0, 0.0], [way, apart]])).m == 2


def test_samples_that_are_all_zero_are_refused():
    with pytest.raises(ValueError, match="`data` must have a sample that is not zero"):
        Walls.of(np.zeros((3, 2)))


def test_pulls_and_outputs_are_sums_over_samples():
    for seed in range(100):
        rng, x = samples(seed, 2 + seed % 9, 3)
        walls, net, g = Walls.of(x), al.Network.unbalanced(7, 3, 1.0, rng=seed), rng.standard_normal(len(x))
        below, above = walls.pulls(g)
        z, sides = walls.sides(net)
        d = np.where(sides > 0, above, below) @ walls.u
        for j in range(net.width):
            slow = np.zeros(3)
            for k in range(len(x)):
                if net.w[j] @ x[k] > 0:
                    slow += g[k] * x[k]
            # Sums of a dozen products in another order.
            assert np.allclose(d[j], slow, rtol=0, atol=50 * EPS * (np.abs(g) @ np.abs(x)).max())
        sums = net.v @ np.minimum(z, 0.0), net.v @ np.maximum(z, 0.0)
        slow = [sum(v * max(w @ row, 0.0) for w, v in zip(net.w, net.v)) for row in x]
        assert np.allclose(walls.outputs(*sums), slow, rtol=0, atol=50 * EPS * 7 * 10 * np.abs(x).max())
        assert np.allclose(walls.pulls(np.stack([g, 2 * g]))[1], [above, 2 * above], rtol=4 * EPS)


def test_pulls_that_cancel_leave_nothing():
    """Rounding of 1e-16 was the only pull there, and moved a neuron to a wall in 1e16 units of time."""
    x = np.array([[0.1, 0.3], [0.1, 0.3 * (1 + 2 * EPS)], [1.0, 0.0]])
    below, above = Walls.of(x).pulls([1.0, -1.0, 1.0])
    assert above.tolist() == [0.0, 1.0]
    assert below.tolist() == [0.0, 0.0]


def test_a_neuron_within_rounding_of_a_wall_is_on_it():
    x = np.random.default_rng(0).standard_normal((40, 5))
    walls = Walls.of(x)
    rng = np.random.default_rng(1)
    for i in range(walls.m):
        w = rng.standard_normal(5)
        w -= (w @ walls.u[i]) * walls.u[i]
        assert walls.sides(al.Network([w], [1.0]))[1][0, i] == 0
        for side in (-1, 1):
            beside = w + side * 1e-13 * np.linalg.norm(w) * walls.u[i]
            assert walls.sides(al.Network([beside], [1.0]))[1][0, i] == side
