"""Gradient descent is Euler's method for the flow, and a run never loses what it has."""

import pickle
import time
from itertools import repeat

import numpy as np
import pytest
import torch

import alignlib as al
from alignlib import descent

DATA = al.data.separated(12, 4, 0.2, rng=0)
NET = al.Network.unbalanced(9, 4, 0.7, rng=1)


def batches(n, size, rng):
    """As documented: a permutation an epoch, cut into batches."""
    while True:
        order = rng.permutation(n)
        for first in range(0, n, size):
            yield order[first : first + size]


def autograd(net, data, loss, step, n_steps, batch=None, **settings):
    """The same training, written the way a PyTorch user writes it."""
    batch = batch or repeat(slice(None))
    w, v = (torch.tensor(a.copy(), requires_grad=True) for a in (net.w, net.v))
    x, y = torch.tensor(data.x.copy()), torch.tensor(data.y.copy())
    values = {
        "exponential": lambda f, y: torch.exp(-y * f).sum(),
        "logistic": lambda f, y: torch.nn.functional.softplus(-y * f).sum(),
        "squared": lambda f, y: ((f - y) ** 2).mean(),
    }
    optimiser = torch.optim.SGD([w, v], lr=step, **settings)
    for _ in range(n_steps):
        now = next(batch)
        optimiser.zero_grad()
        hidden = torch.nn.functional.leaky_relu(w @ x[now].T, net.negative_slope)
        values[loss](v @ hidden, y[now]).backward()
        optimiser.step()
    return w.detach().numpy(), v.detach().numpy()


@pytest.mark.parametrize("loss", ["exponential", "logistic", "squared"])
def test_it_is_what_autograd_and_sgd_do(loss):
    w, v = autograd(NET, DATA, loss, 0.01, 100)
    end = al.gradient_descent(NET, DATA, loss, 0.01, 100).final
    assert np.abs(end.w - w).max() < 1e-12  # 100 steps of rounding, weights of order one
    assert np.abs(end.v - v).max() < 1e-12


@pytest.mark.parametrize("loss", ["exponential", "logistic", "squared"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.03])
@pytest.mark.parametrize("size", [None, 1, 5, 12])  # of 12 samples: 5 leaves batches of 2
def test_with_all_settings_it_is_torch_s_sgd(loss, momentum, decay, size):
    batch = batches(DATA.n, size, np.random.default_rng(3)) if size else None
    settings = {"momentum": momentum, "weight_decay": decay}
    w, v = autograd(NET, DATA, loss, 0.01, 100, batch, **settings)
    end = al.gradient_descent(NET, DATA, loss, 0.01, 100, batch_size=size, rng=3, **settings).final
    assert np.abs(end.w - w).max() < 1e-12 * np.abs(w).max()  # 100 steps of rounding
    assert np.abs(end.v - v).max() < 1e-12 * np.abs(v).max()
    if momentum or decay or size not in (None, 12):
        plain = al.gradient_descent(NET, DATA, loss, 0.01, 100).final
        assert np.abs(plain.w - w).max() > 1e-4


@pytest.mark.parametrize("slope", [0.2, -1.0, 1.0])
@pytest.mark.parametrize("size", [None, 5])
def test_with_a_slope_it_is_torch_s_sgd(slope, size):
    net = al.Network(NET.w, NET.v, slope)
    batch = batches(DATA.n, size, np.random.default_rng(3)) if size else None
    w, v = autograd(net, DATA, "logistic", 0.01, 100, batch, momentum=0.5)
    end = al.gradient_descent(net, DATA, "logistic", 0.01, 100, batch_size=size, momentum=0.5, rng=3).final
    assert end.negative_slope == slope
    assert np.abs(end.w - w).max() < 1e-12 * np.abs(w).max()  # 100 steps of rounding
    assert np.abs(end.v - v).max() < 1e-12 * np.abs(v).max()


def cosine(k):
    """A schedule as they are: the lengths of 100 steps."""
    return 0.01 * (1.05 + np.cos(np.pi * k / 100))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("step", [cosine, cosine(np.arange(100))], ids=["function", "array"])
