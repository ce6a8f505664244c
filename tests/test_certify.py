"""Certificates hold where they say so, and say so only where they hold."""

import numpy as np
import pytest

import alignlib as al


@pytest.fixture(scope="module")
def stuck():
    data = al.data.three_points()
    return [
        al.gradient_flow(al.Network.balanced(200, 2, 1e-3, rng=s), data, "squared", 2000.0)
        for s in range(5)
    ]


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
@pytest.mark.parametrize("kind", ["balanced", "dominated"])
def test_the_bound_holds_along_the_run(loss, kind):
    data = al.data.separated(30, 5, 0.1, rng=0)
    path = al.gradient_flow(getattr(al.Network, kind)(50, 5, 1e-2, rng=0), data, loss, 1000.0)
    t = path.alignment_time * (1 + 1e-9)
    claim = al.theory.certify_convergence(path.at(t), data, loss)
    assert claim.holds
    later = path.t > t
    assert (path.loss[later] <= claim.bound(path.t[later] - t)).all()
    # Restarting the bound when more has grown sharpens it.
    sharper = al.theory.certify_convergence(path.at(100.0), data, loss)
    assert path.loss[-1] <= sharper.bound(900.0) < claim.bound(1000.0 - t)


def test_it_is_refused_when_a_hypothesis_fails():
    data = al.data.separated(30, 5, 0.1, rng=0)
    early = al.theory.certify_convergence(al.Network.balanced(50, 5, 1e-2, rng=0), data, "exponential")
    assert not early.holds
    assert not early.hypotheses["every neuron is at its goal"]
    bad = al.Dataset([[1.0, 0.0], [0.8, 0.1]], [1.0, -1.0])
    assert not al.theory.certify_convergence(al.Network([[1.0, 0.0]], [1.0]), bad, "exponential").holds
    with pytest.raises(ValueError, match="`loss` must be one of"):
        al.theory.certify_convergence(al.Network([[1.0, 0.0]], [1.0]), bad, "squared")


def test_balanced_runs_are_certified_stuck_and_are(stuck):
    for path in stuck:
        claim = al.theory.certify_nonconvergence(path.at(16.0), path.data)
        assert claim.holds
        assert claim.full + claim.dead + claim.pinned == 200
        assert claim.limit == pytest.approx(0.17504273504, abs=1e-11)  # as known, to eleven digits
        assert np.abs(path.outputs[-1] - path.data.x @ claim.least_squares).max() < 1e-9
        # G bounds what is to come: nobody meets a hyperplane but the pinned.
        late = path.events[path.events["t"] > 16.0]
        assert len(late) <= claim.pinned


def test_pinned_neurons_occur_and_are_counted(stuck):
    pinned = [al.theory.certify_nonconvergence(path.at(16.0), path.data).pinned for path in stuck]
    assert sorted(pinned) == [0, 0, 0, 1, 1]  # two of five seeds


def rapidity(path, begin, end):
    """`∫ ‖D‖ dt` of the full neurons."""
    t = np.linspace(begin, end, 2000)
    f = np.array([path.at(s)(path.data.x) for s in t])
    d = path.loss_function.pull(f, path.data.y) @ path.data.x
    return np.trapezoid(np.linalg.norm(d, axis=1), t)


def test_the_rapidity_bound_holds_along_the_run(stuck):
    claim = al.theory.certify_nonconvergence(stuck[0].at(14.0), stuck[0].data)
    assert 0 < rapidity(stuck[0], 14.0, 100.0) <= claim.rapidity


@pytest.mark.parametrize("seed", [2, 6, 11])
def test_space_like_neurons_at_least_squares_are_certified_and_stay(seed):
    # All full neurons have |v| < ‖w‖, so that none of them alone is sure to keep its size.
    data = al.data.three_points()
    path = al.gradient_flow(al.Network.unbalanced(10, 2, 0.03, rng=seed), data, "squared", 2000.0)
    net = path.at(25.0)
    full = net.pattern(data.x).all(axis=1)
    assert (net.minkowski()[full] > 0).all()
    claim = al.theory.certify_nonconvergence(net, data)
    assert claim.holds
    assert claim.masses[0] < claim.masses[1]
    assert 0 < rapidity(path, 25.0, 200.0) <= claim.rapidity
    assert np.abs(path.outputs[-1] - data.x @ claim.least_squares).max() < 1e-9


