"""The PDF of the whole book, printed by the browser and read again."""

import re

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from book import pdf

PAGES = list(pdf.contents())


@pytest.fixture(scope="session")
def paper(site, browser):
    pdf.make(browser)
    return PdfReader(pdf.PDF)


@pytest.fixture(scope="session")
def texts(paper):
    return [page.extract_text() for page in paper.pages]


@pytest.fixture(scope="session")
def soup(paper):
    return BeautifulSoup(pdf.TEXT.read_text(encoding="utf-8"), "html.parser")


def outline(entries):
    """The titles of an outline, those of sections in lists of their own."""
    return [outline(one) if isinstance(one, list) else one.title for one in entries]


def test_it_has_the_size_of_a_book(paper):
    assert 80 <= len(paper.pages) <= 300
    assert pdf.PDF.stat().st_size < 30e6
    widths = {round(page.mediabox.width) for page in paper.pages}
    assert widths == {595}  # A4, in points


def test_the_outline_has_every_chapter_and_its_sections(paper, soup):
    titles = [title for title in outline(paper.outline) if isinstance(title, str)]
    assert [clean(one.get_text()) for one in soup.select("h1")] == [clean(title) for title in titles]
    assert len(titles) == len(PAGES) + 1  # and the solutions
    setup = titles.index(next(title for title in titles if title.endswith("Setup")))
    assert "Losses and pulls" in paper_sections(paper)[setup]


def paper_sections(paper):
    """The titles of the sections of each chapter."""
    chapters = []
    for entry in outline(paper.outline):
        if isinstance(entry, list):
            chapters[-1] = entry
        else:
            chapters.append([])
    return chapters


def clean(text):
    return " ".join(text.split())


def test_the_contents_say_where_each_chapter_begins(paper, texts, soup):
    where = {name.lstrip("/"): to for name, to in paper.named_destinations.items()}
    links = soup.select("nav a.page")
    assert len(links) > 60
    for link in links:
        at = paper.get_destination_page_number(where[link["href"].removeprefix("#")])
        title = clean(link.get_text())
        if not link.select("math"):
            assert title in clean(texts[at])
            contents = clean(" ".join(texts[1:5]))
            assert re.search(rf"{re.escape(title)} ?{at + 1}\b", contents), title


def test_every_link_inside_leads_somewhere(soup):
    names = {one["id"] for one in soup.select("[id]")}
    inside = [link["href"].removeprefix("#") for link in soup.select('a[href^="#"]')]
    assert len(inside) > 200
    assert set(inside) <= names
    other = [link["href"] for link in soup.select("a[href]") if not link["href"].startswith("#")]
    assert all(address.startswith(("http:", "https:", "mailto:")) for address in other)


def test_no_page_is_empty_or_shows_what_only_a_program_reads(texts):
    for text in texts:
        assert len(text) > 60
        for wrong in ("[?]", "\\(", "\\[", "\\frac", "$$", "{prf:ref}", "{numref}", "{ref}"):
            assert wrong not in text
    everything = "\n".join(texts)
    for wrong in ("Show code cell", "Click to show", "Show the code"):  # nothing to press on paper
        assert wrong not in everything


def test_mathematics_is_made_of_letters(texts):
    assert "σ" in "".join(texts)
    assert re.search(r"∑.{0,40}σ", "".join(texts), re.S)


def test_solutions_are_at_the_end_and_every_exercise_says_on_which_page(paper, texts, soup):
    solutions = soup.select("#page-solutions .solution")
    links = soup.select("p.solved a")
    assert len(solutions) == len(links) > 20
    assert not soup.select("article:not(#page-solutions) .solution")
    where = {name.lstrip("/"): to for name, to in paper.named_destinations.items()}
    at = paper.get_destination_page_number(where[links[0]["href"].removeprefix("#")])
    assert f"Solution on page {at + 1}" in "".join(texts)


def test_explorers_stand_still_and_say_so(texts, soup):
    explorers = soup.select("figure.explorer")
    assert explorers
    assert all(one.img["src"] for one in explorers)
    assert clean("".join(texts)).count("this picture moves") == len(explorers)
