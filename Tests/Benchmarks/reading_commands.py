#!/usr/bin/env python3
"""Measures how long each command that reads the store takes until its first line, on a large store, and how long it holds up an erasure.

The store gets `--jobs` ended jobs of `--tenants` tenants over 60 days, with `--audit` rows of the audit log each (large_store.py). Every twentieth
job has failed, one tenant has every twentieth job, and 5,000 jobs wait. Each command runs `--rounds` times in a process of its own, after a run that
is not counted and leaves the store's pages in the machine's memory. The times are until the first byte and until the end, and the CPU time, which
other work on the machine changes less.

An erasure is complete once the store's log is empty, and SQLite empties it only when nobody reads what is in it. While a command runs three more
times, a thread writes a row and empties the log, again and again. The last column is the longest time until the log was empty, of how many times.
`--version` reads no store, so its row is what the emptying costs alone. The commands in the last rows read a whole table or more: only this is
measured of them, in one run.

    BIN_DIR=.build/release python Tests/Benchmarks/reading_commands.py [--jobs 1000000] [--tenants 10000] [--audit 5] [--rounds 9] [--directory DIR]

It takes some 3.5 KB of disk a job.
"""

import argparse
import json
import os
import pathlib
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

import processes  # noqa: E402
from large_store import fill  # noqa: E402
from processes import Broker, Worker, plain_environment  # noqa: E402
from simulator import Simulator  # noqa: E402

# The tenant with many jobs.
CROWD = "archive-1-0"
WAITING = 5000


def create(directory):
    """A store that a worker has made, with its key ring."""
    broker, simulator = Broker(directory / "broker"), Simulator(directory)
    try:
        worker = Worker(directory, broker, simulator)
        worker.start()
        worker.stop()
        return worker
    finally:
        simulator.stop()
        broker.stop()


def letters(worker, count=2000):
    """Adds dead letters of failed jobs, as they are when their text is erased."""
    with sqlite3.connect(worker.store_path) as database:
        database.execute(
            """
            INSERT INTO dead_letters (id, at, reason, kind, code, fingerprint, tenant, product, job_id, publisher, place, accepted_at, attempts,
                interruptions, held_up, history)
            SELECT place, finished_at, 'attempts_spent', kind, code, substr(code || '0000000000000000', 1, 16), tenant, 'workplace', job_id, publisher, place, accepted_at,
                10, 0, 0, '' FROM jobs WHERE code IS NOT NULL AND code <> 'superseded' AND finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT ?
            """,
            (count,),
        )
        database.execute("INSERT OR REPLACE INTO counters (name, value) SELECT 'letter', MAX(id) FROM dead_letters")


def commands(worker):
    with sqlite3.connect(worker.store_path) as database:
        (job,) = database.execute("SELECT job_id FROM jobs WHERE tenant = ? ORDER BY place LIMIT 1", (CROWD,)).fetchone()
        (waits,) = database.execute("SELECT job_id FROM jobs WHERE finished_at IS NULL ORDER BY place LIMIT 1").fetchone()
        (rare,) = database.execute("SELECT tenant FROM lanes WHERE tenant LIKE 'archive-1-%' ORDER BY id DESC LIMIT 1").fetchone()
    return [
        ["tenant", "list"],
        ["tenant", "list", "--limit", "100"],
        ["tenant", "list", "--search", "99", "--limit", "100"],
        ["tenant", "list", "--code", "access_denied", "--limit", "20"],
        ["tenant", "list", "--connection", "connected"],
        ["tenant", "show", CROWD],
        ["tenant", "show", rare],
        ["waiting"],
        ["pause", "list"],
        ["operation", "list"],
        ["job", "list"],
        ["job", "list", "--state", "waiting"],
        ["job", "list", "--state", "running"],
        ["job", "list", "--state", "failed"],
        ["job", "list", "--code", "access_denied"],
        ["job", "list", "--code", "key_unknown"],
        ["job", "list", "--kind", "reset"],
        ["job", "list", "--publisher", "nobody", "--since", "7d"],
        ["job", "list", "--tenant", CROWD],
        ["job", "list", "--tenant", CROWD, "--kind", "reset"],
        ["job", "list", "--tenant", rare, "--state", "failed"],
        ["job", "show", job, "--tenant", CROWD],
        ["job", "show", job],
        ["job", "why", waits],
        ["sync", "show", job, "--tenant", CROWD],
        ["failures"],
        ["failures", "--since", "7d"],
        ["failures", "--since", "60d"],
        ["audit", "list"],
        ["audit", "list", "--tenant", rare],
        ["audit", "list", "--job", job],
        ["audit", "list", "--since", "2026-01-01T00:00:00Z", "--limit", "1000"],
        ["dead-letters", "list"],
        ["dead-letters", "list", "--ungrouped"],
    ]


