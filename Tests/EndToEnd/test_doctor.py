"""`doctor` finds nothing where all is well, and names each trouble with what to do about it."""

import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse

import pika
import pytest

from peers import server
from processes import fill, poll
from tenants import plan

NOWHERE = "127.0.0.1:1"


def doctor(worker, *arguments, expect=0, **settings):
    """Runs it, and returns its checks by their names."""
    report = json.loads(worker.cli("doctor", "--json", *arguments, expect=expect, **settings))
    assert expect is None or (report["status"] == "fail") == (expect == 1), report
    return report["checks"]


def only(checks, name, status):
    """The one check of that name and status; it says what to do unless it passes."""
    found = [check for check in checks[name] if check["status"] == status]
    assert len(found) == 1, checks
    assert status == "pass" or found[0]["advice"]
    return found[0]


def troubled(checks):
    return {name for name, parts in checks.items() for part in parts if part["status"] != "pass"}


@pytest.fixture
def own_store(worker, tmp_path):
    """A store without data of other tests, as settings."""
    return worker.own_store(tmp_path / "own.sqlite")


@pytest.fixture
def dead_queue(broker):
    """The broker's queue of dead-lettered messages, empty before and after."""
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("operator")))
    channel = connection.channel()
    channel.queue_purge("autotask.dead")
    channel.confirm_delivery()
    yield channel
    channel.queue_purge("autotask.dead")
    connection.close()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def autotask_at(host):
    return {"AUTOTASK_URL": f"http://{host}/atservicesrest/", "AUTOTASK_ALLOWED_HOSTS": host}


def write_log_back(store):
    """The last process to close a store writes its log back into the file, and deletes it."""
    with contextlib.closing(sqlite3.connect(store)) as database:
        database.execute("SELECT * FROM lanes").fetchall()


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


# All is well


def test_a_healthy_worker_passes(other_worker, tenant, own_store, dead_queue, administrator):
    worker = other_worker
    settings = {**own_store, **administrator, "OPERATIONS_LISTEN": f"127.0.0.1:{free_port()}"}
    worker.start(**settings)
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    before = tenant.database.last_call()
    for arguments in ([], ["--thorough"]):
        checks = doctor(worker, *arguments, **settings)
        assert troubled(checks) == set(), checks
    assert set(checks) >= {
        "settings", "key ring", "store", "disk", "integrity", "workers", "jobs", "integrations", "credentials", "writes", "events",
        "dead letters", "broker", "door", "dead queue", "topology", "alarms", "autotask", "clock", "readiness", "exposure", "process",
        "users", "followers",
    }  # fmt: skip
    text = worker.cli("doctor", **settings)
    lines = text.splitlines()
    assert len(lines) == sum(map(len, checks.values())) + 1
    assert all(line.startswith("✓ ") for line in lines[:-1]) and lines[-1] == f"All {len(lines) - 1} checks pass."
    # It called Autotask without credentials.
    assert tenant.database.calls(before) == []
    for output in (text, json.dumps(checks, ensure_ascii=False)):
        for secret in (tenant.secret, tenant.username, worker.settings["AUTOTASK_INTEGRATION_CODE"], "on-loopback"):
            assert secret not in output


def test_nothing_is_changed(other_worker, tenant, own_store, tmp_path):
    worker = other_worker
    worker.start(**own_store)
    tenant.connected()
    # A dead worker leaves most of its data in the log.
    worker.kill()
    for _ in range(2):
        before = contents(tmp_path)
        checks = doctor(worker, "--thorough", **own_store)
        assert "1 of them connected" in only(checks, "integrations", "pass")["output"]
        after = contents(tmp_path)
        assert set(after) == set(before)
        # The log's index is shared memory, in which readers register.
        assert all(after[name] == before[name] for name in before if not name.endswith("-shm"))
        write_log_back(tmp_path / "own.sqlite")
    # The killed worker's record of its settings stays, until another one starts.
    assert {name for name in before if ".settings-" not in name} == {"own.sqlite"}


