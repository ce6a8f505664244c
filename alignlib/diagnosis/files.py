"""A run as a file: plain arrays, no code, so that one from a stranger may be opened."""

import errno
import os
import shutil
import uuid
import zipfile
import zlib
from pathlib import Path

import numpy as np

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.trajectory import Trajectory, recorded

BROKEN = (zipfile.BadZipFile, zlib.error)
NEEDED = ("x", "y", "t", "w", "v", "loss")


def save(path: Trajectory, file: str | Path) -> None:
    """Write a run to `file`, under this very name, by `numpy.savez_compressed`.

    The arrays: `x` (n, d), `y` (n,), `t` (m,), `w` (m, h, d), `v` (m, h), and `loss`, a name ("squared",
    "exponential", "logistic"), optionally `reduction` ("sum" or "mean"), `factor` (of a squared loss) and
    `negative_slope`. So a loop of one's own can write such a file without this library.

    Raises
    ------
    ValueError
        If the loss is none of these, the run has a weight decay, or `file` is a folder.
    OSError
        If it cannot be written; what was there stays, but in a folder that takes no new file.

    Examples
    --------
    >>> import tempfile
    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     al.diagnosis.save(path, f"{folder}/run.npz")
    ...     al.diagnosis.load(f"{folder}/run.npz")
    Trajectory(data, t from 0 to 3, loss 8 to 0.626, 0 events; recorded by the user)
    """
    inputs.undecayed("path", path, "such a file")
    place = inputs.path("file", file)
    if place.exists() and not place.is_file():
        what = "folder" if place.is_dir() else "device or pipe"
        raise ValueError(f"`file` must be the name of a file to write, got the {what} {str(place)!r}")
    w, v = path.weights()
    slope, loss = path.start.negative_slope, _written(path.loss_function)
    arrays = {"x": path.data.x, "y": path.data.y, "t": path.t, "w": w, "v": v}
    place = Path(os.path.realpath(place))
    try:
        _replace(place, arrays | {"negative_slope": slope} | loss)
    except OSError as problem:
        problem.filename = str(place)  # not of a file that nobody named
        raise


def _replace(place, arrays):
    """Write a file beside the old one first, so that this stays until all is written, where that can be."""
    old = place.exists()
    if old and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
    if old and not os.access(place.parent, os.W_OK):  # a folder that takes no files
        with place.open("wb") as archive:
            np.savez_compressed(archive, **arrays)
        return
    beside = place.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with beside.open("wb") as archive:  # NumPy would add a suffix to a name
            np.savez_compressed(archive, **arrays)
        if old:
            shutil.copymode(place, beside)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


def _written(loss):
    factor = losses.quadratic_factor(loss)
    if factor is not None:
        return {"loss": "squared", "factor": factor, "reduction": loss.reduction}
    if loss.name not in losses.NAMED or losses.get(loss.name, loss.reduction) != loss:
        raise ValueError(f"`path` must have a loss of this library, got {loss!r}")
    return {"loss": loss.name, "reduction": loss.reduction}


def load(file: str | Path) -> Trajectory:
    """The run in a file as `save` describes it, for `al.diagnose`. Nothing in the file is executed.

    Raises
    ------
    ValueError
        If the file is no such file, an array is missing, or they do not fit each other.

    Examples
    --------
    >>> import tempfile
    >>> arrays = {"x": [[1.0], [-1.0]], "y": [1, -1], "t": [0.0], "w": [[[0.1]]], "v": [[0.1]]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/run.npz", loss="logistic", **arrays)
    ...     al.diagnosis.load(f"{folder}/run.npz").final
    Network(width=1, dim=1)
    """
    place = inputs.path("file", file)
    if place.exists() and not place.is_file():
        raise ValueError(f"`file` must be a file of `al.diagnosis.save`, got {file}, no regular file")
    try:
        with np.load(place, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except (OSError, ValueError, AttributeError, TypeError, EOFError, *BROKEN) as problem:
        raise ValueError(
            f"`file` must be a file of `al.diagnosis.save`, got {file}: {problem}"
        ) from problem
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise ValueError(f"`file` must hold the arrays {', '.join(NEEDED)}, got none called {missing[0]}")
    w = inputs.array("w", arrays["w"], 3)
    v = inputs.array("v", arrays["v"], 2, w.shape[:2])
    slope = inputs.number("negative_slope", arrays.get("negative_slope", 0.0))
    nets = [Network(*each, slope) for each in zip(w, v)]
    return recorded(Dataset(arrays["x"], arrays["y"]), _read(arrays), arrays["t"], nets)


def _read(arrays):
    loss = losses.get(str(arrays["loss"]))
    reduction = str(arrays.get("reduction", loss.reduction))
    factor = inputs.positive("factor", arrays.get("factor", 1.0))
    if loss.name == "squared" and factor != 1.0:
        return losses.quadratic(factor, reduction)
    return losses.get(loss, reduction)


inputs.guard(globals())
