"""The pages behind the chapters say all they should, and every notebook can be taken away and run."""

import inspect
import io
import json
import re
import subprocess
import urllib.request
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

import alignlib as al
from book import api, launch, status
from book.store import CHAPTERS, COLAB, FOLDED
from tests.conftest import HTML
from tests.test_pages import PAGES

NOTEBOOKS = sorted(CHAPTERS.glob("*.ipynb"))
REFERENCE = ("api", "api_checks")
ROOM = re.compile(r"room:: (\S+)\n(?:\n((?: {3}\w+\n)+))?")
NEED_FILES = {"mnist_files", "cifar10_files"}  # of the user's, so that no example can run


def html(name):
    return (HTML / "chapters" / f"{name}.html").read_text()


def prose():
    cells = [cell for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells]
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_the_notation_page_has_every_letter_of_the_library():
    page = (CHAPTERS / "notation.md").read_text()
    page = page.replace(r"\varepsilon", "ε").replace(r"\mu", "μ")
    table = al.__doc__.split("-----\n")[1].split("\n\n")[0]
    symbols = re.findall(r"^(\S+(?:, \S+)*?)(?: \(([\w, ]*)\))? {2,}", table, re.MULTILINE)
    assert len(symbols) >= 9
    for letters, shape in symbols:
        for letter in letters.split(", "):
            assert re.search(rf"\| \${letter}(_\w)?\$ \|", page), letter
        assert not shape or f"({shape})" in page, letters


def test_the_glossary_explains_the_words_of_the_book():
    terms = re.findall(r"^(\S.*)\n  \S", (CHAPTERS / "glossary.md").read_text(), re.MULTILINE)
    words = prose().lower().replace("\u00a0", " ")
    assert 30 <= len(terms) <= 50
    assert terms == sorted(terms, key=str.lower)
    for term in terms:
        assert term.lower().removesuffix(" neuron") in words, term


def test_every_exercise_is_on_the_page_of_all_exercises_with_its_solution(site):
    labels = re.findall(r":::\{exercise\}.*\n:label: (\S+)", prose())
    page = html("exercises")
    assert len(labels) >= 25
    for label in labels:
        assert f'.html#{label}"' in page, label
    assert page.count(">solution</a>") == len(labels)


def documented(pages=REFERENCE):
    for page in pages:
        for module, names in ROOM.findall((CHAPTERS / f"{page}.md").read_text()):
            room = import_module(module)
            for name in names.split() or api.public(room):
                yield f"{module}.{name}", getattr(room, name)


def test_the_reference_has_every_public_name():
    names = {name for name, _ in documented()}
    values = {id(value) for _, value in documented()}
    for name in al.__all__:
        value = getattr(al, name)
        if inspect.ismodule(value):
            # `descent` has one function, which is found at the top.
            expected = api.public(value) if name != "descent" else []
            assert {f"{value.__name__}.{one}" for one in expected} <= names
        else:
            assert id(value) in values, name


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_pages_show_them(name, site):
    page = html(name)
    for value, _ in documented([name]):
        assert f'id="{value}"' in page, value


def test_a_sentence_of_an_entry_is_not_cut_in_two():
    lines = [
        "t_end : float; the time of the last event, or the",
        "    last of `t_save`",
        "",
        "rtol : float",
    ]
    lines += ["    Each step may err by it.", "    and so on"]
    api.in_one_piece(None, "function", "f", None, None, lines)
    assert lines[0] == "t_end : float; the time of the last event, or the last of `t_save`"
    assert lines[1:] == ["", "rtol : float", "    Each step may err by it.", "    and so on"]


def test_every_public_function_has_an_example():
    # The doctests of alignlib run them.
    functions = {name: value for name, value in documented() if inspect.isfunction(value)}
    without = {value.__name__ for value in functions.values() if ">>> " not in value.__doc__}
    assert len(functions) > 50
    assert without == NEED_FILES


def test_the_status_page_has_versions_and_the_time_of_every_notebook(site):
    page = html("status")
    for name, version in status.versions():
        assert name in page
        assert version in page
    for path in NOTEBOOKS:
        assert f'href="{path.stem}.html"' in page


