"""An operator makes jobs wait, and lets them go on."""

import datetime
import json
import re

import pytest

from processes import poll
from tenants import plan


@pytest.fixture
def pause(worker):
    """Begins pauses, and ends them after the test."""
    begun = []

    def begin(*scope, **options):
        extra = [word for name, value in options.items() for word in (f"--{name}", value)]
        found = json.loads(worker.cli("pause", "set", *scope, "--reason", "a test", *extra, "--json"))["pause"]
        begun.append(found["id"])
        return found

    yield begin
    for number in begun:
        worker.run("pause", "end", str(number))


def in_force(worker):
    return {found["id"]: found for found in json.loads(worker.cli("pause", "list", "--json"))}


def deferrals(job):
    return [event["data"] for event in job.events if event["type"].endswith(".job.deferred")]


def test_a_paused_sync_waits_is_reported_once_and_goes_on(tenant, worker, pause):
    tenant.connected()
    found = pause("--tenant", tenant.name)
    assert found["scope"] == f"tenant:{tenant.name}" and found["actor"].startswith("user:")
    assert in_force(worker)[found["id"]] == found
    before = tenant.database.calls()
    job = tenant.publish("sync", plan(1))
    deferred = poll(lambda: deferrals(job), 20, "the deferral")[0]
    assert (deferred["until"], deferred["attempt"]) == (found["until"], 0)
    assert (deferred["error"]["code"], deferred["error"]["retryAt"]) == ("held", found["until"])
    why = json.loads(worker.cli("job", "why", job.id, "--tenant", tenant.name, "--json"))
    assert (why["reason"], why["pause"], why["until"], why["detail"]) == ("paused", found["id"], found["until"], "a test")
    listed = json.loads(worker.cli("job", "list", "--tenant", tenant.name, "--state", "paused", "--json"))["jobs"]
    assert [(entry["jobId"], entry["code"]) for entry in listed] == [(job.id, "held")]
    groups = json.loads(worker.cli("waiting", "--json"))
    assert [(group["jobs"], group["integrations"], group["until"]) for group in groups if group["pause"] == found["id"]] == [(1, 1, found["until"])]
    assert f"paused by {found['actor']}" in worker.cli("waiting") and "a test" in worker.cli("tenant", "show", tenant.name)
    overview = json.loads(worker.cli("tenant", "list", "--search", tenant.name, "--json"))
    assert [entry["heldUpBy"] for entry in overview] == ["held"]
    # A pause is a warning, and the worker is ready.
    status, report = worker.health()
    assert status == 200 and report["status"] == "warn" and "pauses" in json.dumps(report)
    assert f"tenant:{tenant.name} until" in worker.cli("doctor", expect=None)
    poll(lambda: re.search(r'autotask_store_jobs\{state="paused"\} [1-9]', worker.metrics()), 20, "the metric of paused jobs")
    assert re.search(r'autotask_store_pauses\{scope="tenant"\} 1', worker.metrics())
    assert tenant.database.calls() == before
    worker.cli("pause", "end", str(found["id"]))
    tenant.expect(job.ending(30), "sync.succeeded")
    assert len(deferrals(job)) == 1 and found["id"] not in in_force(worker)
    rows = json.loads(worker.cli("audit", "list", "--tenant", tenant.name, "--json"))
    facts = {row["action"]: row["facts"] for row in rows if row["action"].startswith("pause.")}
    assert set(facts) == {"pause.begun", "pause.ended"} and facts["pause.begun"]["reason"] == "a test"


def test_a_job_for_which_a_person_waits_ends_at_once(tenant, pause):
    """A person waits for these: they end at once. A connect, a diagnosis and a reset pass."""
    tenant.connected()
    pause("--tenant", tenant.name, "--product", "workplace")
    ends = {"preview": (plan(1), "sync.failed"), "verify": ({}, "connection.failed"), "billing-codes": ({}, "billing-codes.failed"),
            "drift": ({}, "drift.failed")}  # fmt: skip
    for kind, (data, ending) in ends.items():
        error = tenant.expect(tenant.publish(kind, data).ending(), ending)["error"]
        assert (error["code"], error["retryable"]) == ("held", True)
    tenant.expect(tenant.publish("diagnose", {}).ending(30), "connection.diagnosed")
    tenant.connected()
    waiting = tenant.publish("sync", plan(1))
    poll(lambda: deferrals(waiting), 20, "the deferral")
    tenant.expect(tenant.reset(), "integration.reset")
    tenant.expect(waiting.ending(), "job.superseded")


def test_a_sync_that_runs_stops_before_its_next_write_and_continues(tenant, worker, pause):
    tenant.connected()
    slow = tenant.database.fault("latency", milliseconds=1500, entity="Services", operation="create")
    job = tenant.publish("sync", plan(4))
    tenant.database.await_calls(1, operation="create", entity="Services")
    found = pause("--database", str(tenant.database.number))
    assert poll(lambda: deferrals(job), 20, "the deferral")[0]["error"]["code"] == "held"
    written = len(tenant.database.writes())
    assert 1 <= written < 4
    slow.clear()
    assert len(tenant.database.writes()) == written
    worker.cli("pause", "end", str(found["id"]))
    result = tenant.expect(job.ending(30), "sync.succeeded")
    assert len(result["services"]) == 4 and len(tenant.database.writes()) == 4


