"""What `studies.fitting` reads off a network, against differences, SciPy and a case solved by hand."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expi

import alignlib as al
from studies import fitting


@pytest.fixture(scope="module")
def run():
    data = al.data.separated(12, 4, 0.2, rng=1)
    net = al.Network.balanced(20, 4, 1e-3, rng=0)
    return al.gradient_flow(net, data, "exponential", t_end=200, rtol=1e-9)


@pytest.fixture(scope="module")
def halves(run):
    return fitting.halves(run, run.alignment_time * (1 + 1e-9))


def test_the_halves_have_the_loss_of_the_network(run, halves):
    for t in (10.0, 200.0):
        losses = [np.exp(-half.log_inverse_loss(run.at(t))) for half in halves]
        assert sum(losses) == pytest.approx(run.loss_function.value(run.at(t)(run.data.x), run.data.y))


def test_the_speed_is_the_slope_of_the_inverse_loss(run, halves):
    """A central difference of step 1e-3 errs by about 1e-6 of the slope, the solver by 1e-9."""
    for half in halves:
        later, sooner = (np.exp(half.log_inverse_loss(run.at(50 + h))) for h in (1e-3, -1e-3))
        assert half.speed(run.at(50.0)) == pytest.approx((later - sooner) / 2e-3, rel=1e-5)


def test_the_largest_margin_is_that_of_a_general_optimizer(halves):
    """SciPy's SLSQP: the shortest β with all margins at least one. It stops at about 1e-8."""
    for half in halves:
        found = minimize(
            lambda b: b @ b,
            half.x.sum(axis=0),
            jac=lambda b: 2 * b,
            constraints={
                "type": "ineq",
                "fun": lambda b, x=half.x: x @ b - 1,
                "jac": lambda b, x=half.x: x,
            },
            options={"ftol": 1e-14},
        )
        assert half.margin == pytest.approx(1 / np.linalg.norm(found.x), rel=1e-6)
        assert fitting.angle(half.direction, found.x) < 0.01


def test_one_sample_is_solved_by_a_logarithmic_integral():
    """`d(1/L)/dt = 2 ln(1/L)`: all inequalities of the theorem are equalities."""
    data = al.data.toy_2d(n=3)
    net = al.Network.balanced(20, 2, 1e-5, rng=0)
    run = al.gradient_flow(net, data, "exponential", t_end=1e4, rtol=1e-9)
    half = fitting.halves(run, run.alignment_time * (1 + 1e-9))[1]
    assert half.margin == pytest.approx(1)
    low, high = (expi(half.log_inverse_loss(run.at(t))) for t in (50.0, 1e4))
    assert high - low == pytest.approx(2 * (1e4 - 50), rel=1e-6)
    assert half.speed_over_bound(run.final) == pytest.approx(1, rel=1e-9)
    assert half.sharper(run.final) == pytest.approx(1, rel=1e-9)
    assert half.lag(run.final) == pytest.approx(0, abs=1e-8)


def test_the_inequalities_of_the_theorem_need_balance(run, halves):
    """They hold along the run; for unbalanced neurons with the same outputs they need not."""
    half = halves[0]
    nets = [run.at(t) for t in np.linspace(10, 200, 20)]
    lag = [half.lag(net) for net in nets]
    assert min(lag) > 0
    assert max(np.diff(lag)) < 0
    assert min(half.speed_over_bound(net) for net in nets) > 1
    light = al.Network(10 * run.final.w, run.final.v / 10)  # the same function
    assert half.lag(light) < 0


def test_the_equation_of_rank_one_is_the_flow(run, halves):
    """From a half that is of rank one up to 1e-6 it leads through the states of the run."""
    for half in halves:
        goal = half.beta(run.at(200.0))
        (beta,) = fitting.follow(half.x, half.beta(run.at(20.0)), [np.linalg.norm(goal)])
        assert fitting.angle(beta, goal) < 1e-3


def test_an_angle_is_precise_where_the_cosine_is_not():
    assert fitting.angle(np.array([1, 0]), np.array([1, 1e-9])) == pytest.approx(np.degrees(1e-9))
    assert fitting.angle(np.array([1.0, 0]), np.array([-2.0, 0])) == pytest.approx(180)
