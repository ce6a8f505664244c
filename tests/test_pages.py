"""The built pages, opened as a reader opens them: no network, wide and on a phone."""

import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin

import pytest
import yaml

from tests.conftest import HTML, ROOT

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
EXTRA = ["search", "genindex"]


def notebook_text(name):
    path = ROOT / f"{name}.ipynb"
    return path.read_text() if path.exists() else ""


WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


class Visit:
    """A page opened in a browser, with everything it complained about and asked for."""

    def __init__(self, browser, site, name, viewport=WIDE, **context):
        self.context = browser.new_context(viewport=viewport, **context)
        self.page = self.context.new_page()
        self.console, self.failed, self.outside = [], [], []
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("requestfailed", lambda request: self.failed.append(request.url))
        self.page.on("response", self.check)
        self.page.on("request", lambda request: self.note(request.url, site))
        self.page.goto(f"{site}/{name}.html", wait_until="load")
        self.page.wait_for_load_state("networkidle")

    def hear(self, message):
        if message.type in ("error", "warning"):
            self.console.append(message.text)

    def check(self, response):
        if response.status >= 400:
            self.failed.append(response.url)

    def note(self, url, site):
        if not url.startswith((site, "data:", "blob:")):
            self.outside.append(url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.parametrize("name", PAGES + EXTRA)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_loads_in_silence_and_asks_nothing_of_the_network(browser, site, name, scheme):
    with Visit(browser, site, name, color_scheme=scheme) as visit:
        assert visit.console == []
        assert visit.failed == []
        assert visit.outside == []


def test_the_address_of_the_book_leads_to_its_landing_page(browser, site):
    page = browser.new_page()
    page.goto(site)
    page.wait_for_url(f"{site}/{TOC['root']}.html")
    assert page.locator("h1").first.inner_text().startswith("Early alignment")
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_mathematics_is_typeset_without_an_error(browser, site, name):
    with Visit(browser, site, name) as visit:
        count = visit.page.locator
        assert count("mjx-container").count() == count(".math").count()
        assert count("[data-mjx-error]").count() == 0
        assert count("mjx-merror").count() == 0
        if name.endswith("01_setup"):
            assert count("mjx-container").count() > 50


@pytest.mark.parametrize("name", PAGES + EXTRA)
def test_nothing_scrolls_sideways_on_a_phone(browser, site, name):
    with Visit(browser, site, name, PHONE) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_has_a_sentence_for_those_who_do_not_see_it(browser, site, name):
    with Visit(browser, site, name) as visit:
        figures = visit.page.locator("article img").evaluate_all("all => all.map(one => one.alt)")
    for alt in figures:
        assert "_images/" not in alt  # what Sphinx writes when there is none
        assert len(alt.split()) >= 8
        assert alt.rstrip().endswith(".")
    if name in (TOC["root"], "chapters/01_setup"):
        assert figures


def test_a_folded_solution_opens(browser, site):
    with Visit(browser, site, "chapters/01_setup") as visit:
        solution = visit.page.locator(".solution").first
        inside = solution.locator("p:not(.admonition-title)").first
        assert not inside.is_visible()
        solution.locator("button").first.click()
        inside.wait_for(state="visible", timeout=5_000)


def test_the_ledger_shows_every_listed_claim_and_leads_to_its_cell(browser, site):
    listed = yaml.safe_load((ROOT / "chapters" / "claims.yml").read_text())
    targets = [f"{chapter}.html#claim-{key}" for chapter, keys in listed.items() for key in keys]
    with Visit(browser, site, "chapters/ledger") as visit:
        links = visit.page.locator(".claim-ledger a")
        assert links.evaluate_all("all => all.map(one => one.getAttribute('href'))") == targets
        links.last.click()
        chapter, anchor = targets[-1].split(".html#")
        visit.page.wait_for_url(f"**/{chapter}.html*")
        assert visit.page.locator(f"#{anchor}").is_visible()


class Links(HTMLParser):
    """The addresses a page points to, and the anchors it offers."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.addresses += [attributes[a] for a in ("href", "src") if attributes.get(a)]
        self.anchors |= {attributes[a] for a in ("id", "name") if attributes.get(a)}


def test_internal_links_lead_somewhere(site):
    # _static holds templates of the theme, which are not pages.
    paths = [path for path in HTML.rglob("*.html") if "_static" not in path.parts]
    pages = {path.relative_to(HTML).as_posix(): Links(path.read_text()) for path in paths}
    broken = []
    for name, page in pages.items():
        for address in page.addresses:
            if address.split(":")[0] in ("http", "https", "mailto", "data", "javascript"):
                continue
            target, anchor = urldefrag(urljoin(name, unquote(address)))
            target = target.partition("?")[0] or name
            if not (HTML / target).exists() or (
                anchor and target in pages and anchor not in pages[target].anchors
            ):
                broken.append(f"{name} -> {address}")
    assert len(pages) >= len(PAGES)
    assert broken == []


EXPLORERS = [
    (name, explorer)
    for name in PAGES
    for explorer in re.findall(r'id=\\"explorer-([\w-]+)', notebook_text(name))
]


@pytest.mark.parametrize(("name", "explorer"), EXPLORERS)
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_an_explorer_moves_by_mouse_keyboard_and_button(browser, site, name, explorer, viewport):
    with Visit(browser, site, name, viewport) as visit:
        box = visit.page.locator(f"#explorer-{explorer}")
        image, slider = box.locator("img"), box.locator("input").first
        data = json.loads(box.locator('script[type="application/json"]').inner_text())
        assert image.get_attribute("src") == data["frames"][0]
        slider.focus()
        visit.page.keyboard.press("End")
        last = int(slider.get_attribute("max"))
        step = len(data["frames"]) // (last + 1)
        assert image.get_attribute("src") == data["frames"][last * step]
        assert image.get_attribute("alt") == data["words"][last * step]
        assert slider.get_attribute("aria-valuetext") == data["values"][0][-1]
        box.get_by_role("button").click()  # from the end it plays from the start
        assert slider.input_value() != str(last)
        visit.page.wait_for_function(
            "box => box.querySelector('input').value > 1", arg=box.element_handle()
        )
        box.get_by_role("button", name="Pause").click()
        stopped = slider.input_value()
        visit.page.wait_for_timeout(400)  # more than two frames
        assert slider.input_value() == stopped
        assert image.evaluate("image => image.naturalWidth") > 300
        assert image.bounding_box()["width"] <= viewport["width"]
