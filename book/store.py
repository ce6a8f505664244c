"""`make store`: execute the notebooks and store their outputs, as they are committed.

nbval compares every later run with what is stored here. The first code cell of every notebook is
`book/colab.py`, put there if it is missing; code that the page folds is folded in JupyterLab too. The
README's figure is the landing page's still.
"""

import base64
import io
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ROOT / "chapters"
OPENING = ROOT / "book" / "assets" / "opening.png"
COLAB = (ROOT / "book" / "colab.py").read_text(encoding="utf-8").rstrip()
HIDES = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
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


def execute(path):
    """Run the notebook in its own folder and write it back, outputs and no traces of this machine."""
    notebook = folded_as_on_the_page(with_colab(nbformat.read(path, as_version=4)))
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
    nbformat.write(notebook, path)


def opening_picture():
    """The picture that the explorer of the landing page shows first, as a PNG."""
    source = (CHAPTERS / "index.ipynb").read_text(encoding="utf-8")
    still = re.search(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", source).group(1)
    picture = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(still))).quantize(64).save(picture, "PNG", optimize=True)
    return picture.getvalue()


def main(names):
    paths = [Path(name) for name in names] or sorted(CHAPTERS.glob("*.ipynb"))
    for path in paths:
        print(path)
        execute(path)
    OPENING.write_bytes(opening_picture())


if __name__ == "__main__":
    main(sys.argv[1:])
