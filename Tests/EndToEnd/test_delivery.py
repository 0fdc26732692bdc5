"""Repeated, reordered, superseded, expired, interrupted: every job ends once, in its tenant's order."""

import contextlib
import datetime

import pika
import pytest

import portal as portals
from processes import poll
from tenants import by_key, plan


def order(*events):
    """Asserts that events have their places in this order."""
    places = [(event["epoch"], int(event["sequence"])) for event in events]
    assert places == sorted(places), [event["type"] for event in events]


# Repeated


def test_a_repeated_job_runs_once_and_is_answered_with_the_same_event(tenant):
    """A18: clicked twice, or delivered twice."""
    tenant.connected()
    job = tenant.publish("sync", plan())
    first = job.ending()
    before = tenant.database.last_call()
    assert job.publish().ending(count=2) == first
    assert tenant.database.calls(before) == []


def test_other_times_and_traces_and_spaces_are_the_same_job(tenant):
    tenant.connected()
    job = tenant.publish("sync", plan())
    first = job.ending()
    job.envelope["time"] = portals.rfc3339(portals.now() + datetime.timedelta(minutes=1))
    job.envelope["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    job.envelope["data"] = dict(reversed(job.envelope["data"].items()))
    assert job.publish().ending(count=2)["id"] == first["id"]


def test_a_job_that_is_repeated_while_it_runs_ends_once(tenant):
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=300)
    job = tenant.publish("sync", plan())
    tenant.database.await_calls(1, entity="Services", operation="query")
    for _ in range(5):
        job.publish()
    fault.clear()
    tenant.expect(job.ending(), "sync.succeeded")
    tenant.expect(tenant.billing_codes(), "billing-codes.listed")
    assert len(job.endings) == 1
    assert len(tenant.database.services()) == 4


def test_the_same_id_with_other_data_is_a_conflict_and_the_first_job_stands(tenant):
    tenant.connected()
    job = tenant.publish("sync", plan())
    first = job.ending()
    tenant.publish("sync", plan(1), job_id=job.id)
    conflict = tenant.monitor.wait(lambda: tenant.events("job.conflict"), "conflict")[0]
    assert (conflict["jobid"], conflict["terminal"], conflict["data"]["error"]["code"]) == (job.id, False, "duplicate_id")
    assert job.publish().ending(count=2) == first


def test_two_tenants_may_use_one_id(tenant, new_tenant):
    other = new_tenant()
    job_id = portals.new_id()
    first, second = tenant.publish("billing-codes", job_id=job_id), other.publish("billing-codes", job_id=job_id)
    assert first.ending()["id"] != second.ending()["id"]


def test_after_a_reset_a_repeated_job_is_answered_without_its_data(tenant):
    connect = tenant.connect_job().publish()
    tenant.expect(connect.ending(), "connection.established")
    job = tenant.publish("sync", plan())
    first = job.ending()
    reset = tenant.publish("reset", {"confirm": True})
    ended = reset.ending()
    again = job.publish().ending(count=2)
    assert again["id"] == first["id"] and again["data"] == {"jobId": job.id, "erased": True} and "sequence" not in again
    assert connect.publish().ending(count=2)["data"] == {"jobId": connect.id, "erased": True}
    assert reset.publish().ending(count=2) == ended


def test_a_rejected_job_has_claimed_its_id(tenant):
    job = tenant.publish("reset", {"confirm": False})
    first = job.ending()
    tenant.expect(first, "job.rejected", "reset_not_confirmed")
    assert job.publish().ending(count=2) == first
    tenant.publish("reset", {"confirm": True}, job_id=job.id)
    tenant.monitor.wait(lambda: tenant.events("job.conflict"), "conflict")


# In order


def test_jobs_of_a_tenant_run_in_the_order_of_their_acceptance(tenant):
    tenant.database.fault("latency", milliseconds=20)
    jobs = [
        tenant.connect_job().publish(),
        tenant.publish("billing-codes", {"refresh": True}),
        tenant.publish("sync", plan()),
    ]
    endings = [job.ending() for job in jobs]
    for ending, expected in zip(endings, ("connection.established", "billing-codes.listed", "sync.succeeded"), strict=True):
        tenant.expect(ending, expected)
    order(*endings)
    calls = tenant.database.calls()
    assert all(call["inFlightDatabase"] == 1 for call in calls)


