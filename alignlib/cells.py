"""All neurons of a network, and how they move together."""

from dataclasses import dataclass

import numpy as np

from alignlib import record
from alignlib.network import Network
from alignlib.swarm import fly
from alignlib.walls import Walls


@dataclass(frozen=True, eq=False)
class Swarm:
    """Weights and sides of all neurons at one time; nothing changes it, `move` returns a new one."""

    walls: Walls
    w: np.ndarray
    v: np.ndarray
    side: np.ndarray

    @classmethod
    def of(cls, net, walls):
        return cls(walls, net.w, net.v, walls.sides(net)[1])

    @property
    def nbytes(self):
        return self.w.nbytes + self.v.nbytes + self.side.nbytes

    def network(self):
        return Network(self.w, self.v)

    def heights(self):
        """`⟨w_j, u_i⟩`, zero where rounding has put it on the other side than the neuron is."""
        z = self.w @ self.walls.u.T
        return np.where(z * self.side > 0, z, 0.0)

    def outputs(self):
        z = self.v[:, None] * self.heights()
        above, below = np.where(self.side > 0, z, 0).sum(axis=0), np.where(self.side < 0, z, 0).sum(axis=0)
        return self.walls.outputs(below, above)

    def move(self, polynomial, length, nodes, start):
        """Outputs at the nodes, the swarm at the last node, and the log of what happened."""
        below, above = self.walls.pulls(polynomial)
        w, v, side, z = self.w.copy(), self.v.copy(), self.side.copy(), self.heights()
        d = np.empty((len(v), 3, w.shape[1]))
        c = np.empty((len(v), 3, self.walls.m))
        for term in range(3):
            a = np.where(side > 0, above[term], np.where(side < 0, below[term], 0.0))
            d[:, term] = a @ self.walls.u
            c[:, term] = d[:, term] @ self.walls.u.T
        log = record.new_log(4 * len(v) + 16 * self.walls.m)
        while True:
            plus, minus = np.zeros((2, len(nodes), self.walls.m))
            moving = w.copy(), v.copy(), z.copy(), side.copy(), d.copy(), c.copy()
            count = fly(
                *moving, below, above, self.walls.u, self.walls.gram, length, nodes, plus, minus, start, log
            )
            if count != -1:
                break
            log = record.new_log(4 * len(log))
        moved = Swarm(self.walls, moving[0], moving[1], moving[3])
        return self.walls.outputs(minus, plus), moved, log[:count]

    def kernel(self, data):
        """The tangent kernel `∂f_k/∂t = Σ_l K_kl g_l` (n, n); sliding walls left out."""
        walls = self.walls
        active = self.side[:, walls.wall] * np.sign(walls.size).astype(np.int8) > 0
        active[:, walls.wall < 0] = False
        z = np.where(active, self.w @ data.x.T, 0.0)
        return (active.T * self.v**2) @ active * data.gram + z.T @ z
