"""What people pass for an array: right, or refused by name with what to pass instead."""

import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

import alignlib as al

BASE = [[1.0, 0.0], [0.0, 2.0], [-1.0, -1.0]]
WHOLE = [[1, 0], [0, 2], [-1, -1]]
with warnings.catch_warnings():
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    MATRIX = np.matrix(BASE)

RIGHT = {
    "tuples": tuple(map(tuple, BASE)),
    "arrays in a list": [np.array(row) for row in BASE],
    "tensors in a list": [torch.tensor(row) for row in BASE],
    "integers": WHOLE,
    "Fortran order": np.asfortranarray(BASE),
    "backwards": np.array(BASE[::-1])[::-1],
    "every second column": np.repeat(BASE, 2, axis=1)[:, ::2],
    "big-endian": np.array(BASE, dtype=">f8"),
    "float16": np.array(BASE, dtype=np.float16),
    "long double": np.array(BASE, dtype=np.longdouble),
    "int8": np.array(WHOLE, dtype=np.int8),
    "a matrix": MATRIX,
    "masked, nothing hidden": np.ma.masked_array(BASE),
    "a buffer": memoryview(np.array(BASE)),
    "read-only": np.broadcast_to(np.array(BASE), (3, 2)),
    "a data frame": pd.DataFrame(BASE),
    "Int64": pd.DataFrame(WHOLE, dtype="Int64"),
    "Float64": pd.DataFrame(BASE, dtype="Float64"),
    "mixed columns": pd.DataFrame({"a": [1, 0, -1], "b": pd.array([0, 2, -1], dtype="Int64")}),
    "a tensor": torch.tensor(BASE),
    "a tensor, transposed": torch.tensor(BASE).T.contiguous().T,
}

REAL = "`x` must be an array of real numbers, got "
DETACH = "pass `.detach().cpu().double()` of it"
WRONG = {
    "masked": (
        np.ma.masked_array(BASE, [[0, 0], [0, 1], [0, 0]]),
        "no masked entries, got one at index (1, 1)",
    ),
    "NA": (
        pd.DataFrame([[1, None], [0, 2], [1, 1]], dtype="Int64"),
        "`x` must be finite, got nan at index (0, 1)",
    ),
    "dates": (pd.DataFrame({"a": pd.to_datetime(["2026-01-01"] * 3)}), REAL + "DataFrame"),
    "objects": (np.array(BASE, dtype=object), REAL + "ndarray of object"),
    "decimals": ([[Decimal(1), Decimal(0)], [0, 2], [1, 1]], REAL + "list"),
    "complex": (np.array(BASE, dtype=complex), REAL + "ndarray of complex128"),
    "words": ([["1", "0"], ["0", "2"], ["1", "1"]], REAL + "list"),
    "a generator": ((row for row in BASE), REAL + "generator: pass `list(...)` of it"),
    "a map": (map(list, BASE), REAL + "map: pass `list(...)` of it"),
    "sparse": (scipy.sparse.csr_matrix(BASE), REAL + "csr_matrix of float64: pass `.toarray()` of it"),
    "on a graph": (torch.tensor(BASE, requires_grad=True), DETACH),
    "bfloat16": (torch.tensor(BASE, dtype=torch.bfloat16), DETACH),
    "on no device": (torch.tensor(BASE, device="meta"), DETACH),
    "ragged": ([[1, 0], [0, 2, 3], [1, 1]], REAL + "list"),
    "too large": ([[10**400, 1], [0, 2], [1, 1]], REAL + "list"),
    "a set": ({1, 2, 3}, REAL + "set"),
    "a number": (np.array(3.0), "`x` must be a non-empty array with 2 axes, got shape ()"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_holds_numbers_gives_the_same_samples_bit_for_bit(name):
    data = al.Dataset(RIGHT[name], [1, 1, -1])
    assert data.x.dtype == np.float64
    assert data.x.flags.c_contiguous  # or sums run in another order
    assert data.x.tolist() == BASE


@pytest.mark.parametrize("name", WRONG)
def test_the_rest_is_refused_with_what_to_pass_instead(name):
    value, said = WRONG[name]
    with pytest.raises(ValueError, match=re.escape(said)):
        al.Dataset(value, [1, 1, -1])


def test_what_is_given_is_not_shared():
    x = np.array(BASE)
    data = al.Dataset(x, [1, 1, -1])
    x[:] = 7
    assert data.x.tolist() == BASE
    with pytest.raises(ValueError, match="read-only"):
        data.x[0] = 1