def test_tenants_do_not_wait_for_each_other(tenant, new_tenant):
    slow = tenant.connected()
    hang = slow.database.fault("hang")
    stuck = slow.publish("sync", plan())
    slow.database.await_calls(1, operation="query", entity="Services")
    quick = new_tenant().connected()
    quick.expect(quick.sync(), "sync.succeeded")
    assert stuck.endings == []
    hang.clear()
    slow.expect(stuck.ending(60), "sync.succeeded")


def test_a_newer_sync_supersedes_the_one_that_waits(tenant):
    """A18: the latest plan wins."""
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=500)
    running = tenant.publish("sync", plan())
    tenant.database.await_calls(1, operation="query", entity="Services")
    waiting = tenant.publish("sync", plan(revision=2))
    newest = tenant.publish("sync", plan(revision=3))
    fault.clear()
    data = tenant.expect(waiting.ending(), "job.superseded", "superseded")
    assert data["supersededBy"] == newest.id
    tenant.expect(running.ending(), "sync.succeeded")
    tenant.expect(newest.ending(), "sync.succeeded")


def test_an_older_revision_never_overwrites_a_newer_one(tenant):
    """A19: an old plan never runs."""
    tenant.connected()
    tenant.expect(tenant.sync(plan(revision=7)), "sync.succeeded")
    before = tenant.database.last_call()
    tenant.expect(tenant.sync(plan(revision=6)), "job.superseded", "superseded")
    assert tenant.database.calls(before) == []
    tenant.expect(tenant.sync(plan(revision=7)), "sync.succeeded")


def waiting_syncs(new_tenant, tenant, *syncs, milliseconds=1000):
    """Publishes syncs that wait together behind one that runs, and returns them once that has ended."""
    other = new_tenant()
    fault = tenant.database.fault("latency", milliseconds=milliseconds)
    running = tenant.publish("sync", plan(5))
    tenant.database.await_calls(1, operation="query", entity="Services")
    jobs = [tenant.publish("sync", {**plan(4), **members, "planId": "waiting"}, **attributes) for members, attributes in syncs]
    # It was published behind them: all are in the store.
    other.connected()
    fault.clear()
    tenant.expect(running.ending(60), "sync.succeeded")
    return jobs


@pytest.mark.parametrize("revisions, winner", [((5, None, 3), 1), ((3, None, 5), 2), ((5, 3, None), 2), ((None, 5, 3), 1)])
def test_of_syncs_with_and_without_a_revision_one_runs(tenant, new_tenant, revisions, winner):
    """The newest that is not lower than the highest; the others name it, or what is higher."""
    tenant.connected()
    jobs = waiting_syncs(new_tenant, tenant, *[({} if revision is None else {"revision": revision}, {}) for revision in revisions])
    endings = [job.ending(60) for job in jobs]
    tenant.expect(endings.pop(winner), "sync.failed", "service_name_conflict")
    for ending in endings:
        data = tenant.expect(ending, "job.superseded", "superseded")
        assert data["supersededBy"] in {job.id for job in jobs}
        assert data["supersededBy"] in data["error"]["message"]


def test_what_has_expired_supersedes_nothing(tenant, new_tenant):
    """A27: a sync that is too late does not take the place of one that waits."""
    tenant.connected()
    late = portals.rfc3339(portals.now() - datetime.timedelta(seconds=1))
    good, expired = waiting_syncs(new_tenant, tenant, ({}, {}), ({}, {"expirytime": late}))
    tenant.expect(expired.ending(60), "job.expired", "expired")
    tenant.expect(good.ending(60), "sync.failed", "service_name_conflict")


def test_what_expires_while_it_waits_supersedes_nothing(tenant, new_tenant):
    tenant.connected()
    soon = portals.rfc3339(portals.now() + datetime.timedelta(seconds=2))
    good, expiring = waiting_syncs(new_tenant, tenant, ({}, {}), ({}, {"expirytime": soon}), milliseconds=3000)
    tenant.expect(expiring.ending(60), "job.expired", "expired")
    tenant.expect(good.ending(60), "sync.failed", "service_name_conflict")


def test_a_revision_ends_with_a_reset(tenant):
    tenant.connected()
    tenant.expect(tenant.sync(plan(revision=7)), "sync.succeeded")
    old = tenant.expect(tenant.sync(plan(revision=6)), "job.superseded", "superseded")
    assert old["error"]["message"] == "Revision 6 is lower than 7, which ran." and "supersededBy" not in old
    tenant.expect(tenant.reset(), "integration.reset")
    tenant.connected()
    tenant.expect(tenant.sync(plan(revision=1)), "sync.succeeded")


