"""The users of `deploy/rabbitmq`, against a real broker: what each may do, and that it may do nothing else."""

import contextlib
import urllib.error
import urllib.parse
import urllib.request

import pika
import pika.exceptions
import pytest

from processes import Broker, poll

DOOR = JOBS = "autotask.jobs"
RESULTS, JOURNAL, DEAD = "autotask.results", "autotask.results.journal", "autotask.dead"
USERS = ["portal", "monitor", "worker", "operator", "reseller-acme"]
NOBODY = set()
FOLLOWERS = {"portal", "monitor", "operator", "reseller-acme"}
# The reseller's keys have to name a tenant of its own.
OWN = {"reseller-acme": "*.*.acme-1"}


@pytest.fixture(scope="module")
def rights_broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("rights") / "broker")
    broker.add_users("reseller.json")
    yield broker
    broker.stop()


@contextlib.contextmanager
def channel_of(user, broker):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url(user)))
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


def own(user):
    """A name in the user's own name space."""
    return {"portal": "autotask.portal.x", "monitor": "autotask.monitor.x"}.get(user, f"autotask.portal.{user}.x")


def publish(channel, exchange, key, **properties):
    channel.confirm_delivery()
    channel.basic_publish(exchange, key, b"", pika.BasicProperties(**properties), mandatory=True)


def with_queue(channel, user, **arguments):
    channel.queue_declare(own(user), exclusive=True, arguments=arguments)
    return own(user)


def with_exchange(channel, user, **arguments):
    channel.exchange_declare(own(user), "topic", auto_delete=False, arguments=arguments)
    return own(user)


def key(user, other="#"):
    return OWN.get(user, other)


# Operations, and the users that may do them.
ATTEMPTS = {
    # The job queue.
    "consume the door": (lambda channel, user: channel.basic_consume(DOOR, print), {"worker", "operator"}),
    "purge the door": (lambda channel, user: channel.queue_purge(DOOR), {"worker", "operator"}),
    "get from the door": (lambda channel, user: channel.basic_get(DOOR), NOBODY),
    "write into the door past its exchange": (lambda channel, user: publish(channel, "", DOOR), NOBODY),
    "publish a job": (lambda channel, user: publish(channel, JOBS, "sync.acme-1"), {"portal", "operator", "reseller-acme"}),
    "publish another tenant's job": (lambda channel, user: publish(channel, JOBS, "sync.msp-1"), {"portal", "operator"}),
    "publish a job of all tenants": (lambda channel, user: publish(channel, JOBS, "sync.acme-1.msp-1"), {"portal", "operator"}),
    "publish as another": (lambda channel, user: publish(channel, JOBS, "sync.acme-1", user_id="somebody"), NOBODY),
    "read jobs in an own queue": (lambda channel, user: channel.queue_bind(with_queue(channel, user), JOBS, key(user)), {"operator"}),
    "read jobs in an own exchange": (lambda channel, user: channel.exchange_bind(with_exchange(channel, user), JOBS, "#"), {"operator"}),
    "send jobs to monitors": (lambda channel, user: channel.exchange_bind(RESULTS, JOBS, "x"), {"operator"}),
    "take jobs away from the door": (lambda channel, user: channel.queue_unbind(DOOR, JOBS, "none"), {"operator"}),
    # The job queue and its exchange have one name in RabbitMQ. So a user that may publish jobs may also have results sent there, as untrusted messages.
    "send results to the door": (
        lambda channel, user: channel.queue_bind(DOOR, RESULTS, key(user, "x.x.x")),
        {"portal", "operator", "reseller-acme"},
    ),
    # Results.
    "publish results": (lambda channel, user: publish(channel, RESULTS, "x.x.acme-1"), {"worker", "operator"}),
    "write into the journal": (lambda channel, user: publish(channel, "", JOURNAL), NOBODY),
    "follow results": (lambda channel, user: channel.queue_bind(with_queue(channel, user), RESULTS, key(user)), FOLLOWERS),
    "follow all results": (lambda channel, user: channel.queue_bind(with_queue(channel, user), RESULTS, "#"), FOLLOWERS - {"reseller-acme"}),
    "follow another tenant's results": (
        lambda channel, user: channel.queue_bind(with_queue(channel, user), RESULTS, "*.*.msp-1"),
        FOLLOWERS - {"reseller-acme"},
    ),
    "follow all tenants' results": (
        lambda channel, user: channel.queue_bind(with_queue(channel, user), RESULTS, "*.*.*"),
        FOLLOWERS - {"reseller-acme"},
    ),
    "follow all results in an own exchange": (
        lambda channel, user: channel.exchange_bind(with_exchange(channel, user), RESULTS, "#"),
        FOLLOWERS - {"reseller-acme"},
    ),
    "replay the journal": (
        lambda channel, user: (channel.basic_qos(prefetch_count=1), channel.basic_consume(JOURNAL, print)),
        {"monitor", "operator"},
    ),
    "publish results from an own exchange": (lambda channel, user: channel.exchange_bind(RESULTS, with_exchange(channel, user), "#"), {"operator"}),
    "publish results by an own alternate exchange": (
        lambda channel, user: with_exchange(channel, user, **{"alternate-exchange": RESULTS}),
        {"operator"},
    ),
    "publish results by dead letters": (
        lambda channel, user: with_queue(channel, user, **{"x-dead-letter-exchange": RESULTS}),
        {"operator"},
    ),
    "unbind the journal": (lambda channel, user: channel.queue_unbind(JOURNAL, RESULTS, "none"), {"operator"}),
    # What the broker gave up on.
    "read dead messages": (lambda channel, user: channel.basic_get(DEAD), {"operator"}),
    "purge dead messages": (lambda channel, user: channel.queue_purge(DEAD), {"operator"}),
    "write dead messages": (lambda channel, user: publish(channel, DEAD, ""), {"operator"}),
    "follow dead messages": (lambda channel, user: channel.queue_bind(with_queue(channel, user), DEAD, ""), {"operator"}),
    # Names.
    "have an own durable queue": (lambda channel, user: channel.queue_declare(own(user), durable=True), FOLLOWERS),
    "have a queue beside the house": (lambda channel, user: channel.queue_declare("elsewhere", exclusive=True), NOBODY),
    "have a queue of no name": (lambda channel, user: channel.queue_declare("", exclusive=True), NOBODY),
    "have a queue in the house": (lambda channel, user: channel.queue_declare("autotask.new", exclusive=True), {"operator"}),
    "have a portal's queue": (lambda channel, user: channel.queue_declare("autotask.portal.y", exclusive=True), {"portal", "operator"}),
    "have another reseller's queue": (
        lambda channel, user: channel.queue_declare("autotask.portal.reseller-acme2.y", exclusive=True),
        {"portal", "operator"},
    ),
    "have a monitor's queue": (lambda channel, user: channel.queue_declare("autotask.monitor.y", exclusive=True), {"monitor", "operator"}),
    "publish to the broker's own exchanges": (lambda channel, user: publish(channel, "amq.topic", "x"), NOBODY),
    "listen to the broker's trace": (
        lambda channel, user: channel.queue_bind(with_queue(channel, user), "amq.rabbitmq.trace", "#"),
        NOBODY,
    ),
}
# By another obstacle than the user's permissions: one active consumer has the job queue.
OTHERWISE_REFUSED = {("get from the door", "worker"), ("get from the door", "operator")}


