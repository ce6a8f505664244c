"""The package as others get it: the wheel, alone in an empty environment outside of the checkout."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

from alignlib import __main__ as about
from book import package
from tests.conftest import ROOT

CORE = {"early-alignment", "llvmlite", "numba", "numpy", "scipy", "tqdm"}  # llvmlite is Numba's
PATH = """
import sys
import alignlib as al

data = al.data.separated(n=12, dim=3, mu=0.2, rng=0)
net = al.Network.balanced(width=10, dim=data.dim, scale=1e-6, rng=0)
early = al.early_flow(net, data, "exponential")
path = al.gradient_flow(net, data, "exponential", t_end=2 * early.alignment_time)
claims = al.theory.check_alignment(path), al.theory.check_alignment_time(early)
assert [claim.verdict for claim in claims] == ["only illustrated", "holds"], claims
assert [vector.sign for vector in al.extremal_vectors(data, "exponential")]
assert not {"torch", "matplotlib", "sklearn", "pandas"} & set(sys.modules)
print(al.__file__)
"""
NEEDS = {
    "al.gradient_descent": "torch",
    "al.plots.neurons": "plots",
    "al.widgets.Explorer": "widgets",
    "al.sweep": "sweeps",
    "al.data.mnist_pair()": "data",
    "al.data.digits_pair()": "data",
}


def modules():
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / "alignlib").rglob("*.py")}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source distribution and the wheel."""
    return package.build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def run(built, tmp_path_factory):
    """Runs the Python of an environment into which the wheel was installed; in an empty folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "env", symlinks=os.name != "nt")
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    # The versions of the lock, which the environment of the tests has brought into pip's cache.
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", python]
    install = ["install", "--no-compile", "--constraint", ROOT / "requirements.lock", built[1]]
    subprocess.run([*pip, *install], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*arguments):
        return subprocess.run(
            [python, *arguments], cwd=folder, env=environment, capture_output=True, text=True
        )

    return run


def test_the_archives_hold_the_library_and_nothing_else(built):
    sources, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    shown = ("flow.js", "pictures.js", "player.js", "live.css")
    others = {"alignlib/py.typed", *(f"alignlib/live/{name}" for name in shown)}
    assert {name for name in names if name.startswith("alignlib/")} == modules() | others
    assert {name.split("/")[0] for name in names} <= {"alignlib", "studies"}
    with tarfile.open(sources) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert names | {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= inside
    assert not [name for name in inside if re.match(r"tests|book|chapters|benchmarks", name)]


def test_the_same_files_make_the_same_bytes_at_another_time_and_place(built, tmp_path, monkeypatch):
    copy = tmp_path / "a copy"
    shutil.copytree(ROOT, copy, ignore=package.LEFT_OUT, copy_function=shutil.copyfile)  # new times
    old_mask = os.umask(0o077)
    try:
        monkeypatch.setattr(package, "ROOT", copy)
        again = package.build(tmp_path / "again")
    finally:
        os.umask(old_mask)
    for first, second in zip(built, again, strict=True):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes(), first.name


def test_it_installs_only_what_its_core_needs(run):
    listing = "from importlib.metadata import distributions as d; print(*(p.name for p in d()))"
    found = run("-c", listing)
    assert set(found.stdout.split()) == CORE, found.stderr


def test_the_path_of_a_reader_runs_with_the_core_alone(run):
    found = run("-W", "error", "-c", PATH)
    assert found.returncode == 0, found.stderr
    assert str(ROOT) not in found.stdout
    assert "site-packages" in found.stdout


def test_the_self_check_runs_there(run):
    found = run("-m", "alignlib")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "3 of 3 passed" in found.stdout
    for name in ("alignlib", "processor", "BLAS", "threads", "cache of Numba"):
        assert re.search(rf"^{name} +\S", found.stdout, re.M), found.stdout
    (seconds,) = re.findall(r"passed in (.+) s", found.stdout)
    assert float(seconds) < 10


@pytest.mark.parametrize(("name", "extra"), NEEDS.items())
def test_what_needs_more_says_which_extra_brings_it(run, name, extra):
    found = run("-c", f"import alignlib as al; {name}")
    assert found.returncode == 1
    *_, last = found.stderr.strip().splitlines()
    assert re.match(r"ModuleNotFoundError: \w+ is not installed", last), found.stderr
    assert f'pip install "early-alignment[{extra}]"' in last


def test_a_self_check_that_fails_says_so(monkeypatch, capsys):
    checks = {"right": lambda: (0.0, 1.0), "wrong": lambda: (2.0, 1.0), "nan": lambda: (float("nan"), 1.0)}
    monkeypatch.setattr(about, "CHECKS", checks)
    assert about.main() == 1
    printed = capsys.readouterr().out
    assert re.findall(r"^(pass|FAIL) +(\w+):", printed, re.M) == [
        ("pass", "right"),
        ("FAIL", "wrong"),
        ("FAIL", "nan"),
    ]
    assert "1 of 3 passed" in printed
