"""The next jump, foretold from one state: who wakes, where to, when.

At a plateau the large neurons rest and the pulls stand still, at g*. Neurons that are small there feel them
as all neurons of the early phase feel the pulls of the zero network. So the early flow under g* tells what
they do until they are large.
"""

from dataclasses import dataclass

import numpy as np

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network

PARALLEL = 1e-14  # samples whose directions are closer share one wall, as in the solver
EDGE = 1e-9  # of the pulls' sizes: below it a rate is what the solver left of them


@dataclass(frozen=True, eq=False, repr=False)
class Jump:
    """Neurons that sleep in one basin of the pulls at a plateau, and what the early flow says of them.

    Attributes
    ----------
    neurons : (m,) their numbers, growing
    sign : +1.0 or -1.0, that of their output weights in the end
    direction : (d,) the unit vector to which they align: an extremal vector of the pulls
    pattern, tight : (n,) booleans, the samples on which they are active there, and those they slide on
    rate : float, at which `log ‖θ_j‖` grows there; 0 for the dead, negative for those that shrink
    drift : float, `‖Ḋ‖ / rate²`, by how much D changes while they grow by e, as a share; inf without a rate
        Where it is not small there is no plateau for them, and the delay means little.
    mass : float, `Σ v_j²` over them now
    delay : float, after which their mass has come to the level if the pulls stay as they are; or inf
    """

    neurons: np.ndarray
    sign: float
    direction: np.ndarray
    pattern: np.ndarray
    tight: np.ndarray
    rate: float
    drift: float
    mass: float
    delay: float

    def __repr__(self) -> str:
        active = "".join("s" if t else "01"[int(p)] for p, t in zip(self.pattern, self.tight))
        count = "1 neuron" if len(self.neurons) == 1 else f"{len(self.neurons)} neurons"
        where = f"{count}, sign={self.sign:+.0f}, pattern={active}"
        return f"Jump({where}, rate={self.rate:.3g}, delay={self.delay:.4g})"


def next_jumps(net: Network, data: Dataset, loss: str | losses.Loss, level: float = 0.01) -> list[Jump]:
    """Who wakes next, where to and when, if the pulls stay those of `net`: the early flow under them.

    The `dormant` neurons are followed by `early_flow(pulls=g)` with `g` the pulls of `net`, exactly, and
    put together by where they end. The mass `Σ v_j(t)²` of a group is convex in t, so it comes to the level
    at most once. How far that is from the full flow chapter 9 bounds, by how the pulls move meanwhile.

    Parameters
    ----------
    net : Network, at a plateau or at its start
    level : float, the mass at which a group counts as awake; small against the labels

    Returns
    -------
    list of Jump
        The first to wake comes first; those that never do come last, the largest rate first.

    Raises
    ------
    ValueError
        If an argument does not fit, or the slope is not 0.

    Examples
    --------
    >>> data = al.data.toy_2d(n=3)
    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-6, rng=0)
    >>> for jump in al.theory.next_jumps(net, data, "exponential"):
    ...     print(jump)
    Jump(4 neurons, sign=+1, pattern=101, rate=1.64, delay=7.55)
    Jump(6 neurons, sign=-1, pattern=010, rate=1, delay=12.27)
    """
    from alignlib.early import early_flow

    loss = losses.fitting(loss, data)
    inputs.same_dim(net, data)
    inputs.relu("net", net, "this forecast")
    who = dormant(net, level)
    if not len(who):
        return []
    pulls, speed = _pulls(net, data, loss)
    plateau = _Plateau(data, loss, pulls, speed, level)
    early = early_flow(net.some(who), data, loss, pulls=plateau.pulls)
    found = [plateau.jump(net, who[rows]) for rows in _together(early, net.v[who])]
    return sorted(found, key=lambda jump: (jump.delay, -jump.rate))


def dormant(net: Network, level: float = 0.01) -> np.ndarray:
    """The smallest neurons, as many as have `Σ v_j²` below `level` together: their numbers, growing.

    >>> al.theory.dormant(al.Network([[1.0], [0.1], [0.01]], [1.0, 0.1, 0.01]), level=0.05)
    array([1, 2])
    """
    order = np.argsort(np.abs(net.v), kind="stable")
    return np.sort(order[np.cumsum(net.v[order] ** 2) < inputs.positive("level", level)])


def _pulls(net, data, loss):
    """The pulls, and their speed."""
    f = net(data.x)
    g = loss.pull(f, data.y)
    f_speed = _speed(net, data, loss, g)
    fastest = np.abs(f_speed).max()
    if fastest == 0:
        return g, np.zeros(data.n)
    step = 1e-5 / fastest  # a central difference, of outputs that move by 1e-5
    return g, (loss.pull(f + step * f_speed, data.y) - loss.pull(f - step * f_speed, data.y)) / (2 * step)


