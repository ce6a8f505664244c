"""Explorers: the pictures in the page are the ones that the live widget draws."""

import base64
import io
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

import alignlib as al
from alignlib.widgets import MOST, STILL, Explorer, Live


def line(figure, slope, offset):
    figure.subplots().plot([0, 1], [offset, offset + slope])


def explorer(**changes):
    controls = {"slope": ("slope", [1.0, 2.0, 3.0]), "offset": ("offset", [0.0, 5.0])}
    fields = {
        "name": "a-line",
        "draw": line,
        "controls": controls,
        "describe": words,
        "size": (2, 1.5),
    } | changes
    return Explorer(**fields)


def words(slope, offset):
    return f"A line of slope {slope} from {offset}."


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture)))


def bytes_of(source):
    return base64.b64decode(source.removeprefix("data:image/webp;base64,"))


def data_of(html):
    return json.loads(re.search(r'application/json">(.*?)</script>', html, re.S).group(1))


def test_the_page_holds_every_picture_in_the_order_in_which_the_player_counts():
    shown = explorer()
    data = data_of(shown._repr_html_())
    assert data["values"] == [["1", "2", "3"], ["0", "5"]]
    wanted = [(slope, offset) for slope in (1.0, 2.0, 3.0) for offset in (0.0, 5.0)]
    assert data["words"] == [words(*values) for values in wanted]
    for frame, (slope, offset) in zip(data["frames"], wanted):
        assert bytes_of(frame) == shown.picture(slope=slope, offset=offset)
    assert len(set(data["frames"])) == 6


def test_the_page_begins_where_it_is_told_to():
    html = explorer(start={"offset": 5.0})._repr_html_()
    source, words_shown = re.search(r'<img src="([^"]*)" alt="([^"]*)"', html).groups()
    assert source == data_of(html)["frames"][1]
    assert words_shown == words(1.0, 5.0)
    assert re.findall(r'value="(\d)" autocomplete="off" aria-valuetext="(\d)"', html) == [
        ("0", "1"),
        ("1", "5"),
    ]
    assert "data-plays" not in html
    assert "data-plays" in explorer(plays=True)._repr_html_()


def seen_in(picture):
    return re.fullmatch(
        r'<img src="([^"]*)" alt="([^"]*)" width="240" height="180">', picture.value
    ).groups()


def test_the_live_widget_draws_the_same_picture_when_a_slider_moves():
    shown = explorer(start={"slope": 2.0}, caption="Where $x$ < 1.")
    picture, play, slope, offset, caption = shown.live().children
    assert bytes_of(seen_in(picture)[0]) == shown.picture(slope=2.0, offset=0.0)
    slope.value, offset.value = 3.0, 5.0
    source, said = seen_in(picture)
    assert bytes_of(source) == shown.picture(slope=3.0, offset=5.0)
    assert said == words(3.0, 5.0)
    assert (play.value, play.max) == (2, 2)
    play.value = 0
    assert slope.value == 1.0
    assert seen_in(picture)[1] == words(1.0, 5.0)
    assert caption.value == "Where $x$ &lt; 1."


def test_a_player_speaks_when_it_rests_and_leaves_other_players_alone(browser):
    page = browser.new_page()
    page.clock.install(time=0)
    page.clock.pause_at(1000)  # else it goes on by itself, more so where the machine is busy
    page.set_content(explorer()._repr_html_() + explorer(name="another")._repr_html_())
    mine, other = page.locator("#explorer-a-line"), page.locator("#explorer-another")
    still, alt = other.inner_html(), mine.locator("img")
    mine.get_by_role("button").click()
    for slope in (1.0, 2.0, 3.0):
        assert alt.get_attribute("alt") == words(slope, 0.0)
        page.clock.run_for(150)
    assert mine.get_by_role("button").inner_text() == "Play"
    page.clock.run_for(400)
    assert mine.get_by_role("status").inner_text() == ""
    page.clock.run_for(100)
    assert mine.get_by_role("status").inner_text() == words(3.0, 0.0)
    assert other.inner_html() == still
    page.close()


