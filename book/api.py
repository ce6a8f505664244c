"""A Sphinx extension: the library's reference, made from its docstrings.

The directive ``room`` names a module of `alignlib` and becomes a table of its public names, one line each,
and their docstrings below. With names as its content it shows these instead, found in that module.
"""

import inspect
import re
from importlib import import_module

from sphinx.util.docutils import SphinxDirective


def public(module):
    """The public classes and functions of a module: those in `__all__`, else those defined in it."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


def described(module, names):
    """The page's text, reStructuredText as autodoc reads it."""
    lines = [f".. currentmodule:: {module.__name__}", "", ".. autosummary::", "   :nosignatures:", ""]
    lines += [f"   {name}" for name in names] + [""]
    for name in names:
        if inspect.isclass(getattr(module, name)):
            lines += [f".. autoclass:: {name}", "   :members:", "   :member-order: bysource", ""]
        else:
            lines += [f".. autofunction:: {name}", ""]
    return "\n".join(lines)


class Room(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self):
        module = import_module(self.arguments[0])
        names = list(self.content) or public(module)
        for name in names:
            self.env.note_dependency(inspect.getfile(getattr(module, name)))
        return self.parse_text_to_nodes(described(module, names))


def readable(app, what, name, value, options, signature, returns):
    """A signature as one would call it: a field that starts as an empty dict says so."""
    return signature and signature.replace("<factory>", "{}"), returns


def in_one_piece(app, what, name, value, options, lines):
    """Where the sentence of an entry `name : text` goes on in the next lines: one, as numpydoc wants."""
    whole = []
    for line in lines:
        if whole and re.match(r" {4}[a-z`]", line) and re.match(r"\S.* : ", whole[-1]):
            whole[-1] += " " + line.strip()
        else:
            whole.append(line)
    lines[:] = whole


def setup(app):
    app.add_directive("room", Room)
    app.connect("autodoc-process-docstring", in_one_piece, priority=400)  # before numpydoc
    app.connect("autodoc-process-signature", readable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
