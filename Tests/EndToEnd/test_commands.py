"""The worker's other commands, as a person or a script would use them."""

import fcntl
import json
import os
import pathlib
import re
import sqlite3
import ssl
import subprocess
import termios
import urllib.parse

import pytest

import contract
import portal as portals
from processes import BIN_DIR, plain_environment, poll
from tenants import plan

COMMANDS = [
    ["run"],
    ["topology", "apply"],
    ["topology", "check"],
    *(["job", kind] for kind in contract.job_kinds()),
    ["job", "list"],
    ["job", "show"],
    ["failures"],
    ["events"],
    ["tenant", "list"],
    ["tenant", "show"],
    ["sync", "show"],
    ["dead-letters", "list"],
    ["dead-letters", "show"],
    ["dead-letters", "collect"],
    ["dead-letters", "redrive"],
    ["dead-letters", "purge"],
    ["keys", "generate"],
    ["keys", "publish"],
    ["keys", "seal"],
    ["doctor"],
    ["config", "check"],
    ["config", "show"],
    ["config", "diff"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(worker, command):
    text = " ".join(worker.cli(*command, "--help").split())
    assert "autotask-worker " + " ".join(command) in text[text.index("Example:") : text.index("USAGE:")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_the_settings_only_where_they_are_asked_for(worker, command):
    help_of_command = " ".join(worker.cli(*command, "--help").split())
    # The worker needs all of them, and sealing none.
    if command in (["run"], ["keys", "seal"]):
        assert ("--store-url" in help_of_command.partition("SETTINGS:")[2]) == (command == ["run"])
        return
    assert "--amqp-url" not in help_of_command.partition("USAGE:")[2] and "autotask-worker help settings" in help_of_command
    assert "--amqp-url" in worker.cli(*command, "--help-hidden")


def test_help_lists_all_settings(worker):
    listed = re.findall(r"^  (--[a-z-]+) <", worker.cli("help", "settings"), flags=re.M)
    settings = json.loads(worker.cli("run", "--print-config", "--json"))
    assert listed == ["--config", *("--" + name.lower().replace("_", "-") for name in settings)]
    assert "settings " not in worker.cli("--help").partition("SUBCOMMANDS:")[2].partition("See '")[0]
    assert worker.cli("settings") == worker.cli("help", "settings")


def test_help_lists_every_kind_of_job(worker):
    about = " ".join(worker.cli("--help").split())
    assert f"({', '.join(contract.job_kinds())})" in about
    listed = re.findall(r"^  ([a-z-]+) ", worker.cli("job", "--help").partition("SUBCOMMANDS:")[2], flags=re.M)
    assert listed == [*contract.job_kinds(), "list", "show", "why", "try-now", "give-up"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"], ["job", "sync"], ["job", "sync", "--tenant", "no.tenant"], ["run", "--autotask-url"], ["run", "--development", "maybe"],
        ["run", "--quota-share", "101"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(worker, arguments):
    worker.cli(*arguments, expect=2)


def test_the_version_is_the_newest_of_the_changelog(worker):
    changelog = (pathlib.Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    assert worker.cli("--version").split()[:2] == ["autotask-worker", newest[1]]
    assert json.loads(worker.cli("--version", "--json"))["version"] == newest[1]


def test_the_version_lists_the_libraries_that_are_loaded(worker):
    """As Python's own copies of two of them report their versions."""
    libraries = json.loads(worker.cli("--version", "--output", "json"))["libraries"]
    assert libraries["sqlite"] == sqlite3.sqlite_version
    assert libraries["openssl"] == ssl.OPENSSL_VERSION.split()[1]
    assert all(re.search(r"\d+\.\d+", version) for version in libraries.values()), libraries
    worker.cli("--version", "--output", "csv", expect=2)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["tenant", "lst"], "list"), (["tenat"], "tenant"), (["keys", "list", "--jsno"], "--json"), (["audit", "list", "--vault-kyes", "x"], "--vault-keys")],
)
def test_a_mistyped_word_names_the_nearest_one(worker, arguments, meant):
    failure = worker.run(*arguments)
    assert failure.returncode == 2 and f"Did you mean '{meant}'?" in failure.stderr.splitlines()[0], failure
    assert failure.stderr.count("Did you mean") == 1


def run_in_vain(worker, stream, *arguments):
    """Runs a command whose output is lost: on a full disk, on a closed standard output, or because its reader has ended."""
    words = {"full": "exec >/dev/full", "closed": "exec >&-", "unread": ":"}[stream]
    reader, output = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            ["sh", "-c", f'{words}; exec "$@"', "sh", BIN_DIR / "autotask-worker", *arguments], env=plain_environment(**worker.settings),
            cwd=worker.directory, stdout=output, stderr=subprocess.PIPE, text=True, timeout=60, check=False, **worker.identity,
        )  # fmt: skip
    finally:
        os.close(output)


@pytest.mark.parametrize("stream", ["full", "closed"])
@pytest.mark.parametrize(
    "arguments",
    [["keys", "publish"], ["tenant", "list"], ["audit", "verify"], ["dead-letters", "list", "--json"], ["run", "--print-config"], ["--help"]],
    ids=" ".join,
)
def test_output_that_is_lost_is_exit_code_69(worker, arguments, stream):
    """A full disk, and a standard output that is closed: then the next file that is opened must not get what was to be printed."""
    result = run_in_vain(worker, stream, *arguments)
    assert result.returncode == 69 and "could not be written" in result.stderr, result
    worker.cli("audit", "verify")


def done_in_vain(worker, stream, *arguments):
    """Runs a command that changes something, and checks that it reports the change as done, although its output is lost."""
    result = run_in_vain(worker, stream, *arguments)
    assert result.returncode == 69 and "has completed" in result.stderr, result
    assert "run the command again" not in result.stderr, result
    worker.cli("audit", "verify")


def credentials_keys(worker):
    keys = json.loads(worker.cli("keys", "list", "--json"))["keys"]
    return {key["keyId"]: key for key in keys if key["use"] == "credentials"}


def active_key(worker):
    return next(name for name, key in credentials_keys(worker).items() if key["active"])


STREAMS = ["full", "closed", "unread"]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_rotation_whose_output_is_lost_has_wrapped_everything_anew(worker, tenant, stream):
    tenant.connected()
    former = active_key(worker)
    done_in_vain(worker, stream, "keys", "rotate", "--use", "credentials")
    keys = credentials_keys(worker)
    assert not keys[former]["active"] and keys[former]["inUse"]["credentials"] == 0, keys
    assert any(key["active"] and key["inUse"]["credentials"] for key in keys.values()), keys


@pytest.mark.parametrize("stream", STREAMS)
def test_keys_whose_retirement_told_nobody_are_gone(worker, tenant, stream):
    tenant.connected()
    # Two, so that there is something to do after the first line is lost.
    worker.cli("keys", "rotate", "--use", "credentials")
    former = active_key(worker)
    worker.cli("keys", "rotate", "--use", "credentials")
    done_in_vain(worker, stream, "keys", "retire", "--unused", "--yes")
    left = credentials_keys(worker)
    assert former not in left and all(key["active"] or any(key["inUse"].values()) for key in left.values()), left


@pytest.mark.parametrize("stream", STREAMS)
def test_a_job_whose_id_told_nobody_is_published_once(worker, tenant, stream):
    done_in_vain(worker, stream, "job", "verify", "--tenant", tenant.name)
    # Everything that was published runs before it.
    tenant.expect(tenant.billing_codes(), "billing-codes.failed", "not_connected")
    assert len(tenant.events("connection.failed")) == 1


def test_an_export_waits_for_a_reader_that_is_slow(worker, tenant, tmp_path):
    tenant.connected()
    tenant.expect(tenant.sync(plan(8)), "sync.succeeded")
    copy, export = tmp_path / "copy.sqlite", tmp_path / "audit.jsonl"
    worker.cli("store", "backup", str(copy))
    settings = {**worker.settings, "STORE_URL": f"sqlite:{copy}"}
    worker.cli("audit", "export", str(export), **settings)
    reader, output = os.pipe2(os.O_CLOEXEC)
    with open(reader, "rb", buffering=0) as pipe:
        size = fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(output, False)
        process = subprocess.Popen(
            [BIN_DIR / "autotask-worker", "audit", "export", "-"], env=plain_environment(**settings), cwd=worker.directory, stdout=output,
            stderr=subprocess.PIPE, text=True, **worker.identity,
        )  # fmt: skip
        os.close(output)
        text = b""

        def is_full():
            count = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
            return int.from_bytes(count, "little") >= size or process.poll() is not None

        # It has to wait for the reader. Later the pipe need not be full for that: less than its buffer is written whole, or not at all.
        poll(is_full, 20, "a pipe that is full")
        while part := pipe.read(size):
            text += part
    assert process.wait(timeout=20) == 0, process.communicate()
    assert len(text) > 2 * size and text == export.read_bytes()


def test_a_copy_is_not_written_to_standard_output(worker):
    refused = worker.run("store", "backup", "-")
    assert refused.returncode == 2 and "not to standard output" in refused.stderr, refused
    assert not (worker.directory / "-").exists()


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"netloc": "portal:wrong@{address}"}, "ACCESS_REFUSED"),
        ({"netloc": "portal:portal@127.0.0.1:1"}, "cannot be reached at 127.0.0.1:1"),
        ({"path": "/nowhere"}, "vhost"),
    ],
    ids=["wrong password", "nobody there", "unknown vhost"],
)
def test_a_broker_that_does_not_let_it_in_is_exit_code_69_and_says_why(worker, tenant, broker, change, cause):
    url = urllib.parse.urlsplit(broker.url("portal"))
    url = url._replace(**{part: text.format(address=f"{url.hostname}:{url.port}") for part, text in change.items()}).geturl()
    failure = worker.run("job", "billing-codes", "--tenant", tenant.name, PORTAL_AMQP_URL=url)
    assert failure.returncode == 69 and cause.lower() in failure.stderr.lower(), failure
    assert "did not confirm in time" not in failure.stderr, failure
    assert "PORTAL_AMQP_URL" in failure.stderr, failure


