"""This file runs the commands of every shell block of README, CONTRIBUTING and DocC, or lists the reason why not."""

import os
import pathlib
import pty
import re
import signal
import subprocess
import uuid

import contract
import pytest
from processes import plain_environment, poll
from simulator import Database

ROOT = contract.ROOT
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "Sources" / "autotask-worker" / "Documentation.docc").glob("*.md"))]
RELEASE = ROOT / ".build" / "release"

SHELLS = ("sh", "bash", "shell", "console", "zsh")
# What a block without a language is known by.
PROGRAM = re.compile(r"\s*(?:\$ |autotask-worker |swift |\./?deploy/|deploy/|rabbitmqctl |systemctl |docker |kubectl |export |sudo )")

# By the block's first command.
RUN = {
    "swift build -c release --static-swift-stdlib": "test_the_worker_is_built_and_run_as_it_is_told",
    "autotask-worker keys rotate": "test_keys_are_rotated_as_it_is_told",
    "autotask-worker keys publish > keys.json": "test_credentials_are_sealed_and_connected_as_it_is_told",
}
NOT_RUN = {
    "./deploy/demo": "deploy/test plays its story on the build that it has",
    "./deploy/test": "it runs this test",
    "SIMULATION_SEEDS=200000 swift test -c release --filter EngineSimulationTests": "hours; deploy/test runs 2,000 seeds with the same filter",
    "SIMULATION_SEEDS=1000000 swift test -c release --filter EngineSimulationTests": "hours; deploy/test runs 2,000 seeds with the same filter",
    "SWIFT_DETERMINISTIC_HASHING=1 SIMULATION_SEED=4711 swift test --filter EngineSimulationTests": "deploy/test runs this seed among others",
    "./deploy/chaos --seed 7 --minutes 30": "half an hour",
    'autotask-worker pause set --tenant msp-4711 --reason "wrong prices in the plan"': "test_pause.py does, with tenants of its own",
    "autotask-worker pause list": "test_pause.py does",
    "autotask-worker dead-letters redrive --reason attempts_spent --rate 5 --background": "test_operations.py does, with dead letters of its own",
    "autotask-worker operation show 7 --watch 1": "test_operations.py does, with the ids of its operations",
    "autotask-worker operation cancel 7": "test_operations.py does, with the ids of its operations",
    "autotask-worker pause end 1": "test_pause.py does, with the ids of its pauses",
    "./deploy/broken": "an hour and more; deploy/test runs it with --check",
    "./deploy/fuzz": "hours",
    "./deploy/benchmark": "a measurement of half an hour",
    "./deploy/benchmark --quick": "a measurement, with a release build of its own",
    "./deploy/benchmark --profile": "a measurement, with a release build of its own",
    "swift run -c release --package-path Tests/Benchmarks http-benchmark": "a measurement, with a release build of its own",
    "swift run -c release --package-path Tests/Benchmarks amqp-benchmark": "a measurement, with a release build of its own",
    "swift run -c release --package-path Tests/Benchmarks trace-benchmark": "a measurement, with a release build of its own",
    "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 autotask-worker run": "its port may be taken; test_traces.py starts a collector of its own",
    "BIN_DIR=.build/release .venv/bin/python Tests/Benchmarks/many_tenants.py": "a measurement",
    "BIN_DIR=.build/release .venv/bin/python Tests/Benchmarks/whole_job.py": "a measurement",
    "BIN_DIR=.build/release .venv/bin/python Tests/Benchmarks/crowded_lane.py": "a measurement",
    "BIN_DIR=.build/release .venv/bin/python Tests/Benchmarks/key_rotation.py": "a measurement",
    "BIN_DIR=.build/release .venv/bin/python Tests/Benchmarks/reading_commands.py": "a measurement",
    "BIN_DIR=.build/release .venv/bin/python Tests/Benchmarks/store_disturbers.py": "a measurement",
    "rabbitmqctl import_definitions reseller.json": "it is for the machine's own broker; test_publishers.py imports the file into a private one",
    "rabbitmqctl change_password reseller-acme '…'": "it is for the machine's own broker",
    "autotask-simulator --port 8600 --seed seeds/simulator.json": "its port may be taken; every end-to-end test starts one with --port 0",
    "export AUTOTASK_URL=http://127.0.0.1:8600/atservicesrest/ AUTOTASK_ALLOWED_HOSTS=127.0.0.1:8600 AUTOTASK_INTEGRATION_CODE=any": "as above",
    **{
        f'curl -sS {call}': "test_rehearsing_failures.py runs it for a tenant of its own"
        for call in (
            """"$SIMULATOR/simulator/faults" -d '{"kind": "latency", "database": 123457, "milliseconds": 50, "times": 1}'""",
            '"$SIMULATOR/simulator/faults"',
            '-X DELETE "$SIMULATOR/simulator/faults/1"',
            '"$SIMULATOR/simulator/calls?database=123457"',
        )
    },
    "systemctl stop autotask-worker": "it takes systemd, and a worker that it runs",
    "autotask-worker keys rotate --vault-keys /etc/autotask-worker/keys.json "
    "--store-url sqlite:/var/lib/autotask-worker/autotask-worker.sqlite": "it is for the machine's own worker",
    "systemctl start autotask-worker": "it takes systemd, and a worker that it runs",
}


