"""Losses, and the pull of a sample: minus the derivative of the loss by the sample's output."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs, pytorch

if TYPE_CHECKING:
    from alignlib.data import Dataset


@dataclass(frozen=True)
class Loss:
    """A loss `L = Σ_k ℓ(f_k, y_k)`, or that divided by n, with the pulls `g_k = -∂L/∂f_k`.

    The convention sets the unit of time: with the sum, gradient flow is n times faster.

    Parameters
    ----------
    name : str
    sample_value : function (f, y) -> ℓ, elementwise on arrays
    sample_pull : function (f, y) -> -∂ℓ/∂f, elementwise on arrays; continuous in f, for the solvers' steps
        end at events of neurons, not where a loss has a kink (hinge). `fitting` looks at both.
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

    def __post_init__(self) -> None:
        inputs.choice("reduction", self.reduction, ("sum", "mean"))
        for name in ("sample_value", "sample_pull"):
            if not callable(getattr(self, name)):
                kind = type(getattr(self, name)).__name__
                raise ValueError(f"`{name}` must be a function of outputs and labels, got {kind}")

    @classmethod
    def from_torch(
        cls,
        function: Callable,
        *,
        name: str | None = None,
        reduction: str | None = None,
        classes: bool = False,
    ) -> Self:
        """A loss of PyTorch: its value as it is, its pull by automatic differentiation, in float64.

        Parameters
        ----------
        function : function (f, y) -> ℓ of two tensors of one shape, elementwise; or a loss module, such as
            `torch.nn.BCEWithLogitsLoss()`. Labels reach it as they are in the data, 0 and 1 for that one.
        name : str; without it, that of the function or module
        reduction : "sum" or "mean"; without it, that of the module, and "sum" for a function
        classes : bool, whether the labels must be +1 and -1

        Raises
        ------
        ValueError
            If `function` does not take two tensors, or does not give a value for every output.

        Examples
        --------
        >>> import torch
        >>> al.Loss.from_torch(torch.nn.MSELoss())
        Loss(MSELoss, mean)
        >>> fourth = al.Loss.from_torch(lambda f, y: (f - y) ** 4, name="fourth power")
        >>> fourth.pull([1.0, 3.0], [1.0, 1.0])
        array([ -0., -32.])
        """
        value, pull, own = pytorch.loss_parts(function)
        called = getattr(function, "__name__", type(function).__name__)
        return cls(name or called, value, pull, reduction or own.replace("none", "sum"), classes)

    def values(self, f: ArrayLike, y: ArrayLike) -> np.ndarray:
        """The losses `ℓ(f_k, y_k)` of all samples, of the shape of `f`, neither summed nor divided by n."""
        return _sampled("value", self.sample_value, f, y)

    def pulls(self, f: ArrayLike, y: ArrayLike) -> np.ndarray:
        """`-∂ℓ(f_k, y_k)/∂f_k` of all samples, of the shape of `f`, not divided by n either."""
        return _sampled("pull", self.sample_pull, f, y)

    def value(self, f: ArrayLike, y: ArrayLike) -> Any:
        """The loss of outputs `f` (..., n) for labels `y` (n,): a float, or an array (...)."""
        each = self.values(f, y)
        total = each.sum(axis=-1) if self.reduction == "sum" else each.mean(axis=-1)
        return total if np.ndim(total) else float(total)

    def pull(self, f: ArrayLike, y: ArrayLike) -> np.ndarray:
        """The pulls `g_k = -∂L/∂f_k`, of the shape of `f`."""
        each = self.pulls(f, y)
        return each if self.reduction == "sum" else each / np.shape(f)[-1]

    def __repr__(self) -> str:
        return f"Loss({self.name}, {self.reduction})"


