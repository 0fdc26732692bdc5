#!/usr/bin/env python3
"""Fills a worker's store with ended jobs of tenants that it has not had: some GB, written directly, with an audit log that holds.

The store has to exist and no worker may run on it. The rows are those that a worker leaves: a job with its terminal event, what it asked for, its
attempt, and its rows in the audit log, chained under the key ring's identity key. A seed repeats the contents. A share of the jobs may fail, and
some may wait; the data of those that wait is sealed under no key.

    python Tests/Benchmarks/large_store.py STORE KEYS [--jobs 5000000] [--tenants 1000] [--days 60] [--seed 1]
"""

import argparse
import base64
import contextlib
import hmac
import json
import pathlib
import random
import sqlite3
import struct
import time

DAY = 86_400_000
# Rows in a transaction.
BATCH = 20_000


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Chain:
    """The audit log's codes, as `Store/Audit/AuditChain.swift` makes them."""

    def __init__(self, keys):
        ring = json.loads(pathlib.Path(keys).read_text(encoding="utf-8"))
        self.key = hmac.digest(unpadded(ring["identityKey"]), b"autotask-worker/audit/1", "sha256")

    def code(self, *columns):
        form = b"".join(b"\xff" * 4 if column is None else struct.pack(">I", len(column)) + column for column in columns)
        return hmac.digest(self.key, form, "sha256")

    def row(self, number, previous, moment, words):
        columns = [None if word is None else word.encode() for word in words]
        return self.code(b"row", previous, struct.pack(">q", number), struct.pack(">q", moment), *columns, None)

    def tag(self, number, mac):
        return self.code(b"head", struct.pack(">q", number), mac)


# The failures, with how often each occurs: (kind, event, code).
FAILURES = (
    [("sync", "sync.failed", "credentials_invalid")] * 50
    + [("sync", "sync.incomplete", "remote_rejected")] * 40
    + [("connect", "connection.failed", "zone_not_found")] * 9
    + [("billing-codes", "billing-codes.failed", "access_denied")]
)


def services(random_source, number):
    """The results of four services, as a terminal event lists them."""
    return [
        {
            "key": f"service-{index}",
            "name": f"Service {index} of {number}",
            "status": "Synced",
            "outcome": "unchanged",
            "autotaskServiceId": random_source.randrange(1, 10**6),
            "active": True,
            "changes": [],
            "overwritten": [],
            "warnings": [],
        }
        for index in range(4)
    ]


def ended(source, number, failing):
    """The kind of a job, and how it ended: its event, the error's code, and the event's other data."""
    if source.random() >= failing:
        return "sync", "sync.succeeded", None, {"planId": "plan", "services": services(source, number)}
    kind, event, code = FAILURES[source.randrange(len(FAILURES))]
    return kind, event, code, {"error": {"code": code, "message": "It failed."}}


def enter(database, source, waiting, lanes, place, seed, now):
    """Enters jobs that wait, each in line."""
    ids, turn = list(lanes), dict(database.execute("SELECT name, value FROM counters")).get("turn", 0)
    database.execute("BEGIN")
    for _ in range(waiting):
        lane, place, turn = ids[source.randrange(len(ids))], place + 1, turn + 1
        database.execute(
            "INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, plan, accepted_at, publisher, payload) VALUES (?, ?, ?, ?, ?, 'sync', ?, ?, ?, ?)",
            (place, lane, lanes[lane][0], f"{seed:04x}-{place:012d}", source.randbytes(32), f"plan-{place}", now, "portal", source.randbytes(1500)),
        )
        database.execute("UPDATE lanes SET backlog = backlog + 1, rank = 1, turn = ? WHERE id = ?", (turn, lane))
    database.execute("INSERT OR REPLACE INTO counters (name, value) VALUES ('turn', ?)", (turn,))
    database.execute("COMMIT")
    return place


