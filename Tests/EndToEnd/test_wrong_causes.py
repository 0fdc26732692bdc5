"""A message names the cause why a broker, a management API, a store or a file cannot be used, and what to do about it."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import urllib.parse

import pytest

from peers import server
from processes import BIN_DIR, plain_environment

NOWHERE = "127.0.0.1:1"


def host_of(broker):
    return urllib.parse.urlsplit(broker.url("worker")).netloc.rpartition("@")[2]


@contextlib.contextmanager
def listening(words):
    """Accepts connections and sends something that is not AMQP; with `None` it sends nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer:
                        peer.recv(8)
                        peer.sendall(words)

        if words is not None:
            threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def website(status=200):
    return server(status=status, body=b"<html><body>Welcome</body></html>", kind="text/html")


def doctor(worker, **settings):
    return json.loads(worker.cli("doctor", "--json", expect=None, **settings))["checks"]


# The broker


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        ("refused", "cannot be reached"), ("silent", "did not answer in time"), ("no AMQP", "does not speak AMQP"),
        ("password", "ACCESS_REFUSED"), ("vhost", "nope"),
    ],
)  # fmt: skip
def test_a_replay_names_why_the_broker_cannot_be_used(worker, broker, trouble, cause):
    host = host_of(broker)
    with listening(None) as mute, listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as site:
        url = {
            "refused": f"amqp://monitor:hidden@{NOWHERE}/",
            "silent": f"amqp://monitor:hidden@{mute}/",
            "no AMQP": f"amqp://monitor:hidden@{site}/",
            "password": f"amqp://monitor:hidden@{host}/",
            "vhost": f"{broker.url('monitor')}nope",
        }[trouble]
        failure = worker.run("events", "--replay", "--count", "1", PORTAL_AMQP_URL=url)
    assert failure.returncode == 69 and cause in failure.stderr and "PORTAL_AMQP_URL" in failure.stderr, failure
    assert "monitor may" not in failure.stderr and "hidden" not in failure.stderr, failure


def test_the_setting_that_names_the_broker_is_the_one_to_check(worker):
    failure = worker.run("events", "--count", "1", AMQP_URL=f"amqp://worker@{NOWHERE}/", PORTAL_AMQP_URL="")
    assert failure.returncode == 69 and "Check AMQP_URL" in failure.stderr, failure


@pytest.mark.parametrize(("trouble", "cause"), [("password", "ACCESS_REFUSED"), ("vhost", "nope"), ("down", "cannot be reached")])
def test_a_topology_is_not_applied_over_a_connection_that_fails(worker, broker, trouble, cause):
    url = {
        "password": f"amqp://operator:hidden@{host_of(broker)}/",
        "vhost": f"{broker.url('operator')}nope",
        "down": f"amqp://operator@{NOWHERE}/",
    }[trouble]
    failure = worker.run("topology", "apply", AMQP_URL=url)
    assert failure.returncode == 69 and cause in failure.stderr and "AMQP_URL" in failure.stderr, failure
    assert "may configure" not in failure.stderr, failure


def test_a_user_who_may_not_configure_is_named_as_the_reason(worker, broker):
    refused = worker.run("topology", "apply", AMQP_URL=broker.url("worker"), PREFIX="autotask.new")
    assert refused.returncode == 1 and "may configure" in refused.stderr, refused


def test_a_topology_is_not_as_it_should_be_where_the_broker_cannot_be_reached(worker):
    failure = worker.run("topology", "check", AMQP_URL=f"amqp://worker@{NOWHERE}/")
    assert failure.returncode == 69 and "cannot be reached" in failure.stderr and "AMQP_URL" in failure.stderr, failure
    assert failure.stdout == ""


# The management API


def management(broker, user, password):
    return f"http://{user}:{password}@{urllib.parse.urlsplit(broker.environment['MANAGEMENT_URL']).netloc.rpartition('@')[2]}"


def test_what_is_no_management_api_is_named(worker):
    with website() as host:
        failure = worker.run("topology", "check", MANAGEMENT_URL=f"http://operator:hidden@{host}")
        checks = doctor(worker, MANAGEMENT_URL=f"http://operator:hidden@{host}")
    assert failure.returncode == 69 and "text/html" in failure.stderr and "MANAGEMENT_URL" in failure.stderr, failure
    assert "unexpected" not in failure.stderr and "hidden" not in failure.stderr + json.dumps(checks)
    (check,) = checks["topology"]
    assert check["made"] is False and "text/html" in check["output"] and "MANAGEMENT_URL" in check["advice"], check


@pytest.mark.parametrize(
    ("user", "cause", "advice"),
    [("operator", "Login failed", "user and password"), ("worker", "Not management user", "the tag monitoring or management")],
)
def test_a_management_user_who_is_refused_is_told_why(worker, broker, user, cause, advice):
    url = management(broker, user, "hidden" if user == "operator" else "worker-on-loopback")
    failure = worker.run("topology", "check", MANAGEMENT_URL=url)
    assert failure.returncode == 69 and cause in failure.stderr and advice in failure.stderr, failure
    checks = doctor(worker, MANAGEMENT_URL=url)
    for name in ("topology", "users", "followers"):
        (check,) = checks[name]
        assert check["made"] is False and cause in check["output"] and advice in check["advice"], check


