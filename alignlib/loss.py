"""Losses, and the pull of a sample: minus the derivative of the loss by the sample's output."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from alignlib import inputs


@dataclass(frozen=True)
class Loss:
    """A loss `L = Σ_k ℓ(f_k, y_k)`, or that divided by n, with the pulls `g_k = -∂L/∂f_k`.

    The convention sets the unit of time: with the sum, gradient flow is n times faster.

    Parameters
    ----------
    name : str
    sample_value : function (f, y) -> ℓ, elementwise on arrays
    sample_pull : function (f, y) -> -∂ℓ/∂f, elementwise on arrays
    reduction : "sum" or "mean"

    Examples
    --------
    A user's own loss is four arguments:

    >>> fourth = Loss("fourth power", lambda f, y: (f - y) ** 4, lambda f, y: -4 * (f - y) ** 3,
    ...               reduction="mean")
    >>> fourth.value([1.0, 3.0], [1.0, 1.0])
    8.0
    >>> fourth.pull([1.0, 3.0], [1.0, 1.0])
    array([ -0., -16.])
    """

    name: str
    sample_value: Callable
    sample_pull: Callable
    reduction: str = "sum"

    def __post_init__(self):
        inputs.choice("reduction", self.reduction, ("sum", "mean"))

    def value(self, f, y):
        """The loss of outputs `f` (..., n) for labels `y` (n,): a float, or an array (...)."""
        each = self.sample_value(np.asarray(f), np.asarray(y))
        total = each.sum(axis=-1) if self.reduction == "sum" else each.mean(axis=-1)
        return total if np.ndim(total) else float(total)

    def pull(self, f, y):
        """The pulls `g_k = -∂L/∂f_k`, of the shape of `f`."""
        each = self.sample_pull(np.asarray(f), np.asarray(y))
        return each if self.reduction == "sum" else each / np.shape(f)[-1]

    def __repr__(self):
        return f"Loss({self.name}, {self.reduction})"


def _logistic_pull(f, y):
    """`y / (1 + e^{yf})`, without overflow."""
    return y * np.exp(-np.logaddexp(0, y * f))


NAMED = {
    "exponential": Loss("exponential", lambda f, y: np.exp(-y * f), lambda f, y: y * np.exp(-y * f)),
    "logistic": Loss("logistic", lambda f, y: np.logaddexp(0, -y * f), _logistic_pull),
    "squared": Loss("squared", lambda f, y: (f - y) ** 2, lambda f, y: 2 * (y - f), "mean"),
}


def get(loss, reduction=None):
    """The `Loss` called `loss`, or `loss` itself if it is one; `reduction` overrides its own.

    By name: "exponential" `Σ e^{-y f}` (MMV), "logistic" `Σ log(1 + e^{-y f})`,
    "squared" `(1/n) Σ (f - y)²` (the convention of BF's published script).

    >>> get("squared"), get("squared", reduction="sum")
    (Loss(squared, mean), Loss(squared, sum))
    """
    if not isinstance(loss, Loss):
        if not isinstance(loss, str) or loss not in NAMED:
            raise ValueError(f"`loss` must be a Loss or one of {', '.join(NAMED)}, got {loss!r}")
        loss = NAMED[loss]
    return loss if reduction is None else replace(loss, reduction=reduction)
