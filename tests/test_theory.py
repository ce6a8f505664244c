"""A Claim says no more than was measured."""

import dataclasses

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
    assert claim(3e-17, 1e-12, resolution=1e-15).record()["measured"] == "below 10⁻¹⁵"
    assert claim(3e-13, 1e-12, resolution=1e-15).record()["measured"] == "3·10⁻¹³"


def test_rounding_noise_leaves_the_whole_bound_as_the_margin():
    assert claim(3e-17, 1e-12, resolution=1e-15).record()["margin"] == "10⁻¹²"
    assert claim(1e-12 + 5e-16, 1e-12, resolution=1e-15).record()["margin"] == "−5·10⁻¹⁶"


def test_an_infinite_time_is_shown_as_one():
    record = claim(np.inf).record()
    assert (record["measured"], record["margin"]) == ("∞", "−∞")


def test_a_claim_is_written_as_a_page_writes():
    record = Claim("key", "At ε = 1e-3 all but 1 % do", "us", 1.5e-9, 2e8).record()
    assert record["statement"] == "At ε\u00a0=\u00a010⁻³ all but 1\u00a0% do"
    assert (record["measured"], record["bound"]) == ("1.5·10⁻⁹", "≤\u00a02·10⁸")


def test_noise_above_which_a_bound_lies_has_a_negative_margin():
    found = claim(1e-17, 1e-3, relation=">=", resolution=1e-15)
    assert (found.verdict, found.record()["margin"]) == ("does not hold as run", "−0.001")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("p<=q", "p\u00a0≤\u00a0q"), ("n=3", "n\u00a0=\u00a03"), ("a != b", "a != b"), ("a => b", "a => b")],
)
def test_relations_are_not_parted(text, shown):
    assert al.claim.printed(text) == shown


def test_an_open_question_has_no_bound():
    assert repr(claim(1.0, 2.0, kind="open")) == "Claim(key: measured 1: open)"
    record = claim(1.0, 2.0, kind="open").record()
    assert (record["measured"], record["bound"], record["margin"]) == ("1", "", "")


def test_a_displayed_claim_has_an_anchor_and_escapes_its_words():
    shown = Claim("a-b", "x < y & z", "us", 1, 2)._repr_html_()
    assert 'id="claim-a-b"' in shown
    assert "x\u00a0&lt;\u00a0y &amp; z" in shown


def test_assumption_1_holds_on_separated_data_and_not_on_mnist():
    assert al.theory.check_assumption_1(al.data.separated(30, 6, 0.01, rng=0)).verdict == "holds"
    found = al.theory.check_assumption_1(al.data.mnist_pair(0, 1))
    assert found.verdict == "does not hold as run"
    assert found.measured == pytest.approx(0.07, abs=0.001)


def test_assumption_3_sees_each_of_its_inequalities():
    good = al.data.assumption_3(0.1, rng=0)
    assert al.theory.check_assumption_3(good).verdict == "holds"
    # One number moved: the smallest η that is left, by hand from BF's boxes.
    cases = {
        (0, 0): (-0.7, 0.3),
        (0, 1): (1.3, 0.3),
        (1, 0): (0.4, 0.4),
        (1, 1): (0.6, 0.4),
        (2, 0): (0.5, 0.5),
        (2, 1): (0.9, np.inf),
    }
    for where, (value, smallest) in cases.items():
        x = good.x.copy()
        x[where] = value
        found = al.theory.check_assumption_3(al.Dataset(x, good.y))
        assert found.measured == pytest.approx(smallest)
        assert found.verdict == "does not hold as run"
    for k, value, smallest in ((0, 0.9, np.inf), (1, 0.5, 0.5), (1, 0.0, np.inf), (2, 1.4, 0.4)):
        y = good.y.copy()
        y[k] = value
        assert al.theory.check_assumption_3(al.Dataset(good.x, y)).measured == pytest.approx(smallest)


def test_the_published_points_violate_assumption_3_as_bf_say():
    assert al.theory.check_assumption_3(al.data.three_points()).measured == np.inf  # y_3 = 0.8 < 1


