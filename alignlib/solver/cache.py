"""What was compiled is kept in files, and none is trusted: whatever happened to one, it is made anew.

Numba's own files have an index, which two processes can spoil for each other, and a file that was cut off,
by a full disk or a switched-off machine, ends every later call. Here each signature has a file of its own,
which says what it is of, and carries its hash.
"""

import contextlib
import functools
import hashlib
import pickle
import uuid
import warnings
from pathlib import Path

import llvmlite
import numba
import numpy as np
from numba import config
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

# Numba looks only at the file of a function to see whether its cache is stale. But kernels are compiled
# into their callers: so the cache is one of all sources of this folder, and of what compiled them.
SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))
COMPILED_BY = numba.__version__, llvmlite.__version__, np.__version__, config.OPT, config.BOUNDSCHECK


@functools.cache
def slow(why):
    """Said once: Numba forgets which warnings there were."""
    warnings.warn(f"Numba {why}, so every process compiles anew", stacklevel=1)


def digest(content):
    return hashlib.sha256(content).digest()


class Files:
    """What was compiled of one function, by the key that Numba gives: signature, processor, bytecode."""

    def __init__(self, folder, base, stamp):
        self.folder, self.base, self.stamp = Path(folder), base, stamp

    def path(self, key):
        """Without the bytecode: what is stale is written over."""
        return self.folder / f"{self.base}.{digest(repr(key[:2]).encode()).hex()[:16]}.kept"

    def save(self, key, data):
        content = dumps((self.stamp, key, data))
        path = self.path(key)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}")  # others may write it, too
        try:
            part.write_bytes(digest(content) + content)
            part.replace(path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink()

    def load(self, key):
        """None, if there is no file, or if it is not what was written for this key."""
        whole = self.path(key).read_bytes()
        if digest(whole[32:]) == whole[:32]:
            stamp, of, data = pickle.loads(whole[32:])
            if (stamp, of) == (self.stamp, key):
                return data
        return None

    def flush(self):
        for path in self.folder.glob(f"{self.base}.*.kept*"):
            path.unlink(missing_ok=True)


class Kept(FunctionCache):
    """Numba's cache of a function, with files of our own. A RuntimeError if Numba finds no place for it."""

    def __init__(self, function):
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp(), SOURCES.hexdigest(), COMPILED_BY
        self._cache_file = Files(self.cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a file can do: then it is compiled, and written over
            return None

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError as problem:
            slow(f"cannot write its cache in {self.cache_path} ({problem.strerror})")
