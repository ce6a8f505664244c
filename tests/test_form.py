"""The form of a chapter: a story that is read in one sitting, and its fine print.

What is counted is what a reader meets on the page: the words, the code that is not folded, figures, tables.
Proofs, repeated seeds, grids and assertions are in the fine print, and each statement leads there and back.
"""

import re

import nbformat
import pytest

from book import ledger
from book.store import CAPTION, CHAPTERS, HIDES, as_on_the_page

FINE = {path.stem[:2]: path for path in sorted(CHAPTERS.glob("[0-9]*_fine_print.ipynb"))}
STORIES = [path for path in sorted(CHAPTERS.glob("[0-9]*.ipynb")) if path not in FINE.values()]
MOST = {"words": 2_000, "visible code cells": 12, "lines of a visible cell": 8, "figures": 8, "tables": 3}
STATEMENT = re.compile(r":{3,}\{prf:(theorem|proposition|lemma|corollary)\}[^\n]*\n:label: (\S+)")
PROOF = re.compile(r":{3,}\{prf:proof\}\n(?:Of \[[^\]]*\]\([^)#]*#([^)]+)\))?")


def cells(path):
    """The cells of a notebook, without those that are JupyterLab's alone."""
    every = nbformat.read(path, as_version=4).cells
    return [cell for cell in every if CAPTION not in cell.metadata.get("tags", ())]


def prose(path):
    return "\n\n".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")


def words(text):
    """How many words a reader reads: a formula or a paper is one; directives, options, addresses none."""
    text = re.sub(r"\$\$.*?\$\$", " formula ", text, flags=re.DOTALL)
    text = re.sub(r"\$[^$]*\$", "formula", text)
    text = re.sub(r"^:{3,}.*|^:\w+:.*|^```.*", " ", text, flags=re.MULTILINE)
    text = re.sub(r"\[[^\]]*\]\(bibliography[^)]*\)", "paper", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return len([word for word in text.split() if re.search(r"\w", word)])


def visible(path):
    """The code cells whose code is seen on the page."""
    return [c for c in cells(path) if c.cell_type == "code" and not HIDES & set(c.metadata.get("tags", ()))]


def has_figure(cell):
    shown = str(cell.get("outputs", ""))
    return (
        "figure" in cell.metadata.get("mystnb", {}) or 'class="explorer' in shown or 'class="live' in shown
    )


def has_table(cell):
    texts = (output.get("data", {}).get("text/markdown", "") for output in cell.get("outputs", ()))
    return any(re.search(r"^\| ?:?--", text, re.MULTILINE) for text in texts)


def counted(path):
    code = [cell for cell in cells(path) if cell.cell_type == "code"]
    seen = visible(path)
    return {
        "words": words(prose(path)),
        "visible code cells": len(seen),
        "lines of a visible cell": max((cell.source.count("\n") + 1 for cell in seen), default=0),
        "figures": sum(map(has_figure, code)),
        "tables": sum(map(has_table, code)) + len(re.findall(r"^\|[-| :]+\|$", prose(path), re.MULTILINE)),
    }


@pytest.mark.parametrize("what", MOST)
@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_is_read_in_one_sitting(path, what):
    assert counted(path)[what] <= MOST[what]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_does_not_stage_its_tests(path):
    assert not [
        cell.source for cell in visible(path) if re.search(r"^\s*assert ", cell.source, re.MULTILINE)
    ]


@pytest.mark.parametrize("path", [*STORIES, *FINE.values()], ids=lambda path: path.stem)
def test_every_statement_says_its_scope(path):
    """In the statement, its first line or its last: `Scope: ...`."""
    text = prose(path)
    for found in STATEMENT.finditer(text):
        fence = re.match(r":+", found[0])[0]
        body = text[found.end() : text.index(f"\n{fence}\n", found.end() - 1)]
        assert re.search(r"^Scope: `", body, re.MULTILINE), found[2]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_every_statement_of_a_story_leads_to_its_fine_print_and_back(path):
    fine = FINE[path.stem[:2]]
    story, print_ = prose(path), prose(fine)
    for _, label in STATEMENT.findall(story):
        assert f"({path.name}#{label})" in print_, f"{label}: the fine print does not lead back"
        assert f"({fine.name}#fine-{label})" in story, f"{label}: no link to its fine print"
        assert f"(fine-{label})=" in print_, f"{label}: nothing to lead to"


def statements():
    return {label for path in (*STORIES, *FINE.values()) for _, label in STATEMENT.findall(prose(path))}


def proved():
    """The labels of the statements that a proof follows, or that a proof says it is of."""
    labels = set()
    for path in (*STORIES, *FINE.values()):
        text, last = prose(path), None
        marks = [*STATEMENT.finditer(text), *PROOF.finditer(text)]
        for mark in sorted(marks, key=lambda mark: mark.start()):
            if mark.re is STATEMENT:
                last = mark[2]
            else:
                labels.add(mark[1] or last)
    return labels


def test_what_the_ledger_calls_proved_here_is_proved_in_the_book():
    for page, claims in ledger.read(CHAPTERS / "claims.yml").items():
        for key, label in claims.items():
            assert label is None or label in statements() & proved(), (page, key)


def test_a_proof_is_of_a_statement():
    assert proved() <= statements()


@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_jupyterlab_shows_what_the_page_does(path):
    """Folded code, captions, sizes: if not, `python -m book.store --as-is` sees to it."""
    stored = nbformat.read(path, as_version=4)
    assert as_on_the_page(nbformat.read(path, as_version=4)) == stored


@pytest.mark.parametrize("path", [*STORIES, *FINE.values()], ids=lambda path: path.stem)
def test_a_reference_to_another_notebook_can_be_followed_in_jupyterlab(path):
    text = prose(path)
    own = set(re.findall(r":label: (\S+)", text)) | set(re.findall(r"^\((\S+)\)=", text, re.MULTILINE))
    own |= {
        cell.metadata["mystnb"]["figure"]["name"]
        for cell in cells(path)
        if "mystnb" in cell.metadata and "name" in cell.metadata["mystnb"].get("figure", {})
    }
    assert not set(re.findall(r"\{(?:prf:ref|numref|eq|ref)\}`([^`<]*)`", text)) - own


@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_paper_is_cited_by_a_link_that_jupyterlab_can_follow(path):
    known = set(re.findall(r"^@\w+\{(\w+),", (CHAPTERS / "references.bib").read_text(), re.MULTILINE))
    text = prose(path)
    assert "{cite" not in text
    assert set(re.findall(r"bibliography\.md#cite-(\w+)\)", text)) <= known


def test_a_word_is_counted_once_and_a_formula_is_one():
    block = ":::{prf:lemma} Two words\n:label: lem\nScope: `early flow`\n\nThen $a < b$, "
    text = block + "[see it](x.ipynb#y) and\n$$\na\n$$\n:::"
    assert words(text) == len(["Scope", "early", "flow", "Then", "a < b", "see", "it", "and", "a"])
