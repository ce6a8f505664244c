"""Explorers: one picture and a slider or two, live in JupyterLab and alive in the built page.

An explorer is described once: a function that draws, and the values that each control may take. In
JupyterLab the slider calls the function. In a built page, where there is no kernel, all pictures have
been drawn beforehand, and the slider chooses among them.
"""

import base64
import io
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import product

import numpy as np

from alignlib import inputs, live
from alignlib.claim import printed
from alignlib.data import Dataset

with inputs.extra("widgets"):
    import matplotlib.pyplot as plt
    from IPython.display import HTML, Markdown, display
    from matplotlib.backends.backend_agg import FigureCanvasAgg

MOST, INCHES = 120, 50.0  # pictures in a page, and a side of one at most
# A notebook that has not been run shows what a page without scripts does: no button that does nothing.
STILL = "A still: run this cell, and it moves."
PIXELS = 120  # of a screen for an inch: letters as large as in the other figures


@dataclass(frozen=True, eq=False, repr=False)
class Explorer:
    """A picture with controls; shows itself at the end of a notebook cell.

    Parameters
    ----------
    name : str, unique on the page
    draw : function of a Matplotlib figure and of one value for each control, by name; draws on it
    controls : dict, for each control its label and the values it may take, in order
    describe : function of the same values, a sentence that says what the picture shows
    caption : str, what to look for; formulas between dollars, set when the book is built
    size : (width, height) in inches
    start : dict, the value that a control has at first and in print; without it, its first one
    plays : bool, whether a page plays it once when it comes into view

    Raises
    ------
    ValueError
        If there is no control, if there would be more than 120 pictures, or if a value of `start` is
        not among those of its control.
    """

    name: str
    draw: object
    controls: dict
    describe: object
    caption: str = ""
    size: tuple = (5.6, 3.6)
    start: dict = field(default_factory=dict)
    plays: bool = False

    def __post_init__(self):
        for name in ("controls", "start"):
            if not isinstance(getattr(self, name), Mapping):
                kind = type(getattr(self, name)).__name__
                raise ValueError(f"`{name}` must map the names of controls to values, got {kind}")
        if not all(isinstance(control, tuple) and len(control) == 2 for control in self.controls.values()):
            raise ValueError("`controls` must give a label and its values for each, got something else")
        count = math.prod(len(values) for _, values in self.controls.values())
        if not self.controls or not 1 <= count <= MOST:
            raise ValueError(f"`controls` must give 1 to {MOST} pictures, got {count}")
        for name, value in self.start.items():
            inputs.choice("start", name, list(self.controls))
            inputs.choice(f"start[{name!r}]", value, list(self.controls[name][1]))
        _pictured(self.size)

    def picture(self, **values):
        """The picture for one value of each control, as the bytes of a WebP of few colours."""
        return _picture(self.size, self.draw, **values)

    def _repr_html_(self):
        """The player: every picture, a range input for each control, a button that plays the first."""
        grid = [values for _, values in self.controls.values()]
        every = [dict(zip(self.controls, chosen)) for chosen in product(*grid)]
        frames = [self._source(values) for values in every]
        words = [self.describe(**values) for values in every]
        values = [[_shown(value) for value in values] for values in grid]
        data = json.dumps({"frames": frames, "words": words, "values": values}).replace("</", r"<\/")
        first = every.index(self._first)
        return (
            f'<figure class="explorer" id="explorer-{escape(self.name)}"'
            f' aria-label="{escape(self.name.replace("-", " "))}" style="--width: {self._width}px"'
            f"{' data-plays' if self.plays else ''}>{self._image(frames[first], words[first])}"
            f'<p class="explorer-still">{STILL}</p>'
            f'<div class="explorer-controls" hidden><button type="button">Play</button>'
            f"{''.join(self._slider(control) for control in self.controls)}</div>"
            f'<p class="explorer-says" role="status"></p>'
            f'<script type="application/json">{data}</script>'
            f"<figcaption>{_set(self.caption)}</figcaption><script>{live.player()}</script></figure>"
        )

    def _ipython_display_(self):
        # A server that runs a notebook for a person tells the kernel the notebook's name.
        if "JPY_SESSION_NAME" in os.environ:
            display(self.live())
        else:
            display(HTML(self._repr_html_()))

    def live(self):
        """The explorer as an ipywidget that draws when a slider moves; a button plays the first."""
        with inputs.extra("widgets"):
            import ipywidgets

        sliders = {
            name: ipywidgets.SelectionSlider(
                options=[(_shown(value), value) for value in values],
                value=self._first[name],
                description=label,
                continuous_update=False,
                style={"description_width": "initial"},  # a label may be long
                layout={"width": f"{self._width}px", "max_width": "100%"},
            )
            for name, (label, values) in self.controls.items()
        }
        picture = ipywidgets.HTML()

        def redraw(_change=None):
            values = {name: slider.value for name, slider in sliders.items()}
            picture.value = self._image(self._source(values), self.describe(**values))

        for slider in sliders.values():
            slider.observe(redraw, "value")
        redraw()
        leader, *_ = sliders.values()
        play = ipywidgets.Play(value=leader.index, max=len(leader.options) - 1, interval=300)
        ipywidgets.link((play, "value"), (leader, "index"))
        caption = ipywidgets.HTMLMath(escape(self.caption))
        return ipywidgets.VBox([picture, play, *sliders.values(), caption])

    @property
    def _first(self):
        """The value of every control at first."""
        return {name: values[0] for name, (_, values) in self.controls.items()} | self.start

    @property
    def _width(self):
        return int(PIXELS * self.size[0])

    def _source(self, values):
        return "data:image/webp;base64," + base64.b64encode(self.picture(**values)).decode()

    def _image(self, source, words):
        height = int(PIXELS * self.size[1])
        return f'<img src="{source}" alt="{escape(words)}" width="{self._width}" height="{height}">'

    def _slider(self, control):
        label, values = self.controls[control]
        name = escape(f"{self.name}-{control}")
        value = self._first[control]
        return (
            f'<div><label for="{name}">{escape(label)}</label><input type="range" id="{name}" min="0"'
            f' max="{len(values) - 1}" value="{list(values).index(value)}" autocomplete="off"'
            f' aria-valuetext="{escape(_shown(value))}"><span>{escape(_shown(value))}</span></div>'
        )


