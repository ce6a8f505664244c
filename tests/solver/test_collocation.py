"""One step: Radau's matrix, its error constant, and Newton's method against the whole linear system."""

import numpy as np
import pytest

from alignlib.solver.collocation import MISS, NODES, RADAU, TO_POLYNOMIAL, Newton
from alignlib.solver.tolerances import ALIKE


def test_the_parabola_goes_through_the_nodes_and_its_integrals_are_those_of_the_matrix():
    for power in range(3):
        values = NODES**power
        assert TO_POLYNOMIAL @ values == pytest.approx(np.eye(3)[power], abs=1e-13)
        assert RADAU @ values == pytest.approx(NODES ** (power + 1) / (power + 1), abs=1e-15)


def test_the_last_row_integrates_up_to_degree_four_so_the_order_is_five():
    errors = [RADAU[2] @ NODES**power - 1 / (power + 1) for power in range(6)]
    assert np.abs(errors[:5]).max() < 1e-15
    assert abs(errors[5]) > 1e-4


def test_a_stiff_relaxation_ends_where_it_should():
    for z in (-1e3, -1e6, -1e12):  # R(z) of y' = z y, which vanishes as z falls
        assert abs(np.linalg.solve(np.eye(3) - z * RADAU, np.ones(3))[2]) < 10 / abs(z)
    z = 1e-2
    assert np.linalg.solve(np.eye(3) - z * RADAU, np.ones(3))[2] == pytest.approx(np.exp(z), rel=1e-14)


def test_the_error_constant_is_the_largest_integral_of_what_the_parabola_misses():
    s = np.linspace(0, 1, 100_001)
    missed = (s - NODES[0]) * (s - NODES[1]) * (s - 1) / (-NODES[0] * NODES[1])
    integral = np.append(0, np.cumsum((missed[1:] + missed[:-1]) / 2) / 100_000)
    assert pytest.approx(np.abs(integral).max(), rel=1e-3) == MISS


@pytest.mark.parametrize("decay", [0.0, 0.3, 20.0])
def test_newton_solves_the_system_of_all_three_nodes(decay):
    rng, n = np.random.default_rng(0), 7
    parts = rng.standard_normal((2, 12, n))
    grows = parts[0].T @ parts[0]
    kernel, slope = grows + parts[1].T @ parts[1], -rng.exponential(size=n)
    newton = Newton(kernel, slope, grows if decay else None, decay)
    residual = rng.standard_normal((3, n))
    # What decay forgets: an eigenvalue a of Radau's matrix becomes a / (1 + a decay).
    forgets = np.linalg.solve(np.eye(3) + decay * RADAU, RADAU)
    jacobian = np.kron(RADAU, grows * slope) + np.kron(forgets, (kernel - grows) * slope)
    expected = np.linalg.solve(np.eye(3 * n) - jacobian, residual.ravel())
    assert newton.correction(residual).ravel() == pytest.approx(expected, abs=1e-11)


def test_a_matrix_serves_slopes_that_change_it_little():
    kernel, slope = np.eye(3), -np.ones(3)
    newton = Newton(kernel, slope)
    limit = ALIKE * (1 + 1)  # of the change: ‖K‖ and the largest slope are 1
    assert newton.serves(slope * (1 + 0.99 * limit), 0.0)
    assert not newton.serves(slope * (1 + 1.01 * limit), 0.0)
    assert newton.serves(slope, 0.99 * ALIKE)
    assert not newton.serves(slope, 1.01 * ALIKE)


def test_what_the_fit_has_long_relaxed_is_no_error():
    stiff = Newton(np.diag([1e9, 1e-9]), -np.ones(2))
    filtered = stiff.filtered(np.ones(2))
    assert abs(filtered[0]) < 1e-7
    assert filtered[1] == pytest.approx(1)
