"""The project agrees with itself: one list of packages, a light import, notebooks stored as executed."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from book import environment, release
from book.store import CAPTION
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))
COLAB = (ROOT / "book" / "colab.py").read_text().rstrip()
README = (ROOT / "README.md").read_text()


def lock():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def declared(extras=None):
    every = {**PROJECT["optional-dependencies"], "benchmarks": []}  # what we compare with is not installed
    groups = (PROJECT["dependencies"], *(every[extra] for extra in extras or every))
    wanted = [Requirement(text) for group in groups for text in group]
    return [package for package in wanted if package.name != PROJECT["name"]]  # `all` names other extras


def test_the_lock_pins_every_declared_package_within_its_range():
    pins = {}
    for pin in lock():
        (exact,) = pin.specifier
        assert exact.operator == "=="
        pins.setdefault(canonicalize_name(pin.name), []).append(exact.version)
    for wanted in declared():
        versions = pins.get(canonicalize_name(wanted.name), [])
        assert versions, f"{wanted.name} is not in requirements.lock: run `make lock`"
        assert all(wanted.specifier.contains(version) for version in versions), wanted


def test_the_environment_file_installs_the_lock_and_the_project():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge"]
    *plain, pip = environment["dependencies"]
    (python,) = (entry for entry in plain if entry.startswith("python="))
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert pip["pip"][1:] == ["-r requirements.lock", "-e ."]
    assert pip["pip"][0].startswith("--extra-index-url")


def test_the_version_is_the_same_everywhere():
    import alignlib

    version = PROJECT["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert alignlib.__version__ == version == citation["version"]
    changes = release.sections((ROOT / "CHANGELOG.md").read_text())
    newest, last = list(changes)[:2]
    assert (newest, last) == ("Unreleased", version)
    assert changes[last][0] == citation["date-released"].isoformat()


def test_a_release_takes_its_notes_from_the_changelog():
    sections = ("[Unreleased]", "[0.2.0] - 2027-01-02\n\n- New.", "[0.1.0] - 2026-11-22\n\n- Old.")
    text = "# Changelog\n\n" + "\n\n".join(f"## {section}" for section in sections)
    assert release.notes("v0.2.0", "0.2.0", text) == "- New."
    assert release.notes("v0.1.0", "0.1.0", text) == "- Old."
    for tag, version, changelog, problem in (
        ("v0.3.0", "0.2.0", text, "expected v0.2.0"),
        ("v0.3.0", "0.3.0", text, "no section"),
        ("v0.2.0", "0.2.0", text.replace(" - 2027-01-02", ""), "no section"),
        ("v0.2.0", "0.2.0", text.replace("- New.", ""), "no section"),
    ):
        with pytest.raises(ValueError, match=problem):
            release.notes(tag, version, changelog)


def test_workflows_may_do_no_more_than_they_need():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}, path
        for job in workflow["jobs"].values():
            writes = "write" in job.get("permissions", {}).values()
            # What may write runs nothing of the project: it handles what another job has made.
            runs = [step.get("run", "") for step in job["steps"]]
            assert not (writes and re.search(r"\b(make|python|bash)\b", "\n".join(runs))), path


def test_actions_are_pinned_by_digest_the_same_everywhere():
    # A tag can be moved to other code, a digest cannot.
    found = {}
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for line in re.findall(r"^ +(?:- )?uses: (.*)$", path.read_text(), re.MULTILINE):
            pinned = re.fullmatch(r"([\w-]+/[\w-]+)@([0-9a-f]{40})  # v\d+\.\d+\.\d+", line)
            assert pinned, f"{path.name}: {line}"
            found.setdefault(pinned[1], set()).add(pinned[2])
    assert len(found) == 8
    assert all(len(digests) == 1 for digests in found.values())


def test_the_oldest_packages_are_those_that_the_project_allows():
    oldest = [Requirement(line) for line in (ROOT / "tests" / "oldest.txt").read_text().splitlines()[1:]]
    extras = PROJECT["optional-dependencies"]
    ours = [
        *PROJECT["dependencies"],
        *(one for extra in ("torch", "plots", "widgets", "data", "sweeps") for one in extras[extra]),
    ]
    lowest = {
        f"{one.name}=={s.version}"
        for one in map(Requirement, ours)
        for s in one.specifier
        if s.operator == ">="
    }
    assert {str(one) for one in oldest} == lowest


def on_import(path):
    """Whatever a file imports when it is itself imported, in full."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_the_weekly_tests_of_the_library_import_nothing_of_the_book():
    # Only the library is installed there: one import of the book's packages would end them all.
    weekly = (ROOT / ".github" / "workflows" / "weekly.yml").read_text()
    named = [ROOT / name for name in re.findall(r" (tests/[\w/]+(?:\.py)?)", weekly)]
    todo = [path for one in named for path in ([one] if one.is_file() else one.glob("*.py"))]
    todo += [ROOT / "conftest.py", ROOT / "tests" / "conftest.py"]
    assert len(todo) > 25
    seen, outside = set(), set()
    while todo:
        path = todo.pop()
        seen.add(path)
        for first, _, rest in (name.partition(".") for name in on_import(path)):
            near = ROOT / first / f"{rest.partition('.')[0]}.py"
            if first not in ("tests", "book"):
                outside.add(canonicalize_name(first))
            elif near.is_file() and near not in seen:
                todo.append(near)
    installed = {canonicalize_name(one.name) for one in declared(("torch", "plots", "data", "sweeps"))}
    assert outside - set(sys.stdlib_module_names) <= installed | {
        "alignlib",
        "sklearn",
        "pytest",
        "hypothesis",
    }


