"""The cost of a sync in calls to Autotask (10,000 calls an hour, shared with every other integration of the customer)."""

import decimal

import pytest

from tenants import by_key, plan


def operations(calls):
    return [f"{call['method']} {call['entity']} {call['operation']}" for call in calls]


@pytest.mark.parametrize("count", [1, 4, 250])
def test_a_first_sync_makes_three_calls_besides_its_creates(tenant, count):
    tenant.connected()
    before = tenant.database.last_call()
    data = tenant.expect(tenant.sync(plan(count)), "sync.succeeded")
    calls = tenant.database.calls(before)
    creates = [call for call in calls if call["operation"] == "create"]
    assert len(creates) == count
    # A query takes 500 conditions: a name and a marker for each service, and a former marker where the lane may be older than its store.
    (ending,) = tenant.events("sync.succeeded")
    conditions = count * (3 if ending["epoch"] > 1 else 2)
    assert len(calls) - count <= 2 + -(-conditions // 500), operations(call for call in calls if call not in creates)
    assert data["apiCalls"] == len(calls)


@pytest.mark.parametrize("count", [1, 4, 250])
def test_an_unchanged_sync_makes_two_calls_and_no_write(tenant, count):
    tenant.connected()
    tenant.expect(tenant.sync(plan(count)), "sync.succeeded")
    before = tenant.database.last_call()
    data = tenant.expect(tenant.sync(plan(count)), "sync.succeeded")
    calls = tenant.database.calls(before)
    assert len(calls) <= 2, operations(calls)
    assert tenant.database.writes(before) == []
    assert {result["outcome"] for result in data["services"]} == {"unchanged"}


def test_a_changed_price_is_one_patch_of_that_field(tenant):
    tenant.connected()
    first = by_key(tenant.expect(tenant.sync(), "sync.succeeded"))
    before = tenant.database.last_call()
    changed = plan()
    changed["services"][2]["unitPrice"] = "4.5"
    data = tenant.expect(tenant.sync(changed), "sync.succeeded")
    (write,) = tenant.database.writes(before)
    assert write["operation"] == "patch"
    assert write["body"] == {"id": first["service-3"]["autotaskServiceId"], "unitPrice": decimal.Decimal("4.5")}
    result = by_key(data)["service-3"]
    assert (result["outcome"], result["changes"]) == ("updated", [{"field": "unitPrice", "from": "3.2345", "to": "4.50"}])
    assert result["overwritten"] == []


def test_no_more_than_two_calls_of_a_database_are_in_flight(new_tenant, simulator):
    """Three tenants, one Autotask database: it allows three threads, and others need some of them."""
    owner = new_tenant(latencyMilliseconds=50)
    sharing = [owner, new_tenant(), new_tenant()]
    jobs = [tenant.connect_job(username=owner.username, secret=owner.secret).publish() for tenant in sharing]
    for tenant, job in zip(sharing, jobs, strict=True):
        tenant.expect(job.ending(), "connection.established")
    # A zone look-up is exempt: which database a connect is about to talk to is known only after it.
    assert all(count <= 2 for entity, count in in_flight(owner.database).items() if entity not in ("ZoneInformation", "*"))
    simulator.request("DELETE", f"calls?database={owner.database.number}")
    jobs = [tenant.publish("sync", plan_named(tenant)) for tenant in sharing]
    for tenant, job in zip(sharing, jobs, strict=True):
        tenant.expect(job.ending(), "sync.succeeded")
    assert len(owner.database.calls()) > 12
    assert all(count <= 2 for count in in_flight(owner.database).values()), in_flight(owner.database)


def in_flight(database):
    """By entity, and `*` for all of them, the most calls that were under way at once."""
    summary = database.simulator.request("GET", f"calls/summary?database={database.number}")
    return {entry["entity"]: entry["count"] for entry in summary["maximumInFlight"]}


def plan_named(tenant):
    data = plan()
    for entry in data["services"]:
        entry["name"] += f" of {tenant.name}"
    return data