@pytest.mark.parametrize("scope", ["all", "kind", "zone", "database"])
def test_each_scope_holds_what_it_names_and_nothing_else(new_tenant, worker, pause, scope):
    tenant, other = new_tenant(), new_tenant()
    tenant.connected()
    other.connected()
    host = json.loads(worker.cli("tenant", "show", tenant.name, "--json"))["connection"]["zone"]["apiUrl"].split("/")[2].split(":")[0]
    options = {
        "all": ["--all"], "kind": ["--kind", "sync"], "zone": ["--zone", host], "database": ["--database", str(tenant.database.number)],
    }  # fmt: skip
    found = pause(*options[scope])
    job = tenant.publish("sync", plan(1))
    poll(lambda: deferrals(job), 20, "the deferral")
    if scope == "database":
        other.expect(other.sync(plan(1)), "sync.succeeded")
    if scope == "all":
        error = tenant.expect(tenant.connect(), "connection.failed")["error"]
        assert error["code"] == "held"
    worker.cli("pause", "end", str(found["id"]))
    tenant.expect(job.ending(30), "sync.succeeded")


def test_a_pause_acts_while_every_slot_is_taken(new_tenant, other_worker):
    worker = other_worker
    worker.start(CONCURRENT_LANES="1")
    busy, tenant = new_tenant().connected(), new_tenant().connected()
    fault = busy.database.fault("latency", milliseconds=25000, entity="Services")
    running = busy.publish("sync", plan(1))
    busy.database.await_calls(1, entity="Services")
    number = json.loads(worker.cli("pause", "set", "--tenant", tenant.name, "--reason", "a test", "--json"))["pause"]["id"]
    waiting, person = tenant.publish("sync", plan(1)), tenant.publish("preview", plan(1))
    assert poll(lambda: deferrals(waiting), 15, "the deferral")[0]["error"]["code"] == "held"
    tenant.expect(person.ending(15), "sync.failed", "held")
    assert running.endings == []
    worker.cli("pause", "end", str(number))
    fault.clear()
    busy.expect(running.ending(60), "sync.succeeded")
    tenant.expect(waiting.ending(60), "sync.succeeded")


def test_a_pause_ends_at_its_time_and_is_replaced_by_one_of_the_same_scope(tenant, worker, pause):
    tenant.connected()
    first = pause("--tenant", tenant.name)
    until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)).isoformat(timespec="milliseconds")
    second = pause("--tenant", tenant.name, until=until.replace("+00:00", "Z"))
    assert first["id"] not in in_force(worker) and second["until"]
    job = tenant.publish("sync", plan(1))
    poll(lambda: deferrals(job), 20, "the deferral")
    tenant.expect(job.ending(30), "sync.succeeded")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ([], "Name one of --tenant"),
        (["--tenant", "msp-1", "--all"], "Name one of --tenant"),
        (["--kind", "reset"], "Resets cannot be paused"),
        (["--kind", "nothing"], "is not a kind of job"),
        (["--tenant", "msp 1"], "is not a tenant's id"),
        (["--product", "workplace", "--all"], "--product needs --tenant"),
        (["--zone", "a b"], "is not the name of a zone"),
        (["--all", "--for", "31d"], "at most 30 days"),
        (["--all", "--for", "0m"], "later than now"),
        (["--all", "--for", "soon"], "Write it as 30m"),
        (["--all", "--until", "2020-01-01T00:00:00Z"], "later than now"),
        (["--all", "--for", "1h", "--until", "2999-01-01T00:00:00Z"], "either --for or --until"),
    ],
)
def test_a_wrong_pause_is_refused_with_advice(worker, arguments, advice):
    result = worker.run("pause", "set", *arguments, "--reason", "a test")
    assert result.returncode == 2 and advice in result.stderr


def test_a_pause_that_is_not_there_and_a_reason_that_is_none(worker):
    result = worker.run("pause", "end", "999999")
    assert result.returncode == 1 and "pause list" in result.stderr
    for reason in ["", " ", "x" * 201]:
        assert worker.run("pause", "set", "--all", "--reason", reason).returncode == 2


def test_a_waiting_job_is_tried_now(tenant, other_worker):
    other_worker.start(RETRY_SECONDS="3600")
    tenant.connected()
    fault = tenant.database.fault("unavailable")
    job = tenant.publish("sync", plan(1))
    poll(lambda: deferrals(job), 20, "the deferral")
    fault.clear()
    other_worker.cli("job", "try-now", job.id, "--tenant", tenant.name)
    tenant.expect(job.ending(30), "sync.succeeded")
    assert other_worker.run("job", "try-now", job.id, "--tenant", tenant.name).returncode == 1


def test_a_job_that_an_operator_gave_up_on_is_kept(tenant, worker, pause):
    tenant.connected()
    pause("--tenant", tenant.name)
    job = tenant.publish("sync", plan(1))
    poll(lambda: deferrals(job), 20, "the deferral")
    result = worker.run("job", "try-now", job.id, "--tenant", tenant.name)
    assert result.returncode == 1 and "pause end" in result.stderr
    assert worker.run("job", "give-up", job.id, "--tenant", tenant.name).returncode == 2
    assert "would end" in worker.cli("job", "give-up", job.id, "--tenant", tenant.name, "--dry-run")
    worker.cli("job", "give-up", job.id, "--tenant", tenant.name, "--yes")
    error = tenant.expect(job.ending(20), "job.abandoned")["error"]
    assert (error["code"], error["retryable"]) == ("given_up", False)
    letters = json.loads(worker.cli("dead-letters", "list", "--ungrouped", "--tenant", tenant.name, "--json"))
    assert [(letter["reason"], letter["jobId"]) for letter in letters] == [("by_operator", job.id)]
    result = worker.run("job", "give-up", job.id, "--tenant", tenant.name, "--yes")
    assert result.returncode == 1 and "has ended" in result.stderr
