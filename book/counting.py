"""A Sphinx extension: figures, statements and exercises are counted anew on every page.

So does JupyterLab in every notebook, and a number is the same in both. References by number stay on their
page; to other pages they are words, or say whose number it is: "Definition 4 of chapter 1".
"""

import re

from docutils import nodes

NUMBER = re.compile(r"(Definition|Theorem|Proposition|Lemma|Corollary|Remark) \d+")
CHAPTER = re.compile(r"(?:chapters/)?0(\d)_(fine_print)?")


def counted_by_page(numbers):
    """For each page and kind the things in their order, now numbered from one."""
    return {
        page: {
            kind: {name: (at,) for at, name in enumerate(sorted(found, key=found.get), 1)}
            for kind, found in kinds.items()
        }
        for page, kinds in numbers.items()
    }


def recall(app, env, docnames):
    """Sphinx writes a page anew if its numbers are not those that Sphinx gave it last."""
    env.toc_fignumbers = getattr(env, "counted_by_sphinx", env.toc_fignumbers)


def renumber(app, env):
    env.counted_by_sphinx = env.toc_fignumbers
    env.toc_fignumbers = counted_by_page(env.toc_fignumbers)
    return []


def whose(page, titles):
    """The page of a number, in words."""
    if not (chapter := CHAPTER.match(page)):
        return f"of “{titles[page].astext()}”"
    return f"of the fine print of chapter {chapter[1]}" if chapter[2] else f"of chapter {chapter[1]}"


def say_whose(app, doctree, docname):
    """A number that was counted on another page says on which."""
    for link in doctree.findall(nodes.reference):
        page, _, label = link.get("refuri", "").partition(".html#")
        if label and "/" not in page and NUMBER.fullmatch(link.astext()):
            link.append(nodes.Text(" " + whose(f"chapters/{page}", app.env.titles)))


def setup(app):
    app.connect("doctree-resolved", say_whose, priority=900)  # when references have their numbers
    app.connect("env-before-read-docs", recall)
    app.connect("env-get-updated", renumber, priority=900)  # when Sphinx has counted
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
