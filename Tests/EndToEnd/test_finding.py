"""Which jobs fail, and whose? The lists and searches of an operator: bounded, page by page, and in nobody's way."""

import fcntl
import json
import os
import sqlite3
import subprocess
import sys
import termios

import pytest

from processes import BIN_DIR, plain_environment, poll
from tenants import plan


def found(worker, *arguments):
    return json.loads(worker.cli("job", "list", "--json", *arguments))


def ids(listing):
    return [job["jobId"] for job in listing["jobs"]]


@pytest.fixture
def trouble(tenant):
    """A tenant with a sync that succeeded, one that failed, and a message that was refused, in this order."""
    tenant.connected()
    good = tenant.publish("sync", plan())
    tenant.expect(good.ending(), "sync.succeeded")
    tenant.database.fault("businessError", message="A name is required.", operation="patch")
    bad = tenant.publish("sync", plan(services=[{**entry, "unitPrice": "99.9"} for entry in plan()["services"]]))
    tenant.expect(bad.ending(), "sync.failed", "remote_rejected")
    refused = tenant.publish("sync", {"services": "none"})
    tenant.expect(refused.ending(), "job.rejected")
    return tenant, good, bad, refused


def test_jobs_are_found_by_what_they_are_and_how_they_ended(worker, trouble):
    tenant, good, bad, refused = trouble
    own = ("--tenant", tenant.name)
    listing = found(worker, *own)
    assert ids(listing)[:3] == [refused.id, bad.id, good.id] and listing["before"] is None
    (job,) = [job for job in listing["jobs"] if job["jobId"] == bad.id]
    code = bad.ending()["data"]["error"]["code"]
    assert (job["state"], job["event"], job["code"], job["kind"], job["publisher"]) == ("failed", "sync.failed", code, "sync", "portal")
    assert job["tenant"] == tenant.name and job["endedAt"] >= job["acceptedAt"] and job["attempts"] == 1
    assert ids(found(worker, *own, "--state", "failed")) == [refused.id, bad.id]
    assert ids(found(worker, *own, "--code", code)) == [bad.id]
    assert bad.id in ids(found(worker, "--code", code, "--since", "1h"))
    assert ids(found(worker, *own, "--kind", "sync")) == [bad.id, good.id]
    assert ids(found(worker, *own, "--state", "waiting")) == ids(found(worker, *own, "--publisher", "reseller")) == []
    assert ids(found(worker, *own, "--product", "fileProtection")) == []
    assert f"sync.failed {code}" in worker.cli("job", "list", *own)


def test_any_job_is_shown(worker, trouble):
    _, _, bad, refused = trouble
    for job in (bad, refused):
        assert worker.cli("job", "show", job.id, "--json") == worker.cli("sync", "show", job.id, "--json")
    worker.cli("job", "show", "unheard-of", expect=1)


def test_a_search_says_how_far_it_looked_and_goes_on(worker, trouble):
    tenant = trouble[0]
    for selection in (("--tenant", tenant.name), ("--tenant", tenant.name, "--state", "failed")):
        whole, pages, place = ids(found(worker, *selection)), [], ()
        while True:
            page = found(worker, *selection, "--look", "1", *place)
            pages += ids(page)
            assert page["lookedAt"] <= 1
            if page["before"] is None:
                break
            assert page["backTo"]
            place = ("--before", page["before"])
        assert pages == whole
    # The newest job is none of a kind that nobody requests.
    nothing = worker.run("job", "list", "--tenant", tenant.name, "--kind", "drift", "--look", "1", "--output", "jsonl")
    assert nothing.returncode == 0 and nothing.stdout == "" and "Looked at 1 job, back to" in nothing.stderr
    assert "add --before" in worker.cli("job", "list", "--tenant", tenant.name, "--kind", "drift", "--look", "1")


def test_a_search_of_the_audit_log_says_how_far_it_looked_and_goes_on(worker, trouble):
    tenant = trouble[0]
    arguments = ("audit", "list", "--tenant", tenant.name, "--json")
    whole = json.loads(worker.cli(*arguments, "--limit", "1000"))
    newest = json.loads(worker.cli("audit", "list", "--limit", "1", "--json"))[0]["number"]
    rows, last = [], newest + 1
    while last > 1 and len(rows) < len(whole):
        rows = json.loads(worker.cli(*arguments, "--before", str(last), "--look", "40", "--limit", "1000")) + rows
        last -= 40
    assert rows == whole
    cut = worker.run("audit", "list", "--job", "unheard-of", "--look", "1", "--json")
    assert cut.stdout == "[]\n" and f"add --before {newest}" in cut.stderr


