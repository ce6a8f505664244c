"""A sweep loses no row: not to an error, an interruption, a killed process or a lost worker."""

import ast
import asyncio
import errno
import inspect
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import alignlib as al
from alignlib.sweeps.run import AHEAD, TRIES, _Batch
from alignlib.sweeps.store import Store
from tests.conftest import ROOT
from tests.interrupts import interrupted_at

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


def slowly_counted(draw):
    time.sleep(0.05)
    return counted(draw)


def run(function, configs, executor=None, file=None, **options):
    return al.sweep(function, configs, executor, progress=False, file=file, **options)


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


@pytest.mark.parametrize("problem", [RuntimeError, asyncio.CancelledError])
def test_an_error_that_cannot_be_printed_is_an_error_of_its_row(problem):
    class Silent(Exception):
        def __str__(self):
            raise problem("no words")

    def broken(draw):
        raise Silent

    assert list(run(broken, [Draw(1), Draw(2)]).error) == ["Silent", "Silent"]


def test_a_folder_is_no_file_and_a_tilde_is_the_home(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="`file` must be a file, got the folder"):
        run(moments, DRAWS, file=tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="`file` must be a regular file"):  # to read it would never end
        run(moments, DRAWS, file=tmp_path / "pipe")
    monkeypatch.setenv("HOME", str(tmp_path))
    run(moments, DRAWS, file="~/rows.jsonl")
    assert (tmp_path / "rows.jsonl").exists()
    assert not Path("~").exists()


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
    with pytest.raises(ValueError, match="an older version: delete it, or pass `keep_changed=True`"):
        run(mended, configs, file=file)
    for _ in range(2):  # the second time the newer row counts
        assert list(run(mended, configs, file=file, keep_changed=True).error) == [""] * 4
        assert calls(tmp_path) == [2]


def scaled(factor, offset=0):
    def run(draw):
        """What a docstring says does not matter."""
        return factor * draw.n + offset  # nor does a comment

    return run


def same_but_for_looks(factor, offset=0):
    def run(draw):
        return factor * draw.n + offset

    return run


def helped(helper):
    def run(draw):
        return helper(draw)

    return run


def test_two_functions_of_one_name_do_not_share_a_file(tmp_path):
    # The second one got the first one's numbers.
    file = tmp_path / "rows.jsonl"
    assert list(run(scaled(2), DRAWS[::2], file=file).result) == [2 * draw.n for draw in DRAWS[::2]]
    for other in (scaled(3), scaled(2, offset=1), scaled(np.ones(2)), helped(scaled(2))):
        with pytest.raises(ValueError, match="another function of that name or an older version"):
            run(other, DRAWS[::2], file=file)
    assert len(run(scaled(2), DRAWS[::2], file=file)) == 3
    assert len(run(same_but_for_looks(2), DRAWS[::2], file=file)) == 3


def test_a_class_writes_no_file(tmp_path):
    with pytest.raises(ValueError, match="must be a function or a method to write a `file`, got the class"):
        run(Draw, DRAWS, file=tmp_path / "rows.jsonl")


def test_numbers_that_json_does_not_know_are_words_in_the_file(tmp_path):
    # They were bare NaN and Infinity, which most readers refuse.
    def wild(draw):
        return {"a": np.nan, "b": np.inf, "c": -np.inf, "d": 1e308, "e": "NaN?"}

    file = tmp_path / "rows.jsonl"
    first, again = run(wild, [Draw(1)], file=file), run(wild, [Draw(1)], file=file)
    pd.testing.assert_frame_equal(first, again)
    (row,) = [json.loads(line, parse_constant=pytest.fail) for line in file.read_text().splitlines()[1:]]
    assert [row[name] for name in "abc"] == ["NaN", "Infinity", "-Infinity"]
    (row,) = run(lambda draw: "Infinity", [Draw(1)]).itertuples()
    assert "`result` must not be a word that stands for a number in the file" in row.error


