"""A statement with what was measured and a verdict: what every check returns.

A Claim that a notebook cell displays is recorded: the book's claim ledger is made from the outputs of
the executed cells, and a claim whose cell did not run makes the build fail.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from alignlib import inputs

KINDS = ("bound", "order", "illustration", "open")
# The line beside a claim, by its verdict: in a page, and in JupyterLab, which has no style sheet of ours.
LINES = {
    "holds": "solid #009e73",
    "holds up to the constant": "dashed #009e73",
    "only illustrated": "dotted #0072b2",
    "does not hold as run": "solid #d55e00",
}
POWER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?)0*(\d+)\b")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Claim:
    """A statement, what was measured, and the verdict.

    Parameters
    ----------
    key : str, the row of the ledger, unique in the book
    statement : str, one sentence in plain text
    source : str, "stated by MMV, Theorem 1", "proved here", "estimated here", "measured here", "classical"
    measured, bound : numbers, compared as `measured relation bound`
    relation : "<=" or ">="
    kind : what the statement is
        "bound" (an explicit number), "order" (holds up to a constant), "illustration" (one run of
        something not proved here), "open" (a question the papers leave open)
    hypotheses : mapping from hypothesis to whether it holds on these data
    resolution : measured values below it are rounding noise, and are printed as that

    Examples
    --------
    >>> al.Claim("demo", "Small is small", "proved here", 1e-17, 1e-12, resolution=1e-15)
    Claim(demo: measured below 1e-15, bound <= 1e-12: holds)
    """

    key: str
    statement: str
    source: str
    measured: float
    bound: float
    relation: str = "<="
    kind: str = "bound"
    hypotheses: Mapping[str, bool] = field(default_factory=dict)
    resolution: float = 0.0

    def __post_init__(self) -> None:
        inputs.choice("relation", self.relation, ("<=", ">="))
        inputs.choice("kind", self.kind, KINDS)
        for name in ("measured", "bound"):
            object.__setattr__(self, name, inputs.number(name, getattr(self, name)))
        object.__setattr__(self, "resolution", inputs.at_least_zero("resolution", self.resolution))
        if not isinstance(self.hypotheses, Mapping):
            kind = type(self.hypotheses).__name__
            raise ValueError(f"`hypotheses` must map names to whether they hold, got {kind}")
        object.__setattr__(self, "hypotheses", {name: bool(held) for name, held in self.hypotheses.items()})

    @property
    def margin(self) -> float:
        """How far the measured value is on the right side of the bound; negative on the wrong one."""
        return self.bound - self.measured if self.relation == "<=" else self.measured - self.bound

    @property
    def verdict(self) -> str:
        """What the ledger says: a failed hypothesis is "not applicable", never "holds"."""
        if not all(self.hypotheses.values()):
            return "not applicable"
        if self.kind == "open":
            return "open"
        if not self.margin >= 0:
            return "does not hold as run"
        return {
            "bound": "holds",
            "order": "holds up to the constant",
            "illustration": "only illustrated",
        }[self.kind]

    def record(self) -> dict:
        """The claim as the ledger shows it, numbers to three digits so that runs compare.

        A question that is open has no bound: `bound` and `margin` are empty.
        """
        bound = f"{ {'<=': '≤', '>=': '≥'}[self.relation] } {number(self.bound)}"
        whole = self.bound if self.relation == "<=" else -self.bound  # measured noise counts as zero
        margin = number(self.margin if self._measurable() else whole)
        if self.kind == "open":
            bound = margin = ""
        return {
            "key": self.key,
            "statement": printed(self.statement),
            "source": printed(self.source),
            "measured": printed(self._shown()),
            "bound": printed(bound),
            "margin": printed(margin),
            "failed": [printed(name) for name, held in self.hypotheses.items() if not held],
            "verdict": self.verdict,
        }

    def _measurable(self):
        return not abs(self.measured) < self.resolution

    def _shown(self):
        return number(self.measured) if self._measurable() else f"below {number(self.resolution)}"

    def __repr__(self) -> str:
        bound = f", bound {self.relation} {number(self.bound)}" if self.kind != "open" else ""
        return f"Claim({self.key}: measured {self._shown()}{bound}: {self.verdict})"

    def _repr_html_(self) -> str:
        """A box that says it in words, and carries the record for the ledger."""
        row = self.record()
        source = row["source"][:1].upper() + row["source"][1:]
        bound = f", bound {row['bound']}" if row["bound"] else ""
        said = f"Measured {row['measured']}{bound}. {source}."
        if row["failed"]:
            said = f"Not met here: {'; '.join(row['failed'])}. {said}"
        line = LINES.get(row["verdict"], "solid #8c8c8c")
        return (
            f'<div class="claim" style="border-left: 4px {line}; padding: 0.4rem 0.8rem"'
            f' id="claim-{escape(self.key)}"'
            f' data-claim="{escape(json.dumps(row))}"><strong>{escape(row["verdict"])}</strong>'
            f" <span>{escape(row['statement'])}.</span> <span>{escape(said)}</span></div>"
        )


def number(value, digits=3):
    """A number with so many digits, as text."""
    return f"{value:.{digits}g}".replace("inf", "∞")


def printed(text: str) -> str:
    """Plain text as a page shows it: 1e-9 as 10⁻⁹, a minus as one, nothing parted that belongs together.

    A relation has a space on either side, at which no line breaks.

    >>> al.claim.printed("1.5e-09 and -1e+08")
    '1.5·10⁻⁹ and −10⁸'
    """

    def power(match):
        factor, sign, exponent = match.groups()
        ten = "10" + (sign.replace("+", "") + exponent).translate(RAISED)
        return ten if factor == "1" else f"{factor}·{ten}"

    text = POWER.sub(power, text)
    text = re.sub(r"(?<![\w)])-(?=\d|∞)", "−", text)
    text = text.replace("<=", "≤").replace(">=", "≥")
    text = re.sub(" ?((?<![!=])=(?![=>])|[≤≥]) ?| ([<>]) ", lambda m: f"\u00a0{m[1] or m[2]}\u00a0", text)
    text = re.sub(r"\b(Assumption|Theorem) (?=\d)", "\\1\u00a0", text)
    return text.replace(" %", "\u00a0%").strip()
