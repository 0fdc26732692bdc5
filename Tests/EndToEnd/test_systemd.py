"""The units for systemd are sound, the two have the same sandbox, and autotaskctl runs a command with what the service has."""

import os
import re
import shutil
import subprocess

import pytest

import contract
from processes import BIN_DIR

PLACE = contract.ROOT / "deploy" / "systemd"
UNITS = {"autotask-worker.service": "autotask-worker.service", "autotask-worker@.service": "autotask-worker@1.service"}
#: What only one of the two units has.
OF_ONE = {"Description", "User", "OPERATIONS_LISTEN"}


def settings(name):
    """The lines of a unit that set something."""
    lines = [line for line in (PLACE / name).read_text(encoding="utf-8").splitlines() if "=" in line and not line.startswith("#")]
    return [line for line in lines if not OF_ONE & set(re.findall(r"\w+", line))]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_sound(tmp_path, name):
    """By systemd's own check, where there is systemd."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = (PLACE / name).read_text(encoding="utf-8")
    file = tmp_path / UNITS[name]
    file.write_text(text.replace("/usr/local/bin/autotask-worker", str(BIN_DIR / "autotask-worker")), encoding="utf-8")
    check = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
    assert (check.returncode, check.stderr) == (0, "")
    rating = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", file], capture_output=True, text=True, check=False
    )
    assert rating.returncode == 0, rating.stdout[-2000:]


def test_the_units_differ_only_in_what_an_instance_needs():
    assert settings("autotask-worker.service") == settings("autotask-worker@.service")
    template = (PLACE / "autotask-worker@.service").read_text(encoding="utf-8")
    assert "\nEnvironment=OPERATIONS_LISTEN=127.0.0.1:808%i\n" in template and "\nUser=autotask-worker\n" in template


def test_a_reload_is_the_signal_that_the_worker_takes():
    for name in UNITS:
        text = (PLACE / name).read_text(encoding="utf-8")
        assert "\nExecReload=/bin/kill -HUP $MAINPID\n" in text and "run --config /etc/autotask-worker/settings.json\n" in text


# autotaskctl


@pytest.fixture
def host(tmp_path):
    """Stand-ins for systemctl, which knows both units, and for systemd-run, which prints its arguments."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "systemctl").write_text(f'#!/bin/sh\ncat "{PLACE}/$(echo "$2" | sed s/@1/@/)"\n', encoding="utf-8")
    (tools / "systemd-run").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", encoding="utf-8")
    for tool in tools.iterdir():
        tool.chmod(0o755)

    def run(*arguments, **environment):
        return subprocess.run(
            [PLACE / "autotaskctl", *arguments], capture_output=True, text=True, timeout=20, check=False,
            env={"PATH": f"{tools}:{os.environ['PATH']}", **environment},
        )  # fmt: skip

    return run


def test_autotaskctl_has_what_the_service_has(host):
    ran = host("tenant", "list", "--search", "a b")
    assert ran.returncode == 0, ran.stderr
    words = ran.stdout.splitlines()
    assert words[words.index("/usr/local/bin/autotask-worker") :] == [
        "/usr/local/bin/autotask-worker", "tenant", "list", "--search", "a b", "--config", "/etc/autotask-worker/settings.json",
    ]  # fmt: skip
    given = {word.removeprefix("--property=") for word in words if word.startswith("--property=")}
    service = (PLACE / "autotask-worker.service").read_text(encoding="utf-8").partition("[Service]")[2].partition("[Install]")[0]
    left = {line for line in service.splitlines() if "=" in line and not line.startswith("#")} - given
    assert {line.partition("=")[0] for line in left} == {
        "Type", "WatchdogSec", "ExecStart", "ExecReload", "EnvironmentFile", "TimeoutStopSec", "Restart", "RestartSec",
    }  # fmt: skip
    assert {line for line in left if line.startswith("EnvironmentFile")} == {"EnvironmentFile=-/run/autotask-worker.first"}
    assert {"User=autotask-worker", "DynamicUser=yes", "StateDirectory=autotask-worker", "EnvironmentFile=/etc/autotask-worker/settings.env"} <= given


def test_autotaskctl_knows_an_instance(host):
    words = host("doctor", AUTOTASK_UNIT="autotask-worker@1.service").stdout.splitlines()
    assert words.count("--property=User=autotask-worker") == 1 and not any("OPERATIONS_LISTEN" in word for word in words)


@pytest.mark.parametrize("arguments", [["--version"], ["keys", "seal"], ["doctor", "--config", "/x.json"]], ids=" ".join)
def test_autotaskctl_adds_no_settings_file_where_none_belongs(host, arguments):
    words = host(*arguments).stdout.splitlines()
    assert words[words.index("/usr/local/bin/autotask-worker") + 1 :] == arguments


def test_autotaskctl_says_what_is_missing(host, tmp_path):
    assert host().returncode == 2 and "usage: autotaskctl" in host().stderr
    none = host("doctor", AUTOTASK_UNIT="other.service")
    assert none.returncode == 69 and "There is no unit other.service." in none.stderr


def test_autotaskctl_passes_shellcheck():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    check = subprocess.run(["shellcheck", PLACE / "autotaskctl"], capture_output=True, text=True, timeout=60, check=False)
    assert check.returncode == 0, check.stdout
