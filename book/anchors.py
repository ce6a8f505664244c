"""A Sphinx extension: `[words](03_fine_print.ipynb#label)` leads to all on that page that has a label.

MyST's own links of this kind know headings only. Written so, a link works in the book and opens the
notebook in JupyterLab, where references by number to other notebooks cannot be followed. So is a paper
cited: `[Lyu and Li (2020)](bibliography.md#cite-LyuLi2020)`.
"""

import re
from pathlib import Path

PAPERS = "chapters/bibliography"
ENTRY = re.compile(r"^@\w+\{(\w+),", re.MULTILINE)


def note(app, doctree):
    """Beside the headings of a page: every label on it."""
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for node in doctree.findall(lambda node: getattr(node, "attributes", {}).get("ids")):
        for name in (*node["ids"], *node["names"]):
            slugs.setdefault(name, (node.line or 0, node["ids"][0], ""))


def papers(app, env):
    """On the bibliography: every entry, under the name that `bibtex_cite_id` gives it."""
    entries = ENTRY.findall((Path(app.srcdir) / "chapters" / "references.bib").read_text(encoding="utf-8"))
    slugs = env.metadata[PAPERS].setdefault("myst_slugs", {})
    slugs |= {f"cite-{key}": (0, f"cite-{key}".lower(), key) for key in entries}


def setup(app):
    app.connect("doctree-read", note)
    app.connect("env-updated", papers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
