"""Why a job waits: `job why`, with the worker under different troubles."""

import json

import pytest

from processes import poll
from tenants import plan


def why(worker, job, **expected):
    """The answer once it has these members."""

    def answer():
        found = json.loads(worker.cli("job", "why", job.id, "--tenant", job.tenant.name, "--json"))
        if {name: found.get(name) for name in expected} != expected:
            return None
        # The next attempt may have come between the two commands.
        return found if found["text"].split(".")[0] in worker.cli("job", "why", job.id, "--tenant", job.tenant.name) else None

    return poll(answer, 20, f"the answer {expected}, in words too")


def test_autotask_is_away(tenant, worker):
    tenant.connected()
    fault = tenant.database.fault("unavailable")
    job = tenant.publish("sync", plan(2))
    found = why(worker, job, reason="retry", code="autotask_unavailable")
    assert found["until"] > found["acceptedAt"]
    fault.clear()
    tenant.expect(job.ending(60), "sync.succeeded")
    ended = why(worker, job, reason="ended", event="sync.succeeded")
    assert "code" not in ended


def test_another_job_of_the_tenant_runs_and_other_tenants_have_its_database(new_tenant, worker):
    tenant = new_tenant()
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=8000, entity="Services")
    first = tenant.publish("sync", plan(1))
    why(worker, first, reason="running")
    second = tenant.publish("billing-codes", {})
    found = why(worker, second, reason="behind", behind=first.id, behindKind="sync", isRunning=True)
    assert "runs first" in found["text"]
    fault.clear()
    tenant.expect(first.ending(60), "sync.succeeded")
    tenant.expect(second.ending(60), "billing-codes.listed")


def test_no_worker_runs_and_a_silent_one_has_the_lane(tenant, other_worker):
    worker = other_worker
    worker.start()
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=8000, entity="Services")
    job = tenant.publish("sync", plan(1))
    why(worker, job, reason="running")
    worker.kill()
    # Nobody takes the lane over: its worker's lease is over some seconds later.
    found = why(worker, job, reason="worker_silent")
    assert found["until"]
    fault.clear()
    worker.start()
    tenant.expect(job.ending(60), "sync.succeeded")


def test_a_job_that_is_not_there(tenant, worker):
    result = worker.run("job", "why", "nobody-asked-for-this")
    assert result.returncode == 1 and "knows no job" in result.stderr
    assert worker.run("job", "why", "not an id").returncode == 2


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_rejected_job_has_its_reason(tenant, worker, form):
    tenant.connected()
    job = tenant.publish("sync", {"planId": "p"})
    tenant.expect(job.ending(), "job.rejected", "job_invalid")
    text = worker.cli("job", "why", job.id, "--tenant", tenant.name, "--output", form)
    assert "job.rejected" in text and "job_invalid" in text


def barrier_of(worker, job, **members):
    """The answer once it names a barrier with these members."""

    def answer():
        found = json.loads(worker.cli("job", "why", job.id, "--tenant", job.tenant.name, "--json"))
        barrier = found.get("barrier", {})
        return found if barrier and {name: barrier.get(name) for name in members} == members else None

    return poll(answer, 40, f"the barrier {members}")


def test_the_circuit_breaker_of_a_zone_is_named_for_each_of_its_tenants(new_tenant, other_worker):
    """A worker's memory decides, and a command in another process names it."""
    worker = other_worker
    worker.start(RETRY_SECONDS="4")
    tenants = [new_tenant().connected() for _ in range(2)]
    faults = [tenant.database.fault("closeBeforeReading") for tenant in tenants]
    jobs = [tenant.publish("sync", plan(1)) for tenant in tenants]
    barriers = [barrier_of(worker, job, scope="zone", cause="outage")["barrier"] for job in jobs]
    zone, since = barriers[0]["zone"], barriers[0]["since"]
    assert zone and since < barriers[0]["until"] and {barrier["zone"] for barrier in barriers} == {zone}
    text = worker.cli("job", "why", jobs[0].id, "--tenant", tenants[0].name)
    assert f"Calls to the zone {zone} fail: its circuit breaker is open since {since}" in text

    def summed_up():
        """The tenants' jobs may run for a moment."""
        groups = json.loads(worker.cli("waiting", "--json"))
        shown = worker.cli("tenant", "show", tenants[0].name), worker.cli("waiting")
        named = any(group["zone"] == zone and (group["barrier"] or {}).get("since") == since for group in groups)
        return named and "circuit breaker" in shown[0] and "calls are held back since" in shown[1]

    poll(summed_up, 30, "the zone in the sums and in the tenant's record")
    for fault in faults:
        fault.clear()
    for tenant, job in zip(tenants, jobs, strict=True):
        tenant.expect(job.ending(90), "sync.succeeded")