def test_the_bound_on_the_neurons_together_holds_for_any_of_them():
    # a ≥ a_0 - b_0 ρ, the step of the proof: random groups, pulled at unit speed in random directions.
    rng = np.random.default_rng(0)
    for _ in range(200):
        w, v = rng.standard_normal((4, 3)) * rng.exponential(size=(4, 1)), rng.standard_normal(4)
        a, b, turn = np.linalg.norm(v), np.linalg.norm(w), 1e-3
        for step in range(1, 500):
            d = -v @ w if rng.random() < 0.8 else rng.standard_normal(3)  # mostly the worst one
            d /= np.linalg.norm(d)
            along = w @ d
            w = w + np.outer(v * np.sinh(turn) + along * (np.cosh(turn) - 1), d)
            v = v * np.cosh(turn) + along * np.sinh(turn)
            assert np.linalg.norm(v) >= a - b * step * turn - 1e-12  # 500 roundings


def test_unbalanced_runs_that_escape_are_never_certified():
    data = al.data.three_points()
    for seed in range(3):
        path = al.gradient_flow(al.Network.unbalanced(200, 2, 1e-3, rng=seed), data, "squared", 400.0)
        assert path.loss[-1] < 1e-10
        for t in (10.0, 20.0, 60.0, 100.0, 120.0):
            assert not al.theory.certify_nonconvergence(path.at(t), data).holds


def test_large_starts_that_fit_are_never_certified():
    data = al.data.three_points()
    path = al.gradient_flow(al.Network.balanced(200, 2, 1.0, rng=0), data, "squared", 500.0)
    assert path.loss[-1] < 1e-6
    assert not any(al.theory.certify_nonconvergence(net, data).holds for net in path.networks())


@pytest.mark.parametrize(
    ("kind", "width", "scale"),
    [
        ("balanced", 100, 0.3),
        ("balanced", 500, 0.1),
        ("dominated", 100, 0.6),
        ("unbalanced", 100, 1e-2),
        ("unbalanced", 50, 0.3),
    ],
)
def test_no_certificate_along_a_run_that_ends_elsewhere(kind, width, scale):
    # Every time is tried, so one false certificate anywhere would be seen.
    data, seen = al.data.three_points(), 0
    for seed in range(3):
        net = getattr(al.Network, kind)(width, 2, scale, rng=seed)
        path = al.gradient_flow(net, data, "squared", 300.0, rtol=1e-5)
        if path.loss[-1] < 0.17:  # the loss never rises, so not least squares, which has 0.175
            seen += 1
            assert not any(al.theory.certify_nonconvergence(net, data).holds for net in path.networks())
    assert seen


@pytest.mark.parametrize(("v", "stays"), [(-1e-2, True), (-1.9e-6, False)])
def test_a_pinned_neuron_must_be_unable_to_turn_round(v, stays):
    """A space-like one with v nearly zero changes its sign, leaves the hyperplane, and the flow fits."""
    data = al.data.three_points()
    rest = al.gradient_flow(al.Network.balanced(200, 2, 1e-3, rng=0), data, "squared", 25.0).final
    along = np.array([data.x[0, 1], -data.x[0, 0]]) / np.linalg.norm(data.x[0])
    net = al.Network(np.vstack([rest.w, 1e-2 * along]), np.append(rest.v, v))
    found = al.theory.certify_nonconvergence(net, data)
    end = al.gradient_flow(net, data, "squared", 1000.0).loss[-1]
    assert found.pinned == 1
    assert found.holds == found.hypotheses["every pinned neuron stays pinned or becomes full"] == stays
    # The limit to eight digits, or a fit.
    assert abs(end - found.limit) < 1e-8 if stays else end < 1e-12


@pytest.mark.parametrize("eta", [0.02, 0.15])
def test_data_under_assumption_3_are_certified_as_bf_s_theorem_says(eta):
    for seed in range(3):
        data = al.data.assumption_3(eta, rng=seed)
        path = al.gradient_flow(al.Network.balanced(100, 2, 1e-4, rng=seed), data, "squared", 60.0)
        assert al.theory.certify_nonconvergence(path.final, data).holds


def test_a_neuron_one_ulp_from_leaving_is_refused():
    data = al.data.three_points()
    target = np.linalg.lstsq(data.x, data.y, rcond=None)[0]
    size = np.sqrt(np.linalg.norm(target))
    good = al.Network([target / size * 1.01], [size * 1.01])
    assert al.theory.certify_nonconvergence(good, data).holds
    near = np.array([-1 / 0.125, 1.0]) * -1.0  # height 0 over x_3
    spare = near + 1e-6 * data.x[2]
    both = al.Network(np.vstack([good.w, spare * 1e-3]), [good.v[0], 1e-3 * np.linalg.norm(spare)])
    assert not al.theory.certify_nonconvergence(both, data).holds


def barely(height):
    """Least squares, and one neuron active on the first point alone by `height` of its size."""
    data = al.data.three_points()
    beta, *_ = np.linalg.lstsq(data.x, data.y)
    size = np.sqrt(np.linalg.norm(beta))
    first = data.x[0] / np.linalg.norm(data.x[0])
    across = np.array([-first[1], first[0]])
    across *= -np.sign(across @ data.x[1])
    return data, al.Network([1.01 * beta / size, 1e-3 * (across + height * first)], [1.01 * size, 1e-3])


