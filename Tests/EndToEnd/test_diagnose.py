"""Tests a tenant's connection to Autotask step by step: each step fails at least once, and says what to do."""

import json
import socket
import time

import pytest

import contract
import hostile
from tenants import plan

STEPS = [
    "connection", "nameResolution", "tls", "zone", "credentials", "queryServices", "createServices", "updateServices",
    "queryBillingCodes", "costVisibility", "quota", "clock",
]  # fmt: skip


def diagnose(tenant):
    """The steps of a diagnosis by their names, and whether no step failed."""
    data = tenant.expect(tenant.publish("diagnose").ending(), "connection.diagnosed")
    assert [step["step"] for step in data["steps"]] == STEPS
    assert data["healthy"] == all(step["result"] != "failed" for step in data["steps"])
    assert all(step["hint"] for step in data["steps"] if step["result"] in ("failed", "warning"))
    return {step["step"]: step for step in data["steps"]}, data["healthy"]


def failed(steps):
    return {name for name, step in steps.items() if step["result"] == "failed"}


def look_up_answers(tenant, url):
    zone = {"zoneName": "AE02", "url": url, "webUrl": "https://ww1.autotask.net/", "ci": tenant.database.number}
    tenant.database.fault("status", status=200, contentType="application/json", body=json.dumps(zone), operation="zoneInformation")


@pytest.fixture
def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


# All is well


