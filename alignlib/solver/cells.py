"""The algebra of neurons that move as one; who does says module `groups`.

All neurons on the same sides of all walls feel the same D. So a *cell* of them is followed by at most
d + 1 vectors: the images of a basis, which carry every member along, and whose combinations have the
members' second moment `Σ θ_j θ_jᵀ`, hence their outputs. That is exact until a member meets a wall. A
neuron whose height is z cannot be there before the rapidity `ρ = ∫ ‖D‖ dt` has reached its *room*,

    |v| sinh ρ + ‖w‖ (cosh ρ - 1) = z,

and a wall that the cell recedes from cannot be met at all. After alignment nearly all neurons are in a
few cells, and a step costs the same whatever the width.
"""

from dataclasses import dataclass, replace

import numpy as np

from alignlib.solver.advance import carry


@dataclass(frozen=True, eq=False)
class Cell:
    """Neurons `index` with common sides `side` (m,) and sign of v, as they were at `theta` (r, d + 1).

    `few` are at most d + 1 neurons with the second moment, and so the outputs, of the members; `basis` is
    what has become of d + 1 unit vectors, or None if the `few` are the members themselves. `room` (m + 1,)
    is the smallest room of a member to each wall, the last entry that to v = 0; `used` the rapidity so far.
    """

    index: np.ndarray
    side: np.ndarray
    sign: float
    theta: np.ndarray
    few: np.ndarray
    basis: np.ndarray | None
    room: np.ndarray
    used: float = 0.0

    @classmethod
    def of(cls, index, side, sign, theta, room):
        """A new cell; the members' second moment comes from a QR decomposition."""
        size = theta.shape[1]
        if len(theta) <= size:
            return cls(index, side, sign, theta, theta, None, room)
        return cls(index, side, sign, theta, np.linalg.qr(theta, mode="r"), np.eye(size), room)

    def members(self):
        """`(w_j, v_j)` of the members now, (r, d + 1)."""
        return self.few if self.basis is None else self.theta @ self.basis

    def moved(self, d, used, length, nodes):
        """The cell after a step under D with coefficients `d` (3, d), and `Σ v_j w_j` at the nodes."""
        few, momentum = self.few.copy(), np.zeros((len(nodes), d.shape[1]))
        carry(few, d, length, nodes, momentum)
        basis = self.basis
        if basis is not None:
            basis = basis.copy()
            carry(basis, d, length, nodes, momentum[:0])
        moved = Cell(self.index, self.side, self.sign, self.theta, few, basis, self.room, used)
        return moved, momentum

    def scaled(self, kept):
        """The cell with all its weights times `kept`; rapidities, so rooms, have no scale."""
        basis = None if self.basis is None else kept * self.basis
        return replace(self, few=kept * self.few, basis=basis)


def room(w, v, side, u):
    """The room of neurons on these sides to every wall but those they slide on, and to v = 0."""
    v, norm = np.abs(v), np.linalg.norm(w, axis=1)
    reach = np.maximum(side * (w @ u.T), 0.0) + norm[:, None]
    square = ((norm - v) * (norm + v))[:, None]
    room = np.log((reach + np.sqrt(np.maximum(reach**2 - square, 0.0))) / (v + norm)[:, None])
    room[:, side == 0] = np.inf
    spacelike = v < norm * (1 - 1e-12)
    turn = np.arctanh(np.divide(v, norm, out=np.zeros_like(v), where=spacelike))
    return np.column_stack([room, np.where(spacelike, turn, np.inf)])
