"""The audit log has requests and writes to Autotask, tampering is detected, and a reset makes names and prices unreadable."""

import base64
import contextlib
import hmac
import json
import os
import sqlite3
import struct
import subprocess
import uuid

import pytest

import contract
import processes
from tenants import plan, service


def price(tenant):
    """A price that no other tenant has."""
    return f"7{tenant.database.number}.4286"


def rows(worker, tenant, *arguments):
    return json.loads(worker.cli("audit", "list", "--tenant", tenant.name, "--limit", "500", "--json", *arguments))


def only(found, action):
    return [row for row in found if row["action"] == action]


def tampered(worker, tmp_path, *statements):
    """A copy of the store with a change."""
    copy = tmp_path / f"copy-{uuid.uuid4().hex}.sqlite"
    worker.cli("store", "backup", str(copy))
    with contextlib.closing(sqlite3.connect(copy)) as store:
        for statement in statements:
            store.execute(statement)
        store.commit()
    return f"sqlite:{copy}"


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def synced(tenant):
    """A tenant with a service that was created and then changed, and its name."""
    name = f"Audited-{uuid.uuid4().hex}"
    tenant.connected()
    tenant.expect(tenant.sync({"planId": "audited", "services": [service(1, name=name)]}), "sync.succeeded")
    dearer = {"planId": "audited", "services": [service(1, name=name, unitPrice=price(tenant))], "acknowledge": ["price_changed"]}
    tenant.expect(tenant.sync(dearer), "sync.succeeded")
    return tenant, name


def test_what_was_asked_for_and_done_is_told(worker, synced):
    tenant, name = synced
    found = rows(worker, tenant)
    assert [row["action"] for row in found] == ["attempt.ended", *["write.sent", "write.settled", "attempt.ended"] * 2]
    assert {row["publisher"] for row in found} == {"portal"} and {row["product"] for row in found} == {"workplace"}
    assert len({row["actor"] for row in found}) == 1 and found[0]["actor"].startswith("worker:")
    connect, create, update = [row["facts"] for row in only(found, "attempt.ended")]
    assert connect["ended"] == "connection.established" and connect["connection"]["status"] == "connected" and connect["calls"] == 4
    assert create["ended"] == update["ended"] == "sync.succeeded"
    created, changed = only(found, "write.sent")
    number = tenant.database.services()[0]["id"]
    assert update["read"]["serviceIds"] == [number]
    assert created["facts"]["operation"] == "create" and created["details"]["before"] is None and created["details"]["after"]["name"] == name
    assert changed["facts"]["fields"] == ["unitPrice"] and changed["facts"]["autotaskServiceId"] == number
    assert (changed["details"]["before"]["unitPrice"], changed["details"]["after"]["unitPrice"]) == ("1.2345", price(tenant))
    assert [row["facts"]["outcome"] for row in only(found, "write.settled")] == ["confirmed"] * 2
    assert only(found, "write.settled")[0]["facts"]["autotaskServiceId"] == number
    # As a person reads it, and by one job.
    assert f"unitPrice: 1.2345 → {price(tenant)}" in worker.cli("audit", "list", "--tenant", tenant.name)
    assert {row["jobId"] for row in rows(worker, tenant, "--job", found[0]["jobId"])} == {found[0]["jobId"]}


def test_a_new_password_leaves_old_rows_readable_and_a_refused_one_is_told(worker, synced):
    tenant, name = synced
    tenant.expect(tenant.connect(secret="Wrong-0815-4711"), "connection.failed", "credentials_invalid")
    tenant.connected()
    found = rows(worker, tenant)
    assert only(found, "write.sent")[0]["details"]["after"]["name"] == name
    refused = only(found, "attempt.ended")[-2]["facts"]
    assert refused["code"] == refused["credentialsRefused"] == "credentials_invalid"


def test_a_reset_makes_names_and_prices_unreadable_and_the_log_still_holds(worker, synced):
    """L45: the audit log has a row for a reset."""
    tenant, name = synced
    tenant.expect(tenant.reset(), "integration.reset")
    found = rows(worker, tenant)
    assert [row["detailsAre"] for row in only(found, "write.sent")] == ["erased", "erased"]
    assert only(found, "attempt.ended")[-1]["facts"]["credentials"] == "destroyed"
    assert "erased by a reset" in worker.cli("audit", "list", "--tenant", tenant.name)
    assert json.loads(worker.cli("audit", "verify", "--json"))["holds"]
    files = b"".join(worker.store_path.with_name(worker.store_path.name + end).read_bytes() for end in ("", "-wal"))
    assert tenant.name.encode() in files and name.encode() not in files and price(tenant).encode() not in files
    # Nor does a new connection bring them back.
    tenant.connected()
    assert [row["detailsAre"] for row in only(rows(worker, tenant), "write.sent")] == ["erased", "erased"]


def test_without_the_key_ring_the_rest_can_be_read(worker, synced, tmp_path):
    tenant, _ = synced
    found = json.loads(worker.cli("audit", "list", "--tenant", tenant.name, "--json", VAULT_KEYS=str(tmp_path / "none.json")))
    assert [row["detailsAre"] for row in only(found, "write.sent")] == ["sealed", "sealed"]
    worker.cli("audit", "verify", expect=69, VAULT_KEYS=str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    "statement, problem",
    [
        ("UPDATE audit SET publisher = 'mallory' WHERE number = 2", "Row 2 was changed"),
        ("DELETE FROM audit WHERE number = 2", "Row 2 was removed"),
        ("DELETE FROM audit WHERE number > 2", "truncated"),
        ("DELETE FROM audit_marks", "mark of the log's end was removed"),
    ],
)
def test_tampering_is_found_out(worker, synced, tmp_path, statement, problem):
    url = tampered(worker, tmp_path, statement)
    assert problem in worker.cli("audit", "verify", expect=1, STORE_URL=url)
    verified = json.loads(worker.cli("audit", "verify", "--json", expect=1, STORE_URL=url))
    assert not verified["holds"] and problem in verified["problem"]
    checks = json.loads(worker.cli("doctor", "--thorough", "--json", expect=1, STORE_URL=url))["checks"]
    assert checks["audit"][0]["status"] == "fail" and problem in checks["audit"][0]["output"]


