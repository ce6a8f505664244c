"""The rule at walls: against the table of one wall, SciPy's least squares, and trying all sides."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from alignlib.solver import filippov
from tests.solver.kernels import called

least_norm, meet = called(filippov.least_norm), called(filippov.meet)


def directions(rng, n, dim):
    """Unit normals; in more walls than dimensions they depend on each other."""
    u = rng.standard_normal((n, dim))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


@pytest.mark.parametrize(("n", "dim"), [(1, 3), (2, 2), (3, 5), (4, 2), (6, 3), (8, 8)])
def test_least_norm_is_that_of_bounded_least_squares(n, dim):
    rng = np.random.default_rng(n)
    for _ in range(200):
        u, rest = directions(rng, n, dim), rng.standard_normal(dim) * rng.choice([0.1, 1.0, 3.0])
        low = rng.uniform(-1, 0.5, n)
        high = low + 10.0 ** rng.uniform(-4, 0.5, n)
        attract = rng.random(n) < 0.8
        a, gram, q = rng.uniform(low, high), u @ u.T, u @ rest
        start = a.copy()
        least_norm(gram, q, low, high, a, attract, 1e-13)
        assert ((low <= a) & (a <= high)).all()
        assert np.array_equal(a[~attract], start[~attract])
        if attract.any():
            rest = rest + start[~attract] @ u[~attract]
            bounds = low[attract], high[attract]
            best = lsq_linear(u[attract].T, -rest, bounds, method="bvls", tol=1e-14)
            # D is unique, though `a` need not be.
            assert np.allclose(rest + a[attract] @ u[attract], best.fun, rtol=0, atol=1e-9)
        force = u @ (rest + a[attract] @ u[attract])
        # Exact conditions of the optimum, with 1e-13 for a coefficient at its bound as in `small`.
        inside = attract & (a > low) & (a < high)
        assert np.abs(force[inside]).max(initial=0.0) < 1e-12
        assert (force[attract & (a == low)] > -1e-12).all()
        assert (force[attract & (a == high)] < 1e-12).all()


def one_wall(sign, c, below, above, came):
    """Section by section, as the flow is defined: the velocities just above and just below the wall."""
    up, down = sign * (c + above), sign * (c + below)
    if up > 0 > down:  # both push away: where it came from, or by σ'(0) = 0 as D without the wall says
        return came if came != 0 else int(np.sign(sign * c))
    if down > 0 > up:
        return 0
    return 1 if up > 0 else -1


@pytest.mark.parametrize("opposite", [False, True], ids=["one sample", "opposite samples"])
def test_one_wall_in_all_cases_of_signs(opposite):
    rng = np.random.default_rng(0)
    one, seen = np.eye(1), set()
    for _ in range(2000):
        sign, came = rng.choice([-1.0, 1.0]), rng.choice([-1, 0, 1])
        c, above = rng.standard_normal(2)
        below = rng.standard_normal() if opposite else 0.0
        towards = sign * (c + (above if came > 0 else below)) * came
        if came != 0 and towards > 0:
            continue  # it leaves, and does not meet the wall
        went, a = meet(one, np.array([c]), np.array([below]), np.array([above]), sign, np.int8([came]))
        right = one_wall(sign, c, below, above, came)
        assert went[0] == right
        assert a[0] == pytest.approx({1: above, -1: below, 0: -c}[right], rel=1e-14)
        seen.add((sign, came, right))
    assert len(seen) == 2 * (2 + 2 + 3)  # from a side: through or slide; from rest: all three


def test_one_wall_with_a_velocity_of_zero():
    """Sides of equal pull, or no velocity at all: it stays; at rest σ'(0) = 0 leaves it inactive."""
    for sign in (-1.0, 1.0):
        for came in (-1, 0, 1):
            went, _ = meet(np.eye(1), np.zeros(1), np.zeros(1), np.zeros(1), sign, np.int8([came]))
            assert went[0] == (came or -1)
    # Where one of the two velocities vanishes and the other leads away, as well.
    for sign in (-1.0, 1.0):
        for c, came, right in ((-0.5, 1, 1), (0.0, 0, -1)):
            q, above = np.array([c * sign]), np.array([0.5 * sign])
            went, _ = meet(np.eye(1), q, np.zeros(1), above, sign, np.int8([came]))
            assert went[0] == right


