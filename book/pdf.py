"""`make pdf`: the whole book as one PDF, printed by Chromium from the built pages.

The pages that `make book` built are put one after the other into one, so nothing is executed again.
A browser cannot write on which page another part of the text is. So the book is printed twice, the second
time with the page numbers of the first.
"""

import io
import json
import logging
import os
import re
import sys
from html import escape
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import matplotlib
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from book.browser import MISSING, QUIET, find
from book.build import BUILD, ROOT
from book.launch import repository
from book.mathematics import mathjax

HTML = BUILD / "html"
TEXT = BUILD / "early-alignment.html"
PDF = BUILD / "early-alignment.pdf"
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # so that it looks alike on every machine
PATIENCE = 300_000  # milliseconds: one page is the whole book, and a machine may be busy
LONG = 10  # code with no more lines than this is not broken over two pages
RANGES = {
    "Signs": "U+B2-B3, U+B9, U+2070-209F"
}  # raised and lowered: the book's font has only some of them
FACES = {
    ("Book", "normal", "normal"): "STIXGeneral",
    ("Signs", "normal", "normal"): "DejaVuSerif",
    ("Book", "normal", "italic"): "STIXGeneralItalic",
    ("Book", "bold", "normal"): "STIXGeneralBol",
    ("Book", "bold", "italic"): "STIXGeneralBolIta",
    ("Code", "normal", "normal"): "DejaVuSansMono",
    ("Code", "bold", "normal"): "DejaVuSansMono-Bold",
    ("Code", "normal", "italic"): "DejaVuSansMono-Oblique",
}


