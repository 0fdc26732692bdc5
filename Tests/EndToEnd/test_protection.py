"""Secrets of a running worker that the system could reveal: in cores, memory, environment and command line."""

import ctypes
import json
import os
import pathlib
import pwd
import re
import resource
import shutil
import signal
import subprocess
import tempfile

import pytest

import contract
from processes import BIN_DIR, Worker, plain_environment, poll

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern")


@pytest.fixture(scope="module")
def account():
    """An ordinary user: root may read everything."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    runs = subprocess.run([BIN_DIR / "autotask-worker", "--help"], user="nobody", group="nogroup", extra_groups=[], capture_output=True)
    if runs.returncode != 0:
        pytest.skip(f"the user nobody may not run {BIN_DIR}/autotask-worker")
    return "nobody"


@pytest.fixture(scope="module")
def place(account):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="protection-"))
    shutil.chown(directory, account)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def plain_worker(place, account, broker, simulator):
    """A worker of an ordinary user's, with a store of its own; cores are wanted where it is started from."""
    for left in [place / "keys.json", *place.glob("worker.sqlite*")]:
        left.unlink(missing_ok=True)
    worker = Worker(place, broker, simulator, user=account)
    wanted = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (wanted[1], wanted[1]))
    yield worker
    if worker.process is not None:
        worker.kill()
    resource.setrlimit(resource.RLIMIT_CORE, wanted)


def sleeper(account, place):
    """A process of the same user's that protects nothing: what is tried on the worker has to work on it."""
    identity = {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen(["sleep", "60"], cwd=place, **identity)
    name = pathlib.Path(f"/proc/{process.pid}/comm")
    poll(lambda: name.read_text() == "sleep\n", 10, "the program's start", process)
    return process


def succeeds_as(account, attempt):
    """Whether something can be done in a process of that user's."""
    user = pwd.getpwnam(account)
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            attempt()
            os._exit(0)
        except BaseException:  # noqa: BLE001
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def attach(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0)
    libc.ptrace(PTRACE_DETACH, pid, None, None)


def read_memory(pid):
    with open(f"/proc/{pid}/maps", "rb") as maps:
        stack = next(line for line in maps if line.rstrip().endswith(b"[stack]"))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(int(stack.split(b"-")[0], 16))
        assert memory.read(16)


def read_environment(pid):
    assert pathlib.Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.parametrize("attempt", [attach, read_memory, read_environment], ids=lambda attempt: attempt.__name__)
def test_another_process_of_the_same_user_gets_at_nothing(plain_worker, account, place, attempt):
    plain_worker.start()
    assert not succeeds_as(account, lambda: attempt(plain_worker.process.pid))
    unprotected = sleeper(account, place)
    try:
        if not succeeds_as(account, lambda: attempt(unprotected.pid)):
            pytest.skip("the system allows it on no process")
    finally:
        unprotected.kill()
        unprotected.wait()


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV], ids=lambda number: number.name)
def test_a_crash_leaves_no_core(plain_worker, account, place, number):
    plain_worker.start()
    process = plain_worker.process
    limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text(encoding="ascii")
    assert re.search(r"Max core file size +0 +0 ", limits), limits
    before = set(os.listdir(place))
    process.send_signal(number)
    assert process.wait(20) == -number
    plain_worker.process = None
    assert set(os.listdir(place)) <= before
    assert "Backtracing" not in plain_worker.log
    unprotected = sleeper(account, place)
    unprotected.send_signal(number)
    unprotected.wait()
    cores = [name for name in os.listdir(place) if name.startswith("core")]
    for name in cores:
        (place / name).unlink()
    if not cores:
        pytest.skip(f"the system writes no cores there, only its limit was seen: {PATTERN} is {PATTERN.read_text().strip()}")


