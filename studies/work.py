"""Work against precision: `benchmarks/solvers.csv` on all solvers, and errors of the flow's own."""

import numpy as np
import pandas as pd

import alignlib as al

OURS, DESCENT = "alignlib", "published descent"


def seconds_at(error, seconds, errors):
    """The time for this error: between the cheapest run that has it and the dearest cheaper one without.

    In between error and time are taken for powers of each other; inf if no run has the error.
    """
    order = np.argsort(seconds)
    seconds, errors = np.asarray(seconds)[order], np.asarray(errors)[order]
    good = np.flatnonzero(errors <= error)
    if not good.size:
        return np.inf
    after = good[0]
    if after == 0:
        return float(seconds[0])
    low, high = np.log([errors[after], errors[after - 1]])
    share = (np.log(error) - high) / (low - high)
    return float(seconds[after - 1] * (seconds[after] / seconds[after - 1]) ** share)


def at_error(table, error=1e-6):
    """The seconds of each problem (rows) and solver for this error; inf where none was so exact."""
    runs = table[(table.status == "ok") & (table.error > 0)]
    times = runs.groupby(["problem", "solver"]).apply(
        lambda part: seconds_at(error, part.cpu, part.error), include_groups=False
    )
    return times.unstack().reindex(pd.unique(table.problem[table.problem != "limits"])).fillna(np.inf)


def summary(table, error=1e-6):
    """A row a problem: the best general solver, times over ours, least error, descent over ours.

    The time of a general solver is that for this `error`; descent has no error to be compared at, for it is
    timed for a few steps only. It is compared on B, which the paper ran.
    """
    rows = []
    for problem, times in at_error(table, error).iterrows():
        part = table[(table.problem == problem) & (table.status == "ok")]
        general = times.drop(OURS)
        best = ("none in its time", "")
        if np.isfinite(general.min()):
            best = (general.idxmin(), float(general.min() / times[OURS]))
        descent = part.cpu[part.solver == DESCENT].min() / times[OURS]
        descent = round(descent) if problem[0] == "B" else ""
        nearest = part.error[~part.solver.isin([OURS, DESCENT])].min()
        nearest = float(nearest) if nearest > 0 else ""
        rows.append([problem, *best, nearest, descent])
    return rows


def targets(table):
    """A row a target: what, the aim, and what one thread and two have, to two digits."""

    def shown(row):
        return _with_unit(float(f"{row.measured:.2g}"), row.unit)

    def aimed(row):
        sign, aim = _aim(row.asked)
        return f"{'≥' if sign == '>=' else '≤'}\u00a0{_with_unit(aim, row.unit)}"

    rows = {row.target: [al.claim.printed(row.what), aimed(row), shown(row), ""] for row in _on(table, 1)}
    for row in _on(table, 2):
        rows[row.target][3] = shown(row)
    return list(rows.values())


def met(table):
    """The targets that are met on one thread, by name."""
    reached = []
    for row in _on(table, 1):
        sign, aim = _aim(row.asked)
        if row.measured >= aim if sign == ">=" else row.measured <= aim:
            reached.append(row.target)
    return reached


def _on(table, threads):
    return table[table.threads == threads].itertuples()


def _aim(asked):
    """The relation and the number."""
    sign, aim = asked.split()
    return sign, float(aim)


def _with_unit(value, unit):
    return f"{value:,g}\u00a0{unit}".strip()


def limits(table):
    """A row a solver: in how many runs it came to the right limit, and of how many."""
    rows = table[table.problem == "limits"]
    counts = rows.status.str.extract(r"(\d+) right of (\d+)").astype(int)
    return [[name, right, of] for name, (right, of) in zip(rows.solver, counts.to_numpy().tolist())]


def errors(net, data, loss, t_end):
    """Of runs at seven tolerances: rtol, steps, error of the outputs at the end, and the bound for it.

    The bound: each step may add rtol to the relative error of w and to that of v.
    """
    exact = al.gradient_flow(net, data, loss, t_end, rtol=1e-11).outputs[-1]
    rows = []
    for rtol in 10.0 ** -np.arange(3, 10):
        run = al.gradient_flow(net, data, loss, t_end, rtol=rtol)
        steps, error = len(run.t) - 1, np.abs(run.outputs[-1] - exact).max()
        rows.append((rtol, steps, error, 2 * steps * rtol * np.abs(exact).max()))
    return np.array(rows).T