@pytest.mark.parametrize("height", [5e-11, 1e-6])
def test_a_neuron_that_is_active_by_less_than_the_tolerance_is_not_taken_for_dead(height):
    # It grows, and the flow interpolates: a certificate would be false.
    data, net = barely(height)
    assert not al.theory.certify_nonconvergence(net, data).holds
    assert al.gradient_flow(net, data, "squared", 2000.0, t_save=[2000.0]).loss[-1] < 1e-10


def test_small_eigenvalues_are_not_overlooked_on_nearly_collinear_data():
    tilt, x = 4e-7, np.array([-1, -0.5, 0.2, 1])
    line = np.stack([np.ones(4), tilt * x], axis=1)
    residual = np.array([1.0, -2, 1, 0])
    residual -= line @ np.linalg.lstsq(line, residual)[0]
    data = al.Dataset(line, 1 - 0.1 * tilt * x + 0.1 * residual)
    second = 1e-3 * np.array([0.3 * tilt, -0.25])
    net = al.Network([[1.0, 0.0], second], [1.0, np.linalg.norm(second)])
    found = al.theory.certify_nonconvergence(net, data)
    assert found.eigenvalues[0] < 1e-12
    assert not found.holds


def test_a_loss_is_known_by_what_it_is_and_not_by_its_name():
    slow = al.Loss(
        "exponential", lambda f, y: np.exp(-y * f / 10), lambda f, y: y * np.exp(-y * f / 10) / 10
    )
    data = al.data.toy_2d()
    with pytest.raises(ValueError, match="`loss` must be one of exponential, logistic"):
        al.theory.certify_convergence(al.Network.balanced(3, 2, 0.1, rng=0), data, slow)


def test_neurons_that_died_on_a_hyperplane_count_as_dead():
    # They come to rest on that of the last sample they lose: its height is rounding of either sign.
    angle, y = np.radians([60, 70, 80, 100, 110, 125]), np.repeat([1.0, -1.0], 3)
    data = al.Dataset(y[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), y)
    path = al.gradient_flow(al.Network.balanced(300, 2, 1e-4, rng=0), data, "exponential", 100.0)
    found = al.theory.certify_convergence(path.at(50.0), data, "exponential")
    assert found.holds
    # A third of them die, as computed in chapter 4; six standard deviations of the count are 49.
    assert abs(found.dead - 100) < 49
    assert sum(found.alive) + found.dead == 300


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_a_factor_of_the_squared_loss_is_a_unit_of_time(stuck, reduction, factor):
    path = stuck[0]
    for time in (1.0, 20.0, 2000.0):  # not yet, and then for ever
        plain = al.theory.certify_nonconvergence(
            path.at(time), path.data, al.loss.get("squared", reduction)
        )
        found = al.theory.certify_nonconvergence(
            path.at(time), path.data, al.loss.quadratic(factor, reduction)
        )
        assert found.hypotheses == plain.hypotheses
        assert (found.full, found.dead, found.pinned) == (plain.full, plain.dead, plain.pinned)
        # What has the dimension of a loss has the factor, what has none is the same, to a few roundings.
        for name in ("loss", "limit", "excess", "eigenvalues"):
            assert getattr(found, name) == pytest.approx(factor * np.array(getattr(plain, name)), rel=1e-12)
        for name in ("q", "rapidity", "margin"):
            assert getattr(found, name) == pytest.approx(getattr(plain, name), rel=1e-9)
    assert found.holds


def test_the_limit_under_half_the_squares_is_reached():
    data, loss = al.data.three_points(), al.loss.quadratic()
    path = al.gradient_flow(al.Network.balanced(200, 2, 1e-3, rng=0), data, loss, 1000.0)
    found = al.theory.certify_nonconvergence(path.final, data, loss)
    assert found.holds
    residual = data.y - data.x @ np.linalg.lstsq(data.x, data.y, rcond=None)[0]
    assert path.loss[-1] == pytest.approx(residual @ residual / 2, rel=1e-6) == found.limit


def test_a_quadratic_loss_is_known_by_what_it_is():
    half = al.loss.quadratic()
    assert al.loss.quadratic_factor(half) == 0.5
    other = al.Loss("0.5 squares", half.sample_value, al.loss.quadratic(0.6).sample_pull)
    own = al.Loss("own", lambda f, y: (f - y) ** 2 / 2, lambda f, y: y - f)
    for loss in (other, own, al.loss.get("logistic")):
        assert al.loss.quadratic_factor(loss) is None
        with pytest.raises(ValueError, match=r"`loss` must be squared, or made by `al\.loss\.quadratic`"):
            al.theory.certify_nonconvergence(al.Network([[1.0, 0]], [1.0]), al.data.three_points(), loss)