def test_a_virtual_host_that_is_not_there_is_no_matter_of_tags(worker, broker):
    (check,) = doctor(worker, AMQP_URL=f"{broker.url('worker')}nope")["topology"]
    assert check["made"] is False and "404" in check["output"], check
    assert "virtual host" in check["advice"] and "tag" not in check["advice"], check
    with website(status=404) as host:
        failure = worker.run("topology", "check", MANAGEMENT_URL=f"http://{host}")
    assert failure.returncode == 69 and "404" in failure.stderr and "tag" not in failure.stderr, failure


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://"])
def test_a_management_url_that_is_none_is_a_wrong_setting(worker, url):
    checks = doctor(worker, MANAGEMENT_URL=url)
    assert any(check["status"] == "fail" and "MANAGEMENT_URL" in check["output"] for check in checks["settings"]), checks["settings"]
    worker.cli("topology", "check", expect=2, MANAGEMENT_URL=url)


# The store


def place_of(kind, directory):
    """A file that is not a store."""
    path = directory / "place.sqlite"
    if kind == "directory":
        path.mkdir()
    elif kind == "empty file":
        path.touch()
    elif kind == "text":
        path.write_text('{"no": "store"}\n' * 2000, encoding="utf-8")
    else:
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE invoices (id INTEGER PRIMARY KEY)")
            database.commit()
    return path


COMMANDS = [
    ["tenant", "list"], ["run"], ["keys", "list"], ["keys", "rotate"], ["keys", "retire", "--unused", "--yes"], ["dead-letters", "list"],
    ["dead-letters", "redrive", "--all"], ["dead-letters", "purge", "--all", "--yes"], ["audit", "list"], ["store", "backup", "copy.sqlite"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_store_that_is_a_directory_is_called_one(worker, tmp_path, command):
    path = place_of("directory", tmp_path)
    failure = worker.run(*command, STORE_URL=f"sqlite:{path}")
    assert failure.returncode == 69 and f"{path} is not a store: it is a directory" in failure.stderr, failure
    assert "system's log" not in failure.stderr and "STORE_CREATE" not in failure.stderr, failure


def test_doctor_calls_a_directory_a_directory(worker, tmp_path):
    (check,) = [check for check in doctor(worker, STORE_URL=f"sqlite:{place_of('directory', tmp_path)}")["store"] if check["status"] == "fail"]
    assert "it is a directory" in check["output"] and "STORE_URL" in check["advice"], check


def test_a_store_of_another_user_is_called_that(worker):
    if os.geteuid() != 0:
        pytest.skip("needs another user")
    program = [BIN_DIR / "autotask-worker"]
    identity = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    if subprocess.run([*program, "--help"], capture_output=True, check=False, **identity).returncode != 0:
        pytest.skip(f"the user nobody may not run {BIN_DIR}/autotask-worker")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="unreadable-"))
    try:
        directory.chmod(0o755)
        store = directory / "store.sqlite"
        worker.cli("store", "backup", str(store))
        environment = plain_environment(**{**worker.settings, "STORE_URL": f"sqlite:{store}"})
        for command in (["tenant", "list"], ["audit", "list"], ["store", "backup", "/tmp/never.sqlite"], ["doctor"]):
            failure = subprocess.run(
                [*program, *command], env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False, **identity
            )
            text = failure.stdout + failure.stderr
            assert failure.returncode == (1 if command == ["doctor"] else 69), failure
            assert "belongs to user 0 with mode 600" in text and "directory exists" not in text, failure
    finally:
        shutil.rmtree(directory)


@pytest.mark.parametrize(("kind", "cause"), [("empty file", "is empty"), ("other database", "is not a store"), ("text", "is not a store")])
def test_what_is_no_store_is_not_copied(worker, tmp_path, kind, cause):
    copy = tmp_path / "copy.sqlite"
    failure = worker.run("store", "backup", str(copy), STORE_URL=f"sqlite:{place_of(kind, tmp_path)}")
    assert failure.returncode == 69 and cause in failure.stderr and "no such table" not in failure.stderr, failure
    assert not copy.exists()


@pytest.mark.parametrize("command", [["tenant", "list"], ["run"], ["keys", "list"]], ids=" ".join)
@pytest.mark.parametrize("kind", ["other database", "text", "newer"])
def test_no_first_start_is_advised_where_there_is_a_file(worker, tmp_path, command, kind):
    if kind == "newer":
        path = tmp_path / "store.sqlite"
        worker.cli("store", "backup", str(path))
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("INSERT INTO grdb_migrations VALUES ('99')")
            database.commit()
    else:
        path = place_of(kind, tmp_path)
    settings = {**worker.own_store(path), "STORE_CREATE": "no"}
    failure = worker.run(*command, **settings)
    assert failure.returncode == 69 and "STORE_CREATE=yes" not in failure.stderr, failure


