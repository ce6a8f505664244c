"""The activation hyperplanes of a data set, one wall for all samples that share it.

Parallel and opposite samples have the same hyperplane; zero samples have none. Wall i has a unit
normal `u_i`; sample k is `x_k = size_k u_{wall_k}` with a size of either sign. A neuron on the `+`
side of wall i (`⟨w, u_i⟩ > 0`) is active on the samples of positive size, on the `-` side on those of
negative size. So `D = Σ_i a_i u_i` with

    a_i = above_i = Σ_{k at wall i, size_k > 0} g_k size_k    on the + side,
    a_i = below_i = Σ_{k at wall i, size_k < 0} g_k size_k    on the - side (0 without opposite samples),

and anything between the two for a neuron that slides along the wall. With a slope α on the negative side
of σ each side has α times the sum of the other added, and nothing else changes: σ(z) = s z still, with s
the slope where z is.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alignlib import inputs
from alignlib.solver.tolerances import PARALLEL, SMALLEST, rounding


@dataclass(frozen=True, eq=False)
class Walls:
    """Unit normals `u` (m, d), their Gram matrix, and where each sample is.

    `wall` (n,) is -1 for a zero sample; `size` (n,) is the signed length of the sample; `negative_slope`
    is that of the network.
    """

    u: np.ndarray
    gram: np.ndarray
    wall: np.ndarray
    size: np.ndarray
    negative_slope: float = 0.0

    @classmethod
    def of(cls, x, negative_slope=0.0):
        """The walls of the samples `x` (n, d), in the order of their first samples."""
        size = inputs.lengths(x)
        if not size.any():
            raise ValueError("`data` must have a sample that is not zero, got none")
        unit = np.divide(x, size[:, None], out=np.zeros_like(x), where=size[:, None] > 0)
        gram = unit @ unit.T
        np.fill_diagonal(gram, 1.0)
        own = np.arange(len(x))
        wall, close = np.where(size > 0, own, -1), np.abs(gram) > 1 - 1e-8
        for k in np.flatnonzero(close.sum(axis=1) > 1):
            if wall[k] == k:
                near = np.flatnonzero(close[k] & (wall == own) & (own > k))
                sign = np.sign(gram[k, near])
                same = np.linalg.norm(sign[:, None] * unit[near] - unit[k], axis=1) <= PARALLEL
                wall[near[same]] = k
                size[near[same]] *= sign[same]
        first = np.flatnonzero(wall == own)
        if len(first) < len(x):
            wall[wall >= 0] = np.searchsorted(first, wall[wall >= 0])
            unit, gram = unit[first], gram[np.ix_(first, first)]
        return cls(unit, gram, wall, size, negative_slope)

    @property
    def m(self):
        """Number of walls."""
        return len(self.u)

    @cached_property
    def _seen(self):
        """Number of samples that have a wall."""
        return int((self.wall >= 0).sum())

    @cached_property
    def _acting(self):
        """The samples active below the walls, and those above: which, their sizes, their walls."""
        seen = self.wall >= 0
        chosen = (np.flatnonzero(acts & seen) for acts in (self.size < 0, self.size > 0))
        return [(k, self.size[k], self.wall[k]) for k in chosen]

    def pulls(self, g):
        """`below` and `above` of every wall for pulls `g` (..., n): two arrays (..., m).

        Where the samples of a wall cancel each other, what rounding leaves is no pull.
        """
        g = np.asarray(g, dtype=np.float64)
        below, above = np.zeros((2, *g.shape[:-1], self.m))
        for pull, (k, size, wall) in zip((below, above), self._acting):
            terms = g[..., k] * size
            if self.m == self._seen:
                pull[..., wall] = terms
            else:  # some share a wall
                np.add.at(pull, (..., wall), terms)
                sizes = np.zeros_like(pull)
                np.add.at(sizes, (..., wall), np.abs(terms))
                pull[np.abs(pull) <= rounding(len(k)) * sizes] = 0.0
        return self._with_slope(below, above)

    def _with_slope(self, below, above):
        """Both with α times the other added; a sum that is rounding of its two terms is no pull."""
        if self.negative_slope == 0.0:
            return below, above
        pair = below + self.negative_slope * above, above + self.negative_slope * below
        noise = rounding(self._seen) * (np.abs(below) + np.abs(above))
        for pull in pair:
            pull[np.abs(pull) <= np.abs(self.negative_slope) * noise] = 0.0
        return pair

    def outputs(self, below, above):
        """The outputs (..., n), from `Σ_j v_j ⟨w_j, u_i⟩` over the neurons on either side."""
        wall, size = self.wall, self.size
        chosen = np.where(size > 0, above[..., wall], below[..., wall])
        if self.negative_slope != 0.0:
            chosen += self.negative_slope * np.where(size > 0, below[..., wall], above[..., wall])
        return np.where(wall < 0, 0.0, chosen * size)

    def outside(self, w):
        """The parts of these weights (h, d) orthogonal to all samples, which no pull moves."""
        _, stretch, span = np.linalg.svd(self.u, full_matrices=False)
        span = span[stretch > max(self.u.shape) * np.finfo(float).eps * stretch[0]]
        left = w - (w @ span.T) @ span
        noise = rounding(w.shape[1]) * np.linalg.norm(w, axis=1)
        left[(np.linalg.norm(left, axis=1) <= noise) | (len(span) == w.shape[1])] = 0.0
        return left

    def patterns(self, sides):
        """+1, 0 or -1 for every sample (h, n), from the sides of the walls (h, m); -1 for a zero sample."""
        signs = sides[:, self.wall] * np.sign(self.size).astype(np.int8)
        signs[:, self.wall < 0] = -1
        return signs

    def sides(self, net):
        """Heights `⟨w_j, u_i⟩` (h, m), and sides: +1, -1, or 0 for a neuron on the wall."""
        size = np.abs(net.w).max(axis=1)
        if ((size > 0) & (size < SMALLEST)).any():
            least = size[size > 0].min()
            raise ValueError(f"`net` must have no neuron smaller than {SMALLEST:g}, got {least:g}")
        z = net.w @ self.u.T
        touching = np.abs(z) <= rounding(net.dim) * np.linalg.norm(net.w, axis=1)[:, None]
        z[touching] = 0.0
        return z, np.sign(z).astype(np.int8)
