"""Cones, angles and sizes, on networks small enough to know the answer."""

import numpy as np
import pytest
import torch

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


def test_every_neuron_is_within_its_group():
    net = al.Network.balanced(60, 2, 1.0, rng=0)
    groups = al.measure.direction_groups(net, degrees=20)
    count = groups.max() + 1
    assert count == al.measure.distinct_directions(net, degrees=20) == len(set(groups))
    least, size = np.cos(np.radians(20)), al.measure.norms(net)
    centres = [np.argmax(np.where(groups == group, size, 0)) for group in range(count)]
    assert (np.diff(size[centres]) < 0).all()
    near = al.geometry.cosine(net.w, net.w[centres]) >= least
    assert (np.argmax(near, axis=1) == groups).all()  # the first of those that reach it
    assert near.any(axis=1).all()
    assert al.measure.direction_groups(al.Network(np.zeros((2, 3)), np.zeros(2))).tolist() == [-1, -1]


@pytest.mark.parametrize("scale", [1e-3, 1.0])
@pytest.mark.parametrize("slope", [0.0, 0.2, -1.0])
def test_the_tangent_kernel_is_torch_s(scale, slope):
    data = al.Dataset(np.vstack([al.data.separated(15, 4, 0.2, rng=0).x, np.zeros((1, 4))]), np.ones(16))
    net = al.Network.unbalanced(9, 4, scale, 1, slope)

    def outputs(w, v):
        return v @ torch.nn.functional.leaky_relu(w @ torch.tensor(data.x.copy()).T, slope)

    at = torch.tensor(net.w.copy()), torch.tensor(net.v.copy())
    by_w, by_v = torch.func.jacrev(outputs, argnums=(0, 1))(*at)
    rows = torch.cat([by_w.reshape(16, -1), by_v], dim=1).numpy()
    kernel = al.measure.tangent_kernel(net, data)
    # Sums of 45 products, each with a rounding of 1e-16 or two.
    assert np.abs(kernel - rows @ rows.T).max() < 45 * 4e-16 * np.abs(kernel).max()


def test_the_outputs_move_by_the_tangent_kernel():
    data, net = al.data.toy_2d(), al.Network.balanced(10, 2, 0.3, rng=0)
    path = al.gradient_flow(net, data, "logistic", t_end=1e-4, rtol=1e-10)
    pulls = al.loss.get("logistic").pull(net(data.x), data.y)
    speed = (path.outputs[-1] - path.outputs[0]) / 1e-4
    # A difference over a step of 1e-4 errs by its half times a second derivative of order one.
    assert speed == pytest.approx(al.measure.tangent_kernel(net, data) @ pulls, abs=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_the_margin_is_the_best_over_all_directions_of_the_plane(seed):
    # By brute force: the smallest height over the class, over a million directions.
    data = al.data.toy_2d(n=8, spread=30 + 20 * seed)
    data = al.Dataset(data.x * np.random.default_rng(seed).uniform(0.5, 2, (8, 1)), data.y)
    angle = np.linspace(0, 2 * np.pi, 10**6)
    u = np.stack([np.cos(angle), np.sin(angle)])
    for point, label in zip(al.geometry.max_margin(data), (1, -1)):
        best = (data.x[data.y == label] @ u).min(axis=0).max()
        # A step of 6e-6 from the best direction costs at most as much of a height of at most 2.
        assert np.linalg.norm(point) == pytest.approx(best, abs=2e-5)
        assert (data.x[data.y == label] @ point).min() == pytest.approx(point @ point, rel=1e-12)


def test_the_margin_is_that_of_a_support_vector_machine_and_zero_around_zero():
    from sklearn.svm import LinearSVC

    data = al.data.separated(20, 4, 0.2, rng=0)
    for point, label in zip(al.geometry.max_margin(data), (1, -1)):
        x = data.x[data.y == label]
        both, signs = np.vstack([x, -x]), np.repeat([1, -1], len(x))
        machine = LinearSVC(C=1e6, loss="hinge", fit_intercept=False, tol=1e-10, max_iter=10**7)
        w = machine.fit(both, signs).coef_[0]
        # The accuracy of the machine is not stated: three digits.
        assert 1 / np.linalg.norm(w) == pytest.approx(np.linalg.norm(point), rel=1e-3)
    around = al.Dataset([[1, 0], [-1, 1], [-1, -1], [0, 1]], [1, 1, 1, -1])
    assert np.linalg.norm(al.geometry.max_margin(around), axis=1) == pytest.approx([0, 1], abs=1e-12)


@pytest.mark.parametrize("factor", [2.0**-600, 2.0**530])
def test_patterns_have_no_scale(factor):
    # Products overflowed, and every neuron was dead.
    net, data = al.Network.unbalanced(30, 2, 1.0, rng=0), al.data.toy_2d()
    names = al.geometry.cones(net, data)
    assert len(set(names)) > 2
    large = al.Network(factor * net.w, factor * net.v)
    assert (al.geometry.cones(large, data) == names).all()
    assert (al.geometry.cones(net, al.Dataset(factor * data.x, data.y)) == names).all()
    assert (al.geometry.patterns(large, data) == al.geometry.patterns(net, data)).all()


def test_pulls_that_cancel_align_nothing():
    x = np.random.default_rng(0).standard_normal((4, 2))
    y = np.array([1, -1, 1, -1])
    data, net = al.Dataset(np.vstack([x, x]), np.append(y, -y)), al.Network.balanced(5, 2, 1e-3, rng=1)
    assert np.isnan(al.measure.alignment(net, data, "exponential")).all()
    census = al.diagnosis.neurons(net, data, "exponential")
    assert np.isnan(census.cosine_at_zero).all()
    start = al.diagnosis.outlook(net, data, "exponential")
    assert start.d_max < 1e-13
    assert start.fit_time > 1e13  # no time was found, with a warning, which is an error here
