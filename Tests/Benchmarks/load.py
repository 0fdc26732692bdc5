"""Load for benchmarks: jobs prepared beforehand, so that nothing but publishing is measured, and a monitor that only takes the time."""

import json
import pathlib
import sys
import threading
import time
import uuid

import pika

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

import contract  # noqa: E402
import portal  # noqa: E402
from tenants import CONFIGURED, plan  # noqa: E402


class Endings:
    """When each job ended, as a monitor sees it."""

    def __init__(self, url):
        self.connection = pika.BlockingConnection(pika.URLParameters(url + "?heartbeat=0"))
        self.channel = self.connection.channel()
        # The broker deletes an exclusive queue some time after its connection has ended: the next queue needs another name.
        queue = self.channel.queue_declare(f"autotask.monitor.{uuid.uuid4().hex}", exclusive=True).method.queue
        self.channel.queue_bind(queue, "autotask.results", "#")
        self.channel.basic_consume(queue, self.receive, auto_ack=True)
        self.condition = threading.Condition()
        self.moments, self.types = {}, {}
        self.thread = threading.Thread(target=self.consume, daemon=True)
        self.thread.start()

    def consume(self):
        self.channel.start_consuming()
        self.connection.close()

    def receive(self, _channel, _delivery, properties, body):
        if b'"terminal":true' not in body:
            return
        with self.condition:
            self.moments.setdefault(properties.correlation_id, time.monotonic())
            self.types[properties.correlation_id] = properties.type
            self.condition.notify_all()

    def close(self):
        self.connection.add_callback_threadsafe(self.channel.stop_consuming)
        self.thread.join()

    def wait(self, jobs, seconds):
        deadline = time.monotonic() + seconds
        with self.condition:
            while not all(job in self.moments for job in jobs):
                rest = deadline - time.monotonic()
                if rest <= 0:
                    missing = [job for job in jobs if job not in self.moments]
                    raise SystemExit(f"{len(missing)} of {len(jobs)} jobs did not end within {seconds} s")
                self.condition.wait(min(rest, 1))
        return max(self.moments[job] for job in jobs)


class Load:
    """Jobs, prepared beforehand so that nothing but publishing is measured."""

    def __init__(self, url, key):
        self.user = pika.URLParameters(url).credentials.username
        self.connection = pika.BlockingConnection(pika.URLParameters(url + "?heartbeat=0"))
        self.channel = self.connection.channel()
        self.key = key

    def chain(self, tenant, username, secret):
        connect_id = portal.new_id()
        sealed = portal.seal(self.key, connect_id, tenant, "workplace", {"username": username, "secret": secret})
        return [
            portal.envelope("connect", tenant, {"firstConfiguredAt": CONFIGURED, "credentials": sealed}, connect_id),
            portal.envelope("sync", tenant, plan_of(tenant)),
        ]

    def publish(self, jobs):
        for job in jobs:
            kind = job["type"].removeprefix(contract.JOB_PREFIX)
            properties = pika.BasicProperties(
                content_type="application/cloudevents+json", delivery_mode=2, message_id=job["id"], type=job["type"], user_id=self.user
            )
            self.channel.basic_publish("autotask.jobs", f"{kind}.{job['subject']}", json.dumps(job).encode(), properties)
        self.connection.process_data_events(0)


def plan_of(tenant, suffix=""):
    """Four services with names of the tenant's own: tenants that share a database must not clash. A suffix makes another plan."""
    services = plan(4)
    services["planId"] += suffix
    for service in services["services"]:
        service["name"] += f" of {tenant}{suffix}"
    return services


def database(number, users):
    return {
        "databaseId": number,
        "zone": "AE02",
        "users": [{"username": user, "secret": f"Secret-{user}"} for user in users],
        "billingCodes": [{"id": 29683001, "name": "Recurring services", "isActive": True, "useType": 5}],
    }
