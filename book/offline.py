"""A Sphinx extension: pages that ask nothing of the network.

MathJax comes from the installed package sphinx-mathjax-offline: its one self-contained file, which
`mathjax_path` in `_config.yml` names, is copied into the built pages.
"""

import shutil
from importlib.metadata import files
from pathlib import Path

BUNDLE = "tex-svg-full.js"


def bundle():
    """The self-contained MathJax file of the installed package."""
    (found,) = (f for f in files("sphinx-mathjax-offline") if f.name == BUNDLE)
    return Path(found.locate())


def copy_mathjax(app, exception):
    if exception is None and app.builder.format == "html":
        shutil.copy(bundle(), Path(app.outdir) / "_static" / BUNDLE)


def setup(app):
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
