"""Every error code in a real run: its message, who can fix it and what to do. `test_x` is about the code `x`."""

import datetime
import json

import pytest

import contract
import portal as portals
from processes import poll
from tenants import BILLING_CODE, by_key, plan, service

NO_AMOUNT = "not an amount with at most 12 digits and 4 decimal places."


def assert_error(error, code, message=None, hint=None, **members):
    """Checks an error: by the catalogue where nothing else is asked for, and with these further members and no other."""
    expected = {"code": code, **contract.error_codes()[code], **members}
    expected |= {name: text for name, text in (("message", message), ("hint", hint)) if text is not None}
    assert error == expected


def changed(**members):
    """The plan, its second service with other members; `None` leaves one out."""
    data = plan()
    data["services"][1] |= members
    data["services"][1] = {name: value for name, value in data["services"][1].items() if value is not None}
    return data


def deferral(job):
    """The error for which a job was first deferred."""

    def deferred():
        return [event for event in job.events if event["type"] == "autotask.job.deferred"]

    event = job.tenant.monitor.wait(deferred, "deferral")[0]
    assert event["data"]["error"].pop("retryAt") == event["data"]["until"]
    return event["data"]["error"]


@pytest.fixture(scope="module")
def connected(new_tenant):
    """Tenants whose syncs fail, for refusals before any write."""
    tenant = new_tenant().connected()
    yield tenant
    assert tenant.database.writes() == []


@pytest.fixture
def refused(connected):
    """Makes a sync that is refused for the plan's second service, and returns that one's error."""

    def sync(code, **members):
        data = connected.expect(connected.sync(changed(**members)), "sync.failed", code)
        result = by_key(data)["service-2"]
        assert (result["status"], result["outcome"]) == ("Error", "invalid")
        assert data["error"] == result["error"] and result["error"].pop("serviceKey") == "service-2"
        return result["error"]

    return sync


def test_every_code_has_its_test():
    assert [code for code in contract.error_codes() if f"test_{code}" not in globals()] == []


def test_every_error_says_what_is_wrong_and_what_to_do():
    """L8: API users cannot log in to look, so every error has at least this."""
    for code, texts in contract.error_codes().items():
        assert texts["message"].endswith(".") and texts["hint"].endswith("."), code
        assert texts["message"] != texts["hint"], code
        assert texts["fixableBy"] in {"mspAdmin", "autotaskAdmin", "portal", "operator"}, code


# An operator's orders: `test_pause.py` has the rest


def ordered(worker, *words):
    return json.loads(worker.cli(*words, "--json"))["pause"]["id"]


def test_held(tenant, worker):
    tenant.connected()
    pause = ordered(worker, "pause", "set", "--tenant", tenant.name, "--reason", "a test")
    assert_error(tenant.expect(tenant.publish("verify", {}).ending(), "connection.failed")["error"], "held")
    ordered(worker, "pause", "end", str(pause))
    tenant.expect(tenant.publish("verify", {}).ending(), "connection.verified")


def test_given_up(tenant, worker):
    tenant.connected()
    pause = ordered(worker, "pause", "set", "--tenant", tenant.name, "--reason", "a test")
    job = tenant.publish("sync", plan(1))
    poll(lambda: job.events, 20, "the deferral")
    worker.cli("job", "give-up", job.id, "--tenant", tenant.name, "--yes")
    assert_error(tenant.expect(job.ending(20), "job.abandoned")["error"], "given_up")
    ordered(worker, "pause", "end", str(pause))


# Credentials, and the connection to Autotask


def test_credentials_invalid(tenant):
    """L3: the hint names the API-user licence, the integration vendor and the how-to. A23: it says that a new user may take its time, and
    nothing is tried again."""
    job = tenant.connect_job(secret="wrong").publish()
    data = tenant.expect(job.ending(), "connection.failed")
    assert_error(data["error"], "credentials_invalid", remote={"status": 401})
    for words in ("API User", "Datto File Protection & Datto Workplace", "How do I create an API user in Autotask", "5 minutes"):
        assert words in data["error"]["hint"]
    assert [event["type"] for event in job.events] == ["autotask.connection.failed"]
    assert len([call for call in tenant.database.calls() if call["status"] == 401]) == 1


