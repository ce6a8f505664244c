"""The neurons that need longest to align, and what bounds them: chapter 3's constructions.

Everywhere unit samples, and the early phase of the summed exponential loss (unit pulls). `ξ_k = y_k x_k`
are the signed samples, μ the smallest of their scalar products.
"""

import numpy as np

import alignlib as al


def heights(net, data):
    """`sign(v_j) ⟨w_j, ξ_k⟩`, (h, n): a neuron is at its goal when all are positive, or when it is dead."""
    return np.sign(net.v)[:, None] * data.y * net.preactivations(data.x)


def triple(mu, copies=1):
    """The network of one neuron that grows, and data on which it needs `arcosh(1/μ)`.

    It is just active on the first sample and almost opposed to the second; the third, of the other label,
    stays inactive. Copies of these two make n = 1 + 2 `copies`.
    """
    x = np.array([[1, 0], [mu, np.sqrt(1 - mu**2)], [-1, 0]])
    x = np.vstack([x[:1], np.repeat(x[1:], copies, axis=0)])
    y = np.concatenate([[1.0], np.ones(copies), -np.ones(copies)])
    return al.Network([[1e-12, -1.0]], [1.0]), al.Dataset(x, y)


def quartet(mu, copies=1, near=1e-10):
    """The network of one neuron that shrinks first, and data on which it needs about `log(2/μ²)`.

    It is opposed to the first sample as nearly as the second, on its right side, allows. When it has
    turned, the third, at the distance √(2 `near`) from the first, takes over; the fourth has still to rise.
    """
    a, b = np.sqrt(1 - mu**2), np.sqrt(2 * near)
    c = mu * (1 - mu) / a
    signed = [[1, 0, 0], [mu, a, 0], [1 - near, b, 0]]
    signed += [[mu, c, np.sqrt(a**2 - c**2)]] * copies
    y = np.array([-1.0, -1.0, 1.0] + [1.0] * copies)
    angle = np.arctan(np.sqrt(2) * mu / a) * (1 + 1e-9)  # beside the edge, where rounding decides
    w = np.sin(angle) * np.sqrt([0, 0.5, 0.5]) * [0, 1, -1]
    w[0] = -np.cos(angle)
    return al.Network([w], [1.0]), al.Dataset(y[:, None] * signed, y)


def time_of(net, data):
    """The alignment time of the early flow."""
    return al.early_flow(net, data, "exponential").alignment_time


def bounds(net, data):
    """(h,) what chapter 3 proves of the alignment time of any balanced neuron."""
    foe = np.where(net.v[:, None] > 0, *reversed(al.geometry.centres(data)))
    length = np.linalg.norm(foe, axis=1)
    unit = net.w / np.linalg.norm(net.w, axis=1)[:, None]
    chord = np.linalg.norm(unit - foe / length[:, None], axis=1)
    angle = 2 * np.arcsin(np.minimum(chord / 2, 1))
    angle[(heights(net, data) >= 0).any(axis=1)] = np.pi / 2  # no first term
    turning = map(al.theory.bound_turning_time, [data.mu] * len(angle), angle, length)
    return np.array(list(turning)) + al.theory.bound_alignment_time(data.mu)


def typical(n, mu):
    """The formula for the typical time on equicorrelated data: an estimate, for `n μ ≫ 1`."""
    m = n / 2
    delta = np.sqrt(m * (1 - mu + mu * m))
    height = np.sqrt(2 * (1 - mu) * np.log(n) / n)
    return np.arcsinh(delta * height / (mu * m)) / delta


def exponents(t, n, mu):
    """Those of n and of μ in the power law that fits the times best."""
    logs = np.column_stack([np.ones(len(n)), np.log(n), np.log(mu)])
    return np.linalg.lstsq(logs, np.log(t), rcond=None)[0][1:]


def outputs_until(net, data):
    """The largest output of the early flow, at 50 times up to its alignment time."""
    early = al.early_flow(net, data, "exponential")
    times = np.linspace(0, early.alignment_time, 50)
    return np.array([np.abs(early.at(time)(data.x)).max() for time in times])


def growing(net, data, loss):
    """(h,) whether `v v̇ ≥ 0` at the pulls of this network."""
    pulled = al.geometry.pulled(net, data, loss.pull(net(data.x), data.y))
    return net.v * (net.w * pulled).sum(axis=1) >= 0


def times_of(path):
    """(h,) the alignment times in a run under Assumption 1, where events only lead to the goal."""
    times = np.zeros(path.start.width)
    np.maximum.at(times, path.events["neuron"], path.events["t"])
    return np.where(al.geometry.aligned(path, path.t[-1]), times, np.inf)


def pulls_until(path, times):
    """Of unit samples, the least `|g_k|` and the largest `|ġ_k|` up to each time, from differences."""
    t = np.linspace(0, path.t[-1], 200)
    g = path.loss_function.pull(path.outputs_at(t), path.data.y)
    rate = np.abs(np.diff(g, axis=0, prepend=g[:1])).max(axis=1) / t[1]
    after = np.searchsorted(t, times)
    return np.minimum.accumulate(np.abs(g).min(axis=1))[after], np.maximum.accumulate(rate)[after]


def sizes(n, mu):
    """On n separated samples in three dimensions, two sizes of the start: ours, and MMV's as remembered."""
    data = al.data.separated(n, 3, mu, rng=0)
    return n, al.theory.sufficient_scale(data), np.exp(-n * np.log(n) / np.sqrt(mu))
