"""Statements of the papers as checks: every `check_…` returns a `Claim`, every `bound_…` a number.

A Claim that a notebook cell displays is recorded: the book's claim ledger is made from the outputs of
the executed cells, and a claim whose cell did not run makes the build fail.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np

from alignlib import geometry, inputs

KINDS = ("bound", "order", "illustration", "open")
MIME = "application/vnd.alignlib.claim+json"


@dataclass(frozen=True)
class Claim:
    """A statement, what was measured, and the verdict.

    Parameters
    ----------
    key : str, the row of the ledger, unique in the book
    statement : str, one sentence (Markdown mathematics allowed)
    source : str, "MMV, Theorem 1", "BF, ...", "derived here", "classical"
    measured, bound : numbers, compared as `measured relation bound`
    relation : "<=" or ">="
    kind : "bound" (an explicit number), "order" (holds up to a constant), "illustration" (one run of
        something not proved here), "open" (a question the papers leave open)
    hypotheses : mapping from hypothesis to whether it holds on these data
    resolution : measured values below it are rounding noise, and are printed as that

    Examples
    --------
    >>> Claim("demo", "Small is small", "derived here", 1e-17, 1e-12, resolution=1e-15)
    Claim(demo: measured below 1e-15 <= 1e-12: holds)
    """

    key: str
    statement: str
    source: str
    measured: float
    bound: float
    relation: str = "<="
    kind: str = "bound"
    hypotheses: Mapping = field(default_factory=dict)
    resolution: float = 0.0

    def __post_init__(self):
        inputs.choice("relation", self.relation, ("<=", ">="))
        inputs.choice("kind", self.kind, KINDS)
        for name in ("measured", "bound"):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "hypotheses", {name: bool(held) for name, held in self.hypotheses.items()})

    @property
    def margin(self):
        """How far the measured value is on the right side of the bound; negative on the wrong one."""
        gap = self.bound - self.measured
        return gap if self.relation == "<=" else -gap

    @property
    def verdict(self):
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

    def record(self):
        """The claim as the ledger keeps it, numbers to three digits so that runs compare."""
        return {
            "key": self.key,
            "statement": self.statement,
            "source": self.source,
            "measured": self._shown(self.measured),
            "relation": {"<=": "≤", ">=": "≥"}[self.relation],
            "bound": f"{self.bound:.3g}",
            "margin": self._shown(self.margin),
            "failed": [name for name, held in self.hypotheses.items() if not held],
            "verdict": self.verdict,
        }

    def _shown(self, number):
        if abs(number) < self.resolution:
            return f"below {self.resolution:.3g}"
        return f"{number:.3g}"

    def __repr__(self):
        measured = self._shown(self.measured)
        return f"Claim({self.key}: measured {measured} {self.relation} {self.bound:.3g}: {self.verdict})"

    def _repr_mimebundle_(self, include=None, exclude=None):
        row = self.record()
        failed = "; ".join(f"fails here: {name}" for name in row["failed"])
        html = (
            f'<div class="claim" id="claim-{escape(self.key)}">'
            f"<strong>{escape(row['verdict'])}</strong> "
            f"<span>{escape(row['statement'])}</span> "
            f"<span>Measured {row['measured']} {row['relation']} {row['bound']}. "
            f"{escape(failed + '. ' if failed else '')}{escape(row['source'])}.</span></div>"
        )
        return {"text/plain": repr(self), "text/html": html, MIME: row}


def check_assumption_1(data, key="assumption-1"):
    """MMV, Assumption 1: `μ > 0`, measured as the share of violating pairs of samples."""
    return Claim(
        key,
        f"Assumption 1 on {data.name or 'the data'}: no pair of samples violates it",
        "MMV, Assumption 1",
        geometry.violating_share(data),
        0.0,
    )


def check_balancedness(path, bound, key="balancedness"):
    """`‖w_j‖² - v_j²` stays what it was, for every neuron at every kept time.

    Measured: its largest change, relative to the largest `‖w_j‖²` of the run. Derived in chapter 1
    for gradient flow; gradient descent drifts in proportion to its step.
    """
    start = path.start.minkowski()
    drift, size = 0.0, 0.0
    for net in path.networks():
        drift = max(drift, float(np.abs(net.minkowski() - start).max()))
        size = max(size, float((net.w**2).sum(axis=1).max()))
    return Claim(
        key,
        f"Every neuron keeps its Minkowski norm along the run on {path.data.name or 'the data'}",
        "derived here",
        drift / size,
        bound,
        resolution=1e-15,
    )


def check_alignment(path, key="alignment"):
    """MMV, Theorem 1, first half: every neuron is at its goal before the loss has moved by 1 %.

    Measured: the alignment time. Bound: the first kept time with a loss below 99 % of the first.
    """
    moved = np.flatnonzero(path.loss < 0.99 * path.loss[0])
    return Claim(
        key,
        f"On {path.data.name or 'the data'} every neuron is aligned before the loss moves by 1 %",
        "MMV, Theorem 1",
        path.alignment_time,
        path.t[moved[0]] if moved.size else np.inf,
        kind="illustration",
        hypotheses={"Assumption 1": path.data.mu > 0},
    )
