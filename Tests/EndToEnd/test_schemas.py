"""The schemas are valid, the examples keep them (or break them where they say so), and the AsyncAPI document is consistent."""

import jsonschema
import pytest
import yaml

import contract

EXAMPLES = contract.SCHEMAS / "examples"
INVALID = EXAMPLES / "invalid"
JOBS = sorted((EXAMPLES / "jobs").glob("*.json"))
EVENTS = sorted((EXAMPLES / "events").glob("*.json"))
REFUSED = contract.load(INVALID / "index.json")
ASYNCAPI = yaml.safe_load((contract.SCHEMAS / "asyncapi.yaml").read_text(encoding="utf-8"))


def names(paths):
    return [path.stem for path in paths]


# Schemas


@pytest.mark.parametrize("name", contract.schemas())
def test_is_a_schema_whose_id_is_its_path(name):
    schema = contract.schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "https://schemas.autotask-worker.dev/" + name
    assert schema["title"] and schema["description"]


@pytest.mark.parametrize("name", contract.schemas())
def test_every_reference_resolves(name):
    resolver = contract.registry().resolver(base_uri=contract.schemas()[name]["$id"])
    for reference in references(contract.schemas()[name]):
        resolver.lookup(reference)


@pytest.mark.parametrize("name", [name for name in contract.schemas() if name.startswith(("jobs/", "events/"))])
def test_only_ever_grows(name):
    """No schema of a message forbids unknown members."""
    words = set(keywords(contract.schemas()[name]))
    assert not words & {"unevaluatedProperties", "maxProperties"} and "additionalProperties" not in words


@pytest.mark.parametrize("kind", [name[5:-5] for name in contract.schemas() if name.startswith("jobs/")])
def test_a_job_ends_in_terminal_events(kind):
    assert all(contract.is_terminal(event) for event in contract.endings(kind))


def test_error_codes_are_told_one_by_one():
    schema = contract.schemas()["common/error-code.json"]
    assert list(schema["x-codes"]) == schema["enum"]


# Examples


@pytest.mark.parametrize("path", JOBS, ids=names(JOBS))
def test_job_example_is_valid(path):
    job = contract.load(path)
    assert contract.errors(contract.job_schema(job), job) == []


@pytest.mark.parametrize("path", EVENTS, ids=names(EVENTS))
def test_event_example_is_valid(path):
    event = contract.load(path)
    assert path.name.startswith(event["type"].removeprefix(contract.EVENT_PREFIX))
    assert contract.errors(contract.event_schema(event), event) == []


def test_published_keys_example_is_valid():
    assert contract.errors("common/published-keys.json", contract.load(EXAMPLES / "published-keys.json")) == []


SEVERITIES = {"success", "info", "warning", "error", "none"}
CONNECTIONS = {"works", "broken", "none", "unchanged", "data.previousConnectionActive"}


@pytest.mark.parametrize("path", EVENTS, ids=names(EVENTS))
def test_an_event_says_how_it_is_shown(path):
    """Every event has headline, severity and the state of the connection, so that no portal guesses them from a member's name."""
    event = contract.load(path)
    display = contract.schemas()[contract.event_schema(event)]["x-display"]
    assert set(display) == {"headline", "severity", "connection"}
    assert display["severity"] in SEVERITIES and display["connection"] in CONNECTIONS
    data = event["data"]
    if data.get("erased"):
        return
    assert data.get("severity") in (None, display["severity"])
    for place in (display["headline"], display["connection"]):
        value = event
        for name in (place or "").split(".") if (place or "").startswith("data.") else []:
            value = value[name]
    if display["severity"] in ("success", "none"):
        assert "error" not in data, "what is well has no error that a portal would paint red"


def test_every_job_and_event_has_an_example():
    shown = {f"jobs/{path.name}" for path in JOBS} | {f"events/{path.name}" for path in EVENTS}
    assert {name for name in contract.schemas() if not name.startswith("common/")} <= shown


def test_every_terminal_event_has_an_erased_example():
    terminal = {name[7:-5] for name in contract.schemas() if name.startswith("events/") and contract.is_terminal(name[7:-5])}
    assert {f"{name}.erased" for name in terminal} <= set(names(EVENTS))


@pytest.mark.parametrize("path", [path for path in EVENTS if path.stem.endswith(".erased")], ids=lambda path: path.stem)
def test_an_erased_event_has_no_place_in_the_sequence(path):
    event = contract.load(path)
    assert contract.errors(contract.event_schema(event), {**event, "sequence": "1"})


@pytest.mark.parametrize("path", EVENTS, ids=names(EVENTS))
def test_an_event_says_truly_whether_it_is_terminal(path):
    event = contract.load(path)
    is_last = event["data"].get("page") == event["data"].get("pages")
    assert event["terminal"] == (is_last and contract.is_terminal(event["type"].removeprefix(contract.EVENT_PREFIX)))
    if "page" in event["data"]:
        return
    assert contract.errors(contract.event_schema(event), {**event, "terminal": not event["terminal"]})


def test_only_a_page_may_be_of_a_terminal_type_and_not_terminal():
    page = contract.load(EXAMPLES / "events" / "drift.reported.page-1.json")
    assert contract.errors(contract.event_schema(page), {**page, "sequence": "1"})
    del page["data"]["page"]
    assert contract.errors(contract.event_schema(page), page)


