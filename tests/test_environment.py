"""The environment belongs to its folder, and is emptied only when it is of no use."""

import os
import shutil
import subprocess
import sys
import venv

import pytest

from book import environment
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a clone with spaces") / ".venv"
    venv.create(folder, with_pip=True)
    return folder


def test_an_environment_that_works_is_kept(made):
    assert environment.made_here(made)


def test_one_that_was_copied_is_not(made, tmp_path):
    # Its tests ran the library of the clone that it was copied from.
    copy = tmp_path / ".venv"
    shutil.copytree(made, copy, symlinks=True)
    assert not environment.made_here(copy)


def test_one_that_is_broken_or_missing_is_not(made, tmp_path):
    assert not environment.made_here(tmp_path / "none")
    broken = tmp_path / ".venv"
    shutil.copytree(made, broken, symlinks=True)
    (broken / "bin" / "python").unlink()
    assert not environment.made_here(broken)


def test_what_an_older_lock_left_is_found():
    installed = "numpy==2.0\nRuamel.Yaml==1\nold_one==3\npip==24\nhere @ file:///x\n"
    lock = "# made by hand\nnumpy==2.1 ; python_version > '3'\nruamel-yaml==1\n"
    assert environment.unlisted(installed, lock) == ["old-one"]


def test_this_environment_has_nothing_that_the_lock_does_not_list():
    command = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    installed = subprocess.check_output(command, text=True)
    extra = environment.unlisted(installed, environment.LOCK.read_text("utf-8"))
    assert not [name for name in extra if not name.startswith(("nvidia-", "cuda-", "triton"))]


def test_what_a_shell_says_to_pip_and_python_does_not_reach_the_recipes():
    # What pip puts elsewhere is missing here; the others hide `book`, and take docstrings away.
    said = {"PIP_TARGET": "/x", "PIP_PREFIX": "/x", "PIP_REQUIRE_HASHES": "1", "PIP_USER": "1"}
    said |= {"PYTHONSAFEPATH": "1", "PYTHONOPTIMIZE": "2", "PIP_INDEX_URL": "kept"}
    ask = ["make", "--silent", "--eval", "asked:\n\t@env", "asked"]
    shown = subprocess.run(ask, cwd=ROOT, env=os.environ | said, capture_output=True, text=True, check=True)
    found = dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)
    assert {name: found[name] for name in said if name in found} == {
        "PIP_USER": "0",
        "PIP_INDEX_URL": "kept",
    }


def test_a_moved_clone_makes_its_environment_again(tmp_path):
    # Nothing worked after a move: "python3: not found", and no hint.
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv").mkdir()
    for name in ("pyproject.toml", "requirements.lock", "requirements.hashes", ".venv/installed"):
        (tmp_path / name).write_text(str(ROOT))
    ask = ["make", "--question", ".venv/installed"]
    assert subprocess.run(ask, cwd=tmp_path, check=False).returncode == 1
    assert not (tmp_path / ".venv" / "installed").exists()
    (tmp_path / ".venv" / "installed").write_text(str(tmp_path))
    assert subprocess.run(ask, cwd=tmp_path, check=False).returncode == 0
