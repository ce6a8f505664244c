"""The ledger lists what was recorded, and a claim that was not recorded is a failure."""

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook, new_output

from book import build, ledger
from book.store import CHAPTERS

ROW = {"key": "a", "statement": "s", "verdict": "holds"}


def test_claims_are_found_in_the_outputs_of_a_notebook(tmp_path):
    output = new_output("execute_result", {"text/plain": "Claim", ledger.MIME: ROW}, execution_count=1)
    cells = [new_code_cell("1"), new_code_cell("claim", outputs=[output])]
    nbformat.write(new_notebook(cells=cells), tmp_path / "n.ipynb")
    assert ledger.recorded(tmp_path / "n.ipynb") == [ROW]


@pytest.mark.parametrize(
    ("expected", "found", "problem"),
    [
        ({"c": ["a"]}, {"c": []}, "c: no executed cell recorded the claim 'a'"),
        ({"c": ["a"]}, {}, "c: no executed cell recorded the claim 'a'"),
        ({"c": []}, {"c": ["a"]}, "c: the claim 'a' is not in claims.yml"),
        ({"c": ["a"], "d": ["a"]}, {"c": ["a"], "d": ["a"]}, "the claim 'a' is recorded twice"),
        ({"c": ["a"]}, {"c": ["a", "a"]}, "the claim 'a' is recorded twice"),
    ],
)
def test_the_audit_says_what_is_wrong(expected, found, problem):
    assert ledger.audit(expected, found) == [problem]


def test_the_audit_is_silent_when_all_is_well():
    assert ledger.audit({"c": ["a", "b"]}, {"c": ["b", "a"]}) == []


def test_every_chapter_stores_the_claims_it_is_listed_with():
    listed = yaml.safe_load((CHAPTERS / "claims.yml").read_text())
    found = {path.stem: [row["key"] for row in ledger.recorded(path)] for path in CHAPTERS.glob("*.ipynb")}
    assert ledger.audit(listed, found) == []


@pytest.fixture
def project(tmp_path):
    (tmp_path / "alignlib").mkdir()
    (tmp_path / "alignlib" / "flow.py").write_text("one")
    (tmp_path / "requirements.lock").write_text("numpy==1")
    built = tmp_path / "_build"
    build.forget_stale(built, tmp_path)
    (built / ".jupyter_cache").mkdir()
    (built / "html").mkdir()
    (built / "failed").unlink()
    return tmp_path


def left(project):
    build.forget_stale(project / "_build", project)
    return sorted(path.name for path in (project / "_build").iterdir() if path.is_dir())


def test_an_unchanged_project_keeps_its_cache(project):
    assert left(project) == [".jupyter_cache", "html"]


@pytest.mark.parametrize("name", ["alignlib/flow.py", "requirements.lock"])
def test_a_changed_library_or_lock_throws_the_cache_away(project, name):
    (project / name).write_text("two")
    assert left(project) == []


def test_pages_of_a_failed_build_are_not_built_upon(project):
    (project / "_build" / "failed").touch()
    assert left(project) == [".jupyter_cache"]
