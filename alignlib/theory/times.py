"""How long alignment takes at most, under Assumption 1, early and in the full flow. -> certificates"""

from numbers import Real

import numpy as np

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.theory.certificates import known


def bound_alignment_time(mu: float, pull: float = 1.0, change: float = 0.0) -> float:
    """`arsinh(c / (a μ)) / c`, `c² = a² - γ`: by then a neuron that does not shrink at first is aligned.

    Under Assumption 1, for a neuron with `|v| ≥ ‖w‖` and `v v̇(0) ≥ 0`, and pulls of the sign of the labels;
    whatever n, d, the width and the other neurons. `pull` is a, the least `|g_k| ‖x_k‖`, and `change` is γ,
    the largest `|ġ_k| ‖x_k‖`, both up to the bound. In the early phase γ = 0 and this is `arsinh(1/μ) / a`
    (otherwise at most `arsinh(1/μ) / c`); for unit samples a is 1 under the exponential loss, 1/2 under the
    logistic. Derived in chapter 3, where it is shown to be sharp.

    Raises
    ------
    ValueError
        If `mu` is not in (0, 1], `pull` not positive, or `change` not from 0 up to below `pull²`.

    Examples
    --------
    >>> round(al.theory.bound_alignment_time(0.1), 3)
    2.998
    >>> round(al.theory.bound_alignment_time(0.1, pull=0.9, change=0.1), 3)
    3.48
    """
    mu = _separation(mu)
    pull, c = _pull_and_growth(pull, change)
    return float(np.arcsinh(c / (pull * mu)) / c)


def bound_turning_time(
    mu: float, angle: float = np.pi / 2, length: float = 1.0, pull: float = 1.0, change: float = 0.0
) -> float:
    """By then the output weight of a balanced neuron has stopped shrinking, or the neuron is dead.

    `log⁺ cot(ψ/2) / length + min_q (log(1 + q/μ)/q + artanh q)`, in the early phase under Assumption 1
    for unit samples and unit pulls. ψ is the `angle` between w and the sum of the samples that it is to
    leave (`x_-` for v > 0) and `length` the length of that sum; at angle 0 the neuron never turns, and the
    bound is infinite. If some sample is on its right side already, the first term is not needed: leave
    `angle` out. After this time `bound_alignment_time` applies, so their sum bounds every alignment time.

    Without `angle` it is true of the full flow, too, for a neuron with `|v| ≥ ‖w‖` and pulls of the sign of
    the labels: with `pull` and `change` as for `bound_alignment_time`, hence c, it is
    `min_q (log(1 + c q / (a μ))/q + artanh q) / c`. Derived in chapter 3.

    Raises
    ------
    ValueError
        If `mu` is not in (0, 1], `angle` not in [0, π], `length` or `pull` not positive, `change` not from
        0 up to below `pull²`, or above 0 with an `angle` under π/2: then nothing is known.

    Examples
    --------
    >>> round(al.theory.bound_turning_time(0.1), 3)
    3.826
    >>> round(al.theory.bound_turning_time(0.1, pull=0.9, change=0.1), 3)
    4.448
    """
    mu, length, (pull, c) = (
        _separation(mu),
        inputs.positive("length", length),
        _pull_and_growth(pull, change),
    )
    if not (isinstance(angle, Real) and 0 <= angle <= np.pi):
        raise ValueError(f"`angle` must lie between 0 and pi, in radians, got {angle!r}")
    if change > 0 and angle < np.pi / 2:
        raise ValueError(f"`change` must be 0 with an `angle` under pi/2, got {change!r}")
    opposed = max(0.0, -np.log(np.tan(angle / 2))) / length if angle > 0 else np.inf
    q = np.linspace(0, 1, 1001)[1:-1]  # a bound for every q, so also for the best of some
    return float(opposed + (np.log1p(c * q / (pull * mu)) / q + np.arctanh(q)).min() / c)


def sufficient_scale(data: Dataset, loss: str | losses.Loss = "exponential", late: float = 1.1) -> float:
    """A size `√Σ(‖w_j‖² + v_j²)` of the start up to which no growing neuron is much later than early.

    In the full flow, for the exponential or the logistic loss, whatever the width and the law of the start:
    at most so large, and every neuron with `|v| ≥ ‖w‖` and `v v̇(0) ≥ 0` is aligned by
    `late · arsinh(1/μ) / a`, with `a = |g(0)| min ‖x_k‖`; that is `late` times the bound of the early flow.
    The best over F > 0 of `√(2F/R) exp(-e^F |g(0)| M T(F))`, where `|f_k| ≤ F` up to T(F) is what holds,
    `R = max ‖x_k‖`, `M = ‖Σ y_k x_k‖` and T(F) is `bound_alignment_time` for the pulls that F allows. For
    unit samples its logarithm is about `-M arsinh(1/μ)` where M is large; M is at most n. 0 where that
    underflows. Derived in chapter 3.

    Raises
    ------
    ValueError
        If the loss is neither exponential nor logistic, the labels are not +1 and -1, a sample is zero,
        Assumption 1 fails, or `late` is not above 1.

    Examples
    --------
    >>> scale = al.theory.sufficient_scale(al.data.separated(4, 5, 0.3, rng=0))
    >>> 1e-4 < scale < 1e-3
    True
    """
    loss, late = known(loss, ("exponential", "logistic")), inputs.positive("late", late)
    inputs.labels("data.y", data.y)
    if not late > 1:
        raise ValueError(f"`late` must be above 1, got {late!r}")
    size = np.linalg.norm(data.x, axis=1)
    if not (size.all() and data.mu > 0):
        raise ValueError(f"`data` must satisfy Assumption 1, got μ = {data.mu:.3g}")
    g, longest = float(np.abs(loss.pull(0 * data.y, data.y)).max()), float(size.max())
    total = float(np.linalg.norm(data.y @ data.x))
    due = late * bound_alignment_time(data.mu, g * float(size.min()))
    best = 0.0
    for f in np.geomspace(1e-8, 1, 801) * min(1.0, float(size.min()) / total):
        pull = g * np.exp(-f) * float(size.min())
        change = 2 * g**2 * longest * total * f * np.exp(2 * f)
        if change < pull**2 and (time := bound_alignment_time(data.mu, pull, change)) <= due:
            best = max(best, np.sqrt(2 * f / longest) * np.exp(-np.exp(f) * g * total * time))
    return float(best)


def _pull_and_growth(pull, change):
    """a and `c = √(a² - γ)`."""
    pull = inputs.positive("pull", pull)
    change = inputs.at_least_zero("change", change, below=pull**2)
    return pull, float(np.sqrt(pull**2 - change))


def _separation(mu):
    return inputs.positive("mu", mu, below=np.nextafter(1, 2))


inputs.guard(globals())
