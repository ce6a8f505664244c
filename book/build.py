"""`make book`: build the HTML, never from stale results.

Jupyter Book's cache of executed notebooks looks at their code cells only. Here it is thrown away when the
library, the lock or the way of building changed, and what a failed build left is never built upon.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
# Not the pages: Jupyter Book sees when they change.
SOURCES = (
    "alignlib/**/*.py",
    "alignlib/live/*",
    "benchmarks/*",
    "studies/*.csv",
    "studies/**/*.py",
    "book/*.py",
    "book/*.js",
    "book/assets/*",
    "chapters/*.bib",
    "chapters/*.yml",
    "pyproject.toml",
    "requirements.lock",
    "_config.yml",
    "_toc.yml",
)


def fingerprint(root=ROOT):
    """A hash of everything but the notebooks that can change what they print."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(path for pattern in SOURCES for path in Path(root).glob(pattern) if path.is_file()):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def forget_stale(build=BUILD, root=ROOT):
    """Remove whatever of the last build cannot be trusted, and note this one as not yet done."""
    key = fingerprint(root)
    if not (build / "key").exists() or (build / "key").read_text() != key:
        if build.exists():
            shutil.rmtree(build)
    elif (build / "failed").exists():
        for folder in ("html", ".doctrees", "jupyter_execute"):
            if (build / folder).exists():
                shutil.rmtree(build / folder)
    build.mkdir(exist_ok=True)
    (build / "key").write_text(key)
    (build / "failed").touch()


def main():
    forget_stale()
    # -n: broken references are warnings; -W: warnings are errors.
    command = [JUPYTER_BOOK, "build", "-W", "-n", "--keep-going", "."]
    code = subprocess.call(command, cwd=ROOT)
    if code:
        sys.exit(f"The book was not built: see the messages above (jupyter-book returned {code}).")
    (BUILD / "failed").unlink()
    print(f"\nThe book is in {BUILD / 'html' / 'index.html'}")


if __name__ == "__main__":
    main()
