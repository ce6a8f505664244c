"""A Sphinx extension: every notebook one click away from running on Binder or Colab.

The theme makes the buttons from the address of the repository. On GitHub's machines that is the
repository the book is built from, so a fork's pages launch the fork; elsewhere it is the one in
`_config.yml`. Without an address nothing could be launched, and no button is shown.

A link of the form ``[words](01_setup.ipynb "Run")`` opens that notebook: in JupyterLab as any link
does, in the built page on Binder, and without an address it is plain words.
"""

import os

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

RUN = "Run"  # the title of a link that runs a notebook


def repository(environ, options):
    """The address of the repository and the branch or tag to run: as (url, branch)."""
    url, branch = options.get("repository_url", ""), options.get("repository_branch", "main")
    if environ.get("GITHUB_REPOSITORY"):
        url = f"{environ['GITHUB_SERVER_URL']}/{environ['GITHUB_REPOSITORY']}"
        if environ.get("GITHUB_EVENT_NAME") == "push":  # for a pull request the name is no branch
            branch = environ["GITHUB_REF_NAME"]
    return url.rstrip("/"), branch


def configure(app, config):
    options = config.html_theme_options
    options["repository_url"], options["repository_branch"] = repository(os.environ, options)
    if not options["repository_url"]:
        options["launch_buttons"] = {}


def binder(options, page):
    """Where Binder opens a notebook of the book in JupyterLab, or None."""
    hub = options["launch_buttons"].get("binderhub_url")
    if not hub or "//github.com/" not in options["repository_url"]:
        return None
    name = options["repository_url"].split("//github.com/")[1]
    return f"{hub}/v2/gh/{name}/{options['repository_branch']}?urlpath=lab/tree/{page}.ipynb"


class RunLinks(SphinxPostTransform):
    """Points the links that run a notebook to Binder, or makes words of them."""

    default_priority = 5  # before Sphinx resolves them as links to pages

    def run(self):
        for link in list(self.document.findall(addnodes.pending_xref)):
            if link.get("title") == RUN:
                address = binder(self.config.html_theme_options, link["reftarget"])
                words = link.children[0].children
                if address:
                    words = [nodes.reference("", "", *words, refuri=address, reftitle="Run on Binder")]
                link.replace_self(words)


def setup(app):
    app.connect("config-inited", configure)
    app.add_post_transform(RunLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
