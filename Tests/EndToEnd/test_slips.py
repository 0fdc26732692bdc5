"""Slips of an operator: a command that does not find something does not take it for missing, and asks before it destroys."""

import contextlib
import json
import os
import pathlib
import pty
import pwd
import re
import select
import socket
import sqlite3
import subprocess
import sys
import tempfile

import pytest

import contract

from processes import BIN_DIR, plain_environment, poll
from tenants import plan

sys.path.append(str(contract.ROOT / "Tests" / "Chaos"))
import clock  # noqa: E402


def ring_of(worker, **settings):
    return json.loads(pathlib.Path(settings.get("VAULT_KEYS", worker.settings["VAULT_KEYS"])).read_text(encoding="utf-8"))


def audited(worker, action, **settings):
    return [row for row in json.loads(worker.cli("audit", "list", "--json", "--limit", "10000000", **settings)) if row["action"] == action]


def credentials_key(worker, **settings):
    """The name of the active one."""
    keys = json.loads(worker.cli("keys", "list", "--json", **settings))["keys"]
    return next(key["keyId"] for key in keys if key["active"] and key["use"] == "credentials")


@pytest.fixture
def former(worker, tenant):
    """A former credentials key that nothing is sealed under any more."""
    tenant.connected()
    key = credentials_key(worker)
    worker.cli("keys", "rotate", "--use", "credentials")
    return key


def plain_copy(store, path):
    """What `cp` of a resting store leaves, or `.backup` of SQLite's own shell: the store with its id."""
    with contextlib.closing(sqlite3.connect(store)) as source, contextlib.closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
    path.chmod(0o600)


def elsewhere(worker, place, tmp_path):
    """A `STORE_URL` that does not lead to the worker's store."""
    path = tmp_path / "store.sqlite"
    if place == "missing directory":
        path = tmp_path / "unmounted" / "store.sqlite"
    elif place == "directory":
        path.mkdir()
    elif place == "empty file":
        path.touch()
    elif place == "empty database":
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA user_version = 1")
            database.execute("CREATE TABLE t (a)")
            database.execute("DROP TABLE t")
            database.commit()
    elif place == "other database":
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE t (a)")
    elif place == "text":
        path.write_text("no database " * 2000, encoding="utf-8")
    elif place in ("backup", "damaged"):
        worker.cli("store", "backup", str(path))
        if place == "damaged":
            path.write_bytes(b"XXXX" + path.read_bytes()[4:])
    elif place == "plain copy":
        plain_copy(worker.store_path, path)
    return f"sqlite:{path}"


PLACES = ["missing", "missing directory", "directory", "empty file", "empty database", "other database", "text", "backup"]


@pytest.mark.parametrize("place", [*PLACES, "plain copy"])
def test_keys_are_neither_retired_nor_rotated_without_their_store(worker, former, tmp_path, place):
    url = elsewhere(worker, place, tmp_path)
    before = ring_of(worker)
    assert before["storeId"]
    for arguments in (["retire", former], ["retire", "--unused"]):
        failure = worker.run("keys", *arguments, "--yes", STORE_URL=url)
        assert failure.returncode == 69 and "STORE_URL" in failure.stderr, failure
    for arguments in ([], ["--resume"]):
        failure = worker.run("keys", "rotate", *arguments, STORE_URL=url)
        assert failure.returncode == 69 and "of 0" not in failure.stdout, failure
    assert ring_of(worker) == before
    if place.startswith("missing"):
        failure = worker.run("keys", "list", STORE_URL=url)
        assert failure.returncode == 69 and "not known" in failure.stdout and "nothing is sealed" not in failure.stdout
        assert not pathlib.Path(url.removeprefix("sqlite:")).exists()


def test_a_store_that_was_moved_is_the_store_again_once_a_worker_has_run_on_it(other_worker, tmp_path):
    worker = other_worker
    own = worker.own_store(tmp_path / "own.sqlite")
    worker.start(**own)
    worker.stop()
    moved = {**own, "STORE_URL": f"sqlite:{tmp_path}/moved.sqlite"}
    plain_copy(tmp_path / "own.sqlite", tmp_path / "moved.sqlite")
    failure = worker.run("keys", "rotate", **moved)
    assert failure.returncode == 69 and "start a worker on it first" in failure.stderr, failure
    store = json.loads(worker.cli("doctor", "--json", expect=1, **moved))["checks"]["store"]
    assert "ran on last" in str(store), store
    # What only reads it takes it for what it is.
    worker.cli("audit", "verify", **moved)
    worker.start(**moved)
    worker.stop()
    worker.cli("keys", "rotate", **moved)