def test_before_the_first_run_there_is_no_store_and_none_is_made(worker, tmp_path):
    settings = worker.own_store(tmp_path / "none.sqlite")
    checks = doctor(worker, **settings)
    assert "the first start" in only(checks, "store", "warn")["output"] and checks["store"][0]["made"] is False
    assert {name for name in ("integrity", "contents", "audit") if checks[name][0].get("made") is False} == {"integrity", "contents", "audit"}
    assert list(tmp_path.iterdir()) == []
    # Without `STORE_CREATE=yes`, a missing store is not a new one.
    assert "volume is mounted" in only(doctor(worker, expect=1, **settings, STORE_CREATE="no"), "store", "fail")["advice"]
    assert "belongs to the store" in only(doctor(worker, expect=1, STORE_URL=settings["STORE_URL"]), "store", "fail")["output"]
    checks = doctor(worker, expect=1, STORE_URL=f"sqlite:{tmp_path}/nowhere/none.sqlite")
    assert f"{tmp_path}/nowhere" in only(checks, "store", "fail")["output"]


# Workers


def test_no_worker_is_worth_a_look(other_worker, tenant, own_store, dead_queue, administrator):
    worker = other_worker
    worker.start(**own_store)
    tenant.connected()
    worker.stop()
    checks = doctor(worker, **own_store, **administrator, OPERATIONS_LISTEN=f"127.0.0.1:{free_port()}")
    assert troubled(checks) == {"workers", "door", "readiness"}, checks
    for name in ("workers", "door", "readiness"):
        assert "autotask-worker run" in only(checks, name, "warn")["advice"]


def test_what_a_dead_worker_holds_is_told_until_another_has_taken_over(other_worker, tenant, own_store):
    worker = other_worker
    worker.start(**own_store)
    tenant.connected()
    fault = tenant.database.fault("latency", milliseconds=20000, entity="Services")
    before = tenant.database.last_call()
    tenant.publish("sync", plan())
    poll(lambda: tenant.database.calls(before), 20, "the job's first call")
    worker.kill()
    fault.clear()
    check = only(doctor(worker, **own_store), "workers", "warn")
    assert "Dead workers hold 1 integration" in check["output"] and "takes over" in check["advice"]
    worker.start(**own_store)
    poll(lambda: only(doctor(worker, **own_store), "workers", "pass")["output"] == "1 worker runs on the store.", 30, "the takeover")


def test_a_worker_that_is_not_ready_says_why(other_worker, own_store, broker, portal):
    worker = other_worker
    settings = {**own_store, "OPERATIONS_LISTEN": f"127.0.0.1:{free_port()}"}
    worker.start(**settings)
    broker.command("stop")
    try:
        poll(lambda: worker.health()[0] == 503, 30, "not ready without the broker")
        checks = doctor(worker, expect=1, **settings)
    finally:
        broker.command("start")
        portal.connect()
    poll(lambda: worker.health()[0] == 200, 60, "ready again")
    assert "RabbitMQ" in only(checks, "readiness", "fail")["output"]
    assert "RabbitMQ" in only(checks, "broker", "fail")["advice"]
    assert {check["status"] for check in checks["topology"]} == {"warn"}


# Settings and key ring


def test_every_wrong_setting_is_told_and_the_rest_is_looked_at(worker):
    checks = doctor(
        worker, expect=1, CONCURRENT_LANES="many", LOG_LEVEL="loud", AMQP_URL="amqp://worker:hidden@", AUTOTASK_URL="http://elsewhere/"
    )
    text = " ".join(check["output"] for check in checks["settings"] if check["status"] == "fail")
    assert all(name in text for name in ("CONCURRENT_LANES", "LOG_LEVEL", "AMQP_URL", "AUTOTASK_URL")) and "hidden" not in text
    assert only(checks, "store", "pass") and "broker" not in checks


