"""Which directions grow under the pulls that are left, who is on the way, and how long it takes."""

from dataclasses import dataclass

import numpy as np

from alignlib import geometry, inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.diagnosis.start import along, growth, moves
from alignlib.early import early_flow
from alignlib.extremal import extremal_vectors
from alignlib.network import Network

SLOW = 0.01  # share of the fastest rate below which a way is none: so slow is also what is left of a decay
REST = 0.05  # share of the fastest rate up to which a neuron that is pulled is at rest
GROWN = 0.1  # of the fall that is an escape: who would give so much by its size now is part of the fit
ON = 1e-6  # cosine to a sample up to which a direction is on its hyperplane, as computed
FELL = 0.1  # share of the loss by which it must fall for an escape


@dataclass(frozen=True, eq=False, repr=False)
class WayOut:
    """A direction that small neurons grow along under the pulls that are left.

    Attributes
    ----------
    direction : (d,) unit vector; sign : 1 or -1, that of the output weight
    pattern, tight : (n,) booleans, the samples that it is active on, and those that it slides on
    rate : float, a neuron there grows like `e^(rate t)`
    neurons : indices of the small neurons that are in its basin
    mass : their `Σ |v_j| ‖w_j‖`
    escape : time from now until they have brought the loss down by a tenth, if the pulls stay; inf if none
    """

    direction: np.ndarray
    sign: int
    pattern: np.ndarray
    tight: np.ndarray
    rate: float
    neurons: np.ndarray
    mass: float
    escape: float

    def neuron(self, size: float) -> Network:
        """A balanced neuron on this way, `‖w‖ = |v| = size`.

        >>> data, net = al.data.three_points(), al.Network([[1.0, 0.0]], [1e-3])
        >>> al.diagnosis.ways_out(net, data, "squared")[0].neuron(0.1)
        Network(width=1, dim=2)
        """
        size = inputs.positive("size", size)
        return Network([size * self.direction], [self.sign * size])

    def __repr__(self) -> str:
        active = "".join("s" if t else "01"[int(p)] for p, t in zip(self.pattern, self.tight))
        pattern = active if len(active) <= 12 else f"{self.pattern.sum()} of {len(active)} samples"
        when = f"escape after {self.escape:.2g}" if len(self.neurons) else "nobody is on it"
        return f"WayOut(sign={self.sign:+d}, {pattern}, rate={self.rate:.2g}, {when})"


def ways_out(
    net: Network, data: Dataset, loss: str | losses.Loss, starts: int = 500, rng: inputs.Seed = 0
) -> list[WayOut]:
    """The directions that grow under the pulls of `net`, the fastest first, and who is on the way.

    Near a stationary point the pulls hardly change, and small neurons feel them as the early phase feels
    those of the zero network: so `extremal_vectors(pulls=...)` lists where they can grow, and
    `early_flow(pulls=...)` who goes there, and when. Neurons that nothing pulls (less than 1/20 of the
    fastest rate) are at rest and on no way, as are the dead, and those so large that the outputs, and so
    the pulls, follow what they do. Times are estimates: they take the pulls as constant.

    Parameters
    ----------
    starts, rng : of the search for extremal vectors where d is not 2

    Raises
    ------
    ValueError
        If loss, labels and dimensions do not fit.

    Examples
    --------
    At the least squares of BF's three points one direction grows, and no neuron is on the way.

    >>> net = al.Network.balanced(width=20, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.three_points(), "squared", t_end=60)
    >>> al.diagnosis.ways_out(path.final, path.data, "squared")[0]
    WayOut(sign=+1, 0s1, rate=0.061, nobody is on it)
    """
    loss = losses.fitting(loss, data)
    inputs.same_dim(net, data)
    g = loss.pull(net(data.x), data.y)
    if not g.any():
        return []
    vectors = extremal_vectors(data, loss, starts, rng, pulls=g, negative_slope=net.negative_slope)
    ways = {_key(v.sign, v.pattern, v.tight): (v.direction, v.rate) for v in vectors if v.rate > 0}
    moving = _moving(net, data, g, max((rate for _, rate in ways.values()), default=0.0))
    early = early_flow(net.some(moving), data, loss, pulls=g) if len(moving) else None
    drop = FELL * loss.value(net(data.x), data.y)
    on = _who(early, moving, g, ways, GROWN * drop)
    fastest = max((rate for _, rate in ways.values()), default=0.0)
    found = [
        _way(key, direction, rate, on.get(key, []), net, data, loss, g, drop)
        for key, (direction, rate) in ways.items()
        if rate >= SLOW * fastest
    ]
    # Rates that differ by rounding only are equal, and stay in the order of the list.
    return sorted(found, key=lambda way: -round(way.rate / fastest, 9))


def _key(sign, pattern, tight):
    return int(sign), np.asarray(pattern).tobytes(), np.asarray(tight).tobytes()


def _moving(net, data, g, fastest):
    """The neurons that something pulls."""
    pull = np.linalg.norm(geometry.pulled(net, data, g), axis=1)
    return np.flatnonzero((pull > REST * fastest) & (np.linalg.norm(net.w, axis=1) > 0))


def _who(early, moving, g, ways, grown):
    """The neurons on each way; ways that only they have found are added."""
    on: dict[tuple, list[int]] = {}
    if early is None:
        return on
    rates = growth(early, g)
    gains = rates * np.abs(early.start.v) * np.linalg.norm(early.start.w, axis=1)  # of the loss, there
    sign = np.where(along(early, g) > 0, 1, -1)
    # Who is not on the hyperplanes that it is said to slide on has shrunk for so long that nothing is left.
    x = early.data.x
    off = (early.sliding & (np.abs(early.directions @ x.T) > ON * np.linalg.norm(x, axis=1))).any(axis=1)
    for i, j in enumerate(moving):
        if not rates[i] > 0 or gains[i] >= grown or off[i]:
            continue
        key = _key(sign[i], early.final_patterns[i], early.sliding[i])
        ways.setdefault(key, (early.directions[i], float(rates[i])))
        on.setdefault(key, []).append(int(j))
    return on


def _way(key, direction, rate, rows, net, data, loss, g, drop):
    sign, pattern, tight = key[0], np.frombuffer(key[1], bool), np.frombuffer(key[2], bool)
    escape, mass = np.inf, 0.0
    if rows:
        some = net.some(rows)
        escape = moves(early_flow(some, data, loss, pulls=g), g, drop)
        mass = float((np.abs(some.v) * np.linalg.norm(some.w, axis=1)).sum())
    return WayOut(direction, sign, pattern, tight, float(rate), np.array(rows, int), mass, escape)


inputs.guard(globals())
