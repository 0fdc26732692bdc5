"""Commands that destroy something ask on a terminal, with what would be lost."""

import json
import re

import pytest

from terminal import Terminal


def letters(worker, tenant):
    return json.loads(worker.cli("dead-letters", "list", "--ungrouped", "--tenant", tenant.name, "--json"))


def refuse(tenant, count):
    """Dead letters of the tenant."""
    for _ in range(count):
        tenant.expect(tenant.publish("sync", {"services": "none"}).ending(), "job.rejected")


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04", "maybe\n"], ids=["no", "nothing", "end", "something else"])
def test_a_purge_that_is_not_confirmed_deletes_nothing(worker, tenant, answer):
    refuse(tenant, 2)
    asked = Terminal(worker, "dead-letters", "purge", "--tenant", tenant.name, answer=answer)
    assert asked.status == 1 and "2 dead letters will be deleted" in asked.text and "Nothing was changed." in asked.text, asked.text
    assert len(letters(worker, tenant)) == 2


def test_a_purge_of_all_names_the_count_and_deletes_them_after_a_yes(worker, tenant):
    refuse(tenant, 1)
    count = len(json.loads(worker.cli("dead-letters", "list", "--ungrouped", "--json")))
    shown = worker.cli("dead-letters", "purge", "--all", "--dry-run")
    assert shown == f"{count} dead letter{'' if count == 1 else 's'} would be deleted.\n" and len(letters(worker, tenant)) == 1
    asked = Terminal(worker, "dead-letters", "purge", "--all", answer="yes\n")
    assert asked.status == 0 and re.search(rf"\b{count} dead letters? will be deleted", asked.text), asked.text
    assert letters(worker, tenant) == []


def test_a_retirement_that_is_not_confirmed_destroys_nothing(worker):
    keys = json.loads(worker.cli("keys", "list", "--json"))["keys"]
    former = next(key["keyId"] for key in keys if key["use"] == "jobs" and key["active"])
    worker.cli("keys", "rotate", "--use", "jobs")
    asked = Terminal(worker, "keys", "retire", former, answer="n\n")
    assert asked.status == 1 and f"1 key will be destroyed ({former})" in asked.text, asked.text
    assert former in worker.cli("keys", "list")
    asked = Terminal(worker, "keys", "retire", former, answer="y\n")
    assert asked.status == 0 and former not in worker.cli("keys", "list"), asked.text


def test_a_restore_that_is_not_confirmed_replaces_nothing(worker, tenant):
    tenant.connected()
    copy = worker.directory / f"copy-{tenant.name}.sqlite"
    worker.cli("store", "backup", str(copy))
    before = worker.store_path.stat().st_ino
    asked = Terminal(worker, "store", "restore", str(copy), answer="n\n")
    assert asked.status == 1 and re.search(r"holds \d+ tenants' integrations, \d+ unfinished jobs\. The store", asked.text), asked.text
    assert worker.store_path.stat().st_ino == before
