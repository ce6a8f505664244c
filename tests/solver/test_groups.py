"""Who moves as one: wide cells are kept, and that changes nothing but the work."""

import numpy as np
import pytest

import alignlib as al
from alignlib.solver import groups, swarm
from tests.solver.kernels import cases

RTOL = 1e-9
WIDTH, WIDE = cases(6000, 600), cases(500, 50)  # neurons in all, and of a cell that is worth keeping


def followed(worth):
    """A run in which cells of at least so many are kept, and how many neurons flew in its sweeps."""
    flown, fly = [], swarm.Swarm._fly_free
    net = al.Network.balanced(WIDTH, 2, 1e-3, rng=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "WORTH", worth)
        patch.setattr(swarm.Swarm, "_fly_free", lambda s, *a: flown.append(len(s.v)) or fly(s, *a))
        path = al.gradient_flow(net, al.data.three_points(), "squared", 20.0, RTOL, t_save=[1.0, 5.0, 20.0])
    return path, sum(flown)


@pytest.fixture(scope="module")
def cells():
    return followed(WIDE)


def test_wide_cells_are_kept_and_all_events_found(cells):
    (kept, some), (dissolved, more) = cells, followed(10**9)
    assert some < more
    kept_log, log = (np.sort(path.events, order=["neuron", "t"]) for path in (kept, dissolved))
    for field in ("neuron", "sample", "kind"):
        assert (kept_log[field] == log[field]).all()
    # Each step may add rtol to the relative errors of w and v; a run has a few hundred.
    assert np.abs(kept.outputs - dissolved.outputs).max() < 2 * 500 * RTOL


def test_a_start_in_cells_is_the_start(cells):
    path, _ = cells
    net = al.Network.balanced(WIDTH, 2, 1e-3, rng=0)
    assert (path.start.w == net.w).all()
    assert (path.start.v == net.v).all()


def test_neurons_that_start_on_a_wall_are_asked_where_they_go():
    """They are in no cell before the first step, however many they are."""
    data = al.data.three_points()
    w = np.tile(np.array([[-data.x[0, 1], data.x[0, 0]]]), (groups.WORTH + 10, 1))
    one, many = (
        al.Network(w[:1], np.ones(1)),
        al.Network(w / len(w) ** 0.5, np.full(len(w), len(w) ** -0.5)),
    )
    first, all_of_them = (al.gradient_flow(net, data, "squared", 1.0, RTOL) for net in (one, many))
    assert len(first.events) > 0
    assert len(all_of_them.events) == len(w) * len(first.events)
    assert np.abs(first.outputs[-1] - all_of_them.outputs[-1]).max() < 2 * 500 * RTOL
