#!/usr/bin/env python3
"""Measures how long work on a large store affects the tenants: a backup, a verified audit log, a thorough doctor, and a prune, each alone.

The store gets `--jobs` ended jobs (large_store.py). 999 tenants then send unchanged syncs in turn, at `--rate` a second, and a monitor takes the time
from publishing to the terminal event. Each disturber runs between two stretches without one; the ratio is that of its p95 to the mean of theirs.
The worker's readiness is asked ten times a second meanwhile: the lease is not to be lost once.

    BIN_DIR=.build/release python Tests/Benchmarks/store_disturbers.py [--jobs 5000000] [--rate 0] [--seconds 60] [--directory DIR]

Without a rate it is a third of what the worker does with jobs that are published one by one, measured at the beginning. It takes nginx, and
some 1.5 KB of disk a job, twice.
"""

import argparse
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

import portal  # noqa: E402
import processes  # noqa: E402
from backend import FIELDS, Nginx, page  # noqa: E402
from large_store import fill  # noqa: E402
from load import Endings, Load, database, plan_of  # noqa: E402
from processes import Broker, Worker, plain_environment  # noqa: E402
from simulator import Simulator  # noqa: E402

TENANTS = 999


class Readiness(threading.Thread):
    """Reads the worker's readiness ten times a second."""

    def __init__(self, worker):
        super().__init__(daemon=True)
        self.worker, self.lost, self.ended = worker, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.1):
            if self.worker.health()[1]["checks"]["lease"][0]["status"] != "pass":
                self.lost += 1


def p95(values):
    return statistics.quantiles(values, n=20)[-1]


