"""What happened at the walls, kept compactly by the solvers, and what it means for the samples."""

import numpy as np

from alignlib import inputs
from alignlib.trajectory import EVENT

LOG = np.dtype([("t", "f8"), ("neuron", "i8"), ("wall", "i8"), ("came", "i1"), ("went", "i1")])
"""One row: a neuron came from one side of a wall (-1, +1, or 0 if on it) and went to another.

The wall is -1 where not a wall is met but `v` changes sign; `came` and `went` are then its signs.
"""
KINDS = np.array(["activate", "deactivate", "release", "slide"])


def new_log(capacity):
    """An empty log with room for `capacity` rows."""
    return np.zeros(int(capacity) + 16, LOG)


def expand(log, walls):
    """The log as events of the samples, dtype `EVENT`, in order of time.

    To the active side of a sample is "activate", to the other "deactivate", onto the hyperplane
    "slide", and from it "release", to either side.
    """
    log = log[log["wall"] >= 0]
    log = log[np.argsort(log["t"], kind="stable")]
    order = np.argsort(walls.wall, kind="stable")
    order = order[walls.wall[order] >= 0]
    per_wall = np.bincount(walls.wall[order], minlength=max(walls.m, 1))
    first = np.concatenate([[0], np.cumsum(per_wall)])
    repeat = per_wall[log["wall"]]
    log, start = np.repeat(log, repeat), np.repeat(np.cumsum(repeat) - repeat, repeat)
    sample = order[first[log["wall"]] + np.arange(len(log)) - start]
    events = np.empty(len(log), EVENT)
    events["t"], events["neuron"], events["sample"] = log["t"], log["neuron"], sample
    kind = np.where((log["went"] > 0) == (walls.size[sample] > 0), 0, 1)
    kind[log["came"] == 0] = 2
    kind[log["went"] == 0] = 3
    events["kind"] = KINDS[kind]
    return events


def aligned_since(log, walls, sides, signs, data):
    """The time from which on each neuron stays at its goal, (h,); inf if it does not reach it.

    The goal is that of `geometry.aligned`. All nan if the labels are not +1 and -1.
    """
    h = len(signs)
    if not (np.abs(data.y) == 1).all():
        return np.full(h, np.nan)
    on, off, wanted = _label_counts(walls, data)
    log = log[np.argsort(log["neuron"], kind="stable")]
    now = _active(sides, on, off)
    change = _change(log, on, off)
    before = np.concatenate([np.zeros((1, 2)), np.cumsum(change, axis=0)])
    start = np.searchsorted(log["neuron"], np.arange(h))
    count = now[log["neuron"]] + before[1:] - before[start[log["neuron"]]]
    sign = _signs_then(log, signs, start)
    good_now = _at_goal(now, signs, wanted)
    good = _at_goal(count, sign, wanted)
    since = np.where(good_now, 0.0, np.inf)
    last_bad = np.full(h, -1)
    np.maximum.at(last_bad, log["neuron"][~good], np.flatnonzero(~good))
    stop = np.searchsorted(log["neuron"], np.arange(h), side="right")
    for j in np.flatnonzero(stop > start):
        begin = start[j] if last_bad[j] < 0 else last_bad[j] + 1
        if last_bad[j] < 0 and good_now[j]:
            since[j] = 0.0
        else:
            since[j] = log["t"][begin] if begin < stop[j] else np.inf
    return since


def times_to_keep(t_save, t_end):
    """`t_save` checked, sorted, with 0 in front."""
    t_save = inputs.array("t_save", t_save, 1)
    if t_save.min() < 0 or t_save.max() > t_end:
        raise ValueError(
            f"`t_save` must lie between 0 and `t_end` = {t_end:g}, got {t_save.min():g} to {t_save.max():g}"
        )
    return np.unique(np.concatenate([[0.0], t_save]))


def _label_counts(walls, data):
    """Samples active above and below each wall, by label (m, 2), and how many there are (2,)."""
    on, off = np.zeros((2, walls.m, 2))
    label = np.where(data.y > 0, 0, 1)
    for k in np.flatnonzero(walls.wall >= 0):
        (on if walls.size[k] > 0 else off)[walls.wall[k], label[k]] += 1
    return on, off, np.bincount(label, minlength=2)


def _active(sides, on, off):
    return (sides > 0) @ on + (sides < 0) @ off


def _change(log, on, off):
    """The change of the active counts by each row of the log, (rows, 2)."""
    real = log["wall"] >= 0
    wall = log["wall"]
    up = (log["went"] > 0).astype(float) - (log["came"] > 0)
    down = (log["went"] < 0).astype(float) - (log["came"] < 0)
    return np.where(real[:, None], up[:, None] * on[wall] + down[:, None] * off[wall], 0.0)


def _signs_then(log, signs, start):
    """The sign of v after each row of a log that is sorted by neuron."""
    turn = log["wall"] < 0
    position = np.where(turn, np.arange(len(log)), -1)
    latest = np.maximum.accumulate(position) if len(log) else position
    known = latest >= start[log["neuron"]]
    return np.where(known, log["went"][np.maximum(latest, 0)], signs[log["neuron"]])


def _at_goal(count, sign, wanted):
    dead = (count == 0).all(axis=1)
    plus = (count[:, 0] == wanted[0]) & (count[:, 1] == 0)
    minus = (count[:, 1] == wanted[1]) & (count[:, 0] == 0)
    return dead | ((sign > 0) & plus) | ((sign < 0) & minus)
