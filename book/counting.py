"""A Sphinx extension: figures, statements and exercises are counted anew on every page.

So does JupyterLab in every notebook, and a number is the same in both. References by number stay on their
page; to other pages they are words.
"""


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


def setup(app):
    app.connect("env-before-read-docs", recall)
    app.connect("env-get-updated", renumber, priority=900)  # when Sphinx has counted
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
