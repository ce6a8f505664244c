"""Pictures that compute in the page, opened and moved as a reader does, and compared with the library."""

import contextlib
import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

import alignlib as al
from alignlib import live, widgets
from tests.test_pages import LEAST_LETTERS, PAGES, PHONE, WIDE, Visit, notebook_text

PICTURES = [
    (name, picture)
    for name in PAGES
    for picture in re.findall(r'class=\\"live\\" id=\\"live-([\w-]+)', notebook_text(name))
]
LANDING = PAGES[0]


class Picture:
    """A live picture on an open page."""

    def __init__(self, visit, name):
        self.page, self.box = visit.page, visit.page.locator(f"#live-{name}")
        self.box.scroll_into_view_if_needed()
        self.wait()

    def wait(self):
        self.page.wait_for_function("box => box.picture.ready", arg=self.box.element_handle())

    @property
    def state(self):
        self.wait()
        return self.box.evaluate("box => box.picture.state")

    @property
    def verdict(self):
        self.wait()
        return self.box.locator(".live-verdict").inner_text()

    def knob(self, at=0):
        return self.box.locator(".live-knob").nth(at)

    def centre(self, knob):
        box = knob.locator("circle").first.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, knob, dx, dy, touch=False):
        knob.scroll_into_view_if_needed()
        x, y = self.centre(knob)
        places = [(x + dx * step / 8, y + dy * step / 8) for step in range(9)]
        if not touch:
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            for place in places:
                self.page.mouse.move(*place)
            self.page.mouse.up()
            self.page.mouse.move(x + 7, y + 7)  # no longer held
        else:
            finger = self.page.context.new_cdp_session(self.page)
            kinds = ["touchStart", *["touchMove"] * 8]
            for kind, (a, b) in zip(kinds, places):
                points = [{"x": a, "y": b}]
                finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def python(self):
        """What the lines that the picture shows print."""
        code = self.box.locator(".live-code").text_content()
        said, self.names = io.StringIO(), {}
        with contextlib.redirect_stdout(said):
            exec(code, self.names)
        return said.getvalue()


def test_the_engine_is_small_and_fetched_only_where_it_is_needed(browser, site):
    assert len((live.FOLDER / "flow.js").read_bytes()) < 60_000
    for name in (LANDING, "chapters/notation"):
        with Visit(browser, site, name) as visit:
            fetched = visit.page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
            assert any("live.js" in one for one in fetched) == (name == LANDING)


@pytest.mark.parametrize(("name", "picture"), PICTURES)
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_picture_moves_by_mouse_touch_and_keyboard(browser, site, name, picture, viewport):
    with Visit(browser, site, name, viewport, has_touch=viewport is PHONE) as visit:
        shown = Picture(visit, picture)
        assert not shown.box.locator("img").is_visible()
        assert shown.box.bounding_box()["width"] <= viewport["width"]
        first = shown.state
        shown.drag(shown.knob(1), 30, 25, touch=viewport is PHONE)
        moved = shown.state
        assert moved != first
        shown.knob(1).focus()
        visit.page.keyboard.press("ArrowDown")
        assert shown.state not in (first, moved)
        said = shown.verdict
        shown.box.get_by_role("status").filter(has_text=said).wait_for(state="attached")
        shown.box.get_by_role("button", name="Reset").click()
        assert shown.state == first
        assert visit.console == []


@pytest.mark.parametrize(("name", "picture"), PICTURES)
def test_a_link_reproduces_the_picture(browser, site, name, picture):
    with Visit(browser, site, name) as visit:
        shown = Picture(visit, picture)
        shown.drag(shown.knob(1), 40, 30)
        state, said = shown.state, shown.verdict
        visit.page.wait_for_function("() => location.hash.length > 1")
        address = visit.page.url
    with Visit(browser, site, name) as visit:
        visit.page.goto("about:blank")
        visit.page.goto(address)
        again = Picture(visit, picture)
        assert (again.state, again.verdict) == (state, said)


@pytest.mark.parametrize(("name", "picture"), PICTURES)
def test_a_still_stands_without_scripts_and_in_print(browser, site, name, picture):
    with Visit(browser, site, name, java_script_enabled=False) as visit:
        assert visit.page.locator(f"#live-{picture} img").is_visible()
        assert visit.page.locator(f"#live-{picture} figcaption").is_visible()
    with Visit(browser, site, name) as visit:
        visit.page.emulate_media(media="print")
        assert visit.page.locator(f"#live-{picture} img").is_visible()
        assert not visit.page.locator(f"#live-{picture} .live-stage").is_visible()


# How many pixels high each piece of text is, under what the page makes of the picture.
LETTERS = """svg => [...svg.querySelectorAll("text")].map(text =>
  text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize))"""


