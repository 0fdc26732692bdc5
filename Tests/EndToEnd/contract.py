"""The contract as `schemas/` states it: a registry of every schema, and validation by file name."""

import functools
import json
import pathlib
import re

import jsonschema
import referencing
import referencing.jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
SEEDS = ROOT / "seeds"

EVENT_PREFIX = "autotask."
JOB_PREFIX = "autotask.job."


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def schema_files():
    return sorted(path for folder in ("common", "jobs", "events") for path in (SCHEMAS / folder).glob("*.json"))


@functools.cache
def schemas():
    """Every schema by its path below `schemas/`, `events/sync.failed.json`."""
    return {str(path.relative_to(SCHEMAS)): load(path) for path in schema_files()}


@functools.cache
def registry():
    resources = [referencing.jsonschema.DRAFT202012.create_resource(schema) for schema in schemas().values()]
    return resources @ referencing.Registry()


@functools.cache
def validator(name):
    return jsonschema.Draft202012Validator(
        schemas()[name], registry=registry(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def errors(name, value):
    """What is wrong with a value by one schema, down to the leaves, as (JSON pointer, message)."""

    def leaves(error):
        if error.context:
            for cause in error.context:
                yield from leaves(cause)
        else:
            yield "".join(f"/{part}" for part in error.absolute_path), error.message

    return [leaf for error in validator(name).iter_errors(value) for leaf in leaves(error)]


def job_schema(job):
    return f"jobs/{job['type'].removeprefix(JOB_PREFIX)}.json"


def event_schema(event):
    return f"events/{event['type'].removeprefix(EVENT_PREFIX)}.json"


def is_terminal(event_type):
    """Whether an event of this type, `sync.failed`, ends its job."""
    return schemas()[f"events/{event_type}.json"]["allOf"][0]["$ref"] == "../common/terminal-event.json"


def endings(kind):
    """The types of event that a job of this kind may end in."""
    return schemas()[f"jobs/{kind}.json"]["x-ends-in"]


def job_kinds():
    """Every kind of job, in the order of `JobKind`."""
    cases = (ROOT / "Sources" / "Contract" / "Identifiers" / "JobKind.swift").read_text(encoding="utf-8").partition("\n\n")[0]
    return [text or name for name, text in re.findall(r'^    case (\w+)(?: = "([^"]+)")?$', cases, flags=re.M)]


def error_codes():
    return schemas()["common/error-code.json"]["x-codes"]
