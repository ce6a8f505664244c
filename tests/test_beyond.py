"""The statements of chapter 6 that are not about the library alone, and the studies behind its tables."""

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

import alignlib as al
from studies import class_sums, costs, violated
from studies.figures import beyond

ROOT = Path(__file__).resolve().parents[1]


def test_neurons_that_see_enough_obedient_samples_end_right_and_in_time():
    tried, wrong, slowest = np.array([class_sums.all_but_a_few(seed) for seed in range(30)]).T
    assert tried.sum() > 500
    assert wrong.sum() == 0
    assert 0.05 < slowest.max() < 1


def test_the_count_of_all_but_a_few_is_sharp():
    """Copies of -x_k with the label of x_k, active, make the height over x_k rise at m = μp - f exactly."""
    mu, p, f = 0.2, 6, 2
    good = al.data.equicorrelated(p + 1, mu)
    y = np.ones(p + 1 + f)
    z = good.x * good.y[:, None]  # all of one class, the last one inactive
    x = np.vstack([z, *[-z[-1:]] * f])
    active = np.r_[np.ones(p), 0, np.ones(f)]
    rate = (active * y) @ (x @ x[p])
    assert rate == pytest.approx(mu * p - f, abs=1e-12)
    assert rate < 0  # it would leave


@pytest.mark.parametrize("seed", [0, 9])
def test_a_ignored_sample_stays_ignored(seed):
    path = violated.followed_from(1, seed)
    _, true = violated.drawn(violated.Violated("noise", 1, seed))
    wrong = path.data.y != true
    assert violated.ignored_for_ever(path, true)
    later = al.gradient_flow(path.final, path.data, "exponential", 400.0, t_save=[100.0, 400.0])
    assert not (later.patterns(400.0) > 0)[:, wrong].any()
    assert 1 <= later.loss[-1] < path.loss[-1]


def test_a_large_start_fits_the_wrong_label():
    path = violated.followed_from(1, 1, scale=1.0)
    _, true = violated.drawn(violated.Violated("noise", 1, 1))
    assert not violated.ignored_for_ever(path, true)
    assert path.loss[-1] < 0.1


@pytest.mark.parametrize("mu", [0.3, 0.0, -0.5])
def test_the_separation_is_what_was_asked_for(mu):
    data = violated.around(mu, np.random.default_rng(1))
    assert data.mu == pytest.approx(mu, abs=1e-9)


def small_cifar10(folder):
    """Small files in the format of CIFAR-10: class 0 dark above, class 1 dark below."""
    rng = np.random.default_rng(0)
    dark = np.arange(3072) < 1536
    for number in range(1, 6):
        labels = [0, 1] * 4
        images = [rng.integers(0, np.where(dark == (label == 0), 100, 256)) for label in labels]
        batch = {b"data": np.array(images, dtype=np.uint8), b"labels": labels}
        (folder / f"data_batch_{number}").write_bytes(pickle.dumps(batch))


def test_a_row_of_costs_for_cifar10_from_its_files(tmp_path):
    small_cifar10(tmp_path)
    row = costs.measured(al.data.cifar10_files(tmp_path, 0, 1), width=20, trained=10)
    assert row["n"] == 40
    assert row["loose_plus"] == row["loose_minus"] == row["errors"] == 0
    assert row["right_plus"] == row["right_minus"] == 1
    assert row["loss"] < 0.1


def test_the_cell_for_cifar10_makes_its_table_when_the_files_are_there(tmp_path, monkeypatch):
    """The cell of the fine print with a folder in it: two classes that the map tells apart."""
    small_cifar10(tmp_path)
    page = json.loads((ROOT / "chapters" / "06_fine_print.ipynb").read_text(encoding="utf-8"))
    (source,) = ("".join(cell["source"]) for cell in page["cells"] if cell.get("id") == "own-cifar10")
    assert source.startswith("folder = None")
    shown = []
    names = {"al": al, "beyond": beyond, "class_sums": class_sums, "display": shown.append}
    for pairs in ("", "(0, 1)"):  # as it is, and with a folder and the pair that is in the files
        code = source.replace("None", repr(str(tmp_path)) if pairs else "None", 1)
        code = re.sub(r"pairs = .*", f"pairs = [{pairs}]", code)
        assert not shown
        exec(compile(code, "own-cifar10", "exec"), names)
    (table,) = shown
    (row,) = names["rows"]
    assert (row[0], *row[2:]) == ("CIFAR-10 0/1", 0, 100, "1 and 1", 0)
    assert "CIFAR-10 0/1" in str(table)


def test_the_first_samples_of_each_class_are_taken():
    data = al.Dataset(np.arange(1.0, 11)[:, None], [1, -1, -1, -1, 1, 1, 1, -1, 1, -1])
    assert class_sums.some(data, 2).x[:, 0].tolist() == [1, 2, 3, 5]
    assert class_sums.some(data, 99).n == 10


def test_what_preparation_promises():
    x = np.random.default_rng(0).normal(size=(30, 4)) @ np.diag([5, 3, 1, 0.5]) + 2
    white = costs.whitened(x)
    assert white.T @ white == pytest.approx(np.eye(4), abs=1e-12)
    assert white.sum(axis=0) == pytest.approx(np.zeros(4), abs=1e-12)


def test_the_dragged_samples_end_where_brute_force_finds_them():
    """What the story reads off the live picture: the ends at 150 degrees, and their shares."""
    data = beyond.points([55, 150, 270], [1, 1, -1])
    assert [beyond.word(one) for one in al.theory.fixed_points(data)] == ["100", "010", "110"]
    start = np.radians(np.arange(0, 360, 10) + 0.3)
    w, v = np.stack([np.cos(start), np.sin(start)], axis=1), np.ones((len(start), 1))
    for _ in range(10_000):  # descent in small steps
        pull = ((w @ data.x.T > 0) * data.y) @ data.x
        w, v = w + 2e-3 * v * pull, v + 2e-3 * (w * pull).sum(axis=1, keepdims=True)
    ends = {}
    for one in w:
        ends.setdefault(beyond.word(data.x @ one > 0), []).append(np.arctan2(one[1], one[0]))
    vectors = [u for u in al.extremal_vectors(data, "exponential") if u.sign > 0]
    expected = {beyond.word(u.pattern): np.arctan2(*u.direction[::-1]) for u in vectors if u.rate > 0}
    shares = {beyond.word(u.pattern): u.share for u in vectors}
    # Active on both positive samples is a neuron between 60 and 145 degrees: all others go elsewhere.
    assert shares["110"] == pytest.approx(85 / 360, abs=1e-12)
    assert set(ends) == set(expected) == {"100", "010", "110"}
    for word, angles in ends.items():
        assert angles == pytest.approx(len(angles) * [expected[word]], abs=np.radians(1))


def test_a_neuron_whose_pulls_cancel_neither_dies_nor_slides_nor_ends_at_a_fixed_point():
    """What the story excepts from BF's theorem: a sample with both labels pulls nobody."""
    data = al.Dataset([[1, 0], [1, 0], [0, 1]], [1, -1, 1])
    path = al.early_flow(al.Network([[1.0, -1.0]], [np.sqrt(2)]), data, "exponential")
    assert path.final_patterns.tolist() == [[True, True, False]]
    assert not path.sliding.any()
    assert "110" not in [beyond.word(one) for one in al.theory.fixed_points(data)]
