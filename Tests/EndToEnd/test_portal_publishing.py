"""How the modules of `deploy/portal` publish and follow: against a broker that refuses, and in Node over a channel of a test's."""

import contextlib
import json

import pika
import pytest

from portal_example import node, portal_broker, portal_jobs, run_node
from processes import Broker

# A broker that refuses


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("refusing") / "broker")
    yield broker
    broker.stop()


@contextlib.contextmanager
def changed_by_admin(broker, method, path, content, undo):
    broker.manage(method, path, content)
    yield
    broker.manage(*undo)


def problem(broker, user="portal", job=None):
    """What is said of a job that cannot be published."""
    publisher = portal_broker.Publisher(broker.url(user))
    with pytest.raises(portal_broker.BrokerProblem) as caught:
        publisher.publish(job or portal_jobs.reset("msp-4711", ""))
    publisher.close()
    return str(caught.value)


def test_a_job_that_no_queue_takes_is_returned(own_broker):
    binding = "bindings/%2F/e/autotask.jobs/q/autotask.jobs"
    with changed_by_admin(own_broker, "DELETE", f"{binding}/%23", None, ("POST", binding, {"routing_key": "#"})):
        text = problem(own_broker)
    assert "RabbitMQ returned the job, because no queue takes reset.msp-4711." in text and "topology apply" in text


def test_a_job_for_a_full_queue_is_not_taken(own_broker):
    policy = "policies/%2F/full"
    full = {"pattern": "^autotask\\.jobs$", "definition": {"max-length-bytes": 1}, "apply-to": "queues", "priority": 9}
    publisher = portal_broker.Publisher(own_broker.url("portal"))
    with changed_by_admin(own_broker, "PUT", policy, full, ("DELETE", policy)):
        # The queue takes jobs until it has noticed that it is full.
        with pytest.raises(portal_broker.BrokerProblem, match="its queue is full. Send the same bytes again later."):
            for _ in range(200):
                publisher.publish(portal_jobs.reset("msp-4711", ""))
    publisher.close()


@pytest.mark.parametrize(("blocked", "confirmed", "text"), [(1, 20, "short of memory or disk"), (20, 1, "did not confirm the job within 1 s")])
def test_a_broker_that_accepts_nothing_is_not_waited_for(own_broker, monkeypatch, blocked, confirmed, text):
    monkeypatch.setattr(portal_broker, "BLOCKED_SECONDS", blocked)
    monkeypatch.setattr(portal_broker, "CONFIRM_SECONDS", confirmed)
    own_broker.command("alarm", "memory")
    try:
        assert text in problem(own_broker)
    finally:
        own_broker.command("alarm", "off")


def test_a_user_without_the_right_learns_which_one(own_broker):
    assert "access to exchange 'autotask.jobs' in vhost '/' refused for user 'monitor'. Ask the operator" in problem(own_broker, "monitor")


def test_another_user_id_is_refused(own_broker, monkeypatch):
    original = portal_jobs.Job.properties
    monkeypatch.setattr(portal_jobs.Job, "properties", lambda job, user: original(job, "somebody"))
    assert "user_id property set to 'somebody' but authenticated user was 'portal'. A user_id has to be" in problem(own_broker)


def test_a_wrong_exchange_is_silent_without_confirms_and_refused_with_them(own_broker, monkeypatch):
    connection, _ = portal_broker.opened(own_broker.url("portal"))
    job = portal_jobs.reset("msp-4711", "")
    # Neither this nor the end of the connection raises.
    connection.channel().basic_publish("autotask.job", job.routing_key, job.body, job.properties("portal"), mandatory=True)
    connection.close()
    monkeypatch.setattr(portal_broker, "EXCHANGE", "autotask.job")
    assert "RabbitMQ refuses this" in problem(own_broker)


@pytest.mark.parametrize(
    ("address", "text"),
    [("portal:wrong@{}", "refuses the user portal. Check its password and the virtual host."), ("portal:x@127.0.0.1:1", "does not answer.")],
)
def test_a_broker_that_lets_nobody_in_is_named(own_broker, address, text):
    host = own_broker.url("portal").rpartition("@")[2]
    with pytest.raises(portal_broker.BrokerProblem, match=text):
        portal_broker.Publisher("amqp://" + address.format(host))


def test_a_queue_keeps_its_arguments_and_its_end_is_noticed(own_broker, monkeypatch):
    url, queue = own_broker.url("portal"), "autotask.portal.modules"
    follower = portal_broker.Follower(url, queue)
    monkeypatch.setattr(portal_broker, "QUEUE_ARGUMENTS", {})
    with pytest.raises(portal_broker.BrokerProblem, match="inequivalent arg.*a queue keeps the arguments"):
        portal_broker.Follower(url, queue)
    deliveries = follower.deliveries()
    assert next(deliveries) == (None, None)
    own_broker.manage("DELETE", f"queues/%2F/{queue}")
    with pytest.raises(portal_broker.BrokerProblem, match="was deleted. Its events are in the journal"):
        list(deliveries)
    follower.close()


