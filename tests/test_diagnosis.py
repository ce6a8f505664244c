"""A fault is planted, the diagnosis names it, and the advice works. Healthy runs stay healthy."""

import os
import re
import subprocess
import sys
from html import escape
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

import alignlib as al
from alignlib.diagnosis import rules, stalls, start
from studies import planted, tables
from studies.diagnosis import learner

TOY, THREE = al.data.toy_2d(), al.data.three_points()
STUCK = al.gradient_flow(al.Network.balanced(20, 2, 1e-3, rng=0), THREE, "squared", 60)
WELL = al.gradient_flow(al.Network.balanced(20, 2, 1e-6, rng=0), TOY, "exponential", 20)


@pytest.mark.parametrize("name", planted.FAULTS)
def test_a_planted_fault_is_named_and_its_advice_works(name):
    fault = planted.FAULTS[name]
    path = fault.plant(0)
    found = al.diagnose(path)
    assert fault.finding in [one.key for one in found.findings if one.verdict == "holds"]
    advice = planted.advised(found, fault.finding)
    assert fault.cure(path, advice)


# Here the advice is to wait (the cure of "small input" sees that half of it is not enough), to be safe, or
# to change data or steps.
WAIT_OR_CHANGE = (
    "stopped early",
    "small input",
    "too few neurons",
    "steps too long",
    "bias",
    "mean",
    "wrong labels",
)


@pytest.mark.parametrize("name", planted.FAULTS)
def test_without_the_cure_the_fault_stays(name):
    """The same run, twice as long: the cures above are not what would have come anyway."""
    path = planted.FAULTS[name].plant(0)
    if name in WAIT_OR_CHANGE:
        pytest.skip("going on is the advice, or no twin of it")
    longer = planted.again(path, t_end=2 * path.t[-1])
    if name in ("scale too large", "stragglers"):
        assert not planted.first(longer)
    else:
        assert longer.loss[-1] > 0.99 * path.loss[-1]


@pytest.mark.parametrize("seed", range(0, 200, 10))
def test_a_healthy_run_raises_no_alarm(seed):
    path = planted.healthy(seed)
    assert planted.learned(path)
    assert al.diagnose(path).findings == ()


def test_two_hundred_healthy_runs_were_tried():
    table = tables.read("diagnosis_healthy")
    assert len(table) == 200
    assert table.learned.all()
    assert table.findings.isna().all()


def test_every_fault_was_found_and_cured_with_ten_seeds():
    table = tables.read("diagnosis_faults")
    assert len(table) == 10 * len(planted.FAULTS)
    named = [row.expected in str(row.findings).split() for row in table.itertuples()]
    assert all(named)
    assert table.worked.all()


def test_every_rule_has_a_planted_fault():
    """Stuck is found where a point is spurious, beside the way out."""
    table = tables.read("diagnosis_faults")
    found = {key for one in table.findings for key in str(one).split()}
    assert found == {rule.__name__ for rule in rules.RULES}


def test_the_slow_rate_is_that_of_a_line_with_a_small_input():
    """The slope converges at the rate of the small eigenvalue, a² times that of the samples."""
    path = planted.small_input(0)
    found = al.diagnose(path)
    advice = planted.advised(found, "slow")
    assert "the loss 0 lies ahead" in advice.because  # the labels are on the line
    wait = advice.use["t_end"] - path.t[-1]
    hessian = 2 / 20 * path.data.x.T @ path.data.x
    # At the level 1 all living neurons are together, so v² sums to ‖β‖ = 1 but for the slope and the scale.
    assert wait == pytest.approx(np.log(10) / (2 * np.linalg.eigvalsh(hessian)[0]), rel=0.02)
    times = path.t[-1] + np.array([0, 0.5, 1]) * wait
    longer = planted.again(path, t_end=times[-1])
    loss = [longer.loss_function.value(f, path.data.y) for f in longer.outputs_at(times)]
    assert loss[0] > 3 * loss[1] > 9 * loss[2]
    # In other units, as long as the bias, the input is learned in the time of the first run.
    assert planted.small_input(0, size=1.0).loss[-1] < 0.01 * loss[0]


