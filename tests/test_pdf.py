"""The PDF of the whole book, printed by the browser and read again."""

import re
from collections import Counter
from itertools import pairwise
from unicodedata import normalize

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from book import pdf

BOTTOM, FULL = (mm / 25.4 * 72 for mm in (21, 297 - 21 - 23))  # the margins of print.css, in points
PICTURE = 72  # an inch above the first line: no heading has so much, and every figure more


@pytest.fixture(scope="session")
def paper(site, browser):
    pdf.make(browser)
    return PdfReader(pdf.PDF)


@pytest.fixture(scope="session")
def pages(paper):
    """Of each page what it says, and how high its lines are; read once, as that takes a minute."""
    return [read(page) for page in paper.pages]


@pytest.fixture(scope="session")
def texts(pages):
    """What each page says, ligatures and line breaks undone."""
    return [clean(text) for text, _ in pages]


@pytest.fixture(scope="session")
def soup(paper):
    """The pages as they were printed."""
    return BeautifulSoup(pdf.TEXT.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="session")
def where(paper):
    """The page that each anchor is on, counted from one."""
    places = paper.named_destinations.items()
    return {name.lstrip("/"): paper.get_destination_page_number(to) + 1 for name, to in places}


def test_the_pdf_says_nothing_of_the_moment_it_was_printed(paper):
    # The time was all that two prints of the same pages differed in.
    assert set(paper.metadata) == {"/Title", "/Author", "/Creator"}


def clean(text):
    return " ".join(normalize("NFKC", text).split())


def target(link):
    return link["href"].removeprefix("#")


def test_it_has_the_size_of_a_book(paper):
    assert 80 <= len(paper.pages) <= 300
    assert pdf.PDF.stat().st_size < 30e6
    assert {round(page.mediabox.width) for page in paper.pages} == {595}  # A4, in points


def test_the_bookmarks_lead_to_every_chapter(paper, texts):
    marks = [mark for mark in paper.outline if not isinstance(mark, list)]
    titles = [mark.title for mark in marks]
    for page in pdf.contents():
        html = (pdf.HTML / f"{page}.html").read_text(encoding="utf-8")
        title = BeautifulSoup(html, "html.parser").select_one("article h1")
        title.select_one("a.headerlink").decompose()
        assert clean(title.get_text()) in titles
    assert len(titles) == len(pdf.contents()) + 1  # and the solutions
    for mark in marks:
        assert clean(mark.title) in texts[paper.get_destination_page_number(mark)]


def test_a_link_leads_to_one_place(soup):
    # The solutions of a chapter had the name of the section in its fine print that is called so.
    places = Counter(one["id"] for one in soup.select("[id]"))
    assert {target(link) for link in soup.select("a[href^='#']") if places[target(link)] != 1} == set()


def test_the_contents_say_where_everything_begins(texts, soup, where):
    links = soup.select("nav a.page")
    contents = " ".join(texts[1 : where[target(links[0])] - 1])  # up to the first page of the book
    assert len(links) > 60
    for link in links:
        page, title = where[target(link)], clean(link.get_text())
        if not link.select("math"):  # its letters are in the text, but not in a line
            assert title in texts[page - 1]
            assert re.search(rf"{re.escape(title)} ?{page}\b", contents), title


def test_every_link_inside_leads_somewhere(soup):
    names = {one["id"] for one in soup.select("[id]")}
    inside = [target(link) for link in soup.select('a[href^="#"]')]
    assert len(inside) > 200
    assert set(inside) <= names
    other = [link["href"] for link in soup.select("a[href]") if not link["href"].startswith("#")]
    assert all(address.startswith(("http:", "https:", "mailto:")) for address in other)


def test_no_page_is_empty_or_shows_what_only_a_program_reads(texts):
    for text in texts:
        assert len(text) > 60
        for wrong in ("[?]", "\\(", "\\[", "\\frac", "$$", "{prf:ref}", "{numref}", "{ref}"):
            assert wrong not in text
        for wrong in ("Show code cell", "Show the code", "Click to show"):  # nothing to press on paper
            assert wrong not in text


def read(page):
    """What a page says, and how many points above its foot each line is, but for those in the margins."""
    heights = []

    def line(text, matrix, of_text, *_):
        if text.strip():
            heights.append(of_text[4] * matrix[1] + of_text[5] * matrix[3] + matrix[5])

    text = page.extract_text(visitor_text=line)
    return text, [height - BOTTOM for height in heights if BOTTOM < height < BOTTOM + FULL]


def test_no_page_is_left_a_third_empty_before_a_figure(pages, soup, where):
    heights = [heights for _, heights in pages]
    begins = {where[one["id"]] for one in soup.select("article")}  # on a page of its own
    empty = {
        at: round(min(before))
        for at, (before, after) in enumerate(pairwise(heights), 1)
        if at > 1 and at + 1 not in begins
        if max(after) < FULL - PICTURE and min(before) > FULL / 3
    }
    assert empty == {}


def test_mathematics_is_made_of_letters(texts):
    formulas = [text for text in texts if re.search("[σεμ].*∑|∑.*[σεμ]", text)]
    assert len(formulas) > 5


def test_solutions_are_at_the_end_and_every_exercise_says_on_which_page(texts, soup, where):
    assert not soup.select("article:not(#page-solutions) .solution")
    solutions, links = soup.select("#page-solutions > section > .solution"), soup.select("p.solved a")
    assert [target(link) for link in links] == [solution["id"] for solution in solutions]
    assert len(solutions) >= 25
    said = re.findall(r"(Solution to Exercise \d+) on page (\d+)", " ".join(texts))
    assert [int(page) for _, page in said] == [where[target(link)] for link in links]
    for solution, (title, page) in zip(solutions, said, strict=True):
        assert solution.get_text().strip().startswith(title)
        assert title in texts[int(page) - 1]


def test_explorers_stand_still_and_say_for_what(texts, soup):
    explorers = soup.select("figure.explorer")
    assert explorers
    assert all(one.img["src"] for one in explorers)
    assert " ".join(texts).count("Shown for") == len(explorers)
