"""All neurons at one time, and how they are moved over a step.

Those in cells (module `cells`) move together, the others each on its own (module `advance`). A cell without
room is dissolved before the step; who is gathered into cells after it says module `groups`.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from alignlib.network import Network
from alignlib.solver import events, threads
from alignlib.solver.advance import ENDLESS, FULL, felt, fly, has_room
from alignlib.solver.interval import TERMS
from alignlib.solver.sliding import Log, Scene
from alignlib.solver.tolerances import FASTEST
from alignlib.solver.walls import SMALLEST, Walls

CHUNK = 2**12  # neurons that fly together; fixed, for the sums are added in the order of the chunks


class StepTooLong(RuntimeError):
    """A neuron gains too much rapidity, or meets walls again and again without time going on."""


@dataclass(frozen=True, eq=False)
class Swarm:
    """All neurons at one time: `w`, `v`, `side` of the free ones, numbered by `index`, and the cells.

    Nothing changes a swarm: `move` and `dissolved` return new ones.
    """

    walls: Walls
    index: np.ndarray
    w: np.ndarray
    v: np.ndarray
    side: np.ndarray
    rtol: float
    cells: tuple = ()
    weight_decay: float = 0.0

    @classmethod
    def of(cls, net, walls, rtol, weight_decay=0.0):
        """The network with every neuron free; a step may err by `rtol` of rapidity."""
        side = walls.sides(net)[1]
        return cls(walls, np.arange(net.width), net.w, net.v, side, rtol, weight_decay=weight_decay)

    def arrays(self):
        """Bytes of the arrays that it holds, by their ids: swarms share some of them."""
        own = [self.index, self.w, self.v, self.side]
        for cell in self.cells:
            own += [cell.index, cell.side, cell.theta, cell.few, cell.room]
            own += [] if cell.basis is None else [cell.basis]
        whole = (array if array.base is None else array.base for array in own)  # a view holds all of it
        return {id(array): array.nbytes for array in whole}

    def order(self):
        """Where each neuron is among the free ones and, behind them, the members of the cells."""
        who = np.concatenate([self.index, *(cell.index for cell in self.cells)])
        order = np.empty_like(who)
        order[who] = np.arange(len(who))  # as `argsort`, without the sort
        return order

    def network(self):
        """All neurons in their order."""
        w, v = rows(self.w, self.v, self.cells)
        order = self.order()
        return Network(w[order], v[order], self.walls.negative_slope)

    def sides(self):
        """The sides (h, m) of all neurons in their order."""
        members = [np.broadcast_to(cell.side, (len(cell.index), self.walls.m)) for cell in self.cells]
        return np.concatenate([self.side, *members])[self.order()]

    def equivalent(self):
        """Weights and sides of fewer neurons with the same outputs and the same tangent kernel."""
        theta = np.concatenate([np.column_stack([self.w, self.v]), *(cell.few for cell in self.cells)])
        sides = [np.broadcast_to(cell.side, (len(cell.few), self.walls.m)) for cell in self.cells]
        return theta[:, :-1], theta[:, -1], np.concatenate([self.side, *sides])

    def outputs(self):
        """`f(x_k)`, (n,)."""
        w, v, side = self.equivalent()
        z = v[:, None] * (w @ self.walls.u.T)
        return self.walls.outputs((z * (side < 0)).sum(axis=0), (z * (side > 0)).sum(axis=0))

    def kernel(self, data, held=True):
        """The tangent kernel `∂f_k/∂t = Σ_l K_kl g_l`, (n, n); samples slid on are left out.

        Without `held` neurons that slide move as if free of their walls: cheaper, and enough for steps in
        which that is little.
        """
        w, v, side = self.equivalent()
        active = self._slopes(side)
        z = active * (w @ data.x.T)
        kernel = ((active.T * v**2) @ active) * data.gram + z.T @ z
        for j in np.flatnonzero((side == 0).any(axis=1)) if held else ():
            across = np.linalg.qr(self.walls.u[side[j] == 0].T)[0]  # they cannot move this way
            seen = active[j][:, None] * (data.x @ across)
            kernel -= v[j] ** 2 * (seen @ seen.T)
        return kernel

    def growth(self, data):
        """The part of the kernel, (n, n), by which balanced neurons move along `(w, v)`."""
        w, _, side = self.equivalent()
        z = self._slopes(side) * (w @ data.x.T)
        return 2.0 * z.T @ z

    def _slopes(self, side):
        """σ' of neurons on these sides at the samples, (h, n); 0 where they slide."""
        wall, size = self.walls.wall, self.walls.size
        way = np.where(wall >= 0, side[:, wall] * np.sign(size), 0.0)
        slopes = (way > 0).astype(float)
        if self.walls.negative_slope != 0.0:
            slopes[way < 0] = self.walls.negative_slope
        return slopes

    @cached_property
    def heights(self):
        """`⟨w_j, u_i⟩` of the free neurons, (h, m)."""
        z = self.w @ self.walls.u.T
        z *= z * self.side > 0  # rounding may have put it on the other side than the neuron is
        return z

    @cached_property
    def kinds(self):
        """The free neurons by their sides: the first of each kind, and the kind of each neuron."""
        return np.unique(keys(self.side), return_index=True, return_inverse=True)[1:]

    def forces(self, below, above):
        """Coefficients of `D` (.., 3, d) and of `⟨D, u_i⟩` (.., 3, m): free kinds first, then cells."""
        u, sides = self.walls.u, self.side[self.kinds[0]]
        if self.cells:
            sides = np.concatenate([sides, [cell.side for cell in self.cells]])
        a = np.where(sides[:, None] > 0, above, np.where(sides[:, None] < 0, below, 0.0))
        d = a.reshape(-1, len(u)) @ u
        return d.reshape(-1, TERMS, u.shape[1]), (d @ u.T).reshape(-1, TERMS, len(u))

    def move(self, polynomial, length, nodes, start):
        """Outputs at the nodes, the swarm at the last node, and the log of what happened.

        Cells in which someone might meet a wall during this step are dissolved first. With weight decay λ
        the neurons move as without it, and are then shrunk by `e^{-λt}`, t the time since the start.
        """
        below, above = self.walls.pulls(polynomial)
        scene = Scene(
            below, above, self.walls.u, self.walls.gram, length, start, self.rtol, self.walls.negative_slope
        )
        d, c = self.forces(below, above)
        split, felt_d, rapidity = [], [], [0.0]
        for cell, cell_d, cell_c in zip(self.cells, d[len(self.kinds[0]) :], c[len(self.kinds[0]) :]):
            leave = 2.0
            if not cell.side.all():
                cell_d, cell_c, leave = felt(cell.sign, cell.side, cell_d, cell_c, scene)
            gained, fits = has_room(cell.sign, cell.side, cell.room, cell.used, cell_d, cell_c, length)
            if not fits or leave <= 1.0:
                split.append(cell)
            felt_d.append(cell_d)
            rapidity.append(gained)
        if split:
            return self.dissolved(split).move(polynomial, length, nodes, start)
        if max(rapidity) > FASTEST or length * self._fastest_free(d, c, scene) > FASTEST:
            raise StepTooLong
        minus, plus = np.zeros((2, len(nodes), self.walls.m))
        w, v, side, log = self._fly_free(d, c, scene, nodes, minus, plus)
        cells = []
        for cell, cell_d, gained in zip(self.cells, felt_d, rapidity[1:]):
            cell, momentum = cell.moved(cell_d, cell.used + gained, length, nodes)
            height = momentum @ self.walls.u.T
            minus += height * (cell.side < 0)
            plus += height * (cell.side > 0)
            cells.append(cell)
        outputs = self.walls.outputs(minus, plus)
        moved = replace(self, w=w, v=v, side=side, cells=tuple(cells))
        if self.weight_decay == 0.0:
            return outputs, moved, log
        kept = np.exp(-self.weight_decay * length * np.asarray(nodes))
        return kept[:, None] ** 2 * outputs, moved.scaled(kept[-1]), log

    def scaled(self, kept):
        """The swarm with all weights times `kept`; what is so small that its square underflows is zero."""
        w, v = kept * self.w, kept * self.v
        gone = np.maximum(np.abs(w).max(axis=1), np.abs(v)) < SMALLEST
        w[gone], v[gone] = 0.0, 0.0
        cells = (cell.scaled(kept) for cell in self.cells)
        cells = (cell if np.abs(cell.few).max() >= SMALLEST else cell.scaled(0.0) for cell in cells)
        return replace(self, w=w, v=v, cells=tuple(cells))

    def _fastest_free(self, d, c, scene):
        """A bound of `‖D‖` over the step for the free neurons."""
        first = self.kinds[0]
        speed = np.sqrt((d[: len(first)] ** 2).sum(axis=2)).sum(axis=1)
        for kind in np.flatnonzero(scene.length * speed > FASTEST):  # a neuron may be held by its walls
            side = self.side[first[kind]]
            if not side.all():
                speed[kind] = np.linalg.norm(felt(1.0, side, d[kind], c[kind], scene)[0], axis=1).sum()
        return speed.max(initial=0.0)

    def _fly_free(self, d, c, scene, nodes, minus, plus):
        """Weights and sides of the free neurons after the flight, and the log."""
        state, kind = (self.w, self.v, self.heights, self.side), self.kinds[1]

        def flown(first):
            some = slice(first, first + CHUNK)
            return _Flown.of([array[some] for array in state], kind[some], d, c, scene, nodes)

        parts = threads.each(flown, range(0, len(self.v), CHUNK))
        if not parts:
            return self.w, self.v, self.side, events.new_log(0)[:0]
        for first, part in zip(range(0, len(self.v), CHUNK), parts):
            part.log["neuron"] = self.index[first + part.log["neuron"]]
            minus += part.minus
            plus += part.plus
        if len(parts) == 1:
            return parts[0].w, parts[0].v, parts[0].side, parts[0].log
        return tuple(
            np.concatenate([getattr(part, name) for part in parts]) for name in ("w", "v", "side", "log")
        )

    def dissolved(self, cells):
        """The same swarm with the members of these cells free."""
        w, v = rows(self.w, self.v, cells)
        sides = [np.broadcast_to(cell.side, (len(cell.index), len(cell.side))) for cell in cells]
        return replace(
            self,
            index=np.concatenate([self.index, *(cell.index for cell in cells)]),
            w=w,
            v=v,
            side=np.concatenate([self.side, *sides]),
            cells=tuple(cell for cell in self.cells if cell not in cells),
        )


