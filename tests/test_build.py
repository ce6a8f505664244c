"""A build does what there is to do and no more; whatever stopped the last one, its bytes are the same."""

import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient.exceptions import DeadKernelError

from book import build, counting, execution, pages
from tests.test_ledger import Small
from tests.test_reproducible import tree


@pytest.fixture
def small(tmp_path):
    small = Small(tmp_path)
    small.write()
    (tmp_path / "chapters" / "third.md").write_text("# Third\n\n[](one.ipynb).\n")
    toc = yaml.safe_load((tmp_path / "_toc.yml").read_text())
    toc["chapters"].append({"file": "chapters/third"})
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(toc))
    ledger = tmp_path / "chapters" / "ledger.md"  # with words that the search must find
    ledger.write_text(ledger.read_text() + "\n:::{glossary}\nA word\n  Its meaning.\n:::\n")
    return small


def html(small):
    return tree(small.folder / "_build" / "html")


SAME = {"SOURCE_DATE_EPOCH": "86400"}  # asks for the same bytes


def test_a_build_works_on_what_has_changed_and_on_nothing_else(small):
    source = small.folder / "chapters" / "one.ipynb"
    kept = source.read_bytes()
    assert small.build(**SAME) == 0, small.said
    first = html(small)
    assert b'"indexentries": {"a word"' in first["searchindex.js"]

    assert small.build(**SAME) == 0
    assert "sources" not in small.said  # Sphinx was not even started
    assert html(small) == first

    page = small.folder / "_build" / "html" / "chapters" / "one.html"
    page.write_text("somebody has been at it")
    assert small.build(**SAME) == 0
    assert html(small) == first

    small.write(text="other words")
    assert small.build(**SAME) == 0
    assert "1 changed" in small.said
    assert "s\n" not in small.said.partition("Running Jupyter-Book")[0]  # nothing was executed
    assert "other words" in small.page("one")
    assert html(small)["chapters/third.html"] == first["chapters/third.html"]
    renamed = source.read_text().replace("# One", "# A new title")
    source.write_text(renamed)
    assert small.build(**SAME) == 0
    assert "A new title" in small.page("third")  # the words of a link
    source.write_bytes(kept)
    os.utime(source, (0, 0))  # put back with its time, which Sphinx would take for seen
    assert small.build(**SAME) == 0
    assert html(small) == first


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_stopped_and_begun_again_ends_with_the_same_bytes(small, stop):
    """Stopped as soon as there are pages, some finished and some not; the weekly run does it anywhere."""
    assert small.build(**SAME) == 0, small.said
    first = html(small)
    (small.folder / "_build" / "done").unlink()
    (small.folder / "_build" / "failed").touch()
    page = small.folder / "_build" / "html" / "chapters" / "one.html"
    page.unlink()
    command, environ = [sys.executable, "-m", "book.build"], {**os.environ, **SAME}
    started = {"cwd": small.folder, "env": environ, "start_new_session": True, "stdout": subprocess.DEVNULL}
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **started)
    signal.signal(signal.SIGINT, heard)
    while not page.exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, stop)
    assert process.wait(60) != 0
    assert (small.folder / "_build" / "failed").exists()
    assert small.build(**SAME) == 0, small.said
    assert html(small) == first


@pytest.fixture
def cached(tmp_path):
    """A cache with one notebook, the notebook, and where its outputs lie."""
    path = tmp_path / "one.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    nbformat.write(notebook, path)
    cache = get_cache(tmp_path / "cache")
    cache.cache_notebook_bundle(CacheBundleIn(notebook, str(path)), check_validity=False)
    (outputs,) = (tmp_path / "cache").rglob("base.ipynb")
    return cache, path, outputs


def test_a_notebook_in_the_cache_is_known(cached):
    cache, path, _ = cached
    assert execution.known(cache, path)
    path.write_text(path.read_text().replace('"1"', '"2"'))
    assert not execution.known(cache, path)


@pytest.mark.parametrize("left", [None, b"", b'{"cells": [{"cell_t'])
def test_half_an_entry_of_the_cache_is_not_known_and_makes_room(cached, left):
    """The cache writes its database first and the outputs then: killed between, it would never recover."""
    cache, path, outputs = cached
    outputs.unlink() if left is None else outputs.write_bytes(left)
    assert not execution.known(cache, path)
    with pytest.raises(KeyError):
        cache.match_cache_file(str(path))  # Jupyter Book does not find it either
    bundle = CacheBundleIn(nbformat.read(path, as_version=4), str(path))
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    assert execution.known(cache, path)


def test_what_a_cell_prints_is_one_output_however_slowly_it_comes(tmp_path):
    """Else the page has an empty line more on a busy machine."""
    path = tmp_path / "one.ipynb"
    slowly = "import time\nprint(1, flush=True)\ntime.sleep(1)\nprint(2)"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(slowly)]), path)
    notebook, _ = execution.executed(path)
    assert [output.text for output in notebook.cells[0].outputs] == ["1\n2\n"]


def test_a_kernel_that_dies_is_named_and_left_to_run_alone(tmp_path, monkeypatch, capsys):
    def die(*_, **__):
        raise DeadKernelError("Kernel died")

    monkeypatch.setattr(execution, "single_nb_execution", die)
    path = tmp_path / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    assert execution.executed(path) is None
    assert capsys.readouterr().out == "one: Kernel died; it runs once more, alone\n"


def test_figures_are_counted_by_page_and_sphinx_finds_the_numbers_that_it_gave():
    """Else it writes every page anew in every build."""
    given = {"one": {"figure": {"a": (1,)}}, "two": {"figure": {"b": (2,)}}}

    class Env:
        toc_fignumbers = given

    counting.renumber(None, Env)
    assert Env.toc_fignumbers["two"]["figure"]["b"] == (1,)
    counting.recall(None, Env, [])
    assert Env.toc_fignumbers == given


def test_a_picture_that_no_page_shows_is_removed(tmp_path):
    (tmp_path / "_images").mkdir()
    for name in ("a1.webp", "b2.webp"):
        (tmp_path / "_images" / name).touch()
    pages.forget_pictures(tmp_path, ['<img src="../_images/b2.webp">'])
    assert [path.name for path in (tmp_path / "_images").iterdir()] == ["b2.webp"]


def test_what_went_in_is_all_that_a_page_shows(tmp_path, monkeypatch):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "one.md").write_text("a")
    seen = {build.went_in(tmp_path)}
    (tmp_path / "chapters" / "one.md").write_text("b")
    seen.add(build.went_in(tmp_path))
    (tmp_path / "chapters" / "claims.yml").touch()
    seen.add(build.went_in(tmp_path))
    monkeypatch.setenv("GITHUB_REPOSITORY", "you/fork")
    seen.add(build.went_in(tmp_path))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    seen.add(build.went_in(tmp_path))
    assert len(seen) == 5
    monkeypatch.setenv("EDITOR", "ed")
    assert build.went_in(tmp_path) in seen
