"""The compiled code is plain Python too: under `NUMBA_DISABLE_JIT=1` it can be stepped through.

So an index that is out of bounds is an error there, and what Numba types otherwise than NumPy is seen.
"""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

import alignlib as al
from alignlib.solver import groups
from alignlib.solver.cells import Cell

ROOT = Path(__file__).resolve().parents[2]
# A division by zero gives inf, which NumPy says and compiled code does not.
PLAIN = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore::RuntimeWarning"}


def solved():
    """Small problems of all kinds, by name: numbers, and what happened."""
    runs, cells = {}, []
    whole = Cell.of
    Cell.of = classmethod(lambda cls, *parts: cells.append(1) or whole(*parts))
    groups_of, groups.FEWEST = groups.FEWEST, 2
    try:
        for seed, kind in enumerate(("balanced", "dominated", "unbalanced")):
            rng = np.random.default_rng(seed)
            data = al.Dataset(rng.standard_normal((6, 3)), rng.choice([-1.0, 1.0], 6))
            net = getattr(al.Network, kind)(8, 3, 0.1, rng=rng)
            runs[f"early, {kind}"] = al.early_flow(net, data, "exponential", t_end=1.5)
            runs[f"flow, {kind}"] = al.gradient_flow(net, data, "squared", 3.0, t_save=[1.0, 2.0])
        net = al.Network.unbalanced(60, 2, 1e-2, rng=0)
        runs["cells"] = al.gradient_flow(net, al.data.three_points(), "squared", 20.0, t_save=[5.0])
    finally:
        Cell.of, groups.FEWEST = whole, groups_of
    assert cells
    return {name: (run.final.w, run.final.v, run.outputs, run.t, run.events) for name, run in runs.items()}


def test_plain_python_solves_the_same():
    script = (
        "import pickle, sys; from tests.solver.test_without_compiler import solved;"
        "sys.stdout.buffer.write(pickle.dumps(solved()))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=PLAIN, capture_output=True)
    assert not done.returncode, done.stderr.decode()
    plain, compiled = pickle.loads(done.stdout), solved()
    slides = 0
    for name in compiled:
        (*mine, events), (*other, theirs) = compiled[name], plain[name]
        for a, b in zip(mine, other):
            # Sums in another order, over some dozen steps; seen: 2e-15.
            assert np.allclose(a, b, rtol=1e-12, atol=1e-13), name
        for field in ("neuron", "sample", "kind"):
            assert np.array_equal(events[field], theirs[field]), name
        assert np.allclose(events["t"], theirs["t"], rtol=1e-12, atol=1e-13), name
        slides += (events["kind"] == "slide").sum() * name.startswith("flow")
    assert slides >= 5


def test_the_kernels_keep_their_promises_in_plain_python():
    """All other tests of this folder, without the compiler; those of its cache start it themselves."""
    left_out = [f"--ignore={path}" for path in (__file__, Path(__file__).with_name("test_compiled.py"))]
    command = [sys.executable, "-m", "pytest", "tests/solver", *left_out, "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, env=PLAIN, capture_output=True, text=True)
    assert not done.returncode, done.stdout
    assert " passed" in done.stdout
