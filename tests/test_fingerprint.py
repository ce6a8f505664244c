"""What tells one function of a sweep from another: two that differ have two hashes, and one has one.

Wherever two had one hash, the second sweep of a file got the rows of the first.
"""

import collections
import copy
import datetime
import decimal
import enum
import fractions
import functools
import importlib
import os
import re
import subprocess
import sys
import threading
import types
from dataclasses import dataclass, field
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from torch import nn

import alignlib as al
from alignlib.sweeps.source import fingerprint
from tests.conftest import ROOT
from tests.test_sweep import same_but_for_looks, scaled

NET = al.Network.balanced(3, 2, 0.1, rng=0)


def hold(value):
    def run(draw):
        return value

    return run


def half(draw):
    return draw / 2


def plainly(function):
    @functools.wraps(function)
    def wrapped(draw):
        return function(draw)

    return wrapped


def twice(function):
    @functools.wraps(function)
    def wrapped(draw):
        return 2 * function(draw)

    return wrapped


def part(factor):
    return functools.update_wrapper(functools.partial(half, factor=factor), half)


class Times:
    def __init__(self, function, factor):
        functools.update_wrapper(self, function)
        self.function, self.factor = function, factor

    def __call__(self, draw):
        return self.factor * self.function(draw)


class Squared(Times):
    def __call__(self, draw):
        return self.factor * self.function(draw) ** 2


class Model:
    def __init__(self, held):
        self.held, self.itself = held, self

    def run(self, draw):
        return self.held

    @classmethod
    def made(cls, draw):
        return draw

    @functools.cached_property
    def seen(self):
        return 1


class Other(Model):
    def run(self, draw):
        return 2 * self.held


class Slots:
    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held

    def run(self, draw):
        return self.held


class Layer(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight]))

    def run(self, draw):
        return self.weight


class Rule(enum.Enum):
    RELU = 1
    TANH = 2


@dataclass(frozen=True)
class Held:
    factor: object
    late: int = field(init=False, repr=False)


def remembered(value):
    def run(draw):
        return run.value

    run.value = value
    return run


def recursive(value):
    def run(draw):
        return run(draw - 1) + value if draw else 0

    return run


def of(a):
    return pd.DataFrame({"x": [a, 2.0], "y": ["s", "t"]})


def hubers(delta):
    return al.Loss.from_torch(nn.HuberLoss(delta=delta))


PAIRS = {
    "wrappers": (plainly(half), twice(half)),
    "what wrappers wrap": (plainly(scaled(1)), plainly(scaled(2))),
    "partials that wrap": (part(2), part(3)),
    "callable decorators": (Times(half, 2), Times(half, 3)),
    "their calls": (Times(half, 4), Squared(half, 4)),
    "attributes": (remembered(1), remembered(2)),
    "recursive ones": (recursive(1), recursive(2)),
    "methods": (Model(1).run, Model(2).run),
    "methods that hold": (Model(scaled(2)).run, Model(scaled(3)).run),
    "methods of two classes": (Model(5).run, Other(5).run),
    "class methods": (Model.made, Other.made),
    "slots": (Slots(1).run, Slots(2).run),
    "a folder": (Model(Path("a")).run, Model(Path("b")).run),
    "modules of PyTorch": (Layer(1.0).run, Layer(2.0).run),
    "cached": (functools.cache(scaled(2)), functools.cache(scaled(3))),
    "compiled": (numba.njit(scaled(2)), numba.njit(scaled(3))),
    "typed in": (eval("lambda a: a + 1"), eval("lambda a: a + 2")),
    "signatures": (eval("lambda a: a"), eval("lambda *a: a")),
    "builtins": (max, min),
}
VALUES = {
    "numbers": (1, 2, 1.0, True, np.float64(1), np.float32(1), 10**5000, 10**5000 + 1),
    "words": ("1", b"1", bytearray(b"1"), bytearray(b"2")),
    "containers": ([1], (1,), {1}, {2}, frozenset({1}), {"key": 1}, {"key": 2}, collections.deque([1])),
    "arrays": (np.zeros(3), np.ones(3), np.ones((3, 1)), np.ones(3, int)),
    "masks": (np.ma.array([1, 5], mask=[0, 1]), np.ma.array([1, 5])),
    "objects in arrays": (np.array([1, "a"], object), np.array([1, "b"], object)),
    "functions": (scaled(2), scaled(3), functools.cache(scaled(2)), numba.njit(scaled(2)), Model(1).run),
    "NumPy's functions": (np.tanh, np.sin, np.vectorize(half), np.vectorize(plainly)),
    "bound": ({1: 1}.get, {1: 2}.get, [1].__getitem__, [2].__getitem__),
    "partials": (functools.partial(half, 1), functools.partial(half, 2)),
    "enumerations": tuple(Rule),
    "paths": (Path("a"), Path("b")),
    "ranges": (range(3), range(4), slice(3), slice(4)),
    "days": (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)),
    "exact": (fractions.Fraction(1, 3), fractions.Fraction(1, 4), decimal.Decimal(1), decimal.Decimal(2)),
    "names": (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
    "patterns": (re.compile("a"), re.compile("b"), re.compile("a", re.IGNORECASE)),
    "modules": (np, torch),
    "classes": (Model, Other),
    "dataclasses": (Held(2), Held(3)),
    "tables": (of(1.0), of(3.0)),
    "random numbers": (np.random.default_rng(0), np.random.default_rng(1)),
    "tensors": (torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([1.0], dtype=torch.bfloat16)),
    "losses": (hubers(0.1), hubers(10.0)),
    "data": (al.data.toy_2d(), al.data.toy_2d(6)),
    "networks": tuple(al.Network.balanced(3, 2, 1.0, rng) for rng in (0, 1)),
}
ALL = {
    **{f"{name}, {k}": one for name, pair in PAIRS.items() for k, one in enumerate(pair)},
    **{f"{name}, {k}": hold(one) for name, many in VALUES.items() for k, one in enumerate(many)},
    "a set of words": hold({"a", "b", "c", "d"}),
    "a dict of words": hold({word: 0 for word in {"a", "b", "c", "d"}}),
    "words in code": eval("lambda word: word in {'a', 'b', 'c', 'd'}"),
    "a lock": hold(threading.Lock()),  # by its type
    "a flow": hold(al.gradient_flow(NET, al.data.toy_2d(), "exponential", 1.0)),
    "an early flow": hold(al.early_flow(NET, al.data.toy_2d(), "exponential")),
    "a law of SciPy": hold(scipy.stats.norm(0, 1)),  # has the generator that each process seeds anew
}


