"""The next jump: closed forms of one neuron, and the full flow, as oracles of the forecast."""

import numpy as np
import pytest
from scipy.optimize import brentq

import alignlib as al
from alignlib.theory import dormant, jumps, next_jumps
from studies import saddles

THREE = al.data.three_points()


def mass_of(path, jump, t):
    return (path.at(t).v[jump.neurons] ** 2).sum()


def test_delay_is_that_of_the_closed_form():
    """One neuron in one pattern: v(t) = v cosh rt + b sinh rt, with b the part of w along D."""
    data = al.Dataset([[1.0, 0.0], [0.6, 0.8]], [1.0, 1.0])
    w = 1e-5 * np.array([[0.9, np.sqrt(1 - 0.81)]])
    (jump,) = next_jumps(al.Network(w, [1e-5]), data, "exponential")
    d = data.x.sum(axis=0)
    r = np.linalg.norm(d)
    b = w[0] @ d / r

    def missing(t):
        return (1e-5 * np.cosh(r * t) + b * np.sinh(r * t)) ** 2 - 0.01

    assert jump.rate == pytest.approx(r, rel=1e-8)  # the outputs, 1e-10, move the pulls
    assert jump.delay == pytest.approx(brentq(missing, 0, 20), rel=1e-8)
    assert jump.direction @ d == pytest.approx(r)
    assert jump.pattern.all()


def test_space_like_neuron_is_foretold_with_the_sign_it_will_have():
    """v = -1e-6 with w ahead of it, along D: v turns positive, and then it grows."""
    data = al.Dataset([[1.0, 0.0], [0.8, 0.6]], [1.0, 1.0])
    d = data.x.sum(axis=0)
    net = al.Network(1e-5 * d[None] / np.linalg.norm(d), [-1e-6])
    (jump,) = next_jumps(net, data, "exponential")
    assert jump.sign == 1.0
    r = np.linalg.norm(d)
    late = brentq(lambda t: -1e-6 * np.cosh(r * t) + 1e-5 * np.sinh(r * t) - 0.1, 0, 20)
    assert jump.delay == pytest.approx(late, rel=1e-8)


def test_dormant_are_the_smallest_with_little_mass_together():
    net = al.Network(np.ones((4, 1)), [0.05, -2.0, 0.08, -0.01])
    assert dormant(net, 0.01).tolist() == [0, 2, 3]  # 0.0001 + 0.0025 + 0.0064 < 0.01
    assert dormant(net, 0.005).tolist() == [0, 3]
    assert dormant(net, 1e-5).tolist() == []
    assert next_jumps(net, al.Dataset([[1.0]], [1.0]), "squared", level=1e-5) == []


def test_group_that_slides_is_found_at_least_squares():
    """Chapter 5: the way out is along the hyperplane of x2, at the rate g_3⟨x_3, û⟩ of the residuals."""
    net = saddles.spare(1e-6)
    jump = next_jumps(net, THREE, "squared")[0]
    best = THREE.x @ np.linalg.lstsq(THREE.x, THREE.y)[0]
    g = 2 / 3 * (THREE.y - best)
    across = np.array([THREE.x[1, 1], -THREE.x[1, 0]]) / np.linalg.norm(THREE.x[1])
    assert jump.tight.tolist() == [False, True, False]
    # What the fit has not done yet moves the rate by no more than this.
    unfitted = 2 / 3 * np.abs(net(THREE.x) - best) @ np.linalg.norm(THREE.x, axis=1)
    assert unfitted < 1e-3 * jump.rate  # else it says nothing
    assert jump.rate == pytest.approx(abs(g[0] * THREE.x[0] @ across), abs=unfitted)


def test_drift_is_the_speed_of_the_pull():
    data = saddles.clusters()
    path = al.gradient_flow(al.Network.balanced(50, 2, 1e-6, rng=0), data, "squared", 25.0, rtol=1e-9)
    t, step = 22.0, 1e-2
    jump = next_jumps(path.at(t), path.data, "squared")[0]
    g = path.loss_function.pull(path.outputs_at([t - step, t + step]), path.data.y)
    moved = (g[1] - g[0])[jump.pattern] @ path.data.x[jump.pattern] / (2 * step)
    moved = jumps.across(moved, data.x[jump.tight])
    # The dense output is good to ten times rtol = 1e-9 or so: 1e-6 over the step; the difference to step².
    assert jump.drift == pytest.approx(np.linalg.norm(moved) / jump.rate**2, rel=1e-3)