def test_development_is_worth_a_look(worker):
    checks = doctor(worker, DEVELOPMENT="1", AUTOTASK_INTEGRATION_CODE="")
    assert {check["output"].split(" ")[0] for check in checks["settings"]} == {"Store", "DEVELOPMENT=1:", "AUTOTASK_INTEGRATION_CODE"}


def test_a_key_ring_that_others_may_read_fails(worker, tmp_path):
    ring = tmp_path / "keys.json"
    shutil.copy(worker.settings["VAULT_KEYS"], ring)
    ring.chmod(0o644)
    check = only(doctor(worker, expect=1, VAULT_KEYS=str(ring)), "key ring", "fail")
    assert "chmod 600" in check["output"]
    ring.unlink()
    check = only(doctor(worker, expect=1, VAULT_KEYS=str(ring)), "key ring", "fail")
    assert "keys generate" in check["output"]


def test_another_stores_key_ring_fails(worker, tenant, tmp_path):
    tenant.connected()
    other = {"VAULT_KEYS": str(tmp_path / "keys.json")}
    worker.cli("keys", "generate", **other)
    checks = doctor(worker, expect=1, **other)
    check = only(checks, "credentials", "fail")
    assert "does not open" in check["output"] and "VAULT_KEYS" in check["advice"]
    assert tenant.secret not in json.dumps(checks)


def test_under_another_ring_the_audit_log_is_not_said_to_be_changed(other_worker, tenant, own_store, tmp_path):
    worker = other_worker
    worker.start(**own_store)
    tenant.connected()
    worker.stop()
    settings = {**own_store, "VAULT_KEYS": str(tmp_path / "other.json")}
    worker.cli("keys", "generate", **settings)
    checks = doctor(worker, expect=1, **settings)
    assert "belong" in only(checks, "store", "fail")["output"]
    assert checks["audit"][0]["made"] is False and "another key ring" in checks["audit"][0]["output"]


# The store


@pytest.mark.parametrize("trouble", ["empty", "copy", "other ring"])
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_that_others_may_read_hides_no_failure(other_worker, tenant, own_store, tmp_path, trouble, mode):
    worker = other_worker
    worker.start(**own_store)
    tenant.connected()
    worker.stop()
    settings = dict(own_store)
    file = tmp_path / "file.sqlite"
    if trouble == "empty":
        file.touch()
    else:
        worker.cli("store", "backup", str(file), **own_store)
    if trouble == "other ring":
        file = tmp_path / "own.sqlite"
        settings["VAULT_KEYS"] = str(tmp_path / "other.json")
        worker.cli("keys", "generate", **settings)
    file.chmod(mode)
    checks = doctor(worker, expect=1, **{**settings, "STORE_URL": f"sqlite:{file}", "STORE_CREATE": "no"})
    assert only(checks, "store", "fail")
    assert any("chmod 600" in (check.get("advice") or "") for check in checks["store"]) == (mode == 0o644)


