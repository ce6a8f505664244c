"""A Sphinx extension: the claim ledger, made from what the executed cells recorded.

`chapters/claims.yml` lists the claims each chapter must record. The directive ``{claim-ledger}`` becomes
a table of what was recorded; a listed claim that no executed cell recorded, and a recorded claim that is
not listed, are warnings, and the book is built with warnings as errors.
"""

import json
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

MIME = "application/vnd.alignlib.claim+json"
COLUMNS = ("Claim", "Source", "Measured", "Bound", "Margin", "Verdict")
"""What every row of the table says."""


def recorded(notebook):
    """The claims in the outputs of an executed notebook file: a list of dicts, in order."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    outputs = (output for cell in cells for output in cell.get("outputs", ()))
    return [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]


def audit(expected, found):
    """What is wrong, in words: claims missing, recorded twice, or not listed.

    `expected` and `found` map a chapter to its keys, as listed and as recorded.
    """
    problems = []
    for chapter in sorted(expected.keys() | found.keys()):
        want, have = expected.get(chapter, []), found.get(chapter, [])
        problems += [f"{chapter}: no executed cell recorded the claim {k!r}" for k in want if k not in have]
        problems += [f"{chapter}: the claim {k!r} is not in claims.yml" for k in have if k not in want]
    keys = [key for have in found.values() for key in have]
    problems += [
        f"the claim {k!r} is recorded twice" for k in sorted({k for k in keys if keys.count(k) > 1})
    ]
    return problems


class ledger_node(nodes.General, nodes.Element):
    """Stands where the table goes until every notebook has been executed."""


class ClaimLedger(SphinxDirective):
    def run(self):
        return [ledger_node()]


def fill(app, doctree, docname):
    """Replace the ledger's node by the table, once all pages have been read."""
    for node in doctree.findall(ledger_node):
        listed = yaml.safe_load((Path(app.srcdir) / "chapters" / "claims.yml").read_text())
        executed = Path(app.outdir).parent / "jupyter_execute" / "chapters"
        claims = {chapter: recorded(executed / f"{chapter}.ipynb") for chapter in listed}
        for problem in audit(listed, {c: [row["key"] for row in rows] for c, rows in claims.items()}):
            logging.getLogger(__name__).warning(problem, location=docname)
        node.replace_self(table(app, docname, claims))


def table(app, docname, claims):
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in COLUMNS), cols=len(COLUMNS))
    group += nodes.thead("", row(nodes.Text(name) for name in COLUMNS))
    body = nodes.tbody()
    for chapter, rows in claims.items():
        page = app.builder.get_relative_uri(docname, f"chapters/{chapter}")
        for claim in rows:
            link = nodes.reference("", claim["statement"], refuri=f"{page}#claim-{claim['key']}")
            verdict = claim["verdict"]
            if claim["failed"]:
                verdict += f" ({'; '.join(claim['failed'])} fails)"
            bound = f"{claim['relation']} {claim['bound']}"
            rest = (claim["source"], claim["measured"], bound, claim["margin"], verdict)
            body += row([link, *map(nodes.Text, rest)])
    group += body
    return nodes.container("", nodes.table("", group), classes=["claim-ledger"])


def row(cells):
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def rewrite(app, env):
    """The ledger's page is written anew whenever anything was read."""
    return [name for name in env.found_docs if name.endswith("/ledger")]


def setup(app):
    app.add_node(ledger_node)
    app.add_directive("claim-ledger", ClaimLedger)
    app.connect("doctree-resolved", fill)
    app.connect("env-updated", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
