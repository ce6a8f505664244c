"""The built pages, opened as a reader opens them: no network, wide and on a phone."""

import json
import re
from functools import partial
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin

import pytest
import yaml

import alignlib as al
from book import ledger, light
from tests.conftest import HTML, ROOT, executed
from tests.test_form import STORIES

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
CHAPTERS = [chapter for part in TOC["parts"] for chapter in part["chapters"]]
BOUND = [page for chapter in CHAPTERS for page in (chapter, *chapter.get("sections", ()))]
PAGES = [TOC["root"], *(page["file"] for page in BOUND)]
EXTRA = ["search", "genindex"]


def notebook_text(name):
    path = ROOT / f"{name}.ipynb"
    return path.read_text() if path.exists() else ""


WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


class Visit:
    """A page opened in a browser, with everything it complained about and asked for."""

    def __init__(self, browser, site, name, viewport=WIDE, **context):
        self.name = name
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


@pytest.fixture(scope="module")
def opened(browser, site, request):
    """A page on a wide screen, opened once for the tests that only look at it."""
    with Visit(browser, site, request.param) as visit:
        yield visit


@pytest.fixture(scope="module")
def held(browser, site, request):
    """A page on a phone in the dark, opened once for the tests that only look at it."""
    with Visit(browser, site, request.param, PHONE, color_scheme="dark") as visit:
        yield visit


on_pages = partial(pytest.mark.parametrize, indirect=True)


def asked_for_nothing_in_silence(visit):
    assert visit.console == []
    assert visit.failed == []
    assert visit.outside == []


@on_pages("opened", PAGES + EXTRA)
def test_a_page_loads_in_silence_and_asks_nothing_of_the_network(opened):
    asked_for_nothing_in_silence(opened)


@on_pages("held", PAGES + EXTRA)
def test_so_it_does_in_the_dark(held):
    asked_for_nothing_in_silence(held)


def test_the_address_of_the_book_leads_to_its_landing_page(browser, site):
    page = browser.new_page()
    page.goto(site)
    page.wait_for_url(f"{site}/{TOC['root']}.html")
    assert page.locator("h1").first.inner_text().startswith("Early alignment")
    page.close()


@on_pages("opened", PAGES)
def test_mathematics_is_typeset_without_an_error(opened):
    count = opened.page.locator
    assert count("mjx-container").count() == count(".math").count()
    assert count("[data-mjx-error]").count() == 0
    assert count("mjx-merror").count() == 0
    if opened.name.endswith("01_setup"):
        assert count("mjx-container").count() > 50


@on_pages("held", PAGES + EXTRA)
def test_nothing_scrolls_sideways_on_a_phone(held):
    assert held.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@on_pages("opened", PAGES)
def test_every_figure_has_a_sentence_for_those_who_do_not_see_it(opened):
    figures = opened.page.locator("article img").evaluate_all("all => all.map(one => one.alt)")
    for alt in figures:
        assert "_images/" not in alt  # what Sphinx writes when there is none
        assert len(alt.split()) >= 8
        assert alt.rstrip().endswith(".")
    if opened.name in (TOC["root"], "chapters/01_setup"):
        assert figures


LEAST_LETTERS = 9  # pixels of a telephone: what one reads without a glass


def letters(name):
    """The size in points of the smallest letters of each picture on a page, as its kernel noted it."""
    cells = executed(ROOT / f"{name}.ipynb").cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return [one.metadata["letters"] for one in outputs if "image/png" in one.get("data", {})]


@on_pages("held", [name for name in PAGES if "image/png" in notebook_text(name)])
def test_a_phone_shows_the_letters_of_figures(held):
    pictures = held.page.locator("article div.cell_output img:not(.explorer img, .live img)")
    scales = pictures.evaluate_all("all => all.map(one => one.clientWidth / one.getAttribute('width'))")
    points = al.plots.STYLE["figure.dpi"] * light.SHOWN / 72  # pixels of the page before it is made smaller
    sizes = [size * points * scale for size, scale in zip(letters(held.name), scales, strict=True) if size]
    assert min(sizes) >= LEAST_LETTERS, [round(size, 1) for size in sizes]


@on_pages("opened", [f"chapters/{path.stem}" for path in STORIES])
def test_a_story_is_no_taller_than_one_sitting(opened):
    assert opened.page.locator("article.bd-article").evaluate("article => article.scrollHeight") <= 16_000


def test_the_book_is_small(site):
    sizes = {path: path.stat().st_size for path in HTML.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 60e6
    assert max(size for path, size in sizes.items() if path.suffix == ".html") < 4e6


def test_a_folded_solution_opens(browser, site):
    with Visit(browser, site, "chapters/01_fine_print") as visit:
        solution = visit.page.locator(".solution").first
        inside = solution.locator("p:not(.admonition-title)").first
        assert not inside.is_visible()
        solution.locator("button").first.click()
        inside.wait_for(state="visible", timeout=5_000)


def test_the_ledger_shows_every_listed_claim_and_leads_to_its_cell(browser, site):
    listed = ledger.read(ROOT / "chapters" / "claims.yml")
    targets = [f"{chapter}.html#claim-{key}" for chapter, keys in listed.items() for key in keys]
    with Visit(browser, site, "chapters/ledger") as visit:
        links = visit.page.locator(".claim-ledger td a[href*='#claim-']")
        assert links.evaluate_all("all => all.map(one => one.getAttribute('href'))") == targets
        proofs = [label for claims in listed.values() for label in claims.values() if label]
        others = visit.page.locator(".claim-ledger td a:not([href*='#claim-'])")
        led = others.evaluate_all("all => all.map(one => one.getAttribute('href'))")
        assert [address.partition("#")[2] for address in led] == proofs
        links.last.click()
        chapter, anchor = targets[-1].split(".html#")
        visit.page.wait_for_url(f"**/{chapter}.html*")
        claim = visit.page.locator(f"#{anchor}")
        assert claim.is_visible()


def test_the_verdicts_of_the_ledger_are_seen_on_a_phone(browser, site):
    with Visit(browser, site, "chapters/ledger", PHONE) as visit:
        edges = visit.page.locator(".claim-ledger td:last-child").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().right)"
        )
        assert len(edges) > 50
        assert max(edges) <= PHONE["width"]


