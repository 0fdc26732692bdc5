"""The progress of long commands is on standard error, and nowhere else."""

import re
import socket

import pytest

from terminal import Terminal


@pytest.fixture
def silent_broker():
    """A broker that accepts connections and never answers: the doctor waits for it as long as it waits for anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {"AMQP_URL": f"amqp://worker:x@127.0.0.1:{server.getsockname()[1]}/"}


def test_a_slow_command_shows_a_bar_on_a_terminal(worker, silent_broker):
    shown = Terminal(worker, "doctor", **silent_broker)
    assert re.search(r"\r[█░]+ +\d+ %  \d+ of \d+ topics, .*/s, .* left", shown.raw.decode()), shown.raw
    # The bar is gone when the result is printed.
    assert shown.raw.decode().rpartition("topics")[2].partition("\n")[0].count("\x1b[K") == 2


def test_there_is_no_bar_without_a_terminal_and_none_with_quiet(worker, silent_broker):
    slow = worker.run("doctor", **silent_broker)
    assert not re.search("[█░\r]", slow.stdout + slow.stderr), slow
    assert not re.search("[█░]", Terminal(worker, "doctor", "--quiet", **silent_broker).text)


def test_a_result_for_programs_has_no_progress(worker, tenant):
    tenant.connected()
    for arguments in (["audit", "verify", "--json"], ["keys", "rotate", "--use", "jobs", "--json"], ["doctor", "--json"]):
        result = worker.run(*arguments)
        assert "left" not in result.stderr and result.stdout.startswith("{") and result.stdout.count("\n") == 1, result