def test_a_tenant_whose_way_is_free(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    before = tenant.database.last_call()
    steps, healthy = diagnose(tenant)
    assert healthy
    assert {step["result"] for step in steps.values()} == {"passed"}
    assert len(tenant.database.calls(before)) == 5
    assert tenant.database.writes(before) == []


# The way


def test_without_a_connection_nothing_is_called(tenant):
    steps, healthy = diagnose(tenant)
    assert not healthy and failed(steps) == {"connection"}
    assert steps["connection"]["error"]["code"] == "not_connected"
    assert tenant.database.all_calls() == []


def test_a_zone_whose_host_has_no_address(tenant):
    tenant.connected()
    look_up_answers(tenant, "https://no-such-zone.autotask.net/ATServicesRest/")
    steps, _ = diagnose(tenant)
    assert failed(steps) == {"nameResolution"}
    assert "no-such-zone.autotask.net" in steps["nameResolution"]["message"]
    assert steps["credentials"]["result"] == "skipped"


def test_a_host_that_speaks_no_tls(other_worker, new_tenant, simulator):
    """The simulator speaks plain HTTP: asked over TLS, it is a host whose certificate is not accepted."""
    other_worker.start()
    tenant = new_tenant().connected()
    look_up_answers(tenant, f"https://{simulator.host}/zone/AE02/ATServicesRest/")
    steps, _ = diagnose(tenant)
    assert failed(steps) == {"tls"}
    assert simulator.host in steps["tls"]["message"] and "certificate" in steps["tls"]["hint"]


def test_a_host_that_cannot_be_connected_to(other_worker, new_tenant, closed_port):
    other_worker.start(AUTOTASK_ALLOWED_HOSTS=f"{other_worker.settings['AUTOTASK_ALLOWED_HOSTS']},127.0.0.1:{closed_port}")
    tenant = new_tenant().connected()
    look_up_answers(tenant, f"http://127.0.0.1:{closed_port}/ATServicesRest/")
    steps, _ = diagnose(tenant)
    assert failed(steps) == {"tls"}
    assert "firewall" in steps["tls"]["hint"]


def test_a_user_that_no_zone_knows(tenant):
    tenant.connected()
    tenant.database.fault("businessError", message="Zone information could not be determined", operation="zoneInformation")
    steps, _ = diagnose(tenant)
    assert failed(steps) == {"zone"}
    assert steps["zone"]["error"]["code"] == "zone_not_found"


def test_a_database_that_became_another_is_told_and_not_called(tenant):
    tenant.connected()
    zone = {"zoneName": "AE02", "url": tenant.database.simulator.lookup_url, "webUrl": "https://ww1.autotask.net/", "ci": 1}
    tenant.database.fault("status", status=200, contentType="application/json", body=json.dumps(zone), operation="zoneInformation")
    before = tenant.database.last_call()
    steps, _ = diagnose(tenant)
    assert failed(steps) == {"zone"}
    assert steps["zone"]["error"]["code"] == "database_changed"
    assert [call["entity"] for call in tenant.database.all_calls(before)] == ["ZoneInformation"]
    assert len(tenant.events("connection.lost")) == 1


# The API user


def test_a_locked_user_loses_the_connection_and_is_not_tried_again(tenant):
    tenant.connected()
    tenant.database.change(users=[{"username": tenant.username, "isLocked": True}])
    before = tenant.database.last_call()
    steps, _ = diagnose(tenant)
    assert failed(steps) == {"credentials"}
    assert steps["credentials"]["error"]["code"] == "api_user_locked_or_inactive"
    assert [call["status"] for call in tenant.database.all_calls(before)] == [200, 401]
    (lost,) = tenant.events("connection.lost")
    assert lost["sequence"] < tenant.events("connection.diagnosed")[-1]["sequence"]

    before = tenant.database.last_call()
    steps, _ = diagnose(tenant)
    assert failed(steps) == {"connection"}
    assert steps["zone"]["result"] == "passed" and "lock" in steps["credentials"]["message"]
    assert [call["entity"] for call in tenant.database.all_calls(before)] == ["ZoneInformation"]


def test_what_the_user_may_not_do(new_tenant):
    reader = new_tenant(security="readOnly").connected()
    assert failed(diagnose(reader)[0]) == {"createServices", "updateServices"}
    nobody = new_tenant(security="noAccess").connected()
    steps, healthy = diagnose(nobody)
    assert failed(steps) == {"queryServices", "createServices", "updateServices", "queryBillingCodes"}
    assert {steps[name]["error"]["code"] for name in failed(steps)} == {"permission_denied"}
    assert not healthy


def test_costs_that_the_user_does_not_see_any_more(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    assert diagnose(tenant)[0]["costVisibility"]["result"] == "passed"
    tenant.database.change(users=[{"username": tenant.username, "security": "cannotReadCosts"}])
    steps, healthy = diagnose(tenant)
    assert steps["costVisibility"]["result"] == "warning" and healthy


def test_services_that_the_user_does_not_see_any_more(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.database.change(users=[{"username": tenant.username, "security": "restrictedVisibility"}])
    steps, _ = diagnose(tenant)
    assert steps["queryServices"]["result"] == "warning" and "4 of 4" in steps["queryServices"]["message"]


# Quota and clock


def test_a_quota_that_is_nearly_used(tenant, simulator):
    simulator.request("PATCH", "settings", {"quotaLatencyScale": 0})
    tenant.connected()
    tenant.database.change(quotaUsed=9100)
    steps, _ = diagnose(tenant)
    assert failed(steps) == {"quota"}
    assert steps["quota"]["error"]["code"] == "rate_limited" and "of 10,000 requests" in steps["quota"]["message"]


@pytest.mark.parametrize(("seconds", "result"), [(-300, "warning"), (300, "warning"), (-20, "passed")])
def test_a_clock_that_is_wrong(other_worker, new_tenant, simulator, seconds, result):
    tenant = new_tenant()
    zone = hostile.HostileZone(simulator, hostile.answer("{}"), clock=lambda: time.time() + seconds)
    other_worker.start(AUTOTASK_ALLOWED_HOSTS=f"{simulator.host},{zone.host}")
    look_up_answers(tenant, f"http://{zone.host}/zone/AE02/ATServicesRest/")
    steps, healthy = diagnose(tenant.connected())
    zone.close()
    assert steps["clock"]["result"] == result and healthy
    if result == "warning":
        assert ("ahead of" if seconds < 0 else "behind") in steps["clock"]["message"]


# The command line


def test_doctor_tells_a_tenant_s_steps(worker, tenant):
    tenant.connected()
    text = worker.cli("doctor", "--tenant", tenant.name)
    for step in STEPS:
        assert any(line.split()[1:2] == [step] for line in text.splitlines()), text
    assert "No step fails" in text
    tenant.database.change(users=[{"username": tenant.username, "isActive": False}])
    text = worker.cli("doctor", "--tenant", tenant.name, expect=1)
    assert "✗ credentials" in text and "1 of 12 steps fails" in text
    event = json.loads(worker.cli("doctor", "--tenant", tenant.name, "--json", expect=1))
    assert event["type"] == contract.EVENT_PREFIX + "connection.diagnosed" and event["data"]["healthy"] is False
    assert tenant.secret not in text + json.dumps(event) and tenant.username not in text + json.dumps(event)


def test_job_diagnose_answers_by_its_exit_code(worker, tenant):
    worker.cli("job", "diagnose", "--tenant", tenant.name, "--wait", expect=1)
    tenant.connected()
    assert "connection.diagnosed" in worker.cli("job", "diagnose", "--tenant", tenant.name, "--wait")


def test_doctor_says_that_no_worker_answers(other_worker, tenant):
    text = other_worker.cli("doctor", "--tenant", tenant.name, "--timeout", "2", expect=1)
    assert "✗ worker" in text and "TRUSTED_PUBLISHERS" in text
    report = json.loads(other_worker.cli("doctor", "--tenant", tenant.name, "--timeout", "2", "--json", expect=1))
    assert report["status"] == "fail"
    other_worker.start()
    tenant.monitor.wait(lambda: len(tenant.events("job.expired")) + len(tenant.events("job.superseded")) == 2, "end of both jobs")


@pytest.mark.parametrize("arguments", [["--product", "workplace"], ["--tenant", "msp-1", "--thorough"], ["--tenant", "msp-1", "--timeout", "0"]])
def test_what_does_not_fit_together_is_refused(worker, arguments):
    worker.cli("doctor", *arguments, expect=2)


def test_a_diagnosis_does_not_wait_behind_what_waits(tenant):
    tenant.connected()
    tenant.database.fault("unavailable", skip=1, times=50, operation="create")
    job = tenant.publish("sync", plan())
    tenant.monitor.wait(lambda: any(event["type"] == "autotask.job.deferred" for event in job.events), "deferral")
    assert diagnose(tenant)[0]["connection"]["result"] == "passed"
    tenant.database.simulator.request("DELETE", "faults")
    tenant.expect(job.ending(60), "sync.succeeded")
