"""`make store`: execute the notebooks and store their outputs, as they are committed.

nbval compares every later run with what is stored here. The first code cell of every notebook is
`book/colab.py`, put there if it is missing. In JupyterLab a notebook is as on the page: code that the page
folds is folded, a figure has its size, and under it its number, caption and description in a cell that the
page leaves out. `python -m book.store --as-is` sees to all this and executes nothing. The picture of the
README is the still of the landing page.
"""

import base64
import io
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell
from PIL import Image

from book.light import SHOWN

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ROOT / "chapters"
OPENING = ROOT / "book" / "assets" / "opening.png"
COLAB = (ROOT / "book" / "colab.py").read_text(encoding="utf-8").rstrip()
HIDES = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
CAPTION = "caption"  # the tag of a cell that is made here
FOLDED = {"tags": ["remove-cell"], "jupyter": {"source_hidden": True}}


def with_colab(notebook):
    """The notebook with its first code cell as it must be: folded in JupyterLab, not on the page."""
    cells = notebook.cells
    first = next(place for place, cell in enumerate(cells) if cell.cell_type == "code")
    if cells[first].metadata.get("tags") == FOLDED["tags"]:
        cells[first].source = COLAB
    else:
        cells.insert(first, new_code_cell(COLAB, metadata=FOLDED))
    return notebook


def folded_as_on_the_page(notebook):
    """The notebook with the code that the page hides, and that of solutions, folded in JupyterLab."""
    solving = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            marks = re.findall(r"\{solution-(start|end)\}", cell.source)
            solving = marks[-1] == "start" if marks else solving
        elif solving or HIDES & set(cell.metadata.get("tags", ())):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
        else:
            cell.metadata.pop("jupyter", None)
    return notebook


def captioned(notebook):
    """The notebook with the caption and the description of every figure in a cell of JupyterLab's own.

    JupyterLab reads neither from the metadata of the figure's cell, as the page does.
    """
    cells = []
    for cell in notebook.cells:
        if CAPTION in cell.metadata.get("tags", ()):
            continue
        cells.append(cell)
        shown = cell.metadata.get("mystnb", {})
        if "figure" in shown:
            name, caption = shown["figure"]["name"], shown["figure"]["caption"]
            text = f":::{{figure}}\n:label: {name}\n{caption}\n\n*In words:* {shown['image']['alt']}\n:::"
            metadata = {"tags": ["remove-cell", CAPTION]}
            cells.append(new_markdown_cell(text, id=f"caption-{name}", metadata=metadata))
    notebook.cells = cells
    return notebook


def at_page_size(notebook):
    """The notebook with the width in pixels that each picture has on the page."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                with Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))) as picture:
                    output.metadata["image/png"] = {"width": round(SHOWN * picture.width)}
    return notebook


def as_on_the_page(notebook):
    """The notebook as JupyterLab should show it."""
    return at_page_size(captioned(folded_as_on_the_page(with_colab(notebook))))


def execute(path):
    """Run the notebook in its own folder and write it back, outputs and no traces of this machine."""
    notebook = nbformat.read(path, as_version=4)
    with_colab(notebook)
    NotebookClient(
        notebook,
        timeout=120,
        coalesce_streams=True,  # or one print may be stored as two on a busy machine
        resources={"metadata": {"path": path.parent}},
    ).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    nbformat.write(as_on_the_page(notebook), path)


def dress(path):
    """Write the notebook back as JupyterLab should show it, with the outputs that it has."""
    nbformat.write(as_on_the_page(nbformat.read(path, as_version=4)), path)


def opening_picture():
    """The picture that the explorer of the landing page shows first, as a PNG."""
    source = (CHAPTERS / "index.ipynb").read_text(encoding="utf-8")
    still = re.search(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", source).group(1)
    picture = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(still))).quantize(64).save(picture, "PNG", optimize=True)
    return picture.getvalue()


def main(names):
    as_is = "--as-is" in names
    paths = [Path(name) for name in names if name != "--as-is"] or sorted(CHAPTERS.glob("*.ipynb"))
    for path in paths:
        print(path)
        (dress if as_is else execute)(path)
    OPENING.write_bytes(opening_picture())


if __name__ == "__main__":
    main(sys.argv[1:])
