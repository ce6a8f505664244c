"""How far a long run is."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any


def progress_bar(shown: bool, desc: str, total: float, **more: Any) -> Any:
    """tqdm's bar, if it is to be shown; a process without a console has no place for one."""
    if not shown or sys.stderr is None:
        return _Hidden(more.get("iterable", ()))
    from tqdm.auto import tqdm

    return tqdm(desc=desc, total=total, **more)


class _Hidden:
    """As a bar, but nothing: a disabled one of tqdm starts a thread, which a process that forks feels."""

    def __init__(self, iterable: Iterable):
        self.iterable = iterable

    def __iter__(self) -> Iterator:
        return iter(self.iterable)

    def __enter__(self) -> "_Hidden":
        return self

    def __exit__(self, *problem: object) -> None:
        pass

    def update(self, more: float = 1) -> None:
        pass
