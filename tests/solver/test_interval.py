"""One neuron under a D that changes: the boosts' order and invariant, the bounds, the roots."""

import numpy as np
import pytest

from alignlib.solver.interval import fastest, roots
from tests.solver.kernels import called, cases
from tests.solver.test_search import felt, small_boosts

ROUNDING = 1e-13
speed_bound, found = called(fastest), called(roots)


def after(w, v, d, length, intervals):
    """The neuron after so many pairs of boosts."""
    at, v_at = small_boosts(w, v, d, length, np.linspace(0, 1, intervals + 1)[1:])
    return np.append(at[-1], v_at[-1])


def test_two_boosts_are_of_order_four_and_keep_the_invariant():
    rates = []
    for seed in range(cases(200, 10)):
        rng = np.random.default_rng(seed)
        w, v, d = rng.standard_normal(4), rng.standard_normal(), rng.standard_normal((3, 4))
        best = after(w, v, d, 1.0, 128)
        errors = [np.linalg.norm(after(w, v, d, 1.0, n) - best) for n in (8, 16)]
        rates.append(np.log2(errors[0] / errors[1]))
        squares = best**2
        kept = w @ w - v * v
        assert abs(squares[:-1].sum() - squares[-1] - kept) <= ROUNDING * squares.sum(), seed
    assert np.median(rates) == pytest.approx(4, abs=0.3)


def test_a_constant_pull_needs_one_pair_of_boosts():
    rng = np.random.default_rng(0)
    for _ in range(cases(200, 10)):
        w, v, d = rng.standard_normal(3), rng.standard_normal(), np.zeros((3, 3))
        d[0] = rng.standard_normal(3)
        once, often = (after(w, v, d, 2.0, n) for n in (1, 16))
        assert np.abs(once - often).max() <= ROUNDING * np.abs(often).max()
        speed = np.linalg.norm(d[0])
        along, grown = w @ d[0] / speed, 2.0 * speed
        expected = v * np.cosh(grown) + along * np.sinh(grown)  # v̈ = ‖D‖² v
        assert once[-1] == pytest.approx(expected, abs=ROUNDING * np.abs(once).max())


def test_the_fastest_is_no_slower_than_any_moment_and_exact_for_a_constant_pull():
    for seed in range(cases(1000, 30)):
        rng = np.random.default_rng(seed)
        d = rng.standard_normal((3, 3)) * 10 ** rng.uniform(-2, 1, (3, 1))
        x, end = np.sort(rng.random(2))
        moments = np.linspace(x, end, 201)[:, None] ** np.arange(3) @ d
        bound = speed_bound(x, end, felt(d, d, 1.0).square)
        most = np.linalg.norm(moments, axis=1).max()
        assert bound >= most * (1 - ROUNDING), seed
        d[1:] = 0.0
        constant = speed_bound(x, end, felt(d, d, 1.0).square)
        assert constant == pytest.approx(np.linalg.norm(d[0]), rel=ROUNDING)


def test_roots_come_in_order_and_are_nan_where_there_is_none():
    rng = np.random.default_rng(0)
    for _ in range(cases(1000, 30)):
        low, high = np.sort(rng.standard_normal(2))
        factor = rng.standard_normal()
        ours = found(factor * low * high, -factor * (low + high), factor)
        wide = (high - low) / max(abs(low), abs(high))
        assert np.abs(np.array(ours) - (low, high)).max() <= 1e-14 * max(abs(low), abs(high)) / wide
    assert np.isnan(found(1.0, 0.0, 1.0)).all()
    assert found(1.0, -2.0, 0.0)[0] == 0.5
    assert np.isnan(found(1.0, -2.0, 0.0)[1])
    assert found(-1e-300, 1.0, 1e-20)[1] == pytest.approx(1e-300, rel=1e-14)  # beside -1e20: not cancelled