def commands(block):
    """Its commands, without comments."""
    lines = [re.sub(r"\s+#.*", "", line).strip() for line in block.replace("\\\n", " ").splitlines()]
    return [re.sub(r"\s+", " ", line) for line in lines if line and not line.startswith("#")]


def blocks():
    """Every shell block of the documents."""
    found = []
    for text in TEXTS:
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text.read_text(encoding="utf-8"), re.M | re.S):
            if language in SHELLS or (not language and any(PROGRAM.match(line) for line in block.splitlines())):
                found.append((text.name, block))
    return found


def block(name, first, containing=""):
    (found,) = [text for document, text in blocks() if document == name and commands(text)[0] == first and containing in text]
    return found


@pytest.mark.parametrize(("document", "text"), blocks(), ids=lambda value: value if "\n" not in value else value.splitlines()[0][:40])
def test_every_documented_command_is_run_or_has_a_reason(document, text):
    listed = commands(text)
    assert listed
    if listed[0] in RUN and not set(listed) & set(NOT_RUN):
        assert RUN[listed[0]] in globals()
        return
    for command in listed:
        assert command in NOT_RUN or command in RUN, f"{document}: run {command!r} in a test, or list it with the reason why not"


def test_no_command_is_listed_that_no_document_has():
    documented = {command for _, text in blocks() for command in commands(text)}
    assert set(NOT_RUN) | set(RUN) <= documented


@pytest.fixture(scope="module")
def place(broker, simulator, tmp_path_factory):
    """A working directory with the project's files, and the environment of a new installation."""
    directory = tmp_path_factory.mktemp("documented")
    for name in ("deploy", "Package.swift", "Package.resolved", "Sources", "Tests", "schemas", ".build"):
        if (ROOT / name).exists():
            (directory / name).symlink_to(ROOT / name)
    environment = plain_environment(
        **{name: value for name, value in broker.environment.items() if not name.startswith("TEST_") and not name.endswith("AMQP_URL")},
        # It may declare the topology, and consume.
        AMQP_URL=broker.environment["TEST_AMQP_URL"],
        # The portal's own user may use queues of the prefix "autotask" alone, so the same user publishes.
        PORTAL_AMQP_URL=broker.environment["TEST_AMQP_URL"],
        TRUSTED_PUBLISHERS="admin",
        XDG_STATE_HOME=str(directory / "state"),
        AUTOTASK_URL=simulator.lookup_url,
        AUTOTASK_ALLOWED_HOSTS=simulator.host,
        AUTOTASK_INTEGRATION_CODE="Vendor-Code-000000000000001",
        ACCESS_CUTOFF="none",
        JOB_QUEUES="documented.jobs",
        PREFIX="documented",
    )
    environment["PATH"] = f"{RELEASE}:{environment['PATH']}"
    return directory, environment