def test_api_user_locked_or_inactive(tenant):
    tenant.connected()
    tenant.database.change(users=[{"username": tenant.username, "isActive": False}])
    data = tenant.expect(tenant.sync(), "sync.failed")
    assert_error(data["error"], "api_user_locked_or_inactive", remote={"status": 401})
    (lost,) = tenant.events("connection.lost")
    assert_error(lost["data"]["error"], "api_user_locked_or_inactive", remote={"status": 401})
    # From then on it is answered from memory.
    assert_error(tenant.expect(tenant.sync(), "sync.failed")["error"], "api_user_locked_or_inactive")


def test_tracking_id_rejected(new_tenant):
    tenant = new_tenant(integrationCodes=["Another-Vendor"], integrationCodeFailure="text500")
    data = tenant.expect(tenant.connect(), "connection.failed")
    assert_error(data["error"], "tracking_id_rejected", remote={"status": 500, "message": "IntegrationCode is invalid."})


def test_zone_not_found(tenant):
    data = tenant.expect(tenant.connect(username="nobody@msp.example"), "connection.failed")
    assert_error(data["error"], "zone_not_found", remote={"status": 500, "message": "Zone information could not be determined"})


def test_database_changed(tenant, new_tenant):
    other = new_tenant()
    tenant.connected()
    data = tenant.expect(tenant.connect(username=other.username, secret=other.secret), "connection.failed")
    assert_error(data["error"], "database_changed")
    assert [call["operation"] for call in other.database.calls()] == ["zoneInformation"]


def test_access_denied(tenant):
    tenant.database.fault("status", status=403, body='{"Message": "Zugriff verweigert."}', contentType="application/json", operation="version")
    data = tenant.expect(tenant.connect(), "connection.failed")
    assert_error(data["error"], "access_denied", remote={"status": 403, "message": "Zugriff verweigert."})


@pytest.mark.parametrize(("security", "verb"), [("readOnly", "create"), ("noAccess", "query")])
def test_permission_denied(new_tenant, security, verb):
    tenant = new_tenant(security=security).connected()
    error = tenant.expect(tenant.sync(), "sync.failed")["error"]
    assert error.pop("serviceKey", "service-1") == "service-1"
    assert f"permissions to {verb} this entity type" in error["remote"].pop("message")
    message = f"The API user may not {verb} services. Use security level API User (system) or add the permission."
    assert_error(error, "permission_denied", message, remote={"status": 500})


def test_not_visible(tenant):
    """A11: a service that the API user can no longer see is gone for it, and its name is taken when it is created again."""
    tenant.connected()
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")
    tenant.database.change(users=[{"username": tenant.username, "security": "restrictedVisibility"}])
    error = tenant.expect(tenant.sync(plan(1)), "sync.failed")["error"]
    assert error["remote"].pop("message").startswith("Violation of UNIQUE KEY constraint")
    assert_error(error, "not_visible", field="name", serviceKey="service-1", remote={"status": 500})
    assert len(tenant.database.services()) == 1


# A service of the plan


def test_service_name_conflict(new_tenant):
    taken = {"id": 100, "name": "SERVICE 2", "unitPrice": 1, "billingCodeID": BILLING_CODE, "periodType": 2, "isActive": False}
    tenant = new_tenant(services=[taken]).connected()
    data = tenant.expect(tenant.sync(), "sync.failed")
    message = 'A service named "SERVICE 2" already exists in Autotask (id 100, inactive). Choose another name or link it.'
    conflict = {"autotaskServiceId": 100, "name": "SERVICE 2", "active": False}
    assert_error(data["error"], "service_name_conflict", message, field="name", serviceKey="service-2", conflict=conflict)
    assert tenant.database.writes() == []


def test_service_name_duplicate_in_plan(connected):
    data = connected.expect(connected.sync(changed(name="service 4 ")), "sync.failed")
    for key, name in (("service-2", "service 4 "), ("service-4", "Service 4")):
        message = f'Two services in the plan have the name "{name}".'
        assert_error(by_key(data)[key]["error"], "service_name_duplicate_in_plan", message, field="name", serviceKey=key)


def test_name_invalid(refused):
    """L20: the tenant's own metadata limit the length of a name."""
    assert_error(refused("name_invalid", name=" "), "name_invalid", "name: enter the name to show on invoices.", field="name")
    message = "name: 151 characters are too many; Autotask allows 150."
    assert_error(refused("name_invalid", name="x" * 151), "name_invalid", message, field="name")


