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
    classes : bool, whether the labels must be +1 and -1

    Examples
    --------
    A user's own loss is four arguments:

    >>> fourth = al.Loss("fourth power", lambda f, y: (f - y) ** 4, lambda f, y: -4 * (f - y) ** 3,
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
    classes: bool = False

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


# Functions with names, not lambdas, so that a Loss can be sent to another process.
def _exponential(f, y):
    return np.exp(-y * f)


def _exponential_pull(f, y):
    return y * np.exp(-y * f)


def _logistic(f, y):
    return np.logaddexp(0, -y * f)


def _logistic_pull(f, y):
    return y * np.exp(-np.logaddexp(0, y * f))  # y / (1 + e^{yf}) without overflow


def _squared(f, y):
    return (f - y) ** 2


def _squared_pull(f, y):
    return 2 * (y - f)


NAMED = {
    "exponential": Loss("exponential", _exponential, _exponential_pull, classes=True),
    "logistic": Loss("logistic", _logistic, _logistic_pull, classes=True),
    "squared": Loss("squared", _squared, _squared_pull, "mean"),
}


def get(loss, reduction=None):
    """The `Loss` called `loss`, or `loss` itself if it is one; `reduction` overrides its own.

    By name: "exponential" `Σ e^{-y f}` (MMV), "logistic" `Σ log(1 + e^{-y f})`,
    "squared" `(1/n) Σ (f - y)²` (the convention of BF's published script).

    Raises
    ------
    ValueError
        If there is no such loss.

    Examples
    --------
    >>> al.loss.get("squared"), al.loss.get("squared", reduction="sum")
    (Loss(squared, mean), Loss(squared, sum))
    """
    if not isinstance(loss, Loss):
        if not isinstance(loss, str) or loss not in NAMED:
            raise ValueError(f"`loss` must be a Loss or one of {', '.join(NAMED)}, got {loss!r}")
        loss = NAMED[loss]
    return loss if reduction is None else replace(loss, reduction=reduction)


def fitting(loss, data):
    """The `Loss` called `loss`, if the labels of `data` suit it.

    >>> al.loss.fitting("logistic", al.data.toy_2d())
    Loss(logistic, sum)
    """
    loss = get(loss)
    if loss.classes:
        inputs.labels("data.y", data.y)
    return loss
