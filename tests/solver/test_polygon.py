"""From wall to wall: against a general integrator that is restarted at every event."""

import numpy as np
import pytest

import alignlib as al
from alignlib.loss import get
from alignlib.solver import constant, course, events, polygon
from alignlib.solver.walls import Walls
from tests import filippov

STARTS = ("balanced", "dominated", "unbalanced")


def problem(seed, n, dim):
    rng = np.random.default_rng(seed)
    data = al.Dataset(rng.standard_normal((n, dim)), rng.standard_normal(n))
    return data, getattr(al.Network, STARTS[seed % 3])(3, dim, 1.0, rng=rng)


def followed(net, data, end):
    """All neurons at their last events before `end`, by the compiled kernel."""
    walls = Walls.of(data.x)
    pulls = walls.pulls(get("squared").pull(np.zeros(data.n), data.y))
    return constant.follow(net, walls, pulls, end), walls


@pytest.mark.parametrize(("n", "dim"), [(1, 1), (3, 2), (5, 2), (4, 3), (6, 4)])
def test_follow_against_a_general_integrator(n, dim):
    events = slides = 0
    for seed in range(40):
        data, net = problem(seed, n, dim)
        end, _ = followed(net, data, 1.2)
        w, v, _, slid = filippov.follow(net, data, get("squared"), 1.2, constant=True)
        mine, out = end.drift(1.2)
        awake = ~end.neurons["rests"].astype(bool)  # at w = 0 the flow is not unique
        size = np.linalg.norm(np.column_stack([w, v]), axis=1)[awake]
        # DOP853 at 1e-12 a step, some dozen steps and a growth of their errors.
        assert (np.abs(mine - w)[awake].max(axis=1) / size).max(initial=0.0) < 1e-9
        assert (np.abs(out - v)[awake] / size).max(initial=0.0) < 1e-9
        events, slides = events + len(end.log), slides + slid
    assert events > 60 or n == 1
    assert slides > 5 or n == 1


def test_the_path_is_one_of_straight_lines_with_corners_on_walls():
    """Between two events nothing bends: D is the sum over the samples on whose side the neuron is."""
    corners = 0
    for seed in range(30):
        data, net = problem(seed, 6, 3)
        end, walls = followed(net, data, np.inf)
        for row in end.log[end.log["wall"] >= 0]:
            then, _ = followed(net, data, row["t"])
            w, _ = then.drift(row["t"])
            height = w[row["neuron"]] @ walls.u[row["wall"]]
            # A sum of a few dozen terms, each of the size of w or of its start.
            assert abs(height) < 1e-13 * max(1.0, np.linalg.norm(w[row["neuron"]]))
            corners += 1
    assert corners > 200


@pytest.mark.parametrize("m", [3, 5])
def test_no_row_is_written_behind_the_end_of_the_log(monkeypatch, m):
    """The first rows of a neuron were written unchecked after another had come to rest at w = 0."""
    data = al.Dataset(np.eye(m), np.ones(m))
    # By turns a neuron that meets all walls at once and rests, with a row for each, and one that starts
    # on all walls but one, and leaves them, with a row for each.
    w = np.tile(0.5 / np.sqrt(m), (8, m))
    w[1::2, :-1] = 0.0
    net = al.Network(w, np.tile([-1.0, 1.0], 4))
    whole, _ = followed(net, data, np.inf)
    assert whole.neurons["rests"].sum() == 4
    assert len(whole.log) >= 4 * (2 * m - 1)
    follow = polygon.follow

    def watched(neurons, first, courses, field, gram, pulls, w, u, log):
        longer = np.full(len(log) + 4 * m, log[-1])
        longer["wall"] = -9
        longer[: len(log)] = log
        done = follow(neurons, first, courses, field, gram, pulls, w, u, longer[: len(log)])
        assert (longer["wall"][len(log) :] == -9).all()
        log[:] = longer[: len(log)]
        return done

    monkeypatch.setattr(polygon, "follow", watched)
    for size in range(m + 1, 6 * m):
        monkeypatch.setattr(events, "new_log", lambda _, size=size: np.zeros(size, events.LOG))
        parts, _ = followed(net, data, np.inf)
        assert np.array_equal(whole.log, parts.log)


def test_neurons_and_fields_are_read_by_attribute():
    assert np.zeros(1, course.NEURON)[0].t == 0.0
    assert events.new_log(1)[0].wall == 0
