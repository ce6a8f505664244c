"""Explorers: one picture and a slider or two, live in JupyterLab and alive in the built page.

An explorer is described once: a function that draws, and the values that each control may take. In
JupyterLab the slider calls the function. In a built page, where there is no kernel, all pictures have
been drawn beforehand, and the slider chooses among them.
"""

import base64
import io
import json
import os
from dataclasses import dataclass
from html import escape
from itertools import product

import matplotlib.pyplot as plt
from IPython.display import HTML, display

from alignlib import inputs

MOST = 120  # pictures in a page


@dataclass(frozen=True, eq=False, repr=False)
class Explorer:
    """A picture with controls; shows itself at the end of a notebook cell.

    Parameters
    ----------
    name : str, unique on the page
    draw : function of a Matplotlib figure and of one value for each control, by name; draws on it
    controls : dict, for each control its label and the values it may take, in order
    describe : function of the same values, a sentence that says what the picture shows
    caption : str, what to look for
    size : (width, height) in inches

    Raises
    ------
    ValueError
        If there is no control, or if there would be more than 120 pictures.
    """

    name: str
    draw: object
    controls: dict
    describe: object
    caption: str = ""
    size: tuple = (5.6, 3.6)

    def __post_init__(self):
        count = 1
        for _, values in self.controls.values():
            count *= len(values)
        if not self.controls or not 1 <= count <= MOST:
            raise ValueError(f"`controls` must give 1 to {MOST} pictures, got {count}")
        inputs.positive("size", min(self.size))

    def picture(self, **values):
        """The picture for one value of each control, as the bytes of a PNG of few colours."""
        from PIL import Image

        figure = plt.figure(figsize=self.size, dpi=150)
        raw, small = io.BytesIO(), io.BytesIO()
        try:
            self.draw(figure, **values)
            figure.savefig(raw)
        finally:
            plt.close(figure)
        Image.open(raw).convert("RGB").quantize(64).save(small, "PNG", optimize=True)
        return small.getvalue()

    def _repr_html_(self):
        """The player: every picture, a range input for each control, a button that plays the first."""
        names = list(self.controls)
        frames, words = [], []
        for chosen in product(*(values for _, values in self.controls.values())):
            values = dict(zip(names, chosen))
            frames.append("data:image/png;base64," + base64.b64encode(self.picture(**values)).decode())
            words.append(self.describe(**values))
        sliders = "".join(
            f'<label>{escape(label)} <input type="range" min="0" max="{len(values) - 1}" value="0">'
            f"<output>{escape(_shown(values[0]))}</output></label>"
            for label, values in self.controls.values()
        )
        data = json.dumps(
            {
                "frames": frames,
                "words": words,
                "values": [[_shown(v) for v in values] for _, values in self.controls.values()],
            }
        ).replace("</", r"<\/")
        width = int(96 * self.size[0])
        return (
            f'<figure class="explorer" id="explorer-{escape(self.name)}"'
            f' aria-label="{escape(self.name.replace("-", " "))}" style="max-width:{width}px">'
            f'<img src="{frames[0]}" alt="{escape(words[0])}" width="{width}">'
            f'<div class="explorer-controls"><button type="button">Play</button>{sliders}</div>'
            f'<script type="application/json">{data}</script>'
            f"<figcaption>{escape(self.caption)}</figcaption><script>{PLAYER}</script></figure>"
        )

    def _ipython_display_(self):
        # A server that runs a notebook for a person tells the kernel the notebook's name.
        if "JPY_SESSION_NAME" in os.environ:
            display(self.live())
        else:
            display(HTML(self._repr_html_()))

    def live(self):
        """The explorer as an ipywidget that draws when a slider moves."""
        import ipywidgets

        sliders = {
            name: ipywidgets.SelectionSlider(
                options=[(_shown(value), value) for value in values],
                description=label,
                continuous_update=False,
            )
            for name, (label, values) in self.controls.items()
        }
        image = ipywidgets.Image(format="png", width=int(96 * self.size[0]))

        def redraw(_change=None):
            values = {name: slider.value for name, slider in sliders.items()}
            image.value, image.alt = self.picture(**values), self.describe(**values)

        for slider in sliders.values():
            slider.observe(redraw, "value")
        redraw()
        return ipywidgets.VBox([image, *sliders.values()])


def _shown(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


# Plain JavaScript, no library: finds its own box, and needs no network.
PLAYER = """(() => {
const box = document.currentScript.parentElement;
const data = JSON.parse(box.querySelector('script[type="application/json"]').textContent);
const image = box.querySelector('img'), button = box.querySelector('button');
const sliders = [...box.querySelectorAll('input')], said = [...box.querySelectorAll('output')];
let timer = null;
const show = () => {
  let at = 0;
  sliders.forEach((slider, i) => {
    at = at * data.values[i].length + Number(slider.value);
    said[i].textContent = data.values[i][slider.value];
    slider.setAttribute('aria-valuetext', said[i].textContent);
  });
  image.src = data.frames[at];
  image.alt = data.words[at];
};
const stop = () => { clearInterval(timer); timer = null; button.textContent = 'Play'; };
sliders.forEach(slider => slider.addEventListener('input', () => { stop(); show(); }));
button.addEventListener('click', () => {
  if (timer) return stop();
  if (sliders[0].value === sliders[0].max) sliders[0].value = 0;
  button.textContent = 'Pause';
  timer = setInterval(() => {
    sliders[0].value = Number(sliders[0].value) + 1;
    show();
    if (sliders[0].value === sliders[0].max) stop();
  }, 150);
});
show();
})();"""
