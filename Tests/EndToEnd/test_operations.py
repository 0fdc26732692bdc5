"""An operator redrives or purges many dead letters in the background: at a rate, with progress, over a kill of the worker."""

import contextlib
import copy
import datetime
import json
import sqlite3

import pika
import pytest
from processes import poll
from test_delivery_limit import given_up, letters


@pytest.fixture
def operator(broker):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("operator")))
    yield connection.channel()
    connection.close()


@pytest.fixture
def second_worker(worker):
    """Another worker on the same store."""
    second = copy.copy(worker)
    second.log_path = worker.log_path.with_name("second-worker.log")
    second.process = None
    second.start()
    yield second
    if second.is_running:
        second.stop()


@pytest.fixture
def lost(worker, tenant, broker, operator):
    """Makes dead letters of jobs that the broker gave up on. Redriven, each job ends at once, since its tenant is not connected."""

    def make(count):
        jobs = [tenant.job("billing-codes") for _ in range(count)]
        assert given_up(operator, worker, broker, *jobs) == {"collected": count, "recorded": count}
        return jobs

    return make


def operation(worker, number):
    return json.loads(worker.cli("operation", "show", str(number), "--json"))


def begin(worker, verb, *arguments, expect=0):
    return letters(worker, verb, *arguments, "--background", expect=expect)["operation"]


def until(worker, number, condition, seconds, what):
    """Waits for an operation, and returns it."""
    return poll(lambda: (shown := operation(worker, number)) and condition(shown) and shown, seconds, what)


def rows(worker, query, *values):
    with contextlib.closing(sqlite3.connect(f"file:{worker.store_path}?mode=ro", uri=True)) as store:
        return store.execute(query, values).fetchall()


def redriven(worker, tenant):
    return rows(worker, "SELECT COUNT(*) FROM dead_letters WHERE tenant = ? AND redriven_as IS NOT NULL", tenant.name)[0][0]


def audit(worker, number):
    entries = json.loads(worker.cli("audit", "list", "--limit", "2000", "--json"))
    return [entry for entry in entries if entry["facts"].get("operation") == number]


def seconds_between(first, second):
    begin, end = (datetime.datetime.fromisoformat(moment) for moment in (first, second))
    return (end - begin).total_seconds()


def test_a_redrive_goes_on_after_a_kill_and_enters_each_job_once(worker, tenant, lost):
    jobs = lost(300)
    text = worker.cli("dead-letters", "redrive", "--tenant", tenant.name, "--dry-run", "--background")
    assert "300 would be entered" in text
    begun = begin(worker, "redrive", "--tenant", tenant.name, "--rate", "40")
    number = begun["id"]
    assert (begun["state"], begun["matched"], begun["rate"], begun["selection"]) == ("waiting", 300, 40, {"tenant": tenant.name})
    assert begun["remainingSeconds"] == 8 and begun["actor"].startswith("user:")

    until(worker, number, lambda shown: shown["done"] >= 80, 20, "a part of the operation")
    worker.kill()
    stopped = operation(worker, number)
    assert stopped["state"] == "running" and 80 <= stopped["done"] < 300, stopped
    # Letters, jobs and progress were stored together.
    assert redriven(worker, tenant) == stopped["done"]
    entered = rows(worker, "SELECT job_id FROM jobs WHERE tenant = ?", tenant.name)
    assert len(entered) == stopped["done"]

    worker.start()
    ended = until(worker, number, lambda shown: shown["state"] == "ended", 30, "the end of the operation")
    assert (ended["done"], ended["skipped"], ended["failed"], ended["remainingSeconds"]) == (300, 0, 0, None)
    # A step of 40, then a second, and so on; the last of the eight does not wait.
    assert seconds_between(ended["begunAt"], ended["endedAt"]) >= 7
    for job in jobs:
        tenant.expect(job.ending(), "billing-codes.failed", "not_connected")
    # An event that was published shortly before the kill may come again, as the same event.
    assert all(len({event["id"] for event in job.endings}) == 1 for job in jobs)
    assert {job for (job,) in rows(worker, "SELECT job_id FROM jobs WHERE tenant = ?", tenant.name)} == {job.id for job in jobs}

    entries = audit(worker, number)
    assert [entry["action"] for entry in entries if entry["action"].startswith("operation.")] == ["operation.begun", "operation.ended"]
    copies = [entry for entry in entries if entry["action"] == "letter.redriven"]
    assert len(copies) == 300 and {entry["jobId"] for entry in copies} == {job.id for job in jobs}
    assert {entry["actor"] for entry in copies} == {begun["actor"]}
    for message in ("begins", "goes on", "is over"):
        assert worker.log.count(f"A background operation on dead letters {message}") >= 1


