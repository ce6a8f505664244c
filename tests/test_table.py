"""A table shows every cell, numbers as a page writes them, in text and in Markdown."""

import numpy as np
import pytest

import alignlib as al


def test_numbers_are_rounded_text_is_not_and_numbers_stand_right():
    table = al.Table(["$n$", "who", "time"], [[5, "a|b", 1.23456e-7], [200_000, "c", np.float64(2)]])
    assert table._repr_markdown_().splitlines() == [
        "| $n$ | who | time |",
        "| ---: | :--- | ---: |",
        "| 5 | a&#124;b | 1.23·10⁻⁷ |",
        "| 200,000 | c | 2 |",
    ]


def test_bars_in_formulas_do_not_end_a_cell():
    table = al.Table([r"$\|w\|$", "|v|"], [["$|a|$", "b"]])
    assert table._repr_markdown_().splitlines()[::2] == [
        r"| $\Vert w\Vert $ | &#124;v&#124; |",
        r"| $\vert a\vert $ | b |",
    ]


def test_a_cell_is_one_line():
    assert repr(al.Table(["a"], [["b\nc"]])) == "a\nb c"


def test_digits_must_be_a_count():
    with pytest.raises(ValueError, match="`digits` must be at least 1, got 0"):
        al.Table(["a"], [], digits=0)


def test_rows_may_come_from_an_iterator():
    assert al.Table(["a", "b"], zip([1, 2], [3, 4]))._repr_markdown_().splitlines()[1] == "| ---: | ---: |"


def test_the_text_has_aligned_columns():
    assert repr(al.Table(["a", "long"], [["x", 1], ["yyy", 22]])) == "a    long\nx    1\nyyy  22"


def test_a_table_may_be_empty():
    assert repr(al.Table(["a"], [])) == "a"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="`rows` must have 2 cells each, one has 1"):
        al.Table(["a", "b"], [[1, 2], [3]])


@pytest.mark.parametrize(
    ("value", "shown"), [(np.nan, "nan"), (np.inf, "∞"), (-np.inf, "−∞"), (True, "True")]
)
def test_what_is_not_finite_and_what_is_true(value, shown):
    assert repr(al.Table(["a"], [[value]])).split() == ["a", shown]
