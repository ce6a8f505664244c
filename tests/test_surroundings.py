"""A build is the same whatever shell, home or notebook it starts from, and the next one waits for it."""

import errno
import json
import os
import subprocess
import sys
import time

import nbformat
import pytest

from book import surroundings
from tests.conftest import ROOT

PROBE = """
import os, sys, matplotlib, matplotlib.pyplot as plt, tqdm.auto
print(matplotlib.get_backend().rpartition(".")[2].split(":")[-1], plt.rcParams["lines.linewidth"])
print(sorted(name for name in os.environ if name.startswith(("JPY_SESSION", "MPLBACKEND"))))
print(sys.prefix, sys.flags.utf8_mode, "startup" in globals(), "other" in sys.modules)
print(type(tqdm.auto.tqdm).__name__, sys.warnoptions, sys.flags.optimize, sys.flags.safe_path)
print(sys.stdout.encoding)
"""


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """What was seen to spoil a build: a Jupyter around it, other kernels, settings at home."""
    folder = tmp_path_factory.mktemp("bad")
    kernel = folder / "share" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    other = {"argv": ["/bin/false"], "display_name": "other", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(other))
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("startup = 1")
    (folder / "matplotlibrc").write_text("lines.linewidth: 9\n")
    (folder / "sitecustomize.py").write_text("import sys; sys.modules['other'] = sys")
    return {
        **os.environ,
        "MPLBACKEND": "Agg",
        "JPY_SESSION_NAME": "a.ipynb",
        "JUPYTER_PATH": str(folder / "share"),
        "IPYTHONDIR": str(folder / "ipython"),
        "MATPLOTLIBRC": str(folder / "matplotlibrc"),
        "PYTHONPATH": str(folder),
        "HOME": "/dev/null/nowhere",
        "LC_ALL": "C",
        "PYTHONOPTIMIZE": "2",  # no docstrings: an empty reference
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "latin-1",
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "",
    }


def executed(environ, folder):
    """What the probe prints in a kernel started as the build starts its own."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PROBE)])
    nbformat.write(notebook, folder / "probe.ipynb")
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--execute",
        "--to",
        "notebook",
        "--inplace",
        "probe.ipynb",
    ]
    env = surroundings.clean(folder / "home", environ)
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
    (cell,) = nbformat.read(folder / "probe.ipynb", as_version=4).cells
    assert [output.name for output in cell.outputs] == ["stdout"]  # no notice in stderr, which is fatal
    return cell.outputs[0].text


def test_a_notebook_prints_the_same_in_bad_surroundings(bad, tmp_path):
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    said = executed(bad, tmp_path / "bad")
    assert said == executed(os.environ, tmp_path / "good")
    assert "startup" not in said
    assert said.splitlines()[2] == f"{sys.prefix} 1 False False"


def test_what_the_build_needs_is_kept(tmp_path):
    env = surroundings.clean(
        ROOT / "_build" / "home", {"GITHUB_SHA": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "x"}
    )
    assert env["GITHUB_SHA"] == env["OMP_NUM_THREADS"] == "1"
    assert "MPLBACKEND" not in env


def test_where_no_file_can_be_locked_a_build_says_so_and_goes_on(tmp_path, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(surroundings.filelock.FileLock, "acquire", refuse)
    with surroundings.alone(tmp_path / "build"):
        assert "Not locked (No locks available)" in capsys.readouterr().out


def test_a_second_build_waits_for_the_first(tmp_path):
    code = f"""if True:
        from pathlib import Path
        from book import surroundings
        with surroundings.alone(Path({str(tmp_path)!r})):
            print("mine")
    """
    with surroundings.alone(tmp_path):
        second = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert second.stdout.readline() == "Another build of this book is running: waiting for it.\n"
        time.sleep(0.2)
        assert second.poll() is None
    assert second.communicate(timeout=30)[0] == "mine\n"
