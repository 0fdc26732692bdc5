"""A monitor: binds a queue of its own to the results, and holds every event to the contract as it arrives."""

import collections
import json
import threading
import time

import pika
import pika.exceptions

import contract

EXCHANGE = "autotask.results"
PROPERTIES = ("content_type", "delivery_mode", "message_id", "type", "timestamp", "user_id", "correlation_id", "expiration", "headers")


class Monitor:
    """Collects all events on a thread of its own; waits are for conditions, with a deadline.

    Its queue is durable, so that it misses nothing when the broker restarts.
    """

    QUEUE = "autotask.monitor.end-to-end"

    def __init__(self, url):
        self.parameters = pika.URLParameters(url)
        self.parameters.heartbeat = 0
        self.condition = threading.Condition()
        self.events = []
        self.bodies = []
        self.problems = []
        self.is_closing = False
        self.connect()
        self.thread = threading.Thread(target=self.consume, daemon=True)
        self.thread.start()

    def connect(self):
        self.connection = pika.BlockingConnection(self.parameters)
        self.channel = self.connection.channel()
        self.channel.queue_declare(self.QUEUE, durable=True)
        self.channel.queue_bind(self.QUEUE, EXCHANGE, "#")
        self.channel.basic_consume(self.QUEUE, self.receive)

    def consume(self):
        while True:
            try:
                self.channel.start_consuming()
                return
            except pika.exceptions.AMQPError:
                self.reconnect()

    def reconnect(self):
        """Waits until the broker is there again. A test that waits for an event has the deadline."""
        while not self.is_closing:
            try:
                return self.connect()
            except (pika.exceptions.AMQPError, OSError):
                time.sleep(0.2)

    def close(self):
        self.is_closing = True
        self.connection.add_callback_threadsafe(self.channel.stop_consuming)
        self.thread.join(timeout=10)
        self.connection.close()

    def receive(self, channel, delivery, properties, body):
        try:
            event = json.loads(body)
            problems = [f"{event.get('type')} {event.get('id')}: {problem}" for problem in self.problems_of(event, delivery, properties)]
        except Exception as error:  # Whatever it is, the test that waits has to see it.
            event, problems = {}, [f"{body[:200]!r}: {error!r}"]
        with self.condition:
            self.events.append(event)
            self.bodies.append(body)
            self.problems += problems
            self.condition.notify_all()
        channel.basic_ack(delivery.delivery_tag)

    def problems_of(self, event, delivery, properties):
        yield from (f"{place} {message}" for place, message in contract.errors(contract.event_schema(event), event))
        present = {name: getattr(properties, name) for name in PROPERTIES if getattr(properties, name) is not None}
        yield from (f"property {place} {message}" for place, message in contract.errors("common/event-properties.json", present))
        if delivery.routing_key != f"{event['type'].removeprefix(contract.EVENT_PREFIX)}.{event['subject']}":
            yield f"routing key {delivery.routing_key}"
        for name, attribute in (("message_id", "id"), ("type", "type"), ("correlation_id", "jobid")):
            if present.get(name) != event.get(attribute):
                yield f"{name} is {present.get(name)}, {attribute} is {event.get(attribute)}"
        if event.get("jobid") != event["data"].get("jobId"):
            yield "jobid and data.jobId differ"
        for error in errors_within(event):
            expected = contract.error_codes()[error["code"]]
            # The case at hand decides whether to ask again: a certificate that does not hold, a key that is missing for now. And only the
            # portal can add what it left out.
            varying = {"internal": "retryable", "network": "retryable", "integration_not_available": "fixableBy"}.get(error["code"])
            if any(error[name] != expected[name] for name in ("category", "retryable", "fixableBy") if name != varying):
                yield f"{error['code']} is not as the catalogue says"
        # The id is claimed: the corrected message needs another one.
        if event["type"].removeprefix(contract.EVENT_PREFIX) in ("job.rejected", "job.conflict", "job.expired"):
            error = event["data"].get("error")
            if error and "new id" not in error["hint"]:
                yield f"{error['code']} does not ask for a new id: {error['hint']}"
        if event["data"].get("erased") is True and set(event["data"]) != {"jobId", "erased"}:
            yield "an erased event has more than that"

    def take_problems(self):
        """Violations of the contract since the last call."""
        with self.condition:
            problems, self.problems = self.problems, []
            return problems

    # Looking

    def of_job(self, tenant, job_id):
        return [event for event in self.events if event.get("subject") == tenant and event.get("jobid") == job_id]

    def endings(self, tenant, job_id):
        return [event for event in self.of_job(tenant, job_id) if event["terminal"]]

    def of_tenant(self, tenant, event_type=None):
        return [
            event
            for event in self.events
            if event.get("subject") == tenant and (event_type is None or event["type"] == contract.EVENT_PREFIX + event_type)
        ]

    # Waiting

    def wait(self, condition, what, seconds=30):
        """Waits until `condition()` returns a true value, and returns it."""
        deadline = time.monotonic() + seconds
        with self.condition:
            while not (answer := condition()):
                rest = deadline - time.monotonic()
                assert rest > 0, f"no {what} within {seconds} s; the last events: {[event.get('type') for event in self.events[-8:]]}"
                assert self.thread.is_alive(), "the monitor's connection is gone"
                self.condition.wait(min(rest, 1))
            return answer

    def ending(self, tenant, job_id, seconds=30, count=1):
        """The event in which a job ends. With a count, waits until it was published that often."""
        return self.wait(
            lambda: len(found := self.endings(tenant, job_id)) >= count and found[-1], f"end of {tenant}'s job {job_id}", seconds
        )

    # The whole run

    def terminal_ids(self):
        """By (tenant, job), the ids of the terminal events that were seen."""
        ids = collections.defaultdict(set)
        for event in self.events:
            if event.get("terminal"):
                ids[event["subject"], event["jobid"]].add(event["id"])
        return ids

    def sequences(self):
        """By (tenant, product, epoch), the sequence numbers in the order of arrival, repeated events left out."""
        seen, numbers = set(), collections.defaultdict(list)
        for event in self.events:
            if "sequence" in event and event["id"] not in seen:
                seen.add(event["id"])
                numbers[event["subject"], event["product"], event["epoch"]].append(int(event["sequence"]))
        return numbers


def errors_within(value):
    """Every error object in an event."""
    if isinstance(value, dict):
        if {"code", "category"} <= set(value):
            yield value
        for member in value.values():
            yield from errors_within(member)
    elif isinstance(value, list):
        for element in value:
            yield from errors_within(element)
