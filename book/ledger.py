"""A Sphinx extension: the claim ledger, made from what the executed cells recorded.

`chapters/claims.yml` lists the claims each page must record, and for one that is proved here the statement
that the proof is of. The directive ``{claim-ledger}`` becomes tables of what was recorded. A listed claim
that no executed cell recorded, a recorded claim that is not listed, a source of no known kind, and a proof
that is claimed and not named are warnings, and the book is built with warnings as errors.
"""

import json
import re
import sys
from collections import Counter
from html import unescape
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

RECORD = re.compile(r'<div class="claim"[^>]*data-claim="([^"]*)"')
COLUMNS = ("Claim and source", "Measured", "Verdict")
PROVED = "proved here"
# What a source may begin with: who says so, and on what ground.
SOURCES = ("stated by ", "after ", PROVED, "estimated here", "measured here", "classical", "left open by ")


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


def wrongly_sourced(rows, proofs):
    """What is wrong, in words, with the sources of claims: `proofs` maps a key to its statement's label."""
    for claim in rows:
        key, source = claim["key"], claim["source"]
        if not source.startswith(SOURCES):
            yield f"the claim {key!r} has the source {source!r}, which begins with none of {SOURCES}"
        if source.startswith(PROVED) and not proofs.get(key):
            yield f"the claim {key!r} is proved here, and claims.yml does not say by which statement"
        if not source.startswith(PROVED) and proofs.get(key):
            yield f"the claim {key!r} has a proof in claims.yml, and its source does not say so"


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
    return read(Path(app.srcdir) / "chapters" / "claims.yml")


def read(path):
    """For each page its claims: a dict from key to the label of the statement that is proved, or None."""
    pages = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {page: dict(pair(item) for item in items) for page, items in pages.items()}


def pair(item):
    """`key` alone, or `key: label`."""
    return next(iter(item.items())) if isinstance(item, dict) else (item, None)


def check(app, env):
    """Every listed claim was recorded, and every recorded one is listed."""
    found = {
        name.removeprefix("chapters/"): [row["key"] for row in rows]
        for name, rows in claims_of(env).items()
        if rows
    }
    wanted = listed(app)
    proofs = {key: label for claims in wanted.values() for key, label in claims.items()}
    problems = audit({page: list(claims) for page, claims in wanted.items()}, found)
    for rows in claims_of(env).values():
        problems += wrongly_sourced(rows, proofs)
    known = getattr(env, "proof_list", {})
    problems += [
        f"{key!r} is proved by {name!r}, no statement"
        for key, name in proofs.items()
        if name and name not in known
    ]
    for problem in problems:
        logging.getLogger(__name__).warning(problem, type="claims")


def fill(app, doctree, docname):
    """Replace the ledger's node by a count and a table for each chapter, once all pages have been read."""
    for node in list(doctree.findall(ledger_node)):
        wanted = listed(app)
        names = [f"chapters/{page}" for page in wanted if f"chapters/{page}" in app.env.titles]
        pages = {name: claims_of(app.env).get(name, []) for name in names}
        shown = [count([claim for claims in pages.values() for claim in claims])]
        for name, claims in pages.items():
            if not claims:
                continue
            address = app.builder.get_relative_uri(docname, name)
            title = nodes.reference("", numbered(app.env, name), refuri=address, internal=True)
            proofs = {key: proof_of(app, docname, label) for key, label in wanted[Path(name).name].items()}
            shown += [nodes.rubric("", "", title), table(address, claims, proofs)]
        node.replace_self(nodes.container("", *shown, classes=["claim-ledger"]))


def proof_of(app, docname, label):
    """The address of a statement, seen from a page; None where nothing is proved."""
    found = getattr(app.env, "proof_list", {}).get(label)
    return found and f"{app.builder.get_relative_uri(docname, found['docname'])}#{label}"


def numbered(env, name):
    """The title of a page, with the number of a chapter before it."""
    number = env.toc_secnumbers.get(name, {}).get("", ())
    return " ".join([*(f"{part}." for part in number), env.titles[name].astext()])


def count(claims):
    """`93 claims: holds 60, only illustrated 20, ...`, the commonest verdict first."""
    verdicts = Counter(claim["verdict"] for claim in claims).most_common()
    text = ", ".join(f"{verdict} {number}" for verdict, number in verdicts)
    return nodes.paragraph("", f"{len(claims)} claims: {text}.")


def table(address, claims, proofs=None):
    """One row a claim: the statement over its source, what was measured over its bound, the verdict."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in COLUMNS), cols=len(COLUMNS))
    group += nodes.thead("", row(*(paragraphs(name) for name in COLUMNS)))
    group += nodes.tbody(
        "", *(claim_row(address, claim, (proofs or {}).get(claim["key"])) for claim in claims)
    )
    return nodes.table("", group)


def claim_row(address, claim, proof=None):
    link = nodes.reference("", claim["statement"], refuri=f"{address}#claim-{claim['key']}", internal=True)
    verdict = claim["verdict"]
    compared = [claim["bound"], f"margin {claim['margin']}"] if claim["bound"] else []
    failed = [f"not met: {'; '.join(claim['failed'])}"] if claim["failed"] else []
    cells = row(
        [nodes.paragraph("", "", link), source(claim["source"], proof)],
        paragraphs(claim["measured"], *compared),
        paragraphs(verdict, *failed),
    )
    cells[-1]["classes"].append(f"claim-{verdict.replace(' ', '-')}")
    return cells


def source(words, proof):
    """The source of a claim; what is proved here leads to the statement and its proof."""
    if not proof:
        return nodes.paragraph("", words)
    link = nodes.reference("", PROVED, refuri=proof, internal=True)
    return nodes.paragraph("", "", link, nodes.Text(words.removeprefix(PROVED)))


def paragraphs(*texts):
    return [nodes.paragraph("", text) for text in texts]


def row(*cells):
    """A row from the paragraphs of its cells; all but the first of a cell are its small print."""
    for _, *small in cells:
        for paragraph in small:
            paragraph["classes"].append("small-print")
    return nodes.row("", *(nodes.entry("", *cell) for cell in cells))


def rewrite(app, env):
    """The ledger's page is written anew whenever anything was read."""
    return sorted(getattr(env, "ledger_pages", ()))


def setup(app):
    app.add_node(ledger_node)
    app.add_directive("claim-ledger", ClaimLedger)
    sys.path.append(str(Path(__file__).resolve().parents[1]))  # Jupyter Book loads rooms one by one
    app.setup_extension("book.questions")
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", rewrite)
    app.connect("env-check-consistency", check)
    app.connect("doctree-resolved", fill)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
