"""How the sweeps of this folder write their tables, and how the chapters read them."""

import argparse
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import scipy

import alignlib as al

HERE = Path(__file__).parent


def read(name):
    """A committed table, for example "phase_diagram"."""
    return pd.read_csv(HERE / f"{name}.csv", comment="#")


def main(about, sweeps):
    """The command line of a script: for each `(name, function, configurations)` one table.

    `python -m studies.NAME --workers 4` uses four processes. An interrupted run goes on from the rows
    that it has, which are kept beside the table until it is complete.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=1, help="processes to use")
    workers = parser.parse_args().workers
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for name, function, configs in sweeps:
            rows = HERE / f"{name}.jsonl"
            write(name, al.sweep(function, configs, pool, file=rows), len(configs))
            rows.unlink()
            Path(f"{rows}.lock").unlink(missing_ok=True)


def write(name, table, count):
    """The table under a line that says what made it."""
    failed = table[table.error != ""]
    if len(failed):
        raise SystemExit(f"{name}: {len(failed)} configurations failed, the first: {failed.error.iloc[0]}")
    if len(table) < count:
        raise SystemExit(
            f"{name}: {count - len(table)} configurations are missing; the same command goes on"
        )
    versions = ", ".join(f"{package.__name__} {package.__version__}" for package in (np, scipy, numba, al))
    with (HERE / f"{name}.csv").open("w") as file:
        file.write(f"# {time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {versions}\n")
        table.drop(columns=["seconds", "error"]).to_csv(file, index=False, float_format="%.6g")