def test_a_first_start_is_advised_where_there_is_none(worker, tmp_path):
    settings = {**worker.own_store(tmp_path / "none.sqlite"), "STORE_CREATE": "no"}
    for command in (["tenant", "list"], ["run"]):
        failure = worker.run(*command, **settings)
        assert failure.returncode == 69 and "STORE_CREATE=yes" in failure.stderr, failure


@pytest.mark.parametrize("kind", ["directory", "empty file", "text", "other database"])
def test_what_is_no_store_is_not_replaced(worker, tmp_path, kind):
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    path = place_of(kind, tmp_path)
    before = sorted(os.listdir(tmp_path)), path.read_bytes() if path.is_file() else None
    for arguments in (["--dry-run"], ["--yes"]):
        failure = worker.run("store", "restore", str(copy), *arguments, STORE_URL=f"sqlite:{path}")
        assert failure.returncode == 69 and str(path) in failure.stderr and failure.stdout == "", failure
        assert ("a directory" if kind == "directory" else "move it away") in failure.stderr, failure
        assert (sorted(os.listdir(tmp_path)), path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("kind", ["directory", "empty file", "text", "other database"])
def test_what_is_no_copy_is_not_blamed_on_the_store(worker, tmp_path, kind):
    path = place_of(kind, tmp_path)
    failure = worker.run("store", "restore", str(path), "--yes", STORE_URL=f"sqlite:{tmp_path / 'store.sqlite'}")
    assert failure.returncode == 69 and str(path) in failure.stderr and "store backup" in failure.stderr, failure
    assert "STORE_URL" not in failure.stderr and "no such table" not in failure.stderr, failure
    assert sorted(os.listdir(tmp_path)) == [path.name]


@pytest.mark.parametrize("name", ["store.sqlite", "link.sqlite"])
def test_a_store_is_not_restored_from_itself(other_worker, tmp_path, name):
    worker = other_worker
    settings = worker.own_store(tmp_path / "store.sqlite")
    worker.start(**settings)
    worker.stop()
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "store.sqlite")
    before = sorted(os.listdir(tmp_path))
    for arguments in (["--dry-run"], ["--yes"]):
        failure = worker.run("store", "restore", str(tmp_path / name), *arguments, **settings)
        assert failure.returncode == 69 and "the store itself" in failure.stderr, failure
    assert sorted(os.listdir(tmp_path)) == before


def test_a_missing_key_ring_is_restored_before_another_is_made(worker, tmp_path):
    failure = worker.run("keys", "list", VAULT_KEYS=str(tmp_path / "none.json"))
    assert failure.returncode == 69 and "VAULT_KEYS" in failure.stderr and "restore the ring from its backup" in failure.stderr, failure
    assert "For a first start, and only then: autotask-worker keys generate" in failure.stderr, failure


# Arguments and settings


@pytest.mark.parametrize("kind", ["connect", "sync", "reset", "billing-codes", "preview", "verify", "drift", "diagnose"])
def test_a_job_for_an_unknown_product_is_not_published(worker, kind):
    failure = worker.run("job", kind, "--tenant", "msp-no-product", "--product", "nope")
    assert failure.returncode == 2 and "nope is neither workplace nor fileProtection" in failure.stderr, failure
    assert "Published" not in failure.stdout


@pytest.mark.parametrize(("name", "value"), [("SETTLE_SECONDS", "abc"), ("STORE_CREATE", "maybe"), ("DEVELOPMENT", "2"), ("QUOTA_SHARE", "101")])
@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["text", "json"])
def test_a_listing_of_settings_ends_with_what_is_wrong_with_them(worker, name, value, arguments):
    failure = worker.run("run", "--print-config", *arguments, **{name: value})
    assert failure.returncode == 2 and f"{name} (from the environment) is not" in failure.stderr, failure
    # It is there all the same.
    assert "LOG_LEVEL" in failure.stdout and value in failure.stdout, failure


@pytest.mark.parametrize("option", ["--export", "--against"])
def test_a_file_of_the_audit_log_that_is_not_there_is_exit_code_69(worker, tmp_path, option):
    for path in (tmp_path / "none.jsonl", tmp_path):
        failure = worker.run("audit", "verify", option, str(path))
        assert failure.returncode == 69 and f"{path} cannot be read" in failure.stderr, failure


def test_what_is_no_export_is_not_called_changed(worker, tmp_path):
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    failure = worker.run("audit", "verify", "--export", str(copy))
    assert failure.returncode == 69 and "is a database, not an export" in failure.stderr and "changed" not in failure.stderr, failure
    text = tmp_path / "text"
    text.write_text("Dear reader\n", encoding="utf-8")
    failure = worker.run("audit", "verify", "--export", str(text))
    assert failure.returncode == 1 and "is not an export of an audit log, or it was changed" in failure.stderr, failure
