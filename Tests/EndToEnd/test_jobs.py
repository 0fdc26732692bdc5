"""Connect, sync, reset and billing-codes jobs, through a real broker, against Autotask as it behaves."""

import decimal

import pytest

import contract
from tenants import BILLING_CODE, by_key, codes, plan, service


def changed(data, number, **members):
    """A plan of which one service has other members."""
    services = [{**entry, **members} if entry["key"] == f"service-{number}" else entry for entry in data["services"]]
    return {**data, "services": services}


def outcomes(data):
    return {result["key"]: result["outcome"] for result in data["services"]}


# Connect


def test_connect_keeps_zone_and_database(tenant):
    """L9, L13: zone and database are found by the user name, and retained. L10: the page's own sentence."""
    data = tenant.expect(tenant.connect(), "connection.established")
    assert data["message"] == "Connection was established"
    assert data["databaseId"] == tenant.database.number
    assert data["zone"]["name"] == "AE02"
    assert data["capabilities"]["services"] == {"query": True, "create": True, "update": True}
    assert tenant.username not in data["username"] and data["username"].endswith("@msp.example")


def test_connect_with_a_wrong_password(tenant):
    """L11: the page's own sentence, and a reason, which the page does not give."""
    data = tenant.expect(tenant.connect(secret="wrong"), "connection.failed", "credentials_invalid")
    assert data["message"] == "Failed to establish connection"
    assert data["previousConnectionActive"] is False
    assert "API User" in data["error"]["hint"]


def test_connect_with_an_unknown_user(tenant):
    tenant.expect(tenant.connect(username="nobody@msp.example"), "connection.failed", "zone_not_found")


def test_a_typo_does_not_break_a_connection_that_works(tenant):
    """A15: new credentials are verified before they replace the old."""
    tenant.connected()
    data = tenant.expect(tenant.connect(secret="wrong"), "connection.failed", "credentials_invalid")
    assert data["previousConnectionActive"] is True
    tenant.expect(tenant.sync(), "sync.succeeded")


def test_the_same_refused_credentials_are_answered_from_memory(tenant):
    tenant.expect(tenant.connect(secret="wrong"), "connection.failed", "credentials_invalid")
    before = tenant.database.last_call()
    tenant.expect(tenant.connect(secret="wrong"), "connection.failed", "credentials_invalid")
    assert [call["operation"] for call in tenant.database.calls(before) if call["operation"] != "zoneInformation"] == []


def test_another_database_has_to_be_confirmed(tenant, new_tenant):
    """A16: an id of one database is another service in the next."""
    other = new_tenant()
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    strange = {"username": other.username, "secret": other.secret}
    data = tenant.expect(tenant.connect(**strange), "connection.failed", "database_changed")
    assert data["previousConnectionActive"] is True
    tenant.expect(tenant.connect(**strange, allowDatabaseChange=True), "connection.established")
    data = tenant.expect(tenant.sync(), "sync.succeeded")
    assert set(outcomes(data).values()) == {"created"}
    assert len(other.database.services()) == 4


# Sync


@pytest.mark.parametrize("count", [1, 4, 250])
def test_a_first_sync_creates_every_service_exactly_as_typed(tenant, count):
    """L18, L40: one job transfers the whole plan."""
    tenant.connected()
    data = tenant.expect(tenant.sync(plan(count)), "sync.succeeded")
    assert [result["key"] for result in data["services"]] == [entry["key"] for entry in plan(count)["services"]]
    assert all((result["status"], result["outcome"], result["active"]) == ("Synced", "created", True) for result in data["services"])
    assert data["counts"]["synced"] == count
    stored = {entry["id"]: entry for entry in tenant.database.services()}
    assert len(stored) == count
    periods = {"Monthly": 2, "Yearly": 5}
    for entry in plan(count)["services"]:
        remote = stored[by_key(data)[entry["key"]]["autotaskServiceId"]]
        assert remote["name"] == entry["name"]
        assert decimal.Decimal(remote["unitPrice"]) == decimal.Decimal(entry["unitPrice"])
        assert decimal.Decimal(remote["unitCost"]) == decimal.Decimal(entry["unitCost"])
        assert (remote["billingCodeID"], remote["periodType"]) == (BILLING_CODE, periods[entry["period"]])


def test_names_and_amounts_arrive_to_the_last_digit(tenant):
    """A24: numbers go as typed."""
    tenant.connected()
    name = 'Größe "XL" \\ 100 % 雲 \U0001f4be'
    data = plan(1)
    data["services"][0].update(name=name, unitPrice="999999999999.9999", unitCost="0.0001")
    tenant.expect(tenant.sync(data), "sync.succeeded")
    (remote,) = tenant.database.services()
    assert remote["name"] == name
    assert (decimal.Decimal(remote["unitPrice"]), decimal.Decimal(remote["unitCost"])) == (
        decimal.Decimal("999999999999.9999"),
        decimal.Decimal("0.0001"),
    )
    tenant.expect(tenant.sync(data), "sync.succeeded")
    assert len(tenant.database.writes()) == 1


