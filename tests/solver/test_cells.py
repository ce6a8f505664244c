"""Neurons that move as one: against each of them alone."""

import numpy as np
import pytest

from alignlib.solver.advance import carry
from alignlib.solver.cells import Cell, room
from alignlib.solver.collocation import NODES
from tests.solver.kernels import cases

ROUNDING = 1e-12


def cell(rng, many, dim):
    theta = rng.standard_normal((many, dim + 1))
    side, rooms = np.ones(5, np.int8), np.full(6, np.inf)
    return Cell.of(np.arange(many), side, 1.0, theta, rooms)


@pytest.mark.parametrize("many", [1, 3, 4, 50])
def test_the_members_of_a_moved_cell_are_where_each_alone_would_be(many):
    rng, dim = np.random.default_rng(many), 3
    whole = cell(rng, many, dim)
    assert len(whole.few) == min(many, dim + 1)
    moment = whole.theta.T @ whole.theta
    assert np.abs(whole.few.T @ whole.few - moment).max() <= ROUNDING * np.abs(moment).max()
    alone, moved = whole.theta.copy(), whole
    for _ in range(5):
        d = 0.4 * rng.standard_normal((3, dim))
        momentum = np.zeros((3, dim))
        carry(alone, d, 0.7, NODES, momentum)
        moved, together = moved.moved(d, 0.1, 0.7, NODES)
        assert np.abs(together - momentum).max() <= ROUNDING * np.abs(momentum).max()
        assert np.abs(moved.members() - alone).max() <= ROUNDING * np.abs(alone).max()
    half = moved.scaled(0.5)
    assert (half.members() == 0.5 * moved.members()).all()
    assert half.room is moved.room
    assert (whole.members() == (whole.theta if many <= 4 else whole.theta @ np.eye(4))).all()  # as it was


def test_the_room_is_the_rapidity_of_the_formula_and_no_pull_brings_a_neuron_there_before():
    sooner = []
    for seed in range(cases(500, 20)):
        rng = np.random.default_rng(seed)
        u = rng.standard_normal((3, 3))
        u /= np.linalg.norm(u, axis=1)[:, None]
        w, v = rng.standard_normal((1, 3)), rng.standard_normal(1) * 10 ** rng.uniform(-1, 1)
        z = w @ u.T
        side = np.sign(z).astype(np.int8)
        left = room(w, v, side[0], u)[0]
        norm = np.linalg.norm(w)
        reached = abs(v[0]) * np.sinh(left[:3]) + norm * (np.cosh(left[:3]) - 1)
        assert reached == pytest.approx(np.abs(z[0]), rel=1e-9)
        assert left[3] == (pytest.approx(np.arctanh(abs(v[0]) / norm)) if abs(v[0]) < norm else np.inf)
        at, gone = np.column_stack([w, v]), 0.0
        while gone < 2.0:
            d = np.zeros((3, 3))
            straight = -side[0, 0] * np.sign(at[0, 3]) * u[0]  # towards the first wall
            d[0] = straight if seed % 2 else straight + 0.5 * rng.standard_normal(3)
            d[0] /= np.linalg.norm(d[0])
            carry(at, d, 0.01, np.ones(1), np.zeros((0, 3)))
            gone += 0.01
            if (side[0] * (at[0, :3] @ u.T) <= 0)[0] or at[0, 3] * v[0] < 0:
                break
        if at[0, 3] * v[0] >= 0 and gone < 2.0:  # it came to the wall, before v turned
            assert gone >= left[0] * (1 - 1e-9), seed
            sooner.append(left[0] / gone)
    assert max(sooner) > 0.5  # the bound is not far off where all goes straight