@pytest.mark.parametrize("place", PLACES)
def test_run_takes_nothing_for_a_new_installation(worker, tmp_path, place):
    url = elsewhere(worker, place, tmp_path)
    files = sorted(tmp_path.rglob("*"))
    settings = {**worker.own_store(tmp_path / "x"), "STORE_URL": url}
    failure = worker.run("run", **settings, STORE_CREATE="no")
    assert failure.returncode == 69 and "store" in failure.stderr.lower(), failure
    if place.startswith("missing") or place == "empty file":
        assert "STORE_CREATE=yes" in failure.stderr
    # Not even at a first start: the ring remembers that it was none.
    failure = worker.run("run", STORE_URL=url, STORE_CREATE="yes")
    assert failure.returncode == 69, failure
    assert sorted(tmp_path.rglob("*")) == files


def test_store_and_ring_of_different_pairs_refuse_each_other(other_worker, tenant, tmp_path):
    worker = other_worker
    own = worker.own_store(tmp_path / "own.sqlite")
    worker.start(**own)
    worker.stop()
    assert ring_of(worker, **own)["storeId"] and audited(worker, "store.paired", **own)
    mixed = {"STORE_URL": own["STORE_URL"]}
    for arguments in (
        ["run"], ["keys", "rotate"], ["keys", "rotate", "--resume"], ["keys", "retire", "--unused", "--yes"], ["keys", "list"],
        ["dead-letters", "redrive", "--all"], ["dead-letters", "purge", "--all", "--yes"], ["audit", "verify"],
    ):  # fmt: skip
        failure = worker.run(*arguments, **mixed)
        assert failure.returncode == 69 and "belongs to the store" in failure.stderr, (arguments, failure)
    # The store records the pair too: a ring that cannot be written, and records nothing, is still another ring.
    other = tmp_path / "other.json"
    worker.cli("keys", "generate", VAULT_KEYS=str(other))
    text = other.read_text(encoding="utf-8")
    for settings in ({"VAULT_KEYS": str(other)}, {"VAULT_KEYS": "env:RING", "RING": text}):
        failure = worker.run("run", **{**mixed, **settings})
        assert failure.returncode == 69 and "belongs to the key ring" in failure.stderr, failure
    failure = worker.run("keys", "rotate", "--resume", **mixed, VAULT_KEYS=str(other))
    assert failure.returncode == 69 and "storeId" not in json.loads(other.read_text(encoding="utf-8"))
    # The same ring in the environment is accepted.
    same = pathlib.Path(own["VAULT_KEYS"]).read_text(encoding="utf-8")
    worker.start(**mixed, VAULT_KEYS="env:RING", RING=same)
    worker.stop()


def test_a_store_that_names_no_ring_is_paired_with_the_ring_that_opens_it_alone(other_worker, tenant, tmp_path):
    worker = other_worker
    own = worker.own_store(tmp_path / "own.sqlite")
    worker.start(**own)
    tenant.connected()
    worker.stop()
    with contextlib.closing(sqlite3.connect(tmp_path / "own.sqlite")) as store:
        store.execute("UPDATE identity SET ring = NULL")
        store.commit()
    other = tmp_path / "other.json"
    worker.cli("keys", "generate", VAULT_KEYS=str(other))
    for arguments in (["run"], ["keys", "rotate"], ["keys", "retire", "--unused", "--yes"]):
        failure = worker.run(*arguments, STORE_URL=own["STORE_URL"], VAULT_KEYS=str(other))
        assert failure.returncode == 69 and "opens none" in failure.stderr, failure
    worker.start(**own)
    worker.stop()


def test_a_copy_of_another_ring_is_not_restored(other_worker, tmp_path):
    worker = other_worker
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    other = {"VAULT_KEYS": str(tmp_path / "other.json"), "STORE_URL": f"sqlite:{tmp_path}/other.sqlite"}
    worker.cli("keys", "generate", **other)
    failure = worker.run("store", "restore", str(copy), "--yes", **other)
    assert failure.returncode == 69 and "belongs to the key ring" in failure.stderr
    assert not (tmp_path / "other.sqlite").exists()


