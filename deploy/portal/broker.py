"""The broker as a portal uses it: publish a job until RabbitMQ confirms it, follow results in a durable queue, read the journal.

Each failure is a `BrokerProblem` whose text says what happened and what to do next.
"""

import concurrent.futures
import contextlib
import logging
import threading

import pika
from pika import exceptions

from jobs import EXCHANGE

RESULTS = "autotask.results"
JOURNAL = "autotask.results.journal"
#: Every node of a cluster has the queue's events on disk. One process of the portal reads them, in their order; others are on standby. A full
#: queue drops its oldest events, because one that refuses events holds up those of the tenant. RabbitMQ 4 drops an event at its 20th delivery,
#: unless the queue has a limit of its own.
QUEUE_ARGUMENTS = {
    "x-queue-type": "quorum",
    "x-single-active-consumer": True,
    "x-overflow": "drop-head",
    "x-delivery-limit": 1_000_000,
}
CONFIRM_SECONDS = 20
BLOCKED_SECONDS = 15

# Each failure is raised; the client would log it too.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class BrokerProblem(Exception):
    """RabbitMQ did not do what it was asked for."""


class Publisher:
    """Publishes jobs, one at a time. A job is published when RabbitMQ has confirmed it, and not before."""

    def __init__(self, url):
        self.connection, self.user = opened(url)
        with named_failures(self.user):
            self.channel = self.connection.channel()
            self.channel.confirm_delivery()

    def publish(self, job):
        """Returns when the job is in a queue. After a `BrokerProblem` it may be there or not, and this publisher can be closed, nothing else."""
        with named_failures(self.user):
            within(
                CONFIRM_SECONDS,
                lambda: self.channel.basic_publish(EXCHANGE, job.routing_key, job.body, job.properties(self.user), mandatory=True),
            )

    def close(self):
        close(self.connection)


class Follower:
    """Follows results in a queue of its own, which keeps events while the portal does not run."""

    def __init__(self, url, queue, bindings=("#",)):
        self.connection, self.user = opened(url)
        self.queue = queue
        with named_failures(self.user):
            self.channel = self.connection.channel()
            self.channel.basic_qos(prefetch_count=100)
            self.channel.queue_declare(queue, durable=True, arguments=QUEUE_ARGUMENTS)
            for key in bindings:
                self.channel.queue_bind(queue, RESULTS, key)

    def deliveries(self):
        """Events as they arrive, as (tag, body), and (None, None) after each half second without one."""
        with named_failures(self.user):
            for delivery, _, body in self.channel.consume(self.queue, inactivity_timeout=0.5):
                yield (delivery.delivery_tag, body) if delivery else (None, None)
        raise BrokerProblem(f"The queue {self.queue} was deleted. Its events are in the journal: have a monitor replay it.")

    def acknowledge(self, tag):
        """To be called when the effect of the event is committed."""
        with named_failures(self.user):
            self.channel.basic_ack(tag)

    def close(self):
        close(self.connection)


def journal(url, offset, silence=3):
    """The bodies of the journal's events from an offset on (`first`, or an interval such as `24h`), until none came for `silence` seconds.

    The journal is a stream: a consumer names an offset and a prefetch count, and acknowledges, and every consumer gets all events. The user
    portal may not read it: `url` is a monitor's.
    """
    connection, user = opened(url)
    try:
        with named_failures(user):
            channel = connection.channel()
            channel.basic_qos(prefetch_count=100)
            for delivery, _, body in channel.consume(JOURNAL, inactivity_timeout=silence, arguments={"x-stream-offset": offset}):
                if delivery is None:
                    return
                yield body
                channel.basic_ack(delivery.delivery_tag)
    finally:
        close(connection)


# Failures


def opened(url):
    """A connection, and its user. Either side notices within a minute that the other is gone."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 30
    parameters.blocked_connection_timeout = BLOCKED_SECONDS
    parameters.client_properties = {"connection_name": "example portal"}
    place, user = f"RabbitMQ at {parameters.host}:{parameters.port}", parameters.credentials.username
    try:
        return pika.BlockingConnection(parameters), user
    except (exceptions.ProbableAuthenticationError, exceptions.ProbableAccessDeniedError) as error:
        raise BrokerProblem(f"{place} refuses the user {user}. Check its password and the virtual host.") from error
    except (exceptions.AMQPError, OSError) as error:
        raise BrokerProblem(f"{place} does not answer. Check the address, and that RabbitMQ runs.") from error


@contextlib.contextmanager
def named_failures(user):
    """Turns what the client raises into a `BrokerProblem`."""
    try:
        yield
    except (exceptions.AMQPError, concurrent.futures.TimeoutError) as error:
        raise BrokerProblem(described(error, user)) from error


def described(error, user):
    if isinstance(error, exceptions.ChannelClosedByBroker):
        advice = {
            403: f"Ask the operator for the permissions that deploy/rabbitmq gives the user {user}.",
            404: "Ask the operator to run: autotask-worker topology apply",
            406: "A user_id has to be the connection's own user, and a queue keeps the arguments that it was declared with.",
        }
        return f"RabbitMQ refuses this: {error.reply_text}. {advice.get(error.reply_code, 'Ask the operator.')}"
    if isinstance(error, exceptions.UnroutableError):
        key = error.messages[0].method.routing_key
        return f"RabbitMQ returned the job, because no queue takes {key}. Ask the operator to run: autotask-worker topology apply"
    if isinstance(error, exceptions.NackError):
        return "RabbitMQ did not take the job, because its queue is full. Send the same bytes again later."
    if isinstance(error, exceptions.ConnectionBlockedTimeout):
        return "RabbitMQ accepts nothing, because it is short of memory or disk. Send the same bytes again later."
    if isinstance(error, concurrent.futures.TimeoutError):
        return f"RabbitMQ did not confirm the job within {CONFIRM_SECONDS} s. Send the same bytes again."
    return f"The connection to RabbitMQ ended ({type(error).__name__}). Connect again, and send the same bytes again."


def within(seconds, action):
    """Runs a call of the client, which has no timeout of its own. After a timeout its connection is of no more use."""
    result = concurrent.futures.Future()

    def run():
        try:
            result.set_result(action())
        except BaseException as error:  # It is raised where the result is read.
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result.result(seconds)


def close(connection):
    """Closes a connection that may be closed already, or in use by a call that timed out."""
    with contextlib.suppress(exceptions.AMQPError, OSError):
        if connection.is_open:
            within(5, connection.close)
