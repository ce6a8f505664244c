"""`make elsewhere`: every notebook and every doctest as other processors run them; what differs is named.

    python -m tests.elsewhere                              # all that this processor can play
    python -m tests.elsewhere oldest perturbed             # those two
    python -m tests.elsewhere haswell --in chapters/04_low_rank_fitting.ipynb
    DRAW=1 python -m tests.elsewhere perturbed             # by other units in the last place
    python -m tests.elsewhere oldest --run book.build      # the book, made by that processor; from nothing,
                                                           # and not perturbed: a build keeps PYTHONPATH out

Every setting is environment variables for the usual `pytest`, with the project's own options: nothing is
compared less strictly. Before it is run, a process under it says what it sees, so that no setting is empty.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from functools import cache
from itertools import takewhile, zip_longest
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[1]
EVERYTHING = ("alignlib", "chapters")
COMPILED = ROOT / "_build" / "elsewhere"  # code for another processor
# In 64 bits OpenBLAS has the same kernels for both, and gives the first name.
ALIAS = {"Katmai": "Prescott"}
COLOUR = re.compile(r"#x1B\[[\d;]*m")  # as XML has it
WINDOW = 100  # characters of a line that are shown


@cache
def settings():
    """By name: the variables, and what `seen` says under them."""
    kernels = {"prescott": "Prescott", "haswell": "Haswell", "skylakex": "SkylakeX"}
    blas = {name: ({"OPENBLAS_CORETYPE": core}, {"blas": [core]}) for name, core in kernels.items()}
    off = [*os.environ.get("NPY_DISABLE_CPU_FEATURES", "").split(), *dispatched()]
    code = {
        "generic": ({"NUMBA_CPU_NAME": "generic"}, {"compiled for": "generic"}),
        "plain": ({"NPY_DISABLE_CPU_FEATURES": " ".join(off)}, {"numpy beyond its baseline": []}),
        "libm": ({"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4"}, {"exp(-0.6)": "0x1.18fdd6b9604e4p-1"}),
    }
    parts = (blas["prescott"], *code.values())
    oldest = tuple({key: value for part in parts for key, value in part[which].items()} for which in (0, 1))
    return {
        **blas,
        **code,
        "threads": ({"OPENBLAS_NUM_THREADS": "2", "ALIGNLIB_THREADS": "2"}, {"threads": 2}),
        "oldest": oldest,
        "perturbed": ({"PYTHONPATH": str(ROOT / "tests" / "perturbed")}, {"perturbed": True}),
    }


def dispatched():
    """What NumPy uses here of instructions beyond its baseline; to switch off any other is an error."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return [name for name in __cpu_dispatch__ if __cpu_features__[name]]


def seen():
    """What this process runs on: the facts that the settings change."""
    import numba
    import numpy as np
    import scipy.linalg
    from llvmlite.binding import get_host_cpu_name
    from threadpoolctl import threadpool_info

    from alignlib import Dataset

    square = np.linspace(0, 1, 10_000).reshape(100, 100)
    scipy.linalg.lu(square @ square)  # a kernel that the processor lacks ends the process here
    blas = [library for library in threadpool_info() if library["internal_api"] == "openblas"]
    return {
        "blas": sorted({ALIAS.get(library["architecture"], library["architecture"]) for library in blas}),
        "threads": max((library["num_threads"] for library in blas), default=1),
        "compiled for": numba.config.CPU_NAME or get_host_cpu_name(),
        "numpy beyond its baseline": dispatched(),
        "exp(-0.6)": math.exp(-0.6).hex(),
        "perturbed": Dataset([[1 / 3]], [1]).x.item() != 1 / 3,
    }


def environment(name):
    """The variables of a setting and those of this process; code for another processor is kept apart."""
    own, _ = settings()[name]
    paths = (own.get("PYTHONPATH"), str(ROOT), os.environ.get("PYTHONPATH"))
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",  # as in `make test`
        "PYTHONSTARTUP": str(ROOT / "tests" / "undrawn.py"),
        **({"NUMBA_CACHE_DIR": str(COMPILED)} if "NUMBA_CPU_NAME" in own else {}),
        **own,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }


def played(name):
    """Whether this processor can play the setting: whether a process under it sees what it should."""
    code = "import json; from tests import elsewhere; print(json.dumps(elsewhere.seen()))"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, env=environment(name), capture_output=True, text=True)
    if run.returncode > 0:
        raise RuntimeError(f"a process under {name} failed:\n{run.stderr}")
    facts = json.loads(run.stdout) if run.returncode == 0 else {}  # below 0: an instruction it lacks
    return settings()[name][1].items() <= facts.items()


