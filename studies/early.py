"""What chapter 2 measures more than once: the angle law, directions, the full flow against it."""

from itertools import pairwise

import numpy as np

import alignlib as al


def scaled(net, scale):
    """The start `net` at another scale."""
    return al.Network(scale * net.w, scale * net.v)


def difference(net, scale, limit):
    """How far a network over its scale is from the early flow's, relative to that: the worst neuron."""
    away = np.hypot(np.linalg.norm(net.w / scale - limit.w, axis=1), net.v / scale - limit.v)
    return (away / np.hypot(al.measure.norms(limit), limit.v)).max()


def departure(net, data, scales, t_end):
    """For each scale the difference between true and early flow at `t_end`."""
    limit = al.early_flow(net, data, "exponential").at(t_end)
    runs = [al.gradient_flow(scaled(net, s), data, "exponential", t_end, rtol=1e-10) for s in scales]
    return np.array([difference(run.final, scale, limit) for run, scale in zip(runs, scales)])


def half_angle(net, direction, j=0):
    """tan(φ/2) of neuron j with a direction, without cancellation: |u - e| / |u + e|."""
    u, e = net.w[j] / np.linalg.norm(net.w[j]), direction / np.linalg.norm(direction)
    return np.linalg.norm(u - e) / np.linalg.norm(u + e)


def law_is_broken_by(net, data):
    """The largest variation of `log tan(φ/2) + ‖D‖t` over all stretches between events; their number."""
    flow = al.early_flow(net, data, "exponential")
    spreads = []
    for j in range(net.width):
        own = flow.events["t"][flow.events["neuron"] == j]
        for start, stop in pairwise(np.unique([0.0, *own, flow.t[-1] + 1.0])):
            times = start + (stop - start) * np.array([0.1, 0.5, 0.9])
            nets = [flow.at(time) for time in times]
            d = np.sign(nets[1].v[j]) * al.geometry.pulled(nets[1], data, data.y)[j]
            angles = np.array([half_angle(one, d, j) for one in nets])
            spreads.append(np.ptp(np.log(angles) + np.linalg.norm(d) * times))
    return max(spreads), len(spreads)


def directions_left(net, data, units, flow=None):
    """How many directions the early flow has, at times in units of 1/max ‖D_j(0)‖: both."""
    flow = flow or al.early_flow(net, data, "exponential")
    fastest = np.linalg.norm(al.geometry.pulled(net, data, data.y), axis=1).max()
    return units, [al.measure.distinct_directions(flow.at(unit / fastest)) for unit in units]


def seeing(net, data):
    """Which neurons are active on a sample of their class: what the lemma of those that cannot die asks."""
    own = np.sign(net.v)[:, None] == np.sign(data.y)
    return (net.pattern(data.x) & own).any(axis=1)
