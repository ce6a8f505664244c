"""Rows and columns as a page shows them, in a notebook, a built page and on paper alike."""

import numbers
import re
from collections.abc import Iterable, Sequence

from alignlib import inputs
from alignlib.claim import number, printed

BAR = re.compile(r"\$[^$]*\$|\|")  # a formula, or a bar, which would end the cell


class Table:
    """A table whose head and cells may hold TeX between dollars.

    Parameters
    ----------
    columns : sequence of str, the head
    rows : iterable of sequences as long as `columns`
        Whole numbers are shown in full, other numbers to `digits` significant digits, text as it is.
    digits : int, 1 or more

    Raises
    ------
    ValueError
        If a row has not as many cells as there are columns.

    Examples
    --------
    >>> al.Table(["$n$", "time"], [[10, 0.5], [1000, 1.23456e-7]])
    $n$    time
    10     0.5
    1,000  1.23·10⁻⁷
    """

    def __init__(self, columns: Sequence[str], rows: Iterable[Iterable], digits: int = 3) -> None:
        digits = inputs.integer("digits", digits, least=1)
        cells = [inputs.items("rows", row) for row in inputs.items("rows", rows)]
        self.columns = [str(name) for name in inputs.items("columns", columns)]
        for row in cells:
            if len(row) != len(self.columns):
                wanted = len(self.columns)
                raise ValueError(f"`rows` must have {wanted} cells each, one has {len(row)}: {row}")
        self.cells = [[_text(cell, digits) for cell in row] for row in cells]
        self.right = [any(map(_is_number, column)) for column in zip(*cells)]

    def __repr__(self) -> str:
        lines = [self.columns, *self.cells]
        widths = [max(map(len, column)) for column in zip(*lines)]
        padded = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
        return "\n".join(padded)

    def _repr_markdown_(self) -> str:
        head, *cells = ([BAR.sub(_bar, cell) for cell in row] for row in [self.columns, *self.cells])
        rule = ["---:" if right else ":---" for right in self.right or [False] * len(head)]
        return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *cells])


def _is_number(cell):
    return isinstance(cell, numbers.Real) and not isinstance(cell, bool)


def _text(cell, digits):
    if not _is_number(cell):
        return " ".join(str(cell).split("\n"))
    if isinstance(cell, numbers.Integral):
        return printed(f"{cell:,}")
    return printed(number(cell, digits))


def _bar(match):
    if match[0] == "|":
        return "&#124;"
    return match[0].replace(r"\|", r"\Vert ").replace("|", r"\vert ")
