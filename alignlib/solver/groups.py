"""Who moves as one: after a step, free neurons on common sides are gathered into cells (module `cells`).

The rule: neurons of one kind, that is with the same sides and the same sign of v, make a cell if each has
room for `CAUTION` steps like the last, and if they are `FEWEST` or more. Smaller cells of the kind join.
"""

from dataclasses import replace

import numpy as np

from alignlib.solver import threads
from alignlib.solver.advance import felt, has_room
from alignlib.solver.cells import Cell, room
from alignlib.solver.sliding import Scene
from alignlib.solver.swarm import keys, rows

FEWEST = 8  # fewer neurons than this are not worth a cell
WORTH = 2**12  # nor is it worth the trouble to keep a smaller one whole
MANY = 3  # more cells of a kind than this are made into one
CAUTION = 4.0
RENEW = 2.0  # a cell with room for fewer steps, the pulls going on as in the last, is made anew


def gathered(swarm, polynomial, length):
    """The same swarm, with cells of those free neurons that have room for steps like the last.

    `polynomial` (3, n) are the coefficients of the pulls in the last step, `length` is its length.
    """
    swarm = _renewed(_few_cells(swarm), polynomial, length)
    if len(swarm.index) < FEWEST:
        return swarm
    return _with_cells(swarm, polynomial.sum(axis=0), length, _kinds(swarm))


def gathered_at_start(swarm, pulls, length):
    """The same swarm, all free, with cells for a first step of this length, if that is worth while.

    None are of neurons on a wall: they decide in the first step where they go.
    """
    if len(swarm.index) < WORTH:
        return swarm
    kinds = [members for members in _kinds(swarm) if swarm.side[members[0]].all()]
    return _with_cells(swarm, pulls, length, kinds)


def _with_cells(swarm, g, length, kinds):
    """The same swarm with cells of the members of these kinds that have room under the pulls g (n,)."""
    pulls = np.outer([1.0, 0.0, 0.0], g)
    free, cells = np.ones(len(swarm.index), bool), swarm.cells
    each = threads.each if len(swarm.index) >= WORTH else map  # threads, too, must be worth the trouble
    for chosen, least in each(lambda members: _with_room(swarm, members, pulls, length), kinds):
        if len(chosen) >= FEWEST:
            free[chosen] = False
            cells = _with_cell(swarm, cells, chosen, least)
    return replace(
        swarm,
        index=swarm.index[free],
        w=swarm.w[free],
        v=swarm.v[free],
        side=swarm.side[free],
        cells=cells,
    )


def _few_cells(swarm):
    """The same swarm; where there are many cells of a kind, all but the largest are to be made into one."""
    kinds = {}
    for cell in swarm.cells:
        kinds.setdefault((cell.sign, cell.side.tobytes()), []).append(cell)
    many = [sorted(cells, key=_size)[:-1] for cells in kinds.values() if len(cells) > MANY]
    return swarm.dissolved([cell for cells in many for cell in cells]) if many else swarm


def _size(cell):
    return len(cell.index)


def _renewed(swarm, polynomial, length):
    """The same swarm without the cells that are about to be out of room.

    Their rooms are bounds from long ago: most members have more by now, and are gathered again. Else the
    whole cell would fly in the next step.
    """
    near = RENEW * length
    ahead = np.array([polynomial.sum(axis=0), polynomial[1] + 2 * polynomial[2], polynomial[2]])
    ahead *= RENEW ** np.arange(len(ahead))[:, None]
    split = []
    for cell in [cell for cell in swarm.cells if len(cell.index) >= WORTH]:
        d, c = _felt_on(swarm.walls, cell.sign, cell.side, ahead)
        if not has_room(cell.sign, cell.side, cell.room, cell.used, d, c, near)[1]:
            split.append(cell)
    return swarm.dissolved(split) if split else swarm


def _kinds(swarm):
    """The free neurons of each kind, where there are enough."""
    kind_keys = keys(np.column_stack([swarm.side, np.sign(swarm.v).astype(np.int8)]))
    order = np.argsort(kind_keys, kind="stable")
    ordered = kind_keys[order]
    kinds = np.split(order, 1 + np.flatnonzero(ordered[1:] != ordered[:-1]))
    return [k for k in kinds if len(k) >= FEWEST and swarm.v[k[0]] != 0]


def _with_room(swarm, members, pulls, length):
    """Those of these free neurons of one kind that have room, and the least room of each sort of theirs."""
    side, sign = swarm.side[members[0]], np.sign(swarm.v[members[0]])
    d, c = _felt_on(swarm.walls, sign, side, pulls)
    there = room(swarm.w[members], swarm.v[members], side, swarm.walls.u)
    approached = np.append(sign * side * c[0] < 0, True)
    need = CAUTION * length * np.linalg.norm(d[0])
    chosen = (there[:, approached].min(axis=1) >= need) | (not d.any())
    if swarm.walls.negative_slope != 0.0:
        chosen &= swarm.w[members].any(axis=1)  # at w = 0 they ask the pulls at every step
    return members[chosen], there[chosen].min(axis=0, initial=np.inf)


def _with_cell(swarm, cells, chosen, least):
    """The cells with one more, of the free neurons `chosen` and of smaller cells of their kind."""
    side, sign = swarm.side[chosen[0]].copy(), np.sign(swarm.v[chosen[0]])  # a view would keep all sides
    same = [
        cell
        for cell in cells
        if cell.sign == sign and len(cell.index) <= len(chosen) and (cell.side == side).all()
    ]
    w, v = rows(swarm.w[chosen], swarm.v[chosen], same)
    if same:
        least = room(w, v, side, swarm.walls.u).min(axis=0)
    members = np.concatenate([swarm.index[chosen], *(cell.index for cell in same)])
    cell = Cell.of(members, side, sign, np.column_stack([w, v]), least)
    return (*(other for other in cells if other not in same), cell)


def _felt_on(walls, sign, side, polynomial):
    """Coefficients of `D` (3, d) and `⟨D, u_i⟩` (3, m) on these sides, sliding included."""
    below, above = walls.pulls(polynomial)
    d = np.where(side > 0, above, np.where(side < 0, below, 0.0)) @ walls.u
    c = d @ walls.u.T
    if side.all():
        return d, c
    return felt(
        sign, side, d, c, Scene(below, above, walls.u, walls.gram, 1.0, 0.0, 0.0, walls.negative_slope)
    )[:2]
