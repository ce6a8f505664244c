"""What surrounds a build is kept out of it: the shell, the home, the notebook that it is started from.

Variables of a surrounding Jupyter or IPython, of Matplotlib and of Python itself change what a notebook
prints, and so do settings in the home: a build has its own, below `_build`.
"""

import contextlib
import os
import sys
from pathlib import Path

import filelock

FOREIGN = (
    "JPY_",
    "JUPYTER",
    "IPY",
    "MPL",
    "MATPLOTLIBRC",
    "PYTHON",  # …OPTIMIZE takes docstrings away, …WARNINGS makes cells print more, …SAFEPATH hides `book`
    "NUMBA_DISABLE_JIT",
    "NUMBA_BOUNDSCHECK",
)


def clean(home, environ=os.environ):
    """The environment of a build, with its settings and caches below the folder `home`."""
    kept = {name: value for name, value in environ.items() if not name.startswith(FOREIGN)}
    own = {
        "JUPYTER_PREFER_ENV_PATH": "1",  # before a kernel `python3` elsewhere
        "JUPYTER_CONFIG_DIR": home / "jupyter",
        "JUPYTER_DATA_DIR": home / "jupyter",
        "JUPYTER_RUNTIME_DIR": home / "jupyter",
        "JUPYTER_PATH": Path(sys.prefix) / "share" / "jupyter",
        "IPYTHONDIR": home / "ipython",
        "MPLCONFIGDIR": home / "matplotlib",
        "PYTHONUTF8": "1",  # Latin-1 and C locales
        "PYTHONHASHSEED": "0",  # the order of a set is then the same in two builds
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)]),
    }
    for name in ("jupyter", "ipython", "matplotlib"):
        (home / name).mkdir(parents=True, exist_ok=True)
    profile = home / "ipython" / "profile_default"
    profile.mkdir(exist_ok=True)
    quiet = "c.IPKernelApp.log_level = 40\n"  # kernels of a build talk over TCP, and need not warn of it
    (profile / "ipython_kernel_config.py").write_text(quiet, encoding="utf-8")
    return kept | {name: str(value) for name, value in own.items()}


def alone(folder):
    """A lock: whoever builds second says so, and waits."""
    folder.mkdir(exist_ok=True)
    lock = filelock.FileLock(folder / "lock")
    try:
        return lock.acquire(timeout=0)
    except filelock.Timeout:
        print("Another build of this book is running: waiting for it.", flush=True)
        return lock.acquire()
    except OSError as problem:  # some network drives
        print(f"Not locked ({problem.strerror}): do not build this book twice at once.", flush=True)
        return contextlib.nullcontext()
