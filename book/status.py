"""A Sphinx extension: what this copy of the book was built with, when, and how long its notebooks ran.

The directive ``{versions}`` becomes a table of the book, Python, and the packages that `pyproject.toml`
names for the library, the book and sweeps; ``{run-times}`` a table of the notebooks as they were executed.
This page alone tells one build from another. Where ``SOURCE_DATE_EPOCH`` is set, which asks for the same
bytes from the same inputs, it gives that day, and leaves the times out.
"""

import os
import platform
import tomllib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import time

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from packaging.requirements import Requirement
from sphinx.util.docutils import SphinxDirective

EXTRAS = ("book", "sweeps")  # what the lock installs of them
EPOCH = "SOURCE_DATE_EPOCH"
PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def versions(project=PROJECT):
    """Names and versions, as pairs."""
    table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    wanted = table["dependencies"] + [
        one for extra in EXTRAS for one in table["optional-dependencies"][extra]
    ]
    names = [Requirement(text).name for text in wanted]
    own = [("this book and alignlib", table["version"]), ("Python", platform.python_version())]
    return own + [(name, version(name)) for name in sorted(names, key=str.lower)]


class Versions(SphinxDirective):
    def run(self):
        self.env.note_reread()  # in every build
        day = datetime.fromtimestamp(float(os.environ.get(EPOCH, time())), UTC)
        rows = [("built on", f"{day:%Y-%m-%d}"), *versions()]
        return [table(("what", "version"), [map(nodes.Text, pair) for pair in rows])]


class run_times_node(nodes.General, nodes.Element):
    """Stands where the table goes until every notebook has been executed."""


class RunTimes(SphinxDirective):
    def run(self):
        return [run_times_node()]


def fill(app, doctree, docname):
    for node in list(doctree.findall(run_times_node)):
        rows = []
        for page in app.env.collect_relations():
            run = NbMetadataCollector.get_exec_data(app.env, page)
            if run and EPOCH not in os.environ:
                address = app.builder.get_relative_uri(docname, page)
                link = nodes.reference("", app.env.titles[page].astext(), refuri=address, internal=True)
                when = hour(run["mtime"])
                rows.append((link, nodes.Text(when), nodes.Text(f"{run['runtime']:.1f}")))
        made = table(("notebook", "executed (UTC)", "seconds"), rows)
        node.replace_self(made if rows else nodes.paragraph("", "No times are recorded in this build."))


def hour(moment):
    """The cache of notebooks notes UTC's hour, and myst-nb reads it as this place's."""
    # Hyphens that a narrow column does not break.
    return f"{datetime.fromtimestamp(moment):%Y\u2011%m\u2011%d %H:%M}"


def table(head, rows):
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in head), cols=len(head))
    group += nodes.thead("", row(map(nodes.Text, head)))
    group += nodes.tbody("", *map(row, rows))
    return nodes.table("", group)


def row(cells):
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def setup(app):
    app.add_node(run_times_node)
    app.add_directive("versions", Versions)
    app.add_directive("run-times", RunTimes)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
