"""What a page needs that computes by itself: its scripts, and the random starts they share with Python.

`flow.js` follows networks in the plane as `alignlib` does (a test compares the two), `pictures.js` lets a
reader drag what it shows, `player.js` is the script of an explorer. They are files of the package, so that
a page, Node and JupyterLab run the same.
"""

import re
from pathlib import Path

import numpy as np

from alignlib import inputs
from alignlib.network import Network

FOLDER = Path(__file__).parent
PICTURES = ("three-points", "circle", "threshold")  # those of pictures.js


def uniforms(seed: int, count: int) -> np.ndarray:
    """`count` numbers between 0 and 1 from the generator mulberry32, as the page draws them.

    A counter and a hash of 32 bits: small and quick in every language, good enough for pictures.

    >>> al.live.uniforms(seed=0, count=3).round(4)
    array([0.2664, 0.0003, 0.2233])
    """
    seed, count = inputs.integer("seed", seed, least=0), inputs.integer("count", count, least=0)
    a = np.uint32(seed % 2**32) + np.arange(1, count + 1, dtype=np.uint32) * np.uint32(0x6D2B79F5)
    t = (a ^ (a >> 15)) * (a | 1)
    t = (t + (t ^ (t >> 7)) * (t | 61)) ^ t
    return ((t ^ (t >> 14)) + 0.5) / 2**32


def start(kind: str, width: int, scale: float, seed: int, negative_slope: float = 0.0) -> Network:
    """A random start in the plane, the same as in the page up to roundings.

    The laws are those of `Network.balanced`, `Network.dominated` and `Network.unbalanced`, the numbers
    those of `uniforms`, four for each neuron: with one more neuron the others keep their directions.

    Parameters
    ----------
    kind : "balanced", "dominated" or "unbalanced"

    Raises
    ------
    ValueError
        If there is no such kind, or a number does not fit.

    Examples
    --------
    >>> net = al.live.start("balanced", width=20, scale=1e-3, seed=0)
    >>> net, bool(np.abs(net.minkowski()).max() < 1e-18)
    (Network(width=20, dim=2), True)
    """
    inputs.choice("kind", kind, ("balanced", "dominated", "unbalanced"))
    width, scale = inputs.integer("width", width), inputs.positive("scale", scale)
    a, b, c, d = uniforms(seed, 4 * width).reshape(width, 4).T
    size, angle = scale / np.sqrt(width), 2 * np.pi * b
    # Box and Muller: two Gaussians from two uniforms; of the second pair one, and the sign of the other.
    r, third = size * np.sqrt(-2 * np.log(a)), size * np.sqrt(-2 * np.log(c)) * np.cos(2 * np.pi * d)
    w = r[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    norm, sign = np.hypot(*w.T), np.where(d < 0.5, 1.0, -1.0)
    v = {"balanced": sign * norm, "dominated": sign * np.hypot(norm, third), "unbalanced": third}[kind]
    return Network(w, v, negative_slope)


def _joined() -> str:
    """Both modules as one text without imports and exports."""
    text = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in ("flow.js", "pictures.js"))
    return re.sub(r"^import \{.*\n|^export ", "", text, flags=re.MULTILINE)


def script() -> str:
    """Both modules as one classic script, which brings every live picture of its page to life.

    A page opened from a disk may not load modules, but it may load a script.

    >>> al.live.script().splitlines()[:2]
    ['(() => {', '"use strict";']
    """
    every = 'document.querySelectorAll("figure.live:not([data-alive])").forEach(mount);'
    return f'(() => {{\n"use strict";\n{_joined()}\n{every}\n}})();\n'


def module() -> str:
    """Both modules as the one that `anywidget` asks for: it exports `render`.

    >>> al.live.module().splitlines()[-1]
    'export default { render };'
    """
    return f"{_joined()}\nexport default {{ render }};\n"


def style() -> str:
    """The style sheet of the pictures.

    >>> al.live.style().count("{") == al.live.style().count("}")
    True
    """
    return (FOLDER / "live.css").read_text(encoding="utf-8")


def player() -> str:
    """The script of an explorer that was drawn beforehand: it finds its own box and needs no network.

    >>> al.live.player().startswith("(() => {")
    True
    """
    return (FOLDER / "player.js").read_text(encoding="utf-8").rstrip("\n")
