"""A sweep loses no row: not to an error, an interruption, a killed process or a lost worker."""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import alignlib as al
from tests.conftest import ROOT

# Forking is not safe here: Dask and the progress bars have threads.
Processes = partial(ProcessPoolExecutor, mp_context=get_context("spawn"))


@dataclass(frozen=True)
class Draw:
    """`n` numbers from `seed`; `folder` is where a configuration leaves what a later try must know."""

    n: int
    seed: int = 0
    folder: str = ""


DRAWS = [Draw(n, seed) for n in (3, 1, 2) for seed in (0, 1)]


def moments(draw):
    z = np.random.default_rng(draw.seed).standard_normal(draw.n)
    return {"mean": z.mean(), "size": np.int64(len(z)), "positive": bool(z[0] > 0)}


def slowest_first(draw):
    time.sleep(0.02 * draw.n)
    return moments(draw)


def not_for_two(draw):
    if draw.n == 2:
        raise RuntimeError("two is too many")
    return float(draw.n)


def once(draw):
    """True the first time it is asked about a configuration."""
    try:
        Path(draw.folder, f"{draw.n}-{draw.seed}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def interrupted_once(draw):
    if draw.n == 1 and once(draw):
        raise KeyboardInterrupt
    return draw.n


def killed_once(draw):
    """Takes the whole process with it, without a word, the first time."""
    time.sleep(0.05)
    if draw.n == 2 and once(draw):
        os.kill(os.getpid(), signal.SIGKILL)
    return draw.n


def counted(draw):
    with Path(draw.folder, "calls").open("a") as file:
        file.write(f"{draw.n}\n")
    return draw.n


def run(function, configs, executor=None, file=None):
    return al.sweep(function, configs, executor, progress=False, file=file)


def in_folder(folder, count=4):
    return [Draw(n, folder=str(folder)) for n in range(count)]


def calls(folder):
    return [int(line) for line in Path(folder, "calls").read_text().split()]


def test_a_row_is_a_configuration_its_result_its_time_and_no_error():
    table = run(moments, DRAWS)
    assert list(table.columns) == ["n", "seed", "folder", "mean", "size", "positive", "seconds", "error"]
    assert list(zip(table.n, table.seed)) == [(draw.n, draw.seed) for draw in DRAWS]
    assert list(table["mean"]) == [moments(draw)["mean"] for draw in DRAWS]
    assert (table["size"] == table.n).all()
    assert (table.seconds >= 0).all()
    assert (table.error == "").all()


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, Processes], ids=["threads", "processes"])
def test_a_pool_gives_the_same_table_in_the_same_order(pool, tmp_path):
    with pool(2) as executor:
        table = run(slowest_first, DRAWS, executor, tmp_path / "rows.jsonl")
    again = run(slowest_first, DRAWS, file=tmp_path / "rows.jsonl")
    pd.testing.assert_frame_equal(table, again)  # every row as it was, its seconds too
    pd.testing.assert_frame_equal(
        table.drop(columns="seconds"), run(moments, DRAWS).drop(columns="seconds")
    )


@pytest.mark.parametrize("pool", [None, Processes], ids=["serial", "processes"])
def test_a_failed_configuration_is_a_row_with_its_error(pool):
    with pool(1) if pool else nullcontext() as executor:
        table = run(not_for_two, DRAWS, executor)
    assert list(table.error[table.n == 2]) == ["RuntimeError: two is too many"] * 2
    assert list(table.result[table.n != 2]) == [3, 3, 1, 1]
    assert (table.error[table.n != 2] == "").all()


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"n": 1}, "result's names must not be those of other columns, got ['n']"),
        ({"seconds": 1}, "result's names must not be those of other columns, got ['seconds']"),
        (np.ones(2), "`result` must be a number, a string, a boolean or None, got ndarray"),
    ],
)
def test_a_result_that_fits_no_table_is_an_error_of_its_row(result, said):
    (row,) = run(lambda draw: result, [Draw(1)]).itertuples()
    assert said in row.error


