"""A Sphinx extension: live pictures, which compute in the page (`alignlib.live`).

Their script and their style are files of the library. The script is fetched by the pages that have such a
picture, and by no others.
"""

from pathlib import Path

from alignlib import live

SCRIPT, STYLE = "live.js", "live.css"
FIGURE = '<figure class="live"'


def write(app):
    """The two files, where the pages look for them."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCRIPT).write_text(live.script(), encoding="utf-8")
    (folder / STYLE).write_text(live.style(), encoding="utf-8")
    app.add_css_file(STYLE)


def fetch(app, name, template, context, tree):
    if FIGURE in context.get("body", ""):
        app.add_js_file(SCRIPT, loading_method="defer")


def setup(app):
    app.connect("builder-inited", write)
    app.connect("html-page-context", fetch)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
