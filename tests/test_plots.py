"""Plots draw what they say on the axes they are given, and change nothing else."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

import matplotlib.pyplot as plt

import alignlib as al

DATA = al.data.toy_2d()
PATH = al.gradient_descent(al.Network.balanced(6, 2, 1e-3, rng=0), DATA, "exponential", 0.01, 300)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("draw", [al.plots.neurons, al.plots.loss, al.plots.norms])
def test_a_plot_returns_the_axes_it_was_given_and_leaves_the_settings_alone(draw):
    before = dict(mpl.rcParams)
    _, ax = plt.subplots()
    assert draw(PATH, ax) is ax
    assert draw(PATH) is not ax
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert dict(mpl.rcParams) == before


def test_the_loss_drawn_is_the_loss():
    (line,) = al.plots.loss(PATH).lines
    assert np.array_equal(line.get_ydata(), PATH.loss)
    (line,) = al.plots.loss(PATH, relative=True).lines
    assert line.get_ydata()[0] == 1


def test_neurons_show_the_cosine_to_their_own_goal():
    lines = al.plots.neurons(PATH).lines
    final = al.geometry.cosine(PATH.final.w, al.geometry.centres(DATA))
    goal = np.where(PATH.final.v > 0, *final.T)
    assert [line.get_ydata()[-1] for line in lines[:6]] == pytest.approx(goal)


def test_a_neuron_without_direction_has_no_cosine():
    net = al.Network([[1.0, 0.0], [0.0, 0.0]], [1.0, 0.0])
    lines = al.plots.neurons(al.gradient_flow(net, DATA, "squared", 0.1)).lines
    assert np.isfinite(lines[0].get_ydata()).all()
    assert np.isnan(lines[1].get_ydata()).all()


def test_norms_show_the_norms():
    lines = al.plots.norms(PATH).lines
    assert [line.get_ydata()[-1] for line in lines] == pytest.approx(al.measure.norms(PATH.final))


def test_turning_neurons_end_at_their_direction_and_dead_ones_are_grey():
    lines = al.plots.turning(PATH).lines
    w = PATH.final.w
    ends = np.array([line.get_xdata()[-1] for line in lines])
    assert np.cos(ends) == pytest.approx(w[:, 0] / np.linalg.norm(w, axis=1))
    dead = al.Network([[0.0, -1.0]], [1.0])
    path = al.gradient_descent(dead, al.Dataset([[0.0, 1.0]], [1]), "squared", 0.1, 5)
    assert al.plots.turning(path).lines[0].get_color() == al.plots.DEAD
    path = al.recorded(DATA, "squared", 0.1 * np.arange(4), [PATH.start] * 4)
    assert al.plots.turning(path, until=0.3).lines[0].get_ydata()[-1] == path.t[-1] > 0.3


def test_cones_are_named_where_they_are():
    ax = al.plots.cones(DATA)
    names = {text.get_text(): text.get_position() for text in ax.texts}
    net = al.Network([names["$S_+$"], names["$S_-$"]], [1, 1])
    assert al.geometry.cones(net, DATA).tolist() == ["S+", "S-"]
    half = al.Dataset([[0.0, 1.0], [1.0, 1.0]], [1, 1])
    names = {text.get_text(): text.get_position() for text in al.plots.cones(half).texts}
    assert al.geometry.cones(al.Network([names[r"$S_{\rm dead}$"]], [1]), half).tolist() == ["dead"]


def test_samples_and_fitted_functions_show_the_data():
    lines = al.plots.samples(DATA).lines
    assert len(lines[0].get_xdata()) + len(lines[1].get_xdata()) == DATA.n
    three = al.data.three_points()
    net = al.Network([[0.0, 1.0]], [0.5])
    curve, points = al.plots.fitted(net, three).lines
    assert set(curve.get_ydata()) == {0.5}
    assert np.array_equal(points.get_ydata(), three.y)
