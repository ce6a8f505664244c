"""`python -m book.release v0.1.0`: what a release says about itself, from `CHANGELOG.md`.

Run when a tag is pushed, before anything is installed: it needs Python alone.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECTION = re.compile(
    r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\d{4}-\d\d-\d\d))?\n(?P<text>.*?)(?=^## |\Z)", re.M | re.S
)


def sections(changelog):
    """The changelog's sections by version, newest first: pairs of a date (or None) and the text."""
    return {m["version"]: (m["date"], m["text"].strip()) for m in SECTION.finditer(changelog)}


def notes(tag, version, changelog):
    """The notes of the release that `tag` names, or a ValueError that says why there can be none."""
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, and pyproject.toml says {version}: expected v{version}")
    date, text = sections(changelog).get(version, (None, ""))
    if not date or not text:
        raise ValueError(f"CHANGELOG.md has no section `## [{version}] - YYYY-MM-DD` with a text")
    return text


if __name__ == "__main__":
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    try:
        print(notes(sys.argv[1], version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    except ValueError as error:
        sys.exit(str(error))