def test_the_integration_is_enabled_once(tenant):
    """L44: after the first sync in which every service is Synced."""
    tenant.connected()
    tenant.expect(tenant.sync(changed(plan(), 1, name=" ")), "sync.failed")
    assert tenant.events("integration.enabled") == []
    for _ in range(2):
        tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.expect(tenant.billing_codes(), "billing-codes.listed")
    assert len(tenant.events("integration.enabled")) == 1


def test_an_invalid_service_means_no_write_at_all(tenant):
    """A5: all of a plan is checked before any of it is written. L19: its event covers every service."""
    tenant.connected()
    data = tenant.expect(tenant.sync(changed(plan(), 2, unitPrice="1e3")), "sync.failed", "price_invalid")
    assert outcomes(data) == {"service-1": "notAttempted", "service-2": "invalid", "service-3": "notAttempted", "service-4": "notAttempted"}
    assert [result["status"] for result in data["services"]] == ["Not synced", "Error", "Not synced", "Not synced"]
    assert tenant.database.writes() == []


def test_a_name_that_somebody_else_uses_is_a_conflict(new_tenant):
    """L21, A12: it fails before any write, and is never taken for ours by its name."""
    taken = {"id": 100, "name": "SERVICE 3", "unitPrice": 1, "billingCodeID": BILLING_CODE, "periodType": 2, "isActive": False}
    tenant = new_tenant(services=[taken]).connected()
    data = tenant.expect(tenant.sync(), "sync.failed", "service_name_conflict")
    assert outcomes(data)["service-3"] == "invalid"
    assert "100" in by_key(data)["service-3"]["error"]["message"]
    assert tenant.database.writes() == []


@pytest.mark.parametrize(
    ("billing_code", "code"),
    [(29683002, "billing_code_inactive"), (29683003, "billing_code_wrong_type"), (77, "billing_code_not_found")],
)
def test_a_billing_code_has_to_be_active_and_recurring(tenant, billing_code, code):
    """L25: its code determines how a service is taxed."""
    tenant.connected()
    tenant.expect(tenant.sync(changed(plan(), 1, billingCodeId=billing_code)), "sync.failed", code)
    assert tenant.database.writes() == []


def test_edits_in_autotask_are_overridden_and_told(tenant):
    """L31, L38: the plan wins, also where nothing changed in it. A9: what is not managed is untouched."""
    tenant.connected()
    first = by_key(tenant.expect(tenant.sync(), "sync.succeeded"))
    edited = first["service-1"]["autotaskServiceId"]
    tenant.database.change(services=[{"id": edited, "unitPrice": 99, "description": "Kept"}])
    data = tenant.expect(tenant.sync(plan(acknowledge=["price_changed"])), "sync.succeeded")
    assert outcomes(data)["service-1"] == "updated"
    (overwritten,) = by_key(data)["service-1"]["overwritten"]
    assert (overwritten["field"], decimal.Decimal(overwritten["from"]), overwritten["to"]) == ("unitPrice", 99, "1.2345")
    remote = next(entry for entry in tenant.database.services() if entry["id"] == edited)
    assert decimal.Decimal(remote["unitPrice"]) == decimal.Decimal("1.2345") and remote["description"] == "Kept"


def test_an_inactive_service_is_synced_and_stays_inactive(tenant):
    """L43, A8: people decide in Autotask whether a service is active."""
    tenant.connected()
    first = by_key(tenant.expect(tenant.sync(), "sync.succeeded"))
    inactive = first["service-2"]["autotaskServiceId"]
    tenant.database.change(services=[{"id": inactive, "isActive": False}])
    data = tenant.expect(tenant.sync(changed(plan(), 2, unitPrice="2.50")), "sync.succeeded")
    assert (by_key(data)["service-2"]["status"], by_key(data)["service-2"]["active"]) == ("Synced", False)
    assert next(entry for entry in tenant.database.services() if entry["id"] == inactive)["isActive"] is False
    assert all("isActive" not in call["body"] for call in tenant.database.writes())


def test_a_service_may_take_the_name_that_another_gives_up(tenant):
    """A13: a chain of renames begins at its free end."""
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    moved = changed(changed(changed(plan(), 1, name="Service 2"), 2, name="Service 3"), 3, name="Another")
    data = tenant.expect(tenant.sync(moved), "sync.succeeded")
    names = {entry["id"]: entry["name"] for entry in tenant.database.services()}
    assert {key: names[result["autotaskServiceId"]] for key, result in by_key(data).items()} == {
        "service-1": "Service 2",
        "service-2": "Service 3",
        "service-3": "Another",
        "service-4": "Service 4",
    }


