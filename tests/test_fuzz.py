"""Every public function with arguments of every kind: an error of words about an argument, or a result.

Hypothesis draws the arguments by the names in the signature: half of them fit, the rest are what people
pass by mistake. Nothing may end in an error from the inside, nor hang.
"""

import inspect
import signal
import warnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

mpl.use("agg")

import alignlib as al
from book.api import public

DATA = al.data.toy_2d(n=3)
POINTS = al.data.three_points()
NET = al.Network.balanced(4, 2, 0.1, rng=0)
LEAKY = al.Network.unbalanced(3, 2, 0.1, rng=0, negative_slope=0.2)
EARLY = al.early_flow(NET, DATA, "exponential")
LATE = al.gradient_flow(NET, POINTS, "squared", 1.0)
DESCENT = al.gradient_descent(NET, DATA, "logistic", 0.1, 5)
X, G = DATA.x, np.array([1.0, -1.0, 1.0])

FITS = {
    "net": [NET, LEAKY],
    "data": [DATA, POINTS],
    "path": [EARLY, LATE, DESCENT],
    "loss": ["exponential", "logistic", "squared", al.loss.get("squared")],
    "rng": [0, None, np.random.default_rng(0)],
    "t_end": [0.5, 2],
    "t": [0.0, 0.3, [0.0, 0.1]],
    "times": [[0.0, 0.2]],
    "t_save": [None, [0.1, 0.2]],
    "rtol": [1e-4],
    "step": [0.1],
    "n_steps": [3],
    "pulls": [G, None],
    "w": [NET.w],
    "v": [NET.v],
    "x": [X],
    "y": [DATA.y],
    "u": [NET.w],
    "networks": [[NET, NET]],
    "mu": [0.3],
    "n": [4],
    "dim": [3],
    "width": [3],
    "scale": [0.1],
    "negative_slope": [0.0, 0.5],
    "weight_decay": [0.0, 0.1],
}
JUNK = [
    *(None, True, -1, 0, 1, 7, 0.0, -0.5, 2.5, np.nan, np.inf, -np.inf, 1e300, 1e-300, 1j, "", "x"),
    *(b"x", (), [], {}, [1], [[]], [[1.0, 2.0]], [np.nan], ["a"], [None], np.float32(0.5), np.int64(2)),
    *(np.array(1.0), np.zeros((2, 0)), np.zeros(3), np.zeros((3, 2)), np.ones((3, 2)), np.ones((2, 3))),
    *(np.ones((2, 2, 2)), np.full((3, 2), np.inf), object(), print, lambda *_: 1.0, int),
    *(NET, LEAKY, DATA, POINTS, EARLY, LATE),
]  # fmt: skip


def called():
    """Every public function and class, as the reference lists them."""
    rooms = [value for name in al.__all__ if inspect.ismodule(value := getattr(al, name))]
    found = {f"{room.__name__}.{name}": getattr(room, name) for room in rooms for name in public(room)}
    found |= {f"alignlib.{name}": getattr(al, name) for name in al.__all__ if callable(getattr(al, name))}
    for name in ("balanced", "dominated", "unbalanced"):
        found[f"alignlib.Network.{name}"] = getattr(al.Network, name)
    return found


CALLS = called()


def values(name):
    junk = st.sampled_from(JUNK)
    return st.one_of(st.sampled_from(FITS[name]), junk) if name in FITS else junk


def arguments(function):
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return st.fixed_dictionaries(
        {p.name: values(p.name) for p in named if p.default is p.empty},
        optional={p.name: values(p.name) for p in named if p.default is not p.empty},
    )


def hang(*_):
    pytest.fail("it takes longer than 20 s")


@pytest.mark.parametrize("name", sorted(CALLS))
def test_whatever_is_passed_the_answer_is_a_result_or_words_about_an_argument(name):
    function = CALLS[name]

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(arguments(function))
    def call(given):
        before = signal.signal(signal.SIGALRM, hang)
        signal.alarm(20)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                said = answer(function, given)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
            plt.close("all")
        assert said is None or "`" in str(said), f"{type(said).__name__}: {said}"

    call()


def answer(function, given):
    """The error about an argument, if it is one."""
    try:
        function(**given)
    except (ValueError, TypeError) as problem:
        return problem