def test_the_store_of_another_ring_is_not_replaced(other_worker, tmp_path):
    worker = other_worker
    copy, place = tmp_path / "copy.sqlite", tmp_path / "place"
    place.mkdir()
    worker.cli("store", "backup", str(copy))
    other = {"VAULT_KEYS": str(tmp_path / "other.json"), "STORE_URL": f"sqlite:{place}/store.sqlite"}
    worker.cli("keys", "generate", **other)
    worker.start(**other)
    worker.stop()
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    for word in ("--dry-run", "--yes"):
        refused = worker.run("store", "restore", str(copy), word, STORE_URL=other["STORE_URL"])
        assert refused.returncode == 69 and "belongs to the key ring" in refused.stderr, refused
        assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    worker.cli("keys", "rotate", **other)


def test_an_export_that_holds_nothing_does_not_hold(worker, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert "removed" in worker.cli("audit", "verify", "--export", str(empty), expect=1)


def test_an_audit_log_that_is_gone_is_missed(worker, tmp_path):
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    with contextlib.closing(sqlite3.connect(copy)) as store:
        for table in ("audit", "audit_marks"):
            store.execute(f"DELETE FROM {table}")
        store.commit()
    settings = {"STORE_URL": f"sqlite:{copy}"}
    assert "removed" in worker.cli("audit", "verify", expect=1, **settings)
    checks = json.loads(worker.cli("doctor", "--json", expect=1, **settings))["checks"]
    assert checks["audit"][0]["status"] == "fail"


# What asks first


def test_what_destroys_needs_a_yes_and_shows_what_it_would_do(worker, former, tmp_path):
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    before = (ring_of(worker), worker.cli("dead-letters", "list", "--json"), set(worker.directory.glob("*.replaced-*")))
    for arguments, shown in (
        (["keys", "retire", former], former),
        (["keys", "retire", "--unused"], former),
        (["dead-letters", "purge", "--all"], "dead letter"),
        (["store", "restore", str(copy)], "unfinished jobs"),
    ):
        refused = worker.run(*arguments)
        assert refused.returncode == 2 and "--yes" in refused.stderr and shown in refused.stderr, refused
        dry = worker.run(*arguments, "--dry-run")
        assert dry.returncode == 0 and shown in dry.stdout, dry
        assert json.loads(worker.cli(*arguments, "--dry-run", "--json"))["dryRun"] is True
        worker.cli(*arguments, "--dry-run", "--yes", expect=2)
    assert (ring_of(worker), worker.cli("dead-letters", "list", "--json"), set(worker.directory.glob("*.replaced-*"))) == before


@contextlib.contextmanager
def asked(worker, *arguments, **settings):
    """Runs a command on a terminal, up to its question. Hands over what it printed, and a function that answers and returns the exit code."""
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [BIN_DIR / "autotask-worker", *arguments], env=plain_environment(**{**worker.settings, **settings}), cwd=worker.directory,
        stdin=terminal, stdout=terminal, stderr=terminal, **worker.identity,
    )  # fmt: skip
    os.close(terminal)

    def answer(word):
        os.write(person, f"{word}\n".encode())
        return process.wait(timeout=20)

    try:
        text = b""
        while b"[y/N]" not in text:
            assert select.select([person], [], [], 20)[0], text
            text += os.read(person, 4096)
        yield text.decode(), answer
    finally:
        process.kill()
        process.wait()
        os.close(person)


@pytest.mark.parametrize(("word", "status"), [("n", 1), ("", 1), ("y", 0)])
def test_on_a_terminal_it_asks(worker, former, word, status):
    with asked(worker, "keys", "retire", former) as (text, answer):
        assert former in text and "1 key" in text
        assert answer(word) == status
    left = {key["keyId"] for key in ring_of(worker)["wrappingKeys"]["keys"]}
    assert (former in left) == (status != 0)
    if status != 0:
        worker.cli("keys", "retire", former, "--yes")


@pytest.mark.parametrize(("chosen", "status"), [("by name", 1), ("as unused", 0)])
def test_a_key_that_comes_to_be_unused_during_the_question_stays(other_worker, tenant, tmp_path, chosen, status):
    worker = other_worker
    own = worker.own_store(tmp_path / "own.sqlite")
    worker.start(**own)
    tenant.connected()
    worker.stop()
    unused = credentials_key(worker, **own)
    worker.cli("keys", "rotate", "--use", "credentials", **own)
    used = credentials_key(worker, **own)
    # It is a former key now, as after a rotation that ended before it had wrapped anything again.
    ring = ring_of(worker, **own)
    keys = ring["wrappingKeys"]["keys"]
    ring["wrappingKeys"] = {"active": "wrap-new", "keys": [{**keys[0], "keyId": "wrap-new"}, *keys]}
    pathlib.Path(own["VAULT_KEYS"]).write_text(json.dumps(ring), encoding="utf-8")
    with asked(worker, "keys", "retire", *([unused, used] if chosen == "by name" else ["--unused"]), **own) as (text, answer):
        assert unused in text and used not in text
        worker.cli("keys", "rotate", "--resume", **own)
        assert answer("y") == status
    left = {key["keyId"] for key in ring_of(worker, **own)["wrappingKeys"]["keys"]}
    assert unused not in left and used in left


