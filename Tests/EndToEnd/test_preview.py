"""Before a sync: previews, stale previews, acknowledgements, adoption."""

import decimal
import json

import pytest

from tenants import by_key, plan, service


def preview(tenant, data=None):
    return tenant.publish("preview", data or plan()).ending()


def outcomes(data):
    return {key: result["outcome"] for key, result in by_key(data).items()}


def edited(tenant, name, **members):
    """Somebody edits a service in Autotask."""
    number = next(entry["id"] for entry in tenant.database.services() if entry["name"] == name)
    tenant.database.change(services=[{"id": number, **members}])
    return number


@pytest.fixture
def synced(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    return tenant


# What it shows


def test_a_preview_writes_nothing_and_the_sync_that_names_it_does_what_it_told(synced):
    """A7: created services cannot be deleted, so the preview prevents surprises."""
    edited(synced, "Service 1", unitPrice=1)
    before = synced.database.last_call()
    wanted = plan(5)
    wanted["services"][1]["name"] = "Renamed"
    data = synced.expect(preview(synced, wanted), "sync.previewed")
    assert synced.database.writes(before) == [] and len(synced.database.calls(before)) <= 2
    assert outcomes(data) == {
        "service-1": "updated",
        "service-2": "updated",
        "service-3": "unchanged",
        "service-4": "unchanged",
        "service-5": "created",
    }
    assert by_key(data)["service-1"]["overwritten"] == [{"field": "unitPrice", "from": "1.00", "to": "1.2345"}]
    assert by_key(data)["service-1"]["margin"] == {"before": "-0.10", "after": "0.1345"}

    before = synced.database.last_call()
    done = synced.expect(synced.sync({**wanted, "previewId": data["previewId"]}), "sync.succeeded")
    assert outcomes(done) == outcomes(data)
    assert [result["changes"] for result in done["services"]] == [result["changes"] for result in data["services"]]
    assert len(synced.database.writes(before)) == sum(result["writes"] for result in data["services"]) == 3
    assert done["apiCalls"] == data["apiCallEstimate"] == len(synced.database.calls(before))


@pytest.mark.parametrize("count, calls", [(4, 1), (250, 2)])
def test_a_preview_of_what_is_synced_costs_what_the_sync_does(tenant, count, calls):
    """Reads go in chunks of 500 conditions: id, marker and name of each service."""
    tenant.connected()
    tenant.expect(tenant.sync(plan(count)), "sync.succeeded")
    before = tenant.database.last_call()
    data = tenant.expect(preview(tenant, plan(count)), "sync.previewed")
    assert len(tenant.database.calls(before)) == calls == data["apiCallEstimate"]
    assert tenant.expect(tenant.sync(plan(count)), "sync.succeeded")["apiCalls"] == calls


def test_a_conflict_is_told_with_the_service_in_the_way(synced):
    synced.database.change(
        services=[{"name": "SERVICE 5", "billingCodeID": 29683001, "periodType": 2, "unitPrice": 1, "isActive": False}]
    )
    data = synced.expect(preview(synced, plan(6)), "sync.previewed")
    conflict = by_key(data)["service-5"]["error"]["conflict"]
    assert (conflict["name"], conflict["active"]) == ("SERVICE 5", False)
    assert f"id {conflict['autotaskServiceId']}, inactive" in by_key(data)["service-5"]["error"]["message"]
    assert outcomes(data)["service-6"] == "created" and data["previewId"] is None


# When a preview is stale


def test_a_preview_is_stale_once_autotask_moved(synced):
    wanted = plan(5)
    data = synced.expect(preview(synced, wanted), "sync.previewed")
    edited(synced, "Service 2", unitCost=2)
    before = synced.database.last_call()
    failed = synced.expect(synced.sync({**wanted, "previewId": data["previewId"]}), "sync.failed", "plan_stale")
    assert "have changed since the preview" in failed["error"]["message"] and "Preview again" in failed["error"]["hint"]
    assert (failed["error"]["fixableBy"], failed["error"]["category"]) == ("mspAdmin", "state")
    assert synced.database.writes(before) == [] and set(outcomes(failed).values()) == {"notAttempted"}
    again = synced.expect(preview(synced, wanted), "sync.previewed")
    synced.expect(synced.sync({**wanted, "previewId": again["previewId"]}), "sync.succeeded")


def test_a_preview_is_stale_for_another_plan_and_for_another_tenant(synced, new_tenant):
    data = synced.expect(preview(synced, plan(5)), "sync.previewed")
    failed = synced.expect(synced.sync({**plan(6), "previewId": data["previewId"]}), "sync.failed", "plan_stale")
    assert "not the one that was previewed" in failed["error"]["message"]
    other = new_tenant().connected()
    other.expect(other.sync({**plan(5), "previewId": data["previewId"]}), "sync.failed", "plan_stale")


# The acknowledgement policy


def test_by_default_no_warning_stops_a_sync(synced):
    """L38: the price that a user enters overrides the one in Autotask every time."""
    wanted = plan()
    wanted["services"][2]["unitPrice"] = "323.45"
    done = synced.expect(synced.sync(wanted), "sync.succeeded")
    assert [warning["code"] for warning in by_key(done)["service-3"]["warnings"]] == ["price_changed"]


@pytest.mark.parametrize("edited", [0.01, 4321.5])
def test_an_edit_in_autotask_is_overridden_however_far_it_is(synced, edited):
    """L38: a price is compared with the plan that was synced last, never with Autotask."""
    number = synced.database.services()[0]["id"]
    synced.database.change(services=[{"id": number, "unitPrice": edited}])
    wanted = plan(acknowledgeRequired=["price_changed"])
    done = synced.expect(synced.sync(wanted), "sync.succeeded")
    result = by_key(done)["service-1"]
    assert result["outcome"] == "updated" and [change["field"] for change in result["overwritten"]] == ["unitPrice"]
    assert [warning["code"] for warning in result["warnings"]] == ["edit_overwritten"]


def test_after_a_reset_no_price_is_compared(synced):
    synced.expect(synced.reset(), "integration.reset")
    synced.connected()
    wanted = plan(acknowledgeRequired=["price_changed"])
    wanted["services"][0]["unitPrice"] = "500"
    previewed = synced.expect(preview(synced, wanted), "sync.previewed")
    assert previewed["needsAcknowledgement"] == [] and [change["to"] for change in by_key(previewed)["service-1"]["changes"]] == ["500.00"]
    synced.expect(synced.sync(wanted), "sync.succeeded")


def test_a_brake_that_no_warning_has_the_code_of_is_refused(synced):
    for codes in (["price_change"], ["none"], ["read_only"], ["price_changed:service-1"], "price_changed"):
        rejected = synced.expect(synced.sync(plan(acknowledgeRequired=codes)), "job.rejected", "job_invalid")
        assert rejected["error"]["field"] == "data.acknowledgeRequired" + ("[0]" if isinstance(codes, list) else "")


def test_a_price_that_moves_far_waits_for_somebody_to_say_so(synced):
    wanted = plan(acknowledgeRequired=["price_changed"])
    wanted["services"][2]["unitPrice"] = "323.45"
    before = synced.database.last_call()
    failed = synced.expect(synced.sync(wanted), "sync.failed", "acknowledgement_needed")
    assert synced.database.writes(before) == []
    assert (failed["error"]["fixableBy"], failed["error"]["retryable"]) == ("mspAdmin", False)
    assert '"price_changed:service-3"' in failed["error"]["hint"]
    assert failed["counts"]["synced"] == 4 and set(outcomes(failed).values()) == {"notAttempted"}
    (warning,) = by_key(failed)["service-3"]["warnings"]
    assert (warning["code"], warning["needsAcknowledgement"]) == ("price_changed", True)

    previewed = synced.expect(preview(synced, wanted), "sync.previewed")
    assert previewed["needsAcknowledgement"] == ["price_changed:service-3"]
    done = synced.expect(synced.sync({**wanted, "acknowledge": previewed["needsAcknowledgement"]}), "sync.succeeded")
    assert outcomes(done)["service-3"] == "updated"
    (written,) = synced.database.writes(before)
    assert written["body"]["unitPrice"] == decimal.Decimal("323.45")


# Adoption


def test_a_service_that_somebody_made_by_hand_is_adopted_when_the_job_says_so(synced):
    """A12: never because its name fits."""
    synced.database.change(
        services=[{"name": "Service 5", "billingCodeID": 29683001, "periodType": 5, "unitPrice": 5, "description": "By hand"}]
    )
    failed = synced.expect(synced.sync(plan(5)), "sync.failed", "service_name_conflict")
    number = by_key(failed)["service-5"]["error"]["conflict"]["autotaskServiceId"]
    done = synced.expect(synced.sync(plan(5, adopt={"service-5": number})), "sync.succeeded")
    assert outcomes(done)["service-5"] == "adopted" and by_key(done)["service-5"]["autotaskServiceId"] == number
    remote = next(entry for entry in synced.database.services() if entry["id"] == number)
    assert (decimal.Decimal(remote["unitPrice"]), remote["description"]) == (decimal.Decimal("5.2345"), "By hand")
    # It is ours from now on, also after a reset.
    synced.expect(synced.reset(), "integration.reset")
    synced.connected()
    assert outcomes(synced.expect(synced.sync(plan(5)), "sync.succeeded"))["service-5"] == "adopted"


def test_what_another_tenant_of_the_same_database_is_linked_to_is_not_adopted(synced, new_tenant):
    sharing = new_tenant()
    sharing.expect(sharing.connect(username=synced.username, secret=synced.secret), "connection.established")
    number = synced.database.services()[0]["id"]
    wanted = {"planId": "other", "services": [service(1, name="Mine", period="Yearly")], "adopt": {"service-1": number}}
    failed = sharing.expect(sharing.sync(wanted), "sync.failed", "adoption_refused")
    assert "another integration is linked to it" in by_key(failed)["service-1"]["error"]["message"]
    assert by_key(failed)["service-1"]["error"]["fixableBy"] == "mspAdmin"


def test_a_service_is_adopted_under_another_key_and_plan_also_after_a_reset(synced, new_tenant):
    """A2: a marker of this tenant and product is replaced when nothing refers to it, and another's marker never."""
    number = synced.database.services()[0]["id"]
    renamed = {"planId": "renamed", "services": [service(1, key="licence")]}
    synced.expect(synced.sync(renamed), "sync.failed", "service_name_conflict")
    synced.expect(synced.sync({**renamed, "adopt": {"licence": number}}), "sync.failed", "adoption_refused")
    gone = {"planId": "datto-workplace", "services": [], "retired": [f"service-{key}" for key in range(1, 5)]}
    before = synced.database.last_call()
    done = synced.expect(synced.sync(gone), "sync.succeeded")
    assert done["services"] == [] and synced.database.calls(before) == []
    assert outcomes(synced.expect(synced.sync({**renamed, "adopt": {"licence": number}}), "sync.succeeded")) == {"licence": "adopted"}
    synced.expect(synced.reset(), "integration.reset")
    synced.connected()
    again = {"planId": "again", "services": [service(1, key="license")], "adopt": {"license": number}}
    assert outcomes(synced.expect(synced.sync(again), "sync.succeeded")) == {"license": "adopted"}
    synced.expect(synced.reset(), "integration.reset")
    sharing = new_tenant()
    sharing.expect(sharing.connect(username=synced.username, secret=synced.secret), "connection.established")
    failed = sharing.expect(sharing.sync(again), "sync.failed", "adoption_refused")
    assert "the ownership marker of another" in by_key(failed)["license"]["error"]["message"]


def test_a_name_that_only_autotask_takes_for_the_same_is_told_before_any_write(synced):
    """A14: what Autotask finds under a name holds it."""
    names = {"Größe Ａ": "GROSSE a", "らいせんす": "ライセンス", "Café": "cafe", "Stor\u200bage": "Storage", "Wide　space": "Wide space"}
    synced.database.change(collation=["width", "kana", "accents", "expansions", "weightless"])
    for number, (there, wanted) in enumerate(names.items()):
        synced.database.change(services=[{"name": there, "billingCodeID": 29683001, "periodType": 5, "unitPrice": 5}])
        held = synced.database.services()[-1]["id"]
        before = synced.database.last_call()
        services = plan(5)["services"] + [service(6, name=wanted)]
        failed = synced.expect(synced.sync(plan() | {"services": services}), "sync.failed", "service_name_conflict")
        assert by_key(failed)["service-6"]["error"]["conflict"]["autotaskServiceId"] == held, number
        assert synced.database.writes(before) == []


def test_a_service_of_another_period_is_not_adopted(synced):
    synced.database.change(services=[{"name": "By hand", "billingCodeID": 29683001, "periodType": 2, "unitPrice": 5}])
    number = next(entry["id"] for entry in synced.database.services() if entry["name"] == "By hand")
    synced.expect(synced.sync(plan(5, adopt={"service-5": number})), "sync.failed", "period_mismatch")


# On the command line


def test_a_person_previews_acknowledges_and_syncs(worker, synced, tmp_path):
    wanted = plan()
    wanted["services"][0]["unitPrice"] = "90.00"
    wanted["acknowledgeRequired"] = ["price_changed"]
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(wanted), encoding="utf-8")
    common = ["--tenant", synced.name, "--data", str(path), "--wait"]
    text = worker.cli("job", "preview", *common)
    assert "unitPrice: 1.23" in text and "To be acknowledged: price_changed:service-1" in text and "margin: 0.13" in text
    preview_id = json.loads(worker.cli("job", "preview", *common, "--json"))["data"]["previewId"]
    assert "acknowledgement_needed" in worker.cli("job", "sync", *common, "--preview", preview_id, expect=1)
    acknowledged = ["--preview", preview_id, "--acknowledge", "price_changed:service-1"]
    assert "4 services are synced" in worker.cli("job", "sync", *common, *acknowledged)
    assert "plan_stale" in worker.cli("job", "sync", *common, *acknowledged, expect=1)
