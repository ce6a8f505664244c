"""Extremal vectors: the list on the circle is complete, and random neurons arrive where it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import alignlib as al

LOSSES = ("exponential", "squared")


def circle_data(seed, n):
    rng = np.random.default_rng(seed)
    return al.Dataset(
        rng.standard_normal((n, 2)), np.where(rng.random(n) < 0.5, -1.0, 1.0) * rng.uniform(0.5, 2, n)
    )


def arrives_at(vectors, sign, angle):
    return [
        v
        for v in vectors
        if v.sign == sign and (angle - v.basin[0]) % (2 * np.pi) < v.basin[1] - v.basin[0]
    ]


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_every_neuron_arrives_where_its_basin_says(seed, n):
    data = circle_data(seed, n)
    vectors = al.extremal_vectors(data, "squared")
    net = al.Network.balanced(60, 2, 1.0, rng=seed + 10**7)  # not the samples again
    path = al.early_flow(net, data, "squared")
    angles = np.arctan2(net.w[:, 1], net.w[:, 0])
    for j in range(60):
        (goal,) = arrives_at(vectors, np.sign(net.v[j]), angles[j])
        assert np.array_equal(goal.pattern, path.final_patterns[j])
        if goal.rate != 0:
            assert np.array_equal(goal.tight, path.sliding[j])
            # Directions of walls and of D, a dozen roundings each.
            assert np.allclose(goal.direction, path.directions[j], atol=1e-12)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_basins_cover_the_circle_once_for_each_sign(seed, n):
    vectors = al.extremal_vectors(circle_data(seed, n), "squared")
    for sign in (1.0, -1.0):
        # Sums of a few angles.
        assert sum(v.share for v in vectors if v.sign == sign) == pytest.approx(1.0, abs=1e-13)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_d_is_parallel_to_the_direction(seed, n):
    data = circle_data(seed, n)
    g = 2 * data.y / data.n
    for vector in al.extremal_vectors(data, "squared"):
        d = (g * vector.pattern) @ data.x
        tight = np.flatnonzero(vector.tight)
        if tight.size:  # the coefficient that puts D along u lies between 0 and the pull
            x = data.x[tight[0]]
            share = -(d @ x) / (g[tight[0]] * (x @ x))
            assert 0 < share < 1
            assert vector.sign * g[tight[0]] < 0
            d = d + share * g[tight[0]] * x
        if vector.rate != 0:
            assert np.allclose(d * vector.sign, vector.rate * vector.direction, atol=1e-12)
        else:
            assert not d.any()


def dependent_data(seed):
    """Samples in space, of which three span it and the others are small whole combinations of them."""
    rng = np.random.default_rng(seed)
    three, mixed = rng.standard_normal((3, 3)), rng.integers(-1, 2, (4, 3))
    x = np.vstack([three, mixed[mixed.any(axis=1)] @ three])
    return al.Dataset(x, rng.choice([-1.0, 1.0], len(x)))


@pytest.mark.parametrize("seed", range(12))
def test_every_direction_converges_to_an_extremal_vector_also_on_dependent_samples(seed):
    # Chapter 2: the limit D is the sum over the active samples, projected across those that are slid on.
    data = dependent_data(seed)
    path = al.early_flow(al.Network.balanced(40, 3, 1.0, rng=seed), data, "exponential")
    for active, tight, u in zip(path.final_patterns, path.sliding, path.directions):
        d = (data.y * active) @ data.x
        d = d - np.linalg.pinv(data.x[tight]) @ (data.x[tight] @ d)
        # Zero, or along u: sums and a projection of vectors of size one, a hundred roundings each.
        assert np.allclose(d, (d @ u) * u, rtol=0, atol=1e-12)


def test_sliding_ones_occur():
    found = [v for s in range(20) for v in al.extremal_vectors(circle_data(s, 6), "squared")]
    assert any(v.tight.any() and v.rate > 0 for v in found)


@pytest.mark.parametrize("loss", LOSSES)
def test_under_assumption_1_there_is_one_for_each_sign(loss):
    data = al.data.toy_2d()
    plus, minus = al.extremal_vectors(data, loss)
    assert np.array_equal(plus.pattern, data.y > 0)
    assert np.array_equal(minus.pattern, data.y < 0)
    assert plus.share == minus.share == pytest.approx(1.0)


def test_three_points_have_one_living_direction():
    alive = [v for v in al.extremal_vectors(al.data.three_points(), "squared") if v.rate != 0]
    assert len(alive) == 1
    assert alive[0].sign == 1
    assert alive[0].pattern.all()


def test_the_search_in_the_plane_embedded_in_space_finds_the_exact_list():
    data = circle_data(4, 5)
    deep = al.Dataset(np.column_stack([data.x, np.zeros(5)]), data.y)
    exact = {
        (v.sign, v.pattern.tobytes(), v.tight.tobytes())
        for v in al.extremal_vectors(data, "squared")
        if v.rate > 0
    }
    found = al.extremal_vectors(deep, "squared", starts=400)
    assert exact <= {(v.sign, v.pattern.tobytes(), v.tight.tobytes()) for v in found}


def test_a_pull_along_a_hyperplane_is_no_vector_of_its_own():
    """Where D lies on a wall rounding put it beside it or not, and listed a sliver as a vector."""
    x = np.array([[1.0, 1.0], [-2.0, -2.0], [2.0, -2.0]])
    patterns = set()
    for seed in range(30):
        moved = x + np.random.default_rng(seed).integers(-2, 3, x.shape) * np.spacing(x)
        found = al.extremal_vectors(al.Dataset(moved, [1.0, -1.0, 1.0]), "exponential")
        patterns.add(tuple((v.sign, *v.pattern, *v.tight, round(v.share, 9)) for v in found))
    assert len(patterns) == 1


@pytest.mark.parametrize("turn", range(0, 360, 7))
def test_the_order_of_equal_rates_does_not_hang_on_rounding(turn):
    # Three samples 120 degrees apart: alone and two by two each has the rate 1, but for rounding.
    angle = np.radians(turn + np.array([0, 120, 240]))
    star = al.Dataset(np.stack([np.cos(angle), np.sin(angle)], axis=1), np.ones(3))
    found = [v for v in al.extremal_vectors(star, "exponential") if v.rate > 0]
    patterns = ["".join(vector.pattern.astype(int).astype(str)) for vector in found]
    assert patterns == ["110", "101", "100", "011", "010", "001"]
