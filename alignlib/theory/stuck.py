"""Networks whose future is decided under the squared loss: no pattern changes, the loss stays above zero.

While no neuron changes its pattern, f is linear in the sums `β_p = Σ v_j w_j`, one for each pattern, and
the loss is quadratic. What is left of it bounds the rapidity of all boosts to come, and this how far a
neuron can still move: if every one has more room, no pattern changes for ever. Derived in chapter 5, for
ReLU networks and flow without weight decay; a `negative_slope` is refused. -> ahead
"""

from dataclasses import dataclass

import numpy as np

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.theory.ahead import groups, look_ahead, state_of
from alignlib.trajectory import Trajectory


@dataclass(frozen=True)
class Stuck:
    """What `certify_stuck` found, and the numbers it is made of; p counts the patterns of living neurons.

    Attributes
    ----------
    hypotheses : dict from condition to whether it holds
    loss, limit : L now, and at least squares of the patterns
    excess : E, the excess loss, `loss - limit` but for rounding
    patterns : (P, n) of +1 (active), -1 (inactive) and 0 (kept on the hyperplane of the sample)
    masses : (P, 2), a_p² and b_p², the sums of `v_j²` and of `‖w_j‖²` over the neurons of the pattern
    rate : smallest non-zero eigenvalue of the Hessian of L in the `β_p / a_p`
    q : `3 c √(2E/rate)`, with c the largest `b_p / a_p²`
    rapidities : (P,), `G_p = (1 - ∛(1 - q)) / (c a_p)`, which bounds `∫‖D_p‖ dt` for ever
    living, dead, pinned : numbers of neurons; the pinned ones are alive
    by_convention : number of dead neurons on a hyperplane that only the convention `σ'(0) = 0` keeps dead
    margin : smallest height of a neuron over what G_p could take from it, relative to its size
    outputs : (n,), what f(x_k) tends to
    """

    hypotheses: dict
    loss: float
    limit: float
    excess: float
    patterns: np.ndarray
    masses: np.ndarray
    rate: float
    q: float
    rapidities: np.ndarray
    living: int
    dead: int
    pinned: int
    by_convention: int
    margin: float
    outputs: np.ndarray

    @property
    def holds(self):
        """Whether all hypotheses do."""
        return all(self.hypotheses.values())

    @property
    def rapidity(self):
        """The largest G_p, 0 if no neuron is alive."""
        return float(self.rapidities.max(initial=0.0))


def certify_stuck(
    net: Network | Trajectory, data: Dataset | float, loss: str | losses.Loss | None = None
) -> Stuck:
    """Whether gradient flow from `net` provably ends at least squares of its patterns, above zero.

    Patterns are those of the living neurons, now: `f(x_k) = Σ_p ⟨β_p, x_k⟩`, the sum over the patterns
    that are active on k. If `q < 1` and every living neuron has more room than its `G_p`, none changes its
    pattern any more, and f goes to the function of this form that fits best, exponentially fast. A neuron
    on hyperplanes counts if it provably slides there for ever, or (on one) can only leave to a pattern
    that is there. Derived in chapter 5.

    A dead neuron on a hyperplane (to 1e-10, or as a trajectory carries it) that `v g*_k < 0` does not hold
    there is kept by the convention `σ'(0) = 0` alone: `by_convention` counts those. If there are any, the
    claim is about flows with this convention, as `gradient_flow` is. In others they may leave, and so they
    may from the bare weights of a trajectory, which rounding may have put on the active side. Where no side
    of its hyperplanes is dead, as on the common one of two opposite samples, it need not stay: refused.

    Parameters
    ----------
    net, data : Network and Dataset; or a trajectory and a time, with its patterns as carried there
    loss : squared, the default for a network, or made by `loss.quadratic`; that of the trajectory otherwise

    Returns
    -------
    Stuck

    Raises
    ------
    ValueError
        If the loss is neither squared nor made by `loss.quadratic`, all samples are zero, the dimensions
        differ, the network is not ReLU, or the trajectory has a weight decay.

    Examples
    --------
    >>> x = [[-3, 1], [-2, 1], [-1, 1], [1, 1], [2, 1], [3, 1]]
    >>> data = al.Dataset(x, [3, 1, 1, 1, 1, 3])
    >>> net = al.Network([[-0.9, 0.1], [0.9, 0.1]], [1, 1])
    >>> path = al.gradient_flow(net, data, "squared", t_end=20)
    >>> found = al.theory.certify_stuck(path, 20)
    >>> found.holds, len(found.patterns), round(found.limit, 4), round(found.rapidity, 4)
    (True, 2, 0.2222, 0.0284)
    """
    state = state_of(net, data, loss)
    patterns, group = groups(state.signs)
    found = look_ahead(state, patterns, group)
    return Stuck(
        hypotheses={
            "q < 1": found.q < 1,
            "every living neuron has room for G": bool(found.margin > 0),
            "every pinned neuron is held, or let go only to a pattern that is there": found.stays,
            "every neuron dead but for rounding is held on its hyperplane": found.rests,
            "every dead neuron that is not held has a side where it is dead": found.can_rest,
            "least squares of the patterns leaves a loss": state.leaves(found.limit),
        },
        loss=state.value(state.f),
        limit=found.limit,
        excess=found.excess,
        patterns=state.everywhere(patterns, -1).astype(np.int8),
        masses=found.masses,
        rate=found.rate,
        q=found.q,
        rapidities=found.rapidities,
        living=int((group >= 0).sum()),
        dead=int((group < 0).sum()),
        pinned=int(((group >= 0) & (state.signs == 0).any(axis=1)).sum()),
        by_convention=found.by_convention,
        margin=found.margin,
        outputs=state.everywhere(found.outputs, 0.0),
    )


