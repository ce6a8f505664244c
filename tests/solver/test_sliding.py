"""A neuron at its walls while D changes: against least squares on a fine grid of the step."""

import numpy as np
import pytest

from alignlib.solver.advance import felt
from alignlib.solver.events import LOG
from alignlib.solver.sliding import Log, Scene, change, crosses, first_exit, resolve
from tests.solver.kernels import called, cases

GRID = np.linspace(0, 1, 2001)
RTOL = 1e-9
exits, goes_through, put, ruled = (called(kernel) for kernel in (first_exit, crosses, change, resolve))


def at(polynomial, s):
    """The values (times, ...) of a polynomial given by its coefficients (3, ...)."""
    return np.tensordot(np.asarray(s)[..., None] ** np.arange(3), polynomial, axes=1)


def scene_of(rng, below, above, dim):
    u = rng.standard_normal((below.shape[1], dim))
    u /= np.linalg.norm(u, axis=1)[:, None]
    return Scene(below, above, u, u @ u.T, 0.7, 2.0, RTOL, 0.0)


def sum_of(side, scene):
    """D (3, d) of a neuron on these sides, wall by wall."""
    pulls = np.where(side > 0, scene.above, np.where(side < 0, scene.below, 0.0))
    return pulls @ scene.u


def sliding_neuron(rng):
    """Some walls, of which the first slide at s = 0 with room on both sides; some leave, some do not."""
    dim, tight = rng.integers(3, 6), rng.integers(1, 4)
    m, sign = tight + rng.integers(0, 4), rng.choice([-1.0, 1.0])
    below, above = rng.standard_normal((2, 3, m))
    scene = scene_of(rng, below, above, dim)
    while np.linalg.svd(scene.u[:tight])[1].min() < 0.1:  # the shares of nearly parallel walls are noise
        scene = scene_of(rng, below, above, dim)
    side = rng.choice([-1, 1], m).astype(np.int8)
    side[:tight] = 0
    d = sum_of(side, scene)
    shares = np.linalg.lstsq(scene.u[:tight].T, -d.T, rcond=None)[0].T  # (3, tight)
    room = rng.exponential(size=(2, tight)) * 10 ** rng.uniform(-2, 1)
    below[0, :tight], above[0, :tight] = shares[0] + sign * room[0], shares[0] - sign * room[1]
    return sign, side, d, scene, shares


def test_what_a_sliding_neuron_feels_is_the_projection_and_it_leaves_when_a_share_does():
    left = 0
    for seed in range(cases(1000, 20)):
        sign, side, d, scene, shares = sliding_neuron(np.random.default_rng(seed))
        tight = np.flatnonzero(side == 0)
        eff_d, eff_c, leave = felt(sign, side, d, d @ scene.u.T, scene)
        normals = scene.u[tight]
        for q in range(3):
            ours = d[q] - normals.T @ np.linalg.lstsq(normals.T, d[q], rcond=None)[0]
            assert np.abs(eff_d[q] - ours).max() <= 1e-9 * np.linalg.norm(d[q]), seed
        assert (eff_c[:, tight] == 0.0).all()
        assert np.abs(eff_c - eff_d @ scene.u.T).max() <= 1e-9 * np.linalg.norm(d), seed
        room = np.hstack([scene.below[:, tight] - shares, shares - scene.above[:, tight]])
        assert (sign * at(room, GRID[leave > GRID]) > -1e-9).all(), seed
        if leave < 1.0:
            left += 1
            here, then = (sign * at(room, np.array([leave, leave + 1e-4]))).min(axis=1)
            assert abs(here) < 1e-7, seed  # a share is at its bound, ...
            assert then < 0.0, seed  # ... and then beyond it
        else:
            assert leave == 2.0
    assert left > cases(300, 5)


@pytest.mark.parametrize("start", [0.0, 0.4])
def test_the_first_exit_is_that_of_a_fine_grid(start):
    kinds = set()
    for seed in range(cases(3000, 200)):
        rng = np.random.default_rng(seed)
        e = rng.standard_normal(3) * 10 ** rng.uniform(-2, 1, 3)
        found = exits(*e, start, 1e-12)
        grid = np.linspace(start, 1, 4001)
        values = at(e, grid)
        if found == 2.0:
            assert values.min() >= -1e-12, seed
        else:
            assert (values[grid < found] >= -1e-12).all(), seed
            assert at(e, np.array(found)) == pytest.approx(0.0, abs=1e-9) or found == start, seed
            assert at(e, np.array(found + 1e-6)) < 0.0, seed
        kinds.add("never" if found == 2.0 else "at once" if found == start else "later")
    assert kinds == {"never", "at once", "later"}


def free_neuron(rng):
    dim, m = rng.integers(2, 6), rng.integers(1, 6)
    below, above = rng.standard_normal((2, 3, m))
    if rng.random() < 0.5:
        below[:] = 0.0  # a ReLU
    scene = scene_of(rng, below, above, dim)
    side = rng.choice([-1, 1], m).astype(np.int8)
    d = sum_of(side, scene)
    return side, d, d @ scene.u.T, scene


def test_one_wall_is_crossed_where_the_rule_for_any_number_of_walls_says_so():
    through = 0
    for seed in range(cases(1000, 50)):
        rng = np.random.default_rng(seed)
        side, d, c, scene = free_neuron(rng)
        k, x, sign, came = 0, rng.random(), rng.choice([-1.0, 1.0]), side[0]
        here, jump = (at(one, np.array(x)) for one in (c[:, k], scene.above[:, k] - scene.below[:, k]))
        beyond = sign * came * (here - came * jump)
        if sign * came * here > -1e-12:  # it does not come to this wall
            continue
        fast = goes_through(k, x, sign, came, c, scene)
        log = Log(np.empty(50, LOG), np.zeros(1, np.int64))
        ruled(np.array([k]), x, sign, 0, side, d, c, scene, log)
        assert fast == (beyond < -1e-12), seed
        if abs(beyond) > 1e-12:  # else it is dead behind the wall, and the rule lets it go there
            assert fast == (side[k] == -came), seed
        through += fast
    assert through > cases(100, 5)


def test_after_a_change_of_sides_d_is_the_sum_over_the_walls():
    dead = 0
    for seed in range(cases(1000, 50)):
        rng = np.random.default_rng(seed)
        side, d, c, scene = free_neuron(rng)
        log, steps = Log(np.empty(50, LOG), np.zeros(1, np.int64)), rng.integers(1, 20)
        for _ in range(steps):
            k = rng.integers(len(side))
            went = rng.choice(np.setdiff1d([-1, 0, 1], side[k]).astype(np.int8))
            put(k, went, 0.5, 3, side, d, c, scene, log)
            assert side[k] == went
            exact = sum_of(side, scene)
            if not exact.any() and (side != 0).all():
                dead += 1
                assert not d.any()  # to the last bit: no rounding moves a dead neuron
                assert not c.any()
            assert np.abs(d - exact).max() < 1e-13 * 20, seed
            assert np.abs(c - exact @ scene.u.T).max() < 1e-13 * 20, seed
        rows = log.rows[: log.count[0]]
        assert len(rows) == steps
        assert (rows["t"] == scene.start + 0.5 * scene.length).all()
        assert (rows["neuron"] == 3).all()
    assert dead > cases(50, 2)