def test_a_job_is_published_and_its_end_awaited(worker, tenant):
    job_id = portals.new_id()
    output = worker.cli("job", "reset", "--tenant", tenant.name, "--id", job_id, "--confirm", "--wait", "--json")
    event = json.loads(output)
    assert contract.errors("events/integration.reset.json", event) == []
    assert (event["subject"], event["jobid"]) == (tenant.name, job_id)


def test_a_job_that_comes_to_nothing_is_exit_code_1(worker, tenant):
    output = worker.cli("job", "reset", "--tenant", tenant.name, "--wait", "--json", expect=1)
    assert json.loads(output)["data"]["error"]["code"] == "reset_not_confirmed"


def test_the_data_of_a_job_comes_from_a_file(worker, tenant, tmp_path):
    tenant.connected()
    file = tmp_path / "sync.json"
    file.write_text(json.dumps(plan()), encoding="utf-8")
    text = worker.cli("job", "sync", "--tenant", tenant.name, "--data", str(file), "--wait")
    assert all(entry["name"] in text for entry in plan()["services"])


def test_events_are_replayed_from_the_journal(worker, tenant, broker):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.expect(tenant.billing_codes(), "billing-codes.listed")
    published = tenant.events()
    arguments = ("events", "--replay", "--tenant", tenant.name, "--count", str(len(published)), "--json")
    lines = worker.cli(*arguments, PORTAL_AMQP_URL=broker.url("monitor")).splitlines()
    assert [json.loads(line) for line in lines] == published


