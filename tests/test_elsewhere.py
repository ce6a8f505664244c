"""Other machines are really played, and what differs there is named."""

import platform
import re

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import alignlib as al  # noqa: F401
from book import surroundings
from tests import elsewhere
from tests.perturbed.sitecustomize import GRID, shaken, shaken_network

ANYWHERE = {"perturbed"}
LINUX = {
    "prescott",
    "generic",
    "plain",
    "libm",
    "oldest",
}  # on every x86 processor; the others ask for more
NAMES = ANYWHERE | LINUX if (platform.system(), platform.machine()) == ("Linux", "x86_64") else ANYWHERE


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_process_under_a_setting_sees_what_it_should(name):
    assert elsewhere.played(name)


def test_without_a_setting_nothing_is_perturbed():
    assert not elsewhere.seen()["perturbed"]


def test_the_oldest_machine_is_all_the_old_parts():
    parts = ("prescott", "generic", "plain", "libm")
    for which, whole in enumerate(elsewhere.settings()["oldest"]):
        own = [elsewhere.settings()[part][which] for part in parts]
        assert whole == {key: value for one in own for key, value in one.items()}


def test_code_for_another_processor_is_cached_apart():
    for name in ("generic", "oldest"):
        assert elsewhere.environment(name)["NUMBA_CACHE_DIR"] == str(elsewhere.COMPILED)


def test_entries_move_by_a_few_units_in_the_last_place_both_ways():
    values = np.random.default_rng(0).standard_normal((50, 20))
    units = (shaken(values) - values) / np.spacing(values)
    assert set(np.unique(np.abs(units))) == set(range(GRID))
    assert (units > 0).any()
    assert (units < 0).any()
    # Equal entries may part: a tie that holds on one machine need not on another.
    assert len(np.unique(shaken(np.full(50, 1 / 3)))) == 2


def test_numbers_that_every_machine_has_alike_stay():
    exact = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -0.75, 0.125, 784.0, 1.1, 0.1, 0.8])
    assert shaken(exact).tobytes() == exact.tobytes()


def test_a_balanced_start_stays_balanced():
    w = np.random.default_rng(0).standard_normal((20, 3))
    v = np.linalg.norm(w, axis=1) * np.where(np.arange(20) % 2, -1, 1)
    v[:5] = w[:5, 0]  # these are not
    other, weights = shaken_network(w, v)
    assert np.array_equal(np.abs(weights[5:]), np.linalg.norm(other, axis=1)[5:])
    assert np.array_equal(weights[:5], shaken(v)[:5])
    assert (weights != v).sum() > 10


def test_what_was_perturbed_before_stays_and_the_same_array_comes_out_the_same():
    once = shaken(np.random.default_rng(0).standard_normal((50, 20)))
    assert np.array_equal(shaken(once[::2, 1:]), once[::2, 1:])
    values = np.random.default_rng(1).random(100)
    assert np.array_equal(shaken(values), shaken(values.copy()))


EXACT = "al.Dataset([[1, 0], [0.75, -0.1]], [1, -1]).x.tolist()"
MOVED = (
    "al.Dataset([[1 / 3]], [1]).x.item()",
    "al.Dataset([[1]], [1 / 3]).y.item()",
    "al.Network.balanced(1, 1, 1.0, rng=0).w.item()",
    "al.equicorrelated.Heights.gaussian(2, 0.1, width=1, rng=0).z[0, 0].item()",
)


def notebook(path, *expressions):
    """A notebook whose cells print expressions; stored is what this process makes of them."""
    cells = [
        new_code_cell(
            f"import alignlib as al\nprint('a line')\nprint({expression})",
            execution_count=count,
            outputs=[new_output("stream", name="stdout", text=f"a line\n{eval(expression)}\n")],
        )
        for count, expression in enumerate(expressions, start=1)
    ]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_each_cell_and_example_that_differs_is_named(tmp_path, capsys):
    path = notebook(tmp_path / "planted.ipynb", EXACT, *MOVED)
    example = tmp_path / "example.py"
    example.write_text(f'"""\n>>> import alignlib as al\n>>> {MOVED[0]}\n{1 / 3}\n"""\n')
    assert elsewhere.main(["perturbed", "-n", "0", "--in", str(path), str(example)])
    printed = capsys.readouterr().out
    cells = [f"planted, cell {number}" for number in range(1, 1 + len(MOVED))]  # all but the first
    assert re.findall(r"^  (\S.*)", printed, re.M) == [*cells, "example"]
    assert printed.count("    stored:   0.3333333333333333\n    computed: 0.33333333333333") == 3
    assert "perturbed: 5 of 6 cells and examples differ" in printed


PICTURE = """import matplotlib.pyplot as plt
figure = plt.figure()
figure.text(0, 0, "a word").draw = None  # nobody can draw it
figure.canvas.draw()
plt.close()"""


def test_where_nothing_differs_all_is_well_and_no_figure_is_drawn(tmp_path, capsys):
    path = notebook(tmp_path / "planted.ipynb", EXACT)
    planted = nbformat.read(path, as_version=4)
    planted.cells.append(new_code_cell(PICTURE, execution_count=2))
    nbformat.write(planted, path)
    assert not elsewhere.main(["perturbed", "-n", "0", "--in", str(path)])
    assert "perturbed: 0 of 2 cells" in capsys.readouterr().out


def test_an_error_is_a_difference_and_a_run_of_nothing_a_failure(tmp_path):
    broken = tmp_path / "broken.ipynb"
    cells = [new_code_cell(source, execution_count=1) for source in ("1 / 0", "print(0)")]
    nbformat.write(new_notebook(cells=cells), broken)
    total, found = elsewhere.differences("perturbed", [broken], processes=0)
    assert total == 2
    assert found["broken, cell 0"] == ["----> 1 1 / 0", "ZeroDivisionError: division by zero"]
    assert found["broken, cell 1"][0].startswith("Unexpected output fields")
    with pytest.raises(RuntimeError, match="could not run under perturbed"):
        elsewhere.differences("perturbed", [tmp_path / "none.ipynb"], processes=0)


@pytest.mark.parametrize(("code", "failed"), [("0", False), ("'an error'", True)])
def test_a_module_runs_under_a_setting(tmp_path, monkeypatch, code, failed):
    (tmp_path / "planted.py").write_text(
        f"import sys\nfrom tests import elsewhere\nsys.exit({code} if elsewhere.seen()['perturbed'] else 2)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert elsewhere.main(["perturbed", "--run", "planted"]) == failed


def test_a_build_keeps_what_makes_a_processor_old(tmp_path, monkeypatch):
    for name, value in elsewhere.settings()["oldest"][0].items():
        monkeypatch.setenv(name, value)
        assert surroundings.clean(tmp_path)[name] == value


@pytest.mark.skipif("oldest" not in NAMES, reason="another kind of processor")
def test_the_examples_hold_on_the_oldest_machine():
    """The gate has the notebooks run there by the build."""
    total, found = elsewhere.differences("oldest", ["alignlib"], processes=0)
    assert total > 100
    assert found == {}


def test_long_lines_are_cut_to_where_they_part():
    assert elsewhere.parted(f"one\n{'a' * 300}b", f"one\n{'a' * 300}c") == [
        f"stored:   {'a' * 50}b",
        f"computed: {'a' * 50}c",
    ]
    assert elsewhere.parted("one\ntwo", "one") == ["stored:   two", "computed:"]


def test_a_setting_that_is_not_there_is_refused():
    with pytest.raises(SystemExit):
        elsewhere.main(["nonsense"])
