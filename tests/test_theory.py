"""A Claim says no more than was measured."""

import numpy as np
import pytest

import alignlib as al
from alignlib.theory import Claim


def claim(measured=1.0, bound=2.0, **more):
    return Claim("key", "statement", "source", measured, bound, **more)


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        ({}, "holds"),
        ({"kind": "order"}, "holds up to the constant"),
        ({"kind": "illustration"}, "only illustrated"),
        ({"kind": "open"}, "open"),
        ({"measured": 3.0}, "does not hold as run"),
        ({"measured": 3.0, "kind": "illustration"}, "does not hold as run"),
        ({"measured": 3.0, "relation": ">="}, "holds"),
        ({"measured": np.nan}, "does not hold as run"),
        ({"hypotheses": {"h": True}}, "holds"),
        ({"hypotheses": {"h": False}}, "not applicable"),
        ({"hypotheses": {"h": False}, "measured": 3.0}, "not applicable"),
    ],
)
def test_the_verdict_follows_from_the_numbers_and_the_hypotheses(arguments, verdict):
    assert claim(**arguments).verdict == verdict


def test_the_margin_is_positive_on_the_right_side():
    assert claim(1, 3).margin == 2
    assert claim(1, 3, relation=">=").margin == -2


def test_rounding_noise_is_not_printed_as_a_measurement():
    assert claim(3e-17, 1e-12, resolution=1e-15).record()["measured"] == "below 1e-15"
    assert claim(3e-13, 1e-12, resolution=1e-15).record()["measured"] == "3e-13"


def test_rounding_noise_leaves_the_whole_bound_as_the_margin():
    assert claim(3e-17, 1e-12, resolution=1e-15).record()["margin"] == "1e-12"
    assert claim(1e-12 + 5e-16, 1e-12, resolution=1e-15).record()["margin"] == "-5e-16"


def test_an_infinite_time_reads_as_never():
    assert claim(np.inf).record()["measured"] == "never"


def test_a_displayed_claim_has_an_anchor_and_escapes_its_words():
    shown = Claim("a-b", "x < y & z", "us", 1, 2)._repr_html_()
    assert 'id="claim-a-b"' in shown
    assert "x &lt; y &amp; z" in shown


def test_assumption_1_holds_on_separated_data_and_not_on_mnist():
    assert al.theory.check_assumption_1(al.data.separated(30, 6, 0.01, rng=0)).verdict == "holds"
    found = al.theory.check_assumption_1(al.data.mnist_pair(0, 1))
    assert found.verdict == "does not hold as run"
    assert found.measured == pytest.approx(0.07, abs=0.001)


def run(data, scale=1e-4, step=0.005):
    start = al.Network.balanced(20, data.dim, scale, rng=0)
    return al.gradient_descent(start, data, "exponential", step, round(4 / step))


def test_alignment_comes_before_the_loss_moves_only_from_small_starts():
    data = al.data.toy_2d()
    assert al.theory.check_alignment(run(data)).verdict == "only illustrated"
    assert al.theory.check_alignment(run(data, scale=5.0)).verdict == "does not hold as run"
    loose = al.Network.unbalanced(20, 2, 1e-4, rng=0)
    path = al.gradient_descent(loose, data, "exponential", 0.005, 800)
    assert al.theory.check_alignment(path).verdict == "not applicable"
    path = al.gradient_descent(al.Network.balanced(20, 2, 1e-4, rng=0), data, "squared", 0.005, 800)
    assert "pulls of the sign of the labels" in al.theory.check_alignment(path).hypotheses
    noisy = al.Dataset(data.x, np.where(np.arange(8) == 2, -data.y, data.y))
    assert al.theory.check_alignment(run(noisy)).verdict == "not applicable"


def test_the_bound_is_a_time_at_which_the_loss_had_surely_not_moved():
    start = al.Network.balanced(6, 2, 0.1, rng=0)
    rare = al.gradient_descent(start, al.data.toy_2d(), "exponential", 0.005, 2000, t_save=[10.0])
    assert al.theory.check_alignment(rare).bound == 0


def test_balancedness_is_kept_up_to_the_step():
    coarse, fine = (al.theory.check_balancedness(run(al.data.toy_2d(), step=s), 0.1) for s in (0.01, 0.001))
    assert coarse.verdict == fine.verdict == "holds"
    assert fine.measured < 0.2 * coarse.measured
    assert al.theory.check_balancedness(run(al.data.toy_2d()), 1e-12).verdict == "does not hold as run"
