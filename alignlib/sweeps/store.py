"""A file of rows: a line that says whose they are, then one row a line, written as they come."""

import errno
import importlib.metadata
import inspect
import json
import os
import platform
import warnings
from dataclasses import fields
from pathlib import Path

from alignlib import inputs
from alignlib.sweeps import rows, source

with inputs.extra("sweeps"):
    import filelock

BEGINNING = b'{"sweep": '
LOCKLESS = errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP  # of some network drives
PACKAGES = ("early-alignment", "numpy", "scipy", "numba")


class Store:
    """The file of one sweep, for one writer at a time: use it as a context.

    Raises
    ------
    ValueError
        If the file is not of this sweep, if another sweep is writing it, or if the function has
        changed since and `keep_changed` does not allow that.
    """

    def __init__(self, path, function, kind, keep_changed=False):
        # One name for one file, wherever the function goes and whichever link leads to it.
        self.path = Path(os.path.realpath(path))
        self.kind, self.keep_changed = kind, keep_changed
        if self.path.is_dir():
            raise ValueError(f"`file` must be a file, got the folder {str(path)!r}")
        if self.path.exists() and not self.path.is_file():  # to read a pipe or a device may never end
            raise ValueError(f"`file` must be a regular file, got {str(path)!r}")
        if inspect.isclass(function):
            raise ValueError(
                "`function` must be a function or a method to write a `file`, got the class "
                f"{function.__qualname__}"
            )
        self.name = getattr(function, "__name__", "<lambda>")
        if self.name == "<lambda>":  # two of them, or two partials, could not be told apart in the file
            raise ValueError(
                "`function` must have a name of its own to write a `file` (define it with `def`, and let "
                f"the configuration hold what it needs), got {function!r}"
            )
        self.head = {
            "sweep": self.name,
            "of": kind.__name__,
            "fields": [field.name for field in fields(kind)],
            "function": source.fingerprint(function),
            "versions": versions(),
        }
        self.lock = filelock.FileLock(f"{self.path}.lock")
        self.lost = False  # whether the file takes no more rows

    def __enter__(self):
        try:
            self.lock.acquire(timeout=0)
        except filelock.Timeout:
            raise ValueError(
                f"`file` must not be in use by another sweep, got {str(self.path)!r}: wait for it, or give "
                "this one a file of its own"
            ) from None
        except OSError as problem:
            if problem.errno not in LOCKLESS:
                raise
            warnings.warn(
                f"{str(self.path)!r} lies where no file can be locked ({problem.strerror}): see to it that "
                "no other sweep writes it",
                stacklevel=3,
            )
        return self

    def __exit__(self, *_):
        self.lock.release()

    def read(self):
        """The rows that the file holds, by key, the newest of each; a half-written end is cut off."""
        content = self.path.read_bytes() if self.path.exists() else b""
        head, newline, rest = content.partition(b"\n")
        if not newline and (
            head.startswith(BEGINNING) or BEGINNING.startswith(head)
        ):  # new, or half a head
            self.path.write_bytes(self._first())
            return {}
        self._check(head)
        whole = rest[: rest.rfind(b"\n") + 1]
        if whole != rest:
            with self.path.open("r+b") as file:
                file.truncate(len(content) - len(rest) + len(whole))
        found = [self._row(line, number) for number, line in enumerate(whole.splitlines(), 2)]
        return {rows.key(self.kind, row): row for row in found}

    def _first(self):
        return json.dumps(self.head).encode() + b"\n"

    def _check(self, line):
        """Whether a first line says that the rows are of this sweep."""
        try:
            head = json.loads(line)
        except ValueError:
            head = None
        whose = ("sweep", "of", "fields")
        if not isinstance(head, dict) or any(head.get(name) != self.head[name] for name in whose):
            raise ValueError(f"`file` must be new or of this sweep, got {str(self.path)!r}")
        same = head.get("function", self.head["function"]) == self.head["function"]
        if not same and not self.keep_changed:
            raise ValueError(
                f"`file` must be of `{self.name}` as it is now, got {str(self.path)!r}, whose rows are of "
                "another function of that name or an older version: delete it, or pass `keep_changed=True`"
            )

    def _row(self, line, number):
        row = rows.from_line(line, self.kind)
        if row is None:
            where = f"line {number} of {str(self.path)!r}"
            raise ValueError(
                f"`file` must hold one row a line, got {line[:40]!r} in {where}; without that line, "
                "its configuration is run again"
            )
        return row

    def append(self, row):
        """Written before the next one runs; a file that takes no more is said once, and left."""
        if self.lost:
            return
        try:
            with self.path.open("ab") as file:
                if file.tell() == 0:  # emptied or deleted meanwhile
                    file.write(self._first())
                file.write(rows.to_line(row))
        except OSError as problem:
            self.lost = True
            warnings.warn(
                f"{str(self.path)!r} takes no more rows ({problem}): from here on they are in the table "
                "only, and the next sweep of this file runs them again",
                stacklevel=4,
            )


def versions():
    """Of Python and of what the rows of a sweep depend on most."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
