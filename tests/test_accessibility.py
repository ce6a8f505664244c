"""axe-core on every page: wide and on a phone, light and dark. It finds nothing but what is listed here."""

import pytest

from tests.conftest import node_module
from tests.test_pages import EXTRA, PAGES, PHONE, WIDE, Visit

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
    "solver",
)
KNOWN = {
    # The heading is a formula, and axe-core does not read the MathML that names it.
    "empty-table-header": ("th:has(math)", [f"chapters/{name}" for name in FORMULAS]),
}
# Axe-core's rules, its best practices among them, and whether each element found is a known one.
RUN = """async known => (await axe.run(document, {elementRef: true, resultTypes: ["violations"]}))
  .violations.flatMap(rule => rule.nodes.map(found => ({
    rule: rule.id,
    known: rule.id in known && found.element.matches(known[rule.id][0]),
    where: found.target.join(" "),
    why: found.failureSummary,
  })))"""


@pytest.mark.parametrize("name", PAGES + EXTRA)
def test_axe_finds_what_is_known_and_no_more(browser, site, name):
    known = {rule for rule, (_, pages) in KNOWN.items() if name in pages}
    # Without motion, so that no colour is caught half-way; without the policy, which refuses axe-core.
    with Visit(browser, site, name, reduced_motion="reduce", bypass_csp=True) as visit:
        visit.page.add_script_tag(path=node_module("axe-core/axe.min.js"))
        for viewport in (WIDE, PHONE):
            visit.page.set_viewport_size(viewport)
            visit.page.wait_for_timeout(1000)  # the theme looks at what scrolls a little later
            for scheme in ("light", "dark"):
                visit.page.emulate_media(color_scheme=scheme)
                visit.page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
                found = visit.page.evaluate(RUN, KNOWN)
                assert [fault for fault in found if not fault["known"]] == []
                assert {fault["rule"] for fault in found} == known
