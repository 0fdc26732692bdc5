"""No job is lost when the broker gives up on messages. A policy on RabbitMQ 3.10 simulates RabbitMQ 4's default delivery limit."""

import contextlib
import json
import uuid

import pika
import pytest

from processes import poll
from tenants import plan

QUEUE = "autotask.jobs"


@contextlib.contextmanager
def policy(broker, kind, **definition):
    """`kind` is `policies` or `operator-policies`."""
    broker.manage("PUT", f"{kind}/%2F/test", {"pattern": "^autotask\\.jobs$", "definition": definition, "priority": 9, "apply-to": "queues"})
    try:
        poll(lambda: definition.items() <= dict(queue(broker).get("effective_policy_definition") or {}).items(), 20, "the policy")
        yield
    finally:
        broker.manage("DELETE", f"{kind}/%2F/test")
        poll(lambda: "test" not in map(queue(broker).get, ("policy", "operator_policy")), 20, "the policy's end")


def queue(broker, name=QUEUE):
    return broker.manage("GET", f"queues/%2F/{name}")


@pytest.fixture
def operator(broker):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("operator")))
    yield connection.channel()
    if connection.is_open:
        connection.close()


def waiting(operator, name="autotask.dead"):
    return operator.queue_declare(name, passive=True).method.message_count


def letters(worker, verb, *arguments, expect=0, **settings):
    return json.loads(worker.cli("dead-letters", verb, *arguments, "--json", expect=expect, **settings))


# The topology


def test_the_topology_sets_the_limit_itself(broker):
    assert queue(broker)["arguments"]["x-delivery-limit"] >= 1_000_000


@pytest.mark.parametrize("former", [{}, {"x-delivery-limit": 20}])
def test_a_queue_with_other_arguments_is_left_with_all_its_messages(worker, broker, operator, former):
    """As an earlier version declared it, and as RabbitMQ 4 defaults."""
    prefix = f"autotask.former{uuid.uuid4().hex[:8]}"
    settings = {"PREFIX": prefix, "AMQP_URL": broker.url("operator"), "MANAGEMENT_URL": broker.environment["TEST_MANAGEMENT_URL"]}
    operator.exchange_declare(f"{prefix}.jobs", "topic", durable=True)
    operator.exchange_declare(f"{prefix}.dead", "fanout", durable=True)
    arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-dead-letter-exchange": f"{prefix}.dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    operator.queue_declare(f"{prefix}.jobs", durable=True, arguments={**arguments, **former})
    operator.queue_bind(f"{prefix}.jobs", f"{prefix}.jobs", "#")
    for number in range(5):
        operator.basic_publish(f"{prefix}.jobs", "sync.msp-1", b"%d" % number, pika.BasicProperties(delivery_mode=2))
    poll(lambda: waiting(operator, f"{prefix}.jobs") == 5, 10, "the messages")
    result = worker.run("topology", "apply", **settings)
    assert result.returncode == 1 and "x-delivery-limit" in result.stderr and "topology apply" in result.stderr
    assert all(step in result.stderr for step in ("Unbind", "Stop the workers", "delete_queue"))
    assert waiting(operator, f"{prefix}.jobs") == 5
    check = worker.run("topology", "check", **settings)
    assert check.returncode == 1 and "x-delivery-limit" in check.stdout
    # The steps that it names.
    operator.queue_unbind(f"{prefix}.jobs", f"{prefix}.jobs", "#")
    operator.queue_purge(f"{prefix}.jobs")
    operator.queue_delete(f"{prefix}.jobs")
    worker.cli("topology", "apply", **settings)
    assert worker.cli("topology", "check", **settings)
    for name in ("jobs", "results.journal", "dead"):
        operator.queue_delete(f"{prefix}.{name}")
    for name in ("jobs", "results", "dead"):
        operator.exchange_delete(f"{prefix}.{name}")


@pytest.mark.parametrize("kind", ["policies", "operator-policies"])
@pytest.mark.parametrize(
    "definition",
    [{"delivery-limit": 20}, {"message-ttl": 60_000_000}, {"expires": 90_000_000}, {"delivery-limit": 3, "message-ttl": 50_000_000}],
    ids=lambda definition: "+".join(definition),
)
def test_what_a_policy_limits_is_reported(worker, broker, kind, definition):
    with policy(broker, kind, **definition):
        check = worker.run("topology", "check", "--json")
        report = json.loads(check.stdout)
        details = [finding["detail"] for finding in report["findings"] if finding["entity"] == f"queue {QUEUE}"]
        assert check.returncode == 1 and not report["good"]
        for name, value in definition.items():
            assert any(name in detail and str(value) in detail and "test" in detail for detail in details), report
        doctor = json.loads(worker.cli("doctor", "--json", expect=1))
        assert all(name in json.dumps(doctor["checks"]["topology"]) for name in definition)
    assert worker.cli("topology", "check")


def test_a_length_limit_is_as_it_may_be_and_is_shown(worker, broker):
    with policy(broker, "policies", **{"max-length": 100_000, "overflow": "drop-head"}):
        report = json.loads(worker.cli("topology", "check", "--json"))
        assert report["good"] and any("max-length" in note and "100000" in note for note in report["notes"])
        assert any("overflow" in note and "drop-head" in note and "prevails" in note for note in report["notes"])