def test_who_does_not_follow_the_flow_is_not_told_what_rests_on_it():
    path = planted.early_stop(0)
    times = np.linspace(0, 90, 40)
    ours = al.recorded(THREE, "squared", times, path.networks(times))
    assert planted.advised(al.diagnose(ours), "waiting") is not None
    faster = al.recorded(THREE, "squared", 0.3 * times, path.networks(times))
    found = al.diagnose(faster)
    verdicts = {one.key: one.verdict for one in found.findings}
    assert found.fidelity > 0.05
    assert (verdicts["step"], verdicts["waiting"]) == ("holds", "not applicable")
    assert planted.advised(found, "waiting") is None
    unknown = al.diagnose(ours, flow=False)
    assert np.isnan(unknown.fidelity)
    assert [one.verdict for one in unknown.findings] == ["not applicable"]


def test_the_outlook_does_not_depend_on_the_scale_but_for_the_fit():
    net = al.Network.balanced(30, 2, 1e-3, rng=1)
    large, small = (al.diagnosis.outlook(one, TOY, "exponential") for one in (net, net.scaled(1e-6)))
    assert small.settled == pytest.approx(large.settled, rel=1e-9)
    # Outputs a million times smaller grow like e^(2 rate t): log(1e6) / (2 rate) later.
    assert small.fit_time - large.fit_time == pytest.approx(np.log(1e6) / (2 * large.d_max), rel=2e-2)
    assert small.size == pytest.approx(1e-3 * large.size, rel=1e-12)


def test_the_outlook_is_what_the_flow_does():
    net = WELL.start
    ahead = al.diagnosis.outlook(net, TOY, "exponential")
    assert ahead.alignment_time == pytest.approx(WELL.alignment_time, rel=1e-6)
    assert ahead.fit_time == pytest.approx(WELL.when(0.99 * WELL.loss[0]), rel=1e-2)  # pulls within 1 %
    assert (ahead.mu, ahead.violating) == (TOY.mu, 0.0)
    assert np.isnan(ahead.mu_without_bias)
    assert not ahead.dead.any()


def test_stragglers_are_late_in_the_outlook():
    net = planted.stragglers(1).start
    ahead = al.diagnosis.outlook(net, TOY, "exponential")
    early = al.early_flow(net, TOY, "exponential")
    times = early.alignment_times
    assert ahead.settled == pytest.approx(times, rel=0.03)  # a grid of 2 % for changes of sign
    assert (ahead.late & ahead.space_like).any()


def test_the_chance_of_an_empty_side_is_that_of_independent_neurons():
    shares = [0.4, 0.3]
    rng = np.random.default_rng(0)
    side = rng.choice(3, size=(100_000, 6), p=[0.4, 0.3, 0.3])
    empty = 1 - np.logical_and((side == 0).any(axis=1), (side == 1).any(axis=1)).mean()
    error = np.sqrt(empty / 1e5)
    assert start.chance_empty(shares, 6) == pytest.approx(empty, abs=4 * error)
    assert start.chance_empty([0.5], 3) == 0.125
    assert start.chance_empty([0.5, 0.5], 3) == 0.25
    width = start.width_for(shares)
    assert start.chance_empty(shares, width) <= 0.01 < start.chance_empty(shares, width - 1)
    assert start.width_for([0.5, 0.0]) == np.inf


def test_a_unit_bias_beside_unit_samples_always_breaks_assumption_1():
    for seed in range(20):
        plain = al.data.separated(12, 4, 0.4, rng=seed)
        across = plain.correlations[plain.y[:, None] != plain.y].min()
        for size in (0.5 * np.sqrt(across), 0.99 * np.sqrt(across), 1.01 * np.sqrt(across), 1.0):
            data = al.Dataset(np.column_stack([plain.x, np.full(12, size)]), plain.y)
            assert (data.mu > 0) == (size**2 < across)


