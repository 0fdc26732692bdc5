"""Why a job waits: `job why`, with the worker under different troubles."""

import json

import pytest

from processes import poll
from tenants import plan


def why(worker, job, **expected):
    """The answer once it has these members."""

    def answer():
        found = json.loads(worker.cli("job", "why", job.id, "--tenant", job.tenant.name, "--json"))
        return found if {name: found.get(name) for name in expected} == expected else None

    found = poll(answer, 20, f"the answer {expected}")
    text = worker.cli("job", "why", job.id, "--tenant", job.tenant.name)
    assert found["text"].split(".")[0] in text, text
    return found


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
