"""A Sphinx extension: the claim ledger, made from what the executed cells recorded.

`chapters/claims.yml` lists the claims each chapter must record. The directive ``{claim-ledger}`` becomes
a table of what was recorded; a listed claim that no executed cell recorded, and a recorded claim that is
not listed, are warnings, and the book is built with warnings as errors.
"""

import json
import re
from html import unescape
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

RECORD = re.compile(r'<div class="claim [^>]*data-claim="([^"]*)"')
COLUMNS = ("Claim", "Source", "Measured", "Bound", "Margin", "Verdict")


def recorded(html):
    """The claims in the HTML that cells displayed: a list of dicts, in order."""
    return [json.loads(unescape(text)) for text in RECORD.findall(html)]


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
        self.env.ledger_pages = getattr(self.env, "ledger_pages", set()) | {self.env.docname}
        return [ledger_node()]


def claims_of(env):
    """What was recorded so far: a dict from page to claims, kept with Sphinx's environment."""
    if not hasattr(env, "claims"):
        env.claims = {}
    return env.claims


def collect(app, doctree):
    """Note the claims on a page that was just read, from the outputs of its cells as executed."""
    html = "".join(raw.astext() for raw in doctree.findall(nodes.raw) if "html" in raw.get("format", ""))
    claims_of(app.env)[app.env.docname] = recorded(html)


def forget(app, env, docname):
    claims_of(env).pop(docname, None)


def merge(app, env, docnames, other):
    claims_of(env).update({name: claims_of(other)[name] for name in docnames})


def listed(app):
    return yaml.safe_load((Path(app.srcdir) / "chapters" / "claims.yml").read_text(encoding="utf-8"))


def check(app, env):
    """Every listed claim was recorded, and every recorded one is listed."""
    found = {
        name.removeprefix("chapters/"): [row["key"] for row in rows]
        for name, rows in claims_of(env).items()
        if rows
    }
    for problem in audit(listed(app), found):
        logging.getLogger(__name__).warning(problem, type="claims")


def fill(app, doctree, docname):
    """Replace the ledger's node by the table, once all pages have been read."""
    for node in doctree.findall(ledger_node):
        claims = claims_of(app.env)
        rows = [
            (f"{app.builder.get_relative_uri(docname, name)}#claim-{claim['key']}", claim)
            for name in (f"chapters/{chapter}" for chapter in listed(app))
            for claim in claims.get(name, [])
        ]
        node.replace_self(table(rows))


def table(rows):
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in COLUMNS), cols=len(COLUMNS))
    group += nodes.thead("", row(nodes.Text(name) for name in COLUMNS))
    body = nodes.tbody()
    for address, claim in rows:
        link = nodes.reference("", claim["statement"], refuri=address)
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
    return sorted(getattr(env, "ledger_pages", ()))


def setup(app):
    app.add_node(ledger_node)
    app.add_directive("claim-ledger", ClaimLedger)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", rewrite)
    app.connect("env-check-consistency", check)
    app.connect("doctree-resolved", fill)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