def test_an_export_fails_if_rows_were_forgotten_before_they_were_read(worker, synced, tmp_path):
    copy = tmp_path / "copy.sqlite"
    worker.cli("store", "backup", str(copy))
    with contextlib.closing(sqlite3.connect(copy)) as store:
        columns = "at, action, actor, tenant, product, job_id, publisher, facts, sealed, mac"
        store.execute(
            f"""
            INSERT INTO audit (number, {columns})
            WITH RECURSIVE more(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM more WHERE i < 3000)
            SELECT number + i, {columns} FROM more, (SELECT * FROM audit ORDER BY number DESC LIMIT 1)
            """
        )
        store.execute("UPDATE audit_marks SET number = number + 3000 WHERE name = 'head'")
        store.commit()
        end = store.execute("SELECT MAX(number) FROM audit").fetchone()[0]
        export = subprocess.Popen(
            [processes.BIN_DIR / "autotask-worker", "audit", "export", "-"],
            env=processes.plain_environment(**{**worker.settings, "STORE_URL": f"sqlite:{copy}"}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        # A pipe holds less than the first rows that it reads: it waits for their reader.
        first = os.read(export.stdout.fileno(), 1000)
        store.execute("DELETE FROM audit WHERE number < ?", (end - 100,))
        store.commit()
    rest, errors = export.communicate(timeout=30)
    assert export.returncode == 69 and b"forgot rows (AUDIT_DAYS) before they were read" in errors, errors
    assert (first + rest).count(b"\n") < 1000


def test_an_export_is_verified_without_the_store_and_by_another_program(worker, synced, tmp_path):
    export = tmp_path / "audit.jsonl"
    made = json.loads(worker.cli("audit", "export", str(export), "--json"))
    worker.cli("audit", "export", str(export), expect=69)
    assert export.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in export.read_text().splitlines()]
    assert all(contract.errors("common/audit-row.json", line) == [] for line in lines)
    assert len(lines) == made["rows"] + 1 and lines[-1] == made["head"]

    ring = json.loads((worker.directory / "keys.json").read_text())
    key = hmac.digest(unpadded(ring["identityKey"]), b"autotask-worker/audit/1", "sha256")

    def code(*columns):
        form = b"".join(b"\xff" * 4 if column is None else struct.pack(">I", len(column)) + column for column in columns)
        return hmac.digest(key, form, "sha256")

    def text(value):
        return None if value is None else value.encode()

    mac = bytes(32)
    for row in lines[:-1]:
        words = [text(row[name]) for name in ("action", "actor", "tenant", "product", "jobId", "publisher", "facts")]
        sealed = None if row["sealed"] is None else unpadded(row["sealed"])
        mac = code(b"row", mac, struct.pack(">q", row["number"]), struct.pack(">q", row["at"]), *words, sealed)
        assert mac == unpadded(row["mac"]), row
    head = lines[-1]
    assert unpadded(head["mac"]) == mac and unpadded(head["tag"]) == code(b"head", struct.pack(">q", head["number"]), mac)

    nowhere = {"STORE_URL": "sqlite:/nowhere/store.sqlite"}
    worker.cli("audit", "verify", "--export", str(export), **nowhere)
    changed = tmp_path / "changed.jsonl"
    changed.write_text(export.read_text().replace('"publisher":"portal"', '"publisher":"portal2"', 1))
    assert "was changed" in worker.cli("audit", "verify", "--export", str(changed), expect=1, **nowhere)
    changed.write_text("".join(export.read_text().splitlines(True)[:-2]))
    worker.cli("audit", "verify", "--export", str(changed), expect=1, **nowhere)


def test_a_store_that_was_put_back_is_found_out_by_what_was_kept_elsewhere(worker, synced, tmp_path):
    tenant, _ = synced
    earlier = tampered(worker, tmp_path)
    tenant.expect(tenant.billing_codes(), "billing-codes.listed")
    kept = tmp_path / "kept.json"
    kept.write_text(worker.cli("audit", "verify", "--json"))
    worker.cli("audit", "verify", "--against", str(kept))
    # By itself the earlier state holds.
    worker.cli("audit", "verify", STORE_URL=earlier)
    assert "put back to an earlier state" in worker.cli("audit", "verify", "--against", str(kept), expect=1, STORE_URL=earlier)


def test_an_operators_purge_is_told(worker, tenant):
    # Refused, and so dead-lettered.
    tenant.connected()
    tenant.publish("sync", {**plan(1), "services": []}).ending()
    assert only(rows(worker, tenant), "job.ended")[0]["facts"]["ended"] == "job.rejected"
    worker.cli("dead-letters", "purge", "--tenant", tenant.name, "--yes")
    purged = only(json.loads(worker.cli("audit", "list", "--json", "--limit", "500")), "letters.purged")[-1]
    assert purged["actor"].startswith("user:") and purged["facts"] == {"count": 1, "tenant": tenant.name}


@pytest.mark.parametrize("arguments", [["--tenant", "no.tenant"], ["--product", "x"], ["--since", "yesterday"], ["--limit", "0"]])
def test_a_selection_that_is_none_is_refused(worker, arguments):
    worker.cli("audit", "list", *arguments, expect=2)
