"""The page on log messages has the messages of the sources, with their levels and keys, and a worker writes no other."""

import json
import re

import pytest

from contract import ROOT
from log_messages import LEVELS, log_keys, logged

PAGE = ROOT / "Sources" / "autotask-worker" / "Documentation.docc" / "Log-messages.md"
#: The keys that the page has in words.
GROUPS = {"a job's": {"tenant", "product", "job_id", "kind", "attempt", "trace_id"}, "the broker's": {"host", "port"}}


def documented():
    """By message: its levels, its keys, and what the page says about it."""
    rows = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| (`{1,2}) ?(.+?) ?\1 \| ([a-z, ]+) \| (.*?) ?\| (.+) \|$", line):
            assert match[2] not in rows, match[2]
            keys = {key.strip("`") for key in match[4].split(", ") if key}
            rows[match[2]] = (set(match[3].split(", ")), keys, match[5])
    return rows


def test_the_page_has_every_message_and_no_other():
    assert sorted(documented()) == sorted(logged())


@pytest.mark.parametrize(("message", "source"), logged().items(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_page_has_the_levels_and_keys_of_a_message(message, source):
    levels, keys, meaning = documented()[message]
    assert levels == source.levels <= set(LEVELS)
    assert ("a job's" in keys) == source.is_of_job
    keys = keys - GROUPS.keys()
    assert source.keys <= keys <= set(log_keys().values())
    assert keys == source.keys or not source.is_complete
    assert meaning.endswith(".")


def test_a_worker_writes_only_messages_of_the_page(other_worker, tenant):
    other_worker.start(LOG_FORMAT="json")
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    other_worker.stop()
    lines = [json.loads(line) for line in other_worker.log[other_worker.begun :].splitlines()]
    rows = documented()
    for line in lines:
        levels, keys, _ = rows[line["message"]]
        assert line["level"] in levels, line
        given = line.keys() - {"time", "level", "message", "logger", "source"}
        assert given <= keys.union(*(GROUPS.get(key, set()) for key in keys)), line
    assert {"Worker starts", "Consuming", "This worker takes the queue's messages", "Job attempt ended", "Worker ended"} <= {line["message"] for line in lines}


@pytest.mark.parametrize(
    ("settings", "status", "error"),
    [
        ({"STORE_URL": "sqlite:/nowhere/store.sqlite", "STORE_CREATE": "no"}, 69, "/nowhere/store.sqlite"),
        ({"QUOTA_SHARE": "0"}, 2, "QUOTA_SHARE (from the environment) is not a positive whole number."),
        ({"QUOTA_SHARES": "1"}, 2, "Did you mean QUOTA_SHARE?"),
    ],
)
@pytest.mark.parametrize("form", ["json", "logfmt", "text"])
def test_a_start_that_fails_is_a_line_of_the_log(worker, settings, status, error, form):
    failed = worker.run("run", LOG_FORMAT=form, **settings)
    assert failed.returncode == status and failed.stdout == ""
    last = failed.stderr.splitlines()[-1]
    assert error in last and "The worker ends with an error" in last, last
    if form == "json":
        line = json.loads(last)
        assert line["level"] == "critical" and error in line["error"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    else:
        assert re.match(r"(time=)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (level=)?critical ", last), last


def test_a_start_with_an_unknown_form_of_the_log_says_so(worker):
    failed = worker.run("run", LOG_FORMAT="loud")
    assert failed.returncode == 2 and "LOG_FORMAT (from the environment) is not text, json or logfmt." in failed.stderr
