"""The numbers of the solver: what is rounding is below its share, and each number has a use."""

from pathlib import Path

import numpy as np
import pytest

from alignlib.solver import tolerances
from alignlib.solver.tolerances import rounding


@pytest.mark.parametrize("dim", [2, 10, 100, 1000])
def test_a_product_that_is_zero_but_for_two_units_in_the_last_place_counts_as_zero(dim):
    rng, largest = np.random.default_rng(dim), 0.0
    for _ in range(300):
        pairs = rng.standard_normal((dim // 2, 2)) * 10 ** rng.uniform(-3, 3, (dim // 2, 1))
        a, b = pairs.ravel(), (pairs[:, ::-1] * [1, -1]).ravel()  # ⟨a, b⟩ = 0, exactly
        a, b = (part + rng.integers(-2, 3, dim) * np.spacing(part) for part in (a, b))
        largest = max(largest, abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)))
    assert 0 < largest <= rounding(dim)


def test_every_number_is_used_by_a_room():
    names = {name for name in vars(tolerances) if name.isupper()}
    assert len(names) > 40
    room = Path(tolerances.__file__)
    package = room.parents[1].rglob("*.py")
    said = " ".join(path.read_text(encoding="utf-8") for path in package if path != room)
    words = set(said.replace(",", " ").replace("(", " ").replace(")", " ").split())
    assert names <= words