def test_of_two_workers_the_other_finishes_what_a_killed_one_has_begun(worker, second_worker, tenant, lost):
    jobs = lost(200)
    number = begin(worker, "redrive", "--tenant", tenant.name, "--rate", "40")["id"]
    until(worker, number, lambda shown: shown["done"] >= 40, 20, "a part of the operation")
    worker.kill()
    ended = until(worker, number, lambda shown: shown["state"] == "ended", 40, "the end of the operation")
    assert (ended["done"], ended["skipped"], ended["failed"]) == (200, 0, 0)
    # Whichever of them took a step, all steps together kept to the rate.
    assert seconds_between(ended["begunAt"], ended["endedAt"]) >= 4
    assert redriven(worker, tenant) == 200
    worker.start()
    for job in jobs:
        tenant.expect(job.ending(60), "billing-codes.failed", "not_connected")
    assert all(len({event["id"] for event in job.endings}) == 1 for job in jobs)
    copies = [entry for entry in audit(worker, number) if entry["action"] == "letter.redriven"]
    assert len(copies) == 200 and {entry["jobId"] for entry in copies} == {job.id for job in jobs}


def test_a_cancelled_operation_stops_and_keeps_what_it_has_done(worker, tenant, lost):
    lost(60)
    number = begin(worker, "purge", "--tenant", tenant.name, "--rate", "5", "--yes")["id"]
    until(worker, number, lambda shown: shown["done"] >= 5, 20, "the first step")
    cancelled = json.loads(worker.cli("operation", "cancel", str(number), "--json"))["operation"]
    assert cancelled["state"] == "cancelled" and 5 <= cancelled["done"] < 60
    poll(lambda: "outcome=cancelled" in worker.log, 10, "the log line of the end")
    assert f"No background operation {number} is under way." in worker.run("operation", "cancel", str(number)).stderr

    # Later steps of another operation show that the worker has left the first one alone.
    second = begin(worker, "purge", "--tenant", tenant.name, "--yes")
    assert second["matched"] == 60 - cancelled["done"] and second["rate"] == 100
    ended = until(worker, second["id"], lambda shown: shown["state"] == "ended", 20, "the end of the second operation")
    assert ended["done"] == second["matched"] and operation(worker, number)["done"] == cancelled["done"]
    assert letters(worker, "list", "--tenant", tenant.name) == []
    listed = json.loads(worker.cli("operation", "list", "--json", "--limit", "2"))
    assert [(shown["id"], shown["state"]) for shown in listed] == [(second["id"], "ended"), (number, "cancelled")]
    assert [entry["facts"]["ended"] for entry in audit(worker, number) if entry["action"] == "operation.ended"] == ["cancelled"]


def test_an_operation_without_a_worker_waits_for_one(worker, other_worker, tenant, broker, operator):
    job = tenant.job("billing-codes")
    clear = tenant.job("connect", {"credentials": {"username": tenant.username, "secret": tenant.secret}})
    given_up(operator, worker, broker, job, clear)
    number = begin(worker, "redrive", "--tenant", tenant.name)["id"]
    text = worker.cli("operation", "show", str(number))
    assert "waiting" in text and "0 of 2 dead letters done" in text and "not yet: a running worker" in text
    other_worker.start()
    ended = until(worker, number, lambda shown: shown["state"] == "ended", 20, "the end of the operation")
    assert (ended["done"], ended["failed"], ended["failures"]) == (1, 1, {"body_not_kept": 1})
    assert "1 body_not_kept: The message's body was not kept" in worker.cli("operation", "show", str(number))
    tenant.expect(job.ending(), "billing-codes.failed", "not_connected")


def test_what_an_operation_needs_is_checked_before_it_begins(worker, tenant, lost):
    lost(1)
    before = len(json.loads(worker.cli("operation", "list", "--json")))
    for arguments in (
        ["redrive", "--background"],
        ["redrive", "--tenant", tenant.name, "--background", "--rate", "1001"],
        ["redrive", "--tenant", tenant.name, "--rate", "1e-30"],
        ["purge", "--tenant", tenant.name, "--background", "--rate", "0", "--yes"],
        ["purge", "--tenant", tenant.name, "--rate", "5", "--yes"],
        ["purge", "--tenant", tenant.name, "--background"],
    ):
        worker.cli("dead-letters", *arguments, expect=2)
    nothing = worker.run("dead-letters", "redrive", "--tenant", "msp-without-letters", "--background")
    assert nothing.returncode == 1 and "nothing was begun" in nothing.stderr
    worker.cli("operation", "show", "999999", expect=1)
    worker.cli("operation", "list", "--limit", "0", expect=2)
    assert len(json.loads(worker.cli("operation", "list", "--json"))) == before
    # An id that names no dead letter is named, and the others are done.
    (letter,) = letters(worker, "list", "--ungrouped", "--tenant", tenant.name)
    outcome = letters(worker, "purge", str(letter["id"]), "99999999", "--background", expect=1)
    assert outcome["missing"] == [99999999]
    ended = until(worker, outcome["operation"]["id"], lambda shown: shown["state"] == "ended", 20, "the end of the operation")
    assert ended["done"] == 1 and ended["selection"] == {"ids": sorted([letter["id"], 99999999])}