def test_a_store_that_another_program_keeps_locked_fails_and_names_it(other_worker, tenant, own_store, tmp_path):
    worker = other_worker
    worker.start(**own_store)
    tenant.connected()
    worker.stop()
    program = (
        "import sqlite3, sys; store = sqlite3.connect(sys.argv[1], isolation_level=None); store.execute('BEGIN IMMEDIATE');"
        " print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "own.sqlite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "locked\n"
        check = only(doctor(worker, expect=1, **own_store), "store", "fail")
        assert f"locked by process {holder.pid}" in check["output"], check
        holder.stdin.close()
        holder.wait(timeout=20)
    assert only(doctor(worker, **own_store), "store", "pass")


@pytest.mark.parametrize("trouble", ["damaged", "not a store", "newer", "read-only", "full"])
def test_a_store_that_cannot_be_worked_with_fails(small_disk, other_worker, tenant, trouble):
    worker = other_worker
    store = small_disk / "store.sqlite"
    settings = worker.own_store(store)
    worker.start(**settings)
    tenant.connected()
    worker.stop()
    write_log_back(store)
    if trouble == "damaged":
        with contextlib.closing(sqlite3.connect(store)) as database:
            ((page, size),) = database.execute("SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = 'jobs'")
        data = bytearray(store.read_bytes())
        data[(page - 1) * size : page * size] = b"x" * size
        store.write_bytes(data)
    elif trouble == "not a store":
        store.write_bytes(b"x" * 20000)
    elif trouble == "newer":
        with contextlib.closing(sqlite3.connect(store)) as database:
            database.execute("INSERT INTO grdb_migrations (identifier) VALUES ('99')")
            database.commit()
    elif trouble == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    else:
        fill(small_disk)
    before = sorted(os.listdir(small_disk)), store.read_bytes()
    checks = doctor(worker, expect=1, **settings)
    name, text, advice = {
        "damaged": ("integrity", "damaged", "store restore"),
        "not a store": ("store", "is not a store", "store restore"),
        "newer": ("store", "newer program", "Run the version"),
        "read-only": ("store", "Read-only file system", "writable"),
        "full": ("disk", "is full", "Free space"),
    }[trouble]
    check = only(checks, name, "fail")
    assert text in check["output"] and advice in check["advice"], check
    assert (sorted(os.listdir(small_disk)), store.read_bytes()) == before
    if trouble in ("read-only", "full"):
        # It can be read for all that.
        assert only(checks, "integrity", "pass") and only(checks, "integrations", "pass")


def test_little_room_is_worth_a_look(small_disk, worker):
    assert "are free" in only(doctor(worker, **worker.own_store(small_disk / "store.sqlite")), "disk", "warn")["output"]


def test_what_no_worker_leaves_behind_fails_and_is_named(worker, tenant, tmp_path):
    tenant.connected()
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    with contextlib.closing(sqlite3.connect(copy)) as store:
        store.execute("UPDATE lanes SET worker = 'nobody', running = 999999, turn = NULL, wake_at = NULL WHERE tenant = ?", [tenant.name])
        store.execute("UPDATE jobs SET payload = x'00' WHERE tenant = ?", [tenant.name])
        store.commit()
    checks = doctor(worker, expect=1, STORE_URL=f"sqlite:{copy}")
    outputs = " ".join(check["output"] for check in checks["integrations"])
    assert f"no worker takes over: {tenant.name}/workplace" in outputs and "not among its unfinished jobs" in outputs
    check = only(checks, "jobs", "fail")
    assert tenant.name in check["output"] and "store backup" in check["advice"]


def test_events_that_are_not_published_although_a_worker_runs_fail(other_worker, tenant, own_store, tmp_path):
    worker = other_worker
    worker.start(**own_store)
    tenant.connected()
    with contextlib.closing(sqlite3.connect(tmp_path / "own.sqlite", timeout=10)) as store:
        poll(lambda: store.execute("SELECT COUNT(*) FROM outbox").fetchone() == (0,), 20, "the connect's events are published")
        # As if the outbox had forgotten one an hour ago.
        store.execute(
            """INSERT INTO outbox (position, worker, tenant, product, epoch, event_id, type, time, data)
               SELECT 1, id, ?, 'workplace', 1, 'lost', 'job.conflict', ?, x'7B7D' FROM workers LIMIT 1""",
            [tenant.name, int((time.time() - 3600) * 1000)],
        )
        store.commit()
    check = only(doctor(worker, expect=1, **own_store), "events", "fail")
    assert "the oldest for 60 min" in check["output"]


# The broker


@pytest.mark.parametrize(
    ("url", "advice"),
    [(f"amqp://worker:hidden@{NOWHERE}/", "RabbitMQ runs"), ("amqp://worker:hidden@{host}/", "AMQP_URL")],
    ids=["down", "refused"],
)
def test_a_broker_that_does_not_let_the_worker_in_fails(worker, broker, url, advice):
    host = urllib.parse.urlsplit(broker.url("worker")).netloc.rpartition("@")[2]
    checks = doctor(worker, expect=1, AMQP_URL=url.format(host=host))
    assert advice in only(checks, "broker", "fail")["advice"]
    assert "hidden" not in json.dumps(checks) and "door" not in checks


def test_a_missing_topology_fails_with_and_without_the_management_api(worker):
    for url in (worker.settings["MANAGEMENT_URL"], ""):
        checks = doctor(worker, expect=1, PREFIX="elsewhere", MANAGEMENT_URL=url)
        failing = [check for check in checks["topology"] if check["status"] == "fail"]
        assert failing and all("elsewhere.jobs is missing" in check["output"] for check in failing)
        assert all("topology apply" in check["advice"] for check in failing)


def test_what_cannot_be_seen_without_the_management_api_is_told(worker):
    check = only(doctor(worker, MANAGEMENT_URL=""), "topology", "warn")
    assert "Not seen: types of exchanges" in check["output"] and "alarms" in check["output"]
    checks = doctor(worker, MANAGEMENT_URL=f"http://operator:hidden@{NOWHERE}")
    assert "MANAGEMENT_URL" in only(checks, "topology", "warn")["advice"] and "hidden" not in json.dumps(checks)


def test_a_message_that_the_broker_gave_up_on_is_worth_a_look(worker, dead_queue):
    assert only(doctor(worker), "dead queue", "pass")
    dead_queue.basic_publish("autotask.dead", "", b'{"secret": "Body-of-a-dead-message"}')
    output = worker.cli("doctor", "--json")
    check = only(json.loads(output)["checks"], "dead queue", "warn")
    assert "1 message in autotask.dead" in check["output"] and "dead-letters collect" in check["advice"]
    assert "Body-of-a-dead-message" not in output


def test_a_message_that_the_worker_set_aside_is_worth_a_look(worker, broker, own_store, other_worker):
    worker.start(**own_store)
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("portal")))
    connection.channel().basic_publish("autotask.jobs", "sync.msp-none", b"nothing that could be read")
    connection.close()
    check = poll(
        lambda: next((check for check in doctor(worker, **own_store)["dead letters"] if check["status"] == "warn"), None), 20, "a dead letter"
    )
    assert check["output"].startswith("1 dead letter: ") and "dead-letters list" in check["advice"]