def test_where_no_script_runs_there_is_a_still_that_says_so_and_no_dead_button(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(explorer()._repr_html_())
    assert page.locator(".explorer-still").inner_text() == STILL
    assert not page.get_by_role("button").is_visible()
    context.close()
    page = browser.new_page()
    page.set_content(explorer()._repr_html_())
    assert page.locator(".explorer-still").count() == 0
    assert page.get_by_role("button").is_visible()
    page.close()


def test_a_picture_has_the_size_asked_for_and_is_not_blank():
    seen = pixels(explorer().picture(slope=1.0, offset=0.0))
    assert seen.shape[:2] == (225, 300)  # 150 dots per inch
    assert np.ptp(seen) > 127


def test_few_colours_are_enough_for_a_picture_of_lines():
    def colours(figure, slope, offset):
        al.plots.samples(al.data.toy_2d(), figure.subplots())

    figure = plt.figure(figsize=(2, 1.5), dpi=150)
    colours(figure, 1.0, 0.0)
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    plt.close(figure)
    seen = pixels(explorer(draw=colours).picture(slope=1.0, offset=0.0))[..., :3]
    # 64 colours in 256 steps of three channels: a step of 16 in one of them hardly shows.
    assert np.abs(seen - drawn).mean() < 2
    assert (np.abs(seen - drawn).max(axis=-1) > 16).mean() < 0.02


@pytest.mark.parametrize(("name", "wanted"), [("notebook.ipynb", "live"), (None, "page")])
def test_it_is_live_where_a_person_runs_the_notebook_and_a_player_elsewhere(monkeypatch, name, wanted):
    shown, seen = explorer(), []
    monkeypatch.setattr("alignlib.widgets.display", seen.append)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    if name:
        monkeypatch.setenv("JPY_SESSION_NAME", name)
    shown._ipython_display_()
    assert [hasattr(thing, "children") for thing in seen] == [wanted == "live"]


def test_a_live_picture_has_its_caption_in_jupyterlab(monkeypatch):
    seen = []
    monkeypatch.setattr("alignlib.widgets.display", lambda *things: seen.extend(things))
    monkeypatch.setenv("JPY_SESSION_NAME", "notebook.ipynb")
    Live("circle", None, "", "Drag one, $v < 0$.")._ipython_display_()
    picture, caption = seen
    assert picture.name == "circle"
    assert caption.data == "Drag one, $v < 0$."


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=rf"`controls` must give 1 to {MOST} pictures, got {MOST + 1}"):
        explorer(controls={"slope": ("slope", list(range(MOST + 1)))})
    with pytest.raises(ValueError, match="`controls` must give"):
        explorer(controls={})
    with pytest.raises(ValueError, match="`size`"):
        explorer(size=(0, 1))
    with pytest.raises(ValueError, match="`start` must be one of slope, offset, got 'x'"):
        explorer(start={"x": 1.0})
    with pytest.raises(ValueError, match=r"`start\['slope'\]` must be one of 1.0, 2.0, 3.0, got 7"):
        explorer(start={"slope": 7})


def test_text_that_looks_like_a_tag_does_no_harm():
    html = explorer(describe=lambda slope, offset: "</script><b>")._repr_html_()
    assert html.count("</script>") == 2  # the two that close the data and the player
    assert data_of(html.replace(r"<\/", "</", 0))["words"][0] == "</script><b>"


def test_a_caption_holds_formulas_and_a_slider_powers_of_ten():
    html = explorer(caption="where $v > 0$", controls={"slope": ("slope", [1e-6]), "offset": ("o", [0.5])})
    html = html._repr_html_()
    formula = r'<span class="math notranslate nohighlight">\(v &gt; 0\)</span>'
    assert f"<figcaption>where {formula}</figcaption>" in html
    assert data_of(html)["values"] == [["10⁻⁶"], ["0.5"]]
