"""From saddle to saddle: every jump foretold from the plateau before it, then measured: chapter 9.

    python -m studies.saddles     about fifteen minutes on one core

Writes, one row a run: `saddles.csv`, for the first four jumps who was foretold to wake and when, from the
state at the plateau alone, and when they did; `saddles_wait.csv`, who lives until the first jump of the
forty points; `saddles_escape.csv`, unbalanced starts on the three points. The fine print of chapter 9 makes
some rows again.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.signal import find_peaks

import alignlib as al
from alignlib.theory import jumps
from studies import tables

LEVEL = 0.01  # the mass of output weights at which a group is awake
STEADY = 1.0  # the drift below which a forecast counts: D changes by less than itself in an e-fold
MOST = 4  # jumps in a row of the table
SCALES = (1e-3, 1e-6, 1e-9, 1e-12)
SEEDS = range(10)


@dataclass(frozen=True)
class Start:
    """A balanced start of one problem."""

    problem: str
    scale: float
    seed: int


def clusters(rng=0, dim=2, counts=(5, 4, 3, 2), spread=0.1):
    """Four clusters at right angles, labels as in XOR, of different sizes."""
    rng, x = np.random.default_rng(rng), []
    for count, angle in zip(counts, np.radians([0, 90, 180, 270])):
        centre = np.append([np.cos(angle), np.sin(angle)], np.zeros(dim - 2))
        x.append(centre + spread * rng.standard_normal((count, dim)))
    return al.Dataset(np.vstack(x), np.repeat([1.0, -1.0, 1.0, -1.0], counts), "XOR-like clusters")


def teacher(rng=0, n=200, dim=10, weights=(3.0, -2.0, 1.5)):
    """Gaussian samples; labels from neurons along orthonormal directions."""
    rng = np.random.default_rng(rng)
    x = rng.standard_normal((n, dim))
    along = np.linalg.qr(rng.standard_normal((dim, len(weights))))[0]
    return al.Dataset(x, np.maximum(x @ along, 0) @ weights / np.sqrt(dim), "three-neuron teacher")


def problem(name):
    """Data, loss, width, and the time to follow at ε = 1e-6."""
    return {
        "three samples": (al.data.toy_2d(n=3), "exponential", 50, 60.0),
        "clusters": (clusters(), "squared", 50, 300.0),
        "forty points": (al.data.stewart(rng=0), "squared", 200, 1500.0),
        "teacher": (teacher(), "squared", 50, 150.0),
    }[name]


def flow(start, rtol=1e-5, t_end=None):
    """The gradient flow, for a time that grows with log(1/ε) unless one is given."""
    data, loss, width, end = problem(start.problem)
    net = al.Network.balanced(width, data.dim, start.scale, rng=start.seed)
    t_end = t_end or end * np.log(1 / start.scale) / np.log(1e6)
    return al.gradient_flow(net, data, loss, t_end, rtol=rtol)


def speeds(path):
    """`-dL/dt`, as a share of the loss, at the kept times; who slides moves along its walls only."""
    found = []
    for t, f in zip(path.t, path.outputs):
        net, signs = path.at(t), path.patterns(t)
        d = jumps.projected(signs, path.data, path.loss_function.pull(f, path.data.y))
        found.append(((d**2).sum(axis=1) * net.v**2 + (net.w * d).sum(axis=1) ** 2).sum())
    return np.array(found) / path.loss


def plateau_after(path, time, speed):
    """Where the loss is slowest before it hurries again; None if it never does."""
    first = np.searchsorted(path.t, time)
    slow, _ = find_peaks(-np.log(np.maximum(speed[first:], 1e-300)), prominence=0.5)
    return float(path.t[first + slow[0]]) if len(slow) else None


def woken(path, neurons, after, level=LEVEL):
    """When these neurons have the mass `level` in the full flow; inf if never."""

    def missing(t):
        return np.log((path.at(t).v[neurons] ** 2).sum() / level)

    before = after
    for t in path.t[path.t > after]:
        if missing(t) >= 0:
            return float(brentq(missing, before, t))
        before = t
    return np.inf


def ledger(path, level=LEVEL, most=MOST):
    """Jump by jump: forecast from the plateau, and what came. A table."""
    speed, now, rows, refused = speeds(path), 0.0, [], []
    while now is not None and len(rows) < most:
        found = al.theory.next_jumps(path.at(now), path.data, path.loss_function, level)
        found = [jump for jump in found if now + jump.delay < path.t[-1]]
        refused += [came(path, jump, now, level) for jump in found if jump.drift >= STEADY]
        found = [jump for jump in found if jump.drift < STEADY]
        if not found:
            break
        rows.append(entry(path, now, found, level))
        if rows[-1]["measured"] == np.inf:
            break
        now = plateau_after(path, rows[-1]["measured"], speed)
    table = pd.DataFrame(rows)
    table.attrs = {"refused": len(refused), "refused_came": sum(refused)}
    return table


def came(path, jump, now, level):
    """Whether a forecast came true to a tenth of its delay."""
    return abs(woken(path, jump.neurons, now, level) - now - jump.delay) < 0.1 * jump.delay


def entry(path, now, found, level):
    """The forecast for the first group, and for the second if there is one, beside the full flow."""
    first = found[0]
    seen = woken(path, first.neurons, now, level)
    others = [woken(path, jump.neurons, now, level) for jump in found[1:3]]
    row = {
        "plateau": now,
        "loss": float(path.loss_function.value(path.at(now)(path.data.x), path.data.y)),
        "woke": len(first.neurons),
        "rate": first.rate,
        "drift": first.drift,
        "crude": now + np.log(level / first.mass) / (2 * first.rate),
        "foretold": now + first.delay,
        "measured": seen,
        "order": float(seen <= min(others, default=np.inf)),
    }
    return row | (whereabouts(path, first, now, seen) if seen < np.inf else {})


def whereabouts(path, jump, now, seen):
    """Angle to the foretold direction on waking, and the bound on the error of the time."""
    net = path.at(seen).some(jump.neurons)
    w = (net.v**2 / al.measure.norms(net)) @ net.w
    angle = np.degrees(np.arccos(np.clip(w @ jump.direction / np.linalg.norm(w), -1, 1)))
    return {"angle": angle, "bound": bound(path, jump, now, seen)}


def bound(path, jump, now, seen):
    """`(1 + tan(φ + E)) E / (r cos φ)`; nan if a neuron is not in the foretold pattern all the time."""
    sides = np.where(jump.tight, 0, np.where(jump.pattern, 1, -1))
    times = np.linspace(now, seen, 201)
    if any((path.patterns(t)[jump.neurons] != sides).any() for t in times[::10]):
        return np.nan
    g = path.loss_function.pull(path.outputs_at(times), path.data.y)
    moved = (g - g[0])[:, jump.pattern] @ path.data.x[jump.pattern]
    moved = jumps.across(moved, path.data.x[jump.tight])
    spent = np.trapezoid(np.linalg.norm(moved, axis=1), times)
    net = path.at(now).some(jump.neurons)
    cosine = net.w @ jump.direction / al.measure.norms(net)
    far = float(np.arccos(np.clip(cosine.min(), -1, 1)))
    if far + spent >= np.pi / 2:
        return np.nan
    return (1 + np.tan(far + spent)) * spent / (jump.rate * np.cos(far))


def attack(path, now, level):
    """Error of the first steady forecast whose neurons are settled, and its bound."""
    jump = steady(path.at(now), path.data, path.loss_function, level)
    seen = woken(path, jump.neurons, now, level)
    return now + jump.delay - seen, bound(path, jump, now, seen)


def overshoot(path, now, end):
    """By how many e-folds any neuron grows more from `now` on than the fastest rate and the pulls allow."""
    times = np.linspace(now, end, 1001)
    g = path.loss_function.pull(path.outputs_at(times), path.data.y)
    moved = np.abs(g - g[0]) @ np.linalg.norm(path.data.x, axis=1)
    moved = np.append(0, np.cumsum((moved[1:] + moved[:-1]) / 2 * np.diff(times)))
    vectors = al.extremal_vectors(path.data, path.loss_function, pulls=g[0])
    rate = max(vector.rate for vector in vectors)
    size = np.array([np.hypot(al.measure.norms(net), net.v) for net in path.networks(times[::20])])
    allowed = rate * (times - now) + moved
    return float((np.log(size / size[0]) - allowed[::20, None])[1:].max())


def measured(start):
    """One row of the table: the columns of `ledger`, numbered by jump."""
    path = flow(start)
    rows = ledger(path)
    flat = {"jumps": len(rows), "final_loss": path.loss[-1]} | rows.attrs
    for i, row in rows.iterrows():
        flat |= {f"{name}_{i + 1}": value for name, value in row.items()}
    return flat


def long(table):
    """One row a jump, from one row a run."""
    names = [name[:-2] for name in table.columns if name.endswith("_1")]
    parts = []
    for i in range(1, MOST + 1):
        part = table[["problem", "scale", "seed"]].copy()
        for name in names:
            part[name] = table.get(f"{name}_{i}", np.nan)
        parts.append(part.assign(jump=i)[part.foretold.notna()])
    return pd.concat(parts, ignore_index=True)


def came_true(rows):
    """Those of `long` whose group woke within a tenth of the foretold wait."""
    delay = rows.foretold - rows.plateau
    return rows[(rows.measured - rows.foretold).abs() < 0.1 * delay]


def greedy(net, data, loss, most=MOST):
    """The jumps from the start alone, in the manner of AGF: sleepers in closed form, the awake to rest.

    Fitting takes no time here, and the sleepers do not move meanwhile. Pairs of a time and a rate.
    """
    now, found = 0.0, []
    while len(found) < most and (first := steady(net, data, loss)):
        asleep = al.theory.dormant(net, LEVEL)
        pulls = al.loss.get(loss).pull(net(data.x), data.y)
        slept = al.early_flow(net.some(asleep), data, loss, pulls=pulls).at(first.delay)
        awake = np.union1d(np.setdiff1d(np.arange(net.width), asleep), first.neurons)
        net = put(net, asleep, slept)
        fitted = al.gradient_flow(net.some(awake), data, loss, 100 / first.rate, rtol=1e-4).final
        now, net = now + first.delay, put(net, awake, fitted)
        found.append((now, first.rate))
    return found


def greedy_coefficients(name, seed=0):
    """The growth of the times of `greedy` with log(1/ε), from ε = 1e-9 to 1e-12."""
    data, loss, width, _ = problem(name)
    runs = [
        greedy(al.Network.balanced(width, data.dim, scale, rng=seed), data, loss) for scale in (1e-9, 1e-12)
    ]
    return [(late[0] - early[0]) / np.log(1e3) for early, late in zip(*runs)]


def coefficients(table, name):
    """The same of the full flow: mean and standard deviation over the seeds, for each jump."""
    rows = came_true(long(table)).query("problem == @name")
    times = rows.pivot_table(index=["jump", "seed"], columns="scale", values="measured")
    times = times[[1e-12, 1e-9]].dropna()
    growth = (times[1e-12] - times[1e-9]) / np.log(1e3)
    return growth.groupby("jump").agg(["mean", "std"])


def steady(net, data, loss, level=LEVEL):
    """The first group foretold to wake, if the pulls stand still enough; else None."""
    found = al.theory.next_jumps(net, data, loss, level)
    return next((jump for jump in found if jump.delay < np.inf and jump.drift < STEADY), None)


def put(net, rows, part):
    """The network with these neurons replaced."""
    w, v = net.w.copy(), net.v.copy()
    w[rows], v[rows] = part.w, part.v
    return al.Network(w, v)


@dataclass(frozen=True)
class Wait:
    """A balanced start of two hundred neurons on the forty points."""

    scale: float
    seed: int


def waits():
    scales = (1e-6, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-18)
    return [Wait(scale, seed) for scale in scales for seed in SEEDS]


def lifetimes(seed=0):
    """When each neuron with v < 0 of a `Wait` dies in the early flow; and the foretold first jump."""
    data = al.data.stewart(rng=0)
    net = al.Network.balanced(200, 2, 1.0, rng=seed)
    early = al.early_flow(net, data, "squared")
    deaths = np.zeros(net.width)
    np.maximum.at(deaths, early.events["neuron"], early.events["t"])
    deaths[early.final_patterns.any(axis=1)] = np.inf

    def first(scale):
        small = al.Network.balanced(200, 2, scale, rng=seed)
        return al.theory.next_jumps(small, data, "squared", LEVEL)[0].delay

    return deaths[net.v < 0], first


def survivors(start, rtol=1e-5):
    """How many neurons with v < 0 live when the first jump comes: by the early flow alone, and really."""
    data = al.data.stewart(rng=0)
    net = al.Network.balanced(200, 2, start.scale, rng=start.seed)
    first = al.theory.next_jumps(net, data, "squared", LEVEL)[0]
    early = al.early_flow(net, data, "squared")
    end = 100 * np.log(1 / start.scale)
    path = al.gradient_flow(net, data, "squared", end, rtol=rtol)
    return {
        "first": first.delay,
        "foretold": living(early, first.delay),
        "measured": living(path, woken(path, first.neurons, 0.0)),
        "final_loss": path.loss[-1],
        "stuck": bool(al.theory.certify_stuck(path, end)),
    }


def living(path, t):
    """The neurons with v < 0 that are active somewhere at time t."""
    return int((path.patterns(t) > 0).any(axis=1)[path.start.v < 0].sum())


def pushed(path, by=1e-6):
    """The last network; its dead with v < 0 on a hyperplane pushed across, by this share of their size."""
    net = path.final
    heights, size = net.w @ path.data.x.T, al.measure.norms(net)
    dead = (net.v < 0) & ~(path.patterns(path.t[-1]) > 0).any(axis=1)
    rests = dead & (np.abs(heights.max(axis=1)) < 1e-9 * size)  # rounding is 1e-16, the others order one
    w = net.w.copy()
    w[rests] += by * size[rests, None] * path.data.x[heights[rests].argmax(axis=1)]
    return al.Network(w, net.v)


def descended(start, step, end=60.0):
    """How many neurons with v < 0 live at the time `end` of gradient descent."""
    data = al.data.stewart(rng=0)
    net = al.Network.balanced(200, 2, start.scale, rng=start.seed)
    net = al.gradient_descent(net, data, "squared", step, round(end / step), t_save=[end]).final
    return int(((net.w @ data.x.T > 0).any(axis=1) & (net.v < 0)).sum())


@dataclass(frozen=True)
class Unbalanced:
    """Two hundred Gaussian neurons of scale 1e-3 on the three points of BF."""

    seed: int


def escape(start):
    """Whether and when the flow leaves least squares, foretold from its slowest moment before t = 120."""
    data = al.data.three_points()
    net = al.Network.unbalanced(200, 2, 1e-3, rng=start.seed)
    path = al.gradient_flow(net, data, "squared", 400.0, rtol=1e-6)
    early = (path.t > 10) & (path.t < 120)
    now = float(path.t[early][np.argmin(speeds(path)[early])])
    row = {"plateau": now, "foretold": np.inf, "measured": np.inf, "final_loss": path.loss[-1]}
    jump = steady(path.at(now), data, "squared")
    if jump:
        row |= {"drift": jump.drift, "foretold": now + jump.delay, "mass": jump.mass}
        row["measured"] = woken(path, jump.neurons, now)
    return row


def spare(scale, side=210.0):
    """A neuron of size `scale`, active on x1 (or, at 10 degrees, x3) alone, beside fifty at rest."""
    data = al.data.three_points()
    net = al.Network.balanced(50, 2, 1e-3, rng=0)
    rest = al.gradient_flow(net, data, "squared", 60.0).final
    turn = np.radians(np.atleast_1d(side))
    more = scale * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return al.Network(np.vstack([rest.w, more]), np.append(rest.v, np.full(len(turn), scale)))


def excess(path, times):
    """`Σ v_j² - ‖Σ v_j w_j‖` over the neurons active on all samples: the mass that is not needed."""
    full = (path.patterns(float(times[0])) > 0).all(axis=1) & (path.at(float(times[0])).v > 0)
    nets = [net.some(full) for net in path.networks(times)]
    return np.array([net.v @ net.v - np.linalg.norm(net.v @ net.w) for net in nets])


def starts():
    return [
        Start(name, scale, seed)
        for name in ("three samples", "clusters", "forty points", "teacher")
        for scale in SCALES
        for seed in SEEDS
    ]


if __name__ == "__main__":
    tables.main(
        __doc__,
        [
            ("saddles", measured, starts()),
            ("saddles_wait", survivors, waits()),
            ("saddles_escape", escape, [Unbalanced(seed) for seed in range(20)]),
        ],
    )