def test_neurons_of_every_kind():
    net = al.Network([[0, 1], [0, -1], [1, 0], [-1, 0.3]], [1, -1, 1, -2])
    found = al.diagnosis.neurons(net, TOY, "exponential")
    assert found.kind.tolist()[:2] == ["S+", "S-"]
    assert found.goal.tolist()[:2] == [True, True]
    assert found.mass.sum() == pytest.approx(1)
    assert found.minkowski == pytest.approx([0, 0, 0, 1.09 - 4])
    full = al.diagnosis.neurons(STUCK, 60, "squared")
    assert full.counts() == {"full": 8, "dead": 12}
    assert full.goal.dtype == bool
    pinned = al.Network([[1.0, 0.5], [1.0, 0.75]], [1, 1])  # on the hyperplanes of samples 2 and 1
    assert al.diagnosis.neurons(pinned, THREE, "squared").kind.tolist() == ["pinned", "pinned"]


def test_the_room_of_a_neuron_is_the_turn_to_its_nearest_wall():
    net = al.Network([[0.0, 1.0]], [1.0])
    (room,) = al.diagnosis.neurons(net, TOY, "exponential").room
    for turn, same in ((0.999 * room, True), (1.001 * room, False)):
        turned = [[np.sin(s * turn), np.cos(turn)] for s in (1, -1)]
        patterns = al.geometry.patterns(al.Network(turned, [1, 1]), TOY)
        assert (patterns == al.geometry.patterns(net, TOY)).all() == same


@pytest.mark.parametrize(("power", "count"), [(-1.0, 0), (-0.02, 1)])
def test_a_loss_that_falls_like_a_power_is_a_plateau_only_if_it_hardly_falls(power, count):
    t = np.linspace(0, 100, 400)
    stretches = stalls._still(t, (1 + t) ** power, 10.0)
    assert len(stretches) == count


def test_plateaus_have_their_reference():
    (first,) = al.diagnosis.plateaus(WELL)
    assert (first.reference, first.begin) == ("zero", 0.0)
    one_sided = planted.one_sided(0)
    assert al.diagnosis.plateaus(one_sided)[-1].reference == "an empty side"
    assert al.diagnosis.plateaus(STUCK)[-1].loss == pytest.approx(0.17504273504, rel=1e-6)
    assert al.diagnosis.plateaus(STUCK)[-1].reference == "least squares"


def test_plateaus_do_not_depend_on_when_a_run_was_looked_at():
    for count in (60, 200, 1000):
        times = np.linspace(0, 60, count)
        path = al.recorded(THREE, "squared", times, STUCK.networks(times))
        (found,) = al.diagnosis.plateaus(path)
        assert found.end == 60
        assert found.begin == pytest.approx(al.diagnosis.plateaus(STUCK)[0].begin, abs=3)


def test_ways_out_are_the_escape_rate_of_chapter_5():
    ways = al.diagnosis.ways_out(STUCK.final, THREE, "squared")
    g = al.loss.get("squared").pull(STUCK.outputs[-1], THREE.y)
    across = np.array([1.0, 0.5]) / np.hypot(1.0, 0.5)  # along the hyperplane of the second sample
    assert ways[0].rate == pytest.approx(g[2] * THREE.x[2] @ across, rel=1e-9)
    assert all(len(way.neurons) == 0 and way.escape == np.inf for way in ways)
    assert al.diagnosis.ways_out(al.Network([[1.0, 0]], [1]), al.Dataset([[1.0, 0]], [1]), "squared") == []


def test_ways_out_of_the_zero_network_are_its_early_phase():
    net = WELL.start
    ways = al.diagnosis.ways_out(net, TOY, "exponential")
    assert sorted(way.sign for way in ways) == [-1, 1]
    assert sum(len(way.neurons) for way in ways) == net.width
    soonest = min(way.escape for way in ways)
    assert soonest == pytest.approx(WELL.when(0.9 * WELL.loss[0]), rel=0.1)  # two ways; pulls within 10 %