def test_what_the_file_holds_is_not_run_again_and_more_may_be_asked_for(tmp_path):
    file = tmp_path / "rows.jsonl"
    run(counted, in_folder(tmp_path, 2), file=file)
    table = run(counted, in_folder(tmp_path, 4)[::-1], file=file)
    assert sorted(calls(tmp_path)) == [0, 1, 2, 3]
    assert list(table.result) == [3, 2, 1, 0]


def test_what_failed_is_run_again(tmp_path):
    def mended(draw):
        return counted(draw)

    def broken(draw):
        if draw.n == 2:
            raise OSError("no disk")

    broken.__name__ = mended.__name__ = "same"  # one function, mended between two runs
    file, configs = tmp_path / "rows.jsonl", in_folder(tmp_path)
    assert list(run(broken, configs, file=file).error) == ["", "", "OSError: no disk", ""]
    assert list(run(mended, configs, file=file).error) == [""] * 4
    assert calls(tmp_path) == [2]
    assert list(run(mended, configs, file=file).error) == [""] * 4  # the newer row counts
    assert calls(tmp_path) == [2]


def test_an_interrupted_sweep_gives_what_there_is_and_goes_on(tmp_path):
    file, configs = tmp_path / "rows.jsonl", in_folder(tmp_path)
    with pytest.warns(UserWarning, match="interrupted after 1 of 4 configurations: the same call goes on"):
        table = run(interrupted_once, configs, file=file)
    assert list(table.result) == [0]
    assert list(run(interrupted_once, configs, file=file).result) == [0, 1, 2, 3]
    with pytest.warns(UserWarning, match="without a `file`"):
        assert run(interrupted_once, [*in_folder(tmp_path)[1:2], Draw(1, 7, str(tmp_path))]).shape[0] == 1


def test_a_killed_process_leaves_its_rows(tmp_path):
    file = tmp_path / "rows.jsonl"
    call = f"run(killed_once, in_folder({str(tmp_path)!r}), file={str(file)!r})"
    code = f"from tests.test_sweep import *; {call}"
    dead = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert dead.returncode == -signal.SIGKILL
    assert len(file.read_bytes().splitlines()) == 1 + 2  # its head, and n = 0 and 1
    assert list(run(killed_once, in_folder(tmp_path), file=file).result) == [0, 1, 2, 3]


@pytest.mark.parametrize(("kept", "lost"), [(-1, 1), (-10, 1), (10, 4), (0, 4)])
def test_a_half_written_end_is_cut_off(tmp_path, kept, lost):
    file, configs = tmp_path / "rows.jsonl", in_folder(tmp_path)
    run(counted, configs, file=file)
    file.write_bytes(file.read_bytes()[:kept])  # within the last row, or within the head
    assert list(run(counted, configs, file=file).result) == [0, 1, 2, 3]
    assert len(calls(tmp_path)) == 4 + lost
    assert len(file.read_bytes().splitlines()) == 5


def test_a_file_of_something_else_is_left_alone(tmp_path):
    file = tmp_path / "thesis.tex"
    for content in ("three years of work", '{"sweep": "other", "of": "Draw", "fields": ["n"]}\n'):
        file.write_text(content)
        with pytest.raises(ValueError, match=r"`file` must be new or of this sweep, got .*thesis\.tex"):
            run(counted, in_folder(tmp_path), file=file)
        assert file.read_text() == content


def test_a_process_that_dies_costs_its_pool_but_not_the_sweep(tmp_path):
    file, configs = tmp_path / "rows.jsonl", in_folder(tmp_path, 6)
    with Processes(1) as executor:
        table = run(killed_once, configs, executor, file)
    assert len(table) == 6
    assert table.error[2].startswith("BrokenProcessPool")
    assert list(run(killed_once, configs, file=file).result) == list(range(6))


