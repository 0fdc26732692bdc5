"""Any message gets a named error code, the worker keeps running, and nothing is requeued forever."""

import json

import pytest

import contract
from processes import poll
from tenants import plan

INVALID = contract.SCHEMAS / "examples" / "invalid"
CASES = contract.load(INVALID / "index.json")
REJECTED = [case for case in CASES if case["event"] == "job.rejected"]
FAILED = [case for case in CASES if case["event"] == "sync.failed"]
UNREADABLE = [case for case in CASES if case["event"] is None]


def name(case):
    return case["file"]


@pytest.fixture(scope="module")
def visitor(new_tenant):
    """Sends a message that intake refuses."""
    return new_tenant()


@pytest.fixture(scope="module")
def connected(new_tenant):
    """Sends a valid job that cannot be done."""
    return new_tenant().connected()


def as_example(case, tenant):
    """The example's own envelope, addressed by this tenant."""
    job = contract.load(INVALID / case["file"])
    handle = tenant.job("sync")
    handle.envelope = {**job, "id": handle.id, "subject": tenant.name}
    return handle


@pytest.mark.parametrize("case", REJECTED, ids=name)
def test_what_breaks_the_contract_is_rejected(visitor, case):
    job = as_example(case, visitor).publish()
    data = visitor.expect(job.ending(), "job.rejected")
    assert data["error"]["code"] == case["code"], data
    assert visitor.database.calls() == []


@pytest.mark.parametrize("case", FAILED, ids=name)
def test_what_a_person_entered_wrongly_is_told_service_by_service(connected, case):
    job = as_example(case, connected).publish()
    data = connected.expect(job.ending(), "sync.failed", case["code"])
    culprits = [result for result in data["services"] if result["outcome"] == "invalid"]
    assert culprits and all(result["status"] == "Error" for result in culprits)
    assert {result["error"]["code"] for result in culprits} == {case["code"]}
    assert connected.database.writes() == []


@pytest.mark.parametrize("case", UNREADABLE, ids=name)
def test_what_nobody_can_be_told_about_is_recorded_and_acknowledged(visitor, worker, case):
    unreadable(visitor, worker, (INVALID / case["file"]).read_bytes(), "sync.msp-4711")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b'{"specversion":"1.0"',
        b"[" * 100000,
        b'{"id":"\\ud800"}',
        b"null",
        b'"text"',
        "ÿ".encode("latin-1"),
        b'{"a":1e999999999}',
    ],
    ids=["empty", "binary", "cut off", "100,000 brackets", "half a surrogate", "null", "a string", "not UTF-8", "a huge number"],
)
def test_bytes_that_are_no_job_do_no_harm(visitor, worker, body):
    unreadable(visitor, worker, body, "sync.msp-4711")


def test_a_body_of_two_mebibytes_is_recorded_and_acknowledged(visitor, worker):
    job = visitor.job("sync", {**plan(1), "ballast": "x" * (2 << 20)})
    unreadable(visitor, worker, json.dumps(job.envelope).encode(), f"sync.{visitor.name}", message_id=job.id)
    assert job.events == []


def unreadable(tenant, worker, body, routing_key, **properties):
    """Publishes a message that is no job; the tenant's next job shows that the worker has handled it."""
    seen = len(tenant.monitor.events)
    tenant.portal.publish_raw(body, routing_key, **properties)
    ending = tenant.billing_codes()
    tenant.expect(ending, "billing-codes.failed", "not_connected")
    assert tenant.monitor.events[seen:] == [ending]
    assert worker.dead_letter(body) == ("job_invalid", len(body))


# Envelope and properties that disagree


@pytest.mark.parametrize(
    "properties",
    [{"message_id": "another"}, {"type": "autotask.job.reset"}, {"content_type": "text/plain"}],
    ids=lambda properties: next(iter(properties)),
)
def test_properties_that_disagree_with_the_envelope_are_refused(visitor, properties):
    job = visitor.job("sync", plan())
    visitor.portal.publish_raw(json.dumps(job.envelope).encode(), f"sync.{visitor.name}", **properties)
    visitor.expect(job.ending(), "job.rejected", "job_invalid")


