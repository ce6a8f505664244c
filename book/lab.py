"""`make lab`: the chapters in JupyterLab, as a copy to work in.

What one runs and saves there changes no chapter that the tests compare. A page that was changed in the copy
stays as the reader left it; all others are brought up to date.
"""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / "lab"
COMMAND = ("jupyter", "lab", "--notebook-dir=lab/chapters")
READ_BY_NOTEBOOKS = ("chapters", "benchmarks")
# A figure that is run again keeps its width.
SURROUNDINGS = {"PYTHONSTARTUP": str(ROOT / "book" / "letters.py")}
NOTE = ".copied.json"  # for each file the hash of what was copied


def hashed(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refresh(root=ROOT, copy=COPY):
    """Copy what is new; the files of the copy that were changed there, and so are kept, as a list."""
    note = copy / NOTE
    copied = json.loads(note.read_text()) if note.exists() else {}
    kept = []
    for path in files(root):
        name = path.relative_to(root).as_posix()
        target = copy / name
        if target.exists() and hashed(target) not in (copied.get(name), hashed(path)):
            kept.append(name)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        copied[name] = hashed(path)
    note.write_text(json.dumps(copied, indent=1))
    return kept


def files(root):
    for folder in READ_BY_NOTEBOOKS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
                yield path


def main():
    for name in refresh():
        print(f"lab/{name} is as you left it; delete it to have the book's again.")
    os.chdir(ROOT)
    jupyter, *arguments = COMMAND
    program = str(Path(sys.executable).with_name(jupyter))
    os.execve(program, [program, *arguments, *sys.argv[1:]], {**os.environ, **SURROUNDINGS})


if __name__ == "__main__":
    main()