def _sampled(what, function, f, y):
    """What the function gives, as an array of its own.

    The function may do with its arguments what it likes, and give the same array again and again.
    """
    own = getattr(function, "__module__", None) in (__name__, pytorch.__name__)
    array = np.asarray if own else np.array  # of a user's, copies
    found = function(array(f), array(y))
    inputs.unmasked(f"loss.sample_{what}(f, y)", found)
    each = array(found)
    if each.dtype.kind not in "iuf":
        kind = inputs.kind_of(found)
        raise ValueError(f"`loss` must give a {what} for every output as a real number, got {kind}")
    return each.astype(np.float64) if each.dtype.itemsize > 8 else each


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


def get(loss: str | Loss, reduction: str | None = None) -> Loss:
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


@dataclass(frozen=True)
class _Quadratic:
    factor: float

    def __call__(self, f, y):
        return self.factor * (f - y) ** 2


@dataclass(frozen=True)
class _QuadraticPull:
    factor: float

    def __call__(self, f, y):
        return 2 * self.factor * (y - f)


def quadratic(factor: float = 0.5, reduction: str = "sum") -> Loss:
    """The loss `c Σ (f - y)²`, or that divided by n, for a factor c: `½ Σ (f - y)²` unless told otherwise.

    >>> al.loss.quadratic().value([1.0, 3.0], [1.0, 1.0])
    2.0
    """
    factor = inputs.positive("factor", factor)
    return Loss(f"{factor:g} squares", _Quadratic(factor), _QuadraticPull(factor), reduction)


def quadratic_factor(loss: Loss) -> float | None:
    """The factor c of a loss `c Σ (f - y)²`, known by what it is made of; None for any other loss.

    >>> al.loss.quadratic_factor(al.loss.get("squared")), al.loss.quadratic_factor(al.loss.quadratic())
    (1.0, 0.5)
    """
    if (loss.sample_value, loss.sample_pull) == (_squared, _squared_pull):
        return 1.0
    factor = getattr(loss.sample_value, "factor", None)
    known = factor is not None and (_Quadratic(factor), _QuadraticPull(factor))
    return factor if (loss.sample_value, loss.sample_pull) == known else None


def fitting(loss: str | Loss, data: "Dataset") -> Loss:
    """The `Loss` called `loss`, if the labels of `data` suit it and its pulls are what they should be.

    A user's own loss is tried at some outputs around the labels; those of `NAMED` are by the tests.

    Raises
    ------
    ValueError
        If the labels do not suit the loss, or if on them its pull jumps, or is not minus its slope.

    Examples
    --------
    >>> al.loss.fitting("logistic", al.data.toy_2d())
    Loss(logistic, sum)
    """
    loss = get(loss)
    if loss.classes:
        inputs.labels("data.y", data.y)
    if all(loss.sample_pull is not known.sample_pull for known in NAMED.values()):
        with np.errstate(all="ignore"):  # far from the labels a loss may overflow
            _check_pull(loss, data.y)
    return loss


def constant_pulls(loss: Loss, data: "Dataset", pulls: ArrayLike | None = None) -> np.ndarray:
    """The pulls (n,) of the early phase: those of the zero network, or the given ones.

    >>> al.loss.constant_pulls(al.loss.get("exponential"), al.Dataset([[1, 0], [0, 1]], [1, -1]))
    array([ 1., -1.])
    """
    if pulls is None:
        return inputs.array("loss.pull(0, y)", loss.pull(np.zeros(data.n), data.y), 1)
    return inputs.array("pulls", pulls, 1, (data.n,))


def check_start(loss: Loss, f: ArrayLike, y: ArrayLike) -> None:
    """Whether loss and pulls are finite at the outputs `f` of a start, else an error.

    >>> al.loss.check_start(al.loss.get("exponential"), [-1000.0], [1.0])
    Traceback (most recent call last):
    ValueError: `net` must give a finite loss at the start, got inf
    """
    given, labels = np.asarray(f), inputs.array("y", y, 1)  # the outputs may be infinite
    if given.dtype.kind not in "biuf" or given.shape != labels.shape:
        raise ValueError(f"`f` must be {len(labels)} outputs, one for each label, got {f!r}")
    with np.errstate(all="ignore"):
        found = {"a finite loss": loss.value(given, labels), "finite pulls": loss.pull(given, labels)}
    for need, values in found.items():
        if not np.isfinite(values).all():
            bad = np.extract(~np.isfinite(values), values)[0]
            raise ValueError(f"`net` must give {need} at the start, got {bad}")