def test_dask_finishes_although_a_worker_is_killed(tmp_path):
    distributed = pytest.importorskip("distributed")
    configs = in_folder(tmp_path, 12)
    with (
        distributed.LocalCluster(
            2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        before = {worker["pid"] for worker in client.run(lambda: {"pid": os.getpid()}).values()}
        table = run(killed_once, configs, client.get_executor(), tmp_path / "rows.jsonl")
        client.wait_for_workers(2)
        after = {worker["pid"] for worker in client.run(lambda: {"pid": os.getpid()}).values()}
    assert len(before) == 2
    assert len(before - after) == 1  # one was killed indeed
    assert list(table.result) == list(range(12))
    assert (table.error == "").all()


def test_an_error_on_a_worker_is_a_row_too():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        table = run(not_for_two, DRAWS, client.get_executor())
    assert (table.error != "").tolist() == (table.n == 2).tolist()


@dataclass
class Loose:
    n: int


@dataclass(frozen=True)
class Nested:
    n: object


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        ([], "`configs` must be instances of one frozen dataclass, got nothing"),
        ([1], "`configs` must be instances of one frozen dataclass, got int"),
        ([Loose(1)], "`configs` must be instances of one frozen dataclass, got Loose"),
        ([Draw(1), Nested(1)], "`configs` must be instances of one frozen dataclass, got Draw, Nested"),
        ([Draw(1), Draw(2), Draw(1)], "`configs` must all be different (give each a seed), got Draw(n=1"),
        ([Nested([1])], "`n` must be a number, a string, a boolean or None, got list"),
    ],
)
def test_configurations_that_no_table_can_hold(configs, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        run(moments, configs)


def test_a_lambda_cannot_be_sent_to_processes():
    with (
        Processes(1) as executor,
        pytest.raises(ValueError, match="`function` must be defined at the top level of a module"),
    ):
        run(lambda draw: draw.n, DRAWS, executor)


def test_a_bar_is_shown_when_asked_for(capfd):
    al.sweep(moments, DRAWS)
    assert "6/6" in capfd.readouterr().err
    run(moments, DRAWS)
    assert capfd.readouterr().err == ""


PAGE = (ROOT / "chapters" / "sweeps.md").read_text()
SCRIPT = re.search(r"```python\n(# study\.py.*?)```", PAGE, re.DOTALL).group(1)


def ran(folder, *arguments):
    (folder / "study.py").write_text(SCRIPT)
    run = subprocess.run(
        [sys.executable, "study.py", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_page_s_script_runs_on_this_machine_and_on_a_cluster(tmp_path):
    distributed = pytest.importorskip("distributed")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    here = ran(tmp_path / "one")
    with distributed.LocalCluster(
        2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        there = ran(tmp_path / "two", cluster.scheduler_address)
    assert here == there
    assert "median" in here
    assert ran(tmp_path / "one") == here  # from its file


def test_columns_that_the_table_makes_itself_are_refused(tmp_path):
    @dataclass(frozen=True)
    class Timed:
        seconds: float

    with pytest.raises(ValueError, match=r"own names, got \['seconds'\]"):
        al.sweep(lambda draw: 1, [Timed(1.0)], progress=False)
    with pytest.raises(ValueError, match="a name of its own to write a `file`"):
        al.sweep(lambda draw: 1, [Draw(1)], file=tmp_path / "rows", progress=False)


@pytest.mark.parametrize("damaged", [b'{"n": 1, "se', b"[1, 2]", b'{"n": 1}', b"\xff\xfe"])
def test_a_damaged_line_is_named(tmp_path, damaged):
    # It was a JSONDecodeError, or a KeyError, of nowhere.
    file, configs = tmp_path / "rows.jsonl", in_folder(tmp_path)
    run(counted, configs, file=file)
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([*lines[:2], damaged, *lines[3:], b""]))
    with pytest.raises(
        ValueError, match=r"`file` must hold one row a line, got .* in line 3 of .*rows\.jsonl"
    ):
        run(counted, configs, file=file)
    file.write_bytes(b"\n".join([*lines[:2], *lines[3:], b""]))  # as the message says
    assert list(run(counted, configs, file=file).result) == [0, 1, 2, 3]
    assert sorted(calls(tmp_path)) == [0, 1, 1, 2, 3]


def test_a_partial_has_no_name_for_its_file(tmp_path):
    with pytest.raises(ValueError, match=r"define it with `def`.*got functools\.partial"):
        run(partial(pow, 2), DRAWS, file=tmp_path / "rows.jsonl")
