"""Extremal vectors: the directions to which small neurons align.

BF, after Maennel et al. (2018): critical directions of `G(u) = ⟨u, D(u)⟩` on the unit sphere, where
`D(u)` is parallel to u, sliding included, or zero. Listed are those that attract neurons of one sign
of v: a neuron starts anywhere around and its direction tends to them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.solver.walls import Walls

EDGE = 1e-12  # directions closer than this, in radians, are one: thousands of roundings


@dataclass(frozen=True, eq=False, repr=False)
class ExtremalVector(inputs.Frozen):
    """A direction to which neurons with v of sign `sign` align in the early phase.

    Attributes
    ----------
    direction : (d,) unit vector; for dead neurons, which keep theirs, one among them
    sign : +1.0 or -1.0
    pattern, tight : (n,) booleans, the samples that are active, and those slid on
    rate : float, `sign ⟨D, u⟩ = ± ‖D‖`, at which a neuron there grows
        Negative where it is held on a hyperplane and shrinks, 0 for the dead.
    basin : (low, high), the directions that end here as angles in radians
        For light-like neurons in d = 2 only, else None.
    share : share of the circle, or of the starts of a search, that ends here
    """

    direction: np.ndarray
    sign: float
    pattern: np.ndarray
    tight: np.ndarray
    rate: float
    basin: tuple | None
    share: float

    def __repr__(self) -> str:
        active = "".join("s" if t else "01"[int(p)] for p, t in zip(self.pattern, self.tight))
        size = f"rate={self.rate:.3g}, share={self.share:.3g}"
        return f"ExtremalVector(sign={self.sign:+.0f}, pattern={active}, {size})"


def extremal_vectors(
    data: Dataset,
    loss: str | losses.Loss,
    starts: int = 2000,
    rng: inputs.Seed = 0,
    *,
    pulls: ArrayLike | None = None,
    negative_slope: float = 0.0,
) -> list[ExtremalVector]:
    """All extremal vectors for d = 2, exactly; those found from random `starts` in other dimensions.

    A vector that points along its own `± D`: a direction in which a small neuron can grow without turning.

    Parameters
    ----------
    loss : "exponential", "logistic" or "squared" (`al.loss.get` has their mean), or a `Loss`
    starts : int, neurons that `early_flow` follows in the search, half of them with v > 0
    rng : seed or Generator of the search
    pulls : (n,) constant pulls in place of those of the zero network
        Those at a saddle tell where neurons that are still small there go next.
    negative_slope : float, that of the neurons; other than 0 none of them is dead

    Returns
    -------
    list of ExtremalVector, v > 0 first, then by falling rate
        Rates that differ by rounding only are equal; of two such, active on an earlier sample comes first.

    Examples
    --------
    >>> found = al.extremal_vectors(al.data.toy_2d(), "exponential")
    >>> [vector.sign for vector in found if vector.rate > 0]
    [1.0, -1.0]
    """
    loss = losses.fitting(loss, data)
    g = losses.constant_pulls(loss, data, pulls)
    slope = inputs.between("negative_slope", negative_slope, -1, 1)
    walls = Walls.of(data.x, slope)
    if data.dim == 2:
        found = [vector for sign in (1.0, -1.0) for vector in _on_circle(walls, g, sign)]
    else:
        found = _by_search(data, loss, g, inputs.integer("starts", starts, least=2), rng, slope)
    return _in_order(found)


def _in_order(found):
    """By sign, rate and pattern; equal rates are told apart by what no rounding changes."""
    found = sorted(found, key=lambda vector: -vector.rate)
    rate = np.array([vector.rate for vector in found])
    # A rate is a sum over the samples: thousands of roundings of the largest are the same rate.
    level = np.cumsum(-np.diff(rate, prepend=rate[:1]) > EDGE * np.abs(rate).max(initial=0.0))

    def place(i):
        vector = found[i]
        return -vector.sign, level[i], (~vector.pattern).tolist(), (~vector.tight).tolist()

    return [found[i] for i in sorted(range(len(found)), key=place)]


def _on_circle(walls, g, sign):
    """Cut the circle at the walls and where `D(u)` is parallel to u; sinks are where both arcs lead."""
    below, above = walls.pulls(g)
    normal = np.arctan2(walls.u[:, 1], walls.u[:, 0])
    rays = np.sort(np.concatenate([normal + np.pi / 2, normal - np.pi / 2]) % (2 * np.pi))
    cuts = list(rays)
    for low, high in zip(rays, np.append(rays[1:], rays[0] + 2 * np.pi)):
        d = _pull(walls, below, above, 0.5 * (low + high))
        for angle in np.arctan2(d[1], d[0]) + np.array([0, np.pi]):
            inside = low + (angle - low) % (2 * np.pi)
            if d.any() and low + EDGE < inside < high - EDGE:
                cuts.append(inside % (2 * np.pi))
    cuts = np.unique(cuts)
    ends = np.append(cuts[1:], cuts[0] + 2 * np.pi)
    drift = np.array([_drift(walls, below, above, sign, 0.5 * (a + b)) for a, b in zip(cuts, ends)])
    count, found = len(cuts), []
    for i in range(count):
        if drift[i] == 0:
            found.append(
                _vector(
                    walls, below, above, sign, 0.5 * (cuts[i] + ends[i]), False, _basin(cuts, drift, i, i)
                )
            )
        elif drift[i - 1] > 0 > drift[i]:
            tight = np.abs(np.cos(cuts[i] - normal)) < EDGE
            found.append(_vector(walls, below, above, sign, cuts[i], tight, _basin(cuts, drift, i - 1, i)))
    return found


def _pull(walls, below, above, angle):
    side = walls.u @ [np.cos(angle), np.sin(angle)]
    a = np.where(side > 0, above, below)
    d = a @ walls.u
    return np.where(np.abs(d) > 1e-14 * np.abs(a).sum(), d, 0.0)


def _drift(walls, below, above, sign, angle):
    """Whether the direction of a neuron turns to larger angles (+1), smaller (-1) or rests (0)."""
    d = _pull(walls, below, above, angle)
    return np.sign(sign * (d @ [-np.sin(angle), np.cos(angle)]))


def _basin(cuts, drift, left, right):
    """The interval of angles around the arcs `left` to `right` that flows into them."""
    count = len(cuts)
    if drift[left] != 0 or left == right:
        while drift[left - 1] > 0 and right - left < count:
            left -= 1
    while drift[(right + 1) % count] < 0 and right - left < count - 1:
        right += 1
    low = cuts[left % count] - (2 * np.pi if left < 0 else 0)
    stop = right + 1
    high = cuts[stop % count] + (2 * np.pi if stop >= count else 0)
    return float(low), float(high)


def _vector(walls, below, above, sign, angle, tight, basin):
    u = np.array([np.cos(angle), np.sin(angle)])
    tight = np.broadcast_to(tight, walls.m)
    side = np.where(tight, 0, np.sign(walls.u @ u))
    d = np.where(side > 0, above, np.where(side < 0, below, 0.0)) @ walls.u
    on = np.where(walls.wall >= 0, side[walls.wall] * np.sign(walls.size), -1)
    rate = sign * float(d @ u)  # sliding takes off only what is orthogonal to u
    share = (basin[1] - basin[0]) / (2 * np.pi)
    return ExtremalVector(u, sign, on > 0, (on == 0), 0.0 if not d.any() else rate, basin, share)


def _by_search(data, loss, g, starts, rng, slope):
    """Follow random neurons to the end of the early phase and list where they arrive."""
    from alignlib.early import early_flow

    rng = inputs.generator("rng", rng)
    w = rng.standard_normal((starts, data.dim))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    sign = np.where(np.arange(starts) % 2, -1.0, 1.0)
    path = early_flow(Network(w, sign, slope), data, loss, pulls=g)
    kept = {}
    for j in range(starts):
        dead = slope == 0.0 and not path.final_patterns[j].any() and not path.sliding[j].any()
        key = (sign[j], path.final_patterns[j].tobytes(), path.sliding[j].tobytes())
        kept.setdefault(key if not dead else (sign[j], b"dead"), []).append(j)
    found = []
    for (sign_v, *_), rows in kept.items():
        j = rows[0]
        u, pattern = path.directions[j], path.final_patterns[j]
        felt = np.where(pattern, g, slope * np.where(path.sliding[j], 0.0, g))
        rate = sign_v * float(felt @ data.x @ u)
        found.append(ExtremalVector(u, sign_v, pattern, path.sliding[j], rate, None, len(rows) / starts))
    return found


inputs.guard(globals())