@pytest.fixture
def clean(rights_broker):
    """Removes what the attempts made."""
    yield
    with channel_of("operator", rights_broker) as channel:
        for user in USERS:
            channel.exchange_delete(own(user))
            channel.queue_delete(own(user))
        channel.exchange_unbind(RESULTS, JOBS, "x")
        for routing_key in ("x.x.x", "*.*.acme-1"):
            channel.queue_unbind(DOOR, RESULTS, routing_key)


def refusal(user, broker, action):
    """The code with which the broker refuses it; `None` when it does not."""
    with channel_of(user, broker) as channel:
        try:
            action(channel, user)
        except pika.exceptions.ChannelClosedByBroker as refusal:
            return refusal.reply_code
    return None


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_each_user_may_do_what_it_is_for_and_nothing_else(rights_broker, clean, attempt):
    action, allowed = ATTEMPTS[attempt]
    refusals = {user: refusal(user, rights_broker, action) for user in USERS}
    assert {user for user, code in refusals.items() if code is None} == allowed
    # A user_id other than one's own is refused with 406, where publishing is allowed.
    by_rights = {None, 403, 406} if attempt == "publish as another" else {None, 403}
    assert {(attempt, user) for user, code in refusals.items() if code not in by_rights} <= OTHERWISE_REFUSED, refusals


@pytest.mark.parametrize("user", sorted(set(USERS) - {"operator"}))
def test_nobody_but_the_operator_deletes_what_all_share(rights_broker, user):
    for name in (DOOR, JOURNAL, DEAD):
        assert refusal(user, rights_broker, lambda channel, _, name=name: channel.queue_delete(name)) == 403
    for name in (JOBS, RESULTS, DEAD):
        assert refusal(user, rights_broker, lambda channel, _, name=name: channel.exchange_delete(name)) == 403


@pytest.mark.parametrize("user", USERS)
def test_the_management_api_is_for_operators(rights_broker, user):
    url = urllib.parse.urlsplit(rights_broker.environment["TEST_MANAGEMENT_URL"])

    def status(path):
        credentials = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        root = f"http://{url.hostname}:{url.port}/api/"
        credentials.add_password(None, root, user, f"{user}-on-loopback")
        try:
            with urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(credentials)).open(root + path, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert status("queues/%2F") == (200 if user == "operator" else 401)
    assert status("users") == 401


@pytest.mark.parametrize("user", sorted(set(USERS) - {"operator"}))
def test_a_user_who_may_not_collect_dead_messages_learns_which_right_it_lacks(rights_broker, worker, user):
    with channel_of("operator", rights_broker) as channel:
        # Other tests leave messages there.
        channel.queue_purge(DEAD)
        publish(channel, DEAD, "", delivery_mode=2)
        refused = worker.run("dead-letters", "collect", AMQP_URL=rights_broker.url(user))
        assert refused.returncode == 69, refused
        assert f"access to queue '{DEAD}' in vhost '/' refused for user '{user}'" in refused.stderr, refused
        assert f"Set AMQP_URL to a user that may read {DEAD}" in refused.stderr, refused
        assert channel.queue_purge(DEAD).method.message_count == 1


def test_followers_cannot_fill_the_brokers_disk(rights_broker):
    with channel_of("monitor", rights_broker) as channel:
        channel.queue_declare("autotask.monitor.limited", exclusive=True)
        # The management API knows it a moment later.
        policy = poll(lambda: rights_broker.manage("GET", "queues/%2F/autotask.monitor.limited").get("policy"), 20, "the queue's policy")
    assert policy == "autotask-followers-limit"