@dataclass(frozen=True)
class Nonconvergence:
    """What `certify_nonconvergence` found, and the numbers it is made of.

    Attributes
    ----------
    hypotheses : dict from condition to whether it holds
    loss, limit : L now, and at least squares, `L(β*)`
    excess : E, the excess loss of the linear part
    eigenvalues : smallest non-zero and largest eigenvalue of the Hessian H
    masses : a² and b², the sums of `v_j²` and of `‖w_j‖²` over the full neurons
    q, rapidity : `q = 3 b √(2E/λ) / a³`, and `G = (1 - ∛(1 - q)) a / b`, which bounds `∫ ‖D‖ dt` for ever
    full, dead, pinned, other : numbers of neurons
    by_convention : number of dead neurons on a hyperplane that only the convention `σ'(0) = 0` keeps dead
    margin : smallest height of a neuron over what G could take from it, relative to its size
    beta, least_squares : β and β*, (d,)
    """

    hypotheses: dict
    loss: float
    limit: float
    excess: float
    eigenvalues: tuple
    masses: tuple
    q: float
    rapidity: float
    full: int
    dead: int
    pinned: int
    other: int
    by_convention: int
    margin: float
    beta: np.ndarray
    least_squares: np.ndarray

    @property
    def holds(self):
        """Whether all hypotheses do."""
        return all(self.hypotheses.values())


def certify_nonconvergence(
    net: Network | Trajectory, data: Dataset | float, loss: str | losses.Loss | None = None
) -> Nonconvergence:
    """Whether gradient flow from `net` provably ends at least squares, with a loss above zero.

    The case of `certify_stuck` in which all living neurons are *full* (active on all samples), but for
    *pinned* ones (active on all but one, whose hyperplane they are on). Then `f = ⟨β, x⟩`, and if `G` is
    finite and smaller than the room of every full neuron, no full or dead one ever changes its pattern, a
    pinned one can only become full, and β goes to β*. Zero samples are ignored. Arguments and errors are
    those of `certify_stuck`. Derived in chapter 5.

    Returns
    -------
    Nonconvergence

    Examples
    --------
    >>> net = al.Network.balanced(width=20, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.three_points(), "squared", t_end=60)
    >>> found = al.theory.certify_nonconvergence(path.final, path.data)
    >>> found.holds, found.full, found.dead, round(found.limit, 4)
    (True, 8, 12, 0.175)
    """
    state = state_of(net, data, loss)
    active, inactive = (state.signs > 0).sum(axis=1), (state.signs < 0).sum(axis=1)
    n = len(state.x)
    full, dead = active == n, active == 0
    pinned = ~full & ~dead & (active == n - 1) & (inactive == 0)
    group = np.where(full | pinned, 0, -1)
    found = look_ahead(state, np.ones((1, n), np.int8), group)
    return Nonconvergence(
        hypotheses={
            "every neuron is dead, full or pinned": bool((full | dead | pinned).all()),
            "q < 1": found.q < 1,
            "every full or pinned neuron has room for G": bool(found.margin > 0),
            "every pinned neuron stays pinned or becomes full": found.stays,
            "every neuron dead but for rounding is held on its hyperplane": found.rests,
            "every dead neuron that is not held has a side where it is dead": found.can_rest,
            "least squares leaves a loss": state.leaves(found.limit),
        },
        loss=state.value(state.f),
        limit=found.limit,
        excess=found.excess,
        eigenvalues=found.eigenvalues,
        masses=tuple(found.masses[0].tolist()),
        q=found.q,
        rapidity=float(found.rapidities[0]),
        full=int(full.sum()),
        dead=int(dead.sum()),
        pinned=int(pinned.sum()),
        other=int((~(full | dead | pinned)).sum()),
        by_convention=found.by_convention,
        margin=found.margin,
        beta=found.beta[0],
        least_squares=np.linalg.lstsq(state.x, state.y, rcond=None)[0],
    )


inputs.guard(globals())
