"""Rules that no other test shows: statements L of the page "Configure the integration", answers A to what it leaves open."""

import datetime
import decimal
import json

import pytest

import portal as portals
from tenants import by_key, codes, plan, service


def changed(data, number, **members):
    """A plan of which one service has other members."""
    return {**data, "services": [{**entry, **members} if entry["key"] == f"service-{number}" else entry for entry in data["services"]]}


def named(*names):
    """A plan of services with these names."""
    return {"planId": "datto-workplace", "services": [service(number, name=name) for number, name in enumerate(names, 1)]}


# Connect


def test_a_tracking_identifier_of_the_tenants_own_rides_with_the_credentials(new_tenant):
    """L7: the vendor's is the worker's; a tenant may bring its own, sealed with the rest."""
    without = new_tenant(integrationCodes=["Its-Own-4711"])
    without.expect(without.connect(), "connection.failed")
    tenant = new_tenant(integrationCodes=["Its-Own-4711"])
    job = tenant.connect_job()
    credentials = {"username": tenant.username, "secret": tenant.secret, "integrationCode": "Its-Own-4711"}
    job.envelope["data"]["credentials"] = portals.seal(tenant.key, job.id, tenant.name, "workplace", credentials)
    tenant.expect(job.publish().ending(), "connection.established")
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")


def test_a_connect_that_nobody_waits_for_any_more_is_not_begun(tenant):
    """L12: a user waits for its end, so there is exactly one, and in time."""
    job = tenant.connect_job()
    job.envelope["expirytime"] = portals.rfc3339(portals.now() - datetime.timedelta(seconds=1))
    tenant.expect(job.publish().ending(), "job.expired", "expired")
    assert tenant.database.calls() == []
    tenant.connected()
    assert len(job.endings) == 1


def test_a_connect_waits_behind_no_other_tenants_sync(other_worker, new_tenant):
    """L12: a user looks at the page until it ends."""
    other_worker.start(CONCURRENT_LANES="1")
    running, waiting = new_tenant().connected(), new_tenant().connected()
    hold = running.database.fault("hold", operation="query", entity="Services")
    first = running.publish("sync", plan(1))
    running.database.await_calls(1, operation="query", entity="Services")
    later = waiting.publish("sync", plan(1))
    connect = new_tenant().connect_job().publish()
    # Messages are taken in in their order: when this one was answered, those before it wait for the one place.
    waiting.publish("sync", plan(2), job_id=later.id)
    waiting.monitor.wait(lambda: waiting.events("job.conflict"), "conflict")
    hold.clear()
    endings = [first.ending(), connect.ending(), later.ending()]
    assert sorted(endings, key=waiting.monitor.events.index) == endings


# Names, types and periods


NAMES = [
    "Cafe\u0301 decomposed",
    "Café composed",
    " outer spaces are typed too ",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍💻 ﬁ ß İ",
    "عربى, עברית",
    "Größe \"XL\" \\ 100 % </b> 雲",
]


def test_a_name_is_kept_as_it_was_typed(tenant):
    """L20: invoices show it, so not a code point is another, and a second sync finds nothing to change."""
    tenant.connected()
    data = tenant.expect(tenant.sync(named(*NAMES)), "sync.succeeded")
    assert [result["name"] for result in data["services"]] == NAMES
    assert [entry["name"] for entry in tenant.database.services()] == NAMES
    before = tenant.database.last_call()
    tenant.expect(tenant.sync(named(*NAMES)), "sync.succeeded")
    assert tenant.database.writes(before) == []


