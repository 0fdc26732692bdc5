"""The manual pages are those of the program's help, and valid mdoc."""

import subprocess
import sys

import pytest

import contract
from processes import BIN_DIR

PLACE = contract.ROOT / "deploy" / "man"
sys.path.insert(0, str(PLACE))
import manuals  # noqa: E402

#: The pages refer to each other, and none is installed.
NOT_INSTALLED = "referenced manual not found"


@pytest.fixture(scope="module")
def made():
    return manuals.manuals(BIN_DIR / "autotask-worker")


def test_the_pages_are_those_of_the_help(made):
    kept = {path.name: path.read_text(encoding="utf-8") for path in PLACE.glob("*.1")}
    assert sorted(kept) == sorted(made)
    for name, text in made.items():
        assert kept[name] == text, f"{name} is out of date: run deploy/man/manuals.py"


@pytest.mark.parametrize("page", sorted(PLACE.glob("*.1")), ids=lambda path: path.name)
def test_a_page_is_valid(page):
    check = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True, timeout=30, check=False)
    assert [line for line in check.stdout.splitlines() if NOT_INSTALLED not in line] == [], "see mandoc(1)"


def test_each_command_has_a_page_with_its_options(made):
    page = made["autotask-worker-tenant.1"]
    for part in (".Ss tenant list", ".Ss tenant show", ".It Fl -watch Ar seconds", ".It Fl -search Ar text", ".Dl autotask-worker tenant show msp-4711"):
        assert part in page.splitlines() or part in page, part
    whole = made["autotask-worker.1"]
    assert all(f".Xr {name.removesuffix('.1')} 1" in whole for name in made if name != "autotask-worker.1")
    assert whole.count(".It Fl -") > 38
