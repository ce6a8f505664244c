"""Figures are made, and not drawn: `tests/elsewhere.py` has IPython run this file in every kernel.

Nobody compares their pixels there: the build and the plain run draw them all.
pytest imports this file too, for doctests, and must go on drawing: so nothing happens on import.
"""

if __name__ == "__main__":
    from matplotlib.figure import Figure as _Figure

    _Figure.draw = lambda figure, renderer: None
