"""A figure has the width of the page wherever its notebook runs: in the build, on Binder and on Colab.

`make lab` has what the build has (`book/letters.py`), and test_lab.py looks at a chapter in JupyterLab.
"""

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import alignlib as al
from book import surroundings
from book.store import COLAB, at_page_size
from tests.conftest import ROOT, executed

NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))
# The stored width counts whole pixels of the picture, three quarters each on the page; the kernel's
# measures the figure. They differ by less than one before they are rounded, so by no more than one after.
ROUNDING = 1


def widths(cells):
    """The width in pixels of each figure, by the number of its cell."""
    return {
        at: output["metadata"]["image/png"]["width"]
        for at, cell in enumerate(cells)
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    }


def same(stored, run):
    return run == {at: pytest.approx(wide, abs=ROUNDING) for at, wide in stored.items()}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_figure_that_is_run_again_keeps_its_stored_width(path):
    """What the build keeps of a run are the cells of code."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert same(widths(cells), widths(executed(path).cells))


FIGURE = f"""import matplotlib.pyplot as plt
plt.figure(dpi={al.plots.STYLE["figure.dpi"]}).gca().plot([1, 3]);"""


def drawn(folder, command=(), **environ):
    """A notebook of the book's first cell and one figure, run by a Jupyter that this command starts."""
    path = folder / "figure.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(COLAB), new_code_cell(FIGURE)]), path)
    jupyter = [sys.executable, "-m", "jupyter", "execute", "--inplace", path]
    env = {**surroundings.clean(folder), **environ}
    subprocess.run([*command, *jupyter], cwd=folder, env=env, check=True, timeout=300)
    return nbformat.read(path, as_version=4)


def has_the_width_of_the_page(notebook):
    run = widths(notebook.cells)
    return same(widths(at_page_size(notebook).cells), run)


def test_binder_gives_a_figure_its_width(tmp_path):
    assert has_the_width_of_the_page(drawn(tmp_path, [ROOT / "start"]))


def test_colab_gives_a_figure_its_width(tmp_path):
    (tmp_path / "book").symlink_to(ROOT)  # as if cloned
    assert has_the_width_of_the_page(drawn(tmp_path, COLAB_JUPYTER_IP="192.0.2.1"))


def test_a_kernel_that_is_told_nothing_gives_none(tmp_path):
    with pytest.raises(KeyError):
        has_the_width_of_the_page(drawn(tmp_path))
