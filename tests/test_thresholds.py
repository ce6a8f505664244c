"""The threshold map against extremal vectors, the trap against the early flow, both against brute force."""

import numpy as np
import pytest

import alignlib as al
from alignlib import theory

SIGNS = (1, -1)


def gaussian(seed, n, dim, lean=0.7):
    """Random samples that lean to their class, so that there are traps of every size."""
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(n) % 2, -1.0, 1.0)
    return al.Dataset(rng.normal(size=(n, dim)) + lean * y[:, None] * np.eye(dim)[0], y)


def pulls_of(seed, data):
    """Those of a regression: any sign, any size."""
    return np.random.default_rng(seed).normal(size=data.n)


def interior(data, pulls, sign):
    """The patterns of the extremal vectors that slide on nothing and are not dead."""
    found = al.extremal_vectors(data, "squared", pulls=pulls)
    return {
        tuple(one.pattern) for one in found if one.sign == sign and one.rate > 0 and not one.tight.any()
    }


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_fixed_points_are_the_interior_extremal_vectors(dim, seed):
    data = gaussian(seed, 4 + seed, dim)
    for pulls in (data.y, pulls_of(seed, data)):
        for sign in SIGNS:
            fixed = {tuple(one) for one in theory.fixed_points(data, sign, pulls)}
            assert fixed == interior(data, pulls, sign)


def test_under_assumption_1_the_class_is_the_only_fixed_point_and_all_samples_are_held():
    data = al.data.separated(8, 3, 0.1, rng=0)
    for sign in SIGNS:
        (only,) = theory.fixed_points(data, sign)
        assert (only == (data.y == sign)).all()
        assert theory.trap(data, sign).all()
    assert theory.check_class_sums(data)


def test_a_map_by_hand():
    # The third sample, at 130 degrees to the first two, leans away from its class; alone it holds itself.
    x = [[1, 0], [1, 0], [np.cos(np.radians(130)), np.sin(np.radians(130))]]
    data = al.Dataset(x, [1, 1, 1])
    assert theory.threshold(data, [True, True, True]).tolist() == [True, True, False]
    assert theory.threshold(data, [False, False, True]).tolist() == [False, False, True]
    settled = theory.settle(data)
    assert (settled.active.tolist(), settled.rounds, settled.cycle) == ([True, True, False], 1, 1)
    assert theory.trap(data).tolist() == [True, True, False]


def test_a_cycle_is_one_and_longer_ones_are_found():
    longest = 0
    for seed in range(40):
        data = gaussian(seed, 8, 2, lean=0.0)
        one = theory.settle(data)
        again = one.active
        for step in range(one.cycle):
            assert step == 0 or (again != one.active).any()
            again = theory.threshold(data, again)
        assert (again == one.active).all()
        longest = max(longest, one.cycle)
    assert longest > 1


def valid(data, pulls, sign, loose):
    """The condition of `trap`, sample by sample as it is written."""
    g, own = pulls, sign * pulls > 0
    for k in np.flatnonzero(~loose):
        kappa = [np.sign(g[k]) * g[m] * (data.x[m] @ data.x[k]) for m in range(data.n)]
        terms = [min(c, 0) if loose[m] else c * own[m] for m, c in enumerate(kappa)]
        if not sum(terms) > 0:
            return False
    return True


@pytest.mark.parametrize("seed", range(8))
def test_the_loose_set_is_the_smallest(seed):
    data = gaussian(seed, 5 + seed % 4, 3)
    every = np.arange(2**data.n)[:, None] >> np.arange(data.n) & 1 > 0
    for pulls in (data.y, pulls_of(seed, data)):
        for sign in SIGNS:
            fits = [one for one in every if valid(data, pulls, sign, one)]
            loose = ~theory.trap(data, sign, pulls)
            assert any((one == loose).all() for one in fits)
            assert all((one >= loose).all() for one in fits)


def right_off(data, pulls, sign, held, rng, width=4000):
    """Directions that are right on the samples that are held."""
    w = rng.normal(size=(width, data.dim))
    return w[((w @ data.x.T > 0) == (sign * pulls > 0))[:, held].all(axis=1)][:60]


def test_what_is_right_off_the_loose_set_stays_right():
    tried = slid = 0
    for seed in range(40):
        data = gaussian(seed, 4 + seed % 7, 2 + seed % 2)
        pulls = (data.y, pulls_of(seed, data))[seed % 2]
        for sign in SIGNS:
            held = theory.trap(data, sign, pulls)
            w = right_off(data, pulls, sign, held, np.random.default_rng(seed))
            if held.all() or not held.any() or not len(w):
                continue
            path = al.early_flow(
                al.Network(w, sign * np.linalg.norm(w, axis=1)), data, "squared", pulls=pulls
            )
            own = sign * pulls > 0
            assert (path.final_patterns == own)[:, held].all()
            assert not path.sliding[:, held].any()
            for t in np.linspace(0, path.t[-1], 5):
                assert (path.patterns(t)[:, held] == np.where(own, 1, -1)[held]).all()
            tried, slid = tried + len(w), slid + path.sliding.any(axis=1).sum()
    assert tried > 1000
    assert slid > 100  # the case that is less than obvious


def test_few_samples_of_small_margin_leave_few_loose():
    """If at most r samples have a class-sum margin of at most r, then at most r are loose."""
    data, tight = al.data.mnist_pair(0, 1), 0
    for sign in SIGNS:
        margin = data.y * (data.x @ (data.x * data.y[:, None])[data.y == sign].sum(axis=0))
        bound = min(r for r in range(data.n + 1) if (margin <= r).sum() <= r)
        loose = (~theory.trap(data, sign)).sum()
        assert loose <= bound < data.n / 10
        tight += loose
    assert tight > 0


def test_class_sums_of_one_flipped_label():
    data = al.data.separated(10, 3, 0.3, rng=1)
    flipped = al.Dataset(data.x, np.where(np.arange(10) == 0, -data.y, data.y))
    assert theory.check_class_sums(data).measured == 0
    assert theory.check_class_sums(flipped).measured == pytest.approx(0.1)
