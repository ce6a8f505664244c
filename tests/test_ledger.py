"""The ledger lists what was recorded, and a claim that was not recorded is a failure."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter

import nbformat
import pytest
import yaml
from docutils import nodes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import alignlib as al
from book import build, ledger, questions
from book.store import CHAPTERS, OPENING, opening_picture
from tests.conftest import ROOT


def test_a_displayed_claim_is_found_in_the_page_whatever_its_words():
    claim = al.Claim("a-b", "x < \"y\" & 'z'", "us", 1, 2)
    assert ledger.recorded(f"<p>{claim._repr_html_()}</p>{claim._repr_html_()}") == [claim.record()] * 2
    assert ledger.recorded("<p>no claim here</p>") == []


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


def test_the_table_has_a_row_for_every_claim_with_what_it_needs():
    held = al.Claim("a", "A", "us", 1, 2)
    failed = al.Claim("b", "B", "us", 1, 2, hypotheses={"h": False})
    asked = al.Claim("c", "C", "us", 1, 2, kind="open")
    rows = [claim.record() for claim in (held, failed, asked)]
    body = next(ledger.table("one.html", rows).findall(nodes.tbody))
    texts = [[cell.astext().split("\n\n") for cell in row] for row in body]
    assert texts == [
        [["A", "us"], ["1", "≤\u00a02", "margin 1"], ["holds"]],
        [["B", "us"], ["1", "≤\u00a02", "margin 1"], ["not applicable", "not met: h"]],
        [["C", "us"], ["1"], ["open"]],
    ]
    lines = [row[-1]["classes"] for row in body]
    assert lines == [["claim-holds"], ["claim-not-applicable"], ["claim-open"]]  # as under the cell
    assert ledger.count(rows).astext() == "3 claims: holds 1, not applicable 1, open 1."


def row_of(source):
    return [al.Claim("a", "A", source, 1, 2).record()]


def test_a_claim_says_on_what_ground_it_stands():
    for source, proofs in (("proved here; cf. MMV", {"a": "prop"}), ("stated by BF, Theorem 2", {})):
        assert list(ledger.wrongly_sourced(row_of(source), proofs)) == []
    for source, proofs in (("derived here", {}), ("proved here", {}), ("measured here", {"a": "prop"})):
        assert len(list(ledger.wrongly_sourced(row_of(source), proofs))) == 1


def test_what_is_proved_here_leads_to_its_statement():
    (claim,) = row_of("proved here; cf. MMV")
    entry = next(ledger.claim_row("one.html", claim, "two.html#prop").findall(nodes.entry))
    assert [link["refuri"] for link in entry.findall(nodes.reference)] == [
        "one.html#claim-a",
        "two.html#prop",
    ]
    assert entry.astext() == "A\n\nproved here; cf. MMV"


def test_every_chapter_stores_the_claims_it_is_listed_with():
    listed = {page: list(claims) for page, claims in ledger.read(CHAPTERS / "claims.yml").items()}
    found = {path.stem: stored_keys(path) for path in CHAPTERS.glob("*.ipynb")}
    assert ledger.audit(listed, found) == []


def stored_keys(path):
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    html = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    return [row["key"] for row in ledger.recorded(html)]


QUESTIONS = questions.read(CHAPTERS / "questions.yml")
# How many of each kind the two papers have.
ASKED = {
    ("MMV", "open question"): 3,
    ("MMV", "next check"): 3,
    ("MMV", "mechanism"): 3,
    ("MMV", "break condition"): 6,
    ("MMV", "failure signature"): 3,
    ("MMV", "trade-off"): 3,
    ("MMV", "first experiment"): 3,
    ("BF", "open question"): 1,
    ("BF", "mechanism"): 3,
    ("BF", "break condition"): 2,
    ("BF", "failure signature"): 1,
}


def test_all_that_the_papers_ask_and_warn_of_is_in_the_ledger():
    assert Counter((entry["paper"], entry["kind"]) for entry in QUESTIONS) == ASKED
    assert len({(entry["kind"], entry["asks"]) for entry in QUESTIONS}) == len(QUESTIONS)
    assert "{question-ledger}" in (CHAPTERS / "ledger.md").read_text()


def anchors(page):
    """What a link to a notebook can name: headings, labels, targets, figures."""
    cells = nbformat.read(CHAPTERS / f"{page}.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = set(re.findall(r"^:label: (\S+)$|^\((\S+)\)=$", text, re.MULTILINE))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    figures = (cell.metadata.get("mystnb", {}).get("figure", {}).get("name") for cell in cells)
    return slugs | {name for pair in found for name in pair} | set(figures)


@pytest.mark.parametrize("entry", QUESTIONS, ids=lambda entry: f"{entry['paper']}: {entry['asks']}")
def test_a_question_of_the_papers_is_answered_at_a_place_and_by_claims(entry):
    page, _, anchor = entry["where"].partition("#")
    if anchor or page[:2] not in ("07", "08", "09"):  # whole chapters that answer one question each
        assert anchor in anchors(page)
    listed = {key for claims in ledger.read(CHAPTERS / "claims.yml").values() for key in claims}
    assert entry["claims"]
    assert set(entry["claims"]) <= listed
    assert set(entry) <= {"kind", "paper", "asks", "where", "claims", "open"}


def test_the_readme_s_figure_is_the_landing_page_s():
    assert OPENING.read_bytes() == opening_picture()


@pytest.fixture
def project(tmp_path):
    (tmp_path / "alignlib").mkdir()
    (tmp_path / "alignlib" / "flow.py").write_text("one")
    (tmp_path / "requirements.lock").write_text("numpy==1")
    built = tmp_path / "_build"
    build.forget_stale(built, tmp_path)
    (built / ".jupyter_cache").mkdir()
    (built / "html").mkdir()
    (built / "done").write_text(f"- {build.came_out(built)}")
    (built / "failed").unlink()
    return tmp_path


def left(project):
    build.forget_stale(project / "_build", project)
    return sorted(path.name for path in (project / "_build").iterdir() if path.is_dir())


def test_an_unchanged_project_keeps_its_cache(project):
    assert left(project) == [".jupyter_cache", "html"]


CHANGED = ("alignlib/flow.py", "alignlib/solver/swarm.py", "requirements.lock", "_toc.yml", "book/new.py")
READ_BY_PAGES = (
    "benchmarks/solvers.csv",
    "studies/tables.py",
    "studies/threshold.csv",
    "studies/figures/solver.py",
    "chapters/claims.yml",
    "pyproject.toml",
)


@pytest.mark.parametrize("name", [*CHANGED, *READ_BY_PAGES])
def test_a_changed_library_or_lock_throws_the_cache_away(project, name):
    (project / name).parent.mkdir(exist_ok=True, parents=True)
    (project / name).write_text("two")
    assert left(project) == []


def test_pages_of_a_failed_build_are_not_built_upon(project):
    (project / "_build" / "failed").touch()
    assert left(project) == [".jupyter_cache"]


CELL = """import alignlib as al
al.Claim("demo", "One is at most two", "measured here", {measured}, 2)"""


class Small:
    """A book of one chapter and the ledger, with this book's settings, built in its own folder."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("_config.yml", "book", "alignlib", "requirements.lock"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        (folder / "chapters").mkdir()
        shutil.copy(CHAPTERS / "references.bib", folder / "chapters")
        toc = {"format": "jb-book", "root": "chapters/one", "chapters": [{"file": "chapters/ledger"}]}
        (folder / "_toc.yml").write_text(yaml.safe_dump(toc))
        (folder / "chapters" / "ledger.md").write_text("# Ledger\n\n```{claim-ledger}\n```\n")
        self.list("demo")

    def list(self, *keys):
        (self.folder / "chapters" / "claims.yml").write_text(yaml.safe_dump({"one": list(keys)}))

    def write(self, text="words", measured=1.0, **changes):
        """The chapter, with an output stored that no run has printed."""
        lie = al.Claim("demo", "One is at most two", "measured here", 1.2345, 2)
        output = nbformat.v4.new_output(
            "execute_result", {"text/html": lie._repr_html_()}, execution_count=1
        )
        cell = new_code_cell(CELL.format(measured=measured), outputs=[output], execution_count=1, **changes)
        notebook = new_notebook(cells=[new_markdown_cell(f"# One\n\n{text}"), cell])
        nbformat.write(notebook, self.folder / "chapters" / "one.ipynb")

    def build(self, **environ):
        run = [sys.executable, "-m", "book.build"]
        environ = {**os.environ, "GITHUB_REPOSITORY": "", **environ}
        done = subprocess.run(
            run, cwd=self.folder, capture_output=True, text=True, check=False, env=environ
        )
        self.said = done.stdout + done.stderr
        return done.returncode

    def row(self):
        return self.page("ledger")

    def page(self, name):
        return (self.folder / "_build" / "html" / "chapters" / f"{name}.html").read_text()


