"""Every data set and every start off by a few units in the last place: another libm, another compiler.

Python imports a module of this name before anything else when its folder is on PYTHONPATH, in the kernels
of notebooks and in the processes of a pool as well. The library knows nothing of it.
"""

import zlib

import numpy as np

GRID = 4  # units in the last place between two numbers that are let through


def shaken(values):
    """`values`, each rounded to 51 of its 53 bits, up or down at random; the same for the same array.

    Numbers of few bits stay as they are, such as labels, zeros, 0.75: every machine has the same. Those
    that were rounded before stay too, so that rows taken out of a start are still the start's.
    """
    bits = np.array(values, dtype=np.float64).view(np.uint64)
    inexact = bits % GRID > 0
    up = np.random.default_rng(zlib.crc32(bits.tobytes())).random(bits.shape) < 0.5
    rounded = bits - bits % GRID + np.where(inexact & up, GRID, 0).astype(np.uint64)
    return rounded.view(np.float64)


def shake(kind, names):
    """From now on every `kind` has these arrays shaken when it has checked them."""
    check = kind.__post_init__

    def check_and_shake(self):
        check(self)
        for name in names:
            values = shaken(getattr(self, name))
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    kind.__post_init__ = check_and_shake


if __name__ == "sitecustomize":
    from alignlib.data import Dataset
    from alignlib.equicorrelated import Heights
    from alignlib.network import Network

    shake(Dataset, ("x", "y"))
    shake(Network, ("w", "v"))
    shake(Heights, ("z", "rest"))
