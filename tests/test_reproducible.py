"""Two builds of the same inputs are the same bytes: at another time, in another place, in another order."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from book import build, status, surroundings
from tests.conftest import HTML, ROOT

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", ".pytest_cache", ".hypothesis")
WRITTEN = {".html", ".js", ".css", ".json", ".inv", ".svg"}
# What a run, a moment or a machine leaves: the address of an object, a random name, a folder of its own.
TRACES = re.compile(
    rb"0x[0-9a-f]{9,}|\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b"
)


def tree(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".buildinfo")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def again(site, tmp_path_factory):
    """The pages once more, in a copy of the project, from the same executed notebooks."""
    made = datetime.fromtimestamp((HTML / "index.html").stat().st_mtime, UTC)
    if made.date() != datetime.now(UTC).date():
        pytest.skip("the pages say that they were built on another day")
    place = tmp_path_factory.mktemp("another place") / "a copy"
    shutil.copytree(ROOT, place, ignore=LEFT_OUT)
    shutil.copytree(ROOT / "_build" / ".jupyter_cache", place / "_build" / ".jupyter_cache")
    environment = surroundings.clean(place / "_build" / "home")
    environment |= {"PYTHONPATH": str(place), "PYTHONHASHSEED": "1", "TZ": "Asia/Kolkata"}
    command = [build.JUPYTER_BOOK, "build", "-n", "--keep-going", "."]
    run = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    return place / "_build" / "html"


def test_the_pages_are_the_same_bytes(again):
    one, two = tree(HTML), tree(again)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_a_page_carries_no_trace_of_the_run_that_made_it(site):
    own = [os.fsencode(path) for path in (ROOT, sys.prefix)]
    for name, data in tree(HTML).items():
        if name.endswith(tuple(WRITTEN)) and "/vendor/" not in name:
            assert not TRACES.search(data), name
            assert not any(path in data for path in own), name


def test_a_trace_would_be_found():
    for trace in (b"<Axes at 0x7f1c2a3b4d50>", b'id="9f1b6c1e-5d0c-4c5e-9a39-1f6f0d1b2a3c"'):
        assert TRACES.search(trace)
    assert not TRACES.search(b"#0x1F the colour 0xffffff")


def test_a_build_for_the_same_bytes_says_neither_today_nor_how_long_it_took(monkeypatch):
    monkeypatch.setenv(status.EPOCH, "86400")
    reread = SimpleNamespace(note_reread=lambda: None)
    directive = SimpleNamespace(env=reread)
    (table,) = status.Versions.run(directive)
    assert "1970-01-02" in table.astext()
    monkeypatch.delenv(status.EPOCH)
    (table,) = status.Versions.run(directive)
    assert f"{datetime.now(UTC):%Y-%m-%d}" in table.astext()
