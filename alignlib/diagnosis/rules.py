"""From facts to findings and advice: one function a rule, listed in `RULES`; facts come from `report`.

A finding is a `Claim` that states what is wrong: "holds" means that it was found. Findings that rest on the
flow are "not applicable" where the run did not follow it. An advice says what to pass instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alignlib import loss as losses
from alignlib.claim import Claim
from alignlib.data import Dataset
from alignlib.diagnosis import repair
from alignlib.diagnosis.stalls import Plateau
from alignlib.diagnosis.start import SURE, Outlook
from alignlib.network import Network
from alignlib.theory.stuck import Stuck
from alignlib.theory.thresholds import trap
from alignlib.trajectory import Trajectory

GAP = 0.05  # of the largest output: a run that is further from the flow does not follow it
FEW = 0.25  # share of the labels that may be named as suspicious: beyond it chapter 6 finds no clean class
CHANCE = 1e-6  # of as many dead neurons by a random start
LEFT = 0.05  # share of the loss that must still be above its limit for a slow fall to matter
SOONER = 0.5  # of the wait for those on a way out: what one more neuron may take to be advised
NOTHING = 1e-9  # share of the loss up to which a limit is zero, but for rounding


@dataclass(frozen=True)
class Advice:
    """What to change, because of what, the key of the finding, and what is predicted to happen.

    `use` holds what to pass in place of what was passed: `net`, `data`, `step`, `t_end`, or the least
    `width`; empty where the change is the reader's.
    """

    change: str
    because: str
    evidence: str
    predicted: str
    use: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Facts:
    """What the rules look at."""

    path: Trajectory
    gap: float
    aligned: float
    moved: float
    outlook: Outlook
    missing: list
    flips: np.ndarray
    stalled: Plateau | None
    certificate: Stuck | None
    ways: list

    @property
    def follows(self):
        """The hypothesis of all that rests on the flow; a gap that is not known is not a small one."""
        return {"the run follows the flow": self.gap <= GAP}


def found(facts: Facts) -> tuple[tuple[Claim, ...], tuple[Advice, ...]]:
    """All findings, and advice for those that hold."""
    pairs = [pair for rule in RULES if (pair := rule(facts)) is not None]
    findings = tuple(claim for claim, _ in pairs)
    return findings, tuple(advice for claim, advice in pairs if advice and claim.verdict == "holds")


def about(value: float) -> str:
    """Two digits, and no power of ten before a million."""
    return f"{float(f'{value:.2g}'):g}".replace("inf", "∞")


def _neurons(count):
    return f"{count} neuron{'' if count == 1 else 's'}"


def _claim(key, statement, source, measured, bound, relation=">=", hypotheses=None):
    return Claim(key, statement, source, measured, bound, relation, hypotheses=hypotheses or {})


def step(facts):
    """The run is not the flow."""
    if facts.gap <= GAP or np.isnan(facts.gap):
        return None
    short = repair.step(facts.path)
    claim = _claim("step", "The run leaves the flow (largest gap)", "measured here", facts.gap, GAP)
    return claim, Advice(
        f"Take plain steps of at most {about(short)}: no momentum, no Adam",
        f"the outputs are {facts.gap:.0%} away from those of gradient flow from the same start",
        "step",
        "the run follows the flow within 5 %",
        {"step": short},
    )


def dead(facts):
    """Neurons that are on no sample, more than chance makes."""
    path = facts.path
    signs = path.patterns(path.t[0]), path.patterns(path.t[-1])
    first, last = ((~(one > 0).any(axis=1)).sum() for one in signs)
    if path.start.negative_slope:
        return None
    many = repair.most(path.start.width, facts.outlook.dead_at_start, facts.outlook.draws, CHANCE)
    if not (first > many or last == path.start.width):
        return None
    statement = "Neurons are dead (number, against what chance makes of a random start)"
    claim = _claim("dead", statement, "measured here", max(first, last), min(many + 1, path.start.width))
    net = repair.revived(path.start, path.data)
    return claim, Advice(
        f"Draw {_neurons(first)} anew: the dead" if first else "Draw all neurons anew",
        f"{first} of {path.start.width} are on no sample at the start, {last} at the end"
        "; nothing moves them",
        "dead",
        "they move",
        {"net": net},
    )


def empty(facts):
    """A side that no living neuron works for."""
    if not facts.missing:
        return None
    side = " and ".join(f"{s:+d}" for s in facts.missing)
    claim = _claim("empty", "A side has no living neuron (sides)", "measured here", len(facts.missing), 1)
    return claim, _wider(facts, f"no neuron with an output weight of sign {side} is alive", "empty")


def narrow(facts):
    """A width at which a side is likely to stay empty, though it has not."""
    chance = facts.outlook.chance_empty
    if facts.missing or chance <= 1 - SURE:
        return None
    statement = "The chance that a side stays empty at this width is above 1 %"
    claim = _claim("narrow", statement, "estimated here", chance, 1 - SURE)
    return claim, _wider(facts, f"at this width a side stays empty with a chance of {chance:.0%}", "narrow")


def _wider(facts, because, key):
    width = facts.outlook.width
    if not np.isfinite(width):
        return None
    predicted = "no side stays empty, with a chance of 99 %"
    return Advice(f"Take at least {_neurons(width)}", because, key, predicted, {"width": width})


def stragglers(facts):
    """Neurons with ‖w‖ > |v| that turn round, and so come late: those of a balanced start never do."""
    ahead = facts.outlook
    late = int((ahead.space_like & (ahead.late | (facts.flips > facts.moved))).sum())
    if not late or not facts.aligned > facts.moved:
        return None
    statement = "Neurons with ‖w‖ > |v| settle, or change the sign of v, after the loss has moved (number)"
    claim = _claim("stragglers", statement, "measured here", late, 1, hypotheses=facts.follows)
    return claim, Advice(
        "Balance the start: |v| = ‖w‖",
        f"{_neurons(late)} with ‖w‖ > |v| come late, and no neuron of a balanced start turns round",
        "stragglers",
        "no output weight changes its sign (proved for the flow)",
        {"net": repair.balanced(facts.path.start)},
    )


def overtaken(facts):
    """The loss moves before the neurons are aligned."""
    ahead = facts.outlook
    if not (facts.path.data.n > 1 and ahead.mu > 0 and facts.aligned > facts.moved):
        return None
    claim = _claim(
        "overtaken",
        "Neurons align after the loss has moved by 1 % (time, against that)",
        "measured here",
        facts.aligned,
        facts.moved,
        hypotheses=facts.follows,
    )
    if ahead.late.any() and not (ahead.late & ~ahead.space_like).any():
        return claim, None  # only stragglers are late
    small = repair.smaller(ahead, facts.path)
    return claim, small and Advice(
        f"Start {about(small**-0.5)} times smaller",
        f"the loss has moved at {about(facts.moved)}, and neurons settle as late as "
        f"{about(ahead.alignment_time)} whatever the scale",
        "overtaken",
        "all neurons are aligned before the loss moves (estimated: the early flow)",
        {"net": facts.path.start.scaled(small)},
    )


def separation(facts):
    """Assumption 1 fails: by the bias or the mean, by some labels, or by the data."""
    share, data = facts.outlook.violating, facts.path.data
    if not facts.outlook.mu <= 0:  # also without classes
        return None
    statement = "Pairs of samples violate Assumption 1 (share)"
    claim = _claim("separation", statement, "measured here", share, 1 / data.n**2)
    return claim, _preprocess(data) or _labels(data, losses.constant_pulls(facts.path.loss_function, data))


def _preprocess(data):
    for what, mended in repair.preprocessed(data).items():
        if mended.mu > 0:
            return Advice(
                what,
                f"μ is {about(data.mu)}, and {about(mended.mu)} then",
                "separation",
                "Assumption 1 holds",
                {"data": mended},
            )
    return None


def _labels(data, g):
    """The loose samples, if both signs name the same few and all is well once they are turned."""
    loose = ~trap(data, 1, g)
    if not 0 < loose.sum() <= FEW * data.n or (loose != ~trap(data, -1, g)).any():
        return None
    turned = Dataset(data.x, np.where(loose, -data.y, data.y), data.name)
    if not all(trap(turned, s).all() for s in (1, -1)):
        return None
    names = ", ".join(map(str, np.flatnonzero(loose)[:8])) + ("…" if loose.sum() > 8 else "")
    return Advice(
        f"Look at the labels of {loose.sum()} samples: {names}",
        "they alone lean away from their class, and with the other label none does",
        "separation",
        "with these labels turned both goal cones trap (proved for the early flow)",
        {"data": turned},
    )


def stuck(facts):
    """It is proved that the loss stays above zero."""
    proof = facts.certificate
    if facts.stalled is None or proof is None or not proof.holds:
        return None
    statement = "From here the flow keeps its patterns for ever (least room, less what is left of rapidity)"
    claim = _claim("stuck", statement, "proved here", proof.margin, 0.0)
    other = "add a neuron, or start anew" if facts.ways else "a small neuron more would hardly grow"
    return claim, Advice(
        f"Do not train on: {other}",
        f"the flow provably ends at the loss {about(proof.limit)}",
        "stuck",
        f"without a change the loss stays at {about(proof.limit)} (proved for the flow)",
    )


def waiting(facts):
    """Somebody is on a way out."""
    used = [way for way in facts.ways if len(way.neurons)]
    if facts.stalled is None or not used or (facts.certificate and facts.certificate.holds):
        return None
    way = min(used, key=lambda one: one.escape)
    until = float(facts.path.t[-1] + way.escape)
    statement = "A neuron is on a way out of the plateau (rate)"
    claim = _claim("waiting", statement, "estimated here", way.rate, 0.0, hypotheses=facts.follows)
    return claim, Advice(
        f"Wait until t = {about(until)}",
        f"{_neurons(len(way.neurons))} on the way, growing at the rate {about(way.rate)}",
        "waiting",
        f"the loss has fallen by a tenth about then (at t = {about(until)})",
        {"t_end": float(facts.path.t[-1] + 2 * way.escape)},
    )


def unused(facts):
    """A way out that nobody is on, and no other neuron is soon out."""
    if facts.stalled is None or not facts.ways or len(facts.ways[0].neurons):
        return None
    way, net = facts.ways[0], facts.path.final
    small = way.neuron(repair.small(facts.path))
    grown = Network(np.vstack([net.w, small.w]), np.append(net.v, small.v), net.negative_slope)
    when = repair.escape(small, facts.path, net)
    if when > SOONER * min(one.escape for one in facts.ways):
        return None
    statement = "A direction grows, and no neuron is on the way to it (rate)"
    claim = _claim("unused", statement, "estimated here", way.rate, 0.0)
    return claim, Advice(
        f"Add a neuron with v {'>' if way.sign > 0 else '<'} 0 that is active on {int(way.pattern.sum())} "
        f"of {len(way.pattern)} samples",
        f"it grows at the rate {about(way.rate)}, and no small neuron is in its basin",
        "unused",
        f"a tenth of the loss is gone {about(when)} later",
        {"net": grown, "t_end": 2 * when},
    )


def slow(facts):
    """Not stuck, and nobody else to come: what is left of the fall."""
    proof = facts.certificate
    if facts.stalled is None or proof is None or proof.holds or facts.ways:
        return None
    if not (proof.excess > LEFT * facts.stalled.loss and 0 < proof.rate < np.inf):
        return None
    claim = _claim("slow", "The loss is above its limit (share of it)", "measured here",
                   proof.excess / facts.stalled.loss, LEFT, hypotheses=facts.follows)  # fmt: skip
    wait = float(np.log(10) / (2 * proof.rate))
    limit = about(proof.limit if proof.limit > NOTHING * facts.stalled.loss else 0.0)
    return claim, Advice(
        f"Wait {about(wait)} longer",
        f"the slowest rate is {about(proof.rate)}, and the loss {limit} lies ahead",
        "slow",
        "what is above that has fallen tenfold (estimated: patterns and sizes kept)",
        {"t_end": float(facts.path.t[-1] + wait)},
    )


RULES = (step, dead, empty, narrow, stragglers, separation, overtaken, stuck, unused, waiting, slow)