def test_nonconvergence_holds_where_the_certificate_does_and_is_not_applicable_elsewhere():
    data = al.data.three_points()
    path = al.gradient_flow(al.Network.balanced(50, 2, 1e-3, rng=0), data, "squared", 30.0)
    stuck = al.theory.check_nonconvergence(path.final, data)
    assert stuck.verdict == "holds"
    found = al.theory.certify_nonconvergence(path.final, data)
    assert stuck.measured == found.rapidity
    assert stuck.margin == pytest.approx(found.margin)
    assert al.theory.check_nonconvergence(path.start, data).verdict == "not applicable"


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
    assert claim.record()["failed"] == ["Assumption\u00a01"]


@pytest.mark.parametrize("mu", [0.5, 0.1, 1e-3, 1e-6])
def test_three_samples_need_all_the_time_that_the_bound_allows(mu):
    data = al.Dataset([[1, 0], [mu, np.sqrt(1 - mu**2)], [-1, 0]], [1, 1, -1])
    slow = al.early_flow(al.Network([[1e-12, -1.0]], [1.0]), data, "exponential").alignment_time
    # w is 1e-12 off, and so is the rapidity; the height that comes last rises with slope about 1.
    assert slow == pytest.approx(np.arccosh(1 / mu), abs=1e-9)
    assert -1e-9 < al.theory.bound_alignment_time(mu) - slow < mu**2 + 1e-9


def fitted(kind="balanced", loss="exponential"):
    """A run to t = 10^4, and a time just after the last event of alignment."""
    data = al.data.separated(30, 5, 0.1, rng=0)
    start = getattr(al.Network, kind)(30, data.dim, 1e-2, rng=0)
    path = al.gradient_flow(start, data, loss, 1e4)
    return path, path.alignment_time * (1 + 1e-9)


AFTER_ALIGNMENT = [
    al.theory.check_loss_bound,
    al.theory.check_low_rank,
    al.theory.check_third_singular_value,
]


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
@pytest.mark.parametrize("kind", ["balanced", "dominated", "unbalanced"])
@pytest.mark.parametrize("check", AFTER_ALIGNMENT)
def test_the_bounds_after_alignment_hold_for_every_kind_of_start(check, kind, loss):
    path, t2 = fitted(kind, loss)
    assert check(path, t2).verdict == "holds"
    assert check(path, 100.0).verdict == "holds"


@pytest.mark.parametrize("check", AFTER_ALIGNMENT)
def test_the_bounds_do_not_apply_before_alignment_nor_without_assumption_1(check):
    path, _ = fitted()
    early = check(path, 0.0)
    assert early.verdict == "not applicable"
    assert "every neuron is at its goal" in early.record()["failed"]
    data = al.data.toy_2d()
    noisy = al.Dataset(data.x, np.where(np.arange(8) == 2, -data.y, data.y))
    path = al.gradient_flow(al.Network.balanced(30, 2, 1e-2, rng=0), noisy, "exponential", 10.0)
    assert "Assumption\u00a01: μ\u00a0>\u00a00" in check(path, 5.0).record()["failed"]


@pytest.mark.parametrize("check", AFTER_ALIGNMENT)
def test_without_a_neuron_for_the_negative_samples_nothing_is_claimed_and_their_loss_stays(check):
    data = al.data.separated(30, 5, 0.1, rng=0)
    start = al.Network.balanced(10, 5, 1e-2, rng=0)
    path = al.gradient_flow(al.Network(start.w, np.abs(start.v)), data, "exponential", 1e3)
    claim = check(path, path.alignment_time * (1 + 1e-9))
    assert "each class has a neuron in its cone, S₊ or S₋" in claim.record()["failed"]
    # The outputs on these samples are exactly 0, the loss of the others is below 1e-3 by now.
    assert path.loss[-1] == pytest.approx((data.y < 0).sum(), abs=1e-3)


def doctored(path, change):
    """The path with every network after t = 1 changed."""

    def state(t):
        net = path.at(t)
        return al.Network(change(net), net.v) if t > 1 else net

    nets = [state(t) for t in path.t]
    return dataclasses.replace(path, state=state, outputs=np.array([net(path.data.x) for net in nets]))


