"""`make book`: build the HTML, never from stale results, one build at a time, whatever surrounds it.

Jupyter Book's cache of executed notebooks looks at their code cells only. Here it is thrown away when the
library, the packages or the way of building changed, and what a failed build left is never built upon. The
notebooks that it does not know are executed before Jupyter Book asks for them, several at once. If neither
what goes in nor what came out has changed since the last build, there is nothing to do.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from book import surroundings

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
LETTERS = ROOT / "book" / "letters.py"
# Without a package that compiles grammars for two seconds whenever jsonschema is imported, and is not used.
EXECUTION = 'import sys; sys.modules["rfc3987_syntax"] = None; from book import execution; execution.main()'
KEPT = ("lock", "home", "elsewhere")  # nothing in them is printed; the last is tests/elsewhere.py's
VARIABLES = ("GITHUB_", "SOURCE_DATE_EPOCH")  # what book/launch.py and book/status.py read
PAGES = ("chapters/**/*.ipynb", "chapters/**/*.md")  # Jupyter Book sees which of them have changed
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


def hashed(root, patterns, *words):
    """A hash of some words, and of the names and contents of files."""
    digest = hashlib.sha256(repr(words).encode())
    for path in sorted(
        {path for pattern in patterns for path in Path(root).glob(pattern) if path.is_file()}
    ):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()


def fingerprint(root=ROOT):
    """A hash of everything but the notebooks that can change what they print."""
    packages = sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
    return hashed(root, SOURCES, sys.version, packages)


def went_in(root=ROOT):
    """A hash of all that the book is made of."""
    shell = sorted(item for item in os.environ.items() if item[0].startswith(VARIABLES))
    return hashed(root, PAGES, fingerprint(root), shell)


def came_out(build=BUILD):
    """A hash of the pages."""
    return hashed(build / "html", ["**/*"])


def last(build=BUILD):
    """What went into the last whole build, and what came out: two hashes, or none."""
    note = build / "done"
    return note.read_text().split() if note.exists() and not (build / "failed").exists() else []


def remove(paths):
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()


def forget_stale(build=BUILD, root=ROOT):
    """Remove whatever of the last build cannot be trusted, and note this one as not yet done."""
    key = fingerprint(root)
    if not (build / "key").exists() or (build / "key").read_text() != key:
        remove(path for path in build.glob("*") if path.name not in KEPT)
    elif last(build)[1:] != [came_out(build)]:  # it failed, or somebody has been at the pages
        remove(build / folder for folder in ("html", ".doctrees", "jupyter_execute"))
    build.mkdir(exist_ok=True)
    (build / "key").write_text(key)
    (build / "failed").touch()


def main():
    with surroundings.alone(BUILD):
        make()
    print(f"\nThe book is in {BUILD / 'html' / 'index.html'}")


def make():
    now = went_in()  # before anything is read: what changes during the build is then seen by the next
    if last() == [now, came_out()]:
        return
    forget_stale()
    build()
    (BUILD / "done").write_text(f"{now} {came_out()}")
    (BUILD / "failed").unlink()


def build():
    """In a process of its own: an interpreter's text encoding and hashes are fixed when it starts."""
    # For all kernels, too; IPython runs the startup file.
    env = surroundings.clean(BUILD / "home") | {"PYTHONSTARTUP": str(LETTERS)}
    code = subprocess.call([sys.executable, "-c", EXECUTION], cwd=ROOT, env=env)
    if code:
        sys.exit(f"The book was not built: see the messages above (jupyter-book returned {code}).")


if __name__ == "__main__":
    main()
