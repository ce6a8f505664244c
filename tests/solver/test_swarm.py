"""All neurons at one time: free or in cells they are the same network."""

import numpy as np
import pytest

import alignlib as al
from alignlib.solver.cells import Cell
from alignlib.solver.collocation import NODES
from alignlib.solver.swarm import StepTooLong, Swarm, keys
from alignlib.solver.tolerances import FASTEST
from alignlib.solver.walls import Walls


@pytest.mark.parametrize("columns", [1, 10, 11, 39, 40, 70])
def test_equal_rows_and_no_others_have_equal_keys(columns):
    rng = np.random.default_rng(columns)
    rows = rng.integers(-1, 2, (60, columns)).astype(np.int8)
    rows[30:] = rows[:30]
    rows[45:, rng.integers(columns)] *= -1
    same = (rows[:, None] == rows).all(axis=2)
    ours = keys(rows)
    assert (same == (ours[:, None] == ours)).all()
    assert same.sum() > 60


@pytest.fixture(params=[0.0, 0.3])
def halves(request):
    """A swarm with every neuron free, and the same with some of them in a cell that has room for ever."""
    data = al.data.separated(6, 3, 0.2, rng=0)
    net = al.Network.dominated(40, 3, 1e-2, rng=1, negative_slope=request.param)
    free = Swarm.of(net, Walls.of(data.x, request.param), 1e-9)
    kind = np.flatnonzero((keys(free.side) == np.bincount(free.kinds[1]).argmax()) | (free.v > 0))
    alike = [j for j in kind if (free.side[j] == free.side[kind[0]]).all() and free.v[j] > 0]
    left = np.setdiff1d(np.arange(40), alike)
    theta = np.column_stack([net.w, net.v])[alike]
    room = np.full(free.walls.m + 1, np.inf)
    one = Cell.of(np.array(alike), free.side[alike[0]], 1.0, theta, room)
    rest = (free.w[left], free.v[left], free.side[left])
    return data, net, free, Swarm(free.walls, left, *rest, free.rtol, (one,))


def test_free_or_in_cells_it_is_the_same_network(halves):
    data, net, free, mixed = halves
    assert 1 < len(mixed.cells[0].index) < net.width
    for swarm in (free, mixed, mixed.dissolved(mixed.cells)):
        assert (swarm.network().w == net.w).all()
        assert (swarm.network().v == net.v).all()
        assert (swarm.sides() == free.side).all()
        assert swarm.outputs() == pytest.approx(net(data.x), abs=1e-16)
        assert swarm.kernel(data) == pytest.approx(al.measure.tangent_kernel(net, data), abs=1e-16)
    assert mixed.dissolved(mixed.cells).cells == ()


def test_a_step_moves_both_alike(halves):
    data, _, free, mixed = halves
    below = np.random.default_rng(0).standard_normal((3, data.n)) * [[1], [0.1], [0.01]]
    length = 1e-3  # too short for anyone to leave the cell
    (f, one, log), (g, other, log2) = (swarm.move(below, length, NODES, 0.0) for swarm in (free, mixed))
    assert f == pytest.approx(g, abs=1e-16)
    assert other.network().w == pytest.approx(one.network().w, abs=1e-15)
    assert (one.sides() == other.sides()).all()
    assert len(log) == len(log2)


def test_a_step_in_which_a_neuron_grows_beyond_numbers_is_refused(halves):
    data, _, free, _ = halves
    pulls = np.zeros((3, data.n))
    pulls[0] = data.y
    speed = max(np.linalg.norm(d.sum(axis=0)) for d in free.forces(*free.walls.pulls(pulls))[0])
    free.move(pulls, 0.9 * FASTEST / speed, NODES, 0.0)
    with pytest.raises(StepTooLong):
        free.move(pulls, 1.1 * FASTEST / speed, NODES, 0.0)


def test_what_decay_makes_too_small_is_zero(halves):
    *_, free, mixed = halves
    for swarm in (free, mixed):
        assert not swarm.scaled(1e-150).network().w.any()
        small = swarm.scaled(1e-100).network()
        assert small.w == pytest.approx(1e-100 * free.w, rel=1e-15)
