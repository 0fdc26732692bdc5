"""Why is a service in Error? The history has request, calls and result without logs, until a reset or time erases it."""

import json
import uuid


from processes import poll
from tenants import codes, plan, service

#: By what the simulator calls it, how a call looks on the wire.
WIRE = {
    ("ZoneInformation", "get"): ("GET", "zoneInformation"),
    ("Version", "get"): ("GET", "Version"),
    ("Services", "query"): ("POST", "Services/query"),
    ("Services", "create"): ("POST", "Services"),
    ("Services", "patch"): ("PATCH", "Services"),
    ("BillingCodes", "query"): ("POST", "BillingCodes/query"),
}


def shown(worker, job, *arguments):
    return json.loads(worker.cli("sync", "show", job.id, "--tenant", job.tenant.name, "--json", *arguments))


def calls(record):
    return [call for attempt in record["made"] for call in attempt["calls"]]


def in_short(call):
    return call["method"], call["path"], call["status"]


def test_a_sync_that_ends_in_error_says_why(worker, tenant):
    tenant.connected()
    before = tenant.database.last_call()
    tenant.database.fault("businessError", message="A name is required.", times=1, operation="create", skip=1)
    asked = plan(revision=7)
    job = tenant.publish("sync", asked)
    data = tenant.expect(job.ending(), "sync.incomplete", "remote_rejected")
    error = next(result["error"] for result in data["services"] if "error" in result)

    record = shown(worker, job)
    assert (record["tenant"], record["kind"], record["publisher"], record["state"]) == (tenant.name, "sync", "portal", "ended")
    assert record["asked"] == asked
    assert record["ended"] == "sync.incomplete" and record["event"]["data"] == data and not record["erased"]
    assert [attempt["ending"] for attempt in record["made"]] == ["finished"]
    # The history has each call as Autotask received it.
    seen = [(*WIRE[call["entity"], call["operation"]], call["status"]) for call in tenant.database.calls(before)]
    assert [in_short(call) for call in calls(record)] == seen
    assert ("POST", "Services", 500) in seen and record["apiCalls"] == data["apiCalls"] == len(seen)
    assert all(call["host"] and call["failure"] is None and call["milliseconds"] >= 0 for call in calls(record))
    assert [call["at"] for call in calls(record)] == sorted(call["at"] for call in calls(record))

    text = worker.cli("sync", "show", job.id)
    for part in ("remote_rejected", error["hint"], "A name is required.", "Service 2", "Services/query", "500", "revision 7"):
        assert part in text, part


def test_what_put_a_job_off_is_told_while_it_waits(worker, tenant):
    tenant.connected()
    tenant.database.fault("throttled", retryAfterSeconds=120, times=1, operation="query")
    job = tenant.publish("sync", plan(1))
    tenant.monitor.wait(lambda: any(event["type"] == "autotask.job.deferred" for event in job.events), "deferral")
    record = shown(worker, job)
    assert record["state"] == "waiting" and record["notBefore"] and record["asked"] == plan(1)
    attempt = record["made"][0]
    assert attempt["ending"] == "deferred" and attempt["error"]["code"] == "rate_limited" and attempt["until"] == record["notBefore"]
    assert in_short(attempt["calls"][-1]) == ("POST", "Services/query", 429)
    text = worker.cli("sync", "show", job.id)
    assert "waiting, not before" in text and attempt["error"]["hint"] in text and "429" in text
    tenant.expect(tenant.reset(), "integration.reset")


def test_attempts_are_told_one_by_one(worker, tenant):
    tenant.connected()
    tenant.database.fault("serverError", times=2, operation="query", entity="Services")
    job = tenant.publish("sync", plan(1))
    tenant.expect(job.ending(), "sync.succeeded")
    record = shown(worker, job)
    assert [attempt["ending"] for attempt in record["made"]] == ["deferred", "deferred", "finished"]
    assert [attempt["error"]["code"] for attempt in record["made"][:2]] == ["autotask_unavailable"] * 2
    assert record["attempts"] == 3 and record["apiCalls"] == len(calls(record)) == record["event"]["data"]["apiCalls"]