def test_with_a_schedule_it_is_torch_s_sgd_under_one(step, momentum):
    w, v = (torch.tensor(a.copy(), requires_grad=True) for a in (NET.w, NET.v))
    x, y = torch.tensor(DATA.x.copy()), torch.tensor(DATA.y.copy())
    optimiser = torch.optim.SGD([w, v], lr=1.0, momentum=momentum)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, cosine)
    for _ in range(100):
        optimiser.zero_grad()
        ((v @ torch.relu(w @ x.T) - y) ** 2).mean().backward()
        optimiser.step()
        schedule.step()
    path = al.gradient_descent(NET, DATA, "squared", step, 100, momentum=momentum)
    # 100 steps of rounding.
    assert np.abs(path.final.w - w.detach().numpy()).max() < 1e-12 * np.abs(path.final.w).max()
    assert np.abs(path.final.v - v.detach().numpy()).max() < 1e-12 * np.abs(path.final.v).max()
    assert path.t == pytest.approx(np.append(0.0, np.cumsum(cosine(np.arange(100)))), rel=1e-14)


def test_equal_steps_are_a_schedule_like_any_other():
    plain = al.gradient_descent(NET, DATA, "squared", 0.01, 50, t_save=[0.1, 0.2])
    same = al.gradient_descent(NET, DATA, "squared", lambda k: 0.01, 50, t_save=[0.1, 0.2])
    assert np.array_equal(plain.t, same.t)
    assert np.array_equal(plain.outputs, same.outputs)
    # Of lengths 1, 2, 3, ...: the steps end at 1, 3, 6, 10, and 4 is nearest to the second of these.
    steps = al.gradient_descent(NET, DATA, "squared", 1e-3 * np.arange(1, 5), 4, t_save=[4e-3, 1e-2])
    assert steps.t == pytest.approx([0.0, 3e-3, 1e-2])


@pytest.mark.parametrize("factor", [0.04, 3.0])
def test_an_output_scale_is_another_size_and_another_time(factor):
    # f = a Σ v σ(wx), trained as it stands by autograd, against the scaled network without the factor.
    w, v = (torch.tensor(a.copy(), requires_grad=True) for a in (NET.w, NET.v))
    x, y = torch.tensor(DATA.x.copy()), torch.tensor(DATA.y.copy())
    optimiser = torch.optim.SGD([w, v], lr=0.02, momentum=0.5, weight_decay=0.1)
    for _ in range(100):
        optimiser.zero_grad()
        ((factor * (v @ torch.relu(w @ x.T)) - y) ** 2).mean().backward()
        optimiser.step()
    settings = {"momentum": 0.5, "weight_decay": 0.1 / factor}
    path = al.gradient_descent(NET.scaled(factor), DATA, "squared", 0.02 * factor, 100, **settings)
    end = path.at(factor * 2.0).scaled(1 / factor)
    # 100 steps of rounding.
    assert np.abs(end.w - w.detach().numpy()).max() < 1e-12 * np.abs(end.w).max()
    assert np.abs(end.v - v.detach().numpy()).max() < 1e-12 * np.abs(end.v).max()


def test_the_draw_of_batches_is_the_seed_s():
    def run(rng):
        return al.gradient_descent(NET, DATA, "squared", 0.01, 20, batch_size=3, rng=rng).outputs

    assert np.array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_events_of_batches_are_those_of_all_samples():
    settings = {"batch_size": 4, "rng": 0, "t_save": 0.02 * np.arange(101)}
    path = al.gradient_descent(NET, DATA, "exponential", 0.02, 100, **settings)
    patterns = np.stack([net.pattern(DATA.x) for net in path.networks()])
    assert 0 < len(path.events) == (patterns[1:] != patterns[:-1]).sum()


def test_it_stops_at_a_loss():
    whole = al.gradient_descent(NET, DATA, "squared", 0.01, 400, t_save=0.01 * np.arange(401))
    wanted = (whole.loss[0] + whole.loss[-1]) / 2
    first = int(np.argmax(whole.loss <= wanted))
    path = al.gradient_descent(NET, DATA, "squared", 0.01, 400, stop_loss=wanted)
    assert path.t[-1] == whole.t[first]
    assert np.array_equal(path.final.w, whole.at(whole.t[first]).w)
    assert path.status == f"reached `stop_loss` at t={whole.t[first]:g}"
    assert len(al.gradient_descent(path.final, DATA, "squared", 0.01, 9, stop_loss=wanted).t) == 1
    last = al.gradient_descent(NET, DATA, "squared", 0.01, first, stop_loss=wanted)
    assert last.status == path.status
    never = al.gradient_descent(NET, DATA, "squared", 0.01, 9, stop_loss=wanted)
    assert never.status == "reached the last of 9 steps"


