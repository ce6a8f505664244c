"""The problems of the benchmarks: what they are compared with is right."""

import numpy as np
import pandas as pd
import pytest

import alignlib as al
from alignlib.loss import get
from benchmarks import solvers, targets
from studies import work
from tests import filippov
from tests.problems import worst

# Neurons and end: the independent integration takes half a minute for these.
UNTIL = {"S-100-100": (2, 0.9), "D-200": (6, 20.0)}


@pytest.mark.parametrize("name", UNTIL)
def test_the_reference_of_a_new_problem_agrees_with_an_independent_integration(name):
    width, t_end = UNTIL[name]
    net, data, loss, _, decay = solvers.problem(name, width=width)
    w, v, events, _ = filippov.follow(net, data, get(loss), t_end, decay=decay)
    path = al.gradient_flow(net, data, loss, t_end, rtol=1e-10, weight_decay=decay)
    # rtol 1e-10 a step for about 100 steps, and the other solution's own error, which grows alike.
    assert worst(path.final, w, v) < 1e-8
    assert len(path.events) == events > 0


@pytest.mark.parametrize("name", ["A-100-100", "S-100-100", "D-200"])
def test_the_general_solvers_follow_the_same_flow(name):
    net, data, loss, times, decay = solvers.problem(name, width=6)
    early = times[:2]  # before events have told the solvers apart
    _, ours = solvers.run_alignlib(net, data, loss, early, decay, 1e-9)
    _, theirs = solvers.run_scipy("DOP853", net, data, loss, early, decay, 1e-9)
    # Events are kinks for a general solver, and cost it digits. A wrong slope or decay is a tenth and more.
    assert np.abs(ours - theirs).max() < 0.01 * np.abs(ours).max()


def test_the_table_of_targets_is_of_the_targets_that_there_are():
    table = pd.read_csv(targets.TABLE, keep_default_na=False)
    for threads in (1, 2):
        part = table[table.threads == threads].set_index("target")
        assert part.index.is_unique
        assert set(part.index) == set(targets.TARGETS) or threads == 2
        for name, row in part.iterrows():
            assert (row.what, row.asked, row.unit) == targets.TARGETS[name][:3]


def test_a_target_is_met_on_the_side_that_its_sign_says():
    names = ("more", "less", "not more", "not less")
    columns = {"target": names, "what": names, "asked": [">= 5000", "<= 5", ">= 5000", "<= 5"]}
    table = pd.DataFrame({**columns, "measured": [5100.0, 4.96, 4865.0, 5.04], "unit": "s", "threads": 1})
    assert work.met(table) == ["more", "less"]
    assert work.targets(table)[2] == ["not more", "≥\u00a05,000\u00a0s", "4,900\u00a0s", ""]
    both = pd.concat([table, table.tail(1).assign(threads=2, measured=61.61)])
    assert work.targets(both)[3] == ["not less", "≤\u00a05\u00a0s", "5\u00a0s", "62\u00a0s"]
