"""What chapter 5 computes behind its cells: the early phase at BF's time, the certificate, descent.

Functions of a few lines that a page would only be longer for; the chapter says what they return.
"""

import numpy as np
import pandas as pd

import alignlib as al

KAPPAS = (0.1, 0.25, 0.5, 0.75)
SCALES = tuple(10.0**-power for power in (1, 2, 3, 5, 10, 15, 20, 30))


def angles(w):
    """The directions of neurons in the plane, in radians."""
    return np.arctan2(w[:, 1], w[:, 0])


def sectors(data):
    """The edges of the sectors of directions that see the same samples in the plane, in order."""
    edges = np.append(angles(data.x) + np.pi / 2, angles(data.x) - np.pi / 2)
    return np.sort(edges % (2 * np.pi))


def largest_pull(data):
    """`D_max` under the squared loss: one direction in the middle of each sector is enough."""
    edges = sectors(data)
    middle = edges + np.diff(edges, append=edges[0] + 2 * np.pi) / 2
    u = np.stack([np.cos(middle), np.sin(middle)], axis=1)
    pulls = al.loss.get("squared").pull(np.zeros(data.n), data.y)
    return np.linalg.norm(al.geometry.pulled(al.Network(u, u[:, 0]), data, pulls), axis=1).max()


def at_kappa(scales=SCALES, kappas=KAPPAS, count=100):
    """The full flow on the three points at `κ log(1/ε) / D_max`, one draw of directions for all scales.

    For each scale and κ: the worst angle of a living neuron with v > 0 to the extremal vector, in degrees;
    the largest growth of a norm over its bound; the share of neurons alive with v < 0.
    """
    data = al.data.three_points()
    speed, goal = largest_pull(data), al.extremal_vectors(data, "squared")[0].direction
    drawn, rows = al.Network.balanced(count, 2, 1.0, rng=0), []
    for scale in scales:
        start, late = al.Network(scale * drawn.w, scale * drawn.v), np.log(1 / scale) / speed
        path = al.gradient_flow(start, data, "squared", max(kappas) * late, rtol=1e-9)
        for kappa in kappas:
            net, alive = path.at(kappa * late), (path.patterns(kappa * late) > 0).any(axis=1)
            up = net.w[alive & (net.v > 0)]
            worst = np.abs(np.arctan2(up @ [-goal[1], goal[0]], up @ goal)).max()
            growth = (al.measure.norms(net) / al.measure.norms(start)).max() * scale**kappa
            rows.append((scale, kappa, np.degrees(worst), growth, (alive & (net.v < 0)).mean()))
    return pd.DataFrame(rows, columns=["scale", "kappa", "angle", "growth", "down"])


def merged(net, alive, vectors):
    """One balanced neuron for every extremal vector, in place of the living ones next to it."""
    size, w, v = net.v * al.measure.norms(net), [], []
    cosine = al.geometry.cosine(net.w, np.array([u.direction for u in vectors]))
    same = np.sign(net.v)[:, None] == np.array([u.sign for u in vectors])
    nearest = np.where(same, cosine, -2).argmax(axis=1)
    for i, vector in enumerate(vectors):
        total = np.abs(size[alive & (nearest == i)].sum())
        w.append(np.sqrt(total) * vector.direction)
        v.append(np.sqrt(total) * vector.sign)
    return al.Network(w, v)


def budget(path, times):
    """What the certificate weighs, when all living neurons are balanced and full.

    For each time: `G`, which bounds the rapidity that is left; `left`, that rapidity up to the end of the
    path; `room`, the smallest angle of a living neuron to a hyperplane; whether it `holds`.
    """
    fine = np.linspace(times[0], path.t[-1], 1_500)
    speed = np.array([pull_on_all(path.at(t), path.data) for t in fine])
    spent = np.append(0, np.cumsum(np.diff(fine) * (speed[1:] + speed[:-1]) / 2))
    rows = []
    for t in times:
        net, alive = path.at(t), (path.patterns(t) > 0).any(axis=1)
        sine = al.geometry.cosine(net.w[alive], path.data.x)
        found = al.theory.certify_nonconvergence(net, path.data)
        left = spent[-1] - np.interp(t, fine, spent)
        rows.append((t, found.rapidity, left, np.arcsin(sine).min(), found.holds))
    return pd.DataFrame(rows, columns=["t", "G", "left", "room", "holds"])


