"""Honest portals send messages as SDKs of CloudEvents write them, mistakes, and texts that would control a terminal."""

import base64
import json
import unicodedata

import pytest

import contract
import portal as portals
from tenants import by_key, plan

FIXTURES = contract.ROOT / "Tests" / "ContractTests" / "CloudEvents"
SDK = contract.load(FIXTURES / "index.json")
#: Escape, C1, a direction override, a zero-width space, a line separator, a backspace.
HOSTILE = "a\x1b[31mb\x9bc\u202ed\u200be\u2028f\x08g"
HIDDEN = "\x1b\x9b\u202e\u200b\u2028\x08"


def publish(tenant, body, kind="reset", **properties):
    if not isinstance(body, bytes):
        body = json.dumps(body, ensure_ascii=False).encode()
    tenant.portal.publish_raw(body, f"{kind}.{tenant.name}", **properties)


def ending(tenant, job_id, count=1):
    return tenant.monitor.ending(tenant.name, job_id, 30, count)


def envelope(tenant, kind, **members):
    """Without data, and what is None is null."""
    job = tenant.job(kind).envelope
    return {**job, **members}


# Attributes, data, media types


@pytest.mark.parametrize("case", SDK, ids=lambda case: case["file"])
def test_what_an_sdk_writes_is_read_or_refused_by_name(new_tenant, case):
    tenant = new_tenant()
    fixture = contract.load(FIXTURES / case["file"])
    body = fixture["body"].replace("msp-1", tenant.name)
    headers = {name: value.replace("msp-1", tenant.name) for name, value in fixture["headers"].items()} or None
    publish(tenant, body.encode(), content_type=fixture["contentType"], headers=headers)
    event = ending(tenant, "sdk-1")
    if case["refused"]:
        error = tenant.expect(event, "job.rejected", case["refused"])["error"]
        assert "binary-mode" not in case["file"] or "structured mode" in error["hint"]
    else:
        tenant.expect(event, "integration.reset")
    if "binary-mode" not in case["file"] or "product" in body:
        assert event["product"] == ("workplace" if case["file"] == "python.string.json" else "fileProtection") or case["refused"]


def test_null_is_absent_in_every_attribute_and_member(new_tenant):
    tenant = new_tenant().connected()
    nulls = {"time": None, "expirytime": None, "datacontenttype": None, "dataschema": None, "traceparent": None, "data_base64": None}
    data = {**plan(1), "product": None, "revision": None, "retired": None, "acknowledge": None, "adopt": {"service-1": None}, "previewId": None}
    job = envelope(tenant, "sync", **nulls, data=data)
    publish(tenant, job, "sync")
    tenant.expect(ending(tenant, job["id"]), "sync.succeeded")
    job = envelope(tenant, "verify", **nulls, data=None)
    publish(tenant, job, "verify")
    tenant.expect(ending(tenant, job["id"]), "connection.verified")


def test_data_in_base64_is_the_same_payload_as_data(new_tenant):
    tenant = new_tenant()
    data = {"confirm": True, "product": "fileProtection"}
    job = envelope(tenant, "reset", data_base64=base64.b64encode(json.dumps(data).encode()).decode())
    publish(tenant, job)
    first = ending(tenant, job["id"])
    assert tenant.expect(first, "integration.reset") and first["product"] == "fileProtection"
    del job["data_base64"]
    publish(tenant, {**job, "data": {**data, "reason": None}})
    assert ending(tenant, job["id"], 2)["id"] == first["id"]
    publish(tenant, {**job, "data": {**data, "product": "workplace"}})
    assert tenant.monitor.wait(lambda: [event for event in tenant.events("job.conflict") if event["jobid"] == job["id"]], "job.conflict")


@pytest.mark.parametrize("content_type", ["application/cloudevents+json; charset=UTF-8", "Application/CloudEvents+JSON ; charset=\"utf-8\""])
def test_a_byte_order_mark_and_a_media_type_in_other_words_are_no_matter(new_tenant, content_type):
    tenant = new_tenant()
    job = envelope(tenant, "reset", data={"confirm": True}, datacontenttype="Application/JSON;charset=utf-8")
    publish(tenant, b"\xef\xbb\xbf" + json.dumps(job).encode(), content_type=content_type)
    tenant.expect(ending(tenant, job["id"]), "integration.reset")


