"""Results do not depend on the number of threads."""

import threading

import numpy as np
import pytest

import alignlib as al
from alignlib.solver import constant, swarm, threads
from tests.solver.kernels import cases

THREE = al.data.three_points()


def early(monkeypatch):
    monkeypatch.setattr(constant, "CHUNK", 300)  # a hundred neurons at once, so that there are chunks
    net = al.Network.unbalanced(1000, 2, 1e-3, rng=0)
    return al.early_flow(net, THREE, "squared")


def full(monkeypatch):
    monkeypatch.setattr(swarm, "CHUNK", cases(100, 10))
    net = al.Network.unbalanced(cases(1000, 100), 2, 1e-2, rng=0)
    return al.gradient_flow(net, THREE, "squared", 60)


@pytest.mark.parametrize("follow", [early, full])
def test_the_same_bits_on_any_number_of_threads(follow, monkeypatch):
    paths = []
    for count in ("1", "2", "7"):
        monkeypatch.setenv("ALIGNLIB_THREADS", count)
        paths.append(follow(monkeypatch))
    for path in paths[1:]:
        for name in ("t", "outputs", "events"):
            assert np.array_equal(getattr(path, name), getattr(paths[0], name))
        assert np.array_equal(path.final.w, paths[0].final.w)


def test_chunks_run_side_by_side_and_come_back_in_order(monkeypatch):
    monkeypatch.setenv("ALIGNLIB_THREADS", "3")
    meeting = threading.Barrier(3, timeout=30)  # three that wait for each other
    assert threads.each(lambda item: (meeting.wait(), item)[1], range(3)) == [0, 1, 2]


def test_without_a_wish_all_processors_are_used(monkeypatch):
    monkeypatch.delenv("ALIGNLIB_THREADS", raising=False)
    assert threads.count() >= 1


@pytest.mark.parametrize("wish", ["0", "-1", "two", "1.5"])
def test_a_wrong_number_of_threads_is_refused(wish, monkeypatch):
    monkeypatch.setenv("ALIGNLIB_THREADS", wish)
    with pytest.raises(ValueError, match=f"ALIGNLIB_THREADS.*got '{wish}'"):
        al.early_flow(al.Network.balanced(3, 2, 1e-3, rng=0), THREE, "squared")


def test_an_error_in_one_chunk_is_that_of_the_sweep(monkeypatch):
    monkeypatch.setenv("ALIGNLIB_THREADS", "2")
    begun = []

    def fail(item):
        begun.append(item)
        raise swarm.StepTooLong

    with pytest.raises(swarm.StepTooLong):
        threads.each(fail, range(1000))
    assert len(begun) < 1000  # the chunks that wait are not begun
