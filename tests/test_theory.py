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


def many_neurons(seed):
    """Data with few or many samples in few or many dimensions, and 600 balanced neurons, half of them
    close to a centre: near those the worst directions are."""
    rng = np.random.default_rng(seed)
    n, dim, mu = int(rng.integers(2, 9)), int(rng.integers(2, 6)), 10 ** rng.uniform(-3, -0.3)
    data = al.data.separated(n, dim, mu, rng=rng)
    w = rng.standard_normal((600, dim))
    w[300:] *= 10 ** rng.uniform(-6, 0, (300, 1))
    w[300:] += al.geometry.centres(data)[rng.integers(2, size=300)]
    return data, al.Network(w, rng.choice([-1, 1], 600) * np.linalg.norm(w, axis=1))


@pytest.mark.parametrize("seed", range(12))
def test_no_neuron_is_later_than_its_bound(seed):
    data, net = many_neurons(seed)
    early = al.early_flow(net, data, "exponential")
    claim = al.theory.check_alignment_time(early)
    assert claim.verdict == "holds"
    assert claim.measured > 0.02 * claim.bound  # it tests something

    plus, minus = al.geometry.centres(data)
    opposed = np.where(net.v[:, None] > 0, minus, plus)
    apart = np.linalg.norm(
        net.w / np.linalg.norm(net.w, axis=1)[:, None] - al.inputs.unit_rows("x", opposed), axis=1
    )
    angles, lengths = 2 * np.arcsin(apart / 2), np.linalg.norm(opposed, axis=1)
    right = ((net.preactivations(data.x) * data.y * np.sign(net.v)[:, None]) >= 0).any(axis=1)
    angles[right] = np.pi / 2
    turning = [al.theory.bound_turning_time(data.mu, *pair) for pair in zip(angles, lengths)]
    bound = np.array(turning) + al.theory.bound_alignment_time(data.mu)
    assert (early.alignment_times <= bound).all()
    assert early.alignment_times[~right].max() > 0.2 * bound[~right].max()


def test_the_alignment_bound_scales_with_the_pulls_and_fails_where_a_hypothesis_does():
    data, net = many_neurons(0)
    small = al.Dataset(0.1 * data.x, data.y)
    for scaled, loss, pull in ((small, "exponential", 0.1), (data, "logistic", 0.5)):
        claim = al.theory.check_alignment_time(al.early_flow(net, scaled, loss))
        assert claim.verdict == "holds"
        assert claim.bound == pytest.approx(al.theory.bound_alignment_time(data.mu, pull), rel=1e-12)
    space_like = al.early_flow(al.Network(net.w, 0.5 * net.v), data, "exponential")
    assert al.theory.check_alignment_time(space_like).record()["failed"] == ["no space-like neuron"]
    violated = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [1, -1])
    claim = al.theory.check_alignment_time(
        al.early_flow(al.Network([[1.0, 1.0]], [2.0]), violated, "logistic")
    )
    assert claim.record()["failed"] == ["Assumption 1"]


@pytest.mark.parametrize("mu", [0.5, 0.1, 1e-3, 1e-6])
def test_three_samples_need_all_the_time_that_the_bound_allows(mu):
    data = al.Dataset([[1, 0], [mu, np.sqrt(1 - mu**2)], [-1, 0]], [1, 1, -1])
    slow = al.early_flow(al.Network([[1e-12, -1.0]], [1.0]), data, "exponential").alignment_time
    # w is 1e-12 off, and so is the rapidity; the height that comes last rises with slope about 1.
    assert slow == pytest.approx(np.arccosh(1 / mu), abs=1e-9)
    assert -1e-9 < al.theory.bound_alignment_time(mu) - slow < mu**2 + 1e-9
