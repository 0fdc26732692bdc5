"""On SIGTERM the worker ends or pauses running jobs and loses nothing; a second signal ends it at once."""

import signal
import time

from processes import poll
from tenants import plan


def test_a_sync_parks_at_the_next_service_and_the_program_ends_well(tenant, worker):
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=200, entity="Services")
    job = tenant.publish("sync", plan(60))
    tenant.database.await_calls(3, operation="create")
    begun = time.monotonic()
    worker.stop()
    # All sixty would have taken twelve seconds more.
    assert time.monotonic() - begun < 8
    done = len(tenant.database.services())
    assert 2 <= done < 60
    fault.clear()
    assert not job.endings
    worker.start()
    tenant.expect(job.ending(60), "sync.succeeded")
    assert len(tenant.database.services()) == 60
    assert [event["type"] for event in job.events if event["type"].endswith("deferred")] == []


def test_a_worker_that_has_just_started_ends_well(other_worker):
    for _ in range(5):
        begun = len(other_worker.log)
        other_worker.start(await_jobs=False)
        poll(lambda: "Worker starts" in other_worker.log[begun:], 20, "the start", other_worker.process)
        other_worker.stop()


def test_a_call_that_hangs_does_not_hold_up_the_end(tenant, worker):
    tenant.connected()
    worker.stop()
    worker.start(SHUTDOWN_SECONDS="3")
    fault = tenant.database.fault("latency", milliseconds=20000, entity="Services")
    job = tenant.publish("sync", plan(2))
    tenant.database.await_calls(1, entity="Services", operation="query")
    begun = time.monotonic()
    worker.stop()
    assert time.monotonic() - begun < 6
    fault.clear()
    worker.start()
    tenant.expect(job.ending(60), "sync.succeeded")
    assert len(tenant.database.services()) == 2


def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(tenant, worker):
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=20000, entity="Services")
    job = tenant.publish("sync", plan(2))
    tenant.database.await_calls(1, entity="Services", operation="query")
    begun = len(worker.log)
    worker.process.send_signal(signal.SIGTERM)
    poll(lambda: "Shutting down:" in worker.log[begun:], 10, "the first signal", worker.process)
    worker.process.send_signal(signal.SIGTERM)
    status = worker.process.wait(timeout=5)
    assert status == 128 + signal.SIGTERM, worker.log[-2000:]
    worker.process = None
    fault.clear()
    worker.start()
    tenant.expect(job.ending(60), "sync.succeeded")
    assert len(tenant.database.services()) == 2