def test_a_number_with_a_zero_fraction_is_an_integer(new_tenant):
    tenant = new_tenant().connected()
    job = envelope(tenant, "sync", data="DATA")
    data = json.dumps(plan(1, revision=7)).replace("29683001", "29683001.0").replace('"revision": 7', '"revision": 7e0')
    publish(tenant, json.dumps(job).replace('"DATA"', data).encode(), "sync")
    assert tenant.expect(ending(tenant, job["id"]), "sync.succeeded")["revision"] == 7


def test_a_plans_id_is_one_plan_in_every_spelling(new_tenant):
    tenant = new_tenant().connected()
    composed = "Büro-Å-각"
    assert tenant.expect(tenant.sync(plan(1, planId=composed)), "sync.succeeded")["planId"] == composed
    again = tenant.expect(tenant.sync(plan(1, planId=unicodedata.normalize("NFD", composed))), "sync.succeeded")
    assert again["planId"] == composed and again["services"][0]["outcome"] == "unchanged"
    assert len(tenant.database.services()) == 1


def test_half_a_surrogate_pair_is_the_matter_of_its_service(new_tenant):
    tenant = new_tenant().connected()
    job = envelope(tenant, "sync", data=plan(2))
    publish(tenant, json.dumps(job).replace("Service 2", "Service \\ud83d").encode(), "sync")
    data = tenant.expect(ending(tenant, job["id"]), "sync.failed", "name_invalid")
    assert [result["outcome"] for result in data["services"]] == ["notAttempted", "invalid"]


# Mistakes of the portal


@pytest.mark.parametrize(
    ("member", "value", "due"),
    [("unitPrice", 9.9, "a string"), ("unitCost", 4, "a string"), ("billingCodeId", "29683001", "an integer"), ("name", 7, "a string"), ("period", 1, "a string")],
)
def test_a_mistake_of_type_is_the_portals(new_tenant, member, value, due):
    tenant = new_tenant()
    data = plan(2)
    data["services"][1][member] = value
    error = tenant.expect(tenant.sync(data), "job.rejected", "job_invalid")["error"]
    assert error["fixableBy"] == "portal" and error["field"] == f"data.services[1].{member}" and error["serviceKey"] == "service-2"
    assert error["field"] in error["message"] and (due in error["hint"] or member == "period") and error["field"] in error["hint"]


@pytest.mark.parametrize(
    ("credentials", "member", "came"),
    [
        ({"username": 5, "secret": "s"}, "username", "a number"),
        ({"username": "u", "secret": ""}, "secret", "an empty string"),
        ({"username": "u", "secret": "hunter2\r\n"}, "secret", "a string with a line break (CR or LF) or a NUL"),
        ({"username": "u", "secret": "s", "integrationCode": "x" * 1025}, "integrationCode", "a string of more than 1024 bytes"),
    ],
    ids=["a number", "empty", "line break", "too long"],
)
def test_sealed_credentials_that_cannot_be_used_are_named_by_member_and_rule(new_tenant, credentials, member, came):
    tenant = new_tenant()
    job = tenant.connect_job()
    job.envelope["data"]["credentials"] = portals.seal(tenant.key, job.id, tenant.name, "workplace", credentials)
    error = tenant.expect(job.publish().ending(), "job.rejected", "job_invalid")["error"]
    assert error["field"] == f"data.credentials.{member}" and error["message"].startswith(f"{error['field']}: {came} came, ")
    assert error["hint"].startswith(f"Send {error['field']} as a string of 1 to 1024 bytes") and "hunter2" not in json.dumps(error)


@pytest.mark.parametrize(
    ("kind", "key", "properties"),
    [
        ("reset", "sync.{}", {}),
        ("reset", "reset.{}", {"type": "autotask.job.sync"}),
        ("reset", "reset.{}", {"message_id": "another"}),
        ("reset", "reset.{}", {"expiration": "60000"}),
        ("reset", "reset.{}", {"content_type": "text/plain"}),
        ("Reset", "reset.{}", {}),
    ],
    ids=["routing key", "type", "message_id", "expiration", "content_type", "unknown type"],
)
def test_the_corrected_message_is_asked_for_under_a_new_id_and_runs_there(new_tenant, kind, key, properties):
    tenant = new_tenant()
    job = envelope(tenant, kind, data={"confirm": True})
    tenant.portal.publish_raw(json.dumps(job).encode(), key.format(tenant.name), **properties)
    refusal = ending(tenant, job["id"])
    assert "under a new id" in tenant.expect(refusal, "job.rejected")["error"]["hint"]
    corrected = {**job, "type": "autotask.job.reset"}
    publish(tenant, corrected)
    if kind == "reset":
        assert ending(tenant, job["id"], 2)["id"] == refusal["id"]
    corrected["id"] = portals.new_id()
    publish(tenant, corrected)
    tenant.expect(ending(tenant, corrected["id"]), "integration.reset")