def test_no_two_that_differ_have_one_hash():
    found = collections.defaultdict(list)
    for name, function in ALL.items():
        found[fingerprint(function)].append(name)
    assert [names for names in found.values() if len(names) > 1] == []


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_finds_the_same(seed):
    code = (
        "from tests.test_fingerprint import ALL, fingerprint\n"
        "for function in ALL.values(): print(fingerprint(function))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    run = [sys.executable, "-W", "ignore", "-c", code]
    said = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    ours = [fingerprint(function) for function in ALL.values()]
    assert len(said.stdout.split()) == len(ours)
    differ = [name for name, *both in zip(ALL, ours, said.stdout.split()) if len(set(both)) > 1]
    assert differ == []


def test_what_says_the_same_has_one_hash():
    assert fingerprint(scaled(2)) == fingerprint(same_but_for_looks(2))
    for make in (Model, Slots):
        assert fingerprint(make(2).run) == fingerprint(make(2).run)
    for name, many in VALUES.items():
        if name not in ("bound", "modules"):
            for value in many:
                assert fingerprint(hold(value)) == fingerprint(hold(copy.deepcopy(value))), name
    for number in (np.float64(0.1), np.complex128(1j), np.str_("a"), np.int64(3)):
        plain = fingerprint(hold(number))
        with np.printoptions(legacy="1.25"):  # which writes 0.1, not np.float64(0.1)
            assert fingerprint(hold(number)) == plain
    data = al.data.toy_2d()
    before = fingerprint(hold(data)), fingerprint(Model(1).run)
    model = Model(1)
    assert (data.mu, model.seen) == (pytest.approx(data.mu), 1)  # and it is kept beside the values
    assert (fingerprint(hold(data)), fingerprint(model.run)) == before


def test_what_is_deep_wide_or_refers_to_itself_ends_soon():
    def tree(depth):
        return {"a": tree(depth - 1), "b": tree(depth - 1)} if depth else 1

    shared, nested = (), 0
    for _ in range(60):
        shared, nested = (shared, shared), [nested]
    assert len({fingerprint(hold(value)) for value in (tree(12), shared, nested)}) == 3
    model = Model(1)
    for k in range(9):
        setattr(model, f"on_{k}", model.run)
    assert fingerprint(model.run) != fingerprint(Model(1).run)
    for _ in range(10_000):
        nested = [nested]
    with pytest.raises(ValueError, match="`function` must hold values that are not nested so deep"):
        fingerprint(hold(nested))


def test_a_file_that_was_edited_is_not_what_runs(tmp_path, monkeypatch):
    # Rows of the old code were kept under the hash of the new one.
    monkeypatch.syspath_prepend(tmp_path)
    study = tmp_path / "edited_study.py"
    study.write_text("def run(draw):\n    return 1\n\n\ndef other(draw):\n    return 3\n")
    module = importlib.import_module("edited_study")
    first = fingerprint(module.run), fingerprint(module.other)
    study.write_text("def run(draw):\n    return 2\n\n\ndef other(draw):\n    return 3\n")
    old = fingerprint(module.run)
    new = fingerprint(importlib.reload(module).run)
    assert len({first[0], old, new}) == 3
    assert fingerprint(module.other) == first[1]
    study.write_text("# Four\n# lines\n# more\n\n" + study.read_text())
    assert fingerprint(module.other) not in (new, first[0])
    assert fingerprint(importlib.reload(module).other) == first[1]
