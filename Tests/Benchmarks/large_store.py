#!/usr/bin/env python3
"""Fills a worker's store with ended jobs of tenants that it has not had: some GB, written directly, with an audit log that holds.

The store has to exist and no worker may run on it. The rows are those that a worker leaves: a job with its terminal event, what it asked for, its
attempt, and its row in the audit log, chained under the key ring's identity key. A seed repeats the contents.

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


def fill(store, keys, jobs, tenants=1000, days=60, seed=1, now=None):
    """Returns how many bytes the store has afterwards."""
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
                lane = ids[source.randrange(len(ids))]
                tenant, sequence = lanes[lane]
                lanes[lane][1] += 1
                place, number = place + 1, number + 1
                moment = int(start + index * step)
                job = f"{seed:04x}-{place:012d}"
                call = f'{{"end":{moment + 40},"begin":{moment + 5},"finished":true,"calls":[[3,"POST","webservices.example","V1.0/Services/query",200,21]]}},'
                data = json.dumps({"jobId": job, "planId": "plan", "apiCalls": 1, "services": services(source, index)}, separators=(",", ":"))
                rows.append(
                    (
                        place, lane, tenant, job, source.randbytes(32), "sync", moment, "portal", 1, 1, moment + 40, f"event-{job}",
                        "sync.succeeded", moment + 40, 1, sequence, data.encode(), b'{"planId":"plan","services":4}', call,
                    )
                )  # fmt: skip
                words = ("job.ended", "worker:archive", tenant, "workplace", job, "portal", '{"attempt":1,"ended":"sync.succeeded"}')
                mac = chain.row(number, mac, moment + 40, words)
                log.append((number, moment + 40, *words, mac))
            database.execute("BEGIN")
            database.executemany(
                "INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, accepted_at, publisher, attempts, api_calls, finished_at, event_id,"
                f" event_type, event_time, epoch, sequence, data, asked, account) VALUES ({', '.join('?' * 19)})",
                rows,
            )
            database.executemany(
                "INSERT INTO audit (number, at, action, actor, tenant, product, job_id, publisher, facts, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                log,
            )
            database.execute("COMMIT")
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
    options = arguments.parse_args()
    begun = time.monotonic()
    size = fill(options.store, options.keys, options.jobs, options.tenants, options.days, options.seed)
    print(f"{options.jobs} jobs in {time.monotonic() - begun:.0f} s; the store has {size / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
