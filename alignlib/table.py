"""Rows and columns as a page shows them, in a notebook, a built page and on paper alike."""

import numbers

from alignlib.claim import printed


class Table:
    """A table whose head and cells may hold TeX between dollars.

    Parameters
    ----------
    columns : sequence of str, the head
    rows : sequence of sequences as long as `columns`
        Whole numbers are shown in full, other numbers to `digits` significant digits, text as it is.
    digits : int

    Raises
    ------
    ValueError
        If a row has not as many cells as there are columns.

    Examples
    --------
    >>> al.Table(["$n$", "time"], [[10, 0.5], [1000, 1.23456e-7]])
    $n$   time
    10    0.5
    1000  1.23·10⁻⁷
    """

    def __init__(self, columns, rows, digits=3):
        rows = [list(row) for row in rows]
        self.columns = [str(name) for name in columns]
        self.cells = [[_text(cell, digits) for cell in row] for row in rows]
        self.right = [all(isinstance(cell, numbers.Real) for cell in column) for column in zip(*rows)]
        for row in self.cells:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"`rows` must have {len(self.columns)} cells each, one has {len(row)}: {row}"
                )

    def __repr__(self):
        lines = [self.columns, *self.cells]
        widths = [max(map(len, column)) for column in zip(*lines)]
        padded = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
        return "\n".join(padded)

    def _repr_markdown_(self):
        rule = ["---:" if right else ":---" for right in self.right or [False] * len(self.columns)]
        lines = [self.columns, rule, *self.cells]
        return "\n".join(
            f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines
        )


def _text(cell, digits):
    if isinstance(cell, numbers.Integral) and not isinstance(cell, bool):
        return f"{cell:,}".replace(",", "\u202f") if abs(cell) >= 10_000 else str(cell)
    if isinstance(cell, numbers.Real) and not isinstance(cell, bool):
        return printed(f"{cell:.{digits}g}").replace("inf", "∞")
    return str(cell)
