"""One neuron under a constant pull, against the same formulas in decimals of 60 digits."""

from decimal import Decimal

import numpy as np
import pytest

from alignlib.solver import boost
from tests.solver.kernels import EPS, INFINITY, called, exact, exact_dot

moved, light_cone = called(boost.moved), called(boost.light_cone)
time_of_path, time_of_turn = called(boost.time_of_path), called(boost.time_of_turn)

LIKENESSES = ("time", "light", "space", "opposed", "along", "across", "turning", "still")


def neuron(rng, likeness):
    """`v`, `v + b`, `v - b` and `‖D‖` as doubles of any scale; `v` is half the sum up to its rounding."""
    scale, delta = 10.0 ** rng.uniform(-100, 100), 10.0 ** rng.uniform(-8, 8)
    plus, minus = rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 2.0, 2)
    if likeness == "light":
        plus, minus = rng.permutation([0.0, plus])
    elif likeness == "space":  # |b| > |v|: of opposite signs
        minus *= -1.0
    elif likeness == "opposed":  # `v + b` is all but lost against v
        plus *= rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-16, -6)
    elif likeness == "along":
        minus *= rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-16, -6)
    elif likeness == "across":
        minus = plus
    elif likeness == "turning":  # v is all but lost against b
        minus = -plus * (1 + 10.0 ** rng.uniform(-12, -3))
    elif likeness == "still":
        minus, delta = plus, 0.0
    return 0.5 * (plus + minus) * scale, plus * scale, minus * scale, delta


def neurons(count, seed):
    rng = np.random.default_rng(seed)
    for likeness in LIKENESSES:
        for _ in range(count):
            yield rng, *neuron(rng, likeness)


def followed(plus, minus, delta, t):
    """`v(t)`, `P(t)` from the exponentials, and the size of the terms in v(t), all without rounding."""
    plus, minus, delta, t = exact(plus, minus, delta, t)
    if delta == 0:
        v = (plus + minus) / 2
        return v, v * t, abs(v)
    grown, shrunk = plus * (delta * t).exp(), minus * (-delta * t).exp()
    terms = (abs(grown) + abs(shrunk)) / 2
    return (grown + shrunk) / 2, (grown - plus - shrunk + minus) / (2 * delta), terms


def test_moved():
    for rng, v, plus, minus, delta in neurons(300, seed=0):
        t = 10.0 ** rng.uniform(-6, 2) / (delta or 1.0)
        later, gain = moved(v, plus, minus, delta, t)
        exact_v, exact_p, terms = followed(plus, minus, delta, t)
        # δt rounds, and e^{δt} with it; besides it some roundings of the terms that are added.
        slack = (8 + 2 * delta * t) * EPS * float(terms)
        assert abs(Decimal(later) - exact_v) <= slack
        width = np.tanh(delta * t / 2) / delta if delta else t
        assert abs(Decimal(gain) - exact_p) <= (slack + 8 * EPS * abs(v)) * width


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("near", [1.0, 1e-6, 1e-12])
def test_light_cone(dim, near):
    """`near` is the share of w that is neither along D nor opposed to it."""
    rng = np.random.default_rng(dim)
    for likeness in ("time", "light", "space"):
        for _ in range(100):
            d = rng.standard_normal(dim) * 10.0 ** rng.uniform(-50, 50)
            w = rng.choice([-1.0, 1.0]) * d / np.linalg.norm(d) + near * rng.standard_normal(dim)
            w *= 10.0 ** rng.uniform(-50, 50)
            v = np.linalg.norm(w) * rng.choice([-1.0, 1.0])
            v *= {"time": 1.5, "light": 1.0, "space": 0.5}[likeness]
            size = exact_dot(d, d).sqrt()
            b, (v_exact,) = exact_dot(w, d) / size, exact(v)
            known = v_exact * v_exact - b * b
            for transverse in (float(known), np.nan):
                plus, minus = light_cone(v, float(exact_dot(w, d)), float(size), transverse)
                # Without the product the smaller of the two is a difference; with it there is none.
                lost = abs(v_exact) + abs(b) if np.isnan(transverse) else 0
                slack = [8 * Decimal(EPS) * max(abs(v_exact + s * b), lost) for s in (1, -1)]
                slack = [each + Decimal("1e-50") * abs(b) for each in slack]  # the decimals round, too
                assert abs(Decimal(plus) - v_exact - b) <= slack[0]
                assert abs(Decimal(minus) - v_exact + b) <= slack[1]