@pytest.mark.parametrize(
    ("price", "rule"),
    [(None, "enter an amount."), *((price, NO_AMOUNT) for price in ("-1", "1e3", "1.23456"))],
)
def test_price_invalid(refused, price, rule):
    """L22: a price is required. A25: a negative one is refused."""
    assert_error(refused("price_invalid", unitPrice=price), "price_invalid", f"unitPrice: {rule}", field="unitPrice")


@pytest.mark.parametrize(("cost", "rule"), [(None, "enter an amount."), ("-0.01", NO_AMOUNT)])
def test_cost_invalid(refused, cost, rule):
    """L22: a cost is required."""
    assert_error(refused("cost_invalid", unitCost=cost), "cost_invalid", f"unitCost: {rule}", field="unitCost")


def test_billing_code_missing(refused):
    """L39: a wrong code is a wrong tax, so none is guessed."""
    message = 'Select an active recurring-service billing code for "Service 2".'
    assert_error(refused("billing_code_missing", billingCodeId=None), "billing_code_missing", message, field="billingCodeId")


def test_billing_code_not_found(refused):
    message = 'The billing code 77 of "Service 2" does not exist in Autotask.'
    assert_error(refused("billing_code_not_found", billingCodeId=77), "billing_code_not_found", message, field="billingCodeId")


def test_billing_code_inactive(refused):
    message = 'The billing code "Retired" of "Service 2" is inactive in Autotask.'
    assert_error(refused("billing_code_inactive", billingCodeId=29683002), "billing_code_inactive", message, field="billingCodeId")


def test_billing_code_wrong_type(refused):
    message = 'The billing code "Labour" of "Service 2" is not a recurring-service code.'
    assert_error(refused("billing_code_wrong_type", billingCodeId=29683003), "billing_code_wrong_type", message, field="billingCodeId")


def test_period_mismatch(tenant):
    """A10: no other service takes the place of one whose period cannot be changed."""
    tenant.connected()
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")
    other = {"planId": "datto-workplace", "services": [service(1, period="Monthly")]}
    data = tenant.expect(tenant.sync(other), "sync.failed")
    message = 'The billing period of "Service 1" differs in Autotask and cannot be changed there.'
    assert_error(data["error"], "period_mismatch", message, field="period", serviceKey="service-1")
    assert len(tenant.database.services()) == 1


def test_period_unsupported(refused, new_tenant):
    assert_error(refused("period_unsupported", period="Weekly"), "period_unsupported", field="period")
    tenant = new_tenant(periodTypes={"Monthly": 2}).connected()
    data = tenant.expect(tenant.sync(plan(1)), "sync.failed")
    assert_error(data["error"], "period_unsupported", field="period", serviceKey="service-1")


def test_adoption_refused(connected):
    error = by_key(connected.expect(connected.sync(plan(adopt={"service-2": 4711})), "sync.failed"))["service-2"]["error"]
    message = "The service 4711 in Autotask cannot be linked: the API user cannot see a service with this id."
    hint = "Look the id up in Autotask, under Admin, Services."
    assert_error(error, "adoption_refused", message, hint, field="adopt", serviceKey="service-2")


