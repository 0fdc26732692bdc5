"""Autotask refuses, limits calls, breaks connections, moves databases: how the worker reacts."""

import datetime

import pytest

from processes import poll
from tenants import by_key, plan


def tried_again(job, code, seconds=45):
    """Waits for the end of a job that was deferred at least once, and returns its end."""
    ending = job.ending(seconds)
    deferred = [event for event in job.events if event["type"] == "autotask.job.deferred"]
    assert deferred and all(event["terminal"] is False for event in deferred)
    assert deferred[0]["data"]["error"]["code"] == code, deferred[0]
    assert [event["data"]["attempt"] for event in deferred] == list(range(1, len(deferred) + 1))
    return ending


# The password was changed


def test_after_the_first_refusal_nothing_is_called_until_a_connect(tenant):
    """L14: the worker notices a changed password, reports it once, and a connect repairs it without a sync from zero."""
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.database.change(users=[{"username": tenant.username, "secret": "changed-in-autotask"}])
    before = tenant.database.last_call()
    tenant.expect(tenant.sync(), "sync.failed", "api_user_locked_or_inactive")
    calls = tenant.database.all_calls(before)
    assert len([call for call in calls if call["status"] == 401]) == 1, calls
    before = tenant.database.last_call()
    for _ in range(2):
        assert tenant.sync()["type"] == "autotask.sync.failed"
    assert tenant.billing_codes(refresh=True)["type"] == "autotask.billing-codes.failed"
    assert tenant.database.all_calls(before) == []
    assert len(tenant.events("connection.lost")) == 1

    tenant.secret = "changed-in-autotask"
    tenant.expect(tenant.connect(), "connection.established")
    assert len(tenant.events("connection.recovered")) == 1
    before = tenant.database.last_call()
    tenant.expect(tenant.sync(), "sync.succeeded")
    assert tenant.database.writes(before) == []


def test_an_unchanged_password_is_not_tried_until_the_user_is_locked(tenant):
    """A wrong password, over and over: Autotask locks the user after five failures, and must not come to it."""
    tenant.connected()
    for _ in range(8):
        tenant.expect(tenant.connect(secret="the same typo"), "connection.failed", "credentials_invalid")
    tenant.expect(tenant.sync(), "sync.succeeded")


# Limits and outages


def test_it_waits_as_long_as_autotask_asks(tenant):
    tenant.connected()
    tenant.database.fault("throttled", retryAfterSeconds=1, times=1, entity="Services", operation="query")
    job = tenant.publish("sync", plan())
    tenant.expect(tried_again(job, "rate_limited"), "sync.succeeded")
    (deferred,) = [event for event in job.events if event["type"] == "autotask.job.deferred"]
    assert deferred["data"]["until"] > deferred["time"]
    throttled, again = [call for call in tenant.database.calls() if call["entity"] == "Services" and call["operation"] == "query"][:2]
    assert throttled["status"] == 429
    assert seconds_between(throttled, again) >= 1


@pytest.mark.parametrize("kind", ["serverError", "unavailable", "closeBeforeReading", "notJSON", "truncated"])
def test_an_outage_puts_the_sync_off(tenant, kind):
    tenant.connected()
    # It lasts until it had its effect: libcurl repeats a read at once on each connection that was used before.
    fault = tenant.database.fault(kind, entity="Services", operation="query")
    job = tenant.publish("sync", plan())
    tenant.monitor.wait(lambda: any(event["type"] == "autotask.job.deferred" for event in job.events), "deferral")
    fault.clear()
    tenant.expect(job.ending(45), "sync.succeeded")
    assert len(tenant.database.services()) == 4


def test_a_connect_outlives_an_outage(tenant):
    tenant.database.fault("unavailable", times=1)
    job = tenant.connect_job().publish()
    tenant.expect(job.ending(45), "connection.established")


def test_an_outage_in_mid_batch_goes_on_where_it_was(tenant):
    tenant.connected()
    tenant.database.fault("unavailable", skip=2, times=1, operation="create")
    job = tenant.publish("sync", plan())
    tenant.expect(job.ending(45), "sync.succeeded")
    assert sorted(entry["name"] for entry in tenant.database.services()) == [f"Service {number}" for number in range(1, 5)]


