"""A Sphinx extension: the pages that a build has written are finished, each once.

Formulas are typeset, what the theme gets wrong is mended, the page is made light, and at last its policy
names the scripts that it is left with. A page that has its policy is finished: what an earlier build left
is not worked on again.
"""

import re
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # Jupyter Book loads rooms one by one
from sphinx.search import js_index

from book import access, light, mathematics, policy

PICTURE = re.compile(r"\b_images/([\w.-]+)")
PERCENT = re.compile(r"(?<=\d) (?=%[^<>]*<)")  # outside tags: a number and its sign stay in one line


def written(out):
    """The text of every page, in two parts: those that are not finished, and those that are."""
    paths = sorted(path for path in out.rglob("*.html") if "_static" not in path.relative_to(out).parts)
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    done = {path: text for path, text in texts.items() if policy.META.search(text)}
    return {path: text for path, text in texts.items() if path not in done}, done


def shown_elsewhere(env):
    """What pages say of each other: titles, numbers, and all that can be referred to."""
    titles = {name: title.astext() for name, title in env.titles.items()}
    objects = [one for domain in env.domains.values() for one in domain.get_objects()]
    slugs = {
        name: {slug: rest for slug, (_, *rest) in data.get("myst_slugs", {}).items()}
        for name, data in env.metadata.items()
    }
    numbers = env.toc_secnumbers, env.toc_fignumbers
    return repr([sorted(titles.items()), sorted(map(str, objects)), sorted(slugs.items()), numbers])


def rewrite(app, env):
    """Every page is written anew if something changed that others may show: Sphinx leaves them stale."""
    last, env.shown_elsewhere = getattr(env, "shown_elsewhere", None), shown_elsewhere(env)
    return sorted(env.all_docs) if last != env.shown_elsewhere else []


def mend_index(app):
    """In the new search index: what Sphinx forgets of pages that are not written anew, and what it keeps.

    It forgets their index entries, and keeps words that are on no page any more.
    """
    last = Path(app.outdir) / "searchindex.js"
    if app.builder.format != "html" or not last.exists():
        return []
    old, index = js_index.loads(last.read_text(encoding="utf-8")), app.builder.indexer
    kept = app.env.all_docs.keys() - index._index_entries.keys()
    for entry, places in old["indexentries"].items():
        for number, place, main in places:
            if (page := old["docnames"][number]) in kept:
                index._index_entries.setdefault(page, []).append((entry, place, "main" if main else ""))
    index._index_entries = dict(sorted(index._index_entries.items()))
    index._mapping = {word: pages for word, pages in index._mapping.items() if pages}
    index._title_mapping = {word: pages for word, pages in index._title_mapping.items() if pages}
    return []


def finish(app, exception):
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    new, done = written(out)
    new = mathematics.filled(out, new)
    new = {path: PERCENT.sub("\N{NO-BREAK SPACE}", access.repaired(text)) for path, text in new.items()}
    new = light.lightened(out, new, done)
    for path, text in new.items():
        path.write_text(policy.stated(text), encoding="utf-8")
    forget_pictures(out, [*new.values(), *done.values()])


def forget_pictures(out, texts):
    """Remove the pictures that no page shows any more."""
    shown = {name for text in texts for name in PICTURE.findall(text)}
    for path in (out / "_images").iterdir():
        if path.name not in shown:
            path.unlink()


def setup(app):
    app.connect("env-get-updated", rewrite, priority=950)  # when all is counted (book/counting.py)
    app.connect("html-collect-pages", mend_index)  # before Sphinx writes the index
    app.connect("build-finished", finish, priority=900)  # when the pages are otherwise done
    return {"parallel_read_safe": True, "parallel_write_safe": True}