class Bench:
    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.broker = Broker(directory / "broker")
        simulator = Simulator(directory)
        self.worker = Worker(directory, self.broker, simulator)
        self.worker.settings |= {"LOG_LEVEL": "warning", "HISTORY_DAYS": "100"}
        self.tenants = [f"msp-{number}" for number in range(TENANTS)]
        simulator.request("PATCH", "settings", {"quotaLatencyScale": 0, "recordBodies": False})
        for start in range(0, TENANTS, 500):
            some = [database(100000 + start + number, [tenant]) for number, tenant in enumerate(self.tenants[start : start + 500])]
            simulator.request("PUT", "databases", {"databases": some})
        self.worker.start(OPERATIONS_LISTEN="127.0.0.1:0", LOG_LEVEL="info")
        endings = Endings(self.broker.url("monitor"))
        self.load = Load(self.broker.url("portal"), self.worker.public_key())
        setup = [job for tenant in self.tenants for job in self.load.chain(tenant, tenant, f"Secret-{tenant}")]
        self.load.publish(setup)
        endings.wait([job["id"] for job in setup], 600)
        endings.close()
        self.worker.stop()
        answers = {
            tenant: page(simulator.request("GET", f"databases/{100000 + number}/services")["services"], FIELDS)
            for number, tenant in enumerate(self.tenants)
        }
        port = int(simulator.url.rpartition(":")[2])
        simulator.stop()
        self.nginx = Nginx(directory, port, answers)
        begun = time.monotonic()
        size = fill(self.worker.store_path, directory / "keys.json", options.jobs, days=60)
        print(f"{options.jobs} jobs written in {time.monotonic() - begun:.0f} s; the store has {size / 2**20:.0f} MiB", flush=True)

    def stop(self):
        self.nginx.stop()
        self.worker.stop()
        self.broker.stop()

    def start(self, **settings):
        self.worker.start(OPERATIONS_LISTEN="127.0.0.1:0", LOG_LEVEL="info", **settings)

    def capacity(self, count=3000, outstanding=100):
        """Returns the jobs a second that end when jobs are published one by one, as in a stretch, with at most this number unfinished."""
        endings, begun = Endings(self.broker.url("monitor")), time.monotonic()
        for number in range(count):
            tenant = self.tenants[number % TENANTS]
            with endings.condition:
                if not endings.condition.wait_for(lambda: number - len(endings.moments) < outstanding, 60):  # noqa: B023
                    raise SystemExit("no job ended within a minute")
            self.load.publish([portal.envelope("sync", tenant, plan_of(tenant))])
        with endings.condition:
            if not endings.condition.wait_for(lambda: len(endings.moments) == count, 60):
                raise SystemExit("not all jobs ended within a minute")
        last = max(endings.moments.values())
        endings.close()
        return count / (last - begun)

    def stretch(self, rate, seconds, disturber=None):
        """Returns the latencies while a disturber ran, or for this number of seconds, and how often the lease was lost."""
        endings, readiness = Endings(self.broker.url("monitor")), Readiness(self.worker)
        process = disturber() if disturber else None
        begun, sent, number = time.monotonic(), {}, 0
        while (process.poll() is None) if process else (time.monotonic() - begun < seconds):
            if isinstance(process, subprocess.Popen) and self.options.longest and time.monotonic() - begun > self.options.longest:
                process.terminate()
                process.wait()
                break
            job = portal.envelope("sync", tenant := self.tenants[number % TENANTS], plan_of(tenant))
            due = begun + number / rate
            time.sleep(max(0, due - time.monotonic()))
            sent[job["id"]] = max(due, time.monotonic() - 0.001)
            self.load.publish([job])
            number += 1
        took = time.monotonic() - begun
        endings.wait(list(sent), 120)
        readiness.ended.set()
        readiness.join()
        latencies = [endings.moments[job] - moment for job, moment in sent.items()]
        endings.close()
        is_cut = process and process.returncode == -signal.SIGTERM
        if process and not is_cut and process.returncode not in (0, 1):
            raise SystemExit(f"the disturber ended with {process.returncode}")
        return latencies, readiness.lost, took

    def command(self, *arguments):
        return lambda: subprocess.Popen(
            [processes.BIN_DIR / "autotask-worker", *arguments],
            env=plain_environment(**self.worker.settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


class Prune:
    """Looks like a process: it has ended when the worker has no history left that it should not have."""

    def __init__(self, bench, cutoff_days):
        self.bench, self.returncode, self.next = bench, None, 0
        self.cutoff = int((time.time() - cutoff_days * 86_400) * 1000)

    def poll(self):
        if time.monotonic() < self.next:
            return None
        self.next = time.monotonic() + 2
        import sqlite3

        with sqlite3.connect(f"file:{self.bench.worker.store_path}?mode=ro", uri=True) as database:
            left = database.execute(
                "SELECT 1 FROM jobs WHERE account IS NOT NULL AND finished_at <= ? ORDER BY finished_at LIMIT 1", (self.cutoff,)
            ).fetchone()
        if left is None:
            self.returncode = 0
        return self.returncode


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=5_000_000)
    arguments.add_argument("--rate", type=float, default=0)
    arguments.add_argument("--longest", type=float, default=0, help="seconds after which a command is ended; 0: it may take any time")
    arguments.add_argument("--seconds", type=float, default=60, help="how long a stretch without a disturber is")
    arguments.add_argument("--directory", type=pathlib.Path, help="where to put the store; a temporary directory by default")
    options = arguments.parse_args()
    if not shutil.which("nginx"):
        raise SystemExit("nginx is needed: apt-get install nginx-light")
    if options.directory:
        options.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        bench = Bench(options, pathlib.Path(directory))
        try:
            measure(bench, options, pathlib.Path(directory))
        finally:
            bench.stop()


def measure(bench, options, directory):
    # The first prune of this start finds the data of events older than 30 days; it is not measured.
    bench.start()
    rate = options.rate or statistics.median(bench.capacity() for _ in range(3)) / 3
    print(f"a third of the capacity: {rate:.0f} jobs/s", flush=True)
    disturbers = {
        "store backup": bench.command("store", "backup", str(directory / "copy.sqlite")),
        "audit verify": bench.command("audit", "verify"),
        "doctor --thorough": bench.command("doctor", "--thorough"),
    }
    before, lost, _ = bench.stretch(rate, options.seconds)
    for name, disturber in disturbers.items():
        before = report(bench, options, rate, name, before, lost, disturber)
        lost = 0
        (directory / "copy.sqlite").unlink(missing_ok=True)
    # History of six tenths of the jobs, at the worker's start.
    bench.worker.stop()
    bench.start(HISTORY_DAYS="24")
    report(bench, options, rate, f"prune of {options.jobs * 6 // 10} rows", before, 0, lambda: Prune(bench, 24))


def report(bench, options, rate, name, before, lost, disturber):
    during, lost_during, took = bench.stretch(rate, options.seconds, disturber)
    after, lost_after, _ = bench.stretch(rate, options.seconds)
    calm = statistics.mean([p95(before), p95(after)])
    print(
        f"{name:24} {took:6.1f} s, {len(during)} jobs: p95 {p95(during) * 1e3:.1f} ms, without {calm * 1e3:.1f} ms, ratio {p95(during) / calm:.2f};"
        f" lease lost {lost + lost_during + lost_after} times",
        flush=True,
    )
    return after


if __name__ == "__main__":
    main()