def test_what_comes_behind_a_reset_is_compared_with_nothing_before_it(tenant, new_tenant):
    """A sync of the new connection runs, with any waiting or ended jobs of the old one."""
    tenant.connected()
    (old,) = waiting_syncs(new_tenant, tenant, ({"revision": 7}, {}))
    old.ending(60)
    reset = tenant.publish("reset", {"confirm": True})
    connect = tenant.connect_job().publish()
    sync = tenant.publish("sync", {**plan(1), "planId": "waiting", "revision": 1})
    tenant.expect(reset.ending(60), "integration.reset")
    tenant.expect(connect.ending(60), "connection.established")
    assert sync.ending(60)["type"].startswith("autotask.sync.")


def test_each_request_for_billing_codes_is_answered(tenant):
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=300)
    jobs = [tenant.publish("billing-codes", {"refresh": True}) for _ in range(4)]
    fault.clear()
    for job in jobs:
        tenant.expect(job.ending(60), "billing-codes.listed")


def test_a_reset_stops_a_running_batch_and_comes_after_it(tenant):
    """A20: it waits only for the next service boundary."""
    tenant.connected()
    tenant.database.fault("latency", milliseconds=100, entity="Services")
    sync = tenant.publish("sync", plan(40))
    tenant.database.await_calls(2, operation="create")
    reset = tenant.publish("reset", {"confirm": True})
    stopped, ended = sync.ending(), reset.ending()
    data = tenant.expect(stopped, "sync.incomplete", "superseded")
    tenant.expect(ended, "integration.reset")
    order(stopped, ended)
    assert stopped["epoch"] == ended["epoch"]
    created = [result for result in data["services"] if result["outcome"] == "created"]
    assert 2 <= len(created) < 40
    assert len(tenant.database.services()) == len(created)


def test_a_job_that_is_too_late_expires(tenant):
    tenant.connected()
    before = tenant.database.last_call()
    late = portals.rfc3339(portals.now() - datetime.timedelta(seconds=1))
    tenant.expect(tenant.sync(expirytime=late), "job.expired", "expired")
    assert tenant.database.calls(before) == []
    soon = portals.rfc3339(portals.now() + datetime.timedelta(minutes=5))
    tenant.expect(tenant.sync(expirytime=soon), "sync.succeeded")


def test_under_load_the_events_of_a_tenant_arrive_in_their_order(new_tenant, monitor):
    """Jobs end, are superseded and are refused at intake at the same time: three ways to one sequence."""
    tenants = [new_tenant() for _ in range(30)]
    jobs = [tenant.connect_job().publish() for tenant in tenants]
    for number in range(1, 7):
        for tenant in tenants:
            jobs += [
                tenant.publish("sync", plan(1, revision=number)),
                tenant.publish("reset", {"confirm": False}),
                tenant.publish("billing-codes"),
            ]
    for job in jobs:
        job.ending(60)
    names = {tenant.name for tenant in tenants}
    arrived = {key: numbers for key, numbers in monitor.sequences().items() if key[0] in names}
    assert {key: numbers for key, numbers in arrived.items() if numbers != sorted(numbers)} == {}


# Interrupted


def test_killed_in_mid_sync_it_ends_once_and_creates_nothing_twice(tenant, worker):
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=30, entity="Services")
    job = tenant.publish("sync", plan(40))
    tenant.database.await_calls(10, operation="create")
    worker.kill()
    fault.clear()
    worker.start()
    data = tenant.expect(job.ending(60), "sync.succeeded")
    assert data["counts"]["synced"] == 40
    names = [entry["name"] for entry in tenant.database.services()]
    assert sorted(names) == sorted(entry["name"] for entry in plan(40)["services"])
    assert len({result["autotaskServiceId"] for result in data["services"]}) == 40
    before = tenant.database.last_call()
    tenant.expect(tenant.sync(plan(40)), "sync.succeeded")
    assert tenant.database.writes(before) == []
    assert len(job.endings) == 1


def test_killed_again_and_again_while_jobs_arrive_every_job_ends(new_tenant, worker):
    tenants = [new_tenant() for _ in range(8)]
    jobs = []
    for number in range(4):
        for tenant in tenants:
            jobs.append(tenant.connect_job().publish() if number == 0 else tenant.publish("sync", plan(number)))
        if number < 3:
            worker.kill()
            worker.start(await_jobs=False)
    for job in jobs:
        job.ending(60)
    for tenant in tenants:
        data = tenant.expect(tenant.sync(plan()), "sync.succeeded")
        assert sorted(entry["name"] for entry in tenant.database.services()) == sorted(by_name(data))