def test_a_run_that_is_no_gradient_flow_is_found_out():
    path, t2 = fitted()
    slow = doctored(path, lambda net: 1e-3 * net.w)
    assert al.theory.check_loss_bound(slow, t2).verdict == "does not hold as run"
    noise = np.random.default_rng(0).standard_normal((30, 5))
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    turned = doctored(path, lambda net: net.w + al.measure.norms(net)[:, None] * noise)
    assert al.theory.check_third_singular_value(turned, t2).verdict == "does not hold as run"
    # Every input weight in a random direction: a stable rank near 5, where at most 2 is allowed.
    random = doctored(path, lambda net: al.measure.norms(net)[:, None] * noise)
    assert al.theory.check_low_rank(random, t2).verdict == "does not hold as run"


@pytest.mark.parametrize("t_end", [1e2, 1e4, 1e8])
def test_the_loss_bound_is_looked_at_from_t2_on_however_long_the_run(t_end):
    # To t = 10^8 the first time looked at was 100 after t2: a factor of 10^12 was measured.
    data = al.data.toy_2d()
    path = al.gradient_flow(al.Network.balanced(10, 2, 1e-6, rng=0), data, "exponential", t_end)
    claim = al.theory.check_loss_bound(path, 1.0)
    # All w_j along x_±, all outputs 0: the speed of 1/L_± is 2 mass ‖x_±‖², over α_± L_±².
    x_min = np.linalg.norm(data.x, axis=1).min()
    at_once = 2 * (al.geometry.centres(data) ** 2).sum(axis=1) / (data.mu * x_min**2 * 16)
    # Angles of e^{-3.7} at t = 1, squared.
    assert claim.measured == pytest.approx(at_once.min(), rel=2e-3)


def test_the_loss_bound_starts_at_the_loss_and_falls_like_one_over_t():
    path, _ = fitted()
    t2 = path.t[path.t > 1][0]
    loss = path.loss_function.value(path.at(t2)(path.data.x), path.data.y)
    assert al.theory.bound_loss(path, t2, t2) == pytest.approx(loss, rel=1e-12)  # the sum in another order
    late = al.theory.bound_loss(path, t2, np.array([1e9, 1e10]))
    assert late[1] / late[0] == pytest.approx(0.1, rel=1e-3)  # 1/(1 + a t) at a t of about 1e9


def test_the_bounds_are_those_of_one_positive_and_one_negative_neuron_on_paper():
    # One neuron a side: Δ = 0, so the stable rank is at most 1 + 1 and the third singular value 0.
    data = al.Dataset([[1.0, 0.1, 0.0], [-0.1, -1.0, 0.0]], [1.0, -1.0])
    start = al.Network([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]], [1.0, -1.0])
    path = al.gradient_flow(start, data, "exponential", 10.0)
    assert al.theory.bound_stable_rank(path, 0.0, 10.0) == pytest.approx(2.0, abs=1e-12)
    assert al.theory.bound_third_singular_value(path, 0.0) == pytest.approx(0.0, abs=1e-7)  # √rounding


def test_bounds_say_nothing_of_times_before_t2():
    path, _ = fitted()
    for bound in (al.theory.bound_loss, al.theory.bound_stable_rank):
        with pytest.raises(ValueError, match=r"`t` must not lie before `t2` = 5, got 4\.5"):
            bound(path, 5.0, 4.5)


def test_where_no_neuron_is_alive_their_direction_is_not_claimed():
    # It was an error about an empty array `a`.
    data = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [1, -1])
    path = al.gradient_flow(al.Network([[-3.0, -4.0]], [5.0]), data, "exponential", 1.0)
    claim = al.theory.check_directional_alignment(path)
    assert "a neuron is alive" in claim.record()["failed"]
    assert claim.verdict == "not applicable"
    assert "measured nan" in repr(claim)


def test_a_neuron_exactly_opposed_to_its_goal_never_turns():
    assert al.theory.bound_turning_time(0.1, angle=0) == np.inf
    # log cot(ψ/2) is log(2/ψ) up to ψ²/12.
    late, later = (al.theory.bound_turning_time(0.1, angle) for angle in (1e-8, 1e-9))
    assert later - late == pytest.approx(np.log(10), abs=1e-12)


def test_a_check_needs_something_after_t2():
    path, _ = fitted()
    with pytest.raises(ValueError, match="`t2` must lie before the last kept time 10000"):
        al.theory.check_loss_bound(path, 1e4)
