"""Part of the ledger: what the two papers leave open, rest on or warn of, and where the book answers it.

`chapters/questions.yml` is the list. The directive ``{question-ledger}`` becomes a table for each kind of
entry; the verdicts are those of the claims as recorded. An answer that leads nowhere, and a claim that
nobody recorded, are warnings.
"""

from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from book import ledger

COLUMNS = ("In our words", "Answered in", "Claims")


class question_node(nodes.General, nodes.Element):
    """Stands where the tables go until every notebook has been executed."""


class QuestionLedger(SphinxDirective):
    def run(self):
        self.env.ledger_pages = getattr(self.env, "ledger_pages", set()) | {self.env.docname}
        return [question_node()]


def read(path):
    """The entries, in order: dicts with kind, paper, asks, where, claims and, for some, open."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def by_kind(entries):
    """A dict from kind to its entries, in the order of their first."""
    kinds = {}
    for entry in entries:
        kinds.setdefault(entry["kind"], []).append(entry)
    return kinds


def address(app, docname, where):
    """The address of `page#anchor` seen from a page, and the page's title; a warning if there is none."""
    page, _, anchor = where.partition("#")
    name = f"chapters/{page}"
    slugs = app.env.metadata.get(name, {}).get("myst_slugs", {})
    if name not in app.env.titles or (anchor and anchor not in slugs):
        logging.getLogger(__name__).warning(f"questions.yml: nothing at {where!r}", type="claims")
        return "", where
    fragment = f"#{slugs[anchor][1]}" if anchor else ""
    return app.builder.get_relative_uri(docname, name) + fragment, ledger.numbered(app.env, name)


def recorded(env):
    """A dict from the key of each recorded claim to its page and verdict."""
    pages = ledger.claims_of(env)
    return {claim["key"]: (page, claim["verdict"]) for page, claims in pages.items() for claim in claims}


def claim_link(app, docname, key, found):
    """`key: verdict`, a link to the cell; a warning where no such claim was recorded."""
    if key not in found:
        logging.getLogger(__name__).warning(f"questions.yml: no claim {key!r} was recorded", type="claims")
        return nodes.paragraph("", key)
    page, verdict = found[key]
    target = f"{app.builder.get_relative_uri(docname, page)}#claim-{key}"
    link = nodes.reference("", key, refuri=target, internal=True)
    return nodes.paragraph("", "", link, nodes.Text(f": {verdict}"))


def entry_row(app, docname, entry, found):
    uri, title = address(app, docname, entry["where"])
    link = nodes.paragraph("", "", nodes.reference("", title, refuri=uri, internal=True))
    still = ledger.paragraphs(f"open: {entry['open']}") if "open" in entry else []
    claims = [claim_link(app, docname, key, found) for key in entry["claims"]]
    claims[0]["classes"].append("small-print")  # as those after it
    return ledger.row(ledger.paragraphs(entry["asks"], entry["paper"]), [link, *still], claims)


def table(app, docname, entries, found):
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in COLUMNS), cols=len(COLUMNS))
    group += nodes.thead("", ledger.row(*(ledger.paragraphs(name) for name in COLUMNS)))
    group += nodes.tbody("", *(entry_row(app, docname, entry, found) for entry in entries))
    return nodes.table("", group)


def fill(app, doctree, docname):
    """Replace the node by a table for each kind, once all pages have been read."""
    for node in list(doctree.findall(question_node)):
        found, shown = recorded(app.env), []
        for kind, entries in by_kind(read(Path(app.srcdir) / "chapters" / "questions.yml")).items():
            title = nodes.rubric("", f"{kind.capitalize()}s")
            shown += [title, table(app, docname, entries, found)]
        node.replace_self(nodes.container("", *shown, classes=["question-ledger"]))


def setup(app):
    app.add_node(question_node)
    app.add_directive("question-ledger", QuestionLedger)
    app.connect("doctree-resolved", fill)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
