"""The outputs that are committed are those of the build: whoever built the book has run every notebook.

`make elsewhere` runs the notebooks as other machines do, and nbval compares in the same way; so does
`pytest chapters`, without a build.
"""

import re
from collections import defaultdict
from configparser import ConfigParser

import nbformat
import pytest

from tests.conftest import ROOT, executed

NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))


def left_out():
    """What nbval takes out of both sides, too: pairs of a pattern and what stands for it."""
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "tests" / "nbval.cfg")
    return [(part["regex"], part["replace"]) for name, part in settings.items() if name != "DEFAULT"]


def said(cell):
    """What a cell printed and displayed, by kind; pictures are compared in no way."""
    texts = defaultdict(str)
    for output in cell.outputs:
        new = {output.name: output.text} if output.output_type == "stream" else output.data
        for kind, text in new.items():
            if not kind.startswith("image/"):
                texts[kind] += text
    for pattern, word in left_out():
        texts = {kind: re.sub(pattern, word, text) for kind, text in texts.items()}
    return texts


def spoken(notebook):
    return [(cell.source, said(cell)) for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_what_the_build_found(path):
    assert spoken(nbformat.read(path, as_version=4)) == spoken(executed(path))


def test_a_changed_digit_is_noticed():
    new = nbformat.v4.new_output
    cells = [
        nbformat.v4.new_code_cell("x", outputs=[new("stream", text=f"0.{digit}"), new("stream", text="1")])
        for digit in (1, 2)
    ]
    assert said(cells[0]) == {"stdout": "0.11"}
    assert said(cells[0]) != said(cells[1])
    pixels = [new("display_data", {"text/html": f'<img src="data:image/webp;base64,{x}"> 5'}) for x in "AB"]
    first, second = (said(nbformat.v4.new_code_cell("x", outputs=[one])) for one in pixels)
    assert first == second == {"text/html": '<img src="a picture"> 5'}
