"""What the studies of chapter 5 compute behind its cells, against what can be known otherwise."""

import numpy as np
import pytest

import alignlib as al
from studies import stuck, survival


def test_the_largest_pull_is_that_of_a_fine_search_of_directions():
    data = al.data.three_points()
    turn = np.linspace(0, 2 * np.pi, 20_001)
    u = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    active = u @ data.x.T > 0
    sizes = np.linalg.norm((active * (2 / 3 * data.y)) @ data.x, axis=1)
    assert stuck.largest_pull(data) == pytest.approx(sizes.max(), rel=1e-12)


def test_a_network_on_extremal_vectors_is_merged_to_the_same_function():
    data = al.data.three_points()
    vectors = [u for u in al.extremal_vectors(data, "squared") if u.rate != 0]
    w = np.array([0.5, 2.0])[:, None] * vectors[0].direction
    net = al.Network(w, vectors[0].sign * np.array([0.5, 2.0]))
    few = stuck.merged(net, np.ones(2, dtype=bool), vectors)
    assert few.width == 1
    assert np.allclose(few(data.x), net(data.x), rtol=1e-14, atol=0)


def test_the_budget_bounds_what_is_really_left():
    data = al.data.three_points()
    start = al.Network.balanced(50, 2, 1e-3, rng=1)
    table = stuck.budget(al.gradient_flow(start, data, "squared", 60.0), np.array([10.0, 15.0, 20.0]))
    assert table.holds.all()
    assert (table.left < table.G).all()
    assert (table.room > table.G).all()


@pytest.mark.parametrize("kind", ["balanced", "dominated", "unbalanced"])
def test_wider_networks_and_larger_scales_escape_more_often(kind):
    """Above the critical scale, where it is so in the measured table too."""
    narrow, wide = (survival.law(kind, width, 0.3, draws=500) for width in (20, 100))
    assert survival.law(kind, 20, 0.6, draws=500) < narrow < 1
    assert wide < narrow


def test_below_the_critical_scale_the_average_over_draws_is_all_that_escapes():
    assert survival.chance("balanced", 0.06) == 0
    assert 0 < 1 - survival.law("balanced", 10, 0.06, draws=20_000) < 0.01
    assert survival.law("balanced", 10, 1e-3, draws=20_000) == 1


def test_two_narrow_draws_below_the_critical_scale_escape_under_plain_descent():
    """As the fine print says of seeds 1133 and 1368; the one beside them stays at least squares."""
    losses = stuck.descend(0.002, end=300.0, seeds=(1133, 1368, 1134), width=10, scale=0.06)
    assert (losses[:2] < 1e-10).all()
    # Descent has no reason to be nearer to the line than its rate there, e^{-0.23 t}, says: 1e-30.
    assert losses[2] == pytest.approx(0.17504273504, rel=1e-9)


def test_a_straggler_is_a_neuron_that_is_late_and_has_mostly_turned():
    late, turned = stuck.stragglers((0, 5))
    assert late.tolist() == turned.tolist() == [1, 0]  # seed 0 escapes at t = 190, seed 5 does not by 400