def _speed(net, data, loss, g):
    """How fast the outputs move under the pulls, (n,).

    Not by the tangent kernel, which leaves out what walls hold of neurons that slide. The early flow under
    the pulls knows who slides: those feel only what is along their walls.
    """
    from alignlib.early import early_flow

    sides = early_flow(net, data, loss, pulls=g).patterns(0.0)
    d = projected(sides, data, g)
    grows, turns = (d * net.w).sum(axis=1), net.v**2
    moved = grows[:, None] * net.preactivations(data.x) + turns[:, None] * (d @ data.x.T)
    return np.where(sides > 0, moved, 0.0).sum(axis=0)


def _together(early, v):
    """The neurons by where they end: lists of rows."""
    kept = {}
    for j in range(len(v)):
        key = (v[j] > 0, early.final_patterns[j].tobytes(), early.sliding[j].tobytes())
        kept.setdefault(key, []).append(j)
    return kept.values()


@dataclass(frozen=True, eq=False)
class _Plateau:
    """The pulls at one moment, their speed, and the mass at which a group is awake."""

    data: Dataset
    loss: losses.Loss
    pulls: np.ndarray
    speed: np.ndarray
    level: float

    def jump(self, net, neurons):
        """What becomes of neurons that end in one place."""
        from alignlib.early import early_flow

        group = net.some(neurons)
        early = early_flow(group, self.data, self.loss, pulls=self.pulls)
        largest = int(np.argmax(np.abs(group.v)))
        u, tight = early.directions[largest], early.sliding[largest]
        pattern = early.final_patterns[largest]
        rate = self.rate(pattern, u)
        sign = float(np.sign(group.v[largest] if rate == 0 else _later(early, rate).v[largest]))
        rate *= sign
        moved = across(self.speed[pattern] @ self.data.x[pattern], self.data.x[tight])
        drift = np.inf if rate == 0 else float(np.linalg.norm(moved)) / rate**2
        mass, delay = float((group.v**2).sum()), self.delay(early) if rate > 0 else np.inf
        return Jump(neurons, sign, u, pattern, tight, rate, drift, mass, delay)

    def rate(self, pattern, u):
        """`⟨D, u⟩`, or 0 where it is rounding: large neurons at rest have cancelled the pulls along D."""
        g, x = self.pulls[pattern], self.data.x[pattern]
        rate = float(g @ x @ u)  # sliding takes off what is across u
        return rate if abs(rate) > EDGE * float(np.abs(g) @ np.linalg.norm(x, axis=1)) else 0.0

    def delay(self, early):
        """When the mass is at the level; it is convex in time, and below it now."""
        from scipy.optimize import brentq

        def missing(t):
            return float(np.log(max((early.at(t).v ** 2).sum(), 1e-300) / self.level))

        # No neuron grows faster than at Σ |g_k| ‖x_k‖: it is not before this.
        fastest = float(np.abs(self.pulls) @ np.linalg.norm(self.data.x, axis=1))
        late = -missing(0.0) / (2 * fastest)
        try:
            while missing(late) < 0:
                late *= 2
        except ValueError:  # exactly opposed to its pull, and too small for a float before it turns
            return np.inf
        return float(brentq(missing, 0.0, late, xtol=1e-12 * late))


def projected(sides, data, g):
    """`D_j` under the pulls `g`, (h, d), of neurons on these sides (h, n); who slides, along walls."""
    kinds, kind = np.unique(sides, axis=0, return_inverse=True)
    return np.array([across(g[side > 0] @ data.x[side > 0], data.x[side == 0]) for side in kinds])[kind]


def across(vectors, walls):
    """What is left of vectors (..., d) when their parts along the rows of `walls` (k, d) are taken off.

    >>> across(np.array([3.0, 4.0]), np.array([[2.0, 0.0]])).tolist()
    [0.0, 4.0]
    """
    if not len(walls):
        return vectors
    _, size, basis = np.linalg.svd(walls, full_matrices=False)
    basis = basis[size > PARALLEL * size[0]]  # samples that share a wall count once
    return vectors - vectors @ basis.T @ basis


def _later(early, rate):
    """The neurons when each is on its way to its direction: a space-like one may change its sign before."""
    try:
        return early.at(early.t[-1] + 40 / abs(rate))
    except ValueError:
        return early.at(early.t[-1])


inputs.guard(globals())