def holds(went, a, gram, q, below, above, sign):
    """Whether no velocity leads back from these sides, and shares are within their bounds."""
    speed, on = sign * (q + gram @ a), went == 0
    beside = np.where(went > 0, above, below)
    fits = (np.minimum(below, above) <= a) & (a <= np.maximum(below, above)) & (np.abs(speed) < 1e-12)
    return np.where(on, fits, (a == beside) & (speed * went > -1e-12)).all()


def test_a_wall_that_pulls_less_than_others_round_is_crossed():
    """It sent the neuron back to the side it came from, and was met without end."""
    q, none = np.array([1.0, 1.0]), np.zeros(2)
    for came, sign in ((1, -1.0), (-1, 1.0)):  # moving on at speed 1, and held by next to nothing
        above = np.array([1e-15, 0.5]) * -sign
        went, a = meet(np.eye(2), q, none, above, sign, np.int8([came, 0]))
        assert went[0] == -came
        assert a[0] == (above[0] if went[0] > 0 else 0.0)


def filippov(gram, q, below, above, sign):
    """All sides under which no velocity leads back: by trying every one; and how safely they hold."""
    found = []
    for sides in product((-1, 0, 1), repeat=len(q)):
        s = np.array(sides)
        a = np.where(s > 0, above, np.where(s < 0, below, 0.0))
        on = s == 0
        if (sign * (above - below)[on] >= 0).any():
            continue  # one that repels is slid on by no one
        if on.any():
            a[on] = np.linalg.lstsq(gram[np.ix_(on, on)], -(q + gram @ a)[on], rcond=None)[0]
        speed = sign * (q + gram @ a)
        margin = min(
            (speed * s)[~on].min(initial=np.inf),
            (a - np.minimum(below, above))[on].min(initial=np.inf),
            (np.maximum(below, above) - a)[on].min(initial=np.inf),
            -1.0 if np.abs(speed[on]).max(initial=0.0) > 1e-9 else np.inf,
        )
        if margin > 0:
            found.append((s, a, margin))
    return found


@pytest.mark.parametrize(("n", "dim"), [(2, 2), (2, 4), (3, 2), (3, 5), (4, 4), (5, 3)])
def test_several_walls_against_trying_all_sides(n, dim):
    rng = np.random.default_rng(10 * n + dim)
    checked = slid = 0
    for _ in range(150):
        u, rest = directions(rng, n, dim), rng.standard_normal(dim)
        sign, came = rng.choice([-1.0, 1.0]), rng.choice([-1, 0, 1], n).astype(np.int8)
        above = rng.standard_normal(n)
        below = np.where(rng.random(n) < 0.5, rng.standard_normal(n), 0.0)
        gram, q = u @ u.T, u @ rest
        went, a = meet(gram, q, below, above, sign, came)
        assert holds(went, a, gram, q, below, above, sign)
        slid += (went == 0).any()
        found = filippov(gram, q, below, above, sign)
        repels = sign * (above - below) > 0
        # Without need it goes through no wall that repels.
        if (came[repels] != 0).all() and any(np.array_equal(s[repels], came[repels]) for s, *_ in found):
            assert np.array_equal(went[repels], came[repels])
        if n <= dim and found and min(margin for *_, margin in found) > 1e-6:  # else rounding decides
            checked += 1
            (same,) = [share for s, share, _ in found if np.array_equal(s, went)]
            assert np.allclose(same, a, rtol=0, atol=1e-9)
    assert slid > 20
    assert checked > 100 or n > dim
