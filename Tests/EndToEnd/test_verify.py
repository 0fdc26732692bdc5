"""The worker verifies a connection, on request and by scheduled checks, and notices a loss before its user does."""

import json

import pytest

OPERATIONS = ["zoneInformation", "version", "entityInformation", "fields"]


@pytest.fixture
def watchful(other_worker):
    """The worker, verifying every connection every three seconds."""
    other_worker.start(VERIFY_INTERVAL_HOURS="0.00083")
    return other_worker


def moved_to(tenant, database, times):
    """Makes the look-up answer that the tenant's user belongs to a database."""
    body = {"zoneName": "AE02", "url": f"{tenant.database.simulator.url}/zone/AE02/ATServicesRest/", "webUrl": "http://nowhere/", "ci": database}
    return tenant.database.fault(
        "status", status=200, contentType="application/json", body=json.dumps(body), operation="zoneInformation", times=times
    )


def verify(tenant):
    return tenant.publish("verify").ending()


def test_a_connection_that_works_is_told(tenant):
    tenant.connected()
    before = tenant.database.last_call()
    data = tenant.expect(verify(tenant), "connection.verified")
    assert data["databaseId"] == tenant.database.number and data["zone"]["name"] == "AE02"
    assert data["capabilities"]["services"] == {"query": True, "create": True, "update": True}
    assert len(tenant.database.calls(before)) == len(OPERATIONS)


def test_what_the_user_may_do_is_learned_anew(tenant):
    tenant.connected()
    tenant.database.change(users=[{"username": tenant.username, "security": "readOnly"}])
    data = tenant.expect(verify(tenant), "connection.verified")
    assert data["capabilities"]["services"] == {"query": True, "create": False, "update": False}


def test_without_a_connection(tenant):
    data = tenant.expect(verify(tenant), "connection.failed", "not_connected")
    assert data["message"] == "Failed to establish connection" and data["previousConnectionActive"] is False
    assert tenant.database.calls() == []


def test_a17_a_zone_that_moved_is_followed_silently(tenant):
    """A17: the same database, served elsewhere."""
    tenant.connected()
    tenant.database.change(zone="AE03")
    data = tenant.expect(verify(tenant), "connection.verified")
    assert data["zone"]["name"] == "AE03"
    assert tenant.events("connection.lost") == []
    tenant.expect(tenant.sync(), "sync.succeeded")


def test_another_database_stops_everything_until_the_old_one_is_back(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    fault = moved_to(tenant, 999_999, times=2)
    before = tenant.database.last_call()
    for _ in range(2):
        data = tenant.expect(verify(tenant), "connection.failed", "database_changed")
        assert data["previousConnectionActive"] is False
    tenant.expect(tenant.sync(), "sync.failed", "database_changed")
    assert {call["operation"] for call in tenant.database.calls(before)} <= {"zoneInformation"}
    (lost,) = tenant.events("connection.lost")
    assert lost["data"]["error"]["code"] == "database_changed"

    fault.clear()
    tenant.expect(verify(tenant), "connection.verified")
    assert len(tenant.events("connection.recovered")) == 1
    tenant.expect(tenant.sync(), "sync.succeeded")


def test_credentials_that_were_refused_are_not_tried_again(tenant):
    tenant.connected()
    tenant.database.change(users=[{"username": tenant.username, "secret": "changed-in-autotask"}])
    tenant.expect(verify(tenant), "connection.failed", "api_user_locked_or_inactive")
    before = tenant.database.last_call()
    tenant.expect(verify(tenant), "connection.failed", "api_user_locked_or_inactive")
    assert tenant.database.calls(before) == []
    assert len(tenant.events("connection.lost")) == 1


def test_the_command_verifies(tenant, worker):
    tenant.connected()
    shown = worker.cli("job", "verify", "--tenant", tenant.name, "--wait")
    assert "The connection works" in shown and "AE02" in shown


# Scheduled checks


def test_l14_a_lost_connection_is_noticed_without_any_job(watchful, tenant, monitor):
    """L14: a changed password is noticed by a check, which may be the question for the quota, and nothing more is called."""
    tenant.connected()
    tenant.database.change(users=[{"username": tenant.username, "secret": "changed-in-autotask"}])
    before = tenant.database.last_call()
    (lost,) = monitor.wait(lambda: tenant.events("connection.lost"), "connection.lost")
    assert lost["data"]["causedBy"] == "scheduled:verify" and "jobid" not in lost
    assert lost["data"]["error"]["code"] == "api_user_locked_or_inactive"
    # No check is made of it any more: another tenant's is, meanwhile.
    refused = [call for call in tenant.database.all_calls(before) if call["status"] == 401]
    assert len(refused) == 1
    tenant.secret = "changed-in-autotask"
    tenant.expect(tenant.connect(), "connection.established")
    assert len(tenant.events("connection.recovered")) == 1
    assert [call for call in tenant.database.all_calls(before) if call["status"] == 401] == refused


def test_a_database_that_comes_back_is_noticed_without_any_job(watchful, tenant, monitor):
    tenant.connected()
    moved_to(tenant, 999_999, times=2)
    monitor.wait(lambda: tenant.events("connection.lost"), "connection.lost")
    (recovered,) = monitor.wait(lambda: tenant.events("connection.recovered"), "connection.recovered")
    assert recovered["data"]["causedBy"] == "scheduled:verify"
    assert {event["type"].split(".", 1)[1] for event in tenant.events()} == {
        "connection.established", "connection.lost", "connection.recovered"
    }


def test_checks_that_find_nothing_new_tell_nothing_and_leave_nothing(watchful, tenant):
    tenant.connected()
    before = tenant.database.last_call()
    # Two checks of four calls. The worker checks the connections of all tests before it comes to this one again.
    tenant.database.await_calls(2, operation="version", after=before, seconds=60)
    watchful.stop()
    assert [event["type"] for event in tenant.events()] == ["autotask.connection.established"]
    detail = json.loads(watchful.cli("tenant", "show", tenant.name, "--json"))
    assert "scheduled/" not in json.dumps(detail)
    watchful.cli("audit", "verify")