@pytest.mark.parametrize("path", EVENTS, ids=names(EVENTS))
def test_errors_agree_with_the_catalogue(path):
    for error in errors_within(contract.load(path)):
        expected = contract.error_codes()[error["code"]]
        assert {key: error[key] for key in ("category", "retryable", "fixableBy")} == {
            key: expected[key] for key in ("category", "retryable", "fixableBy")
        }


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["file"])
def test_invalid_example_breaks_its_schema_where_it_says(case):
    """What breaks the schema has `at`, the place; the rest is valid by its schema, and refused for another reason."""
    assert case["code"] in contract.error_codes()
    path = INVALID / case["file"]
    if path.suffix != ".json":
        return
    job = contract.load(path)
    kind = job.get("type", "") if isinstance(job, dict) else ""
    name = f"jobs/{kind.removeprefix(contract.JOB_PREFIX)}.json"
    found = contract.errors(name if name in contract.schemas() else "common/job.json", job)
    if case.get("at") is None:
        assert found == []
    elif case["code"] != "not_supported":
        assert any(place == case["at"] or place.startswith(case["at"] + "/") for place, _ in found), found


def test_every_invalid_example_is_listed():
    assert {case["file"] for case in REFUSED} == {path.name for path in INVALID.iterdir()} - {"index.json"}


# Seeds


@pytest.mark.parametrize("step", contract.load(contract.SEEDS / "story.json"), ids=lambda step: step["title"])
def test_a_step_of_the_story_is_a_valid_job(step):
    data = contract.load(contract.SEEDS / step["data"])
    job = {
        "specversion": "1.0",
        "id": "story",
        "source": "/portal/demo",
        "type": contract.JOB_PREFIX + step["kind"],
        "subject": step["tenant"],
        "data": data,
    }
    assert contract.errors(f"jobs/{step['kind']}.json", job) == []
    assert step["expect"] in contract.endings(step["kind"])


def test_the_story_syncs_the_provisioned_plan():
    """L15, L16, L17: it exists before there is a connection, and has four services."""
    plan = contract.load(contract.SEEDS / "plan.json")
    synced = contract.load(contract.SEEDS / "jobs" / "sync.json")
    assert plan["planId"] == synced["planId"]
    assert [service["key"] for service in plan["services"]] == [service["key"] for service in synced["services"]]
    kinds = [(service["type"], service["period"]) for service in plan["services"]]
    assert kinds == [(kind, period) for kind in ("License", "Storage") for period in ("Monthly", "Yearly")]


# AsyncAPI


def test_asyncapi_has_the_parts_that_the_specification_requires():
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(ASYNCAPI["info"])
    assert set(ASYNCAPI) <= {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"}
    for server in ASYNCAPI["servers"].values():
        assert {"host", "protocol"} <= set(server)
    for channel in ASYNCAPI["channels"].values():
        parameters = set(part.split("}")[0] for part in channel["address"].split("{")[1:])
        assert parameters == set(channel.get("parameters", {}))
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert set(operation["channel"]) == {"$ref"}


def test_asyncapi_references_resolve():
    for reference in references(ASYNCAPI):
        file, _, pointer = reference.partition("#")
        if file:
            assert f"{file}" in contract.schemas() and not pointer
        else:
            look_up(pointer)


def test_asyncapi_operations_use_messages_of_their_channel():
    for operation in ASYNCAPI["operations"].values():
        for side in (operation, operation.get("reply")):
            if side:
                prefix = side["channel"]["$ref"] + "/messages/"
                assert side["messages"] and all(message["$ref"].startswith(prefix) for message in side["messages"])


def test_asyncapi_has_every_job_and_event_and_no_other():
    payloads = {message["payload"]["schema"]["$ref"] for message in ASYNCAPI["components"]["messages"].values()}
    assert payloads == {name for name in contract.schemas() if not name.startswith("common/")}


def test_asyncapi_says_of_each_message_what_its_schema_says():
    for message in ASYNCAPI["components"]["messages"].values():
        schema = contract.schemas()[message["payload"]["schema"]["$ref"]]
        assert message["name"] == schema["properties"]["type"]["const"]
        assert message["x-status"] == schema["x-status"]


@pytest.mark.parametrize("kind", [name[5:-5] for name in contract.schemas() if name.startswith("jobs/")])
def test_asyncapi_replies_are_what_the_job_ends_in(kind):
    (operation,) = [
        operation
        for operation in ASYNCAPI["operations"].values()
        if operation["action"] == "receive" and payload(operation["messages"][0]) == f"jobs/{kind}.json"
    ]
    assert [payload(message) for message in operation["reply"]["messages"]] == [f"events/{name}.json" for name in contract.endings(kind)]


def test_asyncapi_sends_every_event_that_ends_no_job():
    sent = {payload(message) for message in ASYNCAPI["operations"]["tell"]["messages"]}
    assert sent == {name for name in contract.schemas() if name.startswith("events/") and not contract.is_terminal(name[7:-5])}


# Walking through documents


def look_up(pointer):
    value = ASYNCAPI
    for part in pointer.strip("/").split("/"):
        value = value[part]
    return value


def payload(message):
    """The schema file of a reference to a message of a channel."""
    component = look_up(message["$ref"].removeprefix("#"))
    return look_up(component["$ref"].removeprefix("#"))["payload"]["schema"]["$ref"]


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for element in value:
            yield from references(element)


def keywords(value):
    """Every keyword of a schema, names of properties left out."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            if name in ("properties", "$defs"):
                for schema in member.values():
                    yield from keywords(schema)
            else:
                yield from keywords(member)
    elif isinstance(value, list):
        for element in value:
            yield from keywords(element)


def errors_within(value):
    if isinstance(value, dict):
        if {"code", "category"} <= set(value):
            yield value
        for member in value.values():
            yield from errors_within(member)
    elif isinstance(value, list):
        for element in value:
            yield from errors_within(element)
