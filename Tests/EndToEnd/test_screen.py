"""What a person has on a terminal alone: a result that is shown again and again, and a pager for long output."""

import re

import pytest

from terminal import Terminal
from tenants import plan



@pytest.fixture
def failed(worker, tenant):
    """A tenant with a job that failed."""
    tenant.connected()
    tenant.expect(tenant.publish("sync", {"services": "none"}).ending(30), "job.rejected")
    job = tenant.publish("sync", plan(1))
    tenant.expect(job.ending(30), "sync.succeeded")
    return tenant, job.id


@pytest.mark.parametrize("command", ["tenant show", "tenant list", "job list", "job why", "failures", "operation list", "doctor"])
def test_a_result_is_shown_again_until_ctrl_c(worker, failed, command):
    tenant, job = failed
    arguments = {"tenant show": [tenant.name], "job why": [job, "--tenant", tenant.name]}.get(command, [])
    frames = rb"(?:\x1b\[H.*?\x1b\[J.*?){3}"
    shown = Terminal(worker, *command.split(), *arguments, "--watch", "0.1", columns=120, interrupt_after=frames)
    assert shown.status == 0, shown.text
    assert shown.raw.count(b"\x1b[H") >= 3 and shown.raw.count(b"Every ") >= 3
    if command != "doctor":
        # The list of tenants may be longer than the screen.
        assert tenant.name.encode() in shown.raw or command in ("failures", "tenant list", "operation list")
    # A frame has at most the rows of the terminal.
    for frame in shown.raw.split(b"\x1b[H")[1:]:
        assert frame.count(b"\n") <= 24, frame


@pytest.mark.parametrize("arguments", [["tenant", "list"], ["failures", "--json"], ["doctor"]], ids=" ".join)
def test_without_a_terminal_to_redraw_watch_is_refused(worker, arguments):
    refused = worker.run(*arguments, "--watch", "1")
    assert refused.returncode == 2 and refused.stdout == ""
    assert "Run the command in a loop without --watch." in refused.stderr


def test_json_is_not_watched_on_a_terminal_either(worker):
    refused = Terminal(worker, "tenant", "list", "--json", "--watch", "1")
    assert refused.status == 2 and "this output is for a program" in refused.text


@pytest.mark.parametrize("seconds", ["0", "-1", "x"])
def test_a_time_that_is_none_is_wrong_usage(worker, seconds):
    worker.cli("tenant", "list", f"--watch={seconds}", expect=2)


def test_a_tenant_that_does_not_exist_ends_the_watch_at_once(worker):
    ended = Terminal(worker, "tenant", "show", "nobody", "--watch", "0.1", columns=120)
    assert ended.status == 1 and "The store knows nothing about nobody" in ended.text


@pytest.mark.parametrize("command", ["tenant list", "job list", "audit list", "tenant show"])
def test_long_output_goes_through_the_pager(worker, failed, command):
    arguments = [*command.split(), *([failed[0].name] if command.endswith("show") else [])]
    paged = Terminal(worker, *arguments, columns=200, PAGER="sed 's/^/page: /'")
    assert paged.status == 0
    assert paged.lines and all(line.startswith("page: ") for line in paged.lines), paged.text
    # It has the form for a terminal.
    plain = Terminal(worker, *arguments, "--no-pager", columns=200, PAGER="sed 's/^/page: /'")
    assert not any(line.startswith("page: ") for line in plain.lines)
    assert len(paged.lines) == len(plain.lines)
    assert bool(re.search(rb"\x1b\[\d", paged.raw)) == bool(re.search(rb"\x1b\[\d", plain.raw))


def test_a_pager_that_is_left_early_ends_the_command_well(worker, failed):
    left = Terminal(worker, "audit", "list", "--limit", "500", columns=120, PAGER="head -1")
    assert left.status == 0 and len(left.lines) == 1, left.text


def test_output_for_a_program_is_not_paged(worker, failed):
    assert "page:" not in worker.cli("tenant", "list", PAGER="sed 's/^/page: /'")
    assert "page:" not in Terminal(worker, "tenant", "list", "--json", columns=200, PAGER="sed 's/^/page: /'").text


@pytest.mark.parametrize("pager", ["", "cat"])
def test_without_a_pager_the_output_is_shown(worker, failed, pager):
    shown = Terminal(worker, "tenant", "list", columns=120, PAGER=pager)
    assert shown.status == 0 and failed[0].name in shown.text


def test_a_pager_that_cannot_be_started_is_named(worker, failed):
    shown = Terminal(worker, "tenant", "list", columns=120, PAGER="no-such-pager-here")
    assert shown.status == 69 and "Correct PAGER, or add --no-pager." in shown.text, shown.text


def test_less_ends_when_everything_fits(worker, failed):
    shown = Terminal(worker, "tenant", "list", "--limit", "1", columns=120, PAGER="less -FRX")
    assert shown.status == 0 and "TENANT" in shown.text
