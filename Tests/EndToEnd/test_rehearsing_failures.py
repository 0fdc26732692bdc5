"""The page on rehearsing failures: its commands, what a portal sees of each fault, and its lists, held to the simulator's source."""

import json
import re
import subprocess

import pytest

import contract
from processes import plain_environment
from tenants import by_key, codes
from test_documents import CATALOGUE, spans, tables

PAGE = (CATALOGUE / "Rehearsing-failures.md").read_text(encoding="utf-8")
SOURCES = contract.ROOT / "Sources" / "autotask-simulator"
PLAN = contract.load(contract.SEEDS / "jobs" / "sync.json")
#: The demo's database and user, in whose place a test has a tenant of its own.
DATABASE, USER = "123457", "api-4712@demo.example"
TABLES = {heading: rows for heading, _, rows in tables(PAGE)}
#: As (kind, command, the events that a portal sees, the words of the row).
FAULTS = [(spans(fault)[0], spans(fault)[-1], seen) for fault, seen in TABLES["What a portal sees of each fault"]]
CONNECTS = [(fault.partition(":")[0], spans(fault)[-1], seen) for fault, seen in TABLES["What a connect gives"]]
CHANGES = [(change.partition(":")[0], spans(change)[-1], seen) for change, seen in TABLES["What people do in Autotask"]]
#: The fault lasts until a person deletes it.
ENDED_BY_HAND = ("hang", "hold")


def source(path):
    return (SOURCES / path).read_text(encoding="utf-8")


def members(text, kind):
    """The stored properties of a Swift type, as JSON names them."""
    body = re.search(rf"^(?:struct|enum) {kind}\b[^{{]*\{{\n(.*?)^\}}", text, flags=re.M | re.S).group(1)
    body = body.partition("\n    init(")[0]
    return {{"databaseID": "databaseId", "nextServiceID": "nextServiceId"}.get(name, name) for name in re.findall(r"^    (?:let|var) (\w+): [^{\n]+$", body, flags=re.M)}


def curl(command, simulator, tenant):
    """Runs a command of the page, with a tenant in the place of the demo's."""
    command = command.replace(DATABASE, str(tenant.database.number)).replace(USER, tenant.username)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=plain_environment(SIMULATOR=simulator.url),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0 and '"error"' not in done.stdout, done.stdout + done.stderr
    return done.stdout


def expected(seen):
    """The events of a row, each with its code or None: in code spans, the code in parentheses behind its event."""
    return [(event, code or None) for event, code in re.findall(r"`([a-z-]+\.[a-z]+)`(?: \(`(\w+)`\))?", seen)]


def noted(events):
    """The same of events that arrived: without progress, repetitions and the first success."""
    found = []
    for event in events:
        name = event["type"].removeprefix(contract.EVENT_PREFIX)
        if name not in ("sync.started", "sync.progress", "integration.enabled"):
            found.append((name, next(iter(codes(event["data"])), None)))
    return list(dict.fromkeys(found))


def since(tenant, job, count):
    """What a portal saw since it published a job, the tenant's other events included."""
    return [event for event in tenant.events()[count:] if event.get("jobid") in (None, job.id)]


# Faults


@pytest.mark.parametrize(("kind", "command", "seen"), FAULTS, ids=[kind for kind, _, _ in FAULTS])
def test_a_portal_sees_of_each_fault_what_the_page_says(new_tenant, simulator, kind, command, seen):
    tenant = new_tenant().connected()
    fault = json.loads(curl(command, simulator, tenant))["id"]
    count = len(tenant.events())
    job = tenant.publish("sync", PLAN)
    if kind in ENDED_BY_HAND:
        tenant.database.await_calls(1, fault=kind)
        assert noted(since(tenant, job, count)) == []
        curl(f'curl -sS -X DELETE "$SIMULATOR/simulator/faults/{fault}"', simulator, tenant)
    job.ending(60)
    events = expected(seen)
    if kind == "hang":
        # The call was released, and did not come to its timeout.
        events = events[-1:]
    assert noted(since(tenant, job, count)) == events
    assert [call for call in tenant.database.all_calls() if call["fault"] and kind in call["fault"]]


@pytest.mark.parametrize(("fault", "command", "seen"), CONNECTS, ids=[fault for fault, _, _ in CONNECTS])
def test_a_connect_gives_what_the_page_says(new_tenant, simulator, fault, command, seen):
    tenant = new_tenant()
    curl(command, simulator, tenant)
    job = tenant.connect_job().publish()
    ending = job.ending()
    assert noted(job.events) == expected(seen)
    warnings = {warning["code"] for warning in ending["data"].get("warnings", [])}
    assert warnings == {"read_only"} & set(spans(seen))


