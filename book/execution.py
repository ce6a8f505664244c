"""Part of the build, in a process of its own: notebooks are executed, and Jupyter Book makes pages of them.

Those that its cache does not know are executed before it asks for them, several at once.
"""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.db import NbCacheRecord
from jupyter_cache.executors.utils import single_nb_execution

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = 4  # more would need more memory than a laptop has
TIMEOUT = 120  # seconds for a cell, as in `_config.yml`


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
    """A notebook with its outputs, and the seconds it took; None if a cell fails or the kernel dies."""
    notebook = nbformat.read(path, as_version=4)
    try:
        result = single_nb_execution(
            notebook,
            cwd=str(path.parent),
            allow_errors=False,
            timeout=TIMEOUT,
            coalesce_streams=True,  # or a print may come in two, an empty line between
        )
    except RuntimeError as problem:  # nbclient's: the kernel did not start, or was killed for its memory
        print(f"{path.stem}: {problem}; it runs once more, alone", flush=True)
        return None
    return None if result.err else (notebook, result.time)


def known(cache, path):
    """Whether the cache has this notebook, and all of it: a build may have been killed while it wrote."""
    try:
        record = cache.match_cache_file(str(path))
    except KeyError:
        return False
    try:
        cache.get_cache_bundle(record.pk)
    except Exception:  # whatever half a file can do
        shutil.rmtree(cache._get_notebook_path_cache(record.hashkey).parent, ignore_errors=True)
        NbCacheRecord.remove_record(record.pk, cache.db)
        return False
    return True


def execute(paths, folder):
    """Execute the notebooks that the cache does not know; one that fails is left to Jupyter Book."""
    cache = get_cache(folder)
    new = [path for path in paths if not known(cache, path)]
    with ProcessPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool:
        for path, done in zip(new, pool.map(executed, new)):
            if done:
                print(f"{path.stem}: {done[1]:.0f} s", flush=True)
                bundle = CacheBundleIn(done[0], str(path), data={"execution_seconds": done[1]})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def main():
    from jupyter_book.cli.main import main as jupyter_book  # it warns of its own imports

    execute(notebooks(), ROOT / "_build" / ".jupyter_cache")
    # -n: broken references are warnings; -W: warnings are errors.
    jupyter_book(["build", "-W", "-n", "--keep-going", "."])
