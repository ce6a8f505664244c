"""`make book`: build the HTML, never from stale results, one build at a time, whatever surrounds it.

Jupyter Book's cache of executed notebooks looks at their code cells only. Here it is thrown away when the
library, the lock or the way of building changed, and what a failed build left is never built upon. The
notebooks that it does not know are executed before Jupyter Book asks for them, several at once.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution

from book import surroundings

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
LETTERS = ROOT / "book" / "letters.py"
AT_ONCE = 4  # more would need more memory than a laptop has
TIMEOUT = 120  # seconds for a cell, as in `_config.yml`
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
KEPT = ("lock", "home")  # of the build itself; nothing in them is printed
# Not the pages: Jupyter Book sees when they change.
SOURCES = (
    "alignlib/**/*.py",
    "alignlib/live/*",
    "benchmarks/*",
    "studies/*.csv",
    "studies/**/*.py",
    "book/*.py",
    "book/*.js",
    "book/assets/*",
    "chapters/*.bib",
    "chapters/*.yml",
    "pyproject.toml",
    "requirements.lock",
    "_config.yml",
    "_toc.yml",
)


def fingerprint(root=ROOT):
    """A hash of everything but the notebooks that can change what they print."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(path for pattern in SOURCES for path in Path(root).glob(pattern) if path.is_file()):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def remove(paths):
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()


def forget_stale(build=BUILD, root=ROOT):
    """Remove whatever of the last build cannot be trusted, and note this one as not yet done."""
    key = fingerprint(root)
    if not (build / "key").exists() or (build / "key").read_text() != key:
        remove(path for path in build.glob("*") if path.name not in KEPT)
    elif (build / "failed").exists():
        remove(build / folder for folder in ("html", ".doctrees", "jupyter_execute"))
    build.mkdir(exist_ok=True)
    (build / "key").write_text(key)
    (build / "failed").touch()


def named(part):
    """The pages that a part of the contents names, in order."""
    if isinstance(part, list):
        for one in part:
            yield from named(one)
    elif isinstance(part, dict):
        yield from (part[key] for key in ("root", "file") if key in part)
        yield from named([part[key] for key in ("parts", "chapters", "sections") if key in part])


def notebooks(root=ROOT):
    """The notebooks of the book."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [path for name in named(contents) if (path := root / f"{name}.ipynb").exists()]


def executed(path):
    """A notebook with its outputs, and the seconds it took; None if a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    result = single_nb_execution(notebook, cwd=str(path.parent), allow_errors=False, timeout=TIMEOUT)
    return None if result.err else (notebook, result.time)


def execute(paths, cache):
    """Execute the notebooks that the cache does not know; one that fails is left to Jupyter Book."""
    new = []
    for path in paths:
        try:
            cache.match_cache_file(str(path))
        except KeyError:
            new.append(path)
    with ProcessPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool:
        for path, done in zip(new, pool.map(executed, new)):
            if done:
                print(f"{path.stem}: {done[1]:.0f} s", flush=True)
                bundle = CacheBundleIn(done[0], str(path), data={"execution_seconds": done[1]})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def main():
    with surroundings.alone(BUILD):
        make()


def make():
    forget_stale()
    # For this process and all kernels; IPython runs the startup file.
    env = surroundings.clean(BUILD / "home") | {"PYTHONSTARTUP": str(LETTERS)}
    os.environ.clear()
    os.environ.update(env)
    execute(notebooks(), get_cache(BUILD / ".jupyter_cache"))
    # -n: broken references are warnings; -W: warnings are errors.
    command = [JUPYTER_BOOK, "build", "-W", "-n", "--keep-going", "."]
    code = subprocess.call(command, cwd=ROOT)
    if code:
        sys.exit(f"The book was not built: see the messages above (jupyter-book returned {code}).")
    (BUILD / "failed").unlink()
    print(f"\nThe book is in {BUILD / 'html' / 'index.html'}")


if __name__ == "__main__":
    main()
