"""A Sphinx extension: `[words](03_fine_print.ipynb#label)` leads to anything on that page that has a label.

MyST's own links of this kind know headings only. Written so, a link works in the book and opens the
notebook in JupyterLab, where references by number to other notebooks cannot be followed.
"""


def note(app, doctree):
    """Beside the headings of a page: every label on it."""
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for node in doctree.findall(lambda node: getattr(node, "attributes", {}).get("ids")):
        for name in (*node["ids"], *node["names"]):
            slugs.setdefault(name, (node.line or 0, node["ids"][0], ""))


def setup(app):
    app.connect("doctree-read", note)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
