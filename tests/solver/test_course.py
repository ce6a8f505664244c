"""The search for the next wall, which passes most blocks unseen, against a look at every wall."""

import numpy as np

from alignlib.solver import course
from tests.solver.kernels import EPS, called

nearest = called(course.nearest)


def test_nearest_is_the_wall_of_largest_urgency():
    rng = np.random.default_rng(0)
    found = 0
    for trial in range(1500):
        m = rng.integers(1, 200)
        on = np.zeros((course.COURSE, m + -m % course.BLOCK))
        side = rng.choice([-1.0, 0.0, 1.0], m, p=[0.45, 0.1, 0.45])
        height = 10.0 ** rng.uniform(-12, 3, m) * rng.choice([0.0, 1.0], m, p=[0.05, 0.95])
        if trial % 3 == 0:  # many walls at the same distance
            height = np.round(height)
        on[course.SIDE, :m], on[course.Z, :m] = side, side * height
        on[course.C, :m] = rng.standard_normal(m) * 10.0 ** rng.uniform(-16, 2)
        if trial % 3 == 1:  # or nearly so
            on[course.Z, :m] = side * np.abs(on[course.C, :m]) * rng.uniform(0.995, 1.005, m)
            height = side * on[course.Z, :m]
        me, slow = np.zeros(1, course.NEURON)[0], 1e-13
        me.sign = rng.choice([-1.0, 1.0])
        me.second, me.third = rng.integers(-1, m, 2)
        distance = nearest(me, on, slow)

        speed = -me.sign * side * on[course.C, :m] - slow
        urgency = np.where(speed > 0, speed / np.maximum(height, 1e-280), 0.0)
        if urgency.max() == 0.0:
            assert me.wall == -1
            assert distance == np.inf
            continue
        found += 1
        assert 0 <= me.wall < m
        # Two quotients round.
        assert urgency[me.wall] >= urgency.max() * (1 - 4 * EPS)
        assert distance == height[me.wall] / abs(on[course.C, me.wall])
        assert -1 <= me.second < m
        assert -1 <= me.third < m
    assert found > 1000
