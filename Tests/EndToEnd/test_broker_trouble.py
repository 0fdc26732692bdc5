"""The broker is away, accepts nothing, or has lost the job queue: the worker reports it, loses nothing, and goes on without help."""

import contextlib
import json

import pika
import pytest

from processes import poll
from tenants import plan


@pytest.fixture
def listening_worker(other_worker):
    other_worker.start(OPERATIONS_LISTEN="127.0.0.1:0")
    return other_worker


def checks(worker):
    """Its health check, by part."""
    return {name: check[0] for name, check in worker.health()[1]["checks"].items()}


CHECKS = ("store", "lease", "jobs", "results", "clock")


def test_ready_as_long_as_everything_is_there(listening_worker, broker, portal):
    worker = listening_worker
    assert worker.health("livez")[0] == 200
    poll(lambda: worker.health()[0] == 200, 20, "ready", worker.process)
    assert worker.health()[1]["status"] == "pass"
    assert {name: check["status"] for name, check in checks(worker).items()} == dict.fromkeys(CHECKS, "pass")
    broker.command("stop")
    poll(lambda: checks(worker)["results"]["status"] == "fail", 30, "not ready without the broker")
    assert worker.health()[0] == 503 and worker.health("livez")[0] == 200
    broker.command("start")
    portal.connect()
    poll(lambda: worker.health()[0] == 200, 60, "ready again")


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_what_ends_under_an_alarm_is_told_after_it(listening_worker, broker, tenant, kind):
    worker = listening_worker
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=20000, entity="Services")
    job = tenant.publish("sync", plan(2))
    tenant.database.await_calls(1, entity="Services", operation="query")
    # The next event that the worker publishes meets the alarm: RabbitMQ notifies a publisher only then.
    broker.command("alarm", kind)
    try:
        fault.clear()
        poll(lambda: len(tenant.database.services()) == 2, 60, "the sync under the alarm")
        poll(lambda: job.id in finished(worker, tenant), 20, "the end of the sync in the store")
        poll(lambda: "accepts no messages" in checks(worker)["results"]["output"], 20, "not ready under the alarm")
        assert worker.health()[0] == 503
        assert not job.endings
    finally:
        broker.command("alarm", "off")
    tenant.expect(job.ending(30), "sync.succeeded")
    assert len(job.endings) == 1
    poll(lambda: worker.health()[0] == 200, 20, "ready again")


def finished(worker, tenant):
    return [job["jobId"] for job in json.loads(worker.cli("tenant", "show", tenant.name, "--json"))["finished"]]


def test_a_door_that_was_deleted_is_used_again_once_it_is_there(worker, broker, tenant):
    tenant.connected()
    begun = len(worker.log)
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("operator")))
    connection.channel().queue_delete("autotask.jobs")
    connection.close()
    poll(lambda: "cancelled the consumer" in worker.log[begun:], 20, "the worker's notice", worker.process)
    worker.cli("topology", "apply", AMQP_URL=broker.url("operator"))
    poll(lambda: "Consuming" in worker.log[begun:], 10, "consuming again", worker.process)
    tenant.expect(tenant.publish("sync", plan(2)).ending(30), "sync.succeeded")


def test_events_that_waited_for_the_broker_are_in_the_journal_too(worker, broker, new_tenant, portal):
    """RabbitMQ confirms what it gets in its first moments, and does not store it in a stream: see `PublisherConfiguration.awaitedQueues`."""
    tenants = [new_tenant() for _ in range(8)]
    for tenant in tenants:
        tenant.connected()
        tenant.database.fault("latency", milliseconds=1500, entity="Services")
    jobs = [tenant.publish("sync", plan(1)) for tenant in tenants]
    for tenant in tenants:
        tenant.database.await_calls(1, entity="Services", operation="query")
    broker.command("stop")
    for tenant, job in zip(tenants, jobs, strict=True):
        poll(lambda tenant=tenant, job=job: job.id in finished(worker, tenant), 60, "the end of the sync in the store", worker.process)
    broker.command("start")
    portal.connect()
    for tenant, job in zip(tenants, jobs, strict=True):
        tenant.expect(job.ending(60), "sync.succeeded")
    for tenant in tenants:
        arguments = ("events", "--replay", "--tenant", tenant.name, "--count", str(len(tenant.events())), "--json")
        lines = worker.cli(*arguments, PORTAL_AMQP_URL=broker.url("monitor")).splitlines()
        assert {json.loads(line)["id"] for line in lines} == {event["id"] for event in tenant.events()}


def test_a_follower_whose_queue_refuses_holds_up_its_own_tenant_alone(listening_worker, broker, new_tenant, monitor):
    worker = listening_worker
    held, other = new_tenant(), new_tenant().connected()
    begun = len(worker.log)
    with follower_that_refuses(broker, held):
        # More than the worker publishes at a time; each is answered at once, without a call to Autotask.
        jobs = [held.publish("reset", {}) for _ in range(700)]
        for _ in range(3):
            other.expect(other.sync(), "sync.succeeded")
        poll(lambda: "refuses a tenant's events" in worker.log[begun:], 20, "the warning", worker.process)
        # Those that were on their way when the queue was full reach the others, and again once they are taken; until then the worker tries one, rarely.
        trials = len(held.events())
        other.expect(other.billing_codes(), "billing-codes.listed")
        assert len(held.events()) - trials < 10
        assert worker.log[begun:].count("refuses a tenant's events") == 1
        assert held.name in worker.log[begun:]
        assert worker.health()[0] == 200
    for job in jobs:
        job.ending(60)
    poll(lambda: "takes a tenant's events again" in worker.log[begun:], 20, "the end of it", worker.process)
    (sequence,) = [numbers for (name, _, _), numbers in monitor.sequences().items() if name == held.name]
    assert sequence == list(range(1, 701))


def test_the_worker_ends_in_time_while_events_are_refused_and_tells_them_later(other_worker, broker, new_tenant, monitor):
    held = new_tenant()
    worker = other_worker
    worker.start()
    begun = len(worker.log)
    with follower_that_refuses(broker, held):
        jobs = [held.publish("reset", {}) for _ in range(20)]
        poll(lambda: "refuses a tenant's events" in worker.log[begun:], 20, "the warning", worker.process)
        worker.stop()
    worker.start()
    for job in jobs:
        job.ending(60)
    (sequence,) = [numbers for (name, _, _), numbers in monitor.sequences().items() if name == held.name]
    assert sequence == list(range(1, 21))


@contextlib.contextmanager
def follower_that_refuses(broker, tenant):
    """A queue of a monitor's that follows a tenant, has room for one event, and refuses the others."""
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("monitor")))
    channel = connection.channel()
    queue = f"autotask.monitor.narrow-{tenant.name}"
    channel.queue_declare(queue, exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.queue_bind(queue, "autotask.results", f"*.*.{tenant.name}")
    try:
        yield
    finally:
        connection.close()