def test_two_services_swap_their_names_although_names_are_unique(tenant):
    """A13: one of them takes a temporary name for a moment."""
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    before = tenant.database.last_call()
    swapped = changed(changed(plan(), 1, name="Service 2"), 2, name="Service 1")
    data = tenant.expect(tenant.sync(swapped), "sync.succeeded")
    names = {entry["id"]: entry["name"] for entry in tenant.database.services()}
    assert [names[result["autotaskServiceId"]] for result in data["services"][:2]] == ["Service 2", "Service 1"]
    temporary, *final = [call["body"]["name"] for call in tenant.database.writes(before)]
    assert temporary.startswith("Service 1 ~") and final == ["Service 1", "Service 2"]


def test_a_plan_may_grow(tenant):
    """L36: new services are created beside the old ones. L19: the event lists unchanged ones as well."""
    tenant.connected()
    tenant.expect(tenant.sync(plan(2)), "sync.succeeded")
    data = tenant.expect(tenant.sync(plan(3)), "sync.succeeded")
    assert outcomes(data) == {"service-1": "unchanged", "service-2": "unchanged", "service-3": "created"}


def test_a_synced_service_may_not_be_missing_but_retire(tenant):
    """L42: all services are synced together."""
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.expect(tenant.sync(plan(3)), "job.rejected", "plan_incomplete")
    before = tenant.database.last_call()
    data = tenant.expect(tenant.sync(plan(3, retired=["service-4"])), "sync.succeeded")
    assert len(data["services"]) == 3
    assert tenant.database.writes(before) == [] and len(tenant.database.services()) == 4
    tenant.expect(tenant.sync(plan(3)), "sync.succeeded")


def test_a_service_that_is_gone_is_created_anew_with_a_warning(tenant):
    """A11: the plan is the source of truth."""
    tenant.connected()
    first = by_key(tenant.expect(tenant.sync(), "sync.succeeded"))
    tenant.database.change(deletedServices=[first["service-1"]["autotaskServiceId"]])
    data = tenant.expect(tenant.sync(), "sync.succeeded")
    assert outcomes(data)["service-1"] == "recreated"
    assert [warning["code"] for warning in by_key(data)["service-1"]["warnings"]] == ["service_recreated"]


@pytest.mark.parametrize("security", ["cannotReadCosts", "costsReadAsZero"])
def test_costs_that_the_api_user_cannot_see_are_not_counted(new_tenant, security):
    """L37: Autotask ignores them silently, so the warning says so."""
    tenant = new_tenant(security=security).connected()
    for expected in ("created", "unchanged"):
        data = tenant.expect(tenant.sync(), "sync.succeeded")
        assert set(outcomes(data).values()) == {expected}
        assert all("cost_not_stored" in [warning["code"] for warning in result["warnings"]] for result in data["services"])
    assert len(tenant.database.writes()) == 4


def test_a_cost_above_the_price_is_legal_but_told(tenant):
    """L24: administrative costs may be part of it."""
    tenant.connected()
    data = tenant.expect(tenant.sync(changed(plan(), 1, unitCost="100", unitPrice="1")), "sync.succeeded")
    assert [warning["code"] for warning in by_key(data)["service-1"]["warnings"]] == ["negative_margin"]


def test_a_sync_needs_a_connection(tenant):
    data = tenant.expect(tenant.sync(), "sync.failed", "not_connected")
    assert set(outcomes(data).values()) == {"notAttempted"}
    assert tenant.database.calls() == []


def test_an_api_user_without_write_permission_is_told(new_tenant):
    tenant = new_tenant(security="readOnly")
    data = tenant.expect(tenant.connect(), "connection.established")
    if data["capabilities"]["services"]["create"] is False:
        assert [warning["code"] for warning in data["warnings"]] == ["read_only"]
    assert "permission_denied" in codes(tenant.sync()["data"])
    assert tenant.database.services() == []


# Billing codes


def test_billing_codes_are_the_active_recurring_ones(tenant):
    """L25: the choice of the page's dropdown."""
    tenant.connected()
    data = tenant.expect(tenant.billing_codes(), "billing-codes.listed")
    assert [(entry["id"], entry["name"]) for entry in data["billingCodes"]] == [(29683004, "Cloud"), (29683001, "Recurring services")]


def test_billing_codes_are_remembered_unless_asked_anew(tenant):
    tenant.connected()
    tenant.expect(tenant.billing_codes(), "billing-codes.listed")
    before = tenant.database.last_call()
    tenant.expect(tenant.billing_codes(), "billing-codes.listed")
    assert tenant.database.calls(before) == []
    tenant.database.change(billingCodes=[{"id": 29683004, "isActive": False}])
    data = tenant.expect(tenant.billing_codes(refresh=True), "billing-codes.listed")
    assert [entry["id"] for entry in data["billingCodes"]] == [29683001]