def test_acknowledgement_needed(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    data = tenant.expect(tenant.sync(changed(unitPrice="22.00") | {"acknowledgeRequired": ["price_changed"]}), "sync.failed")
    hint = 'Check the warnings. To accept them, synchronize again with "price_changed:service-2" under acknowledge.'
    assert_error(data["error"], "acknowledgement_needed", hint=hint, field="data.acknowledge")
    message = "To be acknowledged first: The unit price moves from 2.2345 to 22.00, by more than 50 %."
    assert_error(by_key(data)["service-2"]["error"], "acknowledgement_needed", message, hint, serviceKey="service-2")


def test_remote_rejected(tenant):
    tenant.connected()
    tenant.database.fault("businessError", message="A name is required.", operation="create")
    data = tenant.expect(tenant.sync(plan(1)), "sync.failed")
    remote = {"status": 500, "message": "A name is required."}
    message = "Autotask rejected the change: A name is required."
    assert_error(data["error"], "remote_rejected", message, serviceKey="service-1", remote=remote)


# What passes


@pytest.fixture
def put_off(tenant):
    """Makes a sync that meets a fault, is deferred, and then succeeds; returns the error for which it was deferred."""

    def sync(kind, operation="query", times=1, **members):
        tenant.connected()
        fault = tenant.database.fault(kind, times=times, entity="Services", operation=operation, **members)
        job = tenant.publish("sync", plan(1))
        error = deferral(job)
        fault.clear()
        tenant.expect(job.ending(45), "sync.succeeded")
        return error

    return sync


def test_rate_limited(tenant):
    tenant.connected()
    tenant.database.fault("throttled", retryAfterSeconds=1, times=1, entity="Services", operation="query")
    job = tenant.publish("sync", plan(1))
    error = deferral(job)
    until = next(event for event in job.events if event["type"] == "autotask.job.deferred")["data"]["until"]
    message = f"Autotask is limiting requests for your database. We will continue at {until}."
    remote = {"status": 429, "message": "API thread threshold of 3 threads has been exceeded"}
    assert_error(error, "rate_limited", message, remote=remote)
    tenant.expect(job.ending(45), "sync.succeeded")


def test_autotask_unavailable(put_off):
    assert_error(put_off("unavailable"), "autotask_unavailable", "Autotask did not answer as expected. We will retry.", remote={"status": 503})


def test_timeout(put_off):
    """As something in front of Autotask says it; what says nothing at all is `AutotaskTests.SimulatorTests`' matter."""
    assert_error(put_off("status", status=408), "timeout", "Autotask did not answer in time. We will retry.", remote={"status": 408})


def test_network(put_off):
    # libcurl repeats a read at once on each connection that was used before.
    assert_error(put_off("closeBeforeReading", times=None), "network", "Autotask could not be reached. We will retry.")


def test_outcome_unknown(put_off, tenant):
    assert_error(put_off("lostResponse", operation="create"), "outcome_unknown")
    assert len(tenant.database.services()) == 1


def test_what_ends_a_job_promises_no_retry(other_worker, new_tenant):
    other_worker.start(RETRY_ATTEMPTS="1")
    tenant = new_tenant().connected()
    faults = {"throttled": "rate_limited", "unavailable": "autotask_unavailable"}
    for kind, code in faults.items():
        fault = tenant.database.fault(kind, entity="Services", operation="query")
        data = tenant.expect(tenant.sync(plan(1)), "sync.failed", code)
        fault.clear()
        assert "We will" not in data["message"] + data["error"]["message"]
        assert "retryAt" not in data["error"]


# State


def test_superseded(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(plan(1, revision=2)), "sync.succeeded")
    message = "Revision 1 is lower than 2, which ran."
    hint = (
        "Nothing needs to be done for an older plan. If this is the current one, send it again as a new job with a revision of at least 2."
    )
    assert_error(tenant.expect(tenant.sync(plan(1, revision=1)), "job.superseded")["error"], "superseded", message, hint)


def test_lane_full(worker, tenant):
    """Beyond the limit a job is refused; what replaces one that waits, a reset and a connect are not."""
    tenant.connected()
    worker.stop()
    worker.start(LANE_BACKLOG_LIMIT="3")
    try:
        slow = tenant.database.fault("latency", milliseconds=1000)
        running = tenant.publish("sync", plan(1))
        tenant.database.await_calls(1, operation="query", entity="Services")
        waiting = [tenant.publish("sync", {**plan(1), "planId": f"plan-{number}"}) for number in range(2)]
        full = tenant.publish("sync", {**plan(1), "planId": "plan-2"})
        assert_error(tenant.expect(full.ending(), "job.rejected")["error"], "lane_full")
        again = tenant.publish("sync", {**plan(1), "planId": "plan-1"})
        assert tenant.expect(waiting[1].ending(), "job.superseded")["supersededBy"] == again.id
        connect = tenant.connect_job().publish()
        slow.clear()
        tenant.expect(running.ending(60), "sync.succeeded")
        for job in (waiting[0], again):
            assert job.ending(60)["type"].startswith("autotask.sync.")
        tenant.expect(connect.ending(60), "connection.established")
        # There is room again, and the id of what was refused stays taken.
        assert full.publish().ending(count=2)["type"] == "autotask.job.rejected"
        tenant.expect(tenant.sync(), "sync.succeeded")
    finally:
        worker.stop()
        worker.start()


def test_plan_stale(connected):
    preview = connected.expect(connected.publish("preview", plan()).ending(), "sync.previewed")
    data = connected.expect(connected.sync({**plan(5), "previewId": preview["previewId"]}), "sync.failed")
    message = "Nothing was changed. The plan is not the one that was previewed, or it was previewed before a reset."
    assert_error(data["error"], "plan_stale", message, field="data.previewId")


def test_not_connected(tenant):
    """L6: services are transferred to a connected account. L15, L26: until then every service of the plan is Not synced."""
    data = tenant.expect(tenant.sync(), "sync.failed")
    assert_error(data["error"], "not_connected")
    assert {(result["status"], result["outcome"]) for result in data["services"]} == {("Not synced", "notAttempted")}
    assert_error(tenant.expect(tenant.billing_codes(), "billing-codes.failed")["error"], "not_connected")
    assert tenant.database.calls() == []


def test_integration_not_available(tenant):
    data = tenant.expect(tenant.connect(firstConfiguredAt="2023-06-01T00:00:00Z"), "connection.failed")
    assert_error(data["error"], "integration_not_available")


def test_plan_incomplete(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    data = tenant.expect(tenant.sync(plan(2)), "job.rejected")
    message = "The plan lacks services that were synchronized before: service-3, service-4."
    assert_error(data["error"], "plan_incomplete", message, field="data.services")


def test_expired(tenant):
    past = portals.rfc3339(portals.now() - datetime.timedelta(seconds=1))
    hint = (
        f"Its expirytime, {past}, had passed when the worker received it. "
        "Send it again under a new id, with an expirytime later than its time, or without one."
    )
    assert_error(tenant.expect(tenant.sync(expirytime=past), "job.expired")["error"], "expired", hint=hint, field="expirytime")


# The request itself


def test_job_invalid(tenant):
    data = tenant.expect(tenant.sync({"planId": "datto-workplace"}), "job.rejected")
    message, hint = "data.services is missing: expected an array.", "Send data.services as an array, under a new id."
    assert_error(data["error"], "job_invalid", message, hint, field="data.services")


def test_duplicate_id(tenant):
    job = tenant.publish("billing-codes")
    job.ending()
    tenant.publish("billing-codes", {"refresh": True}, job_id=job.id)
    (conflict,) = tenant.monitor.wait(lambda: tenant.events("job.conflict"), "conflict")
    assert_error(conflict["data"]["error"], "duplicate_id")


def test_not_supported(tenant):
    data = tenant.expect(tenant.publish("ticket.create", {}).ending(), "job.rejected")
    assert all(f"autotask.job.{kind}" in data["error"]["hint"] for kind in ("connect", "sync", "reset"))
    assert_error(data["error"], "not_supported", 'There is no job of type "autotask.job.ticket.create".', data["error"]["hint"], field="type")


def test_decryption_failed(tenant):
    job = tenant.connect_job()
    again = tenant.job("connect", job.envelope["data"])
    assert_error(tenant.expect(again.publish().ending(), "job.rejected")["error"], "decryption_failed", field="data.credentials")


def test_key_unknown(tenant):
    job = tenant.connect_job()
    job.envelope["data"]["credentials"]["keyId"] = "retired-long-ago"
    assert_error(tenant.expect(job.publish().ending(), "job.rejected")["error"], "key_unknown", field="data.credentials")


def test_reset_not_confirmed(tenant):
    """L45: a reset has to be confirmed."""
    tenant.connected()
    data = tenant.expect(tenant.publish("reset", {"confirm": False}).ending(), "job.rejected")
    assert_error(data["error"], "reset_not_confirmed", field="data.confirm")
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")


# The worker


def test_poison(tenant, worker):
    tenant.connected()
    hang = tenant.database.fault("hang", entity="Services", operation="query")
    job = tenant.publish("sync", plan(1))
    for attempt in range(1, 6):
        tenant.database.await_calls(attempt, entity="Services", operation="query")
        worker.kill()
        worker.start(await_jobs=False)
    data = tenant.expect(job.ending(), "job.abandoned")
    assert_error(data["error"], "poison")
    hang.clear()
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")


def test_internal(tenant):
    """What an operator has set does not let the zone be called that the tenant has."""
    url, web_url = "http://192.0.2.1/ATServicesRest/", "https://ww1.autotask.net/"
    zone = {"zoneName": "AE02", "url": url, "webUrl": web_url, "ci": tenant.database.number}
    tenant.database.fault("status", status=200, contentType="application/json", body=json.dumps(zone), operation="zoneInformation")
    job = tenant.connect_job().publish()
    error = tenant.expect(job.ending(), "connection.failed")["error"]
    hint = "The worker may not call this Autotask zone. Check AUTOTASK_URL, and AUTOTASK_ALLOWED_HOSTS for a zone outside autotask.net."
    assert_error(error, "internal", f"Something went wrong on our side. Reference {job.id}.", hint)