def test_a_name_may_be_as_long_as_the_tenants_own_autotask_allows(new_tenant):
    """L20: its metadata have the limit, in UTF-16 units as .NET counts."""
    tenant = new_tenant(fields={"name": {"length": 20}}).connected()
    tenant.expect(tenant.sync(named("x" * 20, "💾" * 10)), "sync.succeeded")
    data = tenant.expect(tenant.sync(named("x" * 21, "💾" * 11)), "sync.failed", "name_invalid")
    assert [result["error"]["message"] for result in data["services"]] == [
        f"name: {length} characters are too many; Autotask allows 20." for length in (21, 22)
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [("Storage", "STORAGE"), ("Caf\u00e9", "CAFE\u0301"), ("Storage", "\u00a0Storage "), ("Straße", "STRASSE"), ("ΟΔΟΣ", "οδος")],
    ids=["case", "composition", "outer spaces", "sharp s", "final sigma"],
)
def test_names_of_a_plan_are_compared_without_case_composition_and_outer_spaces(tenant, first, second):
    """A14, L21: two that Autotask may take for one are refused before any write."""
    tenant.connected()
    data = tenant.expect(tenant.sync(named(first, "between", second)), "sync.failed", "service_name_duplicate_in_plan")
    assert codes(data)[1:] == ["service_name_duplicate_in_plan"] * 2
    assert [result["outcome"] for result in data["services"]] == ["invalid", "notAttempted", "invalid"]
    assert tenant.database.writes() == []


def test_a_name_that_differs_in_case_alone_is_sent_as_typed(tenant):
    """A14: for the reader of an invoice it is another."""
    tenant.connected()
    tenant.expect(tenant.sync(named("storage")), "sync.succeeded")
    tenant.expect(tenant.sync(named("Storage")), "sync.succeeded")
    assert [entry["name"] for entry in tenant.database.services()] == ["Storage"]


def test_a_new_name_is_the_services_name_in_both_applications(tenant):
    """L29: the service keeps its id, and so the contracts that refer to it."""
    tenant.connected()
    first = by_key(tenant.expect(tenant.sync(plan(1)), "sync.succeeded"))["service-1"]
    renamed = by_key(tenant.expect(tenant.sync(named("Renamed")), "sync.succeeded"))["service-1"]
    assert (renamed["name"], renamed["outcome"], renamed["autotaskServiceId"]) == ("Renamed", "updated", first["autotaskServiceId"])
    assert [(entry["id"], entry["name"]) for entry in tenant.database.services()] == [(first["autotaskServiceId"], "Renamed")]


def test_a_period_is_found_by_its_label_in_the_tenants_own_list(new_tenant):
    """L33: ids differ from tenant to tenant, and labels in case and spaces."""
    tenant = new_tenant(periodTypes={" monthly ": 71, "YEARLY": 3, "Quarterly": 2, "Semi-Annual": 5}).connected()
    data = tenant.expect(tenant.sync(plan(2)), "sync.succeeded")
    assert [entry["periodType"] for entry in tenant.database.services()] == [3, 71]
    assert [entry["period"] for entry in plan(2)["services"]] == ["Yearly", "Monthly"]
    assert {result["outcome"] for result in tenant.expect(tenant.sync(plan(2)), "sync.succeeded")["services"]} == {"unchanged"}
    assert data["counts"]["synced"] == 2


# What is sent, and what is not


def test_nothing_is_sent_but_the_managed_fields_and_the_marker(tenant):
    """L32, L34, L47: plan, key, type and status have no counterpart in Autotask. A9: what changes is patched, and nothing is put."""
    tenant.connected()
    tenant.expect(tenant.sync(plan(3, revision=1)), "sync.succeeded")
    tenant.expect(tenant.sync(changed(plan(3), 2, unitPrice="3.00", unitCost="3.00")), "sync.succeeded")
    *creates, patch = tenant.database.writes()
    managed = {"name", "periodType", "unitCost", "unitPrice", "billingCodeID"}
    assert [(call["method"], set(call["body"])) for call in creates] == [("POST", managed | {"internalID"})] * 3
    assert (patch["method"], set(patch["body"])) == ("PATCH", {"id", "unitCost", "unitPrice"})
    sent = json.dumps([call["body"] for call in tenant.database.writes()], default=str)
    for word in ("datto-workplace", "service-1", "License", "Storage", "Server", "Synced", "isActive"):
        assert word not in sent