def test_an_alarm_fails(worker, broker):
    broker.command("alarm", "disk")
    try:
        check = poll(
            lambda: next((check for check in alarms(worker) if check["status"] == "fail"), None), 20, "the alarm"
        )
    finally:
        broker.command("alarm", "off")
    assert "runs out of disk" in check["output"]
    poll(lambda: only(doctor(worker), "alarms", "pass"), 20, "the end of the alarm")


def alarms(worker):
    try:
        return doctor(worker, expect=1)["alarms"]
    except AssertionError:
        return []


# What is open to others


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"AMQP_URL": "amqp://worker:hidden@broker.invalid/"}, "AMQP_URL is plain amqp://"),
        ({"PORTAL_AMQP_URL": "amqp://portal:hidden@192.0.2.1/"}, "PORTAL_AMQP_URL is plain amqp://"),
        ({"PORTAL_AMQP_URL": "amqp://guest:hidden@127.0.0.1/"}, "PORTAL_AMQP_URL names the user guest"),
        ({"MANAGEMENT_URL": "http://operator:hidden@broker.invalid:15672"}, "MANAGEMENT_URL is plain http://"),
        ({"AUTOTASK_ALLOWED_HOSTS": "127.0.0.1:8080,[::1]:8080,autotask.invalid:80"}, "lets autotask.invalid:80 serve as Autotask"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value.split()[-1],
)
def test_what_leaves_the_machine_in_the_clear_is_worth_a_look(worker, settings, reported):
    checks = doctor(worker, expect=None, **settings)
    assert reported in only(checks, "exposure", "warn")["output"] and "hidden" not in json.dumps(checks)


@pytest.mark.parametrize(
    "settings",
    [
        {"AMQP_URL": "amqps://worker:hidden@broker.invalid/", "MANAGEMENT_URL": "https://operator:hidden@broker.invalid"},
        {"AMQP_URL": "amqp://worker:hidden@localhost/", "MANAGEMENT_URL": "http://operator:hidden@[::1]:1"},
    ],
    ids=["TLS", "loopback"],
)
def test_what_does_not_is_fine(worker, settings):
    assert only(doctor(worker, expect=None, **settings), "exposure", "pass")


