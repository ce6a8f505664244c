"""In and out of PyTorch: modules as weights, weights as modules, a loss by automatic differentiation.

PyTorch is loaded when a function here is called, not before.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs

if TYPE_CHECKING:
    import torch

NEEDED = "two-layer network (Linear, ReLU or LeakyReLU, Linear to one output without bias)"
SIZES = 10.0 ** np.arange(-3, 7)  # of the inputs on which a module is tried


def _torch():
    with inputs.extra("torch"):
        import torch

    return torch


def weights(module: "torch.nn.Module") -> tuple[np.ndarray, np.ndarray, float]:
    """`w`, `v` and the slope of a module that computes `v · leaky_relu(w x)`; see `Network.from_torch`."""
    torch = _torch()
    if not isinstance(module, torch.nn.Module):
        raise ValueError(f"`module` must be a torch.nn.Module, got {type(module).__name__}")
    hidden, out, slope = _layers(module)
    w = _array(hidden.weight)
    if hidden.bias is not None:
        w = np.column_stack([w, _array(hidden.bias)])
    v = _array(out.weight)[0]
    _check_outputs(module, hidden, w, v, slope)
    return w, v, slope


def module(w: np.ndarray, v: np.ndarray, slope: float, bias: bool) -> "torch.nn.Sequential":
    """`Sequential(Linear, ReLU or LeakyReLU, Linear)` with these weights; see `Network.to_torch`."""
    torch = _torch()
    nn, linear = torch.nn, torch.nn.utils.skip_init  # nothing is drawn from the user's random numbers
    dim = w.shape[1] - bias
    if not dim:
        raise ValueError("`net` must have an input besides that for the bias, got dim = 1 and bias=True")
    with torch.inference_mode(False):  # else it could not be trained
        hidden = linear(nn.Linear, dim, len(v), bias=bias, dtype=torch.float64)
        out = linear(nn.Linear, len(v), 1, bias=False, dtype=torch.float64)
        with torch.no_grad():
            hidden.weight.copy_(_tensor(w[:, :dim]))
            if bias:
                hidden.bias.copy_(_tensor(w[:, -1]))
            out.weight.copy_(_tensor(v)[None])
        return nn.Sequential(hidden, nn.LeakyReLU(slope) if slope else nn.ReLU(), out)


def _array(parameter):
    if parameter.is_meta:
        _refuse("one on the device meta", "there its weights have no values")
    return parameter.detach().cpu().double().numpy()


def _tensor(array):
    """A copy of the array on the CPU, whatever the default device and type are."""
    return _torch().from_numpy(np.array(array, dtype=np.float64))


def _refuse(found, why=""):
    raise ValueError(f"`module` must be a {NEEDED}, got {found}" + (f": {why}" if why else ""))


def _layers(module):
    """The two Linear layers of a module that has these and an activation only, and its negative slope."""
    nn = _torch().nn
    linear = [part for part in module.modules() if isinstance(part, nn.Linear)]
    for part in module.modules():
        leaf = next(part.children(), None) is None and part is not module
        if leaf and not isinstance(part, (nn.Linear, nn.ReLU, nn.LeakyReLU, nn.Identity, nn.Flatten)):
            _refuse(f"the layer {part}", "a Network has no such layer")
    if len(linear) != 2:
        _refuse(f"{len(linear)} Linear layers", "a Network has one hidden layer" if len(linear) > 2 else "")
    hidden, out = linear
    if out.in_features != hidden.out_features:
        _refuse(f"{hidden} before {out}", "they do not follow each other")
    if out.out_features != 1:
        _refuse(f"{out.out_features} outputs", "a Network has one; take one row of the last weights")
    if out.bias is not None:
        _refuse("a bias of the output", "a Network has none; build the last layer with bias=False")
    slopes = [part.negative_slope for part in module.modules() if isinstance(part, nn.LeakyReLU)]
    if len(slopes) > 1:
        _refuse(f"{len(slopes)} LeakyReLU layers", "a Network has one activation")
    return hidden, out, float(slopes[0]) if slopes else 0.0


def _check_outputs(module, hidden, w, v, slope):
    """Whether the module computes what the weights say, on inputs of all sizes, to rounding."""
    torch, weight = _torch(), hidden.weight
    sizes = SIZES[np.sqrt(torch.finfo(weight.dtype).max) > SIZES]  # in half precision the largest overflow
    x = np.random.default_rng(0).standard_normal((4, len(sizes), hidden.in_features)) * sizes[:, None]
    x = _tensor(x.reshape(-1, hidden.in_features)).to(weight)
    try:
        # In the precision of its weights, whatever is cast around it.
        with torch.no_grad(), torch.autocast(weight.device.type, enabled=False):
            found = _array(module(x).reshape(len(x)))
    except (RuntimeError, TypeError, IndexError, NotImplementedError, ValueError) as problem:
        raise ValueError(
            f"`module` must take inputs of shape (n, {hidden.in_features}) and give one output for each, "
            f"got {type(problem).__name__}: {problem}"
        ) from problem
    x = np.column_stack([_array(x), np.ones((len(x), w.shape[1] - hidden.in_features))])
    z = w @ x.T
    expected = v @ np.where(z > 0, z, slope * z)
    # The classical bound on the rounding of sums of d and h terms, in the module's own precision.
    rounding = sum(w.shape) * torch.finfo(weight.dtype).eps * (np.abs(v) @ (np.abs(w) @ np.abs(x).T))
    wrong = np.flatnonzero(~(np.abs(found - expected) <= rounding))
    if wrong.size:
        _refuse(
            f"the output {found[wrong[0]]:.6g} where its weights give {expected[wrong[0]]:.6g}",
            "another activation, another layer or a factor comes in between",
        )


@dataclass(frozen=True)
class Value:
    """`(f, y) -> ℓ` on NumPy arrays, by a function of PyTorch tensors."""

    function: Callable

    def __call__(self, f: ArrayLike, y: ArrayLike) -> np.ndarray:
        return self.function(*_tensors(f, y)).detach().numpy()


@dataclass(frozen=True)
class Pull:
    """`(f, y) -> -∂ℓ/∂f` on NumPy arrays, by automatic differentiation."""

    function: Callable

    def __call__(self, f: ArrayLike, y: ArrayLike) -> np.ndarray:
        torch = _torch()
        with torch.inference_mode(False), torch.enable_grad():  # whatever the user has switched off
            outputs, labels = _tensors(f, y)
            outputs.requires_grad_(True)
            (slope,) = torch.autograd.grad(self.function(outputs, labels).sum(), outputs)
        return -slope.numpy()


def _tensors(f, y):
    """Outputs and labels as float64 tensors of the shape of `f`, which share nothing with the arrays."""
    return _tensor(f), _tensor(np.broadcast_to(y, np.shape(f)))


def loss_parts(function: Any) -> tuple[Value, Pull, str]:
    """Value, pull and reduction of a loss of PyTorch; see `Loss.from_torch`."""
    if not callable(function):
        raise ValueError(f"`function` must be a function of tensors or a loss module, got {function!r}")
    reduction = getattr(function, "reduction", "none")
    if reduction != "none":
        inputs.choice("function.reduction", reduction, ("sum", "mean", "none"))
        function = copy(function)  # the user's stays as it is
        function.reduction = "none"
    value, pull, tried = Value(function), Pull(function), (np.array([0.25, 0.5]), np.ones(2))
    try:
        shape = value(*tried).shape
    except (RuntimeError, TypeError, IndexError, ValueError, AttributeError) as problem:
        raise ValueError(
            "`function` must take tensors of outputs and labels of one shape, "
            f"got {type(problem).__name__}: {problem}"
        ) from problem
    if shape != (2,):
        raise ValueError(
            "`function` must give one value for every output (reduction='none'), "
            f"got shape {shape} for (2,)"
        )
    try:
        pull(*tried)
    except RuntimeError as problem:
        raise ValueError(f"`function` must have a derivative by the outputs, got {problem}") from problem
    return value, pull, reduction