def test_in_more_dimensions_neurons_name_ways_that_a_search_may_miss():
    data = planted.separated(0)
    net = al.Network.balanced(30, 5, 1e-6, rng=0)
    for starts in (2, 500):
        ways = al.diagnosis.ways_out(net, data, "exponential", starts=starts)
        assert sum(len(way.neurons) for way in ways) == 30


def test_a_proof_that_a_run_is_stuck_is_right():
    longer = al.gradient_flow(STUCK.final, THREE, "squared", 2000)
    found = al.diagnose(STUCK)
    assert found.certificate.holds
    assert longer.loss[-1] == pytest.approx(found.certificate.limit, rel=1e-9)
    assert [one.source for one in found.findings] == ["proved here", "estimated here"]


def test_forty_points_of_a_module_of_pytorch_are_freed_by_one_neuron():
    data = al.data.stewart(rng=0)
    path = al.gradient_flow(al.Network.balanced(200, 2, 1e-3, rng=0), data, "squared", 2000)
    found = al.diagnose(path)
    advice = planted.advised(found, "unused")
    cured = al.gradient_flow(
        al.Network.from_torch(advice.use["net"].to_torch(bias=True)), data, "squared", 500
    )
    assert found.certificate.holds
    assert cured.loss[-1] < 0.1 * path.loss[-1]
    assert cured.when(0.9 * path.loss[-1]) == pytest.approx(advice.use["t_end"] / 2, rel=0.1)


def test_a_run_survives_its_file(tmp_path):
    file = tmp_path / "run.npz"
    halves = al.gradient_flow(STUCK.start, THREE, al.loss.quadratic(), 40)
    for path in (WELL, STUCK, halves):
        al.diagnosis.save(path, file)
        again = al.diagnosis.load(file)
        assert np.array_equal(again.t, path.t)
        assert again.loss == pytest.approx(path.loss, rel=1e-9)  # sums in another order, over cells
        assert [one.key for one in al.diagnose(again).findings] == [
            one.key for one in al.diagnose(path).findings
        ]


def test_a_file_written_by_hand_and_one_that_runs_code(tmp_path):
    file = tmp_path / "run.npz"
    w, v = STUCK.weights()
    parts = {"x": THREE.x, "y": THREE.y, "t": STUCK.t, "w": w, "v": v, "loss": "squared"}
    np.savez(file, **parts)
    assert al.diagnosis.load(file).loss[-1] == pytest.approx(STUCK.loss[-1], rel=1e-12)
    np.savez(file, **parts | {"loss": np.array({"a": 1}, dtype=object)})
    with pytest.raises(ValueError, match=r"`file` must be a file of `al\.diagnosis\.save`"):
        al.diagnosis.load(file)


def test_a_run_is_kept_under_the_very_name_given(tmp_path):
    al.diagnosis.save(STUCK, tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    np.testing.assert_array_equal(al.diagnosis.load(tmp_path / "run").final.w, STUCK.final.w)


def run(*words):
    return subprocess.run([sys.executable, "-m", "alignlib", *words], capture_output=True, text=True)


def test_the_command_needs_no_notebook(tmp_path):
    al.diagnosis.save(STUCK, tmp_path / "stuck.npz")
    said = run("diagnose", str(tmp_path / "stuck.npz"))
    assert said.returncode == 1
    assert "provably ends at the loss 0.18" in said.stdout
    al.diagnosis.save(WELL, tmp_path / "well.npz")
    said = run("diagnose", str(tmp_path / "well.npz"))
    assert (said.returncode, "nothing that is wrong" in said.stdout) == (0, True)
    (tmp_path / "page.npz").write_text("<html>not found</html>")
    for words in (["diagnose", str(tmp_path / "page.npz")], ["diagnose"], ["heal", "run.npz"]):
        said = run(*words)
        assert said.returncode == 2
        assert "Traceback" not in said.stderr


def test_a_reader_who_has_read_enough_sees_no_traceback(tmp_path):
    """`python -m alignlib diagnose run.npz | head`, at its worst: nobody reads at all."""
    al.diagnosis.save(STUCK, tmp_path / "stuck.npz")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "alignlib", "diagnose", str(tmp_path / "stuck.npz")]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_text_page_and_picture_say_the_same():
    found = al.diagnose(STUCK)
    page, text = found._repr_html_(), str(found)
    for one in found.advice:
        assert al.claim.printed(one.change) in text
        assert escape(al.claim.printed(one.change)) in page
    assert "data-claim" not in page  # what is wrong with a run is no claim of the book
    assert len(found.table().cells) == len(found.findings)
    assert [text.get_text() for text in al.plots.diagnosis(found).texts] == ["stands at: least squares"]
    assert al.diagnose(WELL).healthy
    assert "nothing that is wrong" in str(al.diagnose(WELL))
    mpl.pyplot.close("all")


