"""The network, its starts, and the losses it is trained on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import alignlib as al

NAMES = tuple(al.loss.NAMED)


def test_the_network_is_the_formula():
    rng = np.random.default_rng(0)
    w, v, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(5, 3))
    by_hand = [sum(v[j] * max(w[j] @ x[k], 0.0) for j in range(4)) for k in range(5)]
    assert np.allclose(al.Network(w, v)(x), by_hand, atol=1e-14)


def test_a_sample_on_the_hyperplane_is_not_active():
    net = al.Network([[1.0, 0.0]], [1.0])
    assert net.pattern([[0.0, 1.0], [1e-300, 1.0], [-1.0, 0.0]]).tolist() == [[False, True, False]]


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e-30])
def test_the_three_starts_are_light_like_time_like_and_neither(scale):
    size = scale**2 / 400
    balanced = al.Network.balanced(400, 3, scale, rng=0)
    # (a - b)(a + b) with a, b equal to a rounding each.
    assert np.abs(balanced.minkowski()).max() < 1e-14 * size * 20
    assert (al.Network.dominated(400, 3, scale, rng=0).minkowski() < 0).all()
    loose = al.Network.unbalanced(400, 3, scale, rng=0).minkowski()
    assert (loose > 0).any()
    assert (loose < 0).any()


def test_starts_have_the_stated_spread_whatever_the_width():
    for width in (10, 1000):
        nets = [al.Network.balanced(width, 4, 0.5, rng=seed) for seed in range(40)]
        total = np.mean([(net.w**2).sum() for net in nets])
        # ||W||_F^2 = scale^2 d chi2(h d)/(h d): its mean over 40 draws is within 4 deviations.
        assert total == pytest.approx(0.25 * 4, rel=4 * np.sqrt(2 / (width * 4 * 40)))


def test_half_of_the_output_weights_are_negative():
    net = al.Network.balanced(10_000, 2, 1.0, rng=0)
    assert abs((net.v < 0).mean() - 0.5) < 0.02  # four standard deviations


def test_scaling_a_neuron_by_c_and_its_output_by_1_over_c_changes_nothing():
    net = al.Network.unbalanced(6, 3, 1.0, rng=0)
    x = np.random.default_rng(1).normal(size=(8, 3))
    c = np.array([0.1, 0.5, 1, 2, 5, 10.0])
    assert np.allclose(al.Network(c[:, None] * net.w, net.v / c)(x), net(x), atol=1e-13)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(
    f=st.lists(st.floats(-5, 5), min_size=1, max_size=6),
    name=st.sampled_from(NAMES),
    reduction=st.sampled_from(["sum", "mean"]),
)
def test_the_pull_is_minus_the_slope_of_the_loss(f, name, reduction):
    loss = al.loss.get(name, reduction)
    f = np.array(f)
    y = np.where(np.arange(len(f)) % 2, -1.0, 1.0)
    step = 1e-5
    slopes = [(loss.value(f + e, y) - loss.value(f - e, y)) / (2 * step) for e in step * np.eye(len(f))]
    # Central difference: step^2/6 times a third derivative of at most e^5.
    assert np.allclose(loss.pull(f, y), -np.array(slopes), atol=1e-7)


def test_the_conventions_are_the_papers():
    f, y = np.array([0.5, 0.5]), np.array([1.0, -1.0])
    assert al.loss.get("exponential").value(f, y) == pytest.approx(np.exp(-0.5) + np.exp(0.5))
    assert al.loss.get("squared").value(f, y) == pytest.approx((0.25 + 2.25) / 2)
    assert al.loss.get("squared").pull(f, y) == pytest.approx([0.5, -1.5])


def test_the_logistic_loss_does_not_overflow():
    loss = al.loss.get("logistic")
    f, y = np.array([-2000.0, 2000.0]), np.ones(2)
    assert loss.value(f, y) == 2000.0
    assert loss.pull(f, y).tolist() == [1.0, 0.0]


def test_the_loss_of_many_outputs_at_once_is_the_loss_of_each():
    f = np.random.default_rng(0).normal(size=(7, 3))
    y = np.array([1.0, -1.0, 1.0])
    for name in NAMES:
        loss = al.loss.get(name)
        assert loss.value(f, y).tolist() == [loss.value(row, y) for row in f]


def margin(f, y):
    return 1 - y * f


SMOOTH = {
    "fourth power": (lambda f, y: (f - y) ** 4, lambda f, y: -4 * (f - y) ** 3),
    "power 3/2": (lambda f, y: abs(f - y) ** 1.5, lambda f, y: 1.5 * np.sign(y - f) * abs(f - y) ** 0.5),
    "Huber": (
        lambda f, y: np.where(abs(f - y) < 0.1, (f - y) ** 2 / 2, 0.1 * (abs(f - y) - 0.05)),
        lambda f, y: np.clip(y - f, -0.1, 0.1),
    ),
    "log-cosh": (lambda f, y: np.logaddexp(f - y, y - f), lambda f, y: np.tanh(y - f)),
    "smooth hinge": (
        lambda f, y: np.where(margin(f, y) < 1, np.maximum(margin(f, y), 0) ** 2 / 2, margin(f, y) - 0.5),
        lambda f, y: y * np.clip(margin(f, y), 0, 1),
    ),
    "a sharp bend": (
        lambda f, y: np.logaddexp(0, 1000 * margin(f, y)) / 1000,
        lambda f, y: y * np.exp(-np.logaddexp(0, -1000 * margin(f, y))),
    ),
    "weighted": (
        lambda f, y: np.arange(len(y)) * (f - y) ** 2,
        lambda f, y: 2 * np.arange(len(y)) * (y - f),
    ),
    "zero": (lambda f, y: 0 * f, lambda f, y: 0 * f),
}
JUMPS = {
    "hinge": (lambda f, y: np.maximum(margin(f, y), 0), lambda f, y: y * (margin(f, y) > 0)),
    "absolute error": (lambda f, y: abs(f - y), lambda f, y: np.sign(y - f)),
    "quantile": (
        lambda f, y: np.where(f < y, 0.9, -0.1) * (y - f),
        lambda f, y: np.where(f < y, 0.9, -0.1),
    ),
    "elastic": (
        lambda f, y: (f - y) ** 2 + 0.1 * abs(f - y),
        lambda f, y: 2 * (y - f) + 0.1 * np.sign(y - f),
    ),
    "insensitive": (
        lambda f, y: np.maximum(abs(f - y) - 0.01, 0),
        lambda f, y: np.sign(y - f) * (abs(f - y) > 0.01),
    ),
}
NOT_SLOPES = {
    "wrong sign": (lambda f, y: (f - y) ** 2, lambda f, y: 2 * (f - y)),
    "half": (lambda f, y: (f - y) ** 2, lambda f, y: y - f),
    "wrong sign, exponential": (lambda f, y: np.exp(-y * f), lambda f, y: -y * np.exp(-y * f)),
    "shifted": (lambda f, y: (f - y) ** 2, lambda f, y: 2 * (y - f) + 0.1),
    "no factor of the power": (lambda f, y: (f - y) ** 4, lambda f, y: -((f - y) ** 3)),
}
SETS = (
    al.data.toy_2d(),
    al.data.stewart(rng=0),
    al.data.separated(1000, 5, 0.1, rng=0),
    al.Dataset([[1.0]], [1.0]),
)


@pytest.mark.parametrize("data", SETS, ids=repr)
@pytest.mark.parametrize("name", SMOOTH)
def test_a_loss_with_continuous_pulls_is_accepted(name, data):
    loss = al.Loss(name, *SMOOTH[name])
    assert al.loss.fitting(loss, data) is loss


@pytest.mark.parametrize("data", SETS, ids=repr)
@pytest.mark.parametrize("name", JUMPS)
def test_a_loss_with_a_kink_is_refused_in_words(name, data):
    # With hinge the flow stepped for 40 s and said "more than 100000 steps".
    with pytest.raises(ValueError, match=r"`loss` must have a continuous pull .*got a jump of"):
        al.loss.fitting(al.Loss(name, *JUMPS[name]), data)


@pytest.mark.parametrize("data", SETS, ids=repr)
@pytest.mark.parametrize("name", NOT_SLOPES)
def test_a_pull_that_is_not_minus_the_slope_is_refused_in_words(name, data):
    with pytest.raises(
        ValueError, match=r"`loss` must have a pull that is minus the slope .*got a pull of"
    ):
        al.loss.fitting(al.Loss(name, *NOT_SLOPES[name]), data)


@pytest.mark.parametrize("data", SETS, ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_the_named_losses_pass_the_check_that_fitting_spares_them(name, data):
    loss = al.loss.get(name)
    y = np.where(data.y > 0, 1.0, -1.0) if loss.classes else data.y
    with np.errstate(all="ignore"):
        al.loss._check_pull(loss, y)


def test_the_kink_is_named_and_every_solver_asks():
    net, data, hinge = (
        al.Network.balanced(3, 2, 0.1, rng=0),
        al.data.toy_2d(),
        al.Loss("hinge", *JUMPS["hinge"]),
    )
    for solve in (
        lambda: al.gradient_flow(net, data, hinge, 1.0),
        lambda: al.early_flow(net, data, hinge),
        lambda: al.gradient_descent(net, data, hinge, 0.1, 2),
    ):
        with pytest.raises(ValueError, match=r"got a jump of 1 at the output -?1 for the label -?1$"):
            solve()


def clipped(f, y):
    np.clip(f, -4, 4, out=f)
    return np.exp(-y * f)


def clipped_pull(f, y):
    return y * clipped(f, y)


@pytest.mark.parametrize("solve", [al.gradient_flow, al.gradient_descent])
def test_a_loss_that_overwrites_the_outputs_changes_nothing_that_is_kept(solve):
    # The outputs of the path were clipped, those of its networks were not.
    net, data, loss = (
        al.Network.balanced(6, 2, 1e-3, rng=0),
        al.data.toy_2d(),
        al.Loss("own", clipped, clipped_pull),
    )
    steps = {"step": 0.05, "n_steps": 240} if solve is al.gradient_descent else {"t_end": 12.0}
    path = solve(net, data, loss, **steps)
    assert np.abs(path.outputs[-1]).max() > 4.5
    assert path.outputs[-1] == pytest.approx(path.final(data.x), abs=1e-12)


def test_a_loss_may_give_one_array_again_and_again_or_a_list():
    room = {}

    def kept(f, y):
        found = room.setdefault(f.shape, np.empty(f.shape))
        found[...] = 2 * (y - f)
        return found

    def square(f, y):
        return (f - y) ** 2

    net, data = al.Network.balanced(6, 2, 1e-3, rng=0), al.data.toy_2d()
    plain = al.gradient_flow(net, data, al.loss.get("squared", "sum"), t_end=2)
    pulls = kept, lambda f, y: (2 * (y - f)).tolist(), lambda f, y: (2 * (y - f)).astype(np.longdouble)
    for pull in pulls:
        path = al.gradient_flow(net, data, al.Loss("own", square, pull), t_end=2)
        assert (path.final.w == plain.final.w).all()


@pytest.mark.parametrize("start", ["balanced", "dominated", "unbalanced"])
def test_starts_of_any_size_are_what_they_are_called(start):
    # Squares over- and underflowed: v was zero, or infinite.
    def made(scale):
        return getattr(al.Network, start)(5, 3, scale, rng=0)

    for scale in (2.0**-600, 2.0**530):  # powers of two: not even the rounding changes
        assert (made(scale).w == scale * made(1.0).w).all()
        assert made(scale).v == pytest.approx(scale * made(1.0).v, rel=1e-14)
        assert al.measure.norms(made(scale)) == pytest.approx(
            scale * al.measure.norms(made(1.0)), rel=1e-14
        )
