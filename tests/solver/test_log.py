"""Rows of the log as events of samples, and the time of alignment: against plain loops."""

import numpy as np

import alignlib as al
from alignlib.solver import events
from alignlib.solver.walls import Walls


def case(seed):
    """Samples of both labels that share walls, and a log whose rows of one neuron are in order of time."""
    rng = np.random.default_rng(seed)
    n, h = rng.integers(2, 8), 4
    pool = rng.standard_normal((n, 2))
    x = pool[rng.integers(n, size=n)] * rng.choice([-2.0, 1.0], n)[:, None]
    x[rng.random(n) < 0.2] = 0.0
    x[0] = 1.0
    data = al.Dataset(x, rng.choice([-1.0, 1.0], n))
    walls = Walls.of(data.x)
    sides = rng.choice([-1, 0, 1], (h, walls.m)).astype(np.int8)
    v = rng.choice([-1.0, 0.0, 1.0], h, p=[0.4, 0.2, 0.4])
    sign, now, rows = np.where(v == 0, rng.choice([-1.0, 1.0], h), v), sides.copy(), []
    for j in range(h):
        for t in np.sort(rng.integers(1, 9, rng.integers(0, 12))) / 4:  # many at the same time
            wall = rng.integers(-1, walls.m)
            if wall < 0:
                rows.append((t, j, events.TURN, sign[j], -sign[j]))
                sign[j] *= -1
            else:
                went = rng.choice([s for s in (-1, 0, 1) if s != now[j, wall]])
                rows.append((t, j, wall, now[j, wall], went))
                now[j, wall] = went
    return data, walls, sides, v, sign, np.array(rows, events.LOG)


def test_expand():
    for seed in range(300):
        _, walls, *_, log = case(seed)
        slow = []
        for _, row in sorted(enumerate(log), key=lambda pair: (pair[1]["t"], pair[0])):
            for k in range(len(walls.wall)):
                if row["wall"] >= 0 and walls.wall[k] == row["wall"]:
                    if row["went"] == 0:
                        kind = "slide"
                    elif row["came"] == 0:
                        kind = "release"
                    else:
                        kind = "activate" if row["went"] * walls.size[k] > 0 else "deactivate"
                    slow.append((row["t"], row["neuron"], k, kind))
        assert events.expand(log, walls).tolist() == slow


def test_aligned_since():
    finite = 0
    for seed in range(300):
        data, walls, sides, v, last, log = case(seed)
        since = events.aligned_since(log, walls, sides, v, last, data)
        for j in range(len(v)):
            side, mine, right = sides[j].copy(), log[log["neuron"] == j], np.inf
            turns = (mine["wall"] == events.TURN).sum()
            sign = v[j] if v[j] != 0 else last[j] * (-1) ** turns
            for t, _, wall, _, went in [(0.0, j, None, 0, 0), *mine.tolist()]:
                if wall == events.TURN:
                    sign = went
                elif wall is not None:
                    side[wall] = went
                active = {k for k in range(data.n) if walls.wall[k] >= 0}
                active = {k for k in active if side[walls.wall[k]] * walls.size[k] > 0}
                goal = {k for k in range(data.n) if data.y[k] == sign}
                right = min(right, t) if active in (goal, set()) else np.inf
            assert since[j] == right
            finite += right < np.inf
    assert finite > 200


def test_there_is_no_alignment_without_labels_of_one():
    _, walls, sides, v, last, log = case(0)
    data = al.Dataset(np.ones((2, 2)), [0.5, 1.0])
    assert np.isnan(events.aligned_since(log, walls, sides, v, last, data)).all()