def test_an_attempt_in_which_the_worker_died_is_told_as_unknown(worker, tenant):
    tenant.connected()
    held = tenant.database.fault("hang", operation="query", entity="Services")
    job = tenant.publish("sync", plan(1))
    tenant.database.await_calls(1, operation="query", entity="Services")
    worker.kill()
    held.clear()
    worker.start()
    tenant.expect(job.ending(), "sync.succeeded")
    record = shown(worker, job)
    assert record["interruptions"] == 1 and [attempt["ending"] for attempt in record["made"]] == ["interrupted", "finished"]
    assert record["made"][0]["begunAt"] is None and record["made"][0]["calls"] == []
    assert "calls of an interrupted attempt are not known" in worker.cli("sync", "show", job.id)


def test_of_a_connect_neither_credentials_nor_user_are_told(worker, tenant):
    job = tenant.connect_job().publish()
    tenant.expect(job.ending(), "connection.established")
    wrong = tenant.connect_job(secret="Wrong-0815-4711").publish()
    tenant.expect(wrong.ending(), "connection.failed", "credentials_invalid")
    record = shown(worker, job)
    assert record["asked"] == {"firstConfiguredAt": job.envelope["data"]["firstConfiguredAt"]}
    assert [in_short(call) for call in calls(record)] == [
        ("GET", "zoneInformation", 200),
        ("GET", "Version", 200),
        ("GET", "Services/entityInformation", 200),
        ("GET", "Services/entityInformation/fields", 200),
    ]
    assert in_short(calls(shown(worker, wrong))[-1]) == ("GET", "Version", 401)
    text = "".join(worker.cli("sync", "show", each.id, *form) for each in (job, wrong) for form in ([], ["--json"]))
    for secret in (tenant.secret, tenant.username, "Wrong-0815", worker.settings["AUTOTASK_INTEGRATION_CODE"]):
        assert secret not in text


def test_a_call_without_an_answer_says_why(worker, tenant):
    tenant.connected()
    tenant.database.fault("closeBeforeReading", times=9, operation="query", entity="Services")
    job = tenant.publish("sync", plan(1))
    tenant.monitor.wait(lambda: any(event["type"] == "autotask.job.deferred" for event in job.events), "deferral")
    call = calls(shown(worker, job))[-1]
    assert call["status"] is None and call["failure"] == "connectionLost"
    tenant.expect(tenant.reset(), "integration.reset")


def test_a_reset_erases_what_was_asked_and_called(worker, tenant):
    name = f"Told-{uuid.uuid4().hex}"
    tenant.connected()
    job = tenant.publish("sync", {"planId": "shown", "services": [service(1, name=name)]})
    tenant.expect(job.ending(), "sync.succeeded")
    assert name in worker.cli("sync", "show", job.id)
    reset = tenant.publish("reset", {"confirm": True})
    tenant.expect(reset.ending(), "integration.reset")
    record = shown(worker, job)
    assert record["asked"] is None and record["made"] == [] and record["event"] is None and record["erased"]
    assert record["ended"] == "sync.succeeded" and record["attempts"] == 1
    assert "erased" in worker.cli("sync", "show", job.id)
    assert shown(worker, reset)["asked"] == {"confirm": True} and calls(shown(worker, reset)) == []
    files = b"".join(worker.store_path.with_name(worker.store_path.name + end).read_bytes() for end in ("", "-wal"))
    assert tenant.name.encode() in files and name.encode() not in files