class Erasures(threading.Thread):
    """Empties the store's log again and again, as the worker does after an erasure."""

    def __init__(self, worker):
        super().__init__(daemon=True)
        self.path, self.milliseconds, self.ended = worker.store_path, [], threading.Event()
        self.start()

    def run(self):
        with sqlite3.connect(self.path) as writer, sqlite3.connect(self.path, timeout=0) as emptier:
            # The worker waits this long before it tries again.
            while not self.ended.wait(0.005):
                writer.execute("UPDATE counters SET value = value + 1 WHERE name = 'letter'")
                writer.commit()
                begun = time.monotonic()
                # A reader that begins now reads this row in the log. SQLite sends no signal when the last reader has ended.
                while emptier.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    time.sleep(0.001)
                self.milliseconds.append((time.monotonic() - begun) * 1000)

    def stop(self):
        self.ended.set()
        self.join()
        return self.milliseconds


def held_up(worker, arguments, rounds):
    """The times in milliseconds until the log was empty while a command ran."""
    erasures = Erasures(worker)
    for _ in range(rounds):
        run(worker, arguments)
    return erasures.stop()


def cpu():
    """The CPU time of all child processes that have ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(worker, arguments):
    """Returns the milliseconds until the first byte, until the end, and of CPU time."""
    begun, used = time.monotonic(), cpu()
    process = subprocess.Popen(
        [processes.BIN_DIR / "autotask-worker", *arguments],
        env=plain_environment(**worker.settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.read(process.stdout.fileno(), 1)
    first = time.monotonic() - begun
    _, errors = process.communicate(timeout=600)
    # Doctor ends with 1 because no broker runs.
    if process.returncode not in ((0, 1) if arguments[0] == "doctor" else (0,)):
        raise SystemExit(f"{' '.join(arguments)} exited with {process.returncode}: {errors.decode()}")
    return first * 1000, (time.monotonic() - begun) * 1000, (cpu() - used) * 1000


def span(values):
    return f"{statistics.median(values):6.0f} ({min(values):.0f}–{max(values):.0f})"


def measure(worker, rounds):
    print(f"{'milliseconds, median (range)':60} {'first line':>18} {'end':>18} {'CPU':>18} {'erasure':>16}")
    for arguments in [["--version"], *commands(worker)]:
        run(worker, arguments)
        columns = zip(*(run(worker, arguments) for _ in range(rounds)), strict=True)
        report(arguments, [span(column) for column in columns], held_up(worker, arguments, 3))
    for arguments in [["audit", "verify"], ["audit", "export", str(worker.directory / "export")], ["doctor"], ["doctor", "--thorough"]]:
        report(arguments, ["", "", ""], held_up(worker, arguments, 1))


def report(arguments, columns, erasures):
    print(f"{' '.join(arguments):60} {' '.join(f'{column:>18}' for column in columns)} {max(erasures):6.0f} of {len(erasures):6}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=1_000_000)
    arguments.add_argument("--tenants", type=int, default=10_000)
    arguments.add_argument("--audit", type=int, default=5)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--directory", type=pathlib.Path, help="where to put the store; a temporary directory by default")
    options = arguments.parse_args()
    if options.directory:
        options.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        worker, begun = create(pathlib.Path(directory)), time.monotonic()
        size = fill(
            worker.store_path, worker.settings["VAULT_KEYS"], options.jobs, options.tenants, audit=options.audit, failing=0.05,
            waiting=WAITING, crowd=0.05,
        )  # fmt: skip
        letters(worker)
        rows = json.dumps({"jobs": options.jobs, "tenants": options.tenants, "audit": options.jobs * options.audit})
        print(f"{rows} written in {time.monotonic() - begun:.0f} s; the store has {size / 2**20:.0f} MiB", flush=True)
        measure(worker, options.rounds)


if __name__ == "__main__":
    main()