@pytest.fixture
def administrator(broker):
    """The setting with which doctor sees rights; afterwards the broker's users are as they were."""
    yield {"MANAGEMENT_URL": broker.environment["TEST_MANAGEMENT_URL"]}
    for user in ("guest", "careless"):
        with contextlib.suppress(urllib.error.HTTPError):
            broker.manage("DELETE", f"users/{user}")
    broker.add_users("definitions.json")


def make_user(broker, name, tags="", configure="", write="", read=""):
    broker.manage("PUT", f"users/{name}", {"password": "careless", "tags": tags})
    broker.manage("PUT", f"permissions/%2F/{name}", {"configure": configure, "write": write, "read": read})


def test_the_users_of_the_house_have_no_more_rights_than_they_need(worker, broker, administrator):
    broker.add_users("reseller.json")
    settings = {**administrator, "TRUSTED_PUBLISHERS": "portal,reseller-acme=acme-*"}
    assert only(doctor(worker, **settings), "users", "pass")
    assert "not an administrator" in only(doctor(worker), "users", "warn")["output"]


@pytest.mark.parametrize(
    ("user", "rights", "reported"),
    [
        ("guest", {"tags": "administrator", "configure": ".*", "write": ".*", "read": ".*"}, "has the user guest"),
        ("careless", {"write": ".*"}, "careless may use every exchange"),
        ("careless", {"read": "jobs"}, "careless may take jobs"),
        ("careless", {"write": "^autotask\\.results$"}, "careless may publish events"),
        ("worker", {"configure": "^autotask\\..*$", "read": "^autotask\\.jobs$"}, "worker may configure the broker"),
    ],
    ids=["guest", "open", "a reader", "a writer", "worker"],
)
def test_rights_that_are_too_wide_are_worth_a_look(worker, broker, administrator, user, rights, reported):
    if user == "worker":
        broker.manage("PUT", "permissions/%2F/worker", {"write": "^autotask\\.results$", **rights})
    else:
        make_user(broker, user, **rights)
    assert reported in only(doctor(worker, **administrator), "users", "warn")["output"]


@pytest.mark.parametrize("pattern", ["(?|.*)", ".*(?<!zzz)"])
def test_rights_that_doctor_cannot_read_are_not_said_to_be_few(worker, broker, administrator, pattern):
    make_user(broker, "careless", write=pattern)
    checks = doctor(worker, **administrator)
    check = only(checks, "users", "warn")
    assert check["made"] is False and "careless" in check["output"] and pattern in check["output"]
    assert "None of" not in json.dumps(checks["users"])


def test_the_workers_rights_that_doctor_cannot_read_are_not_said_to_lack(worker, broker, administrator):
    rights = {"configure": "^$", "write": "^autotask\\.results(?<!x)$", "read": "^autotask\\.jobs(?<!x)$"}
    broker.manage("PUT", "permissions/%2F/worker", rights)
    checks = doctor(worker, **administrator)
    check = only(checks, "users", "warn")
    assert check["made"] is False and "of worker (" in check["output"]
    assert rights["write"] in check["output"] and rights["read"] in check["output"]
    assert "may not" not in json.dumps(checks["users"])
    # It hides nothing of the others.
    make_user(broker, "careless", configure=".*", write=".*", read=".*")
    reported = [check["output"] for check in doctor(worker, **administrator)["users"]]
    assert any("careless may use every exchange" in output for output in reported), reported


