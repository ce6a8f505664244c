"""What is said of a network out of a flow does not follow the signs of heights that are rounding."""

from dataclasses import fields, replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

import alignlib as al
from alignlib.diagnosis import exits, repair
from tests.problems import random_data


def shaken(path, rng):
    """The trajectory, its networks off by a unit in the last place."""

    def state(t):
        net = path.state(t)
        return al.Network(
            net.w * (1 + 2e-16 * rng.choice([-1, 0, 1], net.w.shape)), net.v, net.negative_slope
        )

    return replace(path, state=state)


@pytest.fixture(scope="module", params=["sliding", "sliding, with a slope", "dead on a hyperplane"])
def path(request):
    if request.param == "dead on a hyperplane":
        data = al.Dataset([[1.0, 0.3], [-0.2, 1.0]], [-1.0, 1.0])
        net = al.Network([[1.0, -0.1], [0.9, -0.4], [0.1, 1.0]], [2.0, 1.5, 1.0])
        path = al.gradient_flow(net, data, "squared", 20.0)
        dead = (path.patterns(20.0) < 1).all(axis=1)
        assert (al.geometry.patterns(path.final, data)[dead] == 0).any()
        return path
    net = al.Network.unbalanced(20, 3, 1e-2, rng=1, negative_slope=0.2 * ("slope" in request.param))
    path = al.gradient_flow(net, random_data(1, 10, 3), "squared", 20.0)
    assert (path.patterns(20.0) == 0).any(axis=1).sum() > 3
    return path


def ways(path):
    found = exits.ways_out(path.final, path.data, path.loss_function)
    return [getattr(way, field.name) for way in found for field in fields(way)]


def colours(path):
    ax = plt.figure().add_subplot(projection="polar")
    al.plots.turning(path, ax=ax)
    plt.close(ax.figure)
    return [[line.get_color(), line.get_linestyle()] for line in ax.lines]


def census(path):
    found = al.diagnosis.neurons(path, path.t[-1], "squared")
    return [getattr(found, field.name) for field in fields(found)]


SAID = {
    "pulled": lambda path: al.geometry.pulled(path.final, path.data, path.data.y),
    "alignment": lambda path: al.measure.alignment(path.final, path.data, "squared"),
    "tangent kernel": lambda path: al.measure.tangent_kernel(path.final, path.data),
    "cones": lambda path: al.geometry.cones(path.final, path.data),
    "census": census,
    "census of a bare network": lambda path: al.diagnosis.neurons(path.final, path.data, "squared").kind,
    "step": repair.step,
    "revived": lambda path: repair.revived(path.final, path.data).w,
    "ways out": ways,
    "colours": colours,
}


@pytest.mark.parametrize("said", SAID)
def test_what_is_said_does_not_follow_rounding(path, said):
    rng = np.random.default_rng(0)
    first = SAID[said](shaken(path, rng))
    for _ in range(10):
        compare(first, SAID[said](shaken(path, rng)))


def compare(one, other):
    """Equal words and signs; numbers but for sums of some dozens of terms, of size 1, that may cancel."""
    if isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other):
            compare(a, b)
    elif np.asarray(one).dtype.kind in "biU":
        assert np.array_equal(one, other)
    else:
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
