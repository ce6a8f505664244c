"""Where neurons align without Assumption 1, read off the Gram matrix: the threshold map and its traps.

In the early phase a neuron with output weight of sign s moves along `s D(A)`, `D(A) = Σ_{k in A} g_k x_k`,
while it is active on the samples A. So its height over sample k rises if `s ⟨D(A), x_k⟩ > 0`, and falls if
that is negative. All sums here are of one row of the Gram matrix; one below its rounding counts as zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs
from alignlib.claim import Claim
from alignlib.data import Dataset
from alignlib.geometry import centres

MOST = 14  # samples whose patterns are all tried, 2^14
EDGE = 1e-12  # of the sum of the terms' sizes: thousands of roundings


def threshold(
    data: Dataset, active: ArrayLike, sign: int = 1, pulls: ArrayLike | None = None
) -> np.ndarray:
    """The threshold map `T(A) = {k : s ⟨D(A), x_k⟩ > 0}` of a pattern A, as (n,) booleans.

    The direction of `s D(A)` is extremal and active on A alone if and only if `T(A) = A`: a Hopfield
    network whose couplings are the Gram matrix of the samples. Under Assumption 1 the class is the only
    fixed point that is not empty.

    Parameters
    ----------
    active : (n,) booleans, the pattern A
    sign : 1 or -1, that of the output weight
    pulls : (n,) constant pulls g; without them the labels

    Raises
    ------
    ValueError
        If `active` or `pulls` does not have n entries, or `sign` is not 1 or -1.

    Examples
    --------
    >>> toy = al.data.toy_2d()
    >>> al.theory.threshold(toy, toy.y > 0).astype(int)
    array([1, 0, 1, 0, 1, 0, 1, 0])
    """
    active = inputs.array("active", active, 1, (data.n,)) > 0
    return _map(_couplings(data, sign, pulls), active)


@dataclass(frozen=True)
class Settled:
    """Where the threshold map ends: `active` (n,) booleans after `rounds`, in a cycle of `cycle` patterns.

    `cycle` is 1 for a fixed point. In a longer cycle `active` is the first pattern that comes again.
    """

    active: np.ndarray
    rounds: int
    cycle: int


def settle(
    data: Dataset, sign: int = 1, active: ArrayLike | None = None, pulls: ArrayLike | None = None
) -> Settled:
    """Apply the threshold map until a pattern comes again, from `active` or else from the class of `sign`.

    Raises
    ------
    ValueError
        As `threshold`.

    Examples
    --------
    >>> al.theory.settle(al.data.toy_2d())
    Settled(active=array([ True, False,  True, False,  True, False,  True, False]), rounds=0, cycle=1)
    """
    couplings = _couplings(data, sign, pulls)
    one = _own(data, sign, pulls) if active is None else inputs.array("active", active, 1, (data.n,)) > 0
    seen: dict[bytes, int] = {}
    while (key := one.tobytes()) not in seen:
        seen[key] = len(seen)
        one = _map(couplings, one)
    return Settled(one, seen[key], len(seen) - seen[key])


def fixed_points(data: Dataset, sign: int = 1, pulls: ArrayLike | None = None) -> list[np.ndarray]:
    """All patterns with `T(A) = A`, not empty, by trying all 2^n: (n,) booleans each, few samples first.

    Raises
    ------
    ValueError
        If there are more than 14 samples; else as `threshold`.

    Examples
    --------
    >>> [pattern.sum() for pattern in al.theory.fixed_points(al.data.toy_2d())]
    [np.int64(4)]
    """
    if data.n > MOST:
        raise ValueError(
            f"`data` must have at most {MOST} samples, for all patterns are tried, got {data.n}"
        )
    couplings = _couplings(data, sign, pulls)
    every = np.arange(1, 2**data.n)[:, None] >> np.arange(data.n) & 1 > 0
    every = every[np.argsort(every.sum(axis=1), kind="stable")]
    return list(every[(_map(couplings, every) == every).all(axis=1)])


def trap(data: Dataset, sign: int = 1, pulls: ArrayLike | None = None) -> np.ndarray:
    """The samples on which a neuron, once right, is right for ever in the early phase: (n,) booleans.

    Let C be the samples whose pull has this sign, V any set of samples, and
    `κ_kl = sign(g_k) g_l ⟨x_l, x_k⟩`. If

        Σ_{l in C, not V} κ_kl + Σ_{l in V} min(κ_kl, 0) > 0    for every k that is not in V,

    then a neuron of this sign that is right off V (active on C and on nothing else, but for samples in V)
    stays so, whatever it does on V: every height off V moves the right way, sliding included. The smallest
    such V is found by putting into it whatever fails, until nothing does. Returned is what is not in V. All
    samples: the goal cone traps, as under Assumption 1. None: nothing is said.

    Raises
    ------
    ValueError
        As `threshold`.

    Examples
    --------
    >>> al.theory.trap(al.data.toy_2d(spread=100)).sum()
    np.int64(8)
    """
    couplings = _couplings(data, sign, pulls)
    toward = sign * np.sign(_pulls(data, pulls))[:, None] * couplings
    own = _own(data, sign, pulls)
    held, before = np.ones(data.n, bool), None
    while before is None or (held != before).any():
        before = held
        terms = np.where(held, toward * own, np.minimum(toward, 0))
        held = held & _positive(terms)
    return held


def check_class_sums(data: Dataset, key: str = "class-sums") -> Claim:
    """The share of samples that lean away from a class sum: `s y_k ⟨x_k, x_s⟩ <= 0` for s = 1 or s = -1.

    Here `x_s` is the sum of the samples with label s. That no sample does is weaker than Assumption 1, and
    makes each class a fixed point of `threshold`, and each goal cone a trap of the early phase.

    Raises
    ------
    ValueError
        If a label is not 1 or -1, or one of them is missing.

    Examples
    --------
    >>> al.theory.check_class_sums(al.data.toy_2d())
    Claim(class-sums: measured 0, bound <= 0: holds)
    """
    centres(data)  # raises unless both labels are there
    gram = data.y[:, None] * (data.x @ data.x.T) * data.y
    right = [_positive(gram * (data.y == sign)) for sign in (1, -1)]
    return Claim(
        key,
        f"Class sums of {data.name or 'the data'}: the share of samples that lean away from one",
        "proved here: where no sample does, the goal cones trap",
        1 - np.logical_and(*right).mean(),
        0.0,
    )


def _pulls(data, pulls):
    return data.y if pulls is None else inputs.array("pulls", pulls, 1, (data.n,))


def _own(data, sign, pulls):
    """The samples whose pull has this sign."""
    return sign * _pulls(data, pulls) > 0


def _couplings(data, sign, pulls):
    """(n, n): entry k, l is `s g_l ⟨x_l, x_k⟩`."""
    inputs.choice("sign", sign, (1, -1))
    return sign * (data.x @ data.x.T) * _pulls(data, pulls)


def _map(couplings, active):
    """The map of patterns (..., n)."""
    return _positive(couplings * active[..., None, :])


def _positive(terms):
    """Whether the sum over the last axis is positive, and not by rounding alone."""
    return terms.sum(axis=-1) > EDGE * np.abs(terms).sum(axis=-1)


inputs.guard(globals())