@pytest.mark.parametrize(("name", "picture"), PICTURES)
def test_a_phone_shows_the_letters(browser, site, name, picture):
    with Visit(browser, site, name, PHONE) as visit:
        panes = Picture(visit, picture).box.locator(".live-pane").all()
        sizes = [size for pane in panes for size in pane.evaluate(LETTERS)]
    assert min(sizes) >= LEAST_LETTERS, sorted(sizes)[:5]


@pytest.mark.parametrize(
    "link",
    [
        "",
        "-0.75,1.1,2,-0.6,0.125,0.8;-4;40;balanced;1;60",
        "-0.75,1.1,-0.5,0.1,0.125,0.8;-1;100;balanced;2;60",
        "-1,1,0,0.2,1,1;-6;40;dominated;3;60",
        # Once the fit is done, rounding must not send sliding neurons back and forth.
        "-0.75,1.1,1.2,-0.4,0.125,0.8;-4;100;balanced;1;40",
    ],
    ids=["stuck", "far", "large", "assumption", "faded"],
)
def test_the_three_points_end_as_the_library_says(browser, site, link):
    with Visit(browser, site, LANDING) as visit:
        if link:
            visit.page.goto(f"{site}/{LANDING}.html#three-points={link}")
            visit.page.reload()
        shown = Picture(visit, "three-points")
        printed, said = shown.python(), shown.verdict
        loss = float(re.search(r"loss \S+ to ([\d.e-]+),", printed)[1])
        proved = printed.splitlines()[-1] == "True"
        assert said.startswith("Stuck for ever") == proved
        # The library's repr has three digits; the page follows the flow with rtol 1e-5.
        page = float(shown.box.get_attribute("data-loss"))
        assert page == pytest.approx(loss, rel=0.01, abs=1e-5)


def same_ends(shown, said):
    """The extremal vectors of the page, rate and share, are those that the shown lines print."""
    found = re.findall(r"rate=([\d.e+-]+), share=([\d.e+-]+)\)", said)
    ends = json.loads(shown.box.get_attribute("data-ends"))
    assert len(ends) > 0
    here = sorted((float(rate), float(share)) for rate, share in found if float(rate) != 0)
    # The repr has three digits.
    there = sorted((rate, share) for _, rate, share in ends)
    assert np.ravel(there) == pytest.approx(np.ravel(here), rel=1e-2)


@pytest.mark.parametrize(
    "link",
    ["", "-0.5,0.8,1,0,-1,-1,0.6,0.8,-1;120;1;30", "-0.9,0.3,1,0.2,-1,-1,0.6,0.8,1,0.7,-0.4,-1;20;-1;60"],
)
def test_the_circle_has_the_ends_that_the_library_finds(browser, site, link):
    page = "chapters/02_early_alignment"
    with Visit(browser, site, page) as visit:
        if link:
            visit.page.goto(f"{site}/{page}.html#circle={link}")
            visit.page.reload()
        shown = Picture(visit, "circle")
        same_ends(shown, shown.python())


@pytest.fixture
def alone(browser):
    """A function that opens a picture on a page of its own, which has nothing but its figure."""
    with contextlib.closing(browser.new_page()) as page:
        page.console = []
        page.on("pageerror", lambda error: page.console.append(str(error)))

        def opened(name):
            page.set_content(
                f'<style>{live.style()}</style><figure class="live" id="live-{name}"><img alt="">'
                f"<figcaption>What it is</figcaption></figure><script>{live.script()}</script>"
            )
            return Picture(SimpleNamespace(page=page), name)

        yield opened


@pytest.mark.parametrize("name", live.PICTURES)
def test_a_picture_lives_on_any_page(alone, name):
    shown = alone(name)
    shown.wait()
    assert shown.verdict
    assert shown.page.console == []