@dataclass(frozen=True, eq=False)
class _Flown:
    """Some free neurons after a flight: weights, sides, sums at the nodes (nodes, m), and the log."""

    w: np.ndarray
    v: np.ndarray
    side: np.ndarray
    minus: np.ndarray
    plus: np.ndarray
    log: np.ndarray

    @classmethod
    def of(cls, state, kind, d, c, scene, nodes):
        """Let neurons in this state fly, with a log that is long enough."""
        m = state[2].shape[1]
        capacity = 4 * len(kind) + 16 * m
        while True:
            w, v, z, side = (array.copy() for array in state)
            minus, plus = np.zeros((2, len(nodes), m))
            log = Log(events.new_log(capacity), np.zeros(1, np.int64))
            done = fly(w, v, z, side, kind, d, c, scene, nodes, plus, minus, log)
            if done == ENDLESS:
                raise StepTooLong
            if done != FULL:
                return cls(w, v, side, minus, plus, log.rows[: log.count[0]])
            capacity *= 4


def keys(rows):
    """A number for each row of sides or signs, the same for equal rows; bytes where they are long.

    Two bytes where they are enough: NumPy sorts these in one pass.
    """
    if rows.shape[1] < 40:
        number = np.uint16 if rows.shape[1] <= 10 else np.int64  # 3^10 < 2^16, 3^39 < 2^63
        return (rows + 1).astype(number) @ number(3) ** np.arange(rows.shape[1], dtype=number)
    return np.ascontiguousarray(rows).view([("", np.void, rows.shape[1])])[:, 0]


def rows(w, v, cells):
    """These weights, and behind them those of the members of the cells."""
    members = [cell.members() for cell in cells]
    w = np.concatenate([w, *(theta[:, :-1] for theta in members)])
    return w, np.concatenate([v, *(theta[:, -1] for theta in members)])
