"""A copy of the store is made while the worker runs, and brought back after a loss."""

import json

from tenants import plan


def test_a_restored_store_goes_on_in_a_new_epoch_and_runs_nothing_old(tenant, worker, tmp_path):
    tenant.connected()
    before = tenant.sync(plan(2))
    tenant.expect(before, "sync.succeeded")
    fault = tenant.database.fault("latency", milliseconds=20000, entity="Services")
    unfinished = tenant.publish("sync", plan(3))
    tenant.database.await_calls(2, entity="Services", operation="query")
    copy = tmp_path / "copy.sqlite"
    made = json.loads(worker.cli("store", "backup", str(copy), "--json"))
    assert made["unfinishedJobs"] >= 1 and made["file"] == str(copy)
    assert copy.stat().st_mode & 0o777 == 0o600

    # It is in use.
    worker.cli("store", "restore", str(copy), "--yes", expect=69)
    worker.kill()
    fault.clear()
    restored = json.loads(worker.cli("store", "restore", str(copy), "--yes", "--json"))
    assert restored["integrations"] == made["integrations"]
    worker.start()

    tenant.expect(unfinished.ending(), "job.superseded", code="superseded")
    last = tenant.database.last_call()
    after = tenant.sync(plan(3))
    tenant.expect(after, "sync.succeeded")
    assert [call["operation"] for call in tenant.database.writes(last)] == ["create"]
    assert len(tenant.database.services()) == 3
    assert after["epoch"] > before["epoch"]
    numbers = [int(event["sequence"]) for event in tenant.events() if event["epoch"] == after["epoch"] and "sequence" in event]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_copy_that_cannot_be_made_says_why(worker, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    worker.cli("store", "backup", str(taken), expect=69)
    worker.cli("store", "backup", "/nowhere/copy.sqlite", expect=69)
    assert taken.read_text() == "mine"