def test_a_new_price_changes_no_contract_and_claims_no_invoice(tenant):
    """L23: it is a default for what is sold from now on."""
    tenant.connected()
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")
    ending = tenant.sync(changed(plan(1), 1, unitPrice="1.50"))
    tenant.expect(ending, "sync.succeeded")
    assert {call["entity"] for call in tenant.database.writes()} == {"Services"}
    assert not {"invoice", "contract", "repriced"} & set(json.dumps(ending["data"]).lower().split())


def test_a_price_or_cost_of_nothing_is_one(tenant):
    """A25: zero is allowed. A24: a number goes as it was typed, its currency is Autotask's."""
    tenant.connected()
    tenant.expect(tenant.sync(changed(plan(1), 1, unitPrice="0", unitCost="0.0000")), "sync.succeeded")
    (remote,) = tenant.database.services()
    assert (remote["unitPrice"], remote["unitCost"]) == (0, 0)
    (create,) = tenant.database.writes()
    assert not [name for name in create["body"] if "currency" in name.lower()]
    tenant.expect(tenant.sync(changed(plan(1), 1, unitPrice="0", unitCost="0")), "sync.succeeded")
    assert len(tenant.database.writes()) == 1


@pytest.mark.parametrize("fields", [{}, {"internalID": {"isMissing": True}}], ids=["internalID", "sku"])
def test_after_a_reset_our_own_services_are_known_by_their_marker(new_tenant, fields):
    """A2: the marker is in the field that the tenant has for it, and no service counts as ours by its name."""
    tenant = new_tenant(fields=fields).connected()
    first = by_key(tenant.expect(tenant.sync(plan(2)), "sync.succeeded"))
    place, other = ("sku", "internalID") if fields else ("internalID", "sku")
    markers = {entry[place] for entry in tenant.database.services()}
    assert len(markers) == 2 and all(len(marker) == 32 for marker in markers)
    assert not [entry for entry in tenant.database.services() if entry.get(other)]
    tenant.expect(tenant.reset(), "integration.reset")
    tenant.connected()
    again = by_key(tenant.expect(tenant.sync(named("Quite", "Another")), "sync.succeeded"))
    assert {result["outcome"] for result in again.values()} == {"adopted"}
    assert [again[key]["autotaskServiceId"] for key in again] == [first[key]["autotaskServiceId"] for key in first]


def test_a_foreign_mark_is_never_overwritten(tenant):
    """A2: some use these fields for their accounting."""
    tenant.connected()
    number = by_key(tenant.expect(tenant.sync(plan(1)), "sync.succeeded"))["service-1"]["autotaskServiceId"]
    tenant.database.change(services=[{"id": number, "internalID": "ACC-4711"}])
    tenant.expect(tenant.sync(changed(plan(1), 1, unitPrice="1.5")), "sync.succeeded")
    (remote,) = tenant.database.services()
    assert (remote["internalID"], remote["unitPrice"]) == ("ACC-4711", decimal.Decimal("1.5"))


# What a sync reports


def test_the_event_leads_to_the_services_in_autotask(tenant):
    """L41: by their ids, and by a link to the list of them."""
    tenant.connected()
    data = tenant.expect(tenant.sync(), "sync.succeeded")
    assert {result["autotaskServiceId"] for result in data["services"]} == {entry["id"] for entry in tenant.database.services()}
    zone = tenant.events("connection.established")[0]["data"]["zone"]
    assert data["webUrl"].startswith(zone["webUrl"])