def test_a_function_that_exits_is_a_row_with_its_error(tmp_path):
    # It ended everything, and without a file the rows were lost.
    def leave(draw):
        if draw.n == 2:
            sys.exit("had enough")
        return draw.n

    assert list(run(leave, in_folder(tmp_path)).error) == ["", "", "SystemExit: had enough", ""]


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit, BaseException])
def test_what_is_no_error_to_python_is_a_row_with_its_error_too(error, tmp_path):
    # A cancelled task, or a panic of a package in Rust: the table was lost.
    def leave(draw):
        if draw.n == 2:
            raise error("gone")
        return draw.n

    assert list(run(leave, in_folder(tmp_path)).error) == ["", "", f"{error.__name__}: gone", ""]


def test_an_integer_that_python_cannot_write_is_an_error_of_its_row(tmp_path):
    def large(draw):
        return 10 ** (3000 * draw.n)

    said = "ValueError: `result` must be a number of at most 4300 digits, got an integer of 19932 bits"
    for file in (None, tmp_path / "rows.jsonl"):
        assert list(run(large, [Draw(1), Draw(2)], file=file).error) == ["", said]
    with pytest.raises(ValueError, match="`n` must be a number of at most 4300 digits"):
        run(large, [Draw(10**5000)])


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        (
            4,
            "must be a concurrent.futures.Executor or None, got int: pass `ProcessPoolExecutor(4)`",
        ),
        ("all", "`executor` must be a concurrent.futures.Executor or None, got str"),
        (ThreadPoolExecutor, "`executor` must be a concurrent.futures.Executor or None, got type"),
        (SimpleNamespace(get_executor=None), "got SimpleNamespace: pass `client.get_executor()`"),
    ],
)
def test_what_is_no_executor_is_refused_with_what_to_pass(executor, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        run(moments, DRAWS, executor)


def test_a_function_that_was_typed_in_cannot_reach_processes_that_start_afresh():
    # Every row was "BrokenProcessPool", and nothing said why.
    code = """if True:
        import multiprocessing as mp
        from concurrent.futures import ProcessPoolExecutor
        import tests.test_sweep as t
        def typed(draw): return draw.n
        for way in ("fork", "spawn"):
            with ProcessPoolExecutor(1, mp_context=mp.get_context(way)) as pool:
                try:
                    print(list(t.run(typed, t.in_folder(".", 2), pool).result))
                except ValueError as problem:
                    print(problem)
    """
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    first, second = said.stdout.splitlines()
    assert first == "[0, 1]"
    assert second.startswith("`function` must be in a file that new processes can import")


def test_a_file_has_one_writer(tmp_path):
    file = tmp_path / "rows.jsonl"

    def meanwhile(draw):
        try:
            run(meanwhile, in_folder(tmp_path), file=file)
        except ValueError as problem:
            return str(problem)

    table = run(meanwhile, in_folder(tmp_path), file=file)
    assert table.result.str.startswith("`file` must not be in use by another sweep, got ").all()
    assert len(run(meanwhile, in_folder(tmp_path), file=file)) == 4  # and it is free again


def test_a_drive_without_locks_is_said_and_written_to(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    for _ in range(2):  # the second goes on from the file of the first
        with pytest.warns(UserWarning, match=r"where no file can be locked \(No locks available\)"):
            table = run(moments, DRAWS, file=tmp_path / "rows.jsonl")
        assert (table.error == "").all()
        assert len((tmp_path / "rows.jsonl").read_bytes().splitlines()) == 1 + len(DRAWS)


def test_a_file_that_is_deleted_meanwhile_is_begun_again(tmp_path):
    file = tmp_path / "rows.jsonl"

    def deletes(draw):
        if draw.n == 2:
            file.unlink()
        return counted(draw)

    assert list(run(deletes, in_folder(tmp_path), file=file).result) == [0, 1, 2, 3]
    assert list(run(deletes, in_folder(tmp_path)[2:], file=file).result) == [2, 3]
    assert calls(tmp_path) == [0, 1, 2, 3]


def test_a_full_disk_costs_the_file_and_not_the_table(tmp_path, monkeypatch):
    file = tmp_path / "rows.jsonl"
    write = Path.open

    def full(path, mode="r", *rest, **named):
        if mode == "ab" and len(file.read_bytes().splitlines()) == 3:
            raise OSError(28, "No space left on device")
        return write(path, mode, *rest, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        with pytest.warns(UserWarning, match="takes no more rows .*No space left on device") as said:
            table = run(counted, in_folder(tmp_path), file=file)
    assert len(said) == 1
    assert list(table.result) == [0, 1, 2, 3]
    assert list(run(counted, in_folder(tmp_path), file=file).result) == [0, 1, 2, 3]
    assert calls(tmp_path) == [0, 1, 2, 3, 2, 3]


def test_an_interrupt_at_any_line_loses_no_finished_row(tmp_path):
    watched = tuple(f"alignlib/sweeps/{name}.py" for name in ("run", "store", "rows"))
    configs = [Draw(n) for n in (1, 2)]
    with interrupted_at(np.inf, watched) as count:
        whole = run(moments, configs, file=tmp_path / "whole.jsonl")
    done = 0
    for line in np.random.default_rng(0).choice(count[0] - 1, 40, replace=False) + 1:
        file = tmp_path / f"{line}.jsonl"
        with interrupted_at(line, watched), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                done += len(run(moments, configs, file=file))
            except KeyboardInterrupt:
                done += 100
        again = run(moments, configs, file=file)
        pd.testing.assert_frame_equal(again.drop(columns="seconds"), whole.drop(columns="seconds"))
        kept = file.read_bytes().splitlines()[1:]
        assert len(kept) == len({json.loads(row)["n"] for row in kept})  # none twice
    assert done > 0


def test_many_configurations_wait_outside_the_executor():
    waiting = []

    class Counting(ThreadPoolExecutor):
        def submit(self, *arguments):
            future = super().submit(*arguments)
            waiting.append(sum(not future.done() for future in self.futures))
            self.futures.append(future)
            return future

    with Counting(1) as executor:
        executor.futures = []
        table = run(lambda draw: draw.n, [Draw(n) for n in range(3 * AHEAD)], executor)
    assert list(table.result) == list(range(3 * AHEAD))
    assert max(waiting) < AHEAD


def test_an_interrupted_sweep_gives_what_there_is_and_goes_on(tmp_path):
    file, configs = tmp_path / "rows.jsonl", in_folder(tmp_path)
    with pytest.warns(UserWarning, match="interrupted after 1 of 4 configurations: the same call goes on"):
        table = run(interrupted_once, configs, file=file)
    assert list(table.result) == [0]
    assert list(run(interrupted_once, configs, file=file).result) == [0, 1, 2, 3]
    with pytest.warns(UserWarning, match="without a `file`"):
        assert run(interrupted_once, [*in_folder(tmp_path)[1:2], Draw(1, 7, str(tmp_path))]).shape[0] == 1


def gone_elsewhere(draw):
    os.chdir(tempfile.gettempdir())
    return draw.n


def test_a_function_that_changes_the_folder_loses_no_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(run(gone_elsewhere, in_folder(tmp_path), file="rows.jsonl").result) == [0, 1, 2, 3]
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 1 + 4


def test_a_link_to_a_file_in_use_is_refused(tmp_path):
    file, link = tmp_path / "rows.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(file)
    busy = pytest.raises(ValueError, match="must not be in use by another sweep")
    with Store(file, counted, Draw), busy:
        run(counted, in_folder(tmp_path), file=link)


def test_a_link_to_itself_is_the_system_s_error_and_no_other(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="loop"):
        run(counted, in_folder(tmp_path), file=loop)


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
            2, threads_per_worker=1, processes=True, dashboard_address=":0"
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


class Forgetful(ThreadPoolExecutor):
    """Loses the first `often` batches handed to it, as Dask does when its scheduler is restarted."""

    def __init__(self, often, problem):
        super().__init__(1)
        self.left, self.problem = often, problem

    def submit(self, *arguments):
        if self.left == 0:
            return super().submit(*arguments)
        self.left -= 1
        lost = Future()
        lost.set_exception(self.problem)
        return lost


@pytest.mark.parametrize("problem", [CancelledError("gone"), OSError("stream is closed")])
def test_what_the_executor_loses_is_handed_out_again(tmp_path, problem):
    with Forgetful(3, problem) as executor:
        table = run(counted, in_folder(tmp_path), executor, tmp_path / "rows.jsonl")
    assert list(table.result) == [0, 1, 2, 3]
    assert sorted(calls(tmp_path)) == [0, 1, 2, 3]
    kept = (tmp_path / "rows.jsonl").read_text().splitlines()[1:]
    assert len(kept) == 4  # none twice, and no error on the way


def test_what_is_lost_again_and_again_is_an_error_of_its_rows(tmp_path):
    with Forgetful(TRIES, CancelledError("gone")) as executor:
        table = run(counted, in_folder(tmp_path, 1), executor)
    assert list(table.error) == ["CancelledError: gone"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def test_dask_s_scheduler_is_restarted_under_a_sweep(tmp_path):
    """What was waiting, running or on its way back is done again, and no row has an error."""
    distributed = pytest.importorskip("distributed")
    command, port = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"], free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT}

    def cluster():
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}"]
        return [
            subprocess.Popen([*command, "--port", port], **quiet),
            subprocess.Popen([*worker, "--nthreads=1", "--no-nanny", "--no-dashboard"], **quiet),
        ]

    def restart():
        end = time.monotonic() + 60
        while len(calls(tmp_path) if (tmp_path / "calls").exists() else ()) < 20 and time.monotonic() < end:
            time.sleep(0.05)
        for process in parts:
            process.kill()
            process.wait()
        parts[:] = cluster()

    parts = cluster()
    try:
        with distributed.Client(f"tcp://127.0.0.1:{port}", timeout=60) as client:
            breaking = threading.Thread(target=restart, daemon=True)
            breaking.start()
            table = run(slowly_counted, in_folder(tmp_path, 60), client.get_executor(), tmp_path / "rows")
            breaking.join(120)
    finally:
        for process in parts:
            process.kill()
            process.wait()
    assert list(table.result) == list(range(60))
    assert (table.error == "").all()
    rows = [json.loads(line)["n"] for line in (tmp_path / "rows").read_text().splitlines()[1:]]
    assert sorted(rows) == list(range(60))


def test_dask_need_not_read_the_configurations_to_name_their_task():
    dask = pytest.importorskip("dask.base")

    class Closed:
        def __dask_tokenize__(self):
            raise AssertionError("it was looked into")

        __reduce__ = __dask_tokenize__

    one, other = _Batch([Closed()]), _Batch([Closed()])
    assert dask.tokenize(one) == dask.tokenize(one)
    assert dask.tokenize(one) != dask.tokenize(other)  # never the result of another sweep


def test_an_error_on_a_worker_is_a_row_too():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            2, threads_per_worker=1, processes=True, dashboard_address=":0"
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
        2, threads_per_worker=1, processes=True, dashboard_address=":0"
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


def test_the_page_s_clusters_take_the_arguments_that_it_gives_them():
    distributed = pytest.importorskip("distributed")
    code = re.search(r"```python\n(from distributed import.*?)```", PAGE, re.DOTALL).group(1)
    calls = {
        node.func.id: node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    for name in ("LocalCluster", "SSHCluster"):
        arguments = [ast.literal_eval(value) for value in calls[name].args]
        named = {word.arg: ast.literal_eval(word.value) for word in calls[name].keywords}
        inspect.signature(getattr(distributed, name)).bind(*arguments, **named)
    assert "SLURMCluster" in calls
