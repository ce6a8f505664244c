"""The loops over neurons and cells: who is carried where, and that a cell with room meets no wall."""

import numpy as np
from scipy.integrate import solve_ivp

from alignlib.solver.advance import carry, falls, has_room
from alignlib.solver.cells import room
from tests.solver.kernels import called, cases

FINE = np.linspace(0, 1, 401)[1:]
sinks = called(falls)


def test_falls_is_whether_a_quadratic_is_negative_somewhere():
    grid, told = np.linspace(0, 1, 1001)[:, None] ** np.arange(3), 0
    for seed in range(cases(2000, 50)):
        rng = np.random.default_rng(seed)
        c, way = rng.standard_normal((3, 2)), rng.choice([-1.0, 1.0])
        least = (way * (grid @ c[:, 1])).min()
        if abs(least) > 1e-5:  # else the grid may miss it
            assert sinks(way, 1, c) == (least < 0), seed
            told += least < 0
    assert told > 0


def test_carry_is_the_flow_past_all_walls():
    rng = np.random.default_rng(0)
    theta, d, nodes = rng.standard_normal((5, 4)), 0.3 * rng.standard_normal((3, 3)), np.array([0.3, 1.0])

    def speed(s, at):
        rows, pull = at.reshape(5, 4), s ** np.arange(3) @ d
        return 2.0 * np.column_stack([rows[:, 3:] * pull, rows[:, :3] @ pull]).ravel()  # the length is 2

    exact = solve_ivp(speed, (0, 1), theta.ravel(), t_eval=nodes, rtol=1e-12, atol=1e-12).y.T
    fine, momentum = theta.copy(), np.zeros((2, 3))
    ends = np.append(np.linspace(0, 0.3, 30)[1:], np.linspace(0.3, 1, 71)[1:])
    all_momentum = np.zeros((len(ends), 3))
    carry(fine, d, 2.0, ends, all_momentum)
    momentum[:] = all_momentum[[28, -1]]
    assert np.abs(fine.ravel() - exact[1]).max() < 1e-8
    there = exact.reshape(2, 5, 4)
    assert np.abs(momentum - (there[:, :, 3:] * there[:, :, :3]).sum(axis=1)).max() < 1e-8


def test_a_cell_with_room_meets_no_wall_and_gains_no_more_than_it_says():
    fits = refused = 0
    for seed in range(cases(600, 20)):
        rng = np.random.default_rng(seed)
        u = rng.standard_normal((4, 3))
        u /= np.linalg.norm(u, axis=1)[:, None]
        theta = rng.standard_normal((200, 4))
        theta[:, 3] = np.abs(theta[:, 3]) + rng.random() * np.linalg.norm(theta[:, :3], axis=1)
        sides = np.sign(theta[:, :3] @ u.T).astype(np.int8)
        theta = theta[(sides == sides[0]).all(axis=1)]  # neurons of one cell, v > 0
        d = rng.standard_normal((3, 3)) * 10 ** rng.uniform(-2.5, 0.5)
        left = room(theta[:, :3], theta[:, 3], sides[0], u).min(axis=0)
        gained, enough = has_room(1.0, sides[0], left, 0.0, d, d @ u.T, 1.0)
        speeds = np.linalg.norm(FINE[:, None] ** np.arange(3) @ d, axis=1)
        assert gained >= speeds.mean() * (1 - 1e-2), seed
        met, at = False, 0.0
        pulls = np.zeros((3, 3))
        for end in FINE:  # D there, for a time so short that it hardly changes
            pulls[0] = (0.5 * (at + end)) ** np.arange(3) @ d
            carry(theta, pulls, end - at, np.ones(1), np.zeros((0, 3)))
            met |= bool((sides[0] * (theta[:, :3] @ u.T) < -1e-4).any() or (theta[:, 3] < -1e-4).any())
            at = end
        assert not (enough and met), seed
        fits, refused = fits + enough, refused + met
    assert fits > 0
    assert refused > 0