@pytest.mark.parametrize(("user", "lacks"), [("portal", "take jobs from autotask.jobs"), ("monitor", "publish events to autotask.results")])
def test_a_user_that_cannot_do_the_workers_work_fails(worker, broker, administrator, user, lacks):
    checks = doctor(worker, expect=1, **administrator, AMQP_URL=broker.url(user))
    check = only(checks, "users", "fail")
    assert f"The user {user} of AMQP_URL may not" in check["output"] and lacks in check["output"]
    # Nobody is advised to take the rights from the real worker.
    assert not any("worker may" in check["output"] for check in checks["users"])
    seen = only(doctor(worker, expect=None, AMQP_URL=broker.url(user), MANAGEMENT_URL=""), "topology", "warn")
    assert "whether the user may take jobs" in seen["output"]


def test_a_publisher_whom_the_broker_does_not_know_is_worth_a_look(worker, administrator):
    check = only(doctor(worker, **administrator, TRUSTED_PUBLISHERS="portal,nobody,reseller=acme-*"), "users", "warn")
    assert "TRUSTED_PUBLISHERS names nobody, reseller," in check["output"]


def test_followers_that_can_hold_up_results_are_worth_a_look(worker, broker):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("monitor")))
    channel = connection.channel()
    channel.queue_declare("autotask.monitor.narrow", exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.queue_bind("autotask.monitor.narrow", "autotask.results", "*.*.msp-none")
    assert "autotask.monitor.narrow follows results" in only(doctor(worker), "followers", "warn")["output"]
    connection.close()
    assert only(doctor(worker), "followers", "pass")


def test_results_that_are_sent_to_the_door_are_worth_a_look(worker, broker):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("portal")))
    channel = connection.channel()
    channel.queue_bind("autotask.jobs", "autotask.results", "*.*.msp-none")
    try:
        assert "routed to autotask.jobs" in only(doctor(worker), "followers", "warn")["output"]
    finally:
        channel.queue_unbind("autotask.jobs", "autotask.results", "*.*.msp-none")
        connection.close()


def test_a_key_ring_beside_the_store_is_told(worker, own_store):
    assert "keep it out of the store's backups" in only(doctor(worker), "key ring", "pass")["output"]
    assert "backups" not in only(doctor(worker, **own_store), "key ring", "pass")["output"]


# Autotask, and the clock


def test_an_autotask_that_does_not_answer_fails(worker):
    check = only(doctor(worker, expect=1, **autotask_at(NOWHERE)), "autotask", "fail")
    assert NOWHERE in check["output"] and "AUTOTASK_URL" in check["advice"]


def test_what_answers_otherwise_than_autotask_fails(worker):
    with server(body=b"<html>a proxy's page</html>") as host:
        assert only(doctor(worker, expect=1, **autotask_at(host)), "autotask", "fail")
    with server(status=503) as host:
        assert "answers 503" in only(doctor(worker, expect=1, **autotask_at(host)), "autotask", "fail")["output"]


@pytest.mark.parametrize(("seconds", "status"), [(0, "pass"), (-20, "pass"), (-90, "warn"), (7200, "warn")])
def test_the_clock_is_compared_with_autotasks(worker, seconds, status):
    with server(date=time.time() + seconds) as host:
        check = only(doctor(worker, **autotask_at(host)), "clock", status)
    if status == "warn":
        assert ("ahead of" if seconds < 0 else "behind") in check["output"]


def test_what_takes_too_long_is_given_up_and_named(worker):
    """Each answer comes soon enough; all together do not."""
    with server(body=b"[]", delay=6) as host:
        begun = time.monotonic()
        check = only(doctor(worker, expect=1, MANAGEMENT_URL=f"http://{host}"), "topology", "fail")
    assert "No answer within 10 s" in check["output"] and time.monotonic() - begun < 25


# The whole run


@pytest.mark.last
def test_after_everything_there_is_nothing_to_mend(worker, administrator):
    checks = doctor(worker, "--thorough", **administrator)
    # Other tests leave integrations behind whose credentials Autotask refuses, writes whose outcome no sync finds out, and jobs that wait for a limit.
    assert troubled(checks) <= {"dead letters", "dead queue", "integrations", "jobs", "writes"}, checks
    assert not [name for name, parts in checks.items() for part in parts if part["status"] == "fail"], checks
