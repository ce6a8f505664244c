"""Single neurons of gradient descent under given pulls, in the plane: who turns the sign of v, and when.

A neuron that is opposed to where it is pulled waits; meanwhile descent takes it off the light cone, and at
the next wall it may turn. Chances, and the law for them, of chapter 7.
"""

from dataclasses import dataclass

import numpy as np

import alignlib as al


def one_step(w, v, data, pulls, step):
    """The weights after one step, for any leading axes, and D of every neuron."""
    d = ((w @ data.x.T > 0) * pulls) @ data.x
    return w + step * v[..., None] * d, v + step * (w * d).sum(axis=-1), d


def early(net, data, loss, step, n_steps):
    """Descent at the pulls of the zero network: weights at the end, and who has turned the sign of v."""
    pulls, w, v = al.loss.get(loss).pull(np.zeros(data.n), data.y), net.w, net.v
    turned = np.zeros(net.width, bool)
    for _ in range(n_steps):
        w, v, _ = one_step(w, v, data, pulls, step)
        turned |= v * net.v < 0
    return al.Network(w, v), turned


def last_change(net, data, step, end):
    """The time at which some neuron changes its pattern last, up to `end`, at unit pulls."""
    w, v, last = net.w, net.v, 0.0
    for k in range(round(end / step)):
        before = w @ data.x.T > 0
        w, v, _ = one_step(w, v, data, data.y, step)
        if ((w @ data.x.T > 0) != before).any():
            last = step * (k + 1)
    return last


@dataclass(frozen=True)
class Exit:
    """One wall by which a neuron leaves that is opposed to where it is pulled.

    rate : ‖D‖ of the sector that it leaves
    share : the largest share of `‖w_⊥‖²` by which `v² - b²` may differ from 0 at the wall for a turn
    cot : of the angle between D and the wall
    """

    rate: float
    share: float
    cot: float

    @property
    def exponent(self):
        """C of the law `exp(-C / (η‖D‖))`."""
        return -np.log(self.share)

    def angle(self, step):
        """Up to which angle from the opposed direction neurons turn, by the law; nothing is fitted."""
        q, speed = step * self.rate, np.hypot(np.sqrt(self.share), self.cot)
        steps = self.exponent / -np.log1p(-(q**2))
        return 2 * np.sqrt((speed - self.cot) / (speed + self.cot)) * np.exp(-steps * np.arctanh(q))


def exits(data, loss):
    """The exits of opposed neurons that can turn, for data in the plane."""
    found = []
    for aim in al.extremal_vectors(data, loss):
        if aim.rate == 0 or aim.tight.any():
            continue
        for normal in data.x:
            wall = np.array([-normal[1], normal[0]]) / np.linalg.norm(normal)
            wall *= np.sign(wall @ aim.direction)
            cosine, across = wall @ aim.direction, aim.direction - (wall @ aim.direction) * wall
            start = wall - 1e-9 * across  # just outside, on the side away from the aim
            inside = np.array_equal(data.x @ (wall + 1e-9 * across) > 0, aim.pattern)
            share = _share(data, loss, start, cosine, -aim.sign) if inside else 0.0
            if share > 0:
                found.append(Exit(abs(aim.rate), share, cosine / np.sqrt(1 - cosine**2)))
    return found


def _share(data, loss, start, cosine, sign):
    """The largest share for which the flow from the wall turns the sign of v, by bisection; 0 if none."""

    def turns(share):
        v = sign * np.sqrt(share * (1 - cosine**2) + cosine**2)
        return al.early_flow(al.Network([start], [v]), data, loss).at(60.0).v[0] * sign < 0

    low, high = 0.0, 1.0
    if not turns(low):
        return 0.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if turns(middle) else (low, middle)
    return low


def around(data, loss, count=1_500, least=1e-9):
    """Neurons of size one around the directions opposed to where they are pulled, and what each stands for.

    On a logarithmic scale of angles, so that rare neurons are among them: the shares are those of a start
    in which every direction, and both signs of v, are as likely.
    """
    edges = np.geomspace(least, np.pi, count + 1)
    angle, share = np.sqrt(edges[1:] * edges[:-1]), np.diff(edges) / (4 * np.pi)
    nets, shares = [], []
    for aim in al.extremal_vectors(data, loss):
        if aim.rate and not aim.tight.any():
            along = aim.direction
            for side in (1, -1):
                across = side * np.array([-along[1], along[0]])
                w = np.cos(angle)[:, None] * along + np.sin(angle)[:, None] * across
                nets.append((w, np.full(count, -aim.sign)))
                shares.append(share)
    w, v = zip(*nets)
    return al.Network(np.concatenate(w), np.concatenate(v)), np.concatenate(shares)


def chance(data, loss, step, end=40.0):
    """The chance that a balanced neuron turns the sign of v in descent at the pulls of the zero network."""
    net, share = around(data, loss)
    return share[early(net, data, loss, step, round(end / step))[1]].sum()


def chance_in_batches(data, loss, step, count=20_000, end=20.0):
    """The same for batches of one sample, where each neuron sees its own; of a random draw of neurons."""
    rng = np.random.default_rng(0)
    pulls = data.n * al.loss.get(loss).pull(np.zeros(data.n), data.y)
    net, turned = al.Network.balanced(count, data.dim, 1.0, rng), np.zeros(count, bool)
    w, v = net.w, net.v
    for _ in range(round(end / step)):
        k = rng.integers(data.n, size=count)
        x = data.x[k]
        z = (w * x).sum(axis=1)
        g = step * np.where(z > 0, pulls[k], 0.0)
        w, v = w + (g * v)[:, None] * x, v + g * z
        turned |= v * net.v < 0
    return turned.mean()


def law(data, loss, step):
    """The same by the law: a sum over the exits."""
    return sum(one.angle(step) for one in exits(data, loss)) / (4 * np.pi)


def late(step, scale, end=60.0):
    """The chance that a balanced neuron on the three points is a straggler of descent at this step.

    It moves, too small to matter, in the pulls of 2,000 neurons; at the `end`, long after the fit, it has
    v > 0, and sees some samples, not all. An estimate: a network of finite width has pulls of its own.
    """
    data = al.data.three_points()
    many = al.Network.balanced(2_000, 2, scale, rng=1)
    net, share = around(data, "squared")
    w, v, (probe_w, probe_v) = many.w, many.v, (net.w, net.v)
    for _ in range(round(end / step)):
        g = 2 / 3 * (data.y - v @ np.maximum(w @ data.x.T, 0))
        w, v, _ = one_step(w, v, data, g, step)
        probe_w, probe_v, _ = one_step(probe_w, probe_v, data, g, step)
    seen = (probe_w @ data.x.T > 0).sum(axis=1)
    return share[(probe_v > 0) & (seen > 0) & (seen < 3)].sum()


def over(data, loss, steps):
    """Columns over the steps: 1/(η‖D‖), the chance, the law."""
    rate = max(one.rate for one in exits(data, loss))
    columns = [(1 / (step * rate), chance(data, loss, step), law(data, loss, step)) for step in steps]
    return np.transpose(columns)


def over_in_batches(data, loss, steps):
    """Columns over the steps: 1/(η‖D‖), and the chance with batches of one."""
    rate = max(one.rate for one in exits(data, loss))
    return np.transpose([(1 / (step * rate), chance_in_batches(data, loss, step)) for step in steps])
