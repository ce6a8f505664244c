"""A user's code, for a type checker alone (`make lint`): nothing calls it."""

from typing import assert_type

import numpy as np

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