@dataclass(frozen=True, eq=False, repr=False)
class Live:
    """A picture that its page computes by itself, while a reader drags what it shows; see `alignlib.live`.

    Without scripts, and in print, a still stands in its place. In JupyterLab it is alive as well.

    Parameters
    ----------
    name : str, which picture: one of `live.PICTURES`
    draw : function of a Matplotlib figure; draws the still on it
    words : str, what the still shows, for those who cannot see it
    caption : str, what to do and what to look for; formulas between dollars
    size : (width, height) of the still in inches

    Raises
    ------
    ValueError
        If there is no such picture.
    """

    name: str
    draw: object
    words: str
    caption: str = ""
    size: tuple = (5.6, 3.6)

    def __post_init__(self):
        inputs.choice("name", self.name, live.PICTURES)
        _pictured(self.size)

    def _repr_html_(self):
        """The still in its figure, which the page's script brings to life."""
        source = base64.b64encode(_picture(self.size, self.draw)).decode()
        width, height = (int(PIXELS * length) for length in self.size)
        label = self.name.replace("-", " ")
        return (
            f'<figure class="live" id="live-{self.name}" aria-label="{label}">'
            f'<img src="data:image/webp;base64,{source}" alt="{escape(self.words)}"'
            f' width="{width}" height="{height}"><p class="live-still">{STILL}</p>'
            f"<figcaption>{_set(self.caption)}</figcaption></figure>"
        )

    def _ipython_display_(self):
        # A server that runs a notebook for a person tells the kernel the notebook's name.
        if "JPY_SESSION_NAME" not in os.environ:
            display(HTML(self._repr_html_()))
            return
        try:
            display(self.live(), Markdown(self.caption))
        except ModuleNotFoundError:  # alive all the same, but Python does not hear of it
            here = self._repr_html_().replace("<figure ", "<figure data-embedded ", 1)
            display(HTML(f"{here}<style>{live.style()}</style><script>{live.script()}</script>"))

    def live(self):
        """The picture as a widget of JupyterLab.

        Its trait `state` goes both ways: what a reader drags is there, and what is put there is drawn. Its
        `data` is the dragged data set.

        Raises
        ------
        ModuleNotFoundError
            If `anywidget` is not installed; the message says how to install it.
        """
        with inputs.extra("widgets"):
            import anywidget
            import traitlets

        class Dragged(anywidget.AnyWidget):
            """A live picture in a notebook."""

            _esm, _css = live.module(), live.style()
            name = traitlets.Unicode().tag(sync=True)
            state = traitlets.Dict().tag(sync=True)

            @property
            def data(self):
                """The data set as it was dragged."""
                if not self.state:
                    raise ValueError(
                        "`data` must be asked for once the picture is shown, got no picture yet"
                    )
                return _dragged(self.name, self.state["points"])

        return Dragged(name=self.name)


def _dragged(name, points):
    """The data set of a live picture: inputs with their bias and outputs, or samples and labels."""
    if name == "three-points":
        return Dataset([[x, 1.0] for x, _ in points], [y for _, y in points], "dragged points")
    return Dataset([[x, y] for x, y, _ in points], [label for *_, label in points], "dragged samples")


def _pictured(size):
    """Whether a picture can be of this size, else an error."""
    for side in inputs.array("size", size, 1, (2,)):
        inputs.positive("size", side, below=INCHES)


def _picture(size, draw, /, **values):
    """What `draw` draws on a figure of this size, as the bytes of a WebP of few colours."""
    from PIL import Image

    figure = plt.figure(figsize=size, dpi=150)
    try:
        draw(figure, **values)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # once; `savefig` would draw twice and pack what is unpacked again
        drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    finally:
        plt.close(figure)
    # Nobody sees the difference; a third smaller than a PNG of as many colours, and sooner made.
    few, small = drawn.quantize(64, Image.Quantize.FASTOCTREE), io.BytesIO()
    few.convert("RGB").save(small, "WebP", lossless=True)
    return small.getvalue()


def _shown(value):
    return printed(f"{value:.3g}") if isinstance(value, float) else str(value)


def _set(text):
    """Text with its formulas as Sphinx writes them, for the book or a notebook to set."""
    formula = r'<span class="math notranslate nohighlight">\\(\1\\)</span>'
    return re.sub(r"\$([^$]+)\$", formula, escape(text))
