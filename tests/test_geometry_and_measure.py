"""Cones, angles and sizes, on networks small enough to know the answer."""

import numpy as np
import pytest

import alignlib as al

DATA = al.Dataset([[1.0, 0.0], [1.0, 1.0], [-1.0, 0.2]], [1, 1, -1])


def test_every_cone_is_recognised():
    w = [[1.0, 0.0], [-1.0, 0.0], [0.0, -1.0], [0.0, 1.0]]
    assert al.geometry.cones(al.Network(w, np.ones(4)), DATA).tolist() == ["S+", "S-", "dead", "mixed"]


def test_counts_add_up_to_the_width():
    net = al.Network.balanced(50, 2, 1.0, rng=0)
    assert sum(al.geometry.cone_counts(net, DATA).values()) == 50


def test_the_goal_depends_on_the_sign_of_the_output_weight():
    w = [[1.0, 0.0], [-1.0, 0.0], [0.0, -1.0], [0.0, 1.0]]
    for v, there in ((1, [True, False, True, False]), (-1, [False, True, True, False])):
        assert al.geometry.aligned(al.Network(w, np.full(4, v)), DATA).tolist() == there
    assert al.geometry.aligned(al.Network(w, np.zeros(4)), DATA).tolist() == [False, False, True, False]


def test_violating_pairs_are_counted_once_each():
    # Signed samples (1, 0), (1, 1), (1, -0.2): no pair is orthogonal or obtuse.
    assert al.geometry.violating_share(DATA) == 0
    # With the last label turned: (-1, 0.2) against both others, two pairs of three.
    assert al.geometry.violating_share(al.Dataset(DATA.x, [1, 1, 1])) == pytest.approx(2 / 3)


def test_the_centres_are_the_sums_of_the_classes():
    assert al.geometry.centres(DATA).tolist() == [[2.0, 1.0], [-1.0, 0.2]]


def test_cosines_between_rows():
    cosine = al.geometry.cosine([[2.0, 0.0], [0.0, -1.0]], [[3.0, 3.0]])
    assert cosine[:, 0] == pytest.approx([np.sqrt(0.5), -np.sqrt(0.5)])


def test_alignment_is_one_for_a_neuron_that_points_where_it_is_pulled():
    # Exponential loss at zero outputs: D = x_1 + x_2 for a neuron active on both positive samples only.
    net = al.Network([[2.0, 1.0], [-1.0, 0.2], [0.0, -1.0]], [1.0, -1.0, 1.0])
    found = al.measure.alignment(net, DATA, "exponential")
    assert found[:2] == pytest.approx([1.0, 1.0])
    assert np.isnan(found[2])


def test_stable_rank_and_singular_values():
    net = al.Network(np.diag([2.0, 1.0, 1.0]), np.ones(3))
    assert al.measure.singular_values(net) == pytest.approx([2, 1, 1])
    assert al.measure.stable_rank(net) == pytest.approx(1.5)
    tiny = al.Network(1e-200 * np.diag([2.0, 1.0, 1.0]), np.ones(3))
    assert al.measure.stable_rank(tiny) == pytest.approx(1.5)  # squares would underflow


def test_distinct_directions():
    angle = np.radians([0, 0.4, 90, 90.3, 180])
    net = al.Network(np.stack([np.cos(angle), np.sin(angle)], axis=1), np.ones(5))
    assert al.measure.distinct_directions(net, degrees=1) == 3
    assert al.measure.distinct_directions(net, degrees=0.1) == 5
    many = al.Network.balanced(50, 7, 1.0, rng=0)
    assert al.measure.distinct_directions(many, degrees=1e-7) == 50  # its cosine rounds to 1
    assert al.measure.distinct_directions(al.Network(np.zeros((2, 3)), np.zeros(2))) == 0
