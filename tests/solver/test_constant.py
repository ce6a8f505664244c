"""The one boost after the last event: against a general integrator."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from alignlib.solver import constant, course
from tests.solver.kernels import EPS, exact, exact_dot


def last_leg(w, v, d, since):
    """Neurons that are on their last leg, as `constant.follow` would hand them over."""
    neurons = np.zeros(len(v), course.NEURON)
    neurons["v"], neurons["t"] = v, since
    neurons["first2"] = (w**2).sum(axis=1)
    neurons["minkowski"] = neurons["first2"] - v**2
    neurons["minkowski"][np.abs(neurons["minkowski"]) < 1e-15 * neurons["first2"]] = 0.0
    sides = np.ones((len(v), 1), np.int8)
    return constant.LastLeg(w, d, neurons, sides, sides, np.zeros(1), np.zeros(0), 1.0, 0)


@pytest.mark.parametrize("likeness", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("place", ["anywhere", "along", "opposed", "still"])
def test_drift(likeness, place):
    rng = np.random.default_rng(int(10 * likeness))
    h, dim = 100, 3
    w, d = rng.standard_normal((2, h, dim))
    d *= 10.0 ** rng.uniform(-2, 1, h)[:, None] / np.linalg.norm(d, axis=1, keepdims=True)
    if place in ("along", "opposed"):
        w = d * (10.0 ** rng.uniform(-1, 1, h))[:, None] + 1e-3 * rng.standard_normal((h, dim))
    if place == "still":
        d[:] = 0.0
    v = likeness * np.linalg.norm(w, axis=1) * rng.choice([-1.0, 1.0], h)
    if place in ("along", "opposed"):
        v = np.abs(v) * (1 if place == "along" else -1)
    since, time = rng.uniform(0, 1, h), 0.8
    later, out = last_leg(w, v, d, since).drift(time)
    for j in range(h):
        passed = max(time - since[j], 0.0)

        def field(_, state, j=j):
            return np.append(state[-1] * d[j], state[:-1] @ d[j])

        run = solve_ivp(field, (0, passed), np.append(w[j], v[j]), "DOP853", rtol=1e-12, atol=1e-13)
        # 1e-12 a step, over a few dozen steps, which are the neuron's largest size on the way.
        slack = 1e-10 * np.abs(run.y).max()
        assert np.abs(later[j] - run.y[:-1, -1]).max() <= slack
        assert abs(out[j] - run.y[-1, -1]) <= slack


def test_a_neuron_before_its_last_event_is_left_where_it_is():
    w, v = np.ones((1, 2)), np.ones(1)
    later, out = last_leg(w, v, np.ones((1, 2)), np.array([2.0])).drift(1.0)
    assert np.array_equal(later, w)
    assert out == pytest.approx(v, rel=1e-15)  # `(v + b) + (v - b)`, halved


@pytest.mark.parametrize("angle", [1e-2, 1e-6, 1e-10])
def test_light_cone_of_neurons_nearly_opposed_to_d(angle):
    """`v + b` is what a light-like neuron is from its opposite: of second order in the angle."""
    rng = np.random.default_rng(0)
    d = rng.standard_normal((50, 4))
    w = -d + angle * rng.standard_normal((50, 4))
    v = np.linalg.norm(w, axis=1)
    plus, _, _ = last_leg(w, v, d, np.zeros(50)).light_cone()
    for j in range(50):
        size, along = exact_dot(d[j], d[j]), exact_dot(w[j], d[j])
        across, (exact_v,) = exact_dot(w[j], w[j]) - along * along / size, exact(v[j])
        right = float(across / (exact_v - along / size.sqrt()))  # for `‖w‖ = |v|` to all digits
        # Each entry of w_⊥ is known to a rounding of w.
        assert plus[j] == pytest.approx(right, rel=20 * EPS / angle, abs=0)
