"""`.venv`: everything in the lock, then this project itself, editable. Needs Python and its pip alone.

Whatever has a hash in `requirements.hashes` is the file that was locked, or is not installed. PyTorch has
none: every machine takes another build of it, from another place (for its CPU, for a graphics card).

An environment of this folder and this Python that works is changed in place, and not emptied before the
network has given what is new. One that was moved or copied with its folder points to where it was made: it
is made anew.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
HASHES = ROOT / "requirements.hashes"
OURS = {"pip", "setuptools", "early-alignment"}


def made_here(folder):
    """Whether this environment works, is of this Python, and was made in this place."""
    python = folder / "bin" / "python"
    code = "import sys; print(*sys.version_info[:3], sys.prefix)"
    wanted = " ".join(map(str, (*sys.version_info[:3], folder)))
    try:
        found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        script = (folder / "bin" / "pip").read_text(encoding="utf-8").splitlines()[:2]
    except OSError:
        return False
    return found.stdout.strip() == wanted and str(folder) in " ".join(script)


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def unlisted(installed, lock):
    """What `pip freeze` lists and the lock does not: left over from an older lock."""
    names = {
        canonical(line.split("==")[0].split(" ")[0]) for line in installed.splitlines() if "==" in line
    }
    listed = {canonical(re.split(r"[=<>!~ ;\[]", line)[0]) for line in lock.splitlines()}
    return sorted(names - listed - OURS)


def make(folder):
    if not made_here(folder):
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    python = folder / "bin" / "python"

    def pip(*arguments, **options):
        return subprocess.run([python, "-m", "pip", *arguments], check=True, text=True, **options).stdout

    install = "install", "--quiet", "--no-compile"
    pip(*install, "--no-deps", "--require-hashes", "--requirement", HASHES)
    pip(*install, "--requirement", LOCK)
    pip(*install, "--no-deps", "--editable", ROOT)
    old = unlisted(pip("freeze", "--exclude-editable", capture_output=True), LOCK.read_text("utf-8"))
    # What PyTorch asks for beyond the lock (its parts for graphics cards) is not old.
    old = [name for name in old if not name.startswith(("nvidia-", "cuda-", "triton"))]
    if old:
        pip("uninstall", "--quiet", "--yes", *old)
    # Pip would compile on one processor. Some packages ship files for other Pythons: these do not compile.
    subprocess.run([python, "-m", "compileall", "-qq", "-j", "0", *(folder / "lib").glob("python*")])


if __name__ == "__main__":
    try:
        make(ROOT / ".venv")
    except subprocess.CalledProcessError as problem:
        sys.exit(f"The environment could not be made: see the messages above ({problem.cmd[-1]}).")
