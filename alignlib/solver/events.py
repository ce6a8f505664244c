"""What happened at the walls, kept compactly by the solvers, and what it means for the samples."""

import numpy as np

from alignlib.solver.compiled import entry, inner, rows_of
from alignlib.trajectory import EVENT

LOG = rows_of(("t", "f8"), ("neuron", "i8"), ("wall", "i8"), ("came", "i1"), ("went", "i1"))
"""One row: a neuron came from one side of a wall (-1, +1, or 0 if on it) and went to another.

The wall is TURN where not a wall is met but `v` changes sign, REST where the neuron came to rest where all
walls meet; `came` and `went` are then the signs of `v`.
"""
TURN, REST = np.int64(-1), np.int64(-2)  # of one type: for each type a function is compiled
KINDS = np.array(["activate", "deactivate", "release", "slide"])


def new_log(capacity):
    """An empty log with room for `capacity` rows."""
    return np.zeros(int(capacity) + 16, LOG)


def expand(log, walls):
    """The log as events of the samples, dtype `EVENT`, in order of time.

    To the active side of a sample is "activate", to the other "deactivate", onto the hyperplane
    "slide", and from it "release", to either side.
    """
    rows = _in_time(log)
    order = np.argsort(walls.wall, kind="stable")
    order = order[walls.wall[order] >= 0]
    per_wall = np.bincount(walls.wall[order], minlength=max(walls.m, 1))
    many = per_wall[log["wall"][rows]]
    nth = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    rows = np.repeat(rows, many)
    t, neuron, wall, came, went = (log[name][rows] for name in log.dtype.names)
    sample = order[(np.cumsum(per_wall) - per_wall)[wall] + nth]
    kind = np.where((went > 0) == (walls.size[sample] > 0), 0, 1)
    kind[came == 0] = 2
    kind[went == 0] = 3
    events = np.empty(len(rows), EVENT)
    events["t"], events["neuron"], events["sample"] = t, neuron, sample
    for number, name in enumerate(KINDS):  # all words at once would be most of the memory of an early flow
        events["kind"][kind == number] = name
    return events


def _in_time(log):
    """The order of the rows that are events at walls by time, and by place in the log at equal times."""
    rows = np.flatnonzero(log["wall"] >= 0)
    t = log["t"][rows]
    order = np.argsort(t)  # four times as fast as the stable sort; the ties are put in order after it
    tie = np.diff(t[order]) == 0
    tied = np.flatnonzero(np.append(tie, False) | np.append(False, tie))
    order[tied] = order[tied][np.lexsort((order[tied], t[order[tied]]))]
    return rows[order]


def aligned_since(log, walls, sides, v, last_signs, data):
    """The time from which on each neuron stays at its goal, (h,); inf if it does not reach it.

    The goal is that of `geometry.aligned`: a neuron can be dead only where `walls` have no slope. `sides`
    and `v` are those at the start, `last_signs` those of v after the last row. The rows of one neuron are
    in order of time. All nan if the labels are not +1 and -1.
    """
    if not (np.abs(data.y) == 1).all():
        return np.full(len(v), np.nan)
    on, off, wanted = _label_counts(walls, data)
    active, since = (sides > 0) @ on + (sides < 0) @ off, np.empty(len(v))
    # A neuron that starts with v = 0 has the sign into which it grows: the last but for its turns.
    turns = np.bincount(log["neuron"][log["wall"] == TURN], minlength=len(v))
    signs = np.where(v != 0, np.sign(v), last_signs * (-1.0) ** turns)
    _replay(log, on, off, wanted, active, signs, since, walls.negative_slope == 0.0)
    return since


def remark(resting, walls):
    """What the status of a run adds about the neurons that came to rest; how many did."""
    if not resting:
        return ""
    neurons = "1 neuron" if resting == 1 else f"{resting} neurons"
    unique = "is not" if walls.negative_slope == 0 else "may not be"
    return f"; {neurons} came to rest where all hyperplanes meet and the flow {unique} unique"


@inner
def write(log, count, t, neuron, wall, came, went):
    """One more row in a log of dtype LOG, in place; its new length."""
    row = log[count]
    row.t, row.neuron, row.wall, row.came, row.went = t, neuron, wall, came, went
    return count + 1


@entry
def _replay(log, on, off, wanted, active, signs, since, mortal):
    """Fill in `since`, from how many samples of either label a neuron is active on after each row."""
    for j in range(len(since)):
        since[j] = 0.0 if _at_goal(active[j, 0], active[j, 1], signs[j], wanted, mortal) else np.inf
    for row in range(len(log)):
        event = log[row]
        j, wall = event.neuron, event.wall
        if wall < 0:
            signs[j] = event.went
        else:
            up = int(event.went > 0) - int(event.came > 0)
            down = int(event.went < 0) - int(event.came < 0)
            for label in range(2):
                active[j, label] += up * on[wall, label] + down * off[wall, label]
        if not _at_goal(active[j, 0], active[j, 1], signs[j], wanted, mortal):
            since[j] = np.inf
        elif since[j] == np.inf:
            since[j] = event.t


@inner
def _at_goal(positive, negative, sign, wanted, mortal):
    """Whether this many active samples of either label are the goal of a neuron with this sign of v."""
    dead = mortal and positive == 0 and negative == 0
    plus = sign > 0 and positive == wanted[0] and negative == 0
    return dead or plus or (sign < 0 and negative == wanted[1] and positive == 0)


def _label_counts(walls, data):
    """Samples active above and below each wall, by label (m, 2), and how many there are (2,)."""
    on, off = np.zeros((2, walls.m, 2))
    label = np.where(data.y > 0, 0, 1)
    for k in np.flatnonzero(walls.wall >= 0):
        (on if walls.size[k] > 0 else off)[walls.wall[k], label[k]] += 1
    return on, off, np.bincount(label, minlength=2)
