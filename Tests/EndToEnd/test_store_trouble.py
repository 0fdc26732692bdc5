"""The disk of the store is full, or the file is no store: the worker acknowledges nothing, reports it, and goes on without help."""

import contextlib
import os
import sqlite3
import subprocess

import pytest

from processes import fill, poll
from tenants import plan


def test_a_full_disk_loses_nothing(small_disk, other_worker, tenant):
    worker = other_worker
    worker.start(**worker.own_store(small_disk / "store.sqlite"), OPERATIONS_LISTEN="127.0.0.1:0")
    tenant.connected()
    fill(small_disk)
    # Larger than what is left of the log.
    jobs = [tenant.publish("sync", plan(250, planId=f"plan-{number}")) for number in range(4)]
    poll(lambda: worker.health()[0] == 503, 20, "not ready with a full disk")
    assert "free space" in worker.health()[1]["checks"]["store"][0]["output"]
    assert not any(job.endings for job in jobs)
    (small_disk / "ballast").unlink()
    for job in jobs:
        assert job.ending(60)
    poll(lambda: worker.health()[0] == 200, 20, "ready again")


@pytest.mark.parametrize("trouble", ["damaged", "newer", "read-only"])
def test_what_is_no_store_to_work_with_is_refused_at_the_start(small_disk, other_worker, trouble):
    worker = other_worker
    store = small_disk / "store.sqlite"
    worker.start(**worker.own_store(store))
    worker.stop()
    if trouble == "damaged":
        for name in os.listdir(small_disk):
            (small_disk / name).write_bytes(b"x" * 20000)
    elif trouble == "newer":
        with contextlib.closing(sqlite3.connect(store)) as database:
            database.execute("INSERT INTO grdb_migrations (identifier) VALUES ('99')")
            database.commit()
    else:
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    before = store.read_bytes()
    begun = len(worker.log)
    worker.start(await_jobs=False, **worker.own_store(store))
    assert worker.process.wait(timeout=20) == 69
    advice = {"damaged": "STORE_URL", "newer": "newer program", "read-only": "may be written"}[trouble]
    assert advice in worker.log[begun:], worker.log[begun:]
    assert store.read_bytes() == before
    assert os.listdir(small_disk)
