"""Explorers: the pictures in the page are the ones that the live widget draws."""

import base64
import io
import json
import re

import matplotlib.image
import numpy as np
import pytest

from alignlib.widgets import MOST, Explorer


def line(figure, slope, offset):
    figure.subplots().plot([0, 1], [offset, offset + slope])


def explorer(**changes):
    controls = {"slope": ("slope", [1.0, 2.0, 3.0]), "offset": ("offset", [0.0, 5.0])}
    fields = {"draw": line, "controls": controls, "describe": words, "size": (2, 1.5)} | changes
    return Explorer("a-line", **fields)


def words(slope, offset):
    return f"A line of slope {slope} from {offset}."


def pixels(png):
    return matplotlib.image.imread(io.BytesIO(png))


def data_of(html):
    return json.loads(re.search(r'application/json">(.*?)</script>', html, re.S).group(1))


def test_the_page_holds_every_picture_in_the_order_in_which_the_player_counts():
    shown = explorer()
    data = data_of(shown._repr_html_())
    assert data["values"] == [["1", "2", "3"], ["0", "5"]]
    wanted = [(slope, offset) for slope in (1.0, 2.0, 3.0) for offset in (0.0, 5.0)]
    assert data["words"] == [words(*values) for values in wanted]
    for frame, (slope, offset) in zip(data["frames"], wanted):
        png = base64.b64decode(frame.removeprefix("data:image/png;base64,"))
        assert png == shown.picture(slope=slope, offset=offset)
    assert len(set(data["frames"])) == 6


def test_the_live_widget_draws_the_same_picture_when_a_slider_moves():
    shown = explorer()
    image, slope, offset = shown.live().children
    assert image.value == shown.picture(slope=1.0, offset=0.0)
    slope.value, offset.value = 3.0, 5.0
    assert image.value == shown.picture(slope=3.0, offset=5.0)
    assert image.alt == words(3.0, 5.0)


def test_a_picture_has_the_size_asked_for_and_is_not_blank():
    seen = pixels(explorer().picture(slope=1.0, offset=0.0))
    assert seen.shape[:2] == (225, 300)  # 150 dots per inch
    assert np.ptp(seen[..., :3]) > 0.5


@pytest.mark.parametrize(("name", "wanted"), [("notebook.ipynb", "live"), (None, "page")])
def test_it_is_live_where_a_person_runs_the_notebook_and_a_player_elsewhere(monkeypatch, name, wanted):
    shown, seen = explorer(), []
    monkeypatch.setattr("alignlib.widgets.display", seen.append)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    if name:
        monkeypatch.setenv("JPY_SESSION_NAME", name)
    shown._ipython_display_()
    assert [hasattr(thing, "children") for thing in seen] == [wanted == "live"]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=rf"`controls` must give 1 to {MOST} pictures, got {MOST + 1}"):
        explorer(controls={"slope": ("slope", list(range(MOST + 1)))})
    with pytest.raises(ValueError, match="`controls` must give"):
        explorer(controls={})
    with pytest.raises(ValueError, match="`size`"):
        explorer(size=(0, 1))


def test_text_that_looks_like_a_tag_does_no_harm():
    html = explorer(describe=lambda slope, offset: "</script><b>")._repr_html_()
    assert html.count("</script>") == 2  # the two that close the data and the player
    assert data_of(html.replace(r"<\/", "</", 0))["words"][0] == "</script><b>"