def test_tenants_are_listed_and_shown(worker, tenant):
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    assert tenant.name in json.dumps(json.loads(worker.cli("tenant", "list", "--json")))
    shown = worker.cli("tenant", "show", tenant.name, "--json")
    assert json.loads(shown) and "service-1" in shown
    assert tenant.username not in shown and tenant.secret not in shown
    worker.cli("tenant", "show", "msp-unheard-of", expect=1)


def test_the_topology_is_there_and_applying_it_again_changes_nothing(worker, broker):
    operator = broker.url("operator")
    worker.cli("topology", "check", AMQP_URL=operator)
    worker.cli("topology", "apply", AMQP_URL=operator)
    worker.cli("topology", "check", AMQP_URL=operator)


def test_a_missing_topology_is_told(worker, broker):
    worker.cli("topology", "check", expect=1, AMQP_URL=broker.url("operator"), PREFIX="elsewhere")


def test_settings_are_shown_with_their_origin_and_without_secrets(worker):
    output = worker.cli("run", "--print-config", "--json", "--concurrent-lanes", "7")
    settings = json.loads(output)
    assert (settings["CONCURRENT_LANES"]["value"], settings["CONCURRENT_LANES"]["origin"]) == ("7", "command line")
    assert settings["SETTLE_SECONDS"]["origin"] == "environment"
    assert settings["PREFIX"]["origin"] == "default"
    assert worker.settings["AUTOTASK_INTEGRATION_CODE"] not in output
    assert f":{urllib.parse.urlsplit(worker.settings['AMQP_URL']).password}@" not in output