def test_a_first_configuration_that_was_never_set_does_not_pass_the_access_gate(new_tenant):
    tenant = new_tenant()
    error = tenant.expect(tenant.connect(firstConfiguredAt="0001-01-01T00:00:00Z"), "job.rejected", "job_invalid")["error"]
    assert error["fixableBy"] == "portal" and error["field"] == "data.firstConfiguredAt"
    assert "0001-01-01T00:00:00.000Z" in error["message"] and "never set" in error["message"]


def test_an_expiry_that_was_never_set_is_named(new_tenant):
    tenant = new_tenant()
    error = tenant.expect(tenant.publish("reset", {"confirm": True}, expirytime="0001-01-01T00:00:00Z").ending(), "job.expired", "expired")["error"]
    assert error["fixableBy"] == "portal" and error["field"] == "expirytime"
    assert "0001-01-01T00:00:00.000Z" in error["hint"] and "never set" in error["hint"] and "later than its time" in error["hint"]


def test_credentials_that_do_not_open_come_before_the_access_gate(new_tenant):
    tenant = new_tenant()
    job = tenant.connect_job()
    other = tenant.job("connect", {"credentials": job.envelope["data"]["credentials"]})
    tenant.expect(other.publish().ending(), "job.rejected", "decryption_failed")
    del job.envelope["data"]["firstConfiguredAt"]
    error = tenant.expect(job.publish().ending(), "connection.failed", "integration_not_available")["error"]
    assert error["field"] == "data.firstConfiguredAt" and error["hint"].startswith("Send data.firstConfiguredAt")


def test_a_recovery_carries_no_error(new_tenant):
    tenant = new_tenant().connected()
    tenant.database.change(users=[{"username": tenant.username, "secret": "changed-in-autotask"}])
    tenant.expect(tenant.sync(), "sync.failed", "api_user_locked_or_inactive")
    tenant.expect(tenant.connect(secret="changed-in-autotask"), "connection.established")
    (recovered,) = tenant.events("connection.recovered")
    assert "error" not in recovered["data"] and recovered["data"]["lostBecause"]["code"] == "api_user_locked_or_inactive"


# Terminals


def shown(text):
    assert not set(text) & set(HIDDEN), repr(text)
    return text


def test_what_portals_and_autotask_wrote_does_not_command_a_terminal(worker, new_tenant):
    tenant = new_tenant().connected()
    tenant.database.fault("businessError", message=f"{HOSTILE} is required", operation="create")
    data = plan(1, planId="plan\u202e\u200b")
    data["services"][0]["name"] = HOSTILE
    job = tenant.publish("sync", data)
    tenant.expect(job.ending(), "sync.failed", "remote_rejected")
    wrong = tenant.job("reset", {"confirm": True}, source=HOSTILE)
    wrong.envelope["specversion"] = HOSTILE
    tenant.expect(wrong.publish().ending(), "job.rejected")
    for command in (
        ("sync", "show", job.id),
        ("sync", "show", job.id, "--json"),
        ("tenant", "show", tenant.name),
        ("tenant", "show", tenant.name, "--json"),
        ("dead-letters", "list"),
        ("audit", "list"),
        ("audit", "list", "--json"),
    ):
        shown(worker.cli(*command))
    text = shown(worker.cli("sync", "show", job.id))
    assert "a␛[31mb<U+009B>c<U+202E>d<U+200B>e<U+2028>f␈g" in text
    # In colours, the styles of the program itself are the only ones.
    coloured = worker.cli("sync", "show", job.id, CLICOLOR_FORCE="1")
    assert "\x1b[" in coloured and "\x1b[31mb" not in coloured and "a␛[31mb" in coloured
    # JSON says the same in escapes.
    record = json.loads(worker.cli("sync", "show", job.id, "--json"))
    assert record["asked"]["services"][0]["name"] == HOSTILE
