"""Images on disk: the files of MNIST and CIFAR-10 as arrays, or an error that names the file.

They come from anywhere: nothing in them is run.
"""

import gzip
import pickle
import zlib

import numpy as np

from alignlib import inputs

PLACES = ("", "raw", "MNIST/raw", "cifar-10-batches-py")  # below `folder`, as archives and torchvision nest


def existing(folder, *names):
    """The first of these files that `folder` holds."""
    folder = inputs.path("folder", folder)
    for path in (folder / place / name for place in PLACES for name in names):
        if path.is_file():
            return path
    raise ValueError(f"`folder` must hold the file {names[0]}, got {str(folder)!r}, which does not")


def idx(folder, name, ndim):
    """The bytes of an IDX file as an array: 0, 0, 8 (unsigned bytes), ndim, the lengths, the data."""
    dotted = name.replace("-idx", ".idx")
    path = existing(folder, name, f"{name}.gz", dotted, f"{dotted}.gz")
    content = path.read_bytes()
    try:
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as problem:
        raise ValueError(f"`folder` must hold whole files, got {str(path)!r}: {problem}") from problem
    head = 4 + 4 * ndim
    shape = np.frombuffer(content[4:head].ljust(4 * ndim, b"\0"), ">u4").astype(int)
    if content[:4] != bytes([0, 0, 8, ndim]) or len(content) != head + shape.prod():
        need = f"an IDX file with {ndim} axes"
        raise ValueError(f"`folder` must hold {name} as {need}, got {content[:20]!r}… in {str(path)!r}")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


class _Arrays(pickle.Unpickler):
    """Reads a pickle of arrays, and refuses to call anything else."""

    def find_class(self, module, name):
        known = {"_reconstruct", "ndarray", "dtype", "_frombuffer", "encode"}
        if module.split(".")[0] in {"numpy", "_codecs"} and name in known:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def batch(folder, name):
    """Images (n, 3072) and classes (n,) of one of CIFAR-10's files."""
    path = existing(folder, name)
    try:
        with path.open("rb") as file:
            found = _Arrays(file, encoding="bytes").load()
        images = np.asarray(found[b"data" if b"data" in found else "data"])
        label = np.asarray(found[b"labels" if b"labels" in found else "labels"])
        if images.ndim != 2 or images.shape[1] != 3072 or label.shape != images.shape[:1]:
            raise ValueError(f"images of shape {images.shape} and labels of shape {label.shape}")
    except Exception as problem:  # whatever a file of another kind makes of an unpickler
        said = f"{type(problem).__name__}: {problem}"
        raise ValueError(f"`folder` must hold {name} of CIFAR-10, got {str(path)!r} ({said})") from problem
    return images, label
