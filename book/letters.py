"""Run by every kernel of the build, before its notebook: a figure notes the size of its smallest letters.

They are points, in the metadata of the output, and `tests/test_pages.py` asks whether a phone shows them.
"""

import matplotlib_inline.backend_inline as _inline
from matplotlib.text import Text as _Text


def _noted(figure, others=_inline._fetch_figure_metadata):
    figure.canvas.draw()
    shown = [text for text in figure.findobj(_Text) if text.get_visible() and text.get_text().strip()]
    smallest = min((float(text.get_fontsize()) for text in shown), default=None)
    return {**(others(figure) or {}), "letters": smallest}


_inline._fetch_figure_metadata = _noted