@on_pages("opened", PAGES)
def test_code_fits_beside_the_contents(opened):
    opened.page.set_viewport_size({"width": 1200, "height": 900})
    opened.page.wait_for_function("innerWidth === 1200")
    wide = opened.page.locator("div.cell_input pre").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
    )
    opened.page.set_viewport_size(WIDE)
    assert wide == []


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


class Player:
    """An explorer on an open page, and what it ought to show."""

    def __init__(self, visit, explorer):
        self.page = visit.page
        self.box = visit.page.locator(f"#explorer-{explorer}")
        self.image, self.sliders = self.box.locator("img"), self.box.locator("input")
        self.lead, self.button = self.sliders.first, self.box.get_by_role("button")
        self.data = json.loads(self.box.locator('script[type="application/json"]').inner_text())

    def values(self):
        return [int(value) for value in self.sliders.evaluate_all("all => all.map(one => one.value)")]

    def shows(self, *values):
        """Whether the picture, its words and what is said of the sliders are those of these values."""
        at, said = 0, []
        for value, shown in zip(values, self.data["values"], strict=True):
            at, said = at * len(shown) + value, [*said, shown[value]]
        spoken = self.sliders.evaluate_all("all => all.map(one => one.getAttribute('aria-valuetext'))")
        written = self.box.locator("input + span").all_inner_texts()
        picture = [self.image.get_attribute("src"), self.image.get_attribute("alt")]
        return (picture, spoken, written) == ([self.data["frames"][at], self.data["words"][at]], said, said)


@pytest.mark.parametrize(("name", "explorer"), EXPLORERS)
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_an_explorer_moves_by_keyboard_button_mouse_and_touch(browser, site, name, explorer, viewport):
    calm = {"reduced_motion": "reduce", "has_touch": viewport is PHONE}
    with Visit(browser, site, name, viewport, **calm) as visit:
        player = Player(visit, explorer)
        first = player.values()
        rest = first[1:]
        last = len(player.data["values"][0]) - 1
        assert player.shows(*first)
        assert player.image.evaluate("image => image.naturalWidth") > 300
        assert player.image.bounding_box()["width"] <= viewport["width"]

        player.lead.focus()
        visit.page.keyboard.press("Home")
        visit.page.keyboard.press("End")
        assert player.shows(last, *rest)
        words = player.image.get_attribute("alt")
        player.box.get_by_role("status").filter(has_text=words).wait_for(state="attached")

        player.button.click()  # from the end it plays from the start
        visit.page.wait_for_function("one => one.value > 0", arg=player.lead.element_handle())
        player.box.get_by_role("button", name="Pause").click()
        stopped = player.values()
        assert stopped[0] < last
        visit.page.wait_for_timeout(400)  # more than two frames
        assert player.shows(*stopped)

        player.lead.focus()
        visit.page.keyboard.press("Home")
        (drag_by_finger if viewport is PHONE else drag_by_mouse)(player)
        assert player.shows(round(last / 2), *rest) or player.shows(last // 2, *rest)
        assert visit.console == []


def drag_by_mouse(player):
    """From the left third of the picture sideways by half its width: half the way of the slider."""
    player.image.hover()
    box = player.image.bounding_box()
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    player.page.mouse.move(x, y)
    player.page.mouse.down()
    player.page.mouse.move(x + box["width"] / 2, y + 30, steps=5)
    player.page.mouse.up()
    player.page.mouse.move(x, y)  # no longer held


def drag_by_finger(player):
    player.image.scroll_into_view_if_needed()
    box = player.image.bounding_box()
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    touch = player.page.context.new_cdp_session(player.page)
    for kind, share in [("touchStart", 0), *(("touchMove", step / 10) for step in range(1, 6))]:
        point = {"x": x + share * box["width"], "y": y}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_the_landing_page_plays_once_and_not_for_those_who_want_no_motion(browser, site):
    moved = "box => box.querySelector('input').value !== box.querySelector('input').defaultValue"
    with Visit(browser, site, TOC["root"]) as visit:
        box = visit.page.locator(".explorer[data-plays]")
        visit.page.wait_for_function(moved, arg=box.element_handle())
        box.get_by_role("button", name="Pause").click()
        visit.page.emulate_media(media="print")
        visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")  # as the browser does
        assert not box.evaluate(moved)
    with Visit(browser, site, TOC["root"], reduced_motion="reduce") as visit:
        visit.page.wait_for_timeout(700)
        box = visit.page.locator(".explorer[data-plays]")
        assert box.get_by_role("button").inner_text() == "Play"
        assert not box.evaluate(moved)
