"""The hourly quota of an Autotask database, which all integrations of the customer share: the worker leaves most of it to others."""

import datetime
import itertools

from portal import now
from tenants import plan

POLL = "ThresholdInformation"


def polls(tenant):
    """The moments at which the usage was asked for."""
    return [moment(call["startedAt"]) for call in tenant.database.all_calls() if call["entity"] == POLL]


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def quota_calls(tenant):
    """Calls that Autotask counts: a look-up of the zone is exempt."""
    return [call for call in tenant.database.all_calls() if call["entity"] != "ZoneInformation"]


def held_back(tenant, job):
    """Waits until a job is deferred because of the quota, and returns `retryAt`."""

    def deferral():
        events = [event for event in job.events if event["type"] == "autotask.job.deferred"]
        return events and events[-1]

    event = tenant.monitor.wait(deferral, f"deferral of {job.id}")
    error = event["data"]["error"]
    assert (error["code"], error["retryAt"]) == ("rate_limited", event["data"]["until"])
    return moment(event["data"]["until"])


def busy(new_tenant, **quota):
    """A tenant that has synced, so that the worker has made ten calls to its database and asks for the usage before the next."""
    tenant = new_tenant().connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    assert polls(tenant) == []
    tenant.database.change(**quota)
    return tenant


def test_jobs_wait_at_their_band_and_go_on_when_the_usage_has_fallen(new_tenant, simulator):
    """From 75 % reading waits, from 90 % a sync; a connect never does. The usage is asked for again after a minute, and not before."""
    simulator.request("PATCH", "settings", {"quotaLatencyScale": 0})
    half, much, most = busy(new_tenant, quotaUsed=6000), busy(new_tenant, quotaUsed=7600), busy(new_tenant, quotaUsed=9100)

    half.expect(half.billing_codes(refresh=True), "billing-codes.listed")
    # A person waits for billing codes: they end rather than wait for longer than INTERACTIVE_SECONDS.
    error = much.expect(much.billing_codes(refresh=True), "billing-codes.failed")["error"]
    assert (error["code"], error["retryable"]) == ("rate_limited", True)
    much.expect(much.sync(), "sync.succeeded")
    before = most.database.last_call()
    waiting = most.publish("sync", plan())
    held_back(most, waiting)
    assert most.database.calls(before) == []
    most.expect(most.connect(), "connection.established")
    assert waiting.endings == []

    much.database.change(quotaUsed=100)
    most.database.change(quotaUsed=100)
    most.expect(waiting.ending(120), "sync.succeeded")
    much.expect(much.billing_codes(refresh=True), "billing-codes.listed")
    for tenant in (half, much, most):
        assert 1 <= len(polls(tenant)) <= 2
        assert all((later - earlier).total_seconds() >= 59.9 for earlier, later in itertools.pairwise(polls(tenant)))


def test_a_burst_never_takes_more_than_the_share_and_a_connect_passes(new_tenant, simulator):
    simulator.request("PATCH", "settings", {"quotaLatencyScale": 0})
    owner, guest = new_tenant(quotaLimit=60), new_tenant()
    for tenant in (owner, guest):
        tenant.expect(tenant.connect(username=owner.username, secret=owner.secret), "connection.established")
    jobs = [(tenant, tenant.publish("sync", plan_of(tenant, 40))) for tenant in (owner, guest)]
    for tenant, job in jobs:
        assert 3000 < (held_back(tenant, job) - now()).total_seconds() < 3700
    assert len(quota_calls(owner)) == 30
    assert len(polls(owner)) == 1
    owner.expect(owner.connect(), "connection.established")
    assert len(quota_calls(owner)) == 33


def plan_of(tenant, count):
    """A plan whose names no other tenant of the database has."""
    return plan(count, services=[{**entry, "name": f"{entry['name']} of {tenant.name}"} for entry in plan(count)["services"]])


def test_a_first_sync_and_an_unchanged_one_do_not_ask(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    assert polls(tenant) == []


def test_what_asks_for_the_usage_is_not_told_as_a_call_of_the_job(tenant):
    tenant.connected()
    before = tenant.database.last_call()
    data = tenant.expect(tenant.sync(plan(20)), "sync.succeeded")
    assert len(polls(tenant)) == 1
    assert data["apiCalls"] == len(tenant.database.calls(before))


def test_an_autotask_that_does_not_tell_the_usage_is_worked_with(tenant):
    tenant.connected()
    tenant.database.fault("status", status=403, entity=POLL)
    tenant.expect(tenant.sync(plan(20)), "sync.succeeded")
    assert len(polls(tenant)) == 1
