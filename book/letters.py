"""Run in every kernel of the build, `make lab`, Binder and Colab: figures note how they are shown.

The size of the smallest letters in points, of which `tests/test_pages.py` asks whether a phone shows them;
and the width on the page, which JupyterLab gives them too (a stored notebook has it from `book/store.py`).
"""

import matplotlib_inline.backend_inline as _inline
from matplotlib import rcParams as _settings
from matplotlib.text import Text as _Text

_PIXELS = 150  # of the page for an inch of the figure: see SHOWN in `book/light.py`


def _width(figure):
    """In pixels: the inline backend cuts a figure to what is on it, and leaves a margin."""
    return round(_PIXELS * (figure.get_tightbbox().width + 2 * _settings["savefig.pad_inches"]))


def _noted(figure, others=_inline._fetch_figure_metadata):
    figure.draw_without_rendering()
    shown = [text for text in figure.findobj(_Text) if text.get_visible() and text.get_text().strip()]
    smallest = min((float(text.get_fontsize()) for text in shown), default=None)
    size = {"image/png": {"width": _width(figure)}}
    return {**(others(figure) or {}), "letters": smallest, **size}


_inline._fetch_figure_metadata = _noted