def test_a_checkout_on_windows_has_the_same_bytes(tmp_path):
    # "$'\\r': command not found": git writes other line endings there, if it is not told.
    for name in (".gitattributes", "Makefile", "benchmarks/targets.csv", "book/assets/opening.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)

    def git(*words):
        as_there = ["-c", "core.autocrlf=true", "-c", "core.safecrlf=false"]
        subprocess.run(["git", *as_there, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    git("add", ".")
    for name in ("Makefile", "benchmarks/targets.csv", "book/assets/opening.png"):
        (tmp_path / name).unlink()
    git("checkout", "--", ".")
    for name in ("Makefile", "benchmarks/targets.csv", "book/assets/opening.png"):
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_the_weekly_run_tries_every_python_and_system_with_tests_that_exist():
    weekly = yaml.safe_load((ROOT / ".github" / "workflows" / "weekly.yml").read_text())["jobs"]
    library = weekly["library"]
    matrix = library["strategy"]["matrix"]
    assert {f"3.{minor}" for minor in range(11, 15)} == set(matrix["python"])
    assert {os.partition("-")[0] for os in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["include"][0]["constraint"] == "--constraint tests/oldest.txt"
    (tests,) = (step["run"] for step in library["steps"] if "pytest --" in step.get("run", ""))
    for name in re.findall(r"tests/\S+", tests):
        assert (ROOT / name).exists(), name
    audit = [step.get("run", "") for step in weekly["audit"]["steps"]]
    assert any("pip-audit" in run and "requirements.lock" in run for run in audit)
    assert any("npm audit" in run for run in audit)
    said = {"cold", "newest", "processors", "audit", "library"}  # whose failure is
    assert set(weekly["report"]["needs"]) == said


def test_binder_reads_the_environment_file():
    # A dry run of its builder, which silently takes an old Python where it cannot read the one asked for.
    command = [Path(sys.executable).with_name("jupyter-repo2docker"), "--no-build", "--debug", "."]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Building conda environment for python=3.11" in run.stdout + run.stderr
    assert '--file "environment.yml"' in run.stdout + run.stderr
    assert "./postBuild" in run.stdout + run.stderr
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/start"' in run.stdout + run.stderr


def test_binder_fills_the_cache_of_compiled_code():
    script = ROOT / "postBuild"
    assert os.access(script, os.X_OK)
    (module,) = re.findall(r"^python -m (\w+)$", script.read_text(), re.MULTILINE)
    assert (ROOT / module / "__main__.py").exists()
    assert "set -e" in script.read_text()  # an image whose self-check fails is not made


def test_the_makefile_and_ci_install_the_same():
    assert "$(PYTHON) book/environment.py" in (ROOT / "Makefile").read_text()
    assert environment.LOCK == ROOT / "requirements.lock"
    made = (ROOT / "book" / "environment.py").read_text()
    assert 'install = "install", "--quiet", "--no-compile"\n' in made
    assert 'pip(*install, "--no-deps", "--require-hashes", "--requirement", HASHES)' in made
    assert 'pip(*install, "--requirement", LOCK)' in made
    assert 'pip(*install, "--no-deps", "--editable", ROOT)' in made
    gate = (ROOT / ".ci" / "run").read_text()
    assert "pip install" not in gate  # it goes through the Makefile
    for command in ("make book", "make test"):
        assert command in README
        assert command in gate


def test_the_sample_of_the_readme_runs():
    import matplotlib.pyplot as plt

    (sample,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    room = {}
    exec(sample, room)
    assert room["claim"].verdict == "holds"
    plt.close("all")


def rooms_of(text):
    """The stages of rooms in a docstring, each a set: the lines with arrows."""
    line = " ".join(line for line in text.splitlines() if "->" in line)
    return [set(stage.replace(" ", "").split(",")) for stage in line.split("->")]


def imported(path, package):
    """The rooms of `package` that a file imports at its top; `path` may be a folder of files."""
    used = set()
    for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module == package:
                used |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module.startswith(f"{package}."):
                used.add(node.module.removeprefix(f"{package}.").split(".")[0])
    return used


@pytest.mark.parametrize("package", ["alignlib", "alignlib.solver"])
def test_imports_inside_the_library_run_one_way(package):
    rooms = rooms_of(importlib.import_module(package).__doc__)
    folder = ROOT / package.replace(".", "/")
    paths = {path.stem: path for path in folder.glob("*.py") if not path.stem.startswith("__")}
    paths |= {path.parent.name: path.parent for path in folder.glob("*/__init__.py")}
    assert set().union(*rooms) == set(paths)
    for stage, names in enumerate(rooms):
        allowed = set().union(*rooms[:stage])
        for name in names:
            assert imported(paths[name], package) - {name} <= allowed, name


def test_the_solver_is_used_by_the_flows_alone():
    paths = ROOT.glob("alignlib/[!_]*.py")
    users = {path.stem for path in paths if imported(path, "alignlib") & {"solver"}}
    assert users == {"early", "equicorrelated", "extremal", "flow"}
    assert "solver" not in imported(ROOT / "alignlib" / "theory", "alignlib")


def test_the_packages_the_user_named_are_declared():
    names = {canonicalize_name(wanted.name) for wanted in declared()}
    assert {"jupyter-book", "jupyterlab", "numpy", "torch", "matplotlib", "ipywidgets", "nbval"} <= names


def test_importing_the_library_loads_neither_torch_nor_matplotlib():
    heavy = ("torch", "numba", "matplotlib", "scipy", "sklearn", "mlxtend", "pandas")
    code = f"import sys, alignlib; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_library_gives_its_names():
    import alignlib as al

    for name in al.__all__:
        assert getattr(al, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = al.nonsense


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_every_code_cell_was_committed_executed_in_order(self, path):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        # nbval passes over cells without a count, so it would compare nothing.
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))

    def test_every_cell_runs_and_no_output_is_left_uncompared(self, path):
        notebook = nbformat.read(path, as_version=4)
        assert "mystnb" not in notebook.metadata
        for cell in notebook.cells:
            tags = set(cell.metadata.get("tags", ()))
            own = cell.source == COLAB if cell.cell_type == "code" else CAPTION in tags
            assert tags <= {"hide-input"} or ("remove-cell" in tags and own)
            assert "nbval" not in cell.source.lower()
            for output in cell.get("outputs", ()):
                assert output.output_type != "error"
                assert "image/svg+xml" not in output.get("data", {})

    def test_it_is_a_page_of_the_book(self, path):
        assert f"chapters/{path.stem}" in (ROOT / "_toc.yml").read_text()


def test_no_page_types_a_path_of_one_machine():
    files = [*NOTEBOOKS, *ROOT.glob("*.md"), *ROOT.glob("alignlib/**/*.py"), *ROOT.glob("book/*.py")]
    for path in files:
        assert not re.search(r"(?<![\w.~/])/(home|root|work|tmp)/", path.read_text()), path
