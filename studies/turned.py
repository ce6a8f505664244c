"""The three samples with the negative one turned: the explorer of chapter 1, and what is checked of it."""

import numpy as np

import alignlib as al

THREE = al.data.toy_2d(n=3)  # at 55 and 125 degrees y = 1, at 270 degrees y = -1
TURNS = range(-180, 181, 10)


def turned(turn):
    """The three samples, the negative one turned by `turn` degrees."""
    angle = np.radians(270 + turn)
    x = np.stack([THREE.x[0], [np.cos(angle), np.sin(angle)], THREE.x[2]])
    return al.Dataset(x, THREE.y)


def aims(data):
    """Where living neurons turn to: the extremal vectors of chapter 2."""
    return [aim for aim in al.extremal_vectors(data, "exponential") if aim.rate != 0]


def spans(data):
    """How many degrees of the circle each cone spans, counted in steps of a quarter."""
    angle = np.radians(np.arange(0, 360, 0.25) + 0.125)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    counts = al.geometry.cone_counts(al.Network(circle, np.ones(len(circle))), data)
    return {cone: count / 4 for cone, count in counts.items()}


def in_words(turn):
    """What the explorer shows, in a sentence."""
    data = turned(turn)
    span, verdict = spans(data), "holds" if data.mu > 0 else "fails"
    ways = {sign: " or ".join(_where(aim) for aim in aims(data) if aim.sign == sign) for sign in (1, -1)}
    return (
        f"Turned by {turn} degrees: mu is {data.mu:.2f}, Assumption 1 {verdict}; "
        f"S plus spans {span['S+']:.0f} degrees, S minus {span['S-']:.0f}, S dead {span['dead']:.0f}; "
        f"living neurons with positive output weight turn to {ways[1]} degrees, "
        f"those with negative to {ways[-1]}."
    )


def _where(aim):
    angle = round(np.degrees(np.arctan2(*aim.direction[::-1]))) % 360
    return f"{angle} (on a hyperplane)" if aim.tight.any() else f"{angle}"
