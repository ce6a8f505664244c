"""What a page is to those who do not see it: axe-core on every page, and the text that they are told.

axe-core looks wide and on a phone, in the light and the dark, and finds nothing but what is listed here. It
does not notice text that is on the page and not in the accessibility tree: that is compared.
"""

from collections import Counter
from unicodedata import normalize

import pytest

from tests.conftest import node_module
from tests.test_pages import EXTRA, PAGES, PHONE, WIDE, Visit, on_pages

# What axe-core reports although it is right: the rule, the elements, the pages, and why.
FORMULAS = (
    "01_fine_print",
    "02_early_alignment",
    "03_convergence_time",
    "03_fine_print",
    "04_fine_print",
    "04_low_rank_fitting",
    "05_fine_print",
    "05_non_convergence",
    "07_fine_print",
    "solver",
)
KNOWN = {
    # The heading is a formula, and axe-core does not read the MathML that names it.
    "empty-table-header": ("th:has(math)", [f"chapters/{name}" for name in FORMULAS]),
}
# The pieces of text that are shown, folded ones left out.
SHOWN = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), shown = [];
  for (let text; (text = walk.nextNode());) {
    const box = text.parentElement;
    if (box.closest("script, style") || !box.checkVisibility({visibilityProperty: true})) continue;
    shown.push(text.data);
  }
  return shown;
}"""


def pieces(texts):
    """How often each piece occurs; mathematical letters, capitals and spaces make no difference."""
    plain = ("".join(normalize("NFKC", text).lower().split()) for text in texts)
    return Counter(filter(None, plain))


def unsaid(page):
    """What the page shows and its accessibility tree does not hold."""
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    said = [node["name"]["value"] for node in tree if node.get("role", {}).get("value") == "StaticText"]
    return pieces(page.evaluate(SHOWN)) - pieces(said)


@pytest.fixture(scope="module")
def opened(browser, site, request):
    """A page without motion, so that no colour is caught half-way, or policy, which refuses axe-core."""
    with Visit(browser, site, request.param, reduced_motion="reduce", bypass_csp=True) as visit:
        yield visit


@on_pages("opened", PAGES + EXTRA)
def test_all_that_is_shown_is_also_said(opened):
    assert not unsaid(opened.page)
    assert sum(pieces(opened.page.evaluate(SHOWN)).values()) > 20


def test_what_is_shown_and_not_said_is_noticed(browser):
    page = browser.new_page()
    page.set_content("<p>Here</p><p hidden>folded</p><p aria-hidden='true'>for eyes only</p>")
    assert unsaid(page) == {"foreyesonly": 1}
    page.close()


COLOURS = ["color-contrast", "link-in-text-block"]
# Axe-core's rules or these of them, best practices among them, and whether each element is a known one.
RUN = """async ([known, rules]) => (await axe.run(document, {
    elementRef: true, resultTypes: ["violations"], ...(rules && {runOnly: rules}),
  }))
  .violations.flatMap(rule => rule.nodes.map(found => ({
    rule: rule.id,
    known: rule.id in known && found.element.matches(known[rule.id][0]),
    where: found.target.join(" "),
    why: found.failureSummary,
  })))"""


# All elements, and whether each is shown.
THERE = """() => [...document.querySelectorAll("*")]
  .map(one => `${one.tagName} ${one.checkVisibility({visibilityProperty: true})}`)"""


@on_pages("opened", PAGES + EXTRA)
def test_axe_finds_what_is_known_and_no_more(opened):
    """In the dark the rules of colours: all others see what they saw in the light."""
    known = {rule for rule, (_, pages) in KNOWN.items() if opened.name in pages}
    page = opened.page
    page.add_script_tag(path=node_module("axe-core/axe.min.js"))
    for viewport in (WIDE, PHONE):
        page.set_viewport_size(viewport)
        page.wait_for_timeout(1000)  # the theme looks at what scrolls a little later
        light(page, "light")
        found, there = page.evaluate(RUN, [KNOWN, None]), page.evaluate(THERE)
        assert [fault for fault in found if not fault["known"]] == []
        assert {fault["rule"] for fault in found} == known
        light(page, "dark")
        assert page.evaluate(THERE) == there
        assert page.evaluate(RUN, [KNOWN, COLOURS]) == []


def test_colours_are_what_these_rules_look_at(browser):
    page = browser.new_page()
    page.add_script_tag(path=node_module("axe-core/axe.min.js"))
    rules = page.evaluate("axe.getRules(['cat.color']).map(rule => rule.ruleId)")
    assert sorted({*rules} - {"color-contrast-enhanced"}) == COLOURS  # that one is beyond AA, and off
    page.close()


def light(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
