"""Whether a run can be trusted: it is followed again, a hundred times more exactly, and compared.

Errors of a step are carried on by the flow, and a neuron that passes close by a hyperplane may do so on
either side. No tolerance tells beforehand how much that matters; a second run does.
"""

from dataclasses import dataclass

import numpy as np

from alignlib import inputs
from alignlib.flow import FlowError, gradient_flow
from alignlib.trajectory import Trajectory

TIGHTER = 100.0
LEAST = 1e-12  # the smallest `rtol` of the flow
# N steps add errors of 10 `rtol √N` (tests/test_flow.py), N is some hundreds; and 1 % is never agreement.
AGREE, LARGE = 300.0, 1e-2
DOES = {
    "activate": "crosses the hyperplane of sample {}",
    "deactivate": "crosses the hyperplane of sample {}",
    "slide": "starts to slide on the hyperplane of sample {}",
    "release": "leaves the hyperplane of sample {}",
}


@dataclass(frozen=True, eq=False, repr=False)
class Doubt(inputs.Frozen):
    """How far a run and a more exact one are apart.

    Attributes
    ----------
    t : (m,) the kept times of the run
    spread : (m,) the largest difference of an output there, over the largest output of all
    parting : an event, of dtype `EVENT`, that one run has and the other has not: the last before the
        outputs part, the first of all where they agree; None without
    sentence : str, the same in words
    """

    t: np.ndarray
    spread: np.ndarray
    parting: np.void | None
    sentence: str

    def __repr__(self) -> str:
        return f"Doubt({self.sentence})"


def doubt(path: Trajectory) -> Doubt:
    """Follow the run of `path` again at a tolerance 100 times tighter, and say what that changes.

    Events are the same if both runs have them in the same order, for each neuron and sample, at times that
    differ by at most `√rtol t`: at a tangency a height that is wrong by `rtol` moves an event by as much.
    The new run takes two to three times as long as the old one, which is itself left as it is.

    Parameters
    ----------
    path : Trajectory of `gradient_flow`

    Returns
    -------
    Doubt

    Raises
    ------
    ValueError
        If `path` is not of `gradient_flow`, has no time but the start, or is as exact as can be.

    Examples
    --------
    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> al.doubt(al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3, rtol=1e-4)).parting is None
    True
    """
    rtol = _tighter(path)
    t, more = path.t, ""
    try:
        again = gradient_flow(
            path.start, path.data, path.loss_function, t[-1], rtol, t, weight_decay=path.weight_decay
        )
    except FlowError as problem:
        again, more = problem.trajectory, f"; the run at rtol={rtol:g} {problem}"
        t = t[: len(again.t)]
    size = max(np.abs(path.outputs).max(), 1e-300)
    spread = np.abs(again.outputs - path.outputs[: len(t)]).max(axis=1) / size
    these, those = (run.events[run.events["t"] <= t[-1]] for run in (path, again))
    until = _agreed_until(t, spread, path.rtol)
    parting = _parting(these, those, t[-1], np.sqrt(path.rtol), until)
    return Doubt(t, spread, parting, _sentence(t, spread, parting, until, len(these)) + more)


def _tighter(path):
    """The tolerance of the second run."""
    if not isinstance(path, Trajectory):
        raise ValueError(f"`path` must be a Trajectory, got {type(path).__name__}")
    if not np.isfinite(path.rtol):
        raise ValueError(f"`path` must come from `gradient_flow`, got one without `rtol`: {path!r}")
    if path.rtol < TIGHTER * LEAST * (1 - 1e-9):
        raise ValueError(f"`path` must have an `rtol` of at least {TIGHTER * LEAST:g}, got {path.rtol:g}")
    if len(path.t) < 2:
        raise ValueError(f"`path` must have times besides the start, got {path!r}")
    return path.rtol / TIGHTER


def _agreed_until(t, spread, rtol):
    """The first time at which the outputs are apart that have parted most later on; inf if none are."""
    agree = spread <= min(AGREE * rtol, LARGE)
    worst = int(np.argmax(spread))
    if agree[worst]:
        return np.inf
    return t[np.flatnonzero(agree[:worst]).max(initial=-1) + 1]


def _parting(these, those, end, slack, until):
    """The event of one run only that may have parted the outputs by `until`, or None.

    What follows from a parting parts as well, so the cause is the last before the outputs do; where they
    never do, it is the first. At the very end one run may be ahead.
    """
    alone = [*_alone(these, those, slack), *_alone(those, these, slack)]
    alone = [event for event in alone if event["t"] < end * (1 - slack) and event["t"] <= until]
    choose = min if until == np.inf else max
    return choose(alone, key=lambda event: event["t"], default=None)


def _alone(these, those, slack):
    """Of each neuron and sample, the first event that the other run has not, or has at another time."""
    other = _sequences(those)
    for key, mine in _sequences(these).items():
        theirs = other.get(key, those[:0])
        for number, event in enumerate(mine):
            same = number < len(theirs) and theirs[number]["kind"] == event["kind"]
            if not same or abs(theirs[number]["t"] - event["t"]) > slack * event["t"]:
                yield event
                break


def _sequences(events):
    """The events of each (neuron, sample), in order of time."""
    if not len(events):
        return {}
    order = np.lexsort((events["t"], events["sample"], events["neuron"]))
    events = events[order]
    new = (np.diff(events["neuron"]) != 0) | (np.diff(events["sample"]) != 0)
    parts = np.split(events, np.flatnonzero(new) + 1)
    return {(int(part["neuron"][0]), int(part["sample"][0])): part for part in parts}


def _sentence(t, spread, parting, until, n_events):
    worst, apart = int(np.argmax(spread)), until < np.inf
    if apart:
        text = f"outputs part from t={until:.4g} on, by {spread[worst]:.1g} at t={t[worst]:.4g}"
    else:
        text = f"outputs agree to {spread[worst]:.1g} throughout"
    if parting is None and apart:
        return text + ", and all events before are the same: `rtol` is too large for this run"
    if parting is None:
        return text + f"; all {n_events} events are the same"
    does = DOES[str(parting["kind"])].format(parting["sample"])
    text += f": at t={parting['t']:.4g} neuron {parting['neuron']} {does} in one run and not in the other"
    if not apart:
        return text + ", which does not matter to them"
    return text + ": the flow is sensitive there, a smaller `rtol` decides or nothing does"


inputs.guard(globals())