def test_previous_and_next_follow_the_table_of_contents(site):
    for page, following in pairwise(PAGES):
        (link,) = re.findall(r'class="right-next"\s+href="([^"#]*)', (HTML / f"{page}.html").read_text())
        assert link == f"{following.removeprefix('chapters/')}.html"


def test_every_notebook_can_be_downloaded(site):
    for path in NOTEBOOKS:
        assert f"_sources/chapters/{path.name}" in html(path.stem)
        assert (HTML / "_sources" / "chapters" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("https://github.com/us/book", "main")),
        ({"GITHUB_EVENT_NAME": "push", "GITHUB_REF_NAME": "v1"}, ("https://github.com/you/fork", "v1")),
        (
            {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF_NAME": "7/merge"},
            ("https://github.com/you/fork", "main"),
        ),
    ],
)
def test_a_fork_launches_itself(environ, expected):
    if environ:
        environ |= {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "you/fork"}
    assert launch.repository(environ, {"repository_url": "https://github.com/us/book/"}) == expected


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_fetches_its_repository_when_it_is_alone(path):
    first = next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    assert first.source == COLAB  # `make store` puts it there
    assert first.metadata == FOLDED


class Colab:
    """A stand-in: what its server says of the notebook, and what the commands do to the folder."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch = folder, monkeypatch
        self.opened = "fileId=https%3A//github.com/you/fork/blob/my/branch/chapters/01_setup.ipynb"
        self.asked, self.commands, self.no_network = [], [], False
        monkeypatch.setattr(urllib.request, "urlopen", self.server)
        monkeypatch.setattr(subprocess, "run", self.command)

    def server(self, address):
        self.asked.append(address)
        return io.StringIO(json.dumps([{"path": self.opened}]))

    def command(self, command, check):
        self.commands.append(" ".join(command))
        if command[0] == "git":
            clone = self.folder / command[-1]
            (clone / "chapters").mkdir(parents=True)  # refused where there is one
            (clone / "book").mkdir()
            (clone / "book" / "letters.py").touch()  # test_widths.py runs it
        elif self.no_network:
            raise subprocess.CalledProcessError(1, command)

    def run(self, code=COLAB):
        """Run the cell as a kernel that was just started."""
        self.monkeypatch.chdir(self.folder)
        exec(code, {})
        return Path.cwd()


@pytest.fixture
def colab(tmp_path, monkeypatch):
    monkeypatch.setenv("COLAB_JUPYTER_IP", "192.0.2.1")
    return Colab(tmp_path, monkeypatch)


INSTALLED = [
    "git clone -q --depth 1 -b my/branch https://github.com/you/fork try",
    "pip install -q ./try[all]",
]


def test_at_home_the_first_cell_does_nothing(colab, monkeypatch):
    monkeypatch.delenv("COLAB_JUPYTER_IP")
    assert colab.run() == colab.folder
    assert colab.commands == []


def test_on_colab_the_notebook_s_own_repository_is_fetched_once(colab):
    assert colab.run() == colab.folder / "book" / "chapters"
    exec(COLAB, {})  # the cell again
    assert colab.run() == colab.folder / "book" / "chapters"  # the kernel again
    assert colab.asked == ["http://192.0.2.1:9000/api/sessions"]
    assert colab.commands == INSTALLED


def test_what_failed_on_colab_is_tried_again(colab):
    colab.no_network = True
    for _ in range(2):
        with pytest.raises(subprocess.CalledProcessError):
            colab.run()
    colab.no_network = False
    assert colab.run() == colab.folder / "book" / "chapters"
    assert colab.commands == 3 * INSTALLED


def test_a_copy_in_drive_asks_for_its_address_and_takes_it(colab):
    colab.opened = "fileId=a-copy-in-somebody's-drive"
    with pytest.raises(AssertionError, match="give the ADDRESS above, or open this from GitHub"):
        colab.run()
    known = 'ADDRESS = "https://github.com/you/fork/blob/my/branch/chapters/"'
    assert colab.run(COLAB.replace('ADDRESS = ""', known)) == colab.folder / "book" / "chapters"
    assert colab.commands == INSTALLED
