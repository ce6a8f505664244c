"""Where neurons align without Assumption 1, read off the Gram matrix: the threshold map and its traps.

In the early phase a neuron with output weight of sign s moves along `s D(A)`, with `D(A) = Σ_{k in A} g_k x_k`,
while it is active on the samples A. So it gains sample k if `s ⟨D(A), x_k⟩ > 0`, and loses it if that is negative.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs
from alignlib.claim import Claim
from alignlib.data import Dataset

MOST = 14  # samples whose patterns are all tried, 2^14


def threshold(
    data: Dataset, active: ArrayLike, sign: int = 1, pulls: ArrayLike | None = None
) -> np.ndarray:
    """The threshold map `T(A) = {k : s ⟨D(A), x_k⟩ > 0}` of a pattern A, as (n,) booleans.

    A direction active on A alone, along `s D(A)`, is extremal if and only if `T(A) = A`: a Hopfield network whose
    couplings are the Gram matrix of the samples. Under Assumption 1 and unit pulls the class is the only fixed
    point that is not empty.

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
    """Where the threshold map ends: `active` (n,) booleans after `rounds` rounds, in a cycle of length `cycle`.

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
    seen = {}
    for rounds in range(2**data.n + 1):
        key = np.packbits(one).tobytes()
        if key in seen:
            return Settled(one, seen[key], rounds - seen[key])
        seen[key] = rounds
        one = _map(couplings, one)
    raise AssertionError("more patterns than there are")


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
    every = (
        _pattern(data.n, chosen)
        for size in range(1, data.n + 1)
        for chosen in combinations(range(data.n), size)
    )
    return [one for one in every if (_map(couplings, one) == one).all()]


def trap(data: Dataset, sign: int = 1, pulls: ArrayLike | None = None) -> np.ndarray:
    """The samples on which a neuron, once right, is right for ever in the early phase: (n,) booleans.

    Let C be the samples with a pull of this sign, V any set of samples, and `κ_kl = sign(g_k) g_l ⟨x_l, x_k⟩`. If

        Σ_{l in C, not V} κ_kl + Σ_{l in V} min(κ_kl, 0) > 0    for every k that is not in V,

    then a neuron of this sign that is right off V (active on C and on no other, but for samples in V) stays so,
    whatever it does on V: all its heights off V rise, sliding included. The smallest such V is found by
    putting into it whatever fails, until nothing does; returned are the samples that are not in it. All of them:
    the goal cone traps, as under Assumption 1. None: nothing is said.

    Raises
    ------
    ValueError
        As `threshold`.

    Examples
    --------
    >>> al.theory.trap(al.data.toy_2d(spread=100)).sum()
    np.int64(8)
    """
    couplings = sign * np.sign(_pulls(data, pulls))[:, None] * _couplings(data, sign, pulls)
    own = _own(data, sign, pulls)
    loose = np.zeros(data.n, bool)
    while True:
        margin = couplings[:, own & ~loose].sum(axis=1) + np.minimum(couplings[:, loose], 0).sum(axis=1)
        if (loose | (margin > 0)).all():
            return ~loose
        loose |= margin <= 0


def check_class_sums(data: Dataset, key: str = "class-sums") -> Claim:
    """Every sample leans to its own class: `y_k ⟨x_k, s x_s⟩ > 0` for both class sums, as share of violating samples.

    Weaker than Assumption 1: it makes each class a fixed point of `threshold`, and each goal cone a trap.

    Raises
    ------
    ValueError
        If a label is not 1 or -1, or one of them is missing.

    Examples
    --------
    >>> al.theory.check_class_sums(al.data.toy_2d())
    Claim(class-sums: measured 0, bound <= 0: holds)
    """
    inputs.labels("data.y", data.y)
    wrong = [threshold(data, _own(data, sign, None), sign) != _own(data, sign, None) for sign in (1, -1)]
    return Claim(
        key,
        f"Class sums of {data.name or 'the data'}: every sample leans to its own class (share that does not)",
        "proved here, where it holds the goal cones trap",
        np.logical_or(*wrong).mean(),
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
    return couplings[:, active].sum(axis=1) > 0


def _pattern(n, chosen):
    one = np.zeros(n, bool)
    one[list(chosen)] = True
    return one