def settings(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def contents():
    """The pages in order: a dict from a page's name to its part's."""
    toc = settings("_toc.yml")
    pages = {
        page["file"]: part["caption"]
        for part in toc["parts"]
        for chapter in part["chapters"]
        for page in (chapter, *chapter.get("sections", ()))
    }
    return {toc["root"]: "", **pages}


def anchor(page, name=""):
    """What the anchor `name` of a page, or the page itself, is called in the book of all pages."""
    return "-".join(["page", Path(page).name, *filter(None, name.split("/"))])


def read(page, pages):
    """The article of a built page, its anchors and links made those of the whole book."""
    soup = BeautifulSoup((HTML / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    article = soup.select_one("article")
    for one in article.select(
        "script, a.headerlink, details.hide, .toctree-wrapper, .screen, .explorer-still, .live-still"
    ):
        one.decompose()
    for one in article.select(".explorer-controls"):
        del one["hidden"]  # what they are set to is said on paper
    for one in article.select("[id]"):
        one["id"] = anchor(page, one["id"])
    for formula in article.select("mjx-container"):
        formula.replace_with(formula.math)  # drawn for the screen; here MathJax sets it in letters
    for image in article.select("img[src]"):
        del image["loading"]
        if not image["src"].startswith("data:"):
            image["src"] = (HTML / urljoin(f"{page}.html", image["src"])).as_uri()
    for link in article.select("a[href]"):
        place, name = urldefrag(urljoin(f"{page}.html", link["href"]))
        if place.removesuffix(".html") in pages:
            link["href"] = "#" + anchor(place.removesuffix(".html"), unquote(name))
        elif not place.startswith(("http:", "https:", "mailto:")):
            link.unwrap()  # a file of the site that is not on paper
    for link in article.select(".claim-ledger td a, .all-exercises a"):
        link["class"] = "page"
    for code in article.select(".cell_input pre"):
        if code.text.count("\n") <= LONG:
            code["class"] = "short"
    article["id"], article["data-part"] = anchor(page), pages[page]
    article["data-running"] = article.h1.get_text()
    return article


def solutions(articles):
    """The solutions, taken out of their chapters into one of their own; in their places, where they are."""
    chapter = BeautifulSoup("<article><h1>Solutions to the exercises</h1></article>", "html.parser").article
    chapter.attrs = articles[-1].attrs | {"id": anchor("solutions"), "data-running": chapter.h1.get_text()}
    for article in articles:
        found = article.select(".solution")
        title = f'<section id="{article["id"]}-solved"><h2>{article.h1.decode_contents()}</h2></section>'
        section = BeautifulSoup(title, "html.parser").section
        for solution in found:
            title = re.match(r"\s*(Solution to Exercise \d+)", solution.get_text())[1]
            link = f'<p class="solved"><a class="page" href="#{solution["id"]}">{title} on page</a></p>'
            solution.replace_with(BeautifulSoup(link, "html.parser"))
            section.append(solution)
        if found:
            chapter.append(section)
    return chapter


def table_of_contents(articles):
    """Parts, chapters and sections; the last two are links that will say their page."""
    lines, last = [], ""
    for article in articles:
        if article["data-part"] != last:
            last = article["data-part"]
            lines.append(f'<p class="part">{escape(last)}</p>')
        lines.append(entry(article["id"], article.h1, "chapter"))
        sections = article.select("section[id] > h2")
        lines += [entry(title.parent["id"], title, "section") for title in sections]
    return "\n".join(lines)


def entry(name, title, kind):
    return f'<a class="page {kind}" href="#{name}"><span>{title.decode_contents()}</span></a>'


def front(articles):
    """The title page and the table of contents."""
    book = settings("CITATION.cff")
    title, _, subtitle = book["title"].partition(": ")
    authors = ", ".join(author["name"] for author in book["authors"])
    picture = (ROOT / "book" / "assets" / "opening.png").as_uri()
    options = settings("_config.yml")["sphinx"]["config"]["html_theme_options"]
    address, _ = repository(os.environ, options)
    where = f'<br><a href="{address}">{address.removeprefix("https://")}</a>' if address else ""
    return f"""<header>
<p class="title">{escape(title)}</p>
<p class="subtitle">{escape(subtitle[:1].upper() + subtitle[1:])}</p>
<p>{escape(authors)}</p>
<img src="{picture}" alt="The picture that opens the book: it is explained on the next pages.">
<p>Version {book["version"]}, {book["date-released"]:%-d %B %Y}</p>
<p class="small">Printed from the pages of the executable book, whose numbers and pictures come from
notebooks that ran. Here its moving pictures stand still, and the code of plots is left out.
Text and figures: CC BY 4.0, code: MIT.{where}</p>
</header>
<nav><p class="title">Contents</p>
{table_of_contents(articles)}
</nav>"""


def head(articles):
    """Styles and mathematics: the fonts, a running title for each chapter, MathJax in letters."""
    faces = [
        f"@font-face {{ font-family: {family}; font-weight: {weight}; font-style: {style};"
        f" src: url({(FONTS / name).as_uri()}.ttf); unicode-range: {RANGES.get(family, 'U+0-10FFFF')} }}"
        for (family, weight, style), name in FACES.items()
    ]
    titles = dict.fromkeys(one["data-running"] for one in articles)
    running = [
        f"@page running-{i} {{ @top-right {{ content: {json.dumps(title, ensure_ascii=False)} }} }}\n"
        f"[data-running={json.dumps(title, ensure_ascii=False)}] {{ page: running-{i} }}"
        for i, title in enumerate(titles)
    ]
    fonts = mathjax() / "output" / "chtml" / "fonts" / "woff-v2"
    config = {"chtml": {"fontURL": fonts.as_uri()}, "options": {"enableMenu": False}}
    style = "\n".join(faces + running)
    return f"""<title>{escape(settings("CITATION.cff")["title"])}</title>
<link rel="stylesheet" href="{(HTML / "_static" / "pygments.css").as_uri()}">
<link rel="stylesheet" href="{(ROOT / "book" / "assets" / "print.css").as_uri()}">
<style>{style}</style>
<script>window.MathJax = {json.dumps(config)}</script>
<script src="{(mathjax() / "mml-chtml.js").as_uri()}"></script>"""


def collect():
    """The pages of the book as articles, in order; the bibliography remains the last."""
    pages = contents()
    articles = [read(page, pages) for page in pages]
    articles.insert(-1, solutions(articles))
    return articles


def assemble(articles):
    """The book of all articles, as HTML to be printed."""
    body = "\n".join(map(str, articles))
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light">
<head><meta charset="utf-8">
{head(articles)}
</head>
<body>
{front(articles)}
{body}
</body>
</html>"""


NUMBER = (
    "pages => document.querySelectorAll('a.page').forEach(a => a.dataset.page = pages[a.hash.slice(1)])"
)


def printed(page, **options):
    """What the browser shows as the bytes of a PDF, and the page that each anchor is on."""
    pdf = page.pdf(prefer_css_page_size=True, print_background=True, **options)
    reader = PdfReader(io.BytesIO(pdf))
    places = reader.named_destinations.items()
    return pdf, {name.lstrip("/"): reader.get_destination_page_number(to) + 1 for name, to in places}


def retitle(pdf, titles):
    """The PDF with its bookmarks named again: the browser drops mathematics and writes some names twice."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf))

    def items(parent):
        item = parent.get("/First")
        while item:
            yield item.get_object()
            yield from items(item.get_object())
            item = item.get_object().get("/Next")

    for item, title in zip(items(writer.root_object["/Outlines"]), titles, strict=True):
        item[NameObject("/Title")] = TextStringObject(title)
    book = settings("CITATION.cff")
    authors = ", ".join(author["name"] for author in book["authors"])
    # Nothing of what the browser says of itself and of the time: the same pages make the same bytes.
    writer.metadata = {"/Title": book["title"], "/Author": authors, "/Creator": "Early Alignment"}
    writer.page_mode = "/UseOutlines"
    writer.write(PDF)


def make(browser):
    """Print the book that is built, with its page numbers, to `PDF`."""
    articles = collect()
    TEXT.write_text(assemble(articles), encoding="utf-8")
    page = browser.new_page()
    page.goto(TEXT.as_uri(), timeout=PATIENCE)
    page.evaluate("MathJax.startup.promise")
    _, before = printed(page)
    page.evaluate(NUMBER, before)
    pdf, after = printed(page, outline=True, tagged=True)
    page.close()
    if before != after:
        raise RuntimeError("the page numbers have moved the text: leave them more room in print.css")
    retitle(pdf, [" ".join(h.get_text().split()) for one in articles for h in one.select("h1, h2, h3")])


def main():
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # a browser counts its objects in its own way
    if not (HTML / "index.html").exists() or (BUILD / "failed").exists():
        sys.exit("The book is not built: run `make book` first.")
    with sync_playwright() as playwright:
        path = find(playwright)
        if path is None:
            sys.exit(f"The PDF was not printed: {MISSING}.")
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        make(browser)
    print(f"\nThe PDF is {PDF}")


if __name__ == "__main__":
    main()
