"""Others use the store while a worker runs: they read it for long, move it, replace it, damage a row, migrate it to a newer schema."""

import contextlib
import fcntl
import os
import sqlite3
import subprocess
import sys

import pytest

from processes import poll
from tenants import plan

# Holds a snapshot of a store until its standard input ends.
READER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN")
database.execute("SELECT COUNT(*) FROM lanes").fetchone()
print("reading", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def long_reader(store):
    with subprocess.Popen([sys.executable, "-c", READER, store], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "reading\n"
        yield reader


@contextlib.contextmanager
def many_locks(path):
    """Locks of another file, which the kernel lists ahead of older ones: it has a list for each processor."""
    with open(path, "wb") as file:
        processors = sorted(os.sched_getaffinity(0))
        try:
            for number, processor in enumerate(processors):
                os.sched_setaffinity(0, {processor})
                for place in range(300):
                    fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * (300 * number + place))
        finally:
            os.sched_setaffinity(0, processors)
        yield


def change(store, *statements):
    with contextlib.closing(sqlite3.connect(store, timeout=10)) as database:
        for statement in statements:
            database.execute(*statement)
        database.commit()


def rows(store, statement, *values):
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        return database.execute(statement, values).fetchall()


def files_hold(store, trace):
    return any(trace in path.read_bytes() for path in store.parent.glob(store.name + "*") if path.suffix != ".log")


@pytest.fixture
def observed(other_worker):
    """The worker, with health checks."""
    other_worker.start(OPERATIONS_LISTEN="127.0.0.1:0")
    return other_worker


def store_check(worker):
    return worker.health()[1]["checks"]["store"][0]


# A reader


def test_a_reader_delays_a_reset_s_event_alone_and_is_named(new_tenant, observed, tmp_path):
    reset, other = new_tenant().connected(), new_tenant().connected()
    reset.expect(reset.sync(plan(2)), "sync.succeeded")
    with long_reader(observed.store_path) as reader, many_locks(tmp_path / "locks"):
        job = reset.publish("reset", {"confirm": True})
        poll(lambda: rows(observed.store_path, "SELECT 1 FROM jobs WHERE job_id = ? AND finished_at IS NOT NULL", job.id), 20, "the erasure")
        # What follows in the lane keeps its place behind it.
        again = reset.connect_job().publish()
        poll(lambda: rows(observed.store_path, "SELECT 1 FROM jobs WHERE job_id = ? AND finished_at IS NOT NULL", again.id), 20, "a connect")
        for _ in range(5):
            other.expect(other.sync(plan(3)), "sync.succeeded")
        assert not job.endings, "the reset's event came while what it erased is still in the store's log"
        assert not again.endings, "an event overtook the reset's"
        with contextlib.suppress(AssertionError):
            poll(lambda: str(reader.pid) in store_check(observed)["output"], 20, "the reader's name", observed.process)
        assert str(reader.pid) in store_check(observed)["output"], store_check(observed)
        status, health = observed.health()
        assert status == 200 and health["checks"]["lease"][0]["status"] == "pass", health
        poll(lambda: f"process {reader.pid}" in observed.cli("doctor", expect=None), 30, "the reader's name in doctor")
        reader.stdin.close()
    reset.expect(job.ending(), "integration.reset")
    reset.expect(again.ending(), "connection.established")
    assert observed.store_path.with_name(observed.store_path.name + "-wal").stat().st_size < 1 << 20
    assert store_check(observed)["status"] == "pass"


def test_a_reset_s_event_that_waits_outlives_its_worker(new_tenant, other_worker):
    worker = other_worker
    worker.start()
    tenant = new_tenant().connected()
    tenant.expect(tenant.sync(plan(2)), "sync.succeeded")
    with long_reader(worker.store_path) as reader:
        job = tenant.publish("reset", {"confirm": True})
        poll(lambda: rows(worker.store_path, "SELECT 1 FROM jobs WHERE job_id = ? AND finished_at IS NOT NULL", job.id), 20, "the erasure")
        worker.kill()
        worker.start()
        second = tenant.connect_job().publish()
        poll(lambda: rows(worker.store_path, "SELECT 1 FROM jobs WHERE job_id = ? AND finished_at IS NOT NULL", second.id), 30, "a connect")
        assert not job.endings and not second.endings
        reader.stdin.close()
    tenant.expect(job.ending(), "integration.reset")
    tenant.expect(second.ending(), "connection.established")
    sequence = [(event["type"], event.get("epoch")) for event in tenant.events() if event["type"].endswith(("reset", "established"))]
    assert [kind.rpartition(".")[2] for kind, _ in sequence] == ["established", "reset", "established"], sequence


# The file


@pytest.mark.parametrize("way", ["moved", "deleted", "replaced"])
def test_a_worker_whose_file_is_not_at_its_place_ends_and_acknowledges_nothing_more(new_tenant, other_worker, tmp_path, way):
    worker = other_worker
    store = tmp_path / "store.sqlite"
    own = worker.own_store(store)
    worker.start(OPERATIONS_LISTEN="127.0.0.1:0", **own)
    tenant = new_tenant().connected()
    worker.suspend()
    kept = tmp_path / "kept"
    kept.mkdir()
    content = {path: path.read_bytes() for path in tmp_path.glob("store.sqlite*") if not path.name.endswith("-shm")}
    for path in tmp_path.glob("store.sqlite*"):
        if way == "deleted":
            path.unlink()
        else:
            path.rename(kept / path.name)
    if way == "replaced":
        store.write_bytes(content[store])
    job = tenant.publish("sync", plan(2))
    worker.resume()
    assert worker.process.wait(timeout=30) == 69, worker.log[-2000:]
    worker.process = None
    assert f"The store's file is not at {store} any more" in worker.log.splitlines()[-1], worker.log[-2000:]
    assert not job.endings
    for path, data in content.items():
        path.write_bytes(data)
    worker.start(**own)
    # It was not acknowledged: the broker has it still.
    tenant.expect(job.ending(40), "sync.succeeded")


def test_a_store_is_not_replaced_while_a_process_has_it_open_whatever_the_clock_says(tenant, worker, tmp_path):
    tenant.connected()
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    inode = worker.store_path.stat().st_ino
    # As a clock that was set makes it look.
    worker.suspend()
    try:
        change(worker.store_path, ("UPDATE workers SET lease_until = 0, process = NULL",))
        refused = worker.run("store", "restore", str(copy), "--yes")
    finally:
        worker.resume()
    assert refused.returncode == 69, refused
    assert "in use by process" in refused.stderr and "autotask-worker run" in refused.stderr, refused.stderr
    assert worker.store_path.stat().st_ino == inode and not list(worker.directory.glob("*.partial*"))
    tenant.expect(tenant.sync(plan(2)), "sync.succeeded")


def test_the_end_of_a_worker_leaves_everything_in_the_file(tenant, worker):
    tenant.connected()
    tenant.expect(tenant.sync(plan(20)), "sync.succeeded")
    # Another process has it open and will not write it back.
    with contextlib.closing(sqlite3.connect(f"file:{worker.store_path}?mode=ro", uri=True)) as other:
        other.execute("SELECT COUNT(*) FROM lanes").fetchone()
        worker.stop()
    log = worker.store_path.with_name(worker.store_path.name + "-wal")
    left = log.stat().st_size if log.exists() else 0
    worker.start()
    assert left == 0, f"{left} bytes are left in the log"


# Rows that cannot be read


@pytest.mark.parametrize(
    "statement",
    ids=["kind", "job id", "status", "product", "refusal", "journal"],
    argvalues=[
        "UPDATE jobs SET kind = 'frobnicate' WHERE tenant = ?1 AND finished_at IS NULL",
        "UPDATE jobs SET job_id = 'no id ' || place WHERE tenant = ?1 AND finished_at IS NULL",
        "UPDATE connections SET status = 'frobnicate' WHERE lane = (SELECT id FROM lanes WHERE tenant = ?1)",
        "UPDATE lanes SET product = 'frobnicate' WHERE tenant = ?1",
        "INSERT INTO refused_credentials (lane, digest, refused_at, code) SELECT id, x'00', 0, 'frobnicate' FROM lanes WHERE tenant = ?1",
        "INSERT INTO journal (lane, plan, service_key, operation, state, entered_at)"
        " SELECT id, 'datto-workplace', 'service-1', 'frobnicate', 'sent', 0 FROM lanes WHERE tenant = ?1",
    ],
)
def test_a_row_that_cannot_be_read_is_set_aside_with_its_lane_alone(new_tenant, other_worker, statement):
    worker = other_worker
    worker.start()
    spoilt, other = new_tenant().connected(), new_tenant().connected()
    waiting = spoilt.database.fault("latency", milliseconds=20000, entity="Services")
    job = spoilt.publish("sync", plan(2))
    spoilt.database.await_calls(1, entity="Services", operation="query")
    worker.kill()
    waiting.clear()
    # The log is part of it, after such an end.
    before = {path: path.read_bytes() for path in worker.directory.glob(worker.store_path.name + "*") if not path.name.endswith("-shm")}
    change(worker.store_path, ("PRAGMA foreign_keys = OFF",), (statement, (spoilt.name,)))
    begun = len(worker.log)
    worker.start(OPERATIONS_LISTEN="127.0.0.1:0", VERIFY_INTERVAL_HOURS="1")
    other.expect(other.sync(plan(2)), "sync.succeeded")
    poll(lambda: "cannot be read" in store_check(worker)["output"], 20, "the row in /readyz", worker.process)
    other.expect(other.sync(plan(3)), "sync.succeeded")
    assert spoilt.name in store_check(worker)["output"]
    assert worker.log[begun:].count("A row of the store cannot be read") == 1, worker.log[begun:]
    assert not job.endings
    assert spoilt.name in worker.cli("doctor", expect=None)
    assert other.name in worker.cli("tenant", "list")
    worker.kill()
    for path in worker.store_path.parent.glob(worker.store_path.name + "-*"):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    worker.start()
    spoilt.monitor.wait(lambda: job.endings, "the job's end, after the row was repaired", 60)


@pytest.mark.parametrize(("event_id", "kind", "data"), [("spoilt", "frobnicated", "7b7d"), ("spoilt", "sync.failed", "00"), ("", "sync.failed", "7b7d")])
def test_an_event_that_cannot_be_read_holds_its_lane_back_alone(new_tenant, other_worker, broker, event_id, kind, data):
    worker = other_worker
    worker.start()
    spoilt, other = new_tenant().connected(), new_tenant().connected()
    worker.stop()
    change(
        worker.store_path,
        (
            "INSERT INTO outbox (position, worker, tenant, product, epoch, event_id, type, time, data) SELECT value + 1, 'gone', ?, 'workplace',"
            f" 1, ?, ?, 0, x'{data}' FROM counters WHERE name = 'position'",
            (spoilt.name, event_id, kind),
        ),
        (
            "INSERT INTO outbox (position, worker, tenant, product, epoch, event_id, type, time, data) SELECT value + 2, 'gone', 'no tenant!',"
            " 'workplace', 1, 'spoilt-2', 'frobnicated', 0, x'7b7d' FROM counters WHERE name = 'position'",
        ),
        ("INSERT INTO workers (id, lease_until) VALUES ('gone', 0)",),
        ("UPDATE counters SET value = value + 2 WHERE name = 'position'",),
    )
    worker.start(OPERATIONS_LISTEN="127.0.0.1:0")
    other.expect(other.sync(plan(2)), "sync.succeeded")
    poll(lambda: "cannot be read" in store_check(worker)["output"], 20, "the event in /readyz", worker.process)
    other.expect(other.sync(plan(3)), "sync.succeeded")
    assert spoilt.name in worker.cli("doctor", expect=None)
    worker.stop()
    change(worker.store_path, ("DELETE FROM outbox WHERE worker = 'gone' OR event_id LIKE 'spoilt%' OR event_id = ''",))
    worker.start()
    spoilt.expect(spoilt.sync(plan(2)), "sync.succeeded")


def test_an_ended_job_that_cannot_be_read_does_not_stop_intake(new_tenant, other_worker):
    worker = other_worker
    worker.start()
    spoilt, other = new_tenant().connected(), new_tenant().connected()
    job = spoilt.publish("sync", plan(2))
    assert job.ending()
    worker.stop()
    change(worker.store_path, ("UPDATE jobs SET event_type = 'frobnicated' WHERE job_id = ?", (job.id,)))
    worker.start()
    job.publish()
    other.expect(other.sync(plan(2)), "sync.succeeded")
    spoilt.expect(spoilt.sync(plan(3)), "sync.succeeded")
    assert job.id in worker.log
    worker.stop()
    change(worker.store_path, ("UPDATE jobs SET event_type = 'sync.succeeded' WHERE job_id = ?", (job.id,)))
    worker.start()


# Schemas


COMMANDS = [
    ("tenant", "list"),
    ("audit", "list"),
    ("audit", "verify"),
    ("dead-letters", "list"),
    ("sync", "show", "some-job"),
    ("keys", "rotate"),
    ("run",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_store_that_is_too_old_is_refused_and_left_alone(worker, tmp_path, command):
    store = tmp_path / "store.sqlite"
    worker.cli("store", "backup", str(store))
    change(store, ("UPDATE grdb_migrations SET identifier = '6'",))
    before = store.read_bytes()
    result = worker.run(*command, STORE_URL=f"sqlite:{store}")
    assert store.read_bytes() == before, "the command changed the store"
    assert result.returncode == 69 and "before 0.1.0" in result.stderr and "move the file away" in result.stderr, result
    assert "Traceback" not in result.stderr and len(result.stderr.splitlines()) <= 2


def test_a_worker_that_meets_a_newer_schema_while_it_runs_ends_with_a_line(new_tenant, other_worker, tmp_path):
    worker = other_worker
    store = tmp_path / "store.sqlite"
    worker.start(**worker.own_store(store))
    new_tenant().connected()
    change(store, ("INSERT INTO grdb_migrations (identifier) VALUES ('99')",))
    assert worker.process.wait(timeout=30) == 69, worker.log[-2000:]
    worker.process = None
    assert "newer version" in worker.log.splitlines()[-1], worker.log[-2000:]
    assert os.listdir(tmp_path)
