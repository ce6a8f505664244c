"""Gradient descent as boosts: how late it aligns, how far it leaves the light cone, what momentum does."""

import math

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs


def bound_descent_time(mu: float, step: float, pull: float = 1.0) -> float:
    """By then a neuron that does not shrink at first is aligned under gradient descent of this `step`.

    `η k` with the least k for which `((1 + aη)^k - (1 - aη)^k) / 2 ≥ 1/μ`; as η → 0 this falls to
    `arsinh(1/μ) / a`, the bound of the flow. At constant pulls of the signs of the labels, under Assumption
    1, for a neuron with `|v| ≥ ‖w‖` and `v ⟨w, D⟩ ≥ 0` at the start, whatever the step; `pull` is a, the
    least `|g_k| ‖x_k‖`. Derived in chapter 7.

    Raises
    ------
    ValueError
        If `mu` is not in (0, 1], or `step` or `pull` not positive.

    Examples
    --------
    >>> round(al.theory.bound_descent_time(0.1, 1e-4), 3), al.theory.bound_descent_time(0.1, 0.5)
    (2.998, 4.0)
    """
    mu = inputs.positive("mu", mu, below=np.nextafter(1, 2))
    step, pull = inputs.positive("step", step), inputs.positive("pull", pull)
    q = pull * step
    if q == 0:  # below the smallest float
        return math.asinh(1 / mu) / pull
    if q >= 1:
        k = 1
        while ((1 + q) ** k - (1 - q) ** k) / 2 < 1 / mu:
            k += 1
        return step * k
    below, enough = 0, math.ceil(math.log(1 + 2 / mu) / math.log1p(q))  # as (1 - q)^k ≤ 1
    while enough - below > 1:
        k = (below + enough) // 2
        risen = math.exp(k * math.log1p(q)) - math.exp(k * math.log1p(-q))
        below, enough = (below, k) if risen / 2 >= 1 / mu else (k, enough)
    return step * enough


def bound_imbalance(rates: ArrayLike) -> float:
    """How large `(‖w‖² - v²) / v²` of a balanced neuron can be after steps with these `η‖D‖`.

    The worst case over all directions of the D, step by step: with s so far and `a = s + q²`,
    `a / (1 - a)` if `a ≤ q √(1 + s)`, else `s (1 - q²) / (1 - q √(1 + s))²`. As long as it is finite the
    neuron has kept the sign of v. It is at most `q (e^{3R} - 1)` for `q = max η‖D‖`, `R = Σ η‖D‖`, if
    `q e^{3R} ≤ 1/4`. For batches of any kind, and whatever the pulls do. Derived in chapter 7.

    Raises
    ------
    ValueError
        If `rates` is not a list of numbers, or one is negative.

    Examples
    --------
    >>> round(al.theory.bound_imbalance([0.01] * 100), 4), al.theory.bound_imbalance([0.01] * 500)
    (0.0155, inf)
    """
    given = inputs.array("rates", rates, 1)
    if given.min() < 0:
        raise ValueError(f"`rates` must be at least 0, got {given.min():g}")
    s = 0.0
    for q in given.tolist():
        a, reach = s + q * q, q * math.sqrt(1 + s)
        if reach >= 1:
            return math.inf
        s = a / (1 - a) if a <= reach else s * (1 - q * q) / (1 - reach) ** 2
    return s


def effective_step(step: float, momentum: float) -> float:
    """`η (1 + μ) / (1 - μ)²`: the step at which plain descent drifts as this one with momentum μ does.

    To first order in the step, in the time `η k / (1 - μ)` of the flow. Derived in chapter 7.

    Raises
    ------
    ValueError
        If `step` is not positive, or `momentum` not from 0 up to below 1.

    Examples
    --------
    >>> round(al.theory.effective_step(0.001, 0.9), 3)
    0.19
    """
    momentum = inputs.at_least_zero("momentum", momentum, below=1)
    return inputs.positive("step", step) * (1 + momentum) / (1 - momentum) ** 2


inputs.guard(globals())