def test_synced_is_what_autotask_shows_after_the_write(tenant):
    """L27: a write that Autotask accepted and that the read-back does not show is an error."""
    tenant.connected()
    undone = {"services": [{"id": 1, "unitPrice": 99}]}
    tenant.database.fault("change", change=undone, operation="query", entity="Services", skip=1, times=1)
    data = tenant.expect(tenant.sync(plan(2)), "sync.incomplete", "remote_rejected")
    first, second = data["services"]
    assert (first["status"], first["autotaskServiceId"], second["status"]) == ("Error", 1, "Synced")
    assert "shows other values: unitPrice" in first["error"]["message"]


def test_an_update_that_is_refused_is_an_error_of_a_service_that_is_there(tenant):
    """L28: it keeps its id, and the next sync corrects it. A5: the others are written all the same."""
    tenant.connected()
    first = by_key(tenant.expect(tenant.sync(plan(2)), "sync.succeeded"))
    tenant.database.fault("businessError", message="A price is required.", operation="patch", times=1)
    dearer = changed(changed(plan(2), 1, unitPrice="1.5"), 2, unitPrice="2.5")
    data = by_key(tenant.expect(tenant.sync(dearer), "sync.incomplete", "remote_rejected"))
    assert [(data[key]["status"], data[key]["outcome"]) for key in data] == [("Error", "rejected"), ("Synced", "updated")]
    assert data["service-1"]["autotaskServiceId"] == first["service-1"]["autotaskServiceId"]
    mended = by_key(tenant.expect(tenant.sync(dearer), "sync.succeeded"))
    assert [result["outcome"] for result in mended.values()] == ["updated", "unchanged"]


def test_what_was_not_attempted_keeps_its_status(tenant):
    """L30: an edit of the plan alone changes no status. A6: Error means that an attempt was made."""
    tenant.connected()
    tenant.expect(tenant.sync(plan(2)), "sync.succeeded")
    edited = changed(changed(plan(3), 1, unitPrice="7"), 2, unitPrice=" ")
    data = tenant.expect(tenant.sync(edited), "sync.failed", "price_invalid")
    assert [(result["status"], result["outcome"]) for result in data["services"]] == [
        ("Synced", "notAttempted"),
        ("Error", "invalid"),
        ("Not synced", "notAttempted"),
    ]
    tenant.database.change(users=[{"username": tenant.username, "secret": "changed-in-autotask"}])
    data = tenant.expect(tenant.sync(changed(plan(2), 1, unitPrice="1.50")), "sync.failed", "api_user_locked_or_inactive")
    assert [(result["status"], result["outcome"]) for result in data["services"]] == [("Synced", "notAttempted"), ("Error", "notAttempted")]


# Jobs that overtake each other


def test_edits_during_a_sync_are_the_next_ones(tenant):
    """A22: a job holds the plan of the moment when it was sent."""
    tenant.connected()
    hold = tenant.database.fault("hold", operation="create")
    first = tenant.publish("sync", plan(2))
    tenant.database.await_calls(1, operation="create")
    second = tenant.publish("sync", changed(plan(2), 2, unitPrice="2.70"))
    hold.clear()
    tenant.expect(first.ending(), "sync.succeeded")
    data = by_key(tenant.expect(second.ending(), "sync.succeeded"))
    assert data["service-2"]["changes"] == [{"field": "unitPrice", "from": "2.2345", "to": "2.70"}]


def test_a_sync_from_before_a_reset_never_runs_after_it(tenant):
    """A19: erased data does not come back."""
    tenant.connected()
    hold = tenant.database.fault("hold", operation="query", entity="BillingCodes")
    tenant.publish("billing-codes", {"refresh": True})
    tenant.database.await_calls(1, operation="query", entity="BillingCodes")
    old = tenant.publish("sync", plan(2))
    reset = tenant.publish("reset", {"confirm": True})
    connect = tenant.connect_job().publish()
    hold.clear()
    tenant.expect(old.ending(), "job.superseded", "superseded")
    tenant.expect(reset.ending(), "integration.reset")
    tenant.expect(connect.ending(), "connection.established")
    assert [call for call in tenant.database.calls() if (call["entity"], call["operation"]) == ("Services", "query")] == []