@pytest.mark.parametrize("routing_key", ["reset.{}", "sync.msp-other", "sync", "sync.{}.more"])
def test_a_wrong_routing_key_is_refused(visitor, routing_key):
    job = visitor.job("sync", plan())
    visitor.portal.publish_raw(json.dumps(job.envelope).encode(), routing_key.format(visitor.name), message_id=job.id)
    data = visitor.expect(job.ending(), "job.rejected", "job_invalid")
    assert data["error"]["field"] == "routing_key"


PROPERTIES = contract.schemas()["common/job-properties.json"]


@pytest.mark.parametrize("name", PROPERTIES["x-recommended"])
def test_a_property_that_is_recommended_may_be_missing(visitor, name):
    job = visitor.job("billing-codes")
    given = {"message_id": job.id, "type": job.envelope["type"], name: None}
    visitor.portal.publish_raw(json.dumps(job.envelope).encode(), f"billing-codes.{visitor.name}", **given)
    visitor.expect(job.ending(), "billing-codes.failed", "not_connected")
    assert name not in PROPERTIES["required"]


def test_a_property_that_is_required_is_refused_when_it_is_missing(visitor, worker):
    assert PROPERTIES["required"] == ["user_id"]
    job = visitor.job("billing-codes")
    body = json.dumps(job.envelope).encode()
    visitor.portal.publish_raw(body, f"billing-codes.{visitor.name}", message_id=job.id, user_id=None)
    poll(lambda: worker.dead_letter(body), 20, "the letter")
    assert worker.dead_letter(body)[0] == "untrusted" and not job.events


@pytest.mark.parametrize(
    ("properties", "field"),
    [({"expiration": "60000"}, "expiration"), ({"headers": {"CC": ["sync.other"]}}, "headers.CC")],
    ids=["expiration", "CC"],
)
def test_a_property_that_is_forbidden_is_refused_and_reported(visitor, worker, properties, field):
    job = visitor.job("billing-codes")
    body = json.dumps(job.envelope).encode()
    begun = len(worker.log)
    visitor.portal.publish_raw(body, f"billing-codes.{visitor.name}", message_id=job.id, **properties)
    data = visitor.expect(job.ending(), "job.rejected", "job_invalid")
    assert data["error"]["field"] == field
    # Other messages may be refused at the same moment: the line is found by its message.
    lines = [line for line in worker.log[begun:].splitlines() if f"message_id={job.id}" in line]
    assert len(lines) == 1 and "A message was refused" in lines[0], lines
    assert "publisher=portal" in lines[0] and f"tenant={visitor.name}" in lines[0]


def test_a_message_that_expires_at_once_is_given_up_or_refused(visitor):
    """No queue keeps it for a moment: the broker gives up on it, or hands it over at once. It never runs."""
    expired, following = visitor.job("billing-codes"), visitor.job("billing-codes")
    key = f"billing-codes.{visitor.name}"
    visitor.portal.publish_raw(json.dumps(expired.envelope).encode(), key, message_id=expired.id, expiration="0")
    visitor.portal.publish_raw(json.dumps(following.envelope).encode(), key, message_id=following.id)
    visitor.expect(following.ending(), "billing-codes.failed", "not_connected")
    assert [event["type"] for event in expired.events] in ([], [contract.EVENT_PREFIX + "job.rejected"])


@pytest.mark.parametrize("value", [1, 2])
def test_any_delivery_mode_will_do(visitor, value):
    job = visitor.job("billing-codes")
    visitor.portal.publish_raw(json.dumps(job.envelope).encode(), f"billing-codes.{visitor.name}", delivery_mode=value)
    visitor.expect(job.ending(), "billing-codes.failed", "not_connected")