def test_a_queue_and_its_events_outlive_the_broker(own_broker):
    url, queue = own_broker.url("portal"), "autotask.portal.outliving"
    follower = portal_broker.Follower(url, queue)
    deliveries = follower.deliveries()
    assert next(deliveries) == (None, None)
    own_broker.command("restart")
    with pytest.raises(portal_broker.BrokerProblem, match=r"The connection to RabbitMQ ended \(.*\). Connect again"):
        list(deliveries)
    follower.close()
    with contextlib.closing(portal_broker.opened(own_broker.environment["TEST_AMQP_URL"])[0]) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("autotask.results", "sync.succeeded.msp-1", b"event", pika.BasicProperties(delivery_mode=2), mandatory=True)
    own_broker.restart_after_power_cut()
    follower = portal_broker.Follower(url, queue)
    tag, body = next(delivery for delivery in follower.deliveries() if delivery[1])
    assert body == b"event"
    follower.acknowledge(tag)
    follower.close()


def test_the_portals_user_may_not_read_the_journal(own_broker):
    with pytest.raises(portal_broker.BrokerProblem, match="access to queue 'autotask.results.journal' in vhost '/' refused for user 'portal'"):
        list(portal_broker.journal(own_broker.url("portal"), "first"))


# Node, over a channel that behaves as amqplib's documentation says

CHANNEL = """
import { EventEmitter } from "node:events";
const { BrokerProblem, Publisher, follow } = await load("broker");
const { reset } = await load("jobs");
const channel = new EventEmitter();
const failed = (error) => (error instanceof BrokerProblem ? error.message : `a defect: ${error.stack}`);
const outcome = (promise) => promise.then(() => "confirmed", failed);
const job = reset("msp-4711", "");
"""


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        ("setImmediate(() => confirmed(null))", "confirmed"),
        ('setImmediate(() => { channel.emit("return", { properties: options }); confirmed(null); })', "RabbitMQ returned the job"),
        ('setImmediate(() => confirmed(new Error("message nacked")))', "RabbitMQ did not take the job"),
        ('setImmediate(() => { channel.emit("error", new Error("403")); channel.emit("close"); })', "RabbitMQ refuses this: 403"),
        ('setImmediate(() => channel.emit("close"))', "The channel to RabbitMQ ended"),
        ("setImmediate(() => 0)", "RabbitMQ did not confirm the job in time"),
        ('setImmediate(() => 0); ended = true', "The job was not sent: Channel closed. Send the same bytes again."),
    ],
    ids=["confirmed", "returned", "nack", "refused", "closed", "silent", "ended before"],
)
def test_a_publisher_in_node_says_what_became_of_a_job(behaviour, text):
    script = CHANNEL + (
        "let ended = false;"
        f"channel.publish = (exchange, key, body, options, confirmed) => {{ {behaviour}; print([exchange, key, options.userId, options.mandatory]);"
        'if (ended) throw new Error("Channel closed"); };'
        'const publisher = new Publisher(channel, "portal"); console.error(await outcome(publisher.publish(job, 0.2)));'
    )
    done = run_node(script)
    assert json.loads(done.stdout) == ["autotask.jobs", "reset.msp-4711", "portal", True]
    assert done.stderr.startswith(text), done.stderr


def test_a_follower_in_node_acknowledges_after_the_effect_and_in_order():
    result = node(
        CHANNEL
        + """
        const calls = [];
        let deliver;
        channel.prefetch = async () => {};
        channel.assertQueue = async (queue, options) => calls.push(["assert", queue, options]);
        channel.bindQueue = async (...binding) => calls.push(["bind", ...binding]);
        channel.consume = async (queue, callback) => (deliver = callback);
        channel.ack = (message) => calls.push(["ack", message.content]);
        const ended = new Promise((resolve) => follow(channel, "autotask.portal.x", ["#"], async (body) => {
          if (body === "broken") throw new Error("no room");
          await new Promise((done) => setTimeout(done, body === "slow" ? 30 : 0));
          calls.push(["effect", body]);
        }, (error) => resolve(error.message)));
        await new Promise((done) => setTimeout(done, 10));
        for (const content of ["slow", "fast", "broken", "later"]) deliver({ content });
        print([await ended, calls]);
        """
    )
    arguments = {"durable": True, "arguments": portal_broker.QUEUE_ARGUMENTS}
    assert result == [
        "no room",
        [
            ["assert", "autotask.portal.x", arguments],
            ["bind", "autotask.portal.x", "autotask.results", "#"],
            *[["effect", "slow"], ["ack", "slow"], ["effect", "fast"], ["ack", "fast"]],
        ],
    ]
