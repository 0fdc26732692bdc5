"""Completions: the scripts for three shells, and the values that they offer."""

import json
import shutil
import subprocess

import pytest

from processes import BIN_DIR, plain_environment, poll

SHELLS = ["bash", "zsh", "fish"]

COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_autotask-worker autotask-worker "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


# A debug build takes seconds of CPU for each script, and a busy machine much longer.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """The script for each shell."""
    directory = tmp_path_factory.mktemp("completion")
    processes = {}
    for shell in SHELLS:
        with open(directory / shell, "wb") as output:
            processes[shell] = subprocess.Popen([BIN_DIR / "autotask-worker", "--generate-completion-script", shell], stdout=output)
    assert all(process.wait(timeout=300) == 0 for process in processes.values())
    return {shell: directory / shell for shell in SHELLS}


@pytest.fixture(scope="module")
def script(scripts):
    return scripts["bash"]


def offered(worker, script, *words, **settings):
    """What bash offers for the last word, which may be empty."""
    environment = plain_environment(**{**worker.settings, **settings})
    environment["PATH"] = f"{BIN_DIR}:{environment['PATH']}"
    result = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", script, "autotask-worker", *words], env=environment, cwd=worker.directory, capture_output=True,
        text=True, timeout=60, check=False, **worker.identity,
    )  # fmt: skip
    assert result.returncode == 0 and result.stderr == "", result
    return result.stdout.split()


def found(worker, script, *words):
    """What bash offers once it offers something: a look-up has 100 ms, and a busy machine may need more. A person presses the key again."""
    return poll(lambda: offered(worker, script, *words), 60, f"names for {words}")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_valid_for_its_shell(scripts, shell):
    path = scripts[shell]
    assert "tenant" in path.read_text(encoding="utf-8")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    checked = subprocess.run([shell, "-n", path], capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0 and checked.stderr == "", checked


def test_names_in_the_store_are_found(worker, script, tenant):
    tenant.connected()
    job = tenant.publish("sync", {"services": "none"})
    tenant.expect(job.ending(), "job.rejected")
    assert found(worker, script, "tenant", "show", tenant.name) == [tenant.name]
    assert tenant.name in found(worker, script, "audit", "list", "--tenant", "msp-")
    assert found(worker, script, "sync", "show", "--tenant", tenant.name, job.id[:13]) == [job.id]
    (letter,) = found(worker, script, "dead-letters", "show", "")[:1]
    assert letter.isdigit()
    assert found(worker, script, "dead-letters", "list", "--fingerprint", "")
    assert found(worker, script, "dead-letters", "redrive", "--reason", "")
    worker.cli("dead-letters", "purge", "--reason", "no-such", "--background", "--yes", expect=1)
    ordered = worker.cli("dead-letters", "purge", letter, "--background", "--json")
    number = str(json.loads(ordered)["operation"]["id"])
    for verb in ("show", "cancel"):
        assert number in found(worker, script, "operation", verb, "")
    assert offered(worker, script, "tenant", "show", "no-such-") == []


def test_former_keys_are_offered_for_retirement(worker, script):
    former = worker.public_key()["keyId"]
    assert former not in offered(worker, script, "keys", "retire", "portal-")
    worker.cli("keys", "rotate", "--use", "portals")
    assert former in found(worker, script, "keys", "retire", "portal-")


def test_fixed_values_are_offered(worker, script):
    assert offered(worker, script, "tenant", "show", "x", "--product", "") == ["workplace", "fileProtection"]
    assert offered(worker, script, "tenant", "list", "--output", "js") == ["json", "jsonl"]
    assert "trace" in offered(worker, script, "run", "--log-level", "")
    assert "tenant" in offered(worker, script, "ten")


@pytest.mark.parametrize("settings", [{"STORE_URL": "sqlite:/nowhere/store.sqlite"}, {"STORE_URL": "mysql:x"}, {"VAULT_KEYS": "/nowhere"}])
def test_after_an_error_nothing_is_offered_and_nothing_is_said(worker, script, settings):
    if "STORE_URL" in settings:
        assert offered(worker, script, "tenant", "show", "", **settings) == []
    assert offered(worker, script, "keys", "retire", "", **{"VAULT_KEYS": "/nowhere", **settings}) == []


def test_a_store_is_not_changed_and_not_made(worker, script, tmp_path):
    assert offered(worker, script, "tenant", "show", "", STORE_URL=f"sqlite:{tmp_path / 'none.sqlite'}") == []
    assert list(tmp_path.iterdir()) == []
