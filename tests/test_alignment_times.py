"""The tables of chapter 3 are complete, say what made them, and are what their script makes."""

import re
from dataclasses import fields

import numpy as np
import pytest

import alignlib as al
from benchmarks import alignment_times as bench
from benchmarks import tables

TABLES = {
    "alignment_times": (bench.times, bench.grid, bench.Times),
    "alignment_scales": (bench.scales, bench.ladder, bench.Scales),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_row_for_every_point_of_its_grid(name):
    _, grid, kind = TABLES[name]
    columns = [field.name for field in fields(kind)]
    rows = list(tables.read(name)[columns].itertuples(index=False, name=None))
    assert rows == [tuple(getattr(point, column) for column in columns) for point in grid()]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_when_and_by_which_versions_it_was_made(name):
    first = (tables.HERE / f"{name}.csv").read_text().splitlines()[0]
    assert re.fullmatch(
        r"# \d{4}-\d\d-\d\d, Python 3\.\d+\.\d+, numpy .*, scipy .*, numba .*, alignlib .*", first
    )


@pytest.mark.parametrize(
    ("name", "number"), [("alignment_times", 3333), ("alignment_times", 6666), ("alignment_scales", 555)]
)
def test_a_row_can_be_made_again(name, number):
    function, grid, _ = TABLES[name]
    stored = tables.read(name).iloc[number]
    for column, value in function(grid()[number]).items():
        # Six digits are stored; a delay is known to the solver's tolerance.
        assert stored[column] == pytest.approx(value, rel=1e-5, abs=1e-8, nan_ok=True)


def test_a_script_writes_its_tables_and_clears_up(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "HERE", tmp_path)
    monkeypatch.setattr("sys.argv", ["alignment_times"])
    few = [bench.Times("separated", 10, 0.1, seed) for seed in (0, 1)]
    one = [bench.Scales(0.1, 5, 1e-3, 0)]
    tables.main("", [("alignment_times", bench.times, few), ("alignment_scales", bench.scales, one)])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "alignment_scales.csv",
        "alignment_times.csv",
    ]
    assert len(tables.read("alignment_times")) == 2
    assert np.isfinite(tables.read("alignment_scales").late).all()


def test_a_table_is_not_written_while_a_row_failed_or_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "HERE", tmp_path)
    good = al.sweep(bench.times, [bench.Times("separated", 10, 0.1, 0)], progress=False)
    bad = al.sweep(bench.times, [bench.Times("separated", 10, 2.0, 0)], progress=False)
    with pytest.raises(SystemExit, match="1 configurations failed"):
        tables.write("a", bad, 1)
    with pytest.raises(SystemExit, match="1 configurations are missing"):
        tables.write("a", good, 2)
    assert not list(tmp_path.iterdir())