def test_settings_are_checked_without_a_store_or_a_broker(worker):
    elsewhere = {"AMQP_URL": "amqp://worker:hunter2@127.0.0.1:1/", "STORE_URL": "sqlite:/nowhere/store.sqlite", "VAULT_KEYS": "/nowhere/keys.json"}
    assert json.loads(worker.cli("config", "check", "--json", **elsewhere)) == {"good": True, "mistakes": []}
    wrong = json.loads(worker.cli("config", "check", "--json", expect=2, QUOTA_SHARE="0", SETTLE_SECONDS="soon", **elsewhere))
    assert not wrong["good"] and [mistake["message"].split()[0] for mistake in wrong["mistakes"]] == ["SETTLE_SECONDS", "QUOTA_SHARE"]
    text = worker.cli("config", "check", expect=2, QUOTA_SHARE="0", SETTLE_SECONDS="soon")
    assert "SETTLE_SECONDS" in text and "QUOTA_SHARE" in text


def test_settings_are_shown_as_run_prints_them(worker):
    assert worker.cli("config", "show", "--json") == worker.cli("run", "--print-config", "--json")
    assert "hunter2" not in worker.cli("config", "show", "--output", "csv", AMQP_URL="amqp://worker:hunter2@127.0.0.1:1/")


def test_intervals_are_hours_or_parts_of_one_or_never(worker):
    for hours in ("0", "24", "0.25", "8784"):
        worker.cli("run", "--print-config", VERIFY_INTERVAL_HOURS=hours, DRIFT_INTERVAL_HOURS=hours)
    for hours in ("-1", "daily", "9000", "nan"):
        failure = worker.run("doctor", "--json", DRIFT_INTERVAL_HOURS=hours)
        assert failure.returncode == 1 and "DRIFT_INTERVAL_HOURS" in failure.stdout, failure.stdout + failure.stderr


def test_a_key_ring_is_never_overwritten(worker):
    worker.cli("keys", "generate", expect=69)
    keys = json.loads(worker.cli("keys", "publish"))["keys"]
    assert keys and all(set(key) >= {"keyId", "kem", "publicKey", "notAfter"} and key["kem"] == "X25519" for key in keys)