def test_failures_are_counted_with_who_can_fix_them(worker, trouble):
    code = trouble[2].ending()["data"]["error"]["code"]
    table = json.loads(worker.cli("failures", "--json"))
    groups = {(group["code"], group["kind"]): group for group in table["failures"]}
    assert table["complete"] and groups[code, "sync"]["count"] >= 1 and groups[code, "sync"]["tenants"] >= 1
    group = groups["job_invalid", None]
    assert group["fixableBy"] == "portal" and group["new"] and not group["retryable"] and group["first"] <= group["last"]
    assert code in worker.cli("failures", "--since", "1h")


def test_tenants_are_found_and_listed_in_pages(worker, trouble, new_tenant):
    tenant, other = trouble[0], new_tenant()
    other.sync()
    arguments = ("tenant", "list", "--json")

    def listed(*options):
        return [(lane["tenant"], lane["product"]) for lane in json.loads(worker.cli(*arguments, *options))]

    whole = listed()
    assert {tenant.name, other.name} <= {name for name, _ in whole} and whole == sorted(whole)
    pages, after = [], ()
    while page := listed("--limit", "2", *after):
        pages += page
        # A tenant may have two products.
        after = ("--after", "/".join(page[-1]))
    assert pages == whole
    assert "--after" in worker.cli("tenant", "list", "--limit", "1")

    def names(*selection):
        return {lane["tenant"] for lane in json.loads(worker.cli(*arguments, *selection))}

    assert tenant.name in names("--search", tenant.name[1:].upper()) and names("--search", "nobody") == set()
    assert tenant.name in names("--connection", "connected") and tenant.name not in names("--connection", "none")
    assert other.name in names("--connection", "none") and other.name not in names("--connection", "connected")
    assert tenant.name in names("--code", "job_invalid") and other.name not in names("--code", "job_invalid")


@pytest.mark.parametrize(
    "arguments",
    [
        ["job", "list", "--state", "broken"], ["job", "list", "--kind", "fly"], ["job", "list", "--code", "x"], ["job", "list", "--since", "then"],
        ["job", "list", "--limit", "0"], ["job", "list", "--before", "x"], ["job", "list", "--state", "failed", "--before", "7"],
        ["failures", "--since", "1w"], ["tenant", "list", "--connection", "x"], ["tenant", "list", "--after", "no tenant!"],
        ["tenant", "list", "--limit", "0"], ["audit", "list", "--look", "0"], ["audit", "list", "--before", "-1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_search_that_makes_no_sense_is_wrong_usage(worker, arguments):
    worker.cli(*arguments, expect=2)


def test_a_list_that_nobody_reads_holds_up_no_erasure(other_worker, new_tenant):
    """A reset's event waits until no reader sees what it erased."""
    worker = other_worker
    with sqlite3.connect(worker.store_path) as store:
        store.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
            " INSERT INTO lanes (tenant, product, epoch, next_sequence) SELECT 'many-' || i, 'workplace', 1, 1 FROM n"
        )
    worker.start()
    tenant = new_tenant().connected()
    reader, output = os.pipe()
    command = subprocess.Popen(
        [BIN_DIR / "autotask-worker", "tenant", "list", "--json"], env=plain_environment(**worker.settings), cwd=worker.directory, stdout=output
    )
    os.close(output)
    try:
        # Once there is a line, the command goes on until the pipe is full.
        first = os.read(reader, 100)
        poll(lambda: waiting_bytes(reader) > 60_000, 30, "the pipe is full")
        tenant.expect(tenant.reset(), "integration.reset")
        assert command.poll() is None
        with open(reader, "rb", closefd=False) as rest:
            listed = json.loads(first + rest.read())
        assert command.wait(timeout=30) == 0 and len(listed) > 5000
    finally:
        os.close(reader)
        command.kill()
        command.wait()
        with sqlite3.connect(worker.store_path, timeout=30) as store:
            store.execute("DELETE FROM lanes WHERE tenant LIKE 'many-%'")


def waiting_bytes(reader):
    """What a pipe holds."""
    return int.from_bytes(fcntl.ioctl(reader, termios.FIONREAD, bytes(4)), sys.byteorder)
