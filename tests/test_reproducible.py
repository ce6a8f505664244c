"""What would make two builds of the same inputs differ: traces of the run, the moment and the place."""

import os
import re
import sys
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from book import status
from tests.conftest import HTML, ROOT

WRITTEN = {".html", ".js", ".css", ".json", ".inv", ".svg"}
# What a run, a moment or a machine leaves: the address of an object, a random name, that of a table which
# pandas styles, a folder of its own.
TRACES = re.compile(
    rb"0x[0-9a-f]{9,}|\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b"
    rb'|id="T_[0-9a-f]{5}(?![0-9a-f])'
)


def tree(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".buildinfo")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_page_carries_no_trace_of_the_run_that_made_it(site):
    own = [os.fsencode(path) for path in (ROOT, sys.prefix)]
    for name, data in tree(HTML).items():
        if name.endswith(tuple(WRITTEN)) and "/vendor/" not in name:
            assert not TRACES.search(data), name
            assert not any(path in data for path in own), name


def test_a_trace_would_be_found():
    identity = b'id="9f1b6c1e-5d0c-4c5e-9a39-1f6f0d1b2a3c"'
    for trace in (b"<Axes at 0x7f1c2a3b4d50>", identity, b'<td id="T_97e34_row0_col0">'):
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


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
def test_the_hour_of_a_run_is_utc_s_wherever_the_book_is_built(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        noted = datetime(2026, 1, 2, 3, 4)  # in the cache's database, without a zone
        assert status.hour(noted.timestamp()) == "2026\u201101\u201102 03:04"
    finally:
        monkeypatch.undo()
        time.tzset()