def test_history_is_kept_for_as_long_as_is_set(other_worker, tenant):
    other_worker.start()
    tenant.connected()
    job = tenant.publish("sync", plan(1))
    tenant.expect(job.ending(), "sync.succeeded")
    assert shown(other_worker, job)["made"]
    other_worker.stop()
    other_worker.start(HISTORY_DAYS="0")
    poll(lambda: not shown(other_worker, job)["made"], 20, "the erasure of what was kept", other_worker.process)
    again = tenant.publish("sync", plan(1))
    tenant.expect(again.ending(), "sync.succeeded")
    for each in (job, again):
        record = shown(other_worker, each)
        assert record["asked"] is None and record["made"] == []
        # The event has the result, and is kept for its own time.
        assert record["event"]["data"]["counts"] and record["apiCalls"] > 0
    other_worker.cli("run", "--history-days", "-1", expect=2)


def test_a_job_that_was_never_begun_or_refused_says_so(worker, tenant):
    refused = tenant.publish("sync", {**plan(1), "services": []})
    tenant.expect(refused.ending(), "job.rejected", "job_invalid")
    record = shown(worker, refused)
    assert record["kind"] is None and record["asked"] is None and codes(record["event"]["data"]) == ["job_invalid"]
    assert "refused by intake" in worker.cli("sync", "show", refused.id)
    late = tenant.publish("billing-codes", expirytime="2026-01-01T00:00:00Z")
    tenant.expect(late.ending(), "job.expired")
    assert "never begun" in worker.cli("sync", "show", late.id)


def test_a_job_is_found_by_its_id_and_tenant(worker, new_tenant):
    one, other = new_tenant(), new_tenant()
    job = one.publish("reset", {"confirm": True})
    same = other.publish("reset", {"confirm": True}, job.id)
    one.expect(job.ending(), "integration.reset")
    other.expect(same.ending(), "integration.reset")
    several = worker.run("sync", "show", job.id)
    assert several.returncode == 1 and one.name in several.stderr and other.name in several.stderr and "--tenant" in several.stderr
    assert shown(worker, job)["tenant"] == one.name and shown(worker, same)["tenant"] == other.name
    assert "knows no job" in worker.run("sync", "show", "unheard-of").stderr
    worker.cli("sync", "show", "unheard-of", expect=1)
    worker.cli("sync", "show", job.id, "--tenant", "msp-unheard-of", expect=1)
    worker.cli("sync", "show", "no id", expect=2)
    worker.cli("sync", "show", job.id, "--tenant", "no.tenant", expect=2)


def test_a_tenant_is_shown_with_what_support_needs(worker, tenant):
    tenant.connected()
    tenant.database.fault("businessError", message="A name is required.", times=1, operation="create", skip=1)
    job = tenant.publish("sync", plan(2))
    tenant.expect(job.ending(), "sync.incomplete", "remote_rejected")
    record = json.loads(worker.cli("tenant", "show", tenant.name, "--json"))
    assert record["connection"]["status"] == "connected" and record["connection"]["error"] is None
    assert record["connection"]["capabilities"]["services"] == {"query": True, "create": True, "update": True}
    services = {entry["key"]: entry for entry in record["services"]}
    assert services["service-1"]["status"] == "Synced" and services["service-1"]["lastSyncedAt"] and services["service-1"]["autotaskServiceId"]
    assert services["service-2"]["status"] == "Error" and services["service-2"]["lastError"]["hint"]
    latest = record["finished"][0]
    assert (latest["jobId"], latest["kind"], latest["event"], latest["code"]) == (job.id, "sync", "sync.incomplete", "remote_rejected")
    assert latest["apiCalls"] == len(calls(shown(worker, job)))
    text = worker.cli("tenant", "show", tenant.name)
    assert services["service-2"]["lastError"]["hint"] in text and "may query, create, update services" in text and job.id in text

    tenant.database.change(users=[{"username": tenant.username, "secret": f"New-{uuid.uuid4().hex}"}])
    tenant.expect(tenant.sync(plan(2)), "sync.failed", "api_user_locked_or_inactive")
    connection = json.loads(worker.cli("tenant", "show", tenant.name, "--json"))["connection"]
    assert connection["error"]["code"] == "api_user_locked_or_inactive"
    assert connection["error"]["hint"] in worker.cli("tenant", "show", tenant.name)
