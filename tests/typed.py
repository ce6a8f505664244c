"""A user's code, for a type checker alone (`make lint`): nothing calls it."""

from typing import assert_type

import numpy as np
import torch

import alignlib as al


def path_of_a_reader() -> None:
    data = al.Dataset([[1.0, 0.0], [0.0, 1.0]], [1, -1])
    net = al.Network.balanced(width=4, dim=data.dim, scale=1e-6, rng=0)
    assert_type(data.mu, float)
    assert_type(al.data.mnist_pair(0, 1), al.Dataset)
    assert_type(net, al.Network)
    assert_type(al.Network([[1.0, 0.0]], [1.0]).width, int)
    path = al.gradient_flow(net, data, "exponential", t_end=1.0)
    assert_type(path, al.Trajectory)
    assert_type(path.at(1.0), al.Network)
    assert_type(path.when(0.1), float)
    assert_type(al.gradient_descent(net, data, "squared", step=0.1, n_steps=10), al.Trajectory)
    early = al.early_flow(net, data, "exponential")
    assert_type(early.at(1.0), al.Network)
    assert_type(early.alignment_times, np.ndarray)
    assert_type(al.extremal_vectors(data, "exponential")[0].rate, float)
    assert_type(al.theory.check_alignment(path), al.Claim)
    assert_type(al.theory.check_alignment_time(early).verdict, str)


def questions() -> None:
    """Of a network and a data set, or of a run at a time."""
    data, net = al.data.toy_2d(), al.Network.balanced(width=4, dim=2, scale=1e-3, rng=0)
    path = al.gradient_flow(net, data, "exponential", t_end=1.0)
    assert_type(al.geometry.cones(net, data), np.ndarray)
    assert_type(al.geometry.cone_counts(path, 0.5), dict[str, int])
    assert_type(al.geometry.patterns(path, 1), np.ndarray)
    assert_type(al.geometry.violating_share(data), float)
    assert_type(al.geometry.pulled(net, data, data.y), np.ndarray)
    assert_type(al.measure.stable_rank(net), float)
    assert_type(al.measure.distinct_directions(net, degrees=2), int)
    assert_type(al.measure.alignment(net, data, "exponential"), np.ndarray)
    assert_type(al.doubt(path).sentence, str)
    assert_type(al.equicorrelated.align(al.equicorrelated.Heights.of(net, data)).times, np.ndarray)
    assert_type(al.equicorrelated.Heights.gaussian(n=4, mu=0.1, width=3, rng=0).mu, float)


def runs_of_ones_own(module: torch.nn.Module) -> None:
    data, net = al.data.toy_2d(), al.Network.from_torch(module)
    assert_type(net, al.Network)
    assert_type(net.some([0]), al.Network)
    assert_type(net.scaled(0.5), al.Network)
    al.gradient_descent(net, data, "squared", step=lambda k: 0.1 / (k + 1), n_steps=10)
    net.to_torch(bias=True)
    loss = al.Loss.from_torch(lambda f, y: (f - y) ** 2, name="squares")
    assert_type(loss, al.Loss)
    assert_type(al.loss.quadratic(0.5), al.Loss)
    assert_type(al.recorded(data, loss, [0.0, 1.0], [net, net]), al.Trajectory)
    al.sweep(len, [], progress=False, file="rows.jsonl", keep_changed=True)
    al.Table(["$n$", "time"], [[10, 0.5], ["all", 1e-7]], digits=2)