@pytest.mark.parametrize("choice", [["--all"], ["--tenant", "{tenant}"]], ids=lambda choice: choice[0])
def test_letters_that_come_during_the_question_stay(other_worker, tenant, tmp_path, choice):
    worker = other_worker
    own = worker.own_store(tmp_path / "own.sqlite")
    worker.start(**own)

    def kept():
        return {letter["jobId"] for letter in json.loads(worker.cli("dead-letters", "list", "--ungrouped", "--json", **own))}

    def refused():
        job = tenant.publish("reset", {})
        tenant.expect(job.ending(), "job.rejected")
        return job.id

    before = refused()
    assert kept() == {before}
    with asked(worker, "dead-letters", "purge", *(word.format(tenant=tenant.name) for word in choice), **own) as (text, answer):
        assert "1 dead letter " in text
        during = {refused(), refused()}
        assert kept() == {before, *during}
        assert answer("y") == 0
    assert kept() == during


def test_changes_of_keys_and_copies_have_their_rows(worker, former, tmp_path):
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    worker.cli("keys", "retire", former, "--yes")
    rows = {action: audited(worker, action) for action in ("store.paired", "keys.rotated", "keys.rewrapped", "store.backed-up", "key.retired")}
    assert all(rows.values()), rows
    assert rows["key.retired"][-1]["facts"] == {"key": former, "use": "credentials"}
    assert rows["store.backed-up"][-1]["facts"]["file"] == str(copy)
    assert rows["keys.rewrapped"][-1]["facts"]["unopenable"] == 0
    assert all(row[-1]["actor"] == f"user:{os.getuid()}" for row in rows.values())
    worker.cli("audit", "verify")


def test_a_store_that_is_there_is_not_forgotten(other_worker, tmp_path):
    worker = other_worker
    store, copy = tmp_path / "own.sqlite", tmp_path / "copy.sqlite"
    settings = worker.own_store(store)
    worker.start(**settings)
    worker.cli("store", "backup", str(copy), **settings)
    for path, text in ((store, "is not lost"), (copy, "is a copy of the store")):
        for word in ("--yes", "--dry-run"):
            refused = worker.run("keys", "forget-store", word, **{**settings, "STORE_URL": f"sqlite:{path}"})
            assert refused.returncode == 69 and text in refused.stderr, refused
    worker.stop()
    store.unlink()
    worker.cli("keys", "forget-store", "--yes", **settings)
    assert "storeId" not in json.loads(pathlib.Path(settings["VAULT_KEYS"]).read_text(encoding="utf-8"))


@pytest.fixture
def paired_ring(worker, tmp_path):
    """A copy of the worker's ring that belongs to its store as well."""
    path = tmp_path / "ring.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(ring_of(worker)), encoding="utf-8")
    return path


