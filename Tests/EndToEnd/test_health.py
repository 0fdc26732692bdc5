"""Whether a worker lives and is ready: the command `health`, and what systemd learns."""

import json
import re
import socket

import pytest

from processes import poll


def port_of(worker):
    return worker.operations.rpartition(":")[2]


def test_health_asks_the_worker_and_says_only_what_fails(worker, broker, portal):
    address = f"127.0.0.1:{port_of(worker)}"
    poll(lambda: worker.health()[0] == 200, 20, "ready", worker.process)
    for option in ((), ("--ready",), ("--live",)):
        assert worker.cli("health", *option, OPERATIONS_LISTEN=address) == ""
    report = json.loads(worker.cli("health", "--json", OPERATIONS_LISTEN=address))
    assert report["status"] == "pass" and {"store", "lease", "jobs", "results"} <= report["checks"].keys()
    loops = json.loads(worker.cli("health", "--live", "--json", OPERATIONS_LISTEN=address))["checks"]
    assert loops.keys() == {"store_writer", "http", "amqp_consumer", "amqp_publisher", "intake", "lanes", "outbox", "lease"}
    broker.command("stop")
    try:
        poll(lambda: worker.health()[0] == 503, 30, "not ready without the broker")
        assert "results: No connection to RabbitMQ" in worker.cli("health", OPERATIONS_LISTEN=address, expect=1)
        # An outage of the broker is no reason for a restart.
        assert worker.cli("health", "--live", OPERATIONS_LISTEN=address) == ""
    finally:
        broker.command("start")
        portal.connect()
    poll(lambda: worker.health()[0] == 200, 60, "ready again")


@pytest.mark.parametrize(
    ("settings", "status", "text"),
    [
        ({"OPERATIONS_LISTEN": "127.0.0.1:1"}, 69, "No worker answers at 127.0.0.1:1."),
        ({}, 2, "OPERATIONS_LISTEN names no port"),
        ({"OPERATIONS_LISTEN": "127.0.0.1:0"}, 2, "OPERATIONS_LISTEN names no port"),
    ],
    ids=["nobody", "not set", "any port"],
)
def test_health_says_why_it_cannot_ask(worker, settings, status, text):
    result = worker.run("health", **settings)
    assert result.returncode == status and result.stdout == ""
    assert text in result.stderr and len(result.stderr.splitlines()) == 2


def test_another_server_is_no_worker(worker, simulator):
    address = re.sub(r"^http://", "", simulator.url).rstrip("/")
    result = worker.run("health", OPERATIONS_LISTEN=address)
    assert result.returncode == 69 and "is not a worker" in result.stderr


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_systemd_learns_of_start_state_life_and_end(other_worker, tmp_path, abstract):
    worker = other_worker
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + path[1:] if abstract else path)
        manager.settimeout(20)
        worker.start(NOTIFY_SOCKET="@" + path[1:] if abstract else path, WATCHDOG_USEC="200000")

        def messages():
            while True:
                yield dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())

        heard = messages()
        assert next(heard)["READY"] == "1"
        assert next(message for message in heard if message.get("STATUS") == "Ready.")["WATCHDOG"] == "1"
        # More than one sign of life.
        assert [next(heard)["WATCHDOG"] for _ in range(2)] == ["1", "1"]
        worker.stop()
        assert next(message for message in heard if "STOPPING" in message)["STATUS"].startswith("Shutting down")


def test_a_worker_without_a_watchdog_gives_no_sign_of_life(other_worker, tmp_path):
    worker = other_worker
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        # The watchdog of another process, which started this one.
        worker.start(NOTIFY_SOCKET=path, WATCHDOG_USEC="200000", WATCHDOG_PID="1")
        texts = [manager.recv(4096).decode() for _ in range(2)]
        worker.stop()
        assert texts[0].startswith("READY=1") and "WATCHDOG" not in "".join(texts)
