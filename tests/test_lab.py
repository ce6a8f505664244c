"""The chapters in a real JupyterLab, started as by `make lab`: read as the page is, every explorer moved.

A chapter with an explorer is run, all cells of it. The others are the same to a kernel as in the build.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from book.lab import COMMAND, NOTE, SURROUNDINGS, refresh
from tests.conftest import HTML, ROOT
from tests.test_pages import WIDE, notebook_text
from tests.test_widths import ROUNDING, same, widths

pytestmark = pytest.mark.lab
NOTEBOOKS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))


def explorers(name):
    return re.findall(r'id=\\"explorer-([\w-]+)', notebook_text(f"chapters/{name}"))


OPTIONS = ("--no-browser", "--allow-root", "--port=0", "--IdentityProvider.token=t")
MINUTES = 60_000  # Playwright counts in milliseconds


# A live picture, and a kernel that has no time for it.
LIVE = nbformat.v4.new_notebook(
    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    cells=[
        nbformat.v4.new_code_cell(
            "import alignlib as al\nimport alignlib.widgets\n"
            "shown = al.widgets.Live('three-points', None, '').live()\nshown"
        ),
        nbformat.v4.new_code_cell(
            "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.1)"
        ),
    ],
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab that works on a copy, as a reader's does: it saves what it runs."""
    home = tmp_path_factory.mktemp("home")
    assert refresh(ROOT, home / "lab") == []
    nbformat.write(LIVE, home / "lab" / "chapters" / "live.ipynb")
    places = ("CONFIG", "DATA", "RUNTIME", "LAB_SETTINGS", "LAB_WORKSPACES")
    own = {f"JUPYTER{'_' * (not p.startswith('LAB'))}{p}_DIR": str(home / p.lower()) for p in places}
    env = {**os.environ, **SURROUNDINGS, **own}
    jupyter, *arguments = COMMAND
    command = [Path(sys.executable).with_name(jupyter), *arguments, *OPTIONS]
    # So that the test can ask the application for cells: those out of sight are not in the page.
    command += ["--LabApp.expose_app_in_browser=True"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=home, env=env, stdout=log, stderr=log)
    try:
        yield address(server, home / "log")
    finally:
        server.terminate()
        server.wait(timeout=60)


def address(server, log):
    """Where the server says that it is, once it says so."""
    for _ in range(240):
        if found := re.search(r"http://127\.0\.0\.1:\d+/lab", log.read_text()):
            return found.group()
        assert server.poll() is None, log.read_text()
        time.sleep(0.5)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def application(browser, lab):
    """The page of JupyterLab: notebooks are opened in it one after another, as a reader does."""
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    page.set_default_timeout(2 * MINUTES)
    page.goto(f"{lab}?token=t&reset")  # without what was open before
    page.wait_for_function("window.jupyterapp")
    page.evaluate("jupyterapp.restored.then(() => {})")
    yield page
    context.close()


def test_what_a_reader_changed_in_the_copy_is_kept_and_the_rest_follows_the_book(tmp_path):
    book, copy = tmp_path / "book", tmp_path / "copy"
    for name, text in (("chapters/a", "1"), ("chapters/b", "1"), ("benchmarks/c", "1")):
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / name).write_text(text)
    assert refresh(book, copy) == []
    (copy / NOTE).unlink()  # a copy that was interrupted knows what it has
    assert refresh(book, copy) == []
    (copy / "chapters" / "a").write_text("mine")
    (book / "chapters" / "a").write_text("2")
    (book / "chapters" / "b").write_text("2")
    assert refresh(book, copy) == ["chapters/a"]
    assert [(copy / "chapters" / name).read_text() for name in "ab"] == ["mine", "2"]
    assert (book / "chapters" / "a").read_text() == "2"


