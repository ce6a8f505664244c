"""The cache of compiled code: never stale, and not needed."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

import alignlib
from alignlib.solver import cache
from alignlib.solver.compiled import entry

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


def double(x):
    return x + x


compiler = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """`double` as a new process has it, and the files of its cache."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    cache.slow.cache_clear()
    return lambda: entry(double), lambda: sorted(tmp_path.rglob("*.kept*"))


def hits(function):
    return sum(function.stats.cache_hits.values())


HTML = b"<!DOCTYPE html><title>Quota exceeded</title>"


@compiler
@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: b"",
        lambda whole: whole[:20],
        lambda whole: whole[:-1],
        lambda whole: bytes(len(whole)),  # what some file systems leave after a power cut
        lambda whole: whole[:-99] + bytes([whole[-99] ^ 1]) + whole[-98:],  # in the machine code
        lambda whole: HTML,
        lambda whole: cache.digest(HTML) + HTML,
        lambda whole: cache.digest(pickle.dumps(3)) + pickle.dumps(3),
    ],
)
def test_a_spoiled_file_is_compiled_and_written_anew(kept, spoil):
    fresh, files = kept
    assert fresh()(1.5) == 3.0
    (file,) = files()
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    again = fresh()
    assert (again(1.5), hits(again)) == (3.0, 0)
    again = fresh()
    assert (again(1.5), hits(again)) == (3.0, 1)
    assert files() == [file]


@compiler
def test_code_of_another_signature_is_not_run(kept):
    """Two processes that wrote Numba's index at once could leave one's code under the other's name."""
    fresh, files = kept
    function = fresh()
    function(1.5)
    (of_floats,) = files()
    function(2)
    (of_integers,) = set(files()) - {of_floats}
    shutil.copy(of_floats, of_integers)
    assert fresh()(2) == 4


@compiler
def test_code_of_another_compiler_or_setting_is_not_run(kept, monkeypatch):
    """Numba keeps what it compiled with NUMBA_BOUNDSCHECK=1, slow, and without it, unchecked, as one."""
    fresh, _ = kept
    fresh()(1.5)
    monkeypatch.setattr(cache, "COMPILED_BY", (*cache.COMPILED_BY[:-1], 1))
    checked = fresh()
    assert (checked(1.5), hits(checked)) == (3.0, 0)


@compiler
def test_a_part_of_a_killed_process_is_in_nobody_s_way_and_is_flushed(kept):
    fresh, files = kept
    fresh()(1.5)
    (file,) = files()
    part = file.with_name(file.name + ".0123456789abcdef")
    part.write_bytes(file.read_bytes()[:50])
    again = fresh()
    assert (again(1.5), hits(again)) == (3.0, 1)
    again._cache.flush()
    assert files() == []


@compiler
@pytest.mark.parametrize("why", ["too large", "exists"])
def test_where_nothing_can_be_written_it_runs_and_says_so_once(kept, why):
    resource = pytest.importorskip("resource")
    fresh, files = kept
    function = fresh()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if why == "exists":  # a file where the folder should be
        Path(function._cache.cache_path).rmdir()
        Path(function._cache.cache_path).touch()
    try:
        if why == "too large":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        with pytest.warns(UserWarning, match=f"cannot write its cache in .*{why}") as warned:
            answers = function(1.5), function(2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert answers == (3.0, 4)
    assert len(warned) == 1
    assert files() == []