def test_leaky_networks_and_other_losses_are_diagnosed_too():
    leaky = al.Network.balanced(20, 2, 1e-6, rng=0, negative_slope=0.1)
    path = al.gradient_flow(leaky, TOY, "exponential", 20)
    assert al.diagnose(path).certificate is None
    fourth = al.Loss("fourth", lambda f, y: (f - y) ** 4, lambda f, y: -4 * (f - y) ** 3)
    path = al.gradient_flow(al.Network.balanced(20, 2, 1e-4, rng=0), THREE, fourth, 20)
    assert al.diagnose(path).certificate is None


@pytest.mark.parametrize(("loss", "t_end"), [("squared", 200), ("logistic", 1000)])
def test_nobody_is_told_to_wait_for_more_than_any_network_could_win(loss, t_end):
    """One sample with both labels: the loss is as low as it gets, and what still grows is a fading tail."""
    data = al.Dataset([[1.0, 0.2], [1.0, 0.2], [-0.3, 1.0], [0.2, -1.0]], [1, -1, 1, -1])
    path = al.gradient_flow(al.Network.balanced(50, 2, 1e-3, rng=3), data, loss, t_end)
    least = {"squared": 0.5, "logistic": 2 * np.log(2)}[loss]  # of all functions
    assert path.loss[-1] < 1.05 * least
    assert [one.key for one in al.diagnose(path).findings] == ["separation"]


def test_no_neuron_is_advised_where_none_would_grow():
    """Two labels at each of two points: the means are the least squares of all functions."""
    data = al.Dataset([[1.0], [1.0], [-1.0], [-1.0]], [1.0, 0.4, -1.0, -0.2])
    path = al.gradient_flow(al.Network.balanced(20, 1, 1e-3, rng=0), data, "squared", 200)
    (advice,) = al.diagnose(path).advice
    assert advice.evidence == "stuck"
    assert "add" not in advice.change


def test_a_pinned_neuron_that_shrinks_is_on_no_way():
    """Noisy samples of a line: at least squares all neurons are pinned or dead, and a way out is free."""
    rng = np.random.default_rng(2)
    x = np.c_[rng.uniform(-1, 1, 30), np.ones(30)]
    data = al.Dataset(x, 0.7 * x[:, 0] + 0.1 * rng.standard_normal(30))
    path = al.gradient_flow(al.Network.balanced(50, 2, 1e-3, rng=3), data, "squared", 2000)
    assert [one.key for one in al.diagnose(path).findings] == ["stuck", "unused"]


