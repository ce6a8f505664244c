"""A Sphinx extension: what a statement is about, as a line of chips beside it.

A paragraph "Scope: `early flow` · `unit samples`" becomes chips; each says in a tooltip what it means and
leads to the list of all, which the directive ``{all-scopes}`` makes. Every meaning is in
`chapters/scope.yml`, and a chip that is not there is a warning, which stops the build. In JupyterLab the
line is code between dots.
"""

from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

WORD = "Scope:"
LIST = "chapters/notation"


def meanings(source):
    return yaml.safe_load((Path(source) / "chapters" / "scope.yml").read_text(encoding="utf-8"))


def lines(doctree):
    """The paragraphs that are a line of chips."""
    return [p for p in doctree.findall(nodes.paragraph) if p.astext().startswith(WORD)]


def chips(app, doctree, docname):
    found = lines(doctree)
    known = meanings(app.srcdir) if found else {}
    to = app.builder.get_relative_uri(docname, LIST)
    for line in found:
        names = [literal.astext() for literal in line.findall(nodes.literal)]
        for name in names:
            if name not in known:
                words = f"the scope `{name}` is not in chapters/scope.yml"
                logging.getLogger(__name__).warning(words, location=docname, type="scope")
        line["classes"].append("scope")
        line.children = []
        line += nodes.Text(f"{WORD} ")
        for name in names:
            link = nodes.reference(
                "", "", nodes.literal("", name), refuri=f"{to}#{place(name)}", internal=True
            )
            link["reftitle"] = known.get(name, "")
            line += [link, nodes.Text(" ")]


def place(name):
    """The anchor of a chip in the list of all."""
    return nodes.make_id(f"scope {name}")


class AllScopes(SphinxDirective):
    """Every chip with its meaning, as a definition list."""

    def run(self):
        self.env.note_dependency(str(Path(self.env.srcdir) / "chapters" / "scope.yml"))
        shown = nodes.definition_list(classes=["scopes"])
        for name, meaning in meanings(self.env.srcdir).items():
            term = nodes.term("", "", nodes.literal("", name), ids=[place(name)])
            shown += nodes.definition_list_item(
                "", term, nodes.definition("", nodes.paragraph("", f"{meaning}."))
            )
        return [shown]


def setup(app):
    app.add_directive("all-scopes", AllScopes)
    app.connect("doctree-resolved", chips)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
