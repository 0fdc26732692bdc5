"""The worker's other commands, as a person or a script would use them."""

import json
import subprocess
import urllib.parse

import pytest

import contract
import portal as portals
from processes import BIN_DIR, plain_environment
from tenants import plan

COMMANDS = [
    ["run"],
    ["topology", "apply"],
    ["topology", "check"],
    ["job", "connect"],
    ["job", "sync"],
    ["job", "reset"],
    ["job", "billing-codes"],
    ["job", "diagnose"],
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
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(worker, command):
    text = " ".join(worker.cli(*command, "--help").split())
    assert "autotask-worker " + " ".join(command) in text[text.index("Example:") : text.index("USAGE:")]


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


@pytest.mark.parametrize("stream", ["full", "closed"])
@pytest.mark.parametrize(
    "arguments",
    [["keys", "publish"], ["tenant", "list"], ["audit", "verify"], ["dead-letters", "list", "--json"], ["run", "--print-config"], ["--help"]],
    ids=" ".join,
)
def test_output_that_is_lost_is_exit_code_69(worker, arguments, stream):
    """A full disk, and a standard output that is closed: then the next file that is opened must not get what was to be printed."""
    words = {"full": "exec >/dev/full", "closed": "exec >&-"}[stream]
    result = subprocess.run(
        ["sh", "-c", f'{words}; exec "$@"', "sh", BIN_DIR / "autotask-worker", *arguments],
        env=plain_environment(**worker.settings), cwd=worker.directory, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        **worker.identity,
    )  # fmt: skip
    assert result.returncode == 69 and "could not be written" in result.stderr, result
    worker.cli("audit", "verify")


def test_a_broker_that_is_not_there_is_exit_code_69(worker):
    nowhere = "amqp://portal:portal@127.0.0.1:1/"
    worker.cli("job", "billing-codes", "--tenant", "msp-1", expect=69, AMQP_URL=nowhere, PORTAL_AMQP_URL=nowhere)


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
    told = tenant.events()
    arguments = ("events", "--replay", "--tenant", tenant.name, "--count", str(len(told)), "--json")
    lines = worker.cli(*arguments, PORTAL_AMQP_URL=broker.url("monitor")).splitlines()
    assert [json.loads(line) for line in lines] == told


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
