"""The committed tables are complete, say what made them, and are what their scripts make."""

import re
from dataclasses import fields

import numpy as np
import pytest

import alignlib as al
from studies import (
    alignment_times,
    class_sums,
    costs,
    escape_times,
    forty_points,
    narrow,
    phase_diagram,
    saddles,
    steps,
    survival,
    tables,
    threshold,
    violated,
)

# For each table the function, its configurations, and rows that are quick to make again.
SWEEPS = {
    "alignment_times": (alignment_times.times, alignment_times.grid(), (3333, 6666)),
    "alignment_scales": (alignment_times.scales, alignment_times.ladder(), (555,)),
    "phase_diagram": (phase_diagram.outcome, phase_diagram.grid(), (0, 4321)),
    "phase_functions": (phase_diagram.learned, phase_diagram.shown(), (100,)),
    "narrow": (narrow.outcome, narrow.grid(), (0, 133)),
    "survival": (survival.survival, survival.grid(), (27,)),
    "escape_times": (escape_times.escape, escape_times.grid(), (12,)),
    "forty_points": (forty_points.history, forty_points.grid(), (4,)),
    "class_sums": (class_sums.real, class_sums.grid(), (90, 92)),
    "class_sums_controlled": (class_sums.controlled, class_sums.ladder(), (100, 520)),
    "steps": (steps.descend, steps.blocks(), (40, 60)),
    # Those two look at a step of the solver, which a rounding moves; chapter 9 makes forecasts again.
    "saddles": (saddles.measured, saddles.starts(), ()),
    "saddles_escape": (saddles.escape, [saddles.Unbalanced(seed) for seed in range(20)], ()),
    "saddles_wait": (saddles.survivors, saddles.waits(), (85,)),
    "costs": (costs.cost, costs.cases(), (6, 7)),
    # Not row 24: of the raw measurements one neuron in 61 slides, or not, by the rounding of BLAS.
    "prepared": (costs.prepared, costs.ways(), (13, 25)),
    "violated": (violated.followed, violated.grid(), (100, 460)),
    "threshold": (threshold.outcome, threshold.grid(), (7, 120)),
}


@pytest.mark.parametrize("name", SWEEPS)
def test_a_table_has_a_row_for_every_configuration(name):
    _, configs, _ = SWEEPS[name]
    columns = [field.name for field in fields(configs[0])]
    rows = list(tables.read(name)[columns].itertuples(index=False, name=None))
    assert rows == [tuple(getattr(config, column) for column in columns) for config in configs]


@pytest.mark.parametrize("name", SWEEPS)
def test_a_table_says_when_and_by_which_versions_it_was_made(name):
    first = (tables.HERE / f"{name}.csv").read_text().splitlines()[0]
    assert re.fullmatch(
        r"# \d{4}-\d\d-\d\d, Python 3\.\d+\.\d+, numpy .*, scipy .*, numba .*, alignlib .*", first
    )


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, (_, _, some) in SWEEPS.items() for number in some]
)
def test_a_row_can_be_made_again(name, number):
    function, configs, _ = SWEEPS[name]
    stored = tables.read(name).iloc[number]
    found = function(configs[number])
    for column, value in (found if isinstance(found, dict) else {"result": found}).items():
        if isinstance(value, str):
            assert stored[column] == value
        else:
            # Five or six digits are stored; what is below 1e-8 is known to the solver's tolerance only.
            assert stored[column] == pytest.approx(value, rel=5e-5, abs=1e-8, nan_ok=True)


def test_a_script_writes_its_tables_and_clears_up(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "HERE", tmp_path)
    monkeypatch.setattr("sys.argv", ["alignment_times"])
    few = [alignment_times.Times("separated", 10, 0.1, seed) for seed in (0, 1)]
    one = [alignment_times.Scales(0.1, 5, 1e-3, 0)]
    tables.main(
        "",
        [
            ("alignment_times", alignment_times.times, few),
            ("alignment_scales", alignment_times.scales, one),
        ],
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "alignment_scales.csv",
        "alignment_times.csv",
    ]
    assert len(tables.read("alignment_times")) == 2
    assert np.isfinite(tables.read("alignment_scales").late).all()


def test_a_table_is_not_written_while_a_row_failed_or_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "HERE", tmp_path)
    good = al.sweep(alignment_times.times, [alignment_times.Times("separated", 10, 0.1, 0)], progress=False)
    bad = al.sweep(alignment_times.times, [alignment_times.Times("separated", 10, 2.0, 0)], progress=False)
    with pytest.raises(SystemExit, match="1 configurations failed"):
        tables.write("a", bad, 1)
    with pytest.raises(SystemExit, match="1 configurations are missing"):
        tables.write("a", good, 2)
    assert not list(tmp_path.iterdir())
