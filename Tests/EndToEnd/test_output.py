"""The forms of output: columns for people, JSON and CSV for programs."""

import csv
import io
import json
import re

import pytest


from terminal import Terminal

LISTS = [["tenant", "list"], ["job", "list"], ["failures"], ["audit", "list"], ["keys", "list"], ["dead-letters", "list"], ["dead-letters", "list", "--ungrouped"]]


def elements(document):
    """The elements of a list, which may be a member of the document."""
    return next(value for value in document.values() if isinstance(value, list)) if isinstance(document, dict) else document


@pytest.fixture
def listed(worker, tenant, portal):
    """A store in which each list has something."""
    tenant.connected()
    tenant.expect(tenant.sync(), "sync.succeeded")
    tenant.expect(tenant.publish("sync", {"services": "none"}).ending(30), "job.rejected")
    return worker


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_a_list_is_the_same_in_every_form(listed, command):
    whole = elements(json.loads(listed.cli(*command, "--json")))
    assert whole and elements(json.loads(listed.cli(*command, "--output", "json"))) == whole
    assert [json.loads(line) for line in listed.cli(*command, "--output", "jsonl").splitlines()] == whole
    text = listed.run(*command, "--output", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(whole) and all(None not in row and None not in row.values() for row in rows)
    for row, element in zip(rows, whole):
        for name, field in row.items():
            value = element.get(name, field)
            if isinstance(value, (str, int)) and not isinstance(value, bool):
                assert field.removeprefix("'") == str(value), (name, row, element)
    header = listed.cli(*command).splitlines()[0]
    assert re.fullmatch(r"[A-Z ]+", header)


@pytest.mark.parametrize(
    "command", [["sync", "show", "x"], ["tenant", "show", "x"], ["store", "backup", "copy.sqlite"], ["keys", "rotate"], ["doctor"], ["events"]], ids=" ".join
)
def test_a_command_without_a_table_refuses_csv_before_it_does_anything(worker, command):
    before = worker.cli("keys", "list", "--json")
    refused = worker.run(*command, "--output", "csv")
    assert refused.returncode == 2 and "no table" in refused.stderr and refused.stdout == "", refused
    assert not (worker.directory / "copy.sqlite").exists() and worker.cli("keys", "list", "--json") == before


def test_a_contradiction_between_json_and_another_form_is_wrong_usage(worker):
    worker.cli("tenant", "list", "--json", "--output", "csv", expect=2)
    worker.cli("tenant", "list", "--output", "yaml", expect=2)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_a_list_fits_the_terminal_and_has_ages(listed, command, columns):
    shown = Terminal(listed, *command, columns=columns)
    assert shown.status == 0, shown.text
    rows = [line for line in shown.lines if not line.startswith("    ")]
    assert [row for row in rows if len(row) > columns] == []
    age = r"\b\d+ (s|min|h) ago\b"
    assert bool(re.search(age, shown.text)) == (command[0] in ("audit", "dead-letters", "job", "failures")), shown.text
    assert not re.search(age, listed.cli(*command))


@pytest.mark.parametrize("command", [["tenant", "show"], ["dead-letters", "show"]], ids=" ".join)
def test_a_time_is_followed_by_its_age_on_a_terminal(listed, tenant, command):
    letters = json.loads(listed.cli("dead-letters", "list", "--ungrouped", "--tenant", tenant.name, "--json"))
    arguments = [*command, tenant.name if command[0] == "tenant" else str(letters[0]["id"])]
    assert re.search(r"Z \(\d+ (s|min) ago\)", Terminal(listed, *arguments, columns=200).text)
    assert "ago)" not in listed.cli(*arguments)
