"""How far a long run is."""

import sys
from typing import Any


def progress_bar(shown: bool, desc: str, total: float, **more: Any) -> Any:
    """tqdm's bar, if it is to be shown; a process without a console has no place for one."""
    from tqdm.auto import tqdm

    return tqdm(desc=desc, total=total, disable=not (shown and sys.stderr is not None), **more)
