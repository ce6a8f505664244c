"""`python -m book.package` (`make package`): the library as others install it, in `_build/package`.

A source distribution of the project and a wheel made from that, so that nothing is in the wheel which the
source distribution lacks. Both are built in a copy: a build leaves folders behind, and what it finds of an
older one it puts into the next wheel.
"""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "_build", "build", "*.egg-info", "__pycache__", "*.ipynb")
SOURCES = "from setuptools.build_meta import build_sdist; import sys; build_sdist(sys.argv[1])"


def build(folder):
    """Build into the empty `folder`: the paths of the source distribution and of the wheel."""
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as empty:
        copy, unpacked = Path(empty) / "copy", Path(empty) / "unpacked"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        _python("-c", SOURCES, folder, cwd=copy)
        (sources,) = folder.glob("*.tar.gz")
        with tarfile.open(sources) as archive:
            archive.extractall(unpacked, filter="data")
        (project,) = unpacked.iterdir()
        # With the setuptools of the lock, as everything else here.
        _python("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ".", cwd=project)
    (wheel,) = folder.glob("*.whl")
    return sources, wheel


def _python(*arguments, cwd):
    run = subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"building the package failed:\n{run.stdout}{run.stderr}")


if __name__ == "__main__":
    target = ROOT / "_build" / "package"
    shutil.rmtree(target, ignore_errors=True)
    for path in build(target):
        print(path.relative_to(ROOT))
