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


def renumber(app, env):
    env.toc_fignumbers = counted_by_page(env.toc_fignumbers)
    return []


def setup(app):
    app.connect("env-get-updated", renumber, priority=900)  # when Sphinx has counted
    return {"parallel_read_safe": True, "parallel_write_safe": True}