def by_name(data):
    return [result["name"] for result in by_key(data).values()]


def test_a_redelivered_job_runs_once(tenant, worker, broker):
    """Delivered to a worker that dies before it looks: the broker delivers it again, marked as redelivered."""
    tenant.connected()
    worker.suspend()
    jobs = [tenant.publish("sync", plan()), tenant.publish("billing-codes")]
    poll(lambda: ready_jobs(broker) == 0, 20, "the delivery")
    worker.kill()
    worker.start()
    for job, expected in zip(jobs, ("sync.succeeded", "billing-codes.listed"), strict=True):
        tenant.expect(job.ending(), expected)
        assert len(job.endings) == 1
    assert len(tenant.database.writes()) == 4


def die_with(broker, count):
    """A consumer dies with this number of unacknowledged jobs."""
    held = []
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(broker.url("operator")))) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=count)
        channel.basic_consume("autotask.jobs", lambda *delivery: held.append(delivery))
        poll(lambda: connection.process_data_events(0.1) or len(held) == count, 20, "the delivery")


@pytest.fixture
def overtaken(worker, broker):
    """Publishes jobs of which the broker delivers the first behind the others: a message that comes back goes behind those that came back
    before it, and two workers die with it, the second while it takes them one at a time."""

    def publish(*jobs):
        """Returns when each has ended."""
        worker.kill()
        for number, job in enumerate(jobs):
            if "time" in job.envelope:
                job.envelope["time"] = portals.rfc3339(portals.now() + datetime.timedelta(milliseconds=number))
            job.publish()
        die_with(broker, len(jobs))
        die_with(broker, 1)
        worker.start()
        for job in jobs:
            job.ending()

    return publish


def test_a_sync_that_the_broker_delivers_after_a_reset_does_not_run(tenant, overtaken):
    """A19: although the tenant is connected again by then."""
    tenant.connected()
    sync, reset, connect = tenant.job("sync", plan()), tenant.job("reset", {"confirm": True}), tenant.connect_job()
    overtaken(sync, reset, connect)
    data = tenant.expect(sync.ending(), "job.superseded")
    assert data["supersededBy"] == reset.id and "requested later" in data["error"]["message"]
    tenant.expect(reset.ending(), "integration.reset")
    tenant.expect(connect.ending(), "connection.established")
    assert tenant.database.writes() == []
    # A job that is sent now is valid now.
    tenant.expect(tenant.sync(plan()), "sync.succeeded")


def test_a_plan_that_the_broker_delivers_after_a_newer_one_does_not_replace_it(tenant, overtaken):
    """A19: although neither has a revision."""
    tenant.connected()
    old, new = plan(2), plan(2)
    for service in new["services"]:
        service["unitPrice"] = "12.00"
    overtaken(first := tenant.job("sync", old), last := tenant.job("sync", new))
    assert tenant.expect(first.ending(), "job.superseded")["supersededBy"] == last.id
    tenant.expect(last.ending(), "sync.succeeded")
    assert {service["unitPrice"] for service in tenant.database.services()} == {12.0}


@pytest.fixture
def busy(tenant):
    """A sync of another plan that keeps the tenant's jobs waiting while it is published with them."""
    tenant.connected()
    other = plan(8) | {"planId": "other"}
    for service in other["services"]:
        service["name"] = "Other " + service["name"]
    fault = tenant.database.fault("latency", milliseconds=150, entity="Services")
    yield tenant.job("sync", other)
    fault.clear()


def in_a_minute():
    return portals.rfc3339(portals.now() + datetime.timedelta(minutes=1))


def test_behind_a_newer_plan_that_may_expire_an_older_one_does_not_end_it(tenant, overtaken, busy):
    old, new = tenant.job("sync", plan(1)), tenant.job("sync", plan(2), expirytime=in_a_minute())
    overtaken(old, busy, new)
    assert tenant.expect(old.ending(), "job.superseded")["supersededBy"] == new.id
    tenant.expect(new.ending(), "sync.succeeded")


def test_behind_a_reset_that_may_expire_a_sync_does_not_run(tenant, overtaken, busy):
    sync, reset = tenant.job("sync", plan()), tenant.job("reset", {"confirm": True}, expirytime=in_a_minute())
    overtaken(sync, busy, reset, tenant.connect_job())
    assert tenant.expect(sync.ending(), "job.superseded")["supersededBy"] == reset.id
    tenant.expect(reset.ending(), "integration.reset")