def pull_on_all(net, data):
    """`‖D‖` of a neuron that is active on all samples."""
    return np.linalg.norm(al.loss.get("squared").pull(net(data.x), data.y) @ data.x)


def descend(step, batch=3, leak=0.0, end=400.0, seeds=range(10), width=100, scale=1e-3):
    """Final losses of descent on the three points, one a seed: `batch` samples a step, a leaky ReLU."""
    data, rng = al.data.three_points(), np.random.default_rng(0)
    nets = [al.Network.balanced(width, 2, scale, rng=seed) for seed in seeds]
    w, v = np.stack([net.w for net in nets]), np.stack([net.v for net in nets])
    for _ in range(round(end / step)):
        z = w @ data.x.T
        slope = np.where(z > 0, 1.0, leak)
        g = 2 / 3 * (data.y - (v[:, :, None] * slope * z).sum(axis=1))
        if batch < 3:
            g = g * 3 / batch * (rng.random((len(nets), 3)).argsort(axis=1) < batch)
        d = (slope * g[:, None, :]) @ data.x
        w, v = w + step * v[:, :, None] * d, v + step * (w * d).sum(axis=2)
    z = w @ data.x.T
    f = (v[:, :, None] * np.where(z > 0, 1.0, leak) * z).sum(axis=1)
    return ((f - data.y) ** 2).mean(axis=1)


def turned(count=2_000, most=40, end=30.0):
    """Of unbalanced neurons in the early flow: how many turn, and how far time reversal misses (relative).

    A neuron whose v vanishes at t is to be, from 2t on, the neuron started with the other sign of v.
    """
    data, drawn = al.data.three_points(), al.Network.unbalanced(count, 2, 1.0, rng=0)
    turn = (drawn.v < 0) & (al.early_flow(drawn, data, "squared").at(end).v > 0)
    mirror, worst = al.early_flow(al.Network(drawn.w, -drawn.v), data, "squared"), 0.0
    for j in np.flatnonzero(turn)[:most]:
        alone = al.early_flow(al.Network(drawn.w[[j]], drawn.v[[j]]), data, "squared")
        when = first_positive(lambda t, alone=alone: alone.at(t).v[0], end)
        after, fresh = alone.at(2 * when + 0.7), mirror.at(0.7)
        miss = np.append(after.w[0] - fresh.w[j], after.v[0] - fresh.v[j])
        worst = max(worst, np.abs(miss).max() / np.abs(fresh.w[j]).max())
    return int(turn.sum()), worst


def stragglers(seeds, width=200, scale=1e-3, end=30.0):
    """Of unbalanced starts, one a seed: how many neurons are late at `end`, and how many of those turned.

    Late is a neuron with v > 0 that is neither dead nor full; it has turned if it started with v < 0.
    """
    data, rows = al.data.three_points(), []
    for seed in seeds:
        net = al.Network.unbalanced(width, 2, scale, rng=seed)
        path = al.gradient_flow(net, data, "squared", end, rtol=1e-5, t_save=[end])
        active = path.patterns(end) > 0
        late = active.any(axis=1) & ~active.all(axis=1) & (path.final.v > 0)
        rows.append((late.sum(), (late & (net.v < 0)).sum()))
    return np.array(rows).T


def first_positive(value, end):
    """The time up to `end` at which an increasing function becomes positive, by bisection."""
    low, high = 0.0, end
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if value(middle) < 0 else (low, middle)
    return low
