"""The worker reports differences between Autotask and what was synced, on request and by scheduled checks, and changes nothing there."""

import json

import pytest

from tenants import BILLING_CODE, by_key, plan


@pytest.fixture
def watchful(other_worker):
    """The worker, checking drift every three seconds, and reading billing codes each time."""
    other_worker.start(DRIFT_INTERVAL_HOURS="0.00083", BILLING_CODES_SECONDS="0")
    return other_worker


@pytest.fixture
def synced(tenant):
    tenant.connected()
    tenant.ids = {key: result["autotaskServiceId"] for key, result in by_key(tenant.expect(tenant.sync(), "sync.succeeded")).items()}
    return tenant


def drift(tenant):
    return tenant.expect(tenant.publish("drift").ending(), "drift.reported")


def edit(tenant, number, **members):
    tenant.database.change(services=[{"id": tenant.ids[f"service-{number}"], **members}])


def states(data):
    return [service["state"] for service in data["services"]]


def test_what_is_as_it_was_synced_is_unchanged(synced):
    data = drift(synced)
    assert states(data) == ["unchanged"] * 4
    assert [service["name"] for service in data["services"]] == [service["name"] for service in plan()["services"]]
    assert synced.events("drift.changed") == []


@pytest.mark.parametrize(
    "members, field",
    [
        ({"name": "Renamed in Autotask"}, "name"),
        ({"unitPrice": 7.5}, "unitPrice"),
        ({"unitCost": 1.25}, "unitCost"),
        ({"billingCodeID": 29683004}, "billingCodeId"),
        ({"isActive": False}, "active"),
    ],
)
def test_an_edit_is_told_by_its_field(synced, members, field):
    edit(synced, 2, **members)
    before = synced.database.writes()
    data = drift(synced)
    assert states(data) == ["unchanged", "edited", "unchanged", "unchanged"]
    (change,) = data["services"][1]["changes"]
    assert change["field"] == field and change["from"] != change["to"]
    (changed,) = synced.events("drift.changed")
    assert [service["key"] for service in changed["data"]["services"]] == ["service-2"]
    assert synced.database.writes() == before


def test_a_service_that_is_gone_is_told(synced):
    synced.database.change(deletedServices=[synced.ids["service-3"]])
    assert states(drift(synced)) == ["unchanged", "unchanged", "gone", "unchanged"]


def test_a_billing_code_that_was_inactivated_is_a_warning(other_worker, tenant):
    other_worker.start(BILLING_CODES_SECONDS="0")
    tenant.connected()
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")
    tenant.database.change(billingCodes=[{"id": BILLING_CODE, "isActive": False}])
    (service,) = drift(tenant)["services"]
    assert [warning["code"] for warning in service["warnings"]] == ["billing_code_inactive"]
    assert service["state"] == "unchanged"
    assert len(tenant.events("drift.changed")) == 1


def test_a_change_is_told_once_and_its_end_too(synced):
    edit(synced, 1, unitPrice=7.5)
    for _ in range(2):
        drift(synced)
    assert len(synced.events("drift.changed")) == 1
    # The sync overrides the edits, and reports it.
    data = synced.expect(synced.sync(plan(acknowledge=["price_changed"])), "sync.succeeded")
    assert by_key(data)["service-1"]["overwritten"]
    drift(synced)
    assert [len(event["data"]["services"]) for event in synced.events("drift.changed")] == [1, 0]


@pytest.mark.parametrize("count", [4, 250])
def test_it_takes_two_calls_at_most(other_worker, tenant, count):
    other_worker.start(BILLING_CODES_SECONDS="0")
    tenant.connected()
    tenant.expect(tenant.sync(plan(count)), "sync.succeeded")
    before = tenant.database.last_call()
    assert len(drift(tenant)["services"]) == count
    calls = tenant.database.calls(before)
    assert [(call["entity"], call["operation"]) for call in calls] == [("Services", "query"), ("BillingCodes", "query")]


def test_without_a_connection(tenant):
    tenant.expect(tenant.publish("drift").ending(), "drift.failed", "not_connected")
    assert tenant.database.calls() == []


def test_the_command_shows_what_differs(synced, worker):
    edit(synced, 2, unitPrice=7.5)
    shown = worker.cli("job", "drift", "--tenant", synced.name, "--wait")
    assert "1 service differs" in shown
    assert "unitPrice" in shown and "7.50" in shown


# By itself


def test_an_edit_is_noticed_without_any_job_and_told_once(watchful, synced, monitor):
    before = synced.database.last_call()
    edit(synced, 2, unitPrice=7.5)
    (changed,) = monitor.wait(lambda: synced.events("drift.changed"), "drift.changed")
    assert "jobid" not in changed and [service["key"] for service in changed["data"]["services"]] == ["service-2"]
    seen = synced.database.last_call()
    synced.database.await_calls(2, operation="query", entity="Services", after=seen)
    assert len(synced.events("drift.changed")) == 1
    assert synced.events("drift.reported") == []
    calls = synced.database.calls(before)
    assert {(call["entity"], call["operation"]) for call in calls} == {("Services", "query"), ("BillingCodes", "query")}


def test_a_reset_ends_it(watchful, synced, monitor):
    edit(synced, 2, unitPrice=7.5)
    monitor.wait(lambda: synced.events("drift.changed"), "drift.changed")
    synced.expect(synced.reset(), "integration.reset")
    before = synced.database.last_call()
    synced.connected()
    synced.expect(synced.publish("drift").ending(), "drift.reported")
    assert [call for call in synced.database.calls(before) if call["operation"] == "query"] == []
    assert json.loads(watchful.cli("tenant", "show", synced.name, "--json"))
