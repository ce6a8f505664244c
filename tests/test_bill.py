"""What the book is made with: a hash for every package but one, a licence for each, a bill of materials."""

import json
import re
import subprocess
import sys
from collections import Counter

import pytest
from packaging.requirements import Requirement

from book import bill, environment
from tests.conftest import ROOT
from tests.test_project import lock

HASHES = environment.HASHES.read_text(encoding="utf-8")
# Licences that ask something of whoever passes a program on. These two check spelling and make the pages;
# no part of them is in what is published. (docutils: one file of it, for Emacs.)
COPYLEFT = {"codespell", "docutils"}


@pytest.fixture(scope="module")
def made():
    return bill.bill()


def test_every_pin_but_pytorch_has_its_hashes_and_the_same_version_and_systems():
    lines = [
        line.removesuffix(" \\") for line in HASHES.splitlines() if line and not line.startswith((" ", "#"))
    ]
    assert sorted(str(Requirement(line)) for line in lines) == sorted(
        str(pin) for pin in lock() if pin.name != "torch"
    )
    assert len(bill.HASHED.findall(HASHES)) == len(lines)  # and none is without


def test_a_file_with_another_hash_is_not_installed(tmp_path):
    (tmp_path / "thing-1.0.tar.gz").write_bytes(b"not what was locked")
    (tmp_path / "hashes").write_text(f"thing==1.0 --hash=sha256:{'0' * 64}\n")
    options = ["--no-index", "--find-links", tmp_path, "--no-deps", "--target", tmp_path / "to"]
    pip = [sys.executable, "-m", "pip", "install", "--require-hashes", *options, "-r", tmp_path / "hashes"]
    run = subprocess.run(pip, capture_output=True, text=True)
    assert run.returncode
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in run.stdout + run.stderr


def test_the_bill_has_every_package_of_both_locks_once(made):
    names = Counter((one["name"], one["version"]) for one in made["components"])
    assert set(names.values()) == {1}
    node = json.loads((ROOT / "tests" / "package-lock.json").read_text())["packages"]
    wanted = {(pin.name, next(iter(pin.specifier)).version) for pin in lock()}
    wanted |= {(re.sub(".*node_modules/", "", at), one["version"]) for at, one in node.items() if at}
    assert set(names) == wanted


def test_every_package_has_a_licence_and_all_but_pytorch_a_hash(made):
    for one in made["components"]:
        said = one["licenses"][0]["license"]["name"]
        assert 3 <= len(said) <= 120, f"{one['name']} says of its licence {said!r}: see bill.OTHERS"
        assert bool(one["hashes"]) == (one["name"] != "torch"), one["name"]
        for known in one["hashes"]:
            assert len(known["content"]) == {"SHA-256": 64, "SHA-512": 128}[known["alg"]]


def test_none_of_the_licences_asks_for_more_than_to_be_named_unless_it_is_known(made):
    licences = {one["name"]: one["licenses"][0]["license"]["name"] for one in made["components"]}
    assert {name for name, said in licences.items() if re.search("GPL|General Public", said)} == COPYLEFT


def test_the_same_inputs_make_the_same_bytes(tmp_path):
    for prefix in ("one", "two"):
        run = [sys.executable, "-m", "book.bill", tmp_path / prefix]
        subprocess.run(run, cwd=ROOT, check=True)
    for ending in ("sbom.cdx.json", "licences.md"):
        assert (tmp_path / f"one-{ending}").read_bytes() == (tmp_path / f"two-{ending}").read_bytes()


def test_an_address_of_npm_is_written_as_its_scheme_asks():
    made = bill.component("npm", "@scope/name", "1.0", "MIT", [])
    assert made["purl"] == "pkg:npm/%40scope/name@1.0"