# What the broker gave up on


def given_up(operator, worker, broker, *jobs):
    """Has the broker give up on jobs as a delivery limit does, and collects them."""
    name = f"autotask.operator.{uuid.uuid4().hex}"
    arguments = {"x-dead-letter-exchange": "autotask.dead", "x-queue-type": "quorum", "x-delivery-limit": 1}
    operator.queue_declare(name, durable=True, arguments=arguments)
    # Published by the portal, so that the broker vouches for the publisher.
    operator.queue_unbind(QUEUE, "autotask.jobs", "#")
    operator.queue_bind(name, "autotask.jobs", "#")
    try:
        for job in jobs:
            job.publish()
        for _ in range(2 * len(jobs)):
            method, _, _ = poll(lambda: (got := operator.basic_get(name))[0] and got, 10, "a message to return")
            operator.basic_nack(method.delivery_tag, requeue=True)
        poll(lambda: waiting(operator) == len(jobs), 10, "the dead messages")
    finally:
        operator.queue_bind(QUEUE, "autotask.jobs", "#")
        operator.queue_delete(name)
    return letters(worker, "collect", AMQP_URL=broker.url("operator"))


def test_a_job_that_the_broker_gave_up_on_is_entered_again_under_its_own_id(worker, broker, operator, tenant):
    tenant.connected()
    services = plan(3)
    for service in services["services"]:
        service["name"] += f" of {tenant.name}"
    job = tenant.job("sync", services)
    assert given_up(operator, worker, broker, job) == {"collected": 1, "recorded": 1}
    (letter,) = letters(worker, "list", "--ungrouped", "--tenant", tenant.name)
    assert (letter["reason"], letter["redrivable"], letter["jobId"], letter["publisher"]) == ("delivery_limit", True, job.id, "portal")
    assert letter["message"]["messageId"] == job.id
    assert f" of {tenant.name}".encode() not in worker.store_path.read_bytes()
    outcome = letters(worker, "redrive", "--tenant", tenant.name)
    assert outcome["entered"] == 1 and outcome["letters"][0]["redrivenAs"] == job.id
    tenant.expect(job.ending(), "sync.succeeded")
    assert "redriveof" not in job.endings[0]
    assert letters(worker, "redrive", "--tenant", tenant.name)["before"] == 1


def test_sealed_credentials_are_entered_again_and_clear_ones_are_never_kept(worker, broker, operator, new_tenant):
    sealed, clear = new_tenant(), new_tenant()
    connect = sealed.connect_job()
    plain = clear.job("connect", {"credentials": {"username": clear.username, "secret": clear.secret}, "firstConfiguredAt": "2020-01-01T00:00:00Z"})
    given_up(operator, worker, broker, connect, plain)
    assert letters(worker, "redrive", "--tenant", sealed.name)["entered"] == 1
    sealed.expect(connect.ending(), "connection.established")
    (letter,) = letters(worker, "list", "--ungrouped", "--tenant", clear.name)
    assert not letter["redrivable"] and letter["obstacle"]["code"] == "body_not_kept"
    for path in worker.directory.glob("worker.sqlite*"):
        assert clear.secret.encode() not in path.read_bytes()


def test_what_is_newer_is_not_undone(worker, broker, operator, new_tenant):
    tenant = new_tenant().connected()
    old, connect = tenant.job("sync", plan(2)), tenant.connect_job()
    given_up(operator, worker, broker, old, connect)
    tenant.expect(tenant.sync(plan(4)), "sync.succeeded")
    tenant.connected()
    lines = letters(worker, "redrive", "--tenant", tenant.name, expect=1)["letters"]
    assert [line["outcome"] for line in lines] == ["outdated", "outdated"]


def test_a_job_that_its_portal_repeated_is_not_entered_twice(worker, broker, operator, new_tenant):
    tenant = new_tenant().connected()
    job = tenant.job("sync", plan(2))
    given_up(operator, worker, broker, job)
    tenant.expect(job.publish().ending(), "sync.succeeded")
    outcome = letters(worker, "redrive", "--tenant", tenant.name)
    assert (outcome["entered"], outcome["before"]) == (0, 1)
    assert len(job.endings) == 1


def test_an_expired_job_is_answered_and_a_reset_erases_what_is_kept(worker, broker, operator, new_tenant):
    expired, erased = new_tenant(), new_tenant().connected()
    late = expired.job("reset", {"confirm": True}, expirytime="2020-01-01T00:00:00Z")
    job = erased.job("sync", plan(2))
    given_up(operator, worker, broker, late, job)
    letters(worker, "redrive", "--tenant", expired.name)
    expired.expect(late.ending(), "job.expired")
    erased.expect(erased.reset(), "integration.reset")
    (line,) = letters(worker, "redrive", "--tenant", erased.name, expect=1)["letters"]
    assert line["outcome"] in ("outdated", "erased")
    (letter,) = letters(worker, "list", "--ungrouped", "--tenant", erased.name)
    assert letter["detail"] is None