def fill(store, keys, jobs, tenants=1000, days=60, seed=1, now=None, audit=1, failing=0.0, waiting=0, crowd=0.0):
    """Returns how many bytes the store has afterwards.

    `audit` is the number of rows of the audit log for a job; `failing` the share of the jobs that fail; `waiting` the number of jobs that wait;
    `crowd` the share of the jobs that the first tenant has, beside its own.
    """
    source, chain = random.Random(seed), Chain(keys)
    now = int(time.time() * 1000) if now is None else now
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as database:
        database.executescript("PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 20000; PRAGMA cache_size = -200000; PRAGMA foreign_keys = OFF")
        counters = dict(database.execute("SELECT name, value FROM counters"))
        place = counters.get("place", 0)
        number, mac = database.execute("SELECT number, mac FROM audit_marks WHERE name = 'head'").fetchone() or (0, bytes(32))
        lanes = {}
        for index in range(tenants):
            tenant = f"archive-{seed}-{index}"
            lane = database.execute(
                "INSERT INTO lanes (tenant, product, epoch, next_sequence, rank) VALUES (?, 'workplace', 1, 1, 2) RETURNING id", (tenant,)
            ).fetchone()[0]
            lanes[lane] = [tenant, 1]
        ids = list(lanes)
        start, step = now - days * DAY, days * DAY / max(jobs, 1)
        for first in range(0, jobs, BATCH):
            rows, log = [], []
            for index in range(first, min(first + BATCH, jobs)):
                lane = ids[0] if crowd and source.random() < crowd else ids[source.randrange(len(ids))]
                tenant, sequence = lanes[lane]
                lanes[lane][1] += 1
                place, number = place + 1, number + 1
                moment = int(start + index * step)
                job = f"{seed:04x}-{place:012d}"
                call = f'{{"end":{moment + 40},"begin":{moment + 5},"finished":true,"calls":[[3,"POST","webservices.example","V1.0/Services/query",200,21]]}},'
                kind, event, code, members = ended(source, index, failing)
                if code:
                    call = call.replace('"finished":true', f'"finished":true,"code":"{code}"')
                data = json.dumps({"jobId": job, "apiCalls": 1, **members}, separators=(",", ":"))
                rows.append(
                    (
                        place, lane, tenant, job, source.randbytes(32), kind, moment, "portal", 1, 1, moment + 40, f"event-{job}",
                        event, code, moment + 40, 1, sequence, data.encode(), b'{"planId":"plan","services":4}', call,
                    )
                )  # fmt: skip
                for written in range(1, audit):
                    words = ("write.settled", "worker:archive", tenant, "workplace", job, "portal", f'{{"serviceKey":"service-{written}","state":"verified"}}')
                    mac = chain.row(number, mac, moment + 30, words)
                    log.append((number, moment + 30, *words, mac))
                    number += 1
                facts = {"attempt": 1, "ended": event} | ({"code": code} if code else {})
                words = ("attempt.ended", "worker:archive", tenant, "workplace", job, "portal", json.dumps(facts, separators=(",", ":")))
                mac = chain.row(number, mac, moment + 40, words)
                log.append((number, moment + 40, *words, mac))
            database.execute("BEGIN")
            database.executemany(
                "INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, accepted_at, publisher, attempts, api_calls, finished_at, event_id,"
                f" event_type, code, event_time, epoch, sequence, data, asked, account) VALUES ({', '.join('?' * 20)})",
                rows,
            )
            database.executemany(
                "INSERT INTO audit (number, at, action, actor, tenant, product, job_id, publisher, facts, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                log,
            )
            database.execute("COMMIT")
        place = enter(database, source, waiting, lanes, place, seed, now)
        database.execute("BEGIN")
        database.executemany("UPDATE lanes SET next_sequence = ? WHERE id = ?", [(sequence, lane) for lane, (_, sequence) in lanes.items()])
        database.execute("INSERT OR REPLACE INTO counters (name, value) VALUES ('place', ?)", (place,))
        database.execute(
            "INSERT OR REPLACE INTO audit_marks (name, number, mac, tag) VALUES ('head', ?, ?, ?)", (number, mac, chain.tag(number, mac))
        )
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return pathlib.Path(store).stat().st_size


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("store")
    arguments.add_argument("keys", help="the key ring's file")
    arguments.add_argument("--jobs", type=int, default=5_000_000)
    arguments.add_argument("--tenants", type=int, default=1000)
    arguments.add_argument("--days", type=int, default=60, help="how long ago the first of them was accepted")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--audit", type=int, default=1, help="how many rows of the audit log a job has")
    arguments.add_argument("--failing", type=float, default=0, help="the share of the jobs that fail")
    arguments.add_argument("--waiting", type=int, default=0, help="how many jobs wait, in addition")
    options = arguments.parse_args()
    begun = time.monotonic()
    size = fill(
        options.store, options.keys, options.jobs, options.tenants, options.days, options.seed, audit=options.audit, failing=options.failing,
        waiting=options.waiting,
    )  # fmt: skip
    print(f"{options.jobs} jobs in {time.monotonic() - begun:.0f} s; the store has {size / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