def test_billing_codes_need_a_connection(tenant):
    tenant.expect(tenant.billing_codes(), "billing-codes.failed", "not_connected")


# Reset


def test_a_reset_touches_nothing_in_autotask_and_the_next_sync_adopts(tenant):
    """A1: contracts refer to the services. A2: so a reset is no trap."""
    tenant.connected()
    first = by_key(tenant.expect(tenant.sync(), "sync.succeeded"))
    before = tenant.database.last_call()
    ending = tenant.reset(reason="test")
    data = tenant.expect(ending, "integration.reset")
    assert data["message"] == "Integration was reset" and data["changed"] is True and data["reconnectAllowed"] is True
    assert any("7 days" in text for text in data["retained"])
    assert tenant.database.calls(before) == []
    tenant.expect(tenant.sync(), "sync.failed", "not_connected")

    established = tenant.connect()
    tenant.expect(established, "connection.established")
    assert established["epoch"] == ending["epoch"] + 1
    again = tenant.expect(tenant.sync(), "sync.succeeded")
    assert set(outcomes(again).values()) == {"adopted"}
    assert {key: result["autotaskServiceId"] for key, result in by_key(again).items()} == {
        key: result["autotaskServiceId"] for key, result in first.items()
    }
    assert tenant.database.writes(before) == []
    assert len(tenant.events("integration.enabled")) == 2


def test_a_reset_without_a_connection_succeeds_and_changes_nothing(tenant):
    """A21: erasure must not fail."""
    for _ in range(2):
        assert tenant.expect(tenant.reset(), "integration.reset")["changed"] is False


def test_a_reset_touches_one_product(tenant):
    """L46: a connection is one product's."""
    tenant.connected()
    tenant.connected(product="fileProtection")
    tenant.expect(tenant.publish("reset", {"confirm": True, "product": "fileProtection"}).ending(), "integration.reset")
    tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.expect(tenant.sync(plan(product="fileProtection")), "sync.failed", "not_connected")


# What the envelope carries along


def test_the_trace_goes_through_to_the_event(tenant):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    ending = tenant.publish("billing-codes", traceparent=f"00-{trace}-00f067aa0ba902b7-01").ending()
    assert ending["traceparent"].split("-")[1] == trace


def test_unknown_attributes_and_members_are_ignored(tenant):
    tenant.connected()
    data = plan(1, colour="yellow")
    data["services"][0]["shade"] = "light"
    tenant.expect(tenant.publish("sync", data, comexampleextension="x").ending(), "sync.succeeded")


# The demo's story


def test_the_story_of_the_seeds(new_tenant):
    """With the credentials sealed, as the demo does."""
    tenant = new_tenant("Correct-Horse-4711")
    for step in contract.load(contract.SEEDS / "story.json"):
        data = contract.load(contract.SEEDS / step["data"])
        if "autotask" in step:
            edit = dict(step["autotask"])
            name = edit.pop("service")
            number = next(entry["id"] for entry in tenant.database.services() if entry["name"] == name)
            tenant.database.change(services=[{"id": number, **edit}])
        before = tenant.database.last_call()
        if step["kind"] == "connect":
            ending = tenant.connect(secret=data.pop("credentials")["secret"], **data)
        else:
            ending = tenant.publish(step["kind"], data).ending()
        tenant.expect(ending, step["expect"], step.get("code"))
        assert len(tenant.database.writes(before)) == step.get("writes", 0)


@pytest.fixture
def clear(tenant):
    """The data of a connect whose credentials are not sealed."""
    return {**tenant.connect_job().envelope["data"], "credentials": {"username": tenant.username, "secret": tenant.secret}}


def test_clear_credentials_are_for_development_only(tenant, clear):
    tenant.expect(tenant.publish("connect", clear).ending(), "job.rejected", "job_invalid")


def test_a_worker_in_development_accepts_clear_credentials(tenant, clear, other_worker):
    other_worker.start(DEVELOPMENT="1")
    tenant.expect(tenant.publish("connect", clear).ending(), "connection.established")


def test_a_plan_of_every_type_and_period(tenant):
    """L16, L34: License and Storage, and Server, though the provisioned plan has none."""
    tenant.connected()
    services = [
        service(number, type=kind, period=period)
        for number, (kind, period) in enumerate(((k, p) for k in ("License", "Server", "Storage") for p in ("Monthly", "Yearly")), 1)
    ]
    tenant.expect(tenant.sync({"planId": "all", "services": services}), "sync.succeeded")
