"""Every data set and every start off by a few units in the last place: another libm, another compiler.

Python imports a module of this name before anything else when its folder is on PYTHONPATH, in the kernels
of notebooks and in the processes of a pool as well. The library knows nothing of it.
"""

import os
import zlib

import numpy as np

GRID = 4  # units in the last place between two numbers that are let through
DECIMALS = 6  # what has no more was typed
DRAW = int(os.environ.get("DRAW", "0"))  # another one is another machine


def shaken(values):
    """`values`, each rounded to 51 of its 53 bits, up or down at random; the same for the same array.

    What was typed stays, such as labels, 0.75 and 1.1: every machine has the same. What was rounded before
    stays too, so that rows taken out of a start are still the start's.
    """
    bits = np.array(values, dtype=np.float64).view(np.uint64)
    computed = np.round(values, DECIMALS) != values
    up = np.random.default_rng(zlib.crc32(bits.tobytes(), DRAW)).random(bits.shape) < 0.5
    over = bits % GRID
    rounded = bits - over + np.where(up & (over > 0), GRID, 0).astype(np.uint64)
    return np.where(computed, rounded.view(np.float64), values)


def shaken_network(w, v):
    """Both shaken; but `|v_j| = ‖w_j‖` stays so, as on every machine that computes v by this formula."""
    other = shaken(w)
    balanced = np.abs(v) == np.linalg.norm(w, axis=1)
    return other, np.where(balanced, np.copysign(np.linalg.norm(other, axis=1), v), shaken(v))


def shaken_arrays(*arrays):
    return [shaken(array) for array in arrays]


def shake(kind, names, other=shaken_arrays):
    """From now on these arrays of every `kind` become others as soon as they are checked."""
    check = kind.__post_init__

    def check_and_shake(self):
        check(self)
        for name, values in zip(names, other(*(getattr(self, name) for name in names))):
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    kind.__post_init__ = check_and_shake


if __name__ == "sitecustomize":
    from alignlib.data import Dataset
    from alignlib.equicorrelated import Heights
    from alignlib.network import Network

    shake(Dataset, ("x", "y"))
    shake(Network, ("w", "v"), shaken_network)
    shake(Heights, ("z", "rest"))