class Notebook:
    """A notebook open in JupyterLab, alone, and what the application knows of it."""

    def __init__(self, page, name, whole=False):
        self.page = page
        page.evaluate(OPEN, [f"{name}.ipynb", whole])
        page.wait_for_function("panel.content.model?.cells?.length > 1")
        page.wait_for_function("panel.sessionContext.session?.kernel?.status === 'idle'")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.page.evaluate("panel.sessionContext.shutdown().then(() => panel.dispose())")

    def cells(self):
        """The cells as they are now."""
        return self.page.evaluate("panel.content.model.toJSON().cells")

    def cell(self, at):
        """The cell of this number, brought into view."""
        self.page.evaluate("async at => { await panel.content.scrollToItem(at); }", at)
        return self.page.locator(f'.jp-WindowedPanel [data-windowed-list-index="{at}"]')

    def value(self, expression, code=""):
        """What this expression is in the kernel, as it prints it."""
        request = {"code": code, "user_expressions": {"value": expression}, "store_history": False}
        reply = self.page.evaluate(
            "request => panel.sessionContext.session.kernel.requestExecute(request).done", request
        )
        return reply["content"]["user_expressions"]["value"]["data"]["text/plain"]

    def drawn(self, explorer, steps):
        """The picture that the kernel's explorer draws when its sliders are at these steps, in base64."""
        find = f"next(e for e in gc.get_objects() if isinstance(e, Explorer) and e.name == {explorer!r})"
        values = f"{{n: v[i] for (n, (_, v)), i in zip(e.controls.items(), {steps})}}"
        code = f"import base64, gc\nfrom alignlib.widgets import Explorer\ne = {find}"
        return self.value(f"base64.b64encode(e.picture(**{values})).decode()", code).strip("'")


# Whole: all cells are in the page, also those out of sight. It is set before the notebook is opened: a cell
# that is just being measured leaves the page in the next frame, whatever is set meanwhile.
OPEN = """async ([path, whole]) => {
  const factory = jupyterapp.docRegistry.getWidgetFactory("Notebook");
  window.usual ??= factory.notebookConfig;
  factory.notebookConfig = whole ? {...usual, windowingMode: "none"} : usual;
  window.panel = await jupyterapp.commands.execute("docmanager:open", {path});
}"""
# No cell of text is empty but the mark where a solution ends.
RENDERED = r"""() => panel.content.widgets
  .filter(cell => cell.model.type === "markdown")
  .filter(cell => !/^:+\{solution-end\}\s+:+$/.test(cell.model.sharedModel.source.trim()))
  .every(cell => cell.node.querySelector(".jp-MarkdownOutput, .myst")?.innerText.trim())"""
# The first words of statements and exercises, and of the captions of figures.
NUMBERED = r"""() => {
  const kinds = /^\s*(Figure|Definition|Theorem|Proposition|Lemma|Corollary|Remark|Exercise)\s+\d+/;
  return [...panel.node.querySelectorAll("aside, .myst-proof, .myst-exercise, figcaption")]
    .map(one => kinds.exec(one.innerText)).filter(found => found)
    .map(found => found[0].trim().replace(/\s+/, " "));
}"""


def solved_from_afar(cells):
    """The labels of exercises in the story that the fine print solves; JupyterLab looks in one notebook."""
    text = "\n".join(cell["source"] for cell in cells)
    return set(re.findall(r"\{solution-start\} (\S+)", text)) - set(re.findall(r":label: (\S+)", text))