def test_every_message_that_is_set_aside_is_found_by_its_message_id(visitor, worker):
    """In the log and among the dead letters, for every reason."""
    begun = len(worker.log)
    cases = {
        "unreadable": (b"no json at all", {}),
        "untrusted": (json.dumps(visitor.job("reset", {"confirm": True}).envelope).encode(), {"user_id": None}),
        "refused": (json.dumps(visitor.job("reset", {"confirm": False}).envelope).encode(), {"message_id": None}),
    }
    ids = {}
    for name, (body, properties) in cases.items():
        envelope = json.loads(body) if body.startswith(b"{") else {}
        ids[name] = envelope.get("id", f"id-of-{name}")
        visitor.portal.publish_raw(body, f"reset.{visitor.name}", **{**properties, "message_id": ids[name]})
    for name, (body, _) in cases.items():
        poll(lambda body=body: worker.dead_letter(body), 20, f"the letter of {name}")
        assert any(f"message_id={ids[name]}" in line and "publisher=" in line for line in worker.log[begun:].splitlines()), name
    found = json.loads(worker.cli("dead-letters", "list", "--ungrouped", "--json"))
    assert set(ids.values()) <= {letter["message"]["messageId"] for letter in found if "message" in letter}
    assert {letter["publisher"] for letter in found if letter.get("message", {}).get("messageId") == ids["refused"]} == {"portal"}


@pytest.mark.parametrize("case", UNREADABLE, ids=name)
def test_what_names_its_tenant_in_its_properties_is_answered(visitor, case):
    """`index.json` says of each by which event."""
    job = visitor.job("sync")
    visitor.portal.publish_raw((INVALID / case["file"]).read_bytes(), f"sync.{visitor.name}", message_id=job.id, type="autotask.job.sync")
    visitor.expect(job.ending(), case["eventByProperties"], case["code"])


def test_an_envelope_without_optional_properties_will_do(visitor):
    job = visitor.job("billing-codes")
    visitor.portal.publish_raw(json.dumps(job.envelope).encode(), f"billing-codes.{visitor.name}", content_type=None, timestamp=None)
    visitor.expect(job.ending(), "billing-codes.failed", "not_connected")


# Untrusted publishers


def test_an_untrusted_message_gets_no_event_and_claims_no_id(visitor):
    """L45: only a trusted publisher resets."""
    job = visitor.job("reset", {"confirm": True})
    visitor.portal.publish_raw(json.dumps(job.envelope).encode(), f"reset.{visitor.name}", message_id=job.id, user_id=None)
    visitor.expect(visitor.billing_codes(), "billing-codes.failed")
    assert job.events == []
    visitor.expect(job.publish().ending(), "integration.reset")


def test_a_publisher_that_is_not_listed_is_untrusted(visitor, worker):
    worker.stop()
    worker.start(TRUSTED_PUBLISHERS="somebody-else")
    try:
        job = visitor.publish("reset", {"confirm": True})
        body = json.dumps(job.envelope, ensure_ascii=False).encode()
        poll(lambda: worker.dead_letter(body), 20, "the untrusted message's dead letter")
    finally:
        worker.stop()
        worker.start()
    assert worker.dead_letter(body)[0] == "untrusted"
    assert job.events == []
    visitor.expect(job.publish().ending(), "integration.reset")


# Sealed credentials


def test_credentials_sealed_for_another_tenant_do_not_open(visitor, new_tenant):
    job = visitor.connect_job()
    stolen = new_tenant().job("connect", job.envelope["data"], job.id)
    stolen.tenant.expect(stolen.publish().ending(), "job.rejected", "decryption_failed")


def test_credentials_sealed_for_another_job_do_not_open(visitor):
    job = visitor.connect_job()
    again = visitor.job("connect", job.envelope["data"])
    visitor.expect(again.publish().ending(), "job.rejected", "decryption_failed")


def test_credentials_sealed_for_another_product_do_not_open(visitor):
    job = visitor.connect_job()
    job.envelope["data"]["product"] = "fileProtection"
    visitor.expect(job.publish().ending(), "job.rejected", "decryption_failed")