def shell(text, place, terminal, errors=subprocess.STDOUT):
    directory, environment = place
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=directory,
        env=environment,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    )


def done(text, place):
    """Runs a block to its end, and confirms its questions on a terminal."""
    controller, terminal = pty.openpty()
    os.write(controller, b"yes\n")
    # It asks only where input and errors are a terminal.
    process = shell(text, place, terminal, errors=terminal)
    output, _ = process.communicate(timeout=120)
    os.close(controller)
    os.close(terminal)
    assert process.returncode == 0, output
    return output


# Beyond what a test has: the first of them may wait for a release build.
pytestmark = pytest.mark.timeout(1900)
# They take a release build, and are not yet shown to pass: DOCUMENTED_COMMANDS=1 runs them.
takes_a_release = pytest.mark.skipif("DOCUMENTED_COMMANDS" not in os.environ, reason="set DOCUMENTED_COMMANDS=1 to run what takes a release build")


@pytest.fixture(scope="module")
def running(place):
    """The worker, built, set up and run by the README's own block."""
    directory, environment = place
    output = directory / "running.log"
    with open(output, "wb") as log:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", f'cd "{ROOT}"\n' + block("README.md", "swift build -c release --static-swift-stdlib", "keys generate")],
            env={**environment, "OPERATIONS_LISTEN": ""},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # A release build takes minutes where deploy/test has not made it before.
    poll(lambda: "Worker starts" in output.read_text(errors="replace"), 1800, "the first start", process)
    # The block starts it once to make the store, and then as every other time.
    (first,) = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(first), signal.SIGTERM)
    poll(lambda: output.read_text(errors="replace").count("Worker starts") == 2, 60, "the second start", process)
    yield process
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) in (0, -signal.SIGTERM), output.read_text(errors="replace")


@takes_a_release
def test_the_worker_is_built_and_run_as_it_is_told(running):
    assert running.poll() is None


def test_a_plain_release_build_has_no_test_helper(place):
    """`swift build -c release --static-swift-stdlib` stopped with "no such module 'Testing'", because test helpers were ordinary targets."""
    package = (ROOT / "Package.swift").read_text(encoding="utf-8")
    ordinary = re.findall(r"\n        \.(?:target|executableTarget)\(\s*name: \"(\w+)\"(?:[^()]|\([^()]*\))*?path: \"(Tests/[^\"]+)\"", package)
    for name, path in ordinary:
        for file in (ROOT / path).rglob("*.swift"):
            assert not re.search(r"^(?:\w+ )*import (?:Testing|XCTest)$", file.read_text(encoding="utf-8"), re.M), f"{name}: {file}"


@takes_a_release
def test_credentials_are_sealed_and_connected_as_it_is_told(running, place, simulator):
    directory, _ = place
    secret = f"Secret-{uuid.uuid4().hex}"
    Database(simulator, 990_001, "api@msp.example", secret)
    (directory / "credentials.json").write_text(f'{{ "credentials": {{ "username": "api@msp.example", "secret": "{secret}" }} }}')
    (directory / "secret.txt").write_text(secret)
    sealed = done(block("Sealing-credentials.md", "autotask-worker keys publish > keys.json", "seal.mjs"), place)
    assert '"ciphertext"' in sealed and secret not in sealed
    connected = done(block("Sealing-credentials.md", "autotask-worker keys publish > keys.json", "job connect"), place)
    assert "Connection was established" in connected


@takes_a_release
def test_keys_are_rotated_as_it_is_told(running, place):
    assert "keyId" in done(block("Keys.md", "autotask-worker keys rotate"), place)
