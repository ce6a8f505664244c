"""Neurons known only through their heights do exactly what `early_flow` does with their weights."""

import numpy as np
import pytest

import alignlib as al
from alignlib.equicorrelated import Heights, align


def both(net, data):
    return align(Heights.of(net, data)), al.early_flow(net, data, "exponential")


@pytest.mark.parametrize("mu", [0.001, 0.03, 0.5])
@pytest.mark.parametrize("n", [10, 51, 200])
def test_times_and_goals_are_those_of_early_flow(n, mu):
    data = al.data.equicorrelated(n, mu)
    found, path = both(al.Network.balanced(30, n, 1.0, rng=n), data)
    # Up to 200 boosts, each rounded to a few ulp.
    assert np.allclose(found.times, path.alignment_times, rtol=0, atol=1e-13)
    last = path.final_patterns
    positive = data.y > 0
    assert np.array_equal(found.goals == "S+", (last == positive).all(axis=1))
    assert np.array_equal(found.goals == "S-", (last == ~positive).all(axis=1))
    assert np.array_equal(found.goals == "dead", ~last.any(axis=1))


@pytest.mark.parametrize("angle", [1e-2, 1e-5, 1e-8])
def test_a_neuron_nearly_opposed_to_its_goal_turns_late(angle):
    n, mu = 30, 0.03
    data = al.data.equicorrelated(n, mu)
    opposed = data.x[data.y < 0].sum(axis=0)  # v > 0, active on the negative samples only
    size = np.linalg.norm(opposed)
    opposed /= size
    aside = np.random.default_rng(0).standard_normal((10, n))
    aside -= np.outer(aside @ opposed, opposed)
    w = np.cos(angle) * opposed + np.sin(angle) * aside / np.linalg.norm(aside, axis=1, keepdims=True)
    found, path = both(al.Network(w, np.linalg.norm(w, axis=1)), data)
    # w is given with the relative error 1e-16, the angle therefore with 1e-16 / angle; n terms.
    assert np.allclose(found.times, path.alignment_times, rtol=0, atol=1e-15 * n / angle)
    assert found.times.min() > np.log(1 / angle) / size  # theory: log(1/ψ)/‖x_-‖ and a constant


def test_a_neuron_exactly_opposed_never_arrives():
    y = np.array([1.0, -1.0, -1.0])
    mu = 0.2
    # w = x_- for v > 0: its heights are -⟨ξ_k, Σ ξ⟩ y_k over the negative samples.
    z = -y * np.array([2 * mu, 1 + mu, 1 + mu])
    found = align(Heights([z], [0.0], [1.0], y, mu))
    assert found.times[0] == np.inf
    assert found.goals[0] == "mixed"


def test_swapped_labels_and_output_signs_change_nothing_but_the_names():
    start = Heights.gaussian(40, 0.1, 20, rng=0, dim=60)
    other = Heights(start.z, start.rest, -start.sign, -start.y, start.mu)
    a, b = align(start), align(other)
    assert np.array_equal(a.times, b.times)
    assert np.array_equal(a.goals == "S+", b.goals == "S-")


def test_dwell_times_fill_the_time_and_count_the_active_samples():
    data = al.data.equicorrelated(20, 0.05)
    net = al.Network.balanced(10, 20, 1.0, rng=0)
    found, path = both(net, data)
    assert np.allclose(found.dwell.sum(axis=1), found.times, rtol=0, atol=1e-14)
    for j in range(net.width):
        mine = path.events[path.events["neuron"] == j]
        turns = np.concatenate([[0.0], mine["t"]])
        steps = np.where(mine["kind"] == "activate", 1, -1)
        active = (net.w[j] @ data.x.T > 0).sum() + np.concatenate([[0], np.cumsum(steps)])
        dwell = np.bincount(active[:-1], weights=np.diff(turns), minlength=21)
        # Differences of times near 1.
        assert np.allclose(found.dwell[j], dwell, rtol=0, atol=1e-13)


def test_gaussian_heights_have_the_covariance_and_the_size_of_gaussian_weights():
    n, mu, width, dim = 8, 0.3, 40_000, 20
    start = Heights.gaussian(n, mu, width, rng=0, dim=dim)
    signed = start.z * start.y
    gram = np.where(np.eye(n), 1.0, mu)
    # An entry of the covariance of 40,000 draws has the deviation √2/√40000 = 0.007 at most; 64 entries.
    assert np.abs(signed.T @ signed / width - gram).max() < 0.03
    size2 = (signed @ np.linalg.inv(gram) * signed).sum(axis=1) + start.rest
    # ‖w‖² is chi-squared with 20 degrees of freedom: mean 20 ± √(40/40000), variance 40 ± 0.4.
    assert abs(size2.mean() - dim) < 0.15
    assert abs(size2.var() - 2 * dim) < 2


def test_ten_thousand_samples_need_no_coordinates():
    start = Heights.gaussian(10_000, 0.01, 20, rng=1)
    found = align(start)
    assert np.isfinite(found.times).all()
    assert found.times.max() < np.arcsinh(1 / 0.01)


def test_what_does_not_fit_is_refused():
    data = al.data.equicorrelated(6, 0.2)
    net = al.Network.balanced(3, 6, 1.0, rng=0)
    with pytest.raises(ValueError, match="`data` must have unit samples"):
        Heights.of(net, al.data.separated(6, 6, 0.2, rng=0))
    with pytest.raises(ValueError, match="`net` must be balanced"):
        Heights.of(al.Network(net.w, 2 * net.v), data)
    with pytest.raises(ValueError, match="`dim` must be at least 6, got 5"):
        Heights.gaussian(6, 0.2, 3, rng=0, dim=5)
    with pytest.raises(ValueError, match="`rest` must not be negative"):
        Heights([[1.0]], [-1.0], [1.0], [1.0], 0.2)