def test_another_worker_knows_that_it_lives_where_it_cannot_see_it(plain_worker, account):
    """Where /proc hides what may not be traced, a protected worker is hidden from workers of its own user."""
    if os.geteuid() != 0:
        pytest.skip("needs the right to mount")
    plain_worker.start()
    script = "mount -t proc -o hidepid=invisible proc /proc && exec setpriv --reuid $0 --regid $1 --clear-groups -- $2 doctor --json"
    arguments = [account, str(pwd.getpwnam(account).pw_gid), str(BIN_DIR / "autotask-worker")]
    output = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, *arguments],
        env=plain_environment(**plain_worker.settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(output.stdout)["checks"]["workers"][0]["output"] == "1 worker runs on the store.", output


def test_programs_that_it_might_start_gain_no_rights(plain_worker):
    plain_worker.start()
    assert "NoNewPrivs:\t1\n" in pathlib.Path(f"/proc/{plain_worker.process.pid}/status").read_text(encoding="ascii")


def test_what_it_makes_is_its_owners_alone(plain_worker, place):
    plain_worker.start()
    plain_worker.cli("store", "backup", place / "copy.sqlite")
    made = [path for path in place.iterdir() if path.name != "worker.log"]
    assert {"keys.json", "worker.sqlite", "copy.sqlite"} <= {path.name for path in made}
    assert all(path.stat().st_mode & 0o077 == 0 for path in made)
    (place / "copy.sqlite").unlink()


def test_environment_and_command_line_hold_no_secret(plain_worker):
    """As the kernel shows them to root, and the command line to everybody."""
    options = {
        "MANAGEMENT_URL": "http://operator:Management%40Secret@127.0.0.1:1",
        "PORTAL_AMQP_URL": "amqp://portal:Portal:Secret@127.0.0.1:1/",
        "AUTOTASK_INTEGRATION_CODE": "Code-on-the-command-line",
    }
    arguments = [
        "--management-url", options["MANAGEMENT_URL"], f"--portal-amqp-url={options['PORTAL_AMQP_URL']}",
        "--autotask-integration-code", options["AUTOTASK_INTEGRATION_CODE"], "--retry-hours", "23",
    ]  # fmt: skip
    environment = {"PORTAL_AMQP_URL": "amqp://portal:Überraschung=@127.0.0.1/", "MANAGEMENT_URL": "http://operator@127.0.0.1:1"}
    plain_worker.start(*arguments, **environment)
    process = pathlib.Path(f"/proc/{plain_worker.process.pid}")
    entries = (process / "environ").read_bytes().split(b"\0")
    variables = dict(entry.decode().split("=", 1) for entry in entries if b"=" in entry)
    assert re.fullmatch(r"amqp://worker:\*+@127\.0\.0\.1:\d+/", variables["AMQP_URL"])
    assert re.fullmatch(r"\*+", variables["AUTOTASK_INTEGRATION_CODE"])
    assert re.fullmatch(r"amqp://portal:\*+@127\.0\.0\.1/", variables["PORTAL_AMQP_URL"])
    # Values without a secret stay visible to operators.
    assert variables["MANAGEMENT_URL"] == environment["MANAGEMENT_URL"]
    assert variables["STORE_URL"] == plain_worker.settings["STORE_URL"]
    line = (process / "cmdline").read_bytes().split(b"\0")
    assert [re.sub(rb"\*+", b"*", argument) for argument in line[1:-1]] == [
        b"run", b"--management-url", b"http://operator:*@127.0.0.1:1", b"--portal-amqp-url=amqp://portal:*@127.0.0.1:1/",
        b"--autotask-integration-code", b"*", b"--retry-hours", b"23",
    ]  # fmt: skip
    plain_worker.stop()
    # What was erased was read before: the settings are in force.
    shown = plain_worker.cli("run", "--print-config", "--json", *arguments)
    assert '"AMQP_URL":{"value":"amqp://worker:…@' in shown.replace(" ", "") and '"23"' in shown


def test_the_service_unit_is_sound(tmp_path):
    """By systemd's own check, where there is systemd."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (contract.ROOT / "deploy" / "systemd" / "autotask-worker.service").read_text(encoding="utf-8")
    file = tmp_path / "autotask-worker.service"
    file.write_text(unit.replace("/usr/local/bin/autotask-worker", str(BIN_DIR / "autotask-worker")), encoding="utf-8")
    check = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
    assert (check.returncode, check.stderr) == (0, "")
    rating = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", file], capture_output=True, text=True, check=False
    )
    assert rating.returncode == 0, rating.stdout[-2000:]


def test_a_ring_that_may_not_be_given_to_its_group_names_call_user_and_group(plain_worker, account, place):
    """The ring's group is one that the caller is no member of."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give the file away")
    plain_worker.start()
    plain_worker.stop()
    ring = place / "keys.json"
    os.chown(ring, pwd.getpwnam(account).pw_uid, 0)
    before = ring.read_bytes()
    failure = plain_worker.run("keys", "rotate")
    user = pwd.getpwnam(account)
    assert failure.returncode == 69 and "fchown" in failure.stderr and "group 0" in failure.stderr, failure
    assert f"user {user.pw_uid} and group {user.pw_gid}" in failure.stderr
    assert ring.read_bytes() == before
