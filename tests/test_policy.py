"""The pages' content-security policy: every page keeps it, all that a page can do works under it, and what
somebody smuggles into a page is not run."""

import pytest

from book import policy
from tests.conftest import HTML
from tests.test_pages import EXPLORERS, EXTRA, PAGES, Player, Visit

# Counts what the browser refuses, from before the first script of the page. (A script of the test itself.)
WATCH = """window.refused = [];
addEventListener("securitypolicyviolation", event => refused.push(
  `${event.violatedDirective}: ${event.blockedURI} ${event.sample}`), true);"""


class Watched(Visit):
    """A page under its policy, and what the browser refused."""

    def __init__(self, browser, site, name, **context):
        super().__init__(Watching(browser), site, name, **context)

    def refused(self):
        return self.page.evaluate("refused")


class Watching:
    """A browser whose contexts watch from the start."""

    def __init__(self, browser):
        self.browser = browser

    def new_context(self, **options):
        context = self.browser.new_context(**options)
        context.add_init_script(WATCH)
        return context


def test_a_policy_names_the_hash_of_every_script_and_of_no_data():
    page = (
        '<head><title>x</title></head><script>one</script><script type="module">one</script>'
        '<script src="a.js"></script><script type="application/json">{"a": 1}</script>'
        '<button title="b" onclick="window.print()" class="c">'
    )
    made = policy.stated(page)
    # From `printf %s one | openssl dgst -sha256 -binary | base64`
    assert (
        policy.policy(page).split("; ")[1]
        == "script-src 'self' 'sha256-dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0='"
    )
    assert made.index("Content-Security-Policy") < made.index("<title>")
    assert policy.stated(made) == made
    assert '<button title="b" data-calls="print" class="c">' in made


def test_every_page_states_the_policy_of_its_scripts_as_they_are(site):
    # That it is kept, the silence of `test_pages.py` says: what a browser refuses, it complains about.
    for name in PAGES + EXTRA:
        text = (HTML / f"{name}.html").read_text(encoding="utf-8")
        assert len(policy.META.findall(text)) == 1, name
        assert policy.stated(text) == text, name
        assert text.index("Content-Security-Policy") < text.index("<script"), name


SMUGGLED = """() => {
  window.ran = [];
  const box = document.body.appendChild(document.createElement("div"));
  box.innerHTML = `<img src="data:," onerror="ran.push('handler')">`;
  box.appendChild(document.createElement("script")).textContent = "ran.push('script')";
  box.appendChild(document.createElement("script")).src = "data:text/javascript,ran.push('file')";
  box.appendChild(document.createElement("a")).href = "javascript:ran.push('address')";
  box.lastChild.click();
}"""


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_smuggled_into_a_page_is_run_without_the_policy_only(browser, site, kept):
    with Watched(browser, site, "chapters/01_setup", bypass_csp=not kept) as visit:
        visit.page.evaluate(SMUGGLED)
        visit.page.wait_for_timeout(300)
        ran = [] if kept else ["address", "file", "handler", "script"]
        assert sorted(visit.page.evaluate("ran")) == ran
        assert len(visit.refused()) == 4 - len(ran)
        assert len(visit.console) == len(visit.refused())  # which is what the test of silence goes by


def test_the_buttons_and_the_search_work_under_the_policy(browser, site):
    with Watched(
        browser, site, "chapters/01_setup", permissions=["clipboard-read", "clipboard-write"]
    ) as visit:
        page = visit.page
        themes = set()
        for _ in range(3):  # automatic, light, dark
            page.locator("button.theme-switch-button:visible").first.click()
            themes.add(page.locator("html").get_attribute("data-theme"))
        assert themes == {"light", "dark"}
        cell = page.locator("div.cell_input .highlight").first
        cell.hover()
        cell.locator("button.copybtn").click()
        page.locator("button.copybtn.success").first.wait_for(timeout=5_000)
        page.evaluate("window.print = () => { window.printed = true }")
        page.locator("button[data-calls=print]").evaluate("button => button.click()")
        assert page.evaluate("window.printed")
        page.locator("button[data-calls=toggleFullScreen]:visible").first.click()
        assert page.evaluate("Boolean(document.fullscreenElement)")
        assert page.locator("mjx-container svg").count() > 50
        assert visit.refused() == []
    with Watched(browser, site, "search") as visit:
        visit.page.locator("input[name=q]:visible").first.fill("alignment")
        visit.page.keyboard.press("Enter")
        visit.page.locator("#search-results li").first.wait_for(timeout=15_000)
        assert visit.refused() == []


def test_an_explorer_moves_under_the_policy(browser, site):
    name, explorer = EXPLORERS[0]
    with Watched(browser, site, name, reduced_motion="reduce") as visit:
        player = Player(visit, explorer)
        first = player.values()
        player.lead.focus()
        visit.page.keyboard.press("End")
        assert player.shows(len(player.data["values"][0]) - 1, *first[1:])
        assert visit.refused() == []


def test_a_page_opened_from_a_folder_keeps_its_policy(browser, site):
    with Watched(browser, HTML.as_uri(), "chapters/01_setup") as visit:
        assert visit.refused() == []
        assert visit.page.evaluate("typeof toggleFullScreen") == "function"  # a script of the theme has run