def test_a_file_that_cannot_be_written_leaves_the_one_that_was_there(tmp_path, monkeypatch):
    file = tmp_path / "run.npz"
    al.diagnosis.save(STUCK, file)
    file.chmod(0o600)
    before = file.read_bytes()

    def full(archive, **arrays):
        archive.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez_compressed", full)
        with pytest.raises(OSError, match="No space"):
            al.diagnosis.save(WELL, file)
    assert file.read_bytes() == before
    link = tmp_path / "link.npz"
    link.symlink_to(file)
    al.diagnosis.save(WELL, link)
    assert link.is_symlink()
    assert al.diagnosis.load(file).data.n == WELL.data.n
    assert {path.name for path in tmp_path.iterdir()} == {"run.npz", "link.npz"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_errors_of_files_name_the_file_that_was_asked_for(tmp_path, monkeypatch):
    missing = tmp_path / "none" / "run.npz"
    with pytest.raises(FileNotFoundError, match=re.escape(str(missing))):
        al.diagnosis.save(STUCK, missing)
    file = tmp_path / "run.npz"
    al.diagnosis.save(STUCK, file)
    before = file.read_bytes()
    with monkeypatch.context() as patched:  # `root` may write anywhere
        patched.setattr(os, "access", lambda path, mode: Path(path) != file)
        with pytest.raises(PermissionError, match=re.escape(str(file))):
            al.diagnosis.save(WELL, file)
    assert file.read_bytes() == before
    with monkeypatch.context() as patched:  # a folder that takes no new files
        patched.setattr(os, "access", lambda path, mode: Path(path) == file)
        patched.setattr(Path, "replace", None)
        al.diagnosis.save(WELL, file)
    assert al.diagnosis.load(file).data.n == WELL.data.n


def test_what_is_no_such_file_is_refused_and_not_read_for_ever(tmp_path):
    np.save(tmp_path / "array.npy", np.ones(3))
    os.mkfifo(tmp_path / "pipe")
    al.diagnosis.save(STUCK, tmp_path / "run.npz")
    broken = bytearray((tmp_path / "run.npz").read_bytes())
    broken[len(broken) // 2] ^= 255
    (tmp_path / "broken.npz").write_bytes(broken)
    for name in ("array.npy", "pipe", "broken.npz"):
        with pytest.raises(ValueError, match=r"`file` must be a file of `al\.diagnosis\.save`"):
            al.diagnosis.load(tmp_path / name)
    with pytest.raises(ValueError, match="the name of a file to write, got the device or pipe"):
        al.diagnosis.save(STUCK, tmp_path / "pipe")


def test_a_fast_way_out_is_seen_beside_a_slow_one_that_somebody_is_on():
    net, data = learner(22)
    path = al.gradient_flow(net, data, "squared", 200.0)
    found = al.diagnose(path)
    assert [one.evidence for one in found.advice][-2:] == ["unused", "waiting"]
    advice, wait = (planted.advised(found, key) for key in ("unused", "waiting"))
    added = al.gradient_flow(advice.use["net"], data, "squared", advice.use["t_end"])
    assert np.isfinite(added.when(0.9 * path.loss[-1]))  # by twice the date
    assert advice.use["t_end"] < 0.5 * (wait.use["t_end"] - path.t[-1])


def test_a_slow_neuron_among_fast_ones_has_its_time():
    """When it turns, the fast ones would have overflowed; it turns when it does alone."""
    net, data = learner(382)
    settled = al.diagnosis.outlook(net, data, "squared").settled
    alone = [al.diagnosis.outlook(net.some([j]), data, "squared").settled[0] for j in range(net.width)]
    assert settled == pytest.approx(alone, rel=0.06)  # each to one of 400 times over ten decades at most


def test_a_neuron_without_output_weight_is_on_its_way():
    net, data = learner(30)
    path = al.gradient_flow(net, data, "squared", 200.0)
    way = al.diagnosis.ways_out(path.final, data, "squared")[0]
    more = al.Network(np.vstack([path.final.w, 1e-3 * way.direction]), np.append(path.final.v, 0.0))
    assert net.width in al.diagnosis.ways_out(more, data, "squared")[0].neurons


def test_a_large_neuron_is_on_no_way_out():
    """The outputs follow what it does, and so do the pulls: no tenth of the loss goes."""
    net, data = learner(14)
    path = al.gradient_flow(net, data, "squared", 200.0)
    found = al.diagnose(path)
    assert planted.advised(found, "waiting") is None
    assert planted.advised(found, "unused") is not None
    later = al.gradient_flow(path.final, data, "squared", 1000.0)
    assert later.loss[-1] > 0.9 * path.loss[-1]