def _check_pull(loss, y):
    """Whether the pull is continuous and minus the slope of the value, at outputs around the labels."""
    # Columns are the samples, for a loss may weigh them. About 1,000 outputs in all, up to 3 labels away,
    # at places (fractions of the golden ratio) that differ from sample to sample.
    rows, size = int(np.clip(1000 // len(y), 5, 65)), max(np.abs(y).max(), 1.0)
    f = size * (6 * (np.arange(rows)[:, None] + 0.618 * np.arange(len(y)) % 1) / rows - 3)
    for what, found in (("value", loss.values(f, y)), ("pull", loss.pulls(f, y))):
        if np.shape(found) != f.shape:
            raise ValueError(
                f"`loss` must give a {what} for every output, got shape {np.shape(found)} for {f.shape}"
            )
        if not np.isfinite(found).any(axis=0).all():
            raise ValueError(f"`loss` must give a finite {what} at some outputs for each label, got none")
    jump = _largest_jump(loss, f, y)
    if jump:
        raise ValueError(
            "`loss` must have a continuous pull (no kink in its value), got a jump of {:.3g} "
            "at the output {:.6g} for the label {:g}".format(*jump)
        )
    wrong = _largest_error(loss, f, y, 1e-5 * size)
    if wrong:
        raise ValueError(
            "`loss` must have a pull that is minus the slope of its value, got a pull of {:.3g} and a "
            "slope of {:.3g} at the output {:.3g} for the label {:g}".format(*wrong)
        )


def _largest_jump(loss, f, y):
    """Size, output and label of a jump of the pull between outputs in the same column, or None."""
    low, high = f[:-1], f[1:]
    at_low, at_high = (loss.pulls(end, y) for end in (low, high))
    jump = np.abs(at_high - at_low)
    # A slope leaves 6e-8 of the change over an interval to one 2^-24 as long, a root 2e-4, a jump at least
    # a good part. What is small beside the pulls is rounding, or would not be felt.
    least = np.maximum(1e-2 * jump, 1e-9 * np.abs(at_low).max(where=np.isfinite(at_low), initial=0.0))
    for halvings in range(1, 101):
        middle = (low + high) / 2
        now = loss.pulls(middle, y)
        right = np.abs(at_high - now) > np.abs(now - at_low)
        low, at_low = np.where(right, middle, low), np.where(right, now, at_low)
        high, at_high = np.where(right, high, middle), np.where(right, at_high, now)
        jump = np.abs(at_high - at_low)
        size = np.maximum(np.abs(at_low), np.abs(at_high))
        jumps = np.isfinite(jump) & (jump > least) & (jump > 1e-6 * size)
        if halvings >= 24 and not jumps.any():
            return None  # else a bend far sharper than labels are large: on to the spacing of floats
    place = np.unravel_index(np.argmax(np.where(jumps, jump, 0.0)), jump.shape)
    return jump[place], high[place], y[place[1]]


def _largest_error(loss, f, y, step):
    """Pull, slope, output and label where the pull is least like minus the slope, or None."""
    pull, value = loss.pulls(f, y), loss.values(f, y)
    after, before = (loss.values(f + way, y) for way in (step, -step))
    slope = (after - before) / (2 * step)
    # A central difference errs by a third derivative times 1e-10 and by the rounding of the value over the
    # step. So 1 % of the pull is much, but for outputs where the pull is small beside that at others.
    noise = 1e-14 * np.abs(value) / step + 1e-4 * np.median(np.abs(pull[np.isfinite(pull)]))
    error = np.abs(slope + pull) - 1e-2 * np.maximum(np.abs(pull), np.abs(slope)) - noise
    error = np.where(np.isfinite(error), error, 0.0)
    if not (error > 0).any():
        return None
    place = np.unravel_index(np.argmax(error), error.shape)
    return pull[place], slope[place], f[place], y[place[1]]


inputs.guard(globals())
