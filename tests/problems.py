"""Starts and data that several tests follow by two solvers, and how far the two are apart."""

import numpy as np

import alignlib as al

STARTS = {"balanced": al.Network.balanced, "unbalanced": al.Network.unbalanced}


def random_data(seed, n, d):
    rng = np.random.default_rng(seed)
    return al.Dataset(rng.standard_normal((n, d)), rng.choice([-1.0, 1.0], n))


def worst(net, w, v):
    """The largest error, relative to each neuron."""
    size = np.linalg.norm(np.column_stack([w, v]), axis=1)
    return max((np.abs(net.w - w).max(axis=1) / size).max(), (np.abs(net.v - v) / size).max())