def test_what_is_older_than_what_ran_ends_nothing_that_it_overtook(tenant, overtaken, busy):
    tenant.expect(tenant.sync(plan(1) | {"revision": 3}), "sync.succeeded")
    late, low = tenant.job("sync", plan(2)), tenant.job("sync", plan(1) | {"revision": 2})
    overtaken(late, busy, low)
    tenant.expect(low.ending(), "job.superseded")
    tenant.expect(late.ending(), "sync.succeeded")


def test_a_time_far_ahead_says_nothing(tenant, overtaken):
    tenant.connected()
    ahead = tenant.job("sync", plan(1))
    ahead.envelope["time"] = "9999-12-31T23:59:59Z"
    tenant.expect(ahead.publish().ending(), "sync.succeeded")
    overtaken(last := tenant.job("sync", plan(2)))
    tenant.expect(last.ending(), "sync.succeeded")


def test_a_higher_revision_runs_however_late_the_broker_delivers_it(tenant, overtaken):
    tenant.connected()
    overtaken(high := tenant.job("sync", plan(2) | {"revision": 7}), low := tenant.job("sync", plan(1) | {"revision": 6}))
    assert low.ending()
    tenant.expect(high.ending(), "sync.succeeded")
    assert len(tenant.database.services()) == 2


def test_credentials_that_the_broker_delivers_after_newer_ones_are_not_used(tenant, overtaken):
    wrong, right = tenant.connect_job(secret="wrong"), tenant.connect_job()
    overtaken(wrong, right)
    assert tenant.expect(wrong.ending(), "job.superseded")["supersededBy"] == right.id
    tenant.expect(right.ending(), "connection.established")
    tenant.expect(tenant.sync(plan()), "sync.succeeded")


def test_what_came_back_once_has_its_place_whatever_its_time(tenant, worker, broker):
    """Two hosts of a portal, of which one's clock is ahead."""
    tenant.connected()
    worker.kill()
    ahead, last = tenant.job("sync", plan(1)), tenant.job("sync", plan(2))
    ahead.envelope["time"] = portals.rfc3339(portals.now() + datetime.timedelta(minutes=1))
    for job in (ahead, last):
        job.publish()
    die_with(broker, 2)
    worker.start()
    tenant.expect(last.ending(), "sync.succeeded")
    assert len(tenant.database.services()) == 2


def test_jobs_that_do_not_say_when_they_were_requested_run_as_they_come(tenant, overtaken):
    tenant.connected()
    sync, reset = tenant.job("sync", plan()), tenant.job("reset", {"confirm": True})
    del sync.envelope["time"]
    overtaken(sync, reset)
    assert tenant.expect(sync.ending(), "sync.failed")["error"]["code"] == "not_connected"


def ready_jobs(broker):
    """How many jobs wait in the broker, those that were delivered left out."""
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("operator")))
    with contextlib.closing(connection):
        return connection.channel().queue_declare("autotask.jobs", passive=True).method.message_count


def test_a_power_cut_of_the_broker_loses_and_repeats_nothing(tenant, new_tenant, broker, portal):
    tenant.connected()
    waiting = new_tenant().connect_job().publish().tenant
    fault = tenant.database.fault("latency", milliseconds=100, entity="Services")
    job = tenant.publish("sync", plan(20))
    tenant.database.await_calls(3, operation="create")
    broker.restart_after_power_cut()
    portal.connect()
    fault.clear()
    after = waiting.publish("sync", plan())
    tenant.expect(job.ending(60), "sync.succeeded")
    waiting.expect(after.ending(60), "sync.succeeded")
    assert len(tenant.database.services()) == 20
    assert len(job.endings) == 1


def test_stopped_in_mid_sync_it_goes_on_where_it_was(tenant, worker):
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=30, entity="Services")
    job = tenant.publish("sync", plan(40))
    tenant.database.await_calls(5, operation="create")
    worker.stop()
    fault.clear()
    worker.start()
    tenant.expect(job.ending(60), "sync.succeeded")
    assert len(tenant.database.services()) == 40


def test_what_was_published_while_no_worker_ran_is_done(tenant, worker):
    tenant.connected()
    worker.stop()
    job = tenant.publish("sync", plan())
    worker.start()
    tenant.expect(job.ending(), "sync.succeeded")
