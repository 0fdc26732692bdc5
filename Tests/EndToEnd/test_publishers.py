"""Publishers limited to tenants: broker and worker limit the reseller of `deploy/rabbitmq/reseller.json` to its own tenants."""

import contextlib
import itertools
import json

import pika.exceptions
import pytest

import portal as portals
from processes import poll

TRUSTED = "portal,reseller-acme=acme-*,reseller-acme=acme2-*"
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def reseller(broker):
    """Its connection; the broker has it as `deploy/` does."""
    broker.add_users("reseller.json")
    reseller = portals.Portal(broker.url("reseller-acme"))
    yield reseller
    with contextlib.suppress(pika.exceptions.AMQPError):
        reseller.close()


@pytest.fixture(scope="module")
def worker_with_limits(worker):
    worker.stop()
    worker.start(TRUSTED_PUBLISHERS=TRUSTED)
    yield worker
    worker.stop()
    worker.start()


@pytest.fixture
def own_tenant(new_tenant, worker_with_limits, reseller):
    """A tenant of the reseller's."""
    tenant = new_tenant()
    tenant.name = f"acme-{next(NUMBERS)}"
    tenant.portal = reseller
    return tenant


@pytest.fixture
def other_tenant(new_tenant, worker_with_limits):
    """Another's, connected."""
    return new_tenant().connected()


def send_around(reseller, job, routing_key):
    """Publishes by way of an exchange of its own, where the broker does not compare the routing key with its rights."""
    name = "autotask.portal.reseller-acme.around"
    reseller.channel.exchange_declare(name, "fanout", auto_delete=True)
    reseller.channel.exchange_bind(portals.EXCHANGE, name)
    body = json.dumps(job.envelope, ensure_ascii=False).encode()
    properties = pika.BasicProperties(
        content_type="application/cloudevents+json", message_id=job.id, type=job.envelope["type"], user_id=reseller.user
    )
    reseller.channel.basic_publish(name, routing_key, body, properties, mandatory=True)
    reseller.channel.exchange_delete(name)
    return body


def test_a_reseller_serves_its_own_tenants(own_tenant):
    own_tenant.connected()
    own_tenant.expect(own_tenant.sync(), "sync.succeeded")
    own_tenant.expect(own_tenant.reset(), "integration.reset")


@pytest.mark.parametrize("routing_key", ["reset.{}", "reset.acme-1"])
def test_for_another_tenant_it_gets_no_event_and_claims_no_id(own_tenant, other_tenant, worker, reseller, routing_key):
    job = other_tenant.job("reset", {"confirm": True})
    before = len(other_tenant.monitor.events)
    body = send_around(reseller, job, routing_key.format(other_tenant.name))
    poll(lambda: worker.dead_letter(body), 20, "the dead letter")
    assert worker.dead_letter(body)[0] == "out_of_scope"
    assert "A message for a tenant outside its publisher's scope was set aside" in worker.log
    assert job.events == [] and other_tenant.monitor.events[before:] == []
    # The tenant is connected still, and its own portal may use the id.
    other_tenant.expect(other_tenant.sync(), "sync.succeeded")
    other_tenant.expect(job.publish().ending(), "integration.reset")


@pytest.mark.parametrize(("kind", "data"), [("preview", None), ("reset", {}), ("fly", None), ("connect", {"credentials": 1})])
def test_not_even_a_refusal_is_told_to_another_tenant(own_tenant, other_tenant, worker, reseller, kind, data):
    job = other_tenant.job(kind, data)
    body = send_around(reseller, job, f"{kind}.{other_tenant.name}")
    poll(lambda: worker.dead_letter(body), 20, "the dead letter")
    own_tenant.expect(own_tenant.billing_codes(), "billing-codes.failed", "not_connected")
    assert worker.dead_letter(body)[0] == "out_of_scope" and job.events == []


def test_what_it_does_not_reach_it_cannot_have_redriven(own_tenant, other_tenant, worker, reseller):
    job = other_tenant.job("reset", {"confirm": True})
    body = send_around(reseller, job, f"reset.{other_tenant.name}")
    poll(lambda: worker.dead_letter(body), 20, "the dead letter")
    (letter,) = json.loads(worker.cli("dead-letters", "list", "--ungrouped", "--tenant", other_tenant.name, "--json"))
    assert letter["publisher"] == "reseller-acme" and not letter["redrivable"]
    worker.cli("dead-letters", "redrive", str(letter["id"]), expect=1)


def test_the_broker_itself_refuses_other_tenants_and_forged_users(own_tenant, other_tenant, reseller):
    def refusal(routing_key, **properties):
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refusal:
            reseller.publish_raw(b"{}", routing_key, **properties)
        reseller.close()
        reseller.connect()
        return refusal.value.reply_code

    assert refusal(f"reset.{other_tenant.name}") == 403
    assert refusal(f"reset.{own_tenant.name}", user_id="portal") == 406


def test_without_a_user_id_it_is_untrusted(own_tenant, worker, reseller):
    job = own_tenant.job("reset", {"confirm": True})
    body = json.dumps(job.envelope).encode()
    reseller.publish_raw(body, f"reset.{own_tenant.name}", message_id=job.id, user_id=None)
    poll(lambda: worker.dead_letter(body), 20, "the dead letter")
    assert worker.dead_letter(body)[0] == "untrusted"
    own_tenant.expect(job.publish().ending(), "integration.reset")


def test_the_command_line_works_as_a_reseller(own_tenant, other_tenant, worker, broker):
    settings = {"PORTAL_AMQP_URL": broker.url("reseller-acme")}
    worker.cli("job", "reset", "--confirm", "--wait", "--timeout", "20", "--tenant", own_tenant.name, **settings)
    worker.cli("job", "reset", "--confirm", "--tenant", other_tenant.name, expect=69, **settings)


@pytest.mark.parametrize("users", ["portal,portal=acme-*", "=acme-*", "reseller=*", "reseller=", "reseller=a*b"])
def test_limits_that_make_no_sense_are_refused(worker, users):
    worker.cli("run", "--trusted-publishers", users, expect=2)
    assert "TRUSTED_PUBLISHERS" in worker.cli("doctor", "--trusted-publishers", users, expect=1)