def test_what_is_refused_for_good_is_not_tried_again(tenant):
    """A5: what Autotask refuses of one service does not stop the others. A7: what was created stays."""
    tenant.connected()
    tenant.database.fault("businessError", message="A name is required.", times=1, operation="create", skip=1)
    job = tenant.publish("sync", plan())
    data = tenant.expect(job.ending(), "sync.incomplete", "remote_rejected")
    assert [result["status"] for result in data["services"]].count("Error") == 1
    assert len(tenant.database.services()) == 3
    assert [event["type"] for event in job.events if event["type"] == "autotask.job.deferred"] == []
    tenant.expect(tenant.sync(), "sync.succeeded")
    assert len(tenant.database.services()) == 4


# Answers that were lost


@pytest.mark.parametrize("unique", [True, False], ids=["unique names", "names that may repeat"])
def test_a_create_whose_answer_was_lost_is_looked_for_and_not_repeated(new_tenant, unique):
    tenant = new_tenant(uniqueServiceNames=unique).connected()
    tenant.database.fault("lostResponse", times=1, operation="create", skip=1)
    job = tenant.publish("sync", plan())
    data = tenant.expect(job.ending(45), "sync.succeeded")
    assert sorted(entry["name"] for entry in tenant.database.services()) == [f"Service {number}" for number in range(1, 5)]
    assert len(tenant.database.writes()) == 4
    assert data["counts"]["synced"] == 4


@pytest.mark.parametrize("unique", [True, False], ids=["unique names", "names that may repeat"])
def test_a_create_that_is_committed_late_is_not_repeated(new_tenant, unique):
    tenant = new_tenant(uniqueServiceNames=unique).connected()
    tenant.database.fault("lateCommit", milliseconds=500, times=1, operation="create")
    job = tenant.publish("sync", plan())
    tenant.expect(job.ending(45), "sync.succeeded")
    assert sorted(entry["name"] for entry in tenant.database.services()) == [f"Service {number}" for number in range(1, 5)]


def test_a_change_whose_answer_was_lost_is_not_lost(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.database.fault("lostResponse", times=1, operation="patch")
    changed = plan(acknowledge=["price_changed"])
    changed["services"][0]["unitPrice"] = "77"
    data = tenant.expect(tenant.publish("sync", changed).ending(45), "sync.succeeded")
    assert by_key(data)["service-1"]["status"] == "Synced"
    assert any(entry["unitPrice"] == 77 for entry in tenant.database.services())


@pytest.mark.parametrize("is_reset", [False, True], ids=["the plan is corrected", "after a reset"])
def test_an_update_that_is_committed_late_changes_nothing_that_was_reported(tenant, is_reset):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.database.fault("lateCommit", milliseconds=700, times=1, operation="patch")
    slip, corrected = plan(), plan()
    slip["services"][0]["unitPrice"] = "10"
    corrected["services"][0]["unitPrice"] = "12"
    first = tenant.publish("sync", slip)
    poll(lambda: [event for event in first.events if event["type"] == "autotask.job.deferred"], 20, "the deferral")
    if is_reset:
        tenant.expect(tenant.reset(), "integration.reset")
        tenant.connected()
    data = tenant.expect(tenant.publish("sync", corrected).ending(45), "sync.succeeded")
    assert by_key(data)["service-1"]["status"] == "Synced"
    poll(lambda: [call for call in tenant.database.writes() if call["operation"] == "patch"][0]["itemId"], 20, "the late update")
    assert [entry["unitPrice"] for entry in tenant.database.services() if entry["name"] == "Service 1"] == [12]


# Moves


def test_a_database_that_moved_to_another_zone_is_found_again(tenant):
    """A17: the worker follows the move without an event."""
    tenant.connected()
    tenant.database.change(zone="AE03")
    tenant.expect(tenant.sync(), "sync.succeeded")
    assert tenant.events("connection.lost") == []


def seconds_between(call, later):
    first, second = (datetime.datetime.fromisoformat(entry["startedAt"].replace("Z", "+00:00")) for entry in (call, later))
    return (second - first).total_seconds()
