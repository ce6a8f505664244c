"""What an explorer shows in the page is what the library draws and says for the values of its sliders."""

import io
import json
from functools import cache

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from alignlib.widgets import Explorer
from tests.conftest import ROOT
from tests.test_pages import EXPLORERS, LEAST_LETTERS, Visit

COLUMN = 342  # pixels, of a telephone that is 390 wide


@cache
def explorers_of(name):
    """A chapter's explorers, by name, and its style: its cells are run up to the last explorer."""
    found, namespace = {}, {"display": print}  # as in a notebook

    class Noted(Explorer):
        def __post_init__(self):
            super().__post_init__()
            found[self.name] = self

    cells = [c for c in nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells if c.cell_type == "code"]
    last = max(at for at, cell in enumerate(cells) if 'class="explorer' in str(cell.outputs))
    with pytest.MonkeyPatch.context() as patch, plt.rc_context():
        patch.setattr("alignlib.widgets.Explorer", Noted)
        patch.chdir(ROOT / "chapters")
        for cell in cells[: last + 1]:
            exec(cell.source, namespace)
            plt.close("all")
        return found, dict(plt.rcParams)


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), dtype=int)


# Sums over many neurons are made by several threads, in an order that changes: a last digit may move a
# marker by a fraction of a pixel. Two pictures of one explorer differ in far more.
HARDLY = 1e-3


def different(one, other):
    """The share of pixels whose colours a person could tell apart."""
    return (np.abs(pixels(one) - pixels(other)).max(axis=-1) > 16).mean()


@pytest.mark.parametrize(("name", "explorer"), EXPLORERS)
def test_a_phone_shows_its_letters(name, explorer):
    found, style = explorers_of(name)
    described = found[explorer]
    start = {name: values[0] for name, (_, values) in described.controls.items()} | described.start
    with plt.rc_context(style):
        figure = plt.figure(figsize=described.size)
        described.draw(figure, **start)
        figure.canvas.draw()
        shown = [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip()]
        smallest = min(one.get_fontsize() for one in shown)
        plt.close(figure)
    assert smallest / 72 * COLUMN / described.size[0] >= LEAST_LETTERS


@pytest.mark.parametrize(("name", "explorer"), EXPLORERS)
def test_the_page_shows_what_the_library_draws(browser, site, name, explorer):
    found, style = explorers_of(name)
    described = found[explorer]
    with Visit(browser, site, name, reduced_motion="reduce") as visit:
        box = visit.page.locator(f"#explorer-{explorer}")
        image, sliders = box.locator("img"), box.locator("input")
        data = json.loads(box.locator('script[type="application/json"]').inner_text())
        assert len(set(data["frames"])) > 1
        pictures = []
        for share in (0, 0.5, 1):
            places = [int(share * (len(shown) - 1)) for _, shown in described.controls.values()]
            for slider, place in zip(sliders.all(), places):
                slider.fill(str(place))
            chosen = zip(described.controls.items(), places)
            values = {name: shown[place] for (name, (_, shown)), place in chosen}
            assert image.get_attribute("alt") == described.describe(**values)
            shown = visit.context.request.get(image.evaluate("image => image.src")).body()
            with plt.rc_context(style):
                drawn = described.picture(**values)
            assert different(shown, drawn) < HARDLY
            pictures.append(shown)
        first, middle, _ = pictures  # the last may be the first, once round
        assert different(first, middle) > 10 * HARDLY