def in_words(mu, violating, leaning, n):
    """How the verdict begins when the shown lines print these three numbers."""
    pairs, leans = n * (n - 1) // 2, round(n * leaning)
    holds = "holds" if mu > 0 else f"fails in {round(pairs * violating)} of {pairs} pairs"
    lean = f"{leans} of {n} samples {'leans' if leans == 1 else 'lean'} away from a class sum."
    words = f"Assumption 1 {holds} (μ = {mu:.2f}). {lean if leans else 'The class sums hold.'}"
    return words.replace("-", "−")


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("added", "moves"),
    [(0, []), (0, [(1, -60, 90)]), (3, [(0, -150, 60), (4, 200, 20), (1, 60, -90)])],
    ids=["as it is", "dragged", "six"],
)
def test_the_threshold_picture_says_what_the_library_says(alone, added, moves, sign):
    shown = alone("threshold")
    for _ in range(added):
        shown.box.get_by_role("button", name="Add a sample").click()
    for knob, dx, dy in moves:
        shown.drag(shown.knob(knob), dx, dy)
    shown.box.get_by_label("output weight").select_option(str(sign))
    said, found = shown.python(), shown.box.evaluate("box => ({...box.dataset})")
    data, (first, second, *_) = shown.names["data"], said.splitlines()
    mu, violating, leaning = map(float, [*first.split(), second])
    assert float(found["mu"]) == pytest.approx(mu, abs=1e-12)
    assert float(found["violating"]) == pytest.approx(violating)
    assert float(found["leaning"]) == pytest.approx(leaning)
    assert shown.verdict.startswith(in_words(mu, violating, leaning, data.n))
    held = np.flatnonzero(al.theory.trap(data, sign)) + 1
    assert found["held"] == ",".join(map(str, held))
    fixed = ("".join(map(str, one.astype(int))) for one in al.theory.fixed_points(data, sign))
    assert sorted(filter(None, found["fixed"].split(","))) == sorted(fixed)
    settled = re.search(r"rounds=(\d+), cycle=(\d+)", said)
    assert (found["rounds"], found["cycle"]) == settled.groups()
    same_ends(shown, said)


def test_the_threshold_picture_speaks_of_one_class_alone(alone):
    shown = alone("threshold")
    shown.knob(2).press("Enter")
    shown.python()
    assert "class sum" not in shown.verdict


MODEL = """async code => {
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { default: widget } = await import(address), heard = {};
  const model = window.model = {
    values: { name: "circle", state: {} }, saved: 0,
    get: key => model.values[key],
    set: (key, value) => { model.values[key] = value; heard[`change:${key}`]?.(); },
    save_changes: () => { model.saved += 1; },
    on: (event, act) => { heard[event] = act; },
    off: () => {},
  };
  widget.render({ model, el: document.body });
}"""


def test_the_widget_sends_what_is_dragged_and_draws_what_is_sent(browser, site):
    """The half of `anywidget` that is ours, with a model as JupyterLab has it."""
    with Visit(browser, site, "chapters/notation", bypass_csp=True) as visit:  # JupyterLab has none
        visit.page.evaluate("document.body.replaceChildren()")
        visit.page.evaluate(MODEL, live.module())
        shown = Picture(visit, "circle")
        sent = "model.values.state.points[1]"
        assert visit.page.evaluate(sent) == [0, -1, -1]
        shown.drag(shown.knob(1), 40, -20)
        assert visit.page.evaluate(sent) == shown.state["points"][1] != [0, -1, -1]
        points = [[1, 0, 1], [0, 1, -1]]
        visit.page.evaluate("points => model.set('state', {...model.values.state, points})", points)
        assert shown.state["points"] == points
        assert visit.page.evaluate("location.hash") == ""  # the address is JupyterLab's
        assert visit.console == []


def test_what_was_dragged_is_a_data_set():
    three = widgets._dragged("three-points", [[-1, 2], [0, 3], [1, 4]])
    assert (three.x == [[-1, 1], [0, 1], [1, 1]]).all()
    assert (three.y == [2, 3, 4]).all()
    plane = widgets._dragged("circle", [[1, 0, 1], [0, 1, -1]])
    assert (plane.x == [[1, 0], [0, 1]]).all()
    assert (plane.y == [1, -1]).all()


# A frame of a sixtieth of a second leaves 9 ms for training (`wake` in pictures.js); a step of 100 neurons
# takes some 40 μs of a desktop's processor. With as many steps, every frame has a curve of its own.
STEPS = 225


def test_a_curve_of_100_neurons_is_made_within_a_frame(alone):
    shown = alone("three-points")
    shown.box.get_by_label("neurons", exact=True).select_option("100")
    steps = []
    for at in np.linspace(0, 2 * np.pi, 12, endpoint=False):  # stuck places and others
        point = [-0.5 + 0.8 * np.sin(at), 0.1 + 0.6 * np.sin(2 * at)]
        shown.box.evaluate("(box, point) => box.picture.move(1, ...point)", point)
        shown.wait()
        steps.append(int(shown.box.get_attribute("data-steps")))
    assert np.median(steps) <= STEPS, steps


def test_a_run_that_rests_early_is_shown_to_the_last_time(alone):
    shown = alone("three-points")
    shown.wait()
    t, nets = shown.box.evaluate("box => [box.picture.found.t, box.picture.found.nets.length]")
    assert (t[-1], len(t)) == (200, nets)
    assert np.all(np.diff(t) > 0)
