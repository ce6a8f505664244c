"""What `benchmarks/solvers.csv` says: the processor time that each solver needs for an error."""

import numpy as np
import pandas as pd

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