def test_it_is_no_slower_than_autograd_on_a_wide_network():
    net, data = al.Network.balanced(20_000, 2, 1e-3, rng=0), al.data.stewart(rng=0)
    runs = autograd, al.gradient_descent
    seconds = {run: [] for run in runs}
    for turn in range(9):  # in turns, so that whatever else the machine does meets both
        for run in runs:
            start = time.process_time()
            run(net, data, "squared", 0.01, 40 if turn else 3)  # the first time to load what is needed
            seconds[run].append(time.process_time() - start)
    assert min(seconds[al.gradient_descent][1:]) < min(seconds[autograd][1:])


@pytest.mark.parametrize("width", [1, 2, 3, 4, 784])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_sums_of_short_rows_are_torch_s(width, dtype):
    a = torch.randn(1001, width, dtype=dtype, generator=torch.Generator().manual_seed(0))
    assert torch.equal(descent._row_sums(a), a.sum(dim=1))


def test_it_converges_to_the_flow_with_order_one():
    ends = [
        al.gradient_descent(NET, DATA, "exponential", step, round(0.5 / step), t_save=[0.5]).outputs[-1]
        for step in 0.01 / 2.0 ** np.arange(7)
    ]
    changes = np.abs(np.diff(ends, axis=0)).max(axis=1)
    # Events shift by a step at most, so the ratios scatter around 2; their mean does not.
    assert np.log2(changes[0] / changes[-1]) / 5 == pytest.approx(1, abs=0.15)


def test_the_minkowski_norm_drifts_by_the_formula():
    g = al.loss.get("exponential").pull(NET(DATA.x), DATA.y)
    d = al.geometry.pulled(NET, DATA, g)
    drift = 0.01**2 * (NET.v**2 * (d**2).sum(axis=1) - (NET.w * d).sum(axis=1) ** 2)
    end = al.gradient_descent(NET, DATA, "exponential", 0.01, 1).final
    assert np.abs(end.minkowski() - NET.minkowski() - drift).max() < 1e-14


def test_float32_is_near_float64_and_leaves_the_start_alone():
    w, v = NET.w.copy(), NET.v.copy()
    double = al.gradient_descent(NET, DATA, "squared", 0.01, 200)
    single = al.gradient_descent(NET, DATA, "squared", 0.01, 200, dtype="float32")
    assert 0 < np.abs(single.outputs[-1] - double.outputs[-1]).max() < 1e-4
    assert np.array_equal(NET.w, w)
    assert np.array_equal(NET.v, v)


def test_kept_times_are_those_asked_for_and_the_start():
    path = al.gradient_descent(NET, DATA, "squared", 0.01, 100, t_save=[0.25, 1.0])
    assert path.t == pytest.approx([0, 0.25, 1.0])
    assert np.array_equal(path.at(0.0).w, NET.w)
    assert np.allclose(path.final(DATA.x), path.outputs[-1], atol=1e-14)
    middle = path.at((path.t[1] + path.t[2]) / 2)
    assert np.allclose(middle.v, (path.at(path.t[1]).v + path.final.v) / 2, atol=1e-15)
    with pytest.raises(ValueError, match="`t` must lie between 0 and 1, got 2"):
        path.at(2)


def test_splitting_a_run_in_two_changes_nothing():
    whole = al.gradient_descent(NET, DATA, "logistic", 0.01, 100).final
    half = al.gradient_descent(NET, DATA, "logistic", 0.01, 50).final
    again = al.gradient_descent(half, DATA, "logistic", 0.01, 50).final
    assert np.array_equal(whole.w, again.w)


def test_events_are_the_changes_of_pattern():
    path = al.gradient_descent(NET, DATA, "exponential", 0.01, 100, t_save=0.01 * np.arange(101))
    patterns = np.stack([net.pattern(DATA.x) for net in path.networks()])
    changed = np.argwhere(patterns[1:] != patterns[:-1])
    assert len(changed) > 0
    assert path.events["t"] == pytest.approx(path.t[changed[:, 0] + 1])
    assert path.events["neuron"].tolist() == changed[:, 1].tolist()
    assert path.events["sample"].tolist() == changed[:, 2].tolist()
    now = patterns[changed[:, 0] + 1, changed[:, 1], changed[:, 2]]
    assert (path.events["kind"] == np.where(now, "activate", "deactivate")).all()