@pytest.mark.parametrize(("change", "command", "seen"), CHANGES, ids=[change for change, _, _ in CHANGES])
def test_a_portal_sees_of_what_people_do_what_the_page_says(new_tenant, simulator, change, command, seen):
    tenant = new_tenant(nextServiceId=1).connected()
    tenant.expect(tenant.sync(PLAN), "sync.succeeded")
    curl(command, simulator, tenant)
    count = len(tenant.events())
    job = tenant.publish("sync", PLAN)
    events = expected(seen)
    tenant.monitor.wait(lambda: len(noted(since(tenant, job, count))) >= len(events), "the events of the row")
    found = since(tenant, job, count)
    assert noted(found) == events
    service = by_key(found[-1]["data"]).get("license-monthly") if "services" in found[-1]["data"] else None
    assert "overwritten" not in seen or service["overwritten"][0]["field"] == "unitPrice"
    assert "recreated" not in seen or service["outcome"] == "recreated"
    if found[-1]["terminal"] is False:
        # Or it would wait for the rest of the run.
        tenant.database.change(quotaUsed=0)
        tenant.expect(tenant.reset(), "integration.reset")


def test_the_commands_that_add_list_and_end_a_fault_work(tenant, simulator):
    block = re.search(r"### Add and end a fault.*?```sh\n(.*?)```", PAGE, flags=re.S).group(1)
    added, listed, ended, calls = block.splitlines()
    fault = json.loads(curl(added, simulator, tenant))["id"]
    assert fault in [entry["id"] for entry in json.loads(curl(listed, simulator, tenant))["faults"]]
    tenant.connected()
    assert "latency" in [call["fault"] for call in json.loads(curl(calls, simulator, tenant))["calls"]]
    curl(ended.replace("faults/1", f"faults/{fault}"), simulator, tenant)
    assert fault not in [entry["id"] for entry in json.loads(curl(listed, simulator, tenant))["faults"]]


# Lists


def test_every_fault_of_the_simulator_is_on_the_page():
    kinds = re.findall(r"^        case (\w+)$", source("Faults/Fault.swift").partition("let kind: Kind")[0], flags=re.M)
    assert [kind for kind, _, _ in FAULTS] and sorted(kind for kind, _, _ in FAULTS) == sorted(kinds)
    for kind, command, _ in FAULTS:
        assert json.loads(re.search(r"-d '(.*)'$", command).group(1))["kind"] == kind


def test_every_member_of_a_fault_and_a_seed_is_on_the_page():
    named = set(re.findall(r"\w+", " ".join(spans(PAGE))))
    change = source("Databases/DatabaseChange.swift")
    for text, kinds in [
        (source("Faults/Fault.swift"), ["Fault"]),
        (source("Databases/DatabaseSeed.swift"), ["Seed", "DatabaseSeed", "FieldChange"]),
        (change, ["DatabaseChange", "UserChange", "BillingCodeChange", "ServiceChange"]),
        (source("Settings.swift"), ["SettingsChange"]),
    ]:
        for kind in kinds:
            found = members(text, kind) - {"content"}
            assert found and found <= named, f"{kind}: {found - named}"


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("Databases/APIUser.swift", "enum Security"),
        ("Databases/DatabaseChange.swift", "enum IntegrationCodeFailure"),
        ("Query/Collation.swift", "enum Weight"),
    ],
)
def test_every_choice_is_on_the_page(path, after):
    body = source(path).partition(after)[2].partition("\n    let ")[0].partition("\n}")[0]
    choices = re.findall(r"^ +case (\w+)$", body, flags=re.M)
    assert len(choices) >= 2 and set(choices) <= set(spans(PAGE))


def test_every_entity_operation_and_call_of_the_control_is_on_the_page():
    routes = source("Routes/Route.swift")
    named = set(spans(PAGE))
    operations = set(re.findall(r'^        case \.\w+(?:, \.\w+)?: "(\w+)"$', routes, flags=re.M))
    assert len(operations) >= 14 and operations <= named, operations - named
    assert {"Services", "BillingCodes"} <= named
    calls = set(re.findall(r'route\(group, \.\w+, "([\w/:]+)"\)', source("Control/ControlRoutes.swift")))
    shown = {call.replace(":id", "ID") for call in calls}
    assert len(shown) >= 9
    assert {call for call in shown if call not in named and not re.search(rf"/simulator/{call.replace('ID', '[0-9]+')}\b", PAGE)} == set()
