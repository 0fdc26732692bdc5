"""Invariants over the whole run."""

import pathlib

import pika
import pytest

import contract

pytestmark = pytest.mark.last


def test_every_job_ended_in_exactly_one_terminal_event(monitor):
    ids = monitor.terminal_ids()
    assert ids
    assert {job: found for job, found in ids.items() if len(found) > 1} == {}


def test_a_repeated_event_is_the_same_event(monitor):
    first = {}
    for event in monitor.events:
        known = first.setdefault(event["id"], event)
        if event["data"].get("erased") is not True:
            assert event == known


def test_sequences_are_gapless_from_one_and_arrive_in_order(monitor):
    sequences = monitor.sequences()
    assert sequences
    assert {key: numbers for key, numbers in sequences.items() if numbers != list(range(1, len(numbers) + 1))} == {}


def test_every_built_event_was_seen_or_needs_rarer_circumstances(monitor, request):
    modules = {item.path for item in request.session.items}
    if modules != set(pathlib.Path(__file__).parent.glob("test_*.py")):
        pytest.skip("only some of the tests run")
    seen = {event["type"].removeprefix(contract.EVENT_PREFIX) for event in monitor.events}
    built = {name[7:-5] for name, schema in contract.schemas().items() if name.startswith("events/") and schema["x-status"] == "built"}
    assert built - seen <= {"job.abandoned", "sync.progress", "sync.started"}
    assert seen <= built


def test_nothing_is_left_in_the_broker(worker, broker):
    worker.stop()
    try:
        connection = pika.BlockingConnection(pika.URLParameters(broker.url("operator")))
        channel = connection.channel()
        left = {name: channel.queue_declare(name, passive=True).method.message_count for name in ("autotask.jobs", "autotask.dead")}
        connection.close()
    finally:
        worker.start()
    assert left == {"autotask.jobs": 0, "autotask.dead": 0}
