"""`python -m book.package` (`make package`): the library as others install it, in `_build/package`.

A source distribution of the project and a wheel made from that, so that nothing is in the wheel which the
source distribution lacks. Both are built in a copy: a build leaves folders behind, and what it finds of an
older one it puts into the next wheel. Both have the time of the release (`CITATION.cff`) and nothing of the
machine in them: the same files make the same bytes.
"""

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "_build", "build", "*.egg-info", "__pycache__", "*.ipynb")
SOURCES = "from setuptools.build_meta import build_sdist; import sys; build_sdist(sys.argv[1])"


def epoch():
    """The day of the release, in seconds since 1970."""
    day = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["date-released"]
    return int(datetime.combine(day, time(), UTC).timestamp())


def settle(archive):
    """Write a `.tar.gz` again: in order, all of one time, owned by nobody."""

    def plain(entry):
        entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = epoch(), 0, 0, "", ""
        entry.mode = 0o755 if entry.isdir() else 0o644
        entry.pax_headers = {}
        return entry

    with TemporaryDirectory() as unpacked:
        with tarfile.open(archive) as old:
            old.extractall(unpacked, filter="data")
        with (
            open(archive, "wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=epoch()) as packed,
            tarfile.open(fileobj=packed, mode="w") as new,
        ):
            for path in sorted(Path(unpacked).rglob("*")):
                new.add(path, path.relative_to(unpacked).as_posix(), recursive=False, filter=plain)


def build(folder):
    """Build into the empty `folder`: the paths of the source distribution and of the wheel."""
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as empty:
        copy, unpacked = Path(empty) / "copy", Path(empty) / "unpacked"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        _python("-c", SOURCES, folder, cwd=copy)
        (sources,) = folder.glob("*.tar.gz")
        settle(sources)
        with tarfile.open(sources) as archive:
            archive.extractall(unpacked, filter="data")
        (project,) = unpacked.iterdir()
        # With the setuptools of the lock, as everything else here.
        _python("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ".", cwd=project)
    (wheel,) = folder.glob("*.whl")
    return sources, wheel


def _python(*arguments, cwd):
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    run = subprocess.run(command, cwd=cwd, env=environment, umask=0o022, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"building the package failed:\n{run.stdout}{run.stderr}")


if __name__ == "__main__":
    target = ROOT / "_build" / "package"
    shutil.rmtree(target, ignore_errors=True)
    for path in build(target):
        print(path.relative_to(ROOT))
