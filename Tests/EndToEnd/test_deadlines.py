"""A job for which a person waits ends in time, with any behaviour of Autotask. A cause that needs a person ends it at once."""

import datetime
import json

import pytest

from tenants import plan

# The setting, in seconds, and how much longer the end may be under way on a machine that is busy. Without the limit it takes minutes.
LIMIT, SLACK = 3, 5


@pytest.fixture
def impatient(other_worker):
    other_worker.start(INTERACTIVE_SECONDS=str(LIMIT), RETRY_ATTEMPTS="1000")
    return other_worker


def publish(tenant, kind):
    if kind == "connect":
        return tenant.connect_job().publish()
    return tenant.publish(kind, plan() if kind == "preview" else {"refresh": True} if kind == "billing-codes" else {})


def error_of(event):
    if event["type"] == "autotask.connection.diagnosed":
        assert event["data"]["healthy"] is False
        return [step["error"] for step in event["data"]["steps"] if "error" in step][0]
    return event["data"]["error"]


def seconds(job, event):
    return (datetime.datetime.fromisoformat(event["time"]) - datetime.datetime.fromisoformat(job.envelope["time"])).total_seconds()


ENDINGS = {
    "connect": "connection.failed",
    "preview": "sync.failed",
    "billing-codes": "billing-codes.failed",
    "verify": "connection.failed",
    "diagnose": "connection.diagnosed",
}


@pytest.mark.parametrize("fault", ["hang", "unavailable", "closeBeforeReading"])
@pytest.mark.parametrize("kind", ENDINGS)
def test_it_ends_in_time_although_autotask_does_not_answer(impatient, new_tenant, kind, fault):
    tenant = new_tenant().connected()
    tenant.database.fault(fault)
    job = publish(tenant, kind)
    event = job.ending(45)
    tenant.expect(event, ENDINGS[kind])
    assert error_of(event)["retryable"] is True
    assert seconds(job, event) < LIMIT + SLACK


def test_a_long_retry_after_is_not_waited_for(impatient, new_tenant):
    tenant = new_tenant().connected()
    tenant.database.fault("throttled", retryAfterSeconds=600)
    job = publish(tenant, "preview")
    event = job.ending(30)
    tenant.expect(event, "sync.failed", "rate_limited")
    assert event["data"]["error"]["retryable"] is True and seconds(job, event) < LIMIT + SLACK


def test_the_time_goes_on_while_the_worker_is_dead(impatient, new_tenant):
    tenant = new_tenant().connected()
    tenant.database.fault("hang")
    last = tenant.database.last_call()
    job = publish(tenant, "preview")
    tenant.database.await_calls(1, entity="Services", after=last)
    impatient.kill()
    impatient.start(INTERACTIVE_SECONDS=str(LIMIT), RETRY_ATTEMPTS="1000")
    event = job.ending(45)
    tenant.expect(event, "sync.failed")
    assert event["data"]["error"]["retryable"] is True
    # A dead worker's lanes are free at once, or when its lease is over.
    assert seconds(job, event) < 15 + LIMIT + SLACK


def test_a_sync_has_no_such_limit(impatient, new_tenant):
    tenant = new_tenant().connected()
    fault = tenant.database.fault("unavailable", entity="Services")
    job = tenant.publish("sync", plan())
    tenant.database.await_calls(5, entity="Services")
    preview = publish(new_tenant(), "preview")
    preview.ending()
    assert job.endings == []
    fault.clear()
    tenant.expect(job.ending(90), "sync.succeeded")


@pytest.mark.parametrize("host", ["https://zone.example/", "http://webservices2.autotask.net/", "https://autotask.net.example/", "http://10.0.0.1/", "ftp://webservices5.autotask.net/"])
def test_a_zone_that_may_not_be_called_ends_a_connect_at_once(worker, new_tenant, host):
    tenant = new_tenant()
    answer = {"zoneName": "AE09", "url": f"{host}atservicesrest/", "webUrl": host, "ci": tenant.database.number}
    tenant.database.fault("status", status=200, body=json.dumps(answer), contentType="application/json", entity="zoneInformation")
    job = publish(tenant, "connect")
    error = tenant.expect(job.ending(20), "connection.failed")["error"]
    assert error["retryable"] is False and error["fixableBy"] == "operator"
    assert [event["type"] for event in job.events] == ["autotask.connection.failed"]


REDIRECTS = ["/maintenance", "https://webservices9.autotask.net/", "https://login.example/", "//login.example/", "http://169.254.169.254/latest", ""]


@pytest.mark.parametrize("location", REDIRECTS)
@pytest.mark.parametrize("entity", ["zoneInformation", "Version"])
def test_a_redirect_is_tried_again_in_time(impatient, new_tenant, entity, location):
    """A captive portal or a page of maintenance: it may pass."""
    tenant = new_tenant()
    tenant.database.fault("status", status=302, headers={"Location": location}, entity=entity)
    job = publish(tenant, "connect")
    event = job.ending(30)
    error = tenant.expect(event, "connection.failed", "autotask_unavailable")["error"]
    assert error["retryable"] is True and seconds(job, event) < LIMIT + SLACK


@pytest.mark.parametrize("location", ["/maintenance", "https://login.example/"])
def test_a_redirect_puts_a_sync_off(worker, new_tenant, location):
    tenant = new_tenant().connected()
    tenant.database.fault("status", status=302, headers={"Location": location}, entity="Services", operation="query", times=2)
    job = tenant.publish("sync", plan())
    tenant.expect(job.ending(45), "sync.succeeded")
    assert [event["data"]["error"]["code"] for event in job.events if event["type"] == "autotask.job.deferred"][:1] == ["autotask_unavailable"]