def test_light_cone_without_a_pull():
    assert light_cone(0.7, 0.0, 0.0, np.nan) == (0.7, 0.7)


def turn(v, plus, minus, delta):
    """The time at which `v` vanishes, without rounding."""
    plus, minus, delta = exact(plus, minus, delta)
    if delta == 0 or v == 0 or plus * minus >= 0 or (plus > 0) == (v > 0):
        return INFINITY
    return (-minus / plus).ln() / (2 * delta)


def test_time_of_turn():
    finite = 0
    for _, v, plus, minus, delta in neurons(300, seed=1):
        t = time_of_turn(v, plus, minus, delta)
        right = turn(v, plus, minus, delta)
        assert np.isinf(t) == (right == INFINITY)
        if right != INFINITY:
            finite += 1
            # The quotient rounds, and the logarithm of one near 1 is as large as the rounding.
            assert abs(Decimal(t) - right) <= 4 * EPS * (float(right) + 1 / delta)
            before, after = (followed(plus, minus, delta, t * c)[0] for c in (1 - 1e-6, 1 + 1e-6))
            assert before * Decimal(v) > 0 > after * Decimal(v) or t * delta < 1e-6
    assert finite > 400


def furthest(v, plus, minus, delta):
    """`sup |P|` before v changes sign."""
    at = turn(v, plus, minus, delta)
    if at != INFINITY:
        return abs(followed(plus, minus, delta, at)[1])
    if delta > 0 and plus == 0:
        return abs(exact(minus)[0]) / (2 * exact(delta)[0])
    return INFINITY if v != 0 or delta > 0 else Decimal(0)


def test_time_of_path():
    reached = 0
    for rng, v, plus, minus, delta in neurons(500, seed=2):
        unit, most = max(abs(plus), abs(minus)) / (delta or 1.0), furthest(v, plus, minus, delta)
        path = 10.0 ** rng.uniform(-12, 6) * unit
        if most != INFINITY and rng.random() < 0.7:  # close below and above the furthest point
            path = float(most) * (1 + rng.choice([-1, 1]) * 10.0 ** rng.uniform(-7, 0))
        t = time_of_path(path, v, plus, minus, delta)
        size, b = max(abs(plus), abs(minus)) / (delta or np.inf), plus - minus
        ahead = EPS * size if v * b < 0 else 0.0  # where v² falls by a multiple of b
        if abs(Decimal(path) - most) <= 8 * ahead:
            continue
        assert np.isinf(t) == (Decimal(path) > most)
        if np.isinf(t):
            continue
        reached += 1
        then, there, _ = followed(plus, minus, delta, t)
        # Some roundings of the path, of how far away the turn is, and of δt where P grows with it.
        slack = 8 * EPS * (path + abs(v) / (delta or np.inf) + float(abs(then)) * t) + 2 * ahead
        assert abs(abs(there) - Decimal(path)) <= slack
        assert t <= float(turn(v, plus, minus, delta)) * (1 + 1e-6)
    assert reached > 2000


def test_time_of_path_of_a_start_at_rest():
    """With v = 0 the neuron sets out to the side of b."""
    for b, delta in ((2.0, 3.0), (-2.0, 3.0)):
        t = time_of_path(0.5, 0.0, b, -b, delta)
        assert b * (np.cosh(delta * t) - 1) / delta == pytest.approx(np.sign(b) * 0.5, rel=1e-14)
    assert time_of_path(0.5, 0.0, 0.0, 0.0, 0.0) == np.inf
    assert time_of_path(0.0, 1.0, 2.0, 0.0, 1.0) == 0.0


def test_a_light_like_neuron_never_comes_to_the_origin():
    """At `|P| = |v|/δ` all walls meet; what rounding puts a little before it is as far away."""
    for share in (1 - 1e-12, 1.0, 1 + 1e-12, 2.0):
        assert time_of_path(share / 3.0, 1.0, 0.0, 2.0, 3.0) == np.inf
    assert time_of_path((1 - 1e-6) / 3.0, 1.0, 0.0, 2.0, 3.0) == pytest.approx(np.log(1e6) / 3, rel=1e-9)