def test_drift_does_not_follow_the_rounding_of_heights():
    """A neuron that slides is at height 0, and a unit in the last place of its weights says nothing."""
    data = saddles.clusters()
    path = al.gradient_flow(al.Network.balanced(50, 2, 1e-6, rng=0), data, "squared", 22.0, rtol=1e-9)
    assert (path.patterns(22.0) == 0).any()
    net, rng = path.final, np.random.default_rng(0)
    drifts = []
    for _ in range(10):
        w = net.w * (1 + 2e-16 * rng.choice([-1, 0, 1], net.w.shape))
        drifts.append(next_jumps(al.Network(w, net.v), data, "squared")[0].drift)
    # Sums of 50 neurons' parts, which cancel to 1e-4 of their size at this plateau: 1e-11 and some.
    assert np.ptp(drifts) < 1e-9 * drifts[0]


@pytest.mark.parametrize("level", [1e-2, 1e-3])
def test_error_of_a_forecast_obeys_its_bound(level):
    """From the second plateau of the three samples, where all that sleep are settled: thm-waking."""
    net = al.Network.balanced(50, 2, 1e-9, rng=0)
    path = al.gradient_flow(net, al.data.toy_2d(n=3), "exponential", 25.0, rtol=1e-9)
    found = next_jumps(path.at(12.0), path.data, "exponential", level)
    (jump,) = [jump for jump in found if jump.sign < 0]
    seen = saddles.woken(path, jump.neurons, 12.0, level)
    error, bound = 12.0 + jump.delay - seen, saddles.bound(path, jump, 12.0, seen)
    assert jump.drift < 1
    # The integral is a trapezoid over 200 convex pieces: relative error below (r dt)²/12, 2e-5 here.
    assert 0 < abs(error) <= bound * (1 + 1e-3)
    # Unit samples, one of them: the pull falls by the mass, so the bound is level / 2 to first order in it.
    assert bound == pytest.approx(level / 2, rel=2 * level + 1e-3)


def test_nobody_is_larger_than_the_fastest_rate_allows():
    """thm-earliest, in the full flow, any start: the growth of each neuron against its bound."""
    data = saddles.clusters()
    net = al.Network.unbalanced(30, 2, 1e-4, rng=1)
    path = al.gradient_flow(net, data, "squared", 25.0, rtol=1e-8)
    times = np.linspace(0, 25.0, 501)
    g = path.loss_function.pull(path.outputs_at(times), data.y)
    moved = np.trapezoid(np.abs(g - g[0]) @ np.linalg.norm(data.x, axis=1), times)
    rate = max(vector.rate for vector in al.extremal_vectors(data, "squared", pulls=g[0]))
    start, end = (np.hypot(al.measure.norms(one), one.v) for one in (net, path.final))
    assert (np.log(end / start) <= rate * 25.0 + moved).all()


def test_forecast_is_about_relu_networks():
    with pytest.raises(ValueError, match="negative_slope 0, for this forecast"):
        next_jumps(al.Network([[1.0, 0]], [1.0], 0.1), al.data.toy_2d(), "logistic")


def test_the_speed_of_a_loss_knows_who_slides():
    net = al.Network.unbalanced(200, 2, 1e-3, rng=0)
    times = 46.0 + 0.05 * np.arange(3)
    path = al.gradient_flow(net, al.data.three_points(), "squared", times[-1], rtol=1e-9, t_save=times)
    assert (path.patterns(times[1]) == 0).any()
    before, _, after = np.log(path.loss[-3:])
    # A central difference: its error is the third derivative, of a loss that changes over times of 10.
    assert saddles.speeds(path)[-2] == pytest.approx((before - after) / 0.1, rel=1e-4)


@pytest.mark.parametrize("walls", [[[2.0, 0.0]], [[2.0, 0.0], [2.0, 0.0]], [[2.0, 0.0], [-1.0, 0.0]]])
def test_samples_that_share_a_wall_hold_no_more_than_it_does(walls):
    assert jumps.across(np.array([3.0, 4.0]), np.array(walls)).tolist() == [0.0, 4.0]
    turned = np.array(walls) @ [[0.6, 0.8], [-0.8, 0.6]] / 3  # equal but for rounding
    assert jumps.across(np.array([-0.8, 0.6]), turned) == pytest.approx(
        [-0.8, 0.6], abs=1e-14
    )  # some units in the last place