def numbered_on_the_page(name):
    """What the built page has numbered."""
    page = BeautifulSoup((HTML / "chapters" / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    titles = page.select("article :is(div.proof, div.exercise, figure) .caption-number")
    return [" ".join(title.get_text().split()) for title in titles]


SHOWN = """async box => {
  const bytes = new Uint8Array(await (await fetch(box.querySelector("img").src)).arrayBuffer());
  return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}"""


# The labels of sliders that have no room.
CUT = """box => [...box.querySelectorAll(".widget-label")]
  .filter(label => label.scrollWidth > label.clientWidth).map(label => label.textContent)"""


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_numbers_are_those_of_the_page_and_references_lead_somewhere(application, name):
    with Notebook(application, name, whole=True) as notebook:
        application.wait_for_function(RENDERED)
        assert sorted(application.evaluate(NUMBERED)) == sorted(numbered_on_the_page(name))
        broken = application.locator(".jp-MarkdownCell .text-yellow-600").all_inner_texts()
        assert set(broken) <= solved_from_afar(notebook.cells())


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if explorers(name)])
def test_a_chapter_runs_and_its_explorers_move(application, name):
    with Notebook(application, name) as notebook:
        stored = widths(notebook.cells())
        live(notebook, explorers(name))
        assert same(stored, widths(notebook.cells()))
        for at, wide in list(stored.items())[:1]:  # the page gives a figure the width that its output has
            picture = notebook.cell(at).locator(".jp-RenderedImage img")
            assert picture.evaluate("one => one.clientWidth") == pytest.approx(wide, abs=ROUNDING)


def live(notebook, names):
    """All cells run, and every explorer moves: in JupyterLab it alone is another thing."""
    notebook.page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    cells = notebook.cells()
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    widgets = [at for at, cell in enumerate(cells) if "widget-view" in str(cell.get("outputs"))]
    places = [at for at in widgets if "widgets.Live(" not in str(cells[at]["source"])]  # test_live_pictures
    for at, explorer in zip(places, names, strict=True):
        moves(notebook, at, explorer)


def moves(notebook, at, explorer):
    """Its slider moves, and the picture becomes what the library draws for the new value."""
    box = notebook.cell(at)
    box.locator("img").first.wait_for()
    before = box.evaluate(SHOWN)
    assert box.evaluate(CUT) == []
    handles = box.locator(".noUi-handle")
    at_first = float(handles.first.get_attribute("aria-valuenow"))
    handles.first.press("Home" if at_first > 0 else "End")
    steps = handles.evaluate_all("all => all.map(one => Math.round(one.getAttribute('aria-valuenow')))")
    drawn = notebook.drawn(explorer, steps)
    assert drawn != before
    notebook.page.wait_for_function(
        f"async ([box, drawn]) => await ({SHOWN})(box) === drawn", arg=[box.element_handle(), drawn]
    )


# Whether the second cell runs. The status of the kernel is that of its last answer, also to a widget.
RUNS = "panel.content.widgets[1].inputArea.promptNode.textContent.includes('*')"
SEEN_WHOLE = """() => panel.node.querySelector("figure.live").clientHeight
  < panel.node.querySelector(".jp-WindowedPanel-outer").clientHeight"""
GO = "jupyterapp.serviceManager.contents.save('go', {type: 'file', format: 'text', content: ''})"


def test_a_drag_right_after_the_cell_has_run_is_not_lost(application):
    """The kernel is still busy with the next cell; once it is free, it has what was dragged."""
    with Notebook(application, "live") as notebook:
        application.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
        knob = application.locator(".live-knob").nth(1)
        knob.scroll_into_view_if_needed()  # a mouse reaches nothing below the edge of the window
        application.wait_for_function(RUNS)
        assert application.evaluate(SEEN_WHOLE)
        box = knob.locator("circle").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        application.mouse.move(x, y)
        application.mouse.down()
        application.mouse.move(x + 40, y - 20, steps=8)
        application.mouse.up()
        assert application.evaluate(RUNS)
        application.evaluate(GO)
        state = "document.querySelector('figure.live').picture.state.points[1]"
        dragged = application.evaluate(state)
        assert dragged != [-0.5, 0.1]
        for _ in range(60):  # it hears of the last move when it has answered for the first
            if (heard := json.loads(notebook.value("shown.state['points'][1]"))) == dragged:
                break
            time.sleep(0.5)
        assert heard == dragged == application.evaluate(state)