def differences(name, paths=EVERYTHING, processes=2):
    """How many cells and examples ran under a setting, and for each that failed its name and the reason."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        options = ["-n", str(processes), "--dist", "loadscope", "-p", "no:cacheprovider", "--color=no"]
        options += ["-c", "pyproject.toml", "-p", "tests.elsewhere"]
        options += ["-o", "junit_family=xunit1", f"--junitxml={results}"]
        run = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *map(str, paths)],
            cwd=ROOT,
            env=environment(name),
            capture_output=True,
            text=True,
        )
        if run.returncode not in (0, 1):  # neither "all passed" nor "some failed"
            raise RuntimeError(f"pytest could not run under {name}:\n{run.stdout}{run.stderr}")
        cases = list(ElementTree.parse(results).iter("testcase"))
    failed = {title(case): [*case.findall("failure"), *case.findall("error")] for case in cases}
    return len(cases), {key: reason(found[0].text) for key, found in failed.items() if found}


def title(case):
    """How a cell or an example is named: `04_low_rank_fitting, cell 6` or `alignlib.data.separated`."""
    file, name = Path(case.get("file")), case.get("name")
    return f"{file.stem}, {name.lower()}" if file.suffix == ".ipynb" else name


def reason(text):
    """What a failure comes down to: the two lines that differ, what nbval says instead, or the error."""
    lines = [line.strip() for line in COLOUR.sub("", text).strip().splitlines() if line.strip()]
    example = re.search(r"^Expected:\n(.*?)^Got:\n(.*?)^\n*\S*:\d+: DocTestFailure", text, re.M | re.S)
    if example:
        return parted(*example.groups())
    if "Cell outputs differ" in text:
        said = [line for line in lines if line.startswith(("stored:  ", "computed:"))]
        return said[-2:] or [lines[lines.index("Traceback:") + 1]]  # not even as many outputs
    return [*[line for line in lines if line.startswith("---->")][:1], lines[-1]]


def parted(stored, computed):
    """The first line in which two texts differ, as each has it, around the first character that differs."""
    pairs = zip_longest(stored.splitlines(), computed.splitlines(), fillvalue="")
    ours, theirs = next((pair for pair in pairs if pair[0] != pair[1]), (stored, computed))
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs)))
    start = max(0, same - WINDOW // 2)
    return [
        f"{word:<9} {text[start : start + WINDOW].strip()}".rstrip()
        for word, text in (("stored:", ours), ("computed:", theirs))
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_assertrepr_compare(left, right):
    """What nbval is to say of two outputs that differ: this module is a plugin of the runs it starts."""
    return parted(left, right) if isinstance(left, str) and isinstance(right, str) else None


def report(name, paths, processes):
    """Run a setting, print what differs, and return how much."""
    began = time.perf_counter()
    print(f"{name}:", *(f"{key}='{value}'" for key, value in settings()[name][0].items()), flush=True)
    total, found = differences(name, paths, processes)
    for key, lines in found.items():
        print(f"  {key}", *lines, sep="\n    ")
    seconds = time.perf_counter() - began
    print(f"{name}: {len(found)} of {total} cells and examples differ, {seconds:.0f} s", flush=True)
    return len(found)


def run(name, module):
    """Run a module under a setting, as `python -m` does; its exit code."""
    return subprocess.call([sys.executable, "-m", module], cwd=ROOT, env=environment(name))


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.elsewhere", description=__doc__.splitlines()[0])
    parser.add_argument("setting", nargs="*", help=f"all that can be played, or of {', '.join(settings())}")
    parser.add_argument("--in", nargs="+", action="extend", dest="paths", metavar="PATH")
    parser.add_argument("-n", type=int, default=2, dest="processes", metavar="PROCESSES")
    parser.add_argument("--run", metavar="MODULE", help="run this, and compare nothing")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.setting) - set(settings())
    if unknown:
        parser.error(f"no setting {', '.join(sorted(unknown))}: there are {', '.join(settings())}")
    names = chosen.setting or list(settings())
    able = [name for name in names if played(name)]
    lacking = [name for name in names if name not in able]
    if lacking:
        print(f"this machine cannot play {', '.join(lacking)}", flush=True)
    if chosen.run:
        failed = [run(name, chosen.run) for name in able]
    else:
        failed = [report(name, chosen.paths or EVERYTHING, chosen.processes) for name in able]
    return any(failed) or bool(lacking and chosen.setting)


if __name__ == "__main__":
    sys.exit(main())
