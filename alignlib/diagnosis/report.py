"""`diagnose`: the facts of a run, what follows from them, and how it is told."""

from dataclasses import dataclass, field
from html import escape

import numpy as np

from alignlib import inputs, theory
from alignlib import loss as losses
from alignlib.claim import Claim, number, printed
from alignlib.diagnosis import rules
from alignlib.diagnosis.census import Neurons, missing, neurons
from alignlib.diagnosis.exits import WayOut, ways_out
from alignlib.diagnosis.stalls import Plateau, plateaus
from alignlib.diagnosis.start import MOVED, Outlook, outlook
from alignlib.flow import FlowError, gradient_flow
from alignlib.table import Table
from alignlib.theory.stuck import Stuck
from alignlib.trajectory import Trajectory

LOOKS = 50  # times at which a run is compared with the flow
GROWS = 0.2  # e-foldings of a way over the whole run: fewer are what is left of a decay, or no help


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """What `diagnose` found; printed, it is a text, in a notebook a page.

    Attributes
    ----------
    path : the run
    fidelity : largest difference of an output from that of gradient flow from the same start, over the
        largest output; nan if that flow was not followed
    aligned : the alignment time; inf if it had not come, nan without classes
    moved : the first time at which the loss has fallen by 1 %; inf if it never has
    outlook, neurons, plateaus, ways_out : as these functions have them, of the start and of the end; of the
        ways those along which a neuron would grow by e within five such runs
    missing : the signs of labels that no living neuron works for at the end
    certificate : `theory.certify_stuck` of the end; None where there is none for this loss
    findings : Claims that state what is wrong: "holds" means that it was found, "not applicable" that it
        rests on the flow, which the run does not follow
    advice : what to change
    """

    path: Trajectory = field(repr=False)
    fidelity: float
    aligned: float
    moved: float
    outlook: Outlook
    neurons: Neurons
    plateaus: list[Plateau]
    ways_out: list[WayOut]
    missing: list[int]
    certificate: Stuck | None = field(repr=False)
    findings: tuple[Claim, ...]
    advice: tuple[rules.Advice, ...]

    @property
    def overtaken(self) -> bool:
        """Whether the loss moved before the neurons were aligned."""
        return bool(self.aligned > self.moved)

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def table(self) -> Table:
        """Findings and advice, a row each."""
        change = {one.evidence: one.change for one in self.advice}
        rows = [
            (one.statement, rules.about(one.measured), _source(one), change.get(one.key, "–"))
            for one in self.findings
        ]
        return Table(["found", "measured", "how sure", "advice"], rows)

    def __str__(self) -> str:
        lines = [f"{name:<10} {text}" for name, text in self._facts().items()]
        lines += [f"{'found':<10} {one.statement}: {_measured(one)}" for one in self.findings]
        if self.healthy:
            lines.append(f"{'found':<10} nothing that is wrong")
        for one in self.advice:
            lines += [f"{'advice':<10} {one.change}", f"{'':<10} because {one.because}"]
            lines.append(f"{'':<10} predicted: {one.predicted}")
        return printed("\n".join(lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        facts = "".join(
            f"<dt>{escape(name)}</dt><dd>{escape(printed(text))}</dd>"
            for name, text in self._facts().items()
        )
        found = "".join(
            f"<li><strong>{escape(printed(one.statement))}</strong>: {escape(printed(_measured(one)))}</li>"
            for one in self.findings
        )
        advice = "".join(
            f"<li><strong>{escape(printed(one.change))}</strong>, because {escape(printed(one.because))}. "
            f"Predicted: {escape(printed(one.predicted))}.</li>"
            for one in self.advice
        )
        return (
            f'<div class="diagnosis"><dl>{facts}</dl><p>Found</p>'
            f"<ul>{found or '<li>nothing that is wrong</li>'}</ul>"
            + (f"<p>Advice</p><ol>{advice}</ol></div>" if advice else "</div>")
        )

    def _facts(self):
        path, kinds = self.path, self.neurons.counts()
        stood = ", then ".join(f"{rules.about(one.loss)} ({one.reference})" for one in self.plateaus)
        when = "" if np.isnan(self.aligned) else f", aligned at {rules.about(self.aligned)}"
        gap = "not compared" if np.isnan(self.fidelity) else _at_least(self.fidelity)
        return {
            "run": f"{path.data.name or 'data'}, t to {path.t[-1]:g}, "
            f"loss {rules.about(path.loss[0])} to {_at_least(path.loss[-1], 1e-6)}",
            "flow": f"largest gap to gradient flow {gap}",
            "alignment": f"neurons settle by {rules.about(self.outlook.alignment_time)} in the early flow"
            f"{when}; the loss moves at {rules.about(self.moved)}",
            "neurons": ", ".join(f"{count} {kind}" for kind, count in kinds.items()),
            "stood at": stood or "no plateau",
        }


def _at_least(value, least=1e-3):
    """Two digits; what is so small that it is noise or no matter, as that."""
    return rules.about(value) if value >= least else f"below {number(least)}"


def _source(claim):
    return claim.source if claim.verdict == "holds" else claim.verdict


def _measured(claim):
    return f"{rules.about(claim.measured)} ({_source(claim)})"


def diagnose(path: Trajectory, flow: bool = True) -> Diagnosis:
    """What holds a run back, how sure that is, and what to change.

    The run is compared with gradient flow from its start; then its start is judged by the early flow, its
    end by walls, pulls and, under a squared loss, by the certificate for several patterns; and the rules of
    `diagnosis.rules` make findings and advice of it. A healthy run has no findings.

    Parameters
    ----------
    path : Trajectory, of a solver of this library, or `al.recorded` of a run of your own
    flow : bool
        Whether a run that is not one is compared with the flow, the slowest part. Without it what rests on
        the flow is "not applicable".

    Raises
    ------
    ValueError
        If `path` is not a Trajectory, has one kept time only, or has a weight decay.

    Examples
    --------
    >>> net = al.Network.balanced(width=20, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.three_points(), "squared", t_end=60)
    >>> [one.key for one in al.diagnose(path).findings]
    ['stuck', 'unused']
    """
    if not isinstance(path, Trajectory):
        raise ValueError(f"`path` must be a Trajectory, got {type(path).__name__}")
    inputs.undecayed("path", path, "a diagnosis")
    inputs.whole("path", path)
    inputs.choice("flow", flow, (True, False))
    if len(path.t) < 2:
        raise ValueError(f"`path` must have times besides the start, got {path!r}")
    data, loss, end = path.data, path.loss_function, path.t[-1]
    stood = plateaus(path)
    stalled = stood[-1] if stood and stood[-1].end == end else None
    facts = rules.Facts(
        path=path,
        gap=_gap(path, flow),
        aligned=float(path.alignment_time),
        moved=_moved(path),
        outlook=outlook(path.start, data, loss),
        missing=missing(path),
        flips=_flips(path),
        stalled=stalled,
        certificate=_certificate(path),
        ways=_ways(path) if stalled else [],
    )
    findings, advice = rules.found(facts)
    return Diagnosis(
        path=path,
        fidelity=facts.gap,
        aligned=facts.aligned,
        moved=facts.moved,
        outlook=facts.outlook,
        neurons=neurons(path, end, loss),
        plateaus=stood,
        ways_out=facts.ways,
        missing=facts.missing,
        certificate=facts.certificate,
        findings=findings,
        advice=advice,
    )


def _gap(path, flow):
    """How far the run is from the flow; 0 for a flow, nan if that is not followed."""
    if np.isfinite(path.rtol) or not flow:
        return 0.0 if np.isfinite(path.rtol) else np.nan
    rows = np.unique(np.linspace(0, len(path.t) - 1, LOOKS).round().astype(int))
    times = path.t[rows] - path.t[0]
    try:
        there = gradient_flow(path.start, path.data, path.loss_function, times[-1], t_save=times)
    except FlowError:
        return np.nan
    size = max(np.abs(there.outputs).max(), np.abs(path.outputs[rows]).max(), 1e-300)
    return float(np.abs(there.outputs - path.outputs[rows]).max() / size)


def _ways(path):
    """The ways out that matter: a logarithmic fall, rate 1/(2 t log t), is below GROWS from t = 12 on."""
    found = ways_out(path.final, path.data, path.loss_function)
    return [way for way in found if way.rate * (path.t[-1] - path.t[0]) >= GROWS]


def _moved(path):
    """The first kept time at which the loss has fallen by 1 %; between them where the run has it."""
    if path.continuous:
        return path.when((1 - MOVED) * path.loss[0])
    there = np.flatnonzero(path.loss <= (1 - MOVED) * path.loss[0])
    return float(path.t[there[0]]) if there.size else np.inf


def _flips(path):
    """The last kept time at which each output weight had another sign than at the end, (h,)."""
    _, v = path.weights()
    other = np.sign(v) != np.sign(v[-1])
    last = len(path.t) - 1 - np.argmax(other[::-1], axis=0)
    return np.where(other.any(axis=0), path.t[last], -np.inf)


def _certificate(path):
    if losses.quadratic_factor(path.loss_function) is None or path.start.negative_slope:
        return None
    return theory.certify_stuck(path, float(path.t[-1]))


inputs.guard(globals())
