"""The cache of compiled code: never stale, and not needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

import alignlib

# A compiled function that calls a kernel of another file, and whether its code came from the cache.
ASK = """
import numpy as np
from alignlib.solver.advance import has_room
d, one = np.zeros((3, 1)), np.ones(1)
d[0] = 3.0
gained, _ = has_room(1.0, np.ones(1, np.int8), np.ones(2), 0.0, d, d, 2.0)
hits = getattr(has_room, "stats", None)
print(gained, sum(hits.cache_hits.values()))
"""


def said(package, cache, **settings):
    compiled = {"NUMBA_DISABLE_JIT": "0", "NUMBA_CACHE_DIR": str(cache)}
    environment = {**os.environ, "PYTHONPATH": str(package), **compiled, **settings}
    run = [sys.executable, "-W", "default", "-c", ASK]
    done = subprocess.run(run, cwd=package, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split(), done.stderr


def copied(to):
    source = Path(alignlib.__file__).parent
    return shutil.copytree(source, to / "alignlib", ignore=shutil.ignore_patterns("__pycache__"))


def test_a_changed_kernel_is_compiled_anew_and_an_unchanged_one_is_not(tmp_path):
    kernel = copied(tmp_path) / "solver" / "interval.py"
    assert said(tmp_path, tmp_path / "cache")[0] == ["6.0", "0"]
    assert said(tmp_path, tmp_path / "cache")[0] == ["6.0", "1"]
    text = kernel.read_text()
    head = "def fastest(x, end, square):"
    assert text.count(head) == 1
    kernel.write_text(
        text.replace(head, "def fastest(x, end, square):\n    return 5.0\n\n\ndef old(x, end, square):")
    )
    assert said(tmp_path, tmp_path / "cache")[0] == ["10.0", "0"]
    assert said(tmp_path, tmp_path / "cache")[0] == ["10.0", "1"]


@pytest.mark.skipif(
    not hasattr(config, "CACHE_LOCATOR_CLASSES"), reason="Numba cannot be kept from a folder"
)
def test_without_a_folder_for_the_cache_it_compiles_and_says_so(tmp_path):
    copied(tmp_path)
    file = tmp_path / "file"
    file.write_text("")  # where no folder can be made, for root neither
    locators = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    answer, warned = said(tmp_path, file / "cache", **locators)
    assert answer == ["6.0", "0"]
    assert warned.count("UserWarning: Numba finds no folder") == 1
