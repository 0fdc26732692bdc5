"""The keys of the ring change while the worker runs, and no data is lost with a retired key."""

import base64
import contextlib
import datetime
import itertools
import json
import os
import pathlib
import sqlite3

import pytest

import portal as portals
from processes import poll
from tenants import plan


def keys(worker, *arguments, **settings):
    return json.loads(worker.cli("keys", *arguments, "--json", **settings))


def listed(worker, **settings):
    return keys(worker, "list", **settings)["keys"]


def active(worker, use):
    return next(key for key in listed(worker) if key["use"] == use and key["active"])


def moment(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def log_lines(worker, message):
    return [line for line in worker.log.splitlines() if message in line]


def test_new_keys_are_taken_over_by_a_running_worker_and_no_job_fails(new_tenant, worker):
    tenants = [new_tenant().connected() for _ in range(4)]
    old = active(worker, "credentials")
    jobs = [tenant.publish("sync", plan()) for tenant in tenants]
    outcome = keys(worker, "rotate", "--use", "credentials", "--use", "jobs")
    assert {key["use"] for key in outcome["made"]} == {"credentials", "jobs"} and outcome["unopenable"] == []
    assert outcome["rewrapped"] >= len(tenants)
    for job in jobs:
        job.tenant.expect(job.ending(), "sync.succeeded")
    for tenant in tenants:
        tenant.expect(tenant.billing_codes(refresh=True), "billing-codes.listed")
    new = active(worker, "credentials")
    assert new["keyId"] != old["keyId"] and new["inUse"]["credentials"] >= len(tenants)
    assert next(key for key in listed(worker) if key["keyId"] == old["keyId"])["inUse"]["credentials"] == 0


def test_a_key_in_use_is_not_retired_and_what_uses_it_is_told(tenant, worker):
    tenant.connected()
    old = active(worker, "credentials")["keyId"]
    worker.cli("keys", "retire", old, "--yes", expect=2)
    copy = pathlib.Path(worker.own_store(worker.directory / "none.sqlite")["VAULT_KEYS"])
    ring = json.loads(copy.read_text(encoding="utf-8"))
    # A former key that the store still needs, as after a rotation that ended before it had wrapped anything again.
    new = {**ring["wrappingKeys"]["keys"][0], "keyId": "wrap-new"}
    ring["wrappingKeys"] = {"active": "wrap-new", "keys": [new, *ring["wrappingKeys"]["keys"]]}
    copy.write_text(json.dumps(ring), encoding="utf-8")
    assert keys_in_use(worker, copy)[old]["credentials"] >= 1
    worker.cli("keys", "retire", old, "--yes", expect=1, VAULT_KEYS=str(copy))
    assert old in {key["keyId"] for key in listed(worker, VAULT_KEYS=str(copy))}


def keys_in_use(worker, ring):
    return {key["keyId"]: key["inUse"] for key in listed(worker, VAULT_KEYS=str(ring)) if key["inUse"]}


def test_old_copies_of_the_store_are_unreadable_once_their_key_is_retired(tenant, worker, tmp_path):
    tenant.connected()
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    tenant.expect(tenant.reset(), "integration.reset")
    old = active(worker, "credentials")["keyId"]

    def unopened(path):
        """The finding of `doctor` about a copy's credentials."""
        checks = json.loads(worker.cli("doctor", "--json", expect=None, STORE_URL=f"sqlite:{path}"))["checks"]["credentials"]
        return [check for check in checks if check["status"] == "fail"]

    # A reset does not erase earlier copies: the present ring reads them.
    assert unopened(copy) == []
    keys(worker, "rotate", "--use", "credentials")
    assert unopened(copy) == []
    assert keys(worker, "retire", old, "--yes")["retired"] == [old]
    assert "does not open the credentials" in unopened(copy)[0]["output"]
    # The store itself is as readable as before.
    assert keys(worker, "rotate", "--resume")["unopenable"] == []


def test_nothing_that_a_retired_key_sealed_is_found_in_the_store(tenant, worker):
    tenant.connected()
    with contextlib.closing(sqlite3.connect(f"file:{worker.store_path}?mode=ro", uri=True)) as store:
        wrapped = [row[0] for row in store.execute("SELECT wrapped_key FROM credential_keys")]
    keys(worker, "rotate", "--use", "credentials")
    files = b"".join(path.read_bytes() for path in worker.directory.glob("worker.sqlite*"))
    # The ciphertext behind the key's name.
    assert wrapped and not any(blob[-40:] in files for blob in wrapped)


def private_keys(worker):
    """The ring's keys, as bytes."""
    ring = json.loads(pathlib.Path(worker.settings["VAULT_KEYS"]).read_text())
    texts = [ring["identityKey"], *(key["privateKey"] for key in ring["recipientKeys"])]
    texts += [key["key"] for use in ("wrappingKeys", "jobKeys") for key in ring[use]["keys"]]
    return {base64.urlsafe_b64decode(text + "==") for text in texts}


def test_no_key_of_the_ring_is_in_the_store_its_copies_the_log_or_what_is_printed(tenant, worker, tmp_path):
    tenant.connected()
    secret = private_keys(worker)
    printed = [worker.cli("keys", "rotate"), worker.cli("keys", "list"), worker.cli("keys", "list", "--json"), worker.cli("keys", "publish")]
    secret |= private_keys(worker)
    worker.cli("store", "backup", str(tmp_path / "copy.sqlite"))
    printed += [worker.cli("keys", "retire", "--unused", "--yes"), worker.cli("run", "--print-config"), worker.cli("doctor", "--json", expect=None)]
    places = [*worker.directory.glob("worker.*"), tmp_path / "copy.sqlite"]
    found = b"".join([*(path.read_bytes() for path in places if path.is_file()), *(text.encode() for text in printed)])
    assert len(secret) >= 7 and tenant.name.encode() in found
    for key in secret:
        for form in (key, key.hex().encode(), base64.b64encode(key).rstrip(b"="), base64.urlsafe_b64encode(key).rstrip(b"=")):
            assert form not in found


def test_a_portal_with_a_retired_key_is_told_to_fetch_the_keys_again(tenant, worker):
    keys(worker, "rotate", "--use", "portals")
    middle = worker.public_key()
    job = sealed_job(tenant, middle)
    tenant.expect(job.publish().ending(), "connection.established")
    keys(worker, "rotate", "--use", "portals")
    assert worker.public_key()["keyId"] != middle["keyId"]
    # It opens still, until it is retired.
    tenant.expect(sealed_job(tenant, middle).publish().ending(), "connection.established")
    keys(worker, "retire", middle["keyId"], "--yes")
    refused = tenant.expect(sealed_job(tenant, middle).publish().ending(), "job.rejected", "key_unknown")
    assert refused["error"]["fixableBy"] == "portal" and "key" in refused["error"]["hint"].lower()
    tenant.expect(sealed_job(tenant, worker.public_key()).publish().ending(), "connection.established")


def sealed_job(tenant, key):
    job_id = portals.new_id()
    sealed = portals.seal(key, job_id, tenant.name, "workplace", {"username": tenant.username, "secret": tenant.secret})
    return tenant.job("connect", {"firstConfiguredAt": "2021-03-04T09:30:00Z", "credentials": sealed}, job_id)


def test_an_interrupted_rotation_goes_on_where_it_stopped(tenant, worker):
    tenant.connected()
    path = pathlib.Path(worker.settings["VAULT_KEYS"])
    ring = json.loads(path.read_text(encoding="utf-8"))
    # As if it had ended right after the new keys were written.
    key = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    ring["wrappingKeys"] = {"active": "wrap-new", "keys": [{"keyId": "wrap-new", "key": key}, *ring["wrappingKeys"]["keys"]]}
    path.write_text(json.dumps(ring), encoding="utf-8")
    before = [key["keyId"] for key in listed(worker)]
    assert any(not key["active"] and key["use"] == "credentials" and key["inUse"]["credentials"] for key in listed(worker))
    outcome = keys(worker, "rotate", "--resume")
    assert outcome["made"] == [] and outcome["rewrapped"] >= 1
    assert [key["keyId"] for key in listed(worker)] == before
    assert not any(not key["active"] and key["use"] == "credentials" and key["inUse"]["credentials"] for key in listed(worker))


def test_unused_former_keys_are_retired_together(worker):
    keys(worker, "rotate", "--use", "credentials", "--use", "jobs")
    keys(worker, "retire", "--unused", "--yes")
    former = [key for key in listed(worker) if not key["active"] and key["use"] != "portals"]
    assert all(any(key["inUse"].values()) for key in former), "a former key is left that nothing is sealed under"


@pytest.mark.parametrize("place", ["env:RING", "credential:ring"])
def test_the_ring_may_come_from_the_environment_or_from_systemd(tenant, other_worker, tmp_path, place):
    text = pathlib.Path(other_worker.settings["VAULT_KEYS"]).read_text()
    (tmp_path / "ring").write_text(text)
    (tmp_path / "ring").chmod(0o400)
    settings = {"RING": text} if place.startswith("env") else {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    other_worker.start(VAULT_KEYS=place, **settings)
    tenant.connected()
    assert "privateKey" not in pathlib.Path(f"/proc/{other_worker.process.pid}/environ").read_text()
    complaint = other_worker.cli("keys", "rotate", expect=2, VAULT_KEYS=place, **settings)
    assert complaint == ""


def test_a_ring_that_is_gone_is_told_once_and_the_worker_goes_on(tenant, worker, tmp_path):
    ring = pathlib.Path(worker.settings["VAULT_KEYS"])
    kept = tmp_path / "kept"
    ring.rename(kept)
    try:
        # Two seconds between two looks.
        tenant.monitor.wait(lambda: log_lines(worker, "The key ring cannot be reloaded"), "complaint", 15)
        tenant.connected()
    finally:
        kept.rename(ring)
    assert len(log_lines(worker, "The key ring cannot be reloaded")) == 1


def test_a_job_whose_key_is_missing_waits_longer_each_time_and_says_so_seldom(tenant, other_worker, tmp_path):
    worker = other_worker
    worker.start()
    tenant.connected()
    worker.stop()
    # The ring of a machine that lacks the key under which the tenant's is wrapped.
    ring = json.loads(pathlib.Path(worker.settings["VAULT_KEYS"]).read_text(encoding="utf-8"))
    key = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    ring["wrappingKeys"] = {"active": "wrap-other", "keys": [{"keyId": "wrap-other", "key": key}]}
    other = tmp_path / "other.json"
    other.touch(mode=0o600)
    other.write_text(json.dumps(ring), encoding="utf-8")
    worker.start(VAULT_KEYS=str(other))
    job = tenant.publish("sync", plan())

    def attempts():
        return [line for line in worker.log[worker.begun :].splitlines() if "Job attempt ended" in line and job.id in line]

    poll(lambda: len(attempts()) >= 5, 60, "five attempts", worker.process)
    delays = [moment(event["data"]["until"]) - moment(event["time"]) for event in job.events if event["type"] == "autotask.job.deferred"]
    assert 1 <= len(delays) < 4 and all(later >= 10 * earlier for earlier, later in itertools.pairwise(delays)), delays
    assert job.endings == []
    worker.stop()
    worker.start()
    tenant.expect(job.ending(90), "sync.succeeded")
