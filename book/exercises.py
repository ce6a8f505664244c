"""A Sphinx extension: the page of all exercises, made from the chapters.

The directive ``{all-exercises}`` becomes a list by chapter: number and title of every exercise, with links
to it and to its solution. An exercise without a solution is a warning, which stops the build.
"""

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective


class exercises_node(nodes.General, nodes.Element):
    """Stands where the list goes until all chapters have been read."""


class AllExercises(SphinxDirective):
    def run(self):
        self.env.exercise_pages = getattr(self.env, "exercise_pages", set()) | {self.env.docname}
        return [exercises_node()]


def found(env):
    """The exercises of every page that has some, in the order of the book.

    A dict from page to pairs, an exercise and its solution or None.
    """
    entries = [entry["node"] for entry in getattr(env, "sphinx_exercise_registry", {}).values()]
    solutions = {node["target_label"]: node for node in entries if node["type"].startswith("solution")}
    pages = {}
    for node in entries:
        if node["type"].startswith("exercise"):
            pages.setdefault(node["docname"], []).append((node, solutions.get(node["label"])))
    return {page: pages[page] for page in env.collect_relations() if page in pages}


def check(app, env):
    for page, exercises in found(env).items():
        for exercise, solution in exercises:
            if solution is None:
                words = f"the exercise {exercise['label']!r} has no solution"
                logging.getLogger(__name__).warning(words, location=page, type="exercises")


def fill(app, doctree, docname):
    """Replace the node by the list, once all pages have been read."""
    for node in list(doctree.findall(exercises_node)):
        chapters = nodes.definition_list(classes=["all-exercises"])
        for page, exercises in found(app.env).items():
            address = app.builder.get_relative_uri(docname, page)
            first, *_ = app.env.toc_fignumbers[page]["exercise"][exercises[0][0]["label"]]
            items = (nodes.list_item("", line(app, docname, *pair)) for pair in exercises)
            chapters += nodes.definition_list_item(
                "",
                nodes.term("", "", nodes.reference("", app.env.titles[page].astext(), refuri=address)),
                nodes.definition("", nodes.enumerated_list("", *items, start=first)),
            )
        node.replace_self(chapters)


def line(app, docname, exercise, solution):
    """`Title (solution)`, with its two links; the solution may be on another page than the exercise."""

    def address(node):
        return f"{app.builder.get_relative_uri(docname, node['docname'])}#{node['label']}"

    title = (part.deepcopy() for part in exercise.children[0].children[1].children)
    text = nodes.paragraph()
    text += nodes.reference("", "", *title, refuri=address(exercise), internal=True)
    if solution is not None:
        link = nodes.reference("", "solution", refuri=address(solution), internal=True)
        text += [nodes.Text(" ("), link, nodes.Text(")")]
    return text


def rewrite(app, env):
    """The page is written anew whenever anything was read."""
    return sorted(getattr(env, "exercise_pages", ()))


def setup(app):
    app.add_node(exercises_node)
    app.add_directive("all-exercises", AllExercises)
    app.connect("env-updated", rewrite)
    app.connect("env-check-consistency", check)
    app.connect("doctree-resolved", fill)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