@contextlib.contextmanager
def locked(path):
    """Locks a store like another program that lets no process read meanwhile."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.parametrize("place", ["damaged", "directory", "text", "other database", "empty database", "locked"])
def test_a_store_that_may_be_what_cannot_be_read_is_not_forgotten(worker, paired_ring, tmp_path, place):
    url = elsewhere(worker, "plain copy" if place == "locked" else place, tmp_path)
    before = paired_ring.read_bytes()
    with locked(url.removeprefix("sqlite:")) if place == "locked" else contextlib.nullcontext():
        for word in ("--dry-run", "--yes"):
            refused = worker.run("keys", "forget-store", word, STORE_URL=url, VAULT_KEYS=str(paired_ring))
            assert refused.returncode == 69 and "is not known whether" in refused.stderr, refused
            assert paired_ring.read_bytes() == before


def test_a_store_that_may_not_be_read_is_not_forgotten(worker):
    identity = {}
    if os.geteuid() == 0:
        # Root may read everything.
        user = pwd.getpwnam("nobody")
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        if subprocess.run([BIN_DIR / "autotask-worker", "--help"], **identity, capture_output=True, check=False).returncode != 0:
            pytest.skip(f"the user nobody may not run {BIN_DIR}/autotask-worker")
    # Outside of the tests' directory, which is one user's alone.
    with tempfile.TemporaryDirectory(prefix="slips-") as directory:
        place = pathlib.Path(directory)
        place.chmod(0o755)
        ring, store = place / "ring" / "keys.json", place / "store.sqlite"
        ring.parent.mkdir()
        ring.touch(mode=0o600)
        ring.write_text(json.dumps(ring_of(worker)), encoding="utf-8")
        plain_copy(worker.store_path, store)
        store.chmod(0)
        if identity:
            for path in (ring.parent, ring):
                os.chown(path, identity["user"], identity["group"])
        before = ring.read_bytes()
        for word in ("--dry-run", "--yes"):
            refused = subprocess.run(
                [BIN_DIR / "autotask-worker", "keys", "forget-store", word], cwd=place, capture_output=True, text=True, timeout=60, check=False,
                env=plain_environment(**{**worker.settings, "STORE_URL": f"sqlite:{store}", "VAULT_KEYS": str(ring)}), **identity,
            )  # fmt: skip
            assert refused.returncode == 69 and "is not known whether" in refused.stderr, refused
            assert ring.read_bytes() == before


@pytest.mark.parametrize("place", ["missing", "missing directory", "empty file"])
def test_a_store_is_forgotten_where_nothing_is_there(worker, paired_ring, tmp_path, place):
    settings = {"STORE_URL": elsewhere(worker, place, tmp_path), "VAULT_KEYS": str(paired_ring)}
    assert "would forget" in worker.cli("keys", "forget-store", "--dry-run", **settings)
    assert ring_of(worker, **settings)["storeId"]
    worker.cli("keys", "forget-store", "--yes", **settings)
    assert "storeId" not in ring_of(worker, **settings)


# What is taken for something else


@pytest.mark.parametrize("name", ["CONCURENT_LANES", "STORE_ULR", "SETTLE_SECOND", "concurrent_lanes", "TRUSTED_PUBLISHER", "VAULT_KEY"])
def test_a_mistyped_setting_is_refused_with_the_one_that_was_meant(worker, name):
    for arguments in (["run"], ["run", "--print-config"]):
        failure = worker.run(*arguments, **{name: "7"})
        assert failure.returncode == 2 and "Did you mean" in failure.stderr and name in failure.stderr, failure
    checks = json.loads(worker.cli("doctor", "--json", expect=1, **{name: "7"}))["checks"]
    assert any(name in check["output"] and "Did you mean" in check["advice"] for check in checks["settings"])


def test_other_programs_variables_are_left_alone(worker):
    for name in ("HTTPS_PROXY", "AWS_REGION", "PREFIX_PATH", "STORE", "LOGNAME", "KUBERNETES_SERVICE_HOST", "RABBITMQ_PORT_5672_TCP"):
        worker.cli("run", "--print-config", **{name: "7"})


@pytest.mark.parametrize("content", ['{"concurent": {"lanes": 7}}', '{"amqp": {"uri": "amqp://x"}}', '{"colour": "red"}'])
def test_any_unknown_member_of_a_file_is_refused(worker, tmp_path, content):
    file = tmp_path / "settings.json"
    file.write_text(content, encoding="utf-8")
    failure = worker.run("run", "--print-config", "--config", str(file))
    assert failure.returncode == 2 and "is not a setting" in failure.stderr, failure


def test_a_second_worker_on_a_taken_port_takes_nothing(other_worker, tmp_path):
    worker = other_worker
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        failure = worker.run("run", OPERATIONS_LISTEN=address)
    assert failure.returncode == 69 and "in use" in failure.stderr and "OPERATIONS_LISTEN" in failure.stderr, failure
    assert "Consuming" not in failure.stderr and "defect" not in failure.stderr


def test_events_without_the_right_to_the_journal_say_so_at_once(worker, broker):
    failure = worker.run("events", "--replay", "--count", "1", PORTAL_AMQP_URL=broker.url("portal"))
    assert failure.returncode == 69 and "monitor" in failure.stderr.lower(), failure


def test_a_connection_that_autotask_refuses_counts_as_none(other_worker, tenant, tmp_path):
    worker = other_worker
    own = worker.own_store(tmp_path / "own.sqlite")
    worker.start(**own)
    tenant.connected()
    checks = json.loads(worker.cli("doctor", "--json", **own))["checks"]
    assert checks["integrations"][0]["status"] == "pass" and "1 of them connected" in checks["integrations"][0]["output"]
    fault = tenant.database.fault("status", status=401)
    tenant.expect(tenant.sync(), "sync.failed")
    fault.clear()
    checks = json.loads(worker.cli("doctor", "--json", **own))["checks"]
    assert checks["integrations"][0]["status"] == "warn" and "0 of them connected" in checks["integrations"][0]["output"]
    assert f"{tenant.name}/workplace (credentialsRejected)" in checks["integrations"][0]["output"]


def test_trouble_at_one_database_is_seen_by_doctor_and_in_the_list(other_worker, tenant, tmp_path):
    worker = other_worker
    own = worker.own_store(tmp_path / "own.sqlite")
    worker.start(**own)
    tenant.connected()
    fault = tenant.database.fault("unavailable")
    job = tenant.publish("sync", plan())
    try:
        line = poll(lambda: re.search(r".*calls fail.*", worker.cli("tenant", "list", **own)), 20, "the failure in the list")[0]
        assert tenant.name in line and "autotask_unavailable" in line
        checks = json.loads(worker.cli("doctor", "--json", **own))["checks"]
        waiting = [check for check in checks["jobs"] if check["status"] == "warn"]
        assert waiting and f"{tenant.name}/workplace" in waiting[0]["output"]
    finally:
        fault.clear()
    tenant.expect(job.ending(60), "sync.succeeded")


def test_log_and_store_count_alike_and_a_call_that_was_held_back_is_no_answer(tenant, worker):
    tenant.connected()
    fault = tenant.database.fault("unavailable")
    job = tenant.publish("sync", plan())

    def shown():
        return json.loads(worker.cli("sync", "show", job.id, "--tenant", tenant.name, "--json"))

    def held_back():
        return [attempt for attempt in shown()["made"] if attempt["ending"] == "deferred" and not attempt["calls"]]

    try:
        attempt = poll(held_back, 30, "an attempt that the breaker held back")[0]
    finally:
        fault.clear()
    assert "made no call" in attempt["error"]["message"]
    tenant.expect(job.ending(60), "sync.succeeded")
    record = shown()
    line = [line for line in worker.log.splitlines() if "Job attempt ended" in line and job.id in line][-1]
    assert record["heldUp"] >= 1
    assert f"attempt={record['attempts']} " in line and f"api_calls={record['apiCalls']} " in line, (line, record["attempts"], record["apiCalls"])
    calls = [call for attempt in record["made"] for call in attempt["calls"]]
    assert len(calls) >= record["apiCalls"] > 0


def test_a_refusal_that_a_connection_has_outlived_is_not_shown_beside_it(tenant, worker):
    tenant.expect(tenant.connect(secret="Not-the-Secret-0123456789"), "connection.failed")
    assert json.loads(worker.cli("tenant", "show", tenant.name, "--json"))["credentialsRefused"]
    tenant.connected()
    assert json.loads(worker.cli("tenant", "show", tenant.name, "--json"))["credentialsRefused"] == []
    assert "refused" not in worker.cli("tenant", "show", tenant.name)


def test_a_ring_of_another_owner_is_named_as_the_reason_that_names_stay_sealed(tenant, worker, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to give the file away")
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    copy = pathlib.Path(worker.own_store(tmp_path / "x")["VAULT_KEYS"])
    os.chown(copy, 65534, 65534)
    text = worker.cli("audit", "list", "--tenant", tenant.name, VAULT_KEYS=str(copy))
    assert "It belongs to user 65534" in text and "does not open" not in text


# The clock


def test_a_worker_whose_machine_is_set_another_time_says_so_and_is_not_ready(other_worker, tmp_path):
    if not clock.IS_THERE:
        pytest.skip("needs libfaketime")
    worker = other_worker
    machine = clock.Clock(tmp_path / "clock")
    try:
        worker.start(**machine.environment(), OPERATIONS_LISTEN="127.0.0.1:0")
        poll(lambda: worker.health()[0] == 200, 20, "ready")
        # Forward alone: under libfaketime a step back also holds the process's timers up.
        machine.set(3600)
        poll(lambda: "forward" in worker.health()[1]["checks"]["clock"][0]["output"], 20, "another time in the answer")
        assert worker.health()[0] == 503
        machine.set(0)
        poll(lambda: worker.health()[0] == 200, 20, "ready again")
        assert worker.log.count("The clock was set") == 1
    finally:
        worker.stop()
        machine.release()
