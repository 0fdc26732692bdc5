"""The record of the run: every event in the stream `autotask.results.journal`, read from its first offset."""

import contextlib
import json
import time

import pika

QUEUE = "autotask.results.journal"


def read(url, quiet_seconds=3):
    """All events of the stream in its order, repetitions included. It has no end: it is over when nothing more comes for a while."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    with contextlib.closing(connection):
        channel = connection.channel()
        count = channel.queue_declare(QUEUE, passive=True).method.message_count
        channel.basic_qos(prefetch_count=1000)
        events = []
        last = time.monotonic()
        for delivery, _, body in channel.consume(QUEUE, arguments={"x-stream-offset": "first"}, inactivity_timeout=0.5):
            if delivery is None:
                if time.monotonic() - last > quiet_seconds:
                    break
                continue
            last = time.monotonic()
            events.append(json.loads(body))
            channel.basic_ack(delivery.delivery_tag)
        channel.cancel()
    if len(events) < count:
        raise AssertionError(f"the stream holds {count} events, and gave {len(events)}")
    return events