def test_what_autotask_asked_for_outlives_the_worker_and_an_impatient_operator(tenant, other_worker):
    """No call before the time of Retry-After: not by `job try-now`, and not by a worker that starts later."""
    worker = other_worker
    worker.start()
    tenant.connected()
    fault = tenant.database.fault("throttled", retryAfterSeconds=600)
    job = tenant.publish("sync", plan(1))
    found = barrier_of(worker, job, scope="database", cause="limit", databaseId=tenant.database.number)
    until = found["barrier"]["until"]
    assert f"asked for no call before {until}" in found["text"]
    fault.clear()
    last = tenant.database.last_call()

    def refused():
        result = worker.run("job", "try-now", job.id, "--tenant", tenant.name)
        assert result.returncode == 1 and f"asked for no call before {until}" in result.stderr, result.stderr

    refused()
    worker.stop()
    refused()
    worker.start()
    refused()
    # Another job of the database meets the limit too, and gets no further.
    other = tenant.publish("verify", {})
    tenant.expect(other.ending(90), "connection.failed", "rate_limited")
    # A look-up of the zone goes to no database.
    assert [call for call in tenant.database.calls(last) if call["entity"] != "ZoneInformation"] == [] and job.endings == []
    assert barrier_of(worker, job, cause="limit")["barrier"]["until"] == until


def test_an_event_that_waits_for_the_broker_is_named(tenant, worker, broker):
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=20000, entity="Services")
    job = tenant.publish("sync", plan(1))
    tenant.database.await_calls(1, entity="Services", operation="query")
    broker.command("alarm", "memory")
    try:
        fault.clear()
        found = why(worker, job, reason="ended", event="sync.succeeded", eventWaitsFor="broker")
        assert found["eventWaitsSince"] >= found["acceptedAt"] and "until the broker confirms it" in found["text"]
        assert job.endings == []
    finally:
        broker.command("alarm", "off")
    tenant.expect(job.ending(30), "sync.succeeded")
    poll(lambda: "eventWaitsFor" not in why(worker, job, reason="ended"), 20, "the confirmed event")


def paused(tenant, worker, request, **_):
    number = json.loads(worker.cli("pause", "set", "--tenant", tenant.name, "--reason", "wrong prices", "--json"))["pause"]["id"]
    request.addfinalizer(lambda: worker.run("pause", "end", str(number)))
    return tenant.publish("sync", plan(1)), {"reason": "paused", "pause": number}, "wrong prices"


def full_database(tenant, worker, new_tenant, **_):
    neighbours = [new_tenant(), new_tenant()]
    for other in neighbours:
        other.expect(other.connect(username=tenant.username, secret=tenant.secret), "connection.established")
    tenant.database.fault("latency", milliseconds=15000, entity="Services")
    for other in neighbours:
        job = other.publish("sync", plan(1))
        why(worker, job, reason="running")
    return tenant.publish("sync", plan(1)), {"reason": "database_full", "databaseId": tenant.database.number}, neighbours[0].name


def open_breaker(tenant, **_):
    tenant.database.fault("unavailable")
    expected = {"reason": "retry", "code": "autotask_unavailable", "barrier": {"scope": "database", "cause": "outage"}}
    return tenant.publish("sync", plan(1)), expected, f"Calls to the Autotask database {tenant.database.number} fail"


def rejected_credentials(tenant, **_):
    tenant.database.change(users=[{"username": tenant.username, "secret": "changed-in-autotask"}])
    return tenant.publish("sync", plan(1)), {"reason": "ended", "code": "api_user_locked_or_inactive"}, "Autotask no longer accepts this API user"


def used_quota(tenant, simulator, **_):
    simulator.request("PATCH", "settings", {"quotaLatencyScale": 0})
    tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.database.change(quotaUsed=9100)
    expected = {"reason": "retry", "code": "rate_limited", "barrier": {"scope": "database", "cause": "usage", "percent": 90}}
    return tenant.publish("sync", plan()), expected, "At least 90 % of the hourly quota"


@pytest.mark.parametrize("trouble", [paused, full_database, open_breaker, rejected_credentials, used_quota], ids=lambda trouble: trouble.__name__)
def test_five_troubles_are_named_by_one_command(trouble, tenant, new_tenant, worker, simulator, request):
    """From `job why` alone an operator knows the cause."""
    tenant.connected()
    job, expected, words = trouble(tenant=tenant, new_tenant=new_tenant, worker=worker, simulator=simulator, request=request)

    def answer():
        found = json.loads(worker.cli("job", "why", job.id, "--tenant", tenant.name, "--json"))
        shown = {name: found.get(name) for name in expected}
        if "barrier" in expected:
            shown["barrier"] = {name: (found.get("barrier") or {}).get(name) for name in expected["barrier"]}
        return found if shown == expected else None

    found = poll(answer, 40, f"the answer {expected}")
    assert words in found["text"]
    assert words in worker.cli("job", "why", job.id, "--tenant", tenant.name)