def test_too_many_events_are_reported_and_do_not_stop_the_run():
    path = al.gradient_descent(NET, DATA, "exponential", 0.01, 100, max_events=1)
    assert 1 <= len(path.events) < 10
    assert "not recorded" in path.status
    assert path.t[-1] == pytest.approx(1.0)


def test_no_events_recorded_is_said_and_all_recorded_is_not():
    none = al.gradient_descent(NET, DATA, "exponential", 0.01, 100, max_events=0)
    assert len(none.events) == 0
    assert "events from t=" in none.status
    plain = al.gradient_descent(NET, DATA, "exponential", 0.01, 100)
    assert f"events from t={plain.events['t'][0]:g} on not recorded" in none.status
    exact = al.gradient_descent(NET, DATA, "exponential", 0.01, 100, max_events=len(plain.events))
    assert exact.status == plain.status


def test_the_alignment_time_is_the_first_time_from_which_all_are_aligned():
    start = al.Network.balanced(30, 4, 1e-4, rng=0)
    path = al.gradient_descent(start, DATA, "exponential", 0.01, 100, t_save=0.01 * np.arange(101))
    there = [al.geometry.aligned(net, DATA).all() for net in path.networks()]
    last_not = max(i for i, yes in enumerate(there) if not yes)
    assert path.alignment_time == pytest.approx(path.t[last_not + 1])
    regression = al.data.three_points()
    other = al.gradient_descent(al.Network.balanced(5, 2, 1e-3, rng=0), regression, "squared", 0.01, 5)
    assert np.isnan(other.alignment_time)


def test_a_step_too_large_stops_says_so_and_keeps_the_last_good_state():
    path = al.gradient_descent(NET, DATA, "squared", 30.0, 50, t_save=[1500.0])
    assert "not finite" in path.status
    assert "smaller `step`" in path.status
    assert len(path.t) == 2
    assert np.isfinite(path.loss).all()
    assert path.events["t"].max() <= path.t[-1]
    # Neurons that are not a number are not dead, hence not aligned.
    wild = al.gradient_descent(al.Network.unbalanced(3, 4, 0.7, rng=2), DATA, "squared", 1e160, 9)
    assert not wild.alignment_time > wild.t[-1] or np.isinf(wild.alignment_time)


def test_an_interrupted_run_returns_its_last_good_state(monkeypatch):
    advance, seen = descent._Run.advance, []

    def interrupted(self, step, f):
        seen.append(1)
        if len(seen) == 40:
            raise KeyboardInterrupt
        advance(self, step, f)

    monkeypatch.setattr(descent._Run, "advance", interrupted)
    path = al.gradient_descent(NET, DATA, "squared", 0.01, 100, t_save=[1.0])
    assert path.status == "interrupted by the user after t=0.39"
    assert path.t == pytest.approx([0, 0.39])
    whole = al.gradient_descent(NET, DATA, "squared", 0.01, 39)
    assert np.array_equal(path.final.w, whole.final.w)


def test_a_trajectory_can_be_sent_to_another_process():
    path = al.gradient_descent(NET, DATA, "logistic", 0.01, 10)
    copy = pickle.loads(pickle.dumps(path))
    assert np.array_equal(copy.at(0.05).w, path.at(0.05).w)
    assert np.array_equal(copy.loss, path.loss)


def test_the_last_time_can_be_asked_for_as_the_user_would_write_it():
    path = al.gradient_descent(NET, DATA, "squared", 0.29, 100)
    assert path.t[-1] != 29  # 100 * 0.29 is rounded
    assert np.array_equal(path.at(29).w, path.final.w)


def test_a_user_s_own_loss_trains():
    fourth = al.Loss("fourth", lambda f, y: (f - y) ** 4, lambda f, y: -4 * (f - y) ** 3, "mean")
    path = al.gradient_descent(NET, DATA, fourth, 0.01, 500)
    assert path.loss[-1] < 0.2 * path.loss[0]


def test_the_bar_shows_only_when_asked_for(capsys):
    al.gradient_descent(NET, DATA, "squared", 0.01, 3)
    assert capsys.readouterr().err == ""
    al.gradient_descent(NET, DATA, "squared", 0.01, 3, progress=True)
    assert "gradient descent" in capsys.readouterr().err
