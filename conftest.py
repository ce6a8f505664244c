"""The examples in the docstrings of `alignlib` say `al` and `np`, as the book does."""

import sys

import numpy as np
import pytest

import alignlib


@pytest.fixture(autouse=True)
def names(doctest_namespace):
    doctest_namespace["al"] = alignlib
    doctest_namespace["np"] = np
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