def test_the_ledger_shows_what_ran_and_a_missing_claim_stops_the_build(tmp_path):
    small = Small(tmp_path)
    small.write()
    assert small.build() == 0, small.said
    assert "<p>1</p>" in small.row()

    small.write(text="other words")  # read again, its cells from the cache
    assert small.build() == 0, small.said
    assert "<p>1</p>" in small.row()
    assert "1.23" not in small.row()

    small.list("demo", "never-recorded")
    small.write(text="yet other words")
    assert small.build() != 0
    assert "no executed cell recorded the claim 'never-recorded'" in small.said

    small.list()
    assert small.build() != 0
    assert "the claim 'demo' is not in claims.yml" in small.said


def test_pages_launch_the_repository_they_are_built_from_and_have_no_dead_buttons_at_home(tmp_path):
    small = Small(tmp_path)
    small.write(text='Now [run it](one.ipynb "Run").')
    assert small.build() == 0, small.said
    at_home = small.page("one")
    assert "<p>Now run it.</p>" in at_home
    assert "mybinder" not in at_home
    assert "colab" not in at_home

    reader = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "reader/fork"}
    assert small.build(**reader) == 0, small.said
    on_github = small.page("one")
    binder = "https://mybinder.org/v2/gh/reader/fork/main?urlpath=lab/tree/chapters/one.ipynb"
    assert on_github.count(f'href="{binder}"') == 2  # the button and the link
    assert "https://colab.research.google.com/github/reader/fork/blob/main/chapters/one.ipynb" in on_github


def asked(small, **changes):
    """Write one question into a small book, whose ledger shows it."""
    entry = {"kind": "next check", "paper": "MMV", "asks": "Why?", "where": "one#words", "claims": ["demo"]}
    text = yaml.safe_dump([entry | {"open": "nearly all"} | changes])
    (small.folder / "chapters" / "questions.yml").write_text(text)
    (small.folder / "chapters" / "ledger.md").write_text(
        "# Ledger\n\n```{claim-ledger}\n```\n\n```{question-ledger}\n```\n"
    )


def test_the_ledger_shows_a_question_with_its_answer_and_one_without_stops_the_build(tmp_path):
    small = Small(tmp_path)
    small.write(text="## Words\n\nIn full.")
    asked(small)
    assert small.build() == 0, small.said
    for shown in ("Next checks", "Why?", "open: nearly all", 'href="one.html#words"', "demo</a>: holds"):
        assert shown in small.row(), shown
    assert small.row().count('href="one.html#claim-demo"') == 2  # from the claim, and from the question

    asked(small, where="one#nowhere", claims=["never"])
    assert small.build() != 0
    assert "nothing at 'one#nowhere'" in small.said
    assert "no claim 'never' was recorded" in small.said
