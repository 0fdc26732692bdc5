#!/usr/bin/env python3
"""The keys of 10,000 tenants are rotated while jobs of all of them run.

Connects the tenants, publishes syncs and billing code reads for all, and runs `keys rotate` among them. Afterwards every job has to have
ended well, every tenant's key has to be wrapped by the new one, and the old keys have to go.

    BIN_DIR=.build/release python Tests/Benchmarks/key_rotation.py [--tenants 10000]
"""

import argparse
import collections
import json
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

import portal  # noqa: E402
from load import Endings, Load, database, plan_of  # noqa: E402
from processes import Broker, Worker  # noqa: E402
from simulator import Simulator  # noqa: E402

GOOD = {"autotask.connection.established", "autotask.sync.succeeded", "autotask.billing-codes.listed"}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tenants", type=int, default=10_000)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        measure(options.tenants, pathlib.Path(directory))


def measure(count, directory):
    broker = Broker(directory / "broker")
    try:
        simulator = Simulator(directory)
        worker = Worker(directory, broker, simulator)
        tenants = [f"msp-{number}" for number in range(count)]
        for first in range(0, count, 1000):
            few = tenants[first : first + 1000]
            simulator.request("PUT", "databases", {"databases": [database(100000 + first + n, [name]) for n, name in enumerate(few)]})
        simulator.request("PATCH", "settings", {"quotaLatencyScale": 0})
        worker.start(LOG_LEVEL="warning", await_jobs=False)
        endings = Endings(broker.url("monitor"))
        load = Load(broker.url("portal"), worker.public_key())

        chains = [load.chain(tenant, tenant, f"Secret-{tenant}") for tenant in tenants]
        started = time.monotonic()
        run(load, endings, [connect for connect, _ in chains])
        print(f"{count} tenants connected: {time.monotonic() - started:.1f} s")

        jobs = [job for tenant in tenants for job in (portal.envelope("sync", tenant, plan_of(tenant)), refresh(tenant))]
        rotation = Rotation(worker)
        before = {key["keyId"] for key in rotation.keys()}
        started = time.monotonic()
        load.publish(jobs[: len(jobs) // 4])
        rotation.start()
        load.publish(jobs[len(jobs) // 4 :])
        endings.wait([job["id"] for job in jobs], 1200)
        seconds = time.monotonic() - started
        rotation.join()
        outcome = rotation.outcome
        print(
            f"keys rotate: {rotation.seconds:.2f} s, {outcome['rewrapped']} of {outcome['credentialsKeys']} keys wrapped again, "
            f"while {len(jobs)} jobs ended within {seconds:.1f} s"
        )
        kinds = collections.Counter(endings.types[job["id"]] for job in jobs)
        print(f"endings: {dict(kinds)}")
        resumed = rotation.command("rotate", "--resume")
        left = [key for key in rotation.keys() if key["keyId"] in before and key["inUse"] and any(key["inUse"].values())]
        retired = rotation.command("retire", "--unused", "--yes")["retired"]
        print(f"afterwards: {resumed['rewrapped']} keys were wrapped by a former one still; {len(retired)} former keys retired")
        endings.close()
        worker.stop()
        simulator.stop()
        if set(kinds) - GOOD or left or len(retired) != 2:
            raise SystemExit(1)
    finally:
        broker.stop()


class Rotation(threading.Thread):
    """`keys rotate`, beside everything else."""

    def __init__(self, worker):
        super().__init__()
        self.worker = worker

    def run(self):
        begun = time.monotonic()
        self.outcome = self.command("rotate", "--use", "credentials", "--use", "jobs")
        self.seconds = time.monotonic() - begun

    def command(self, *arguments):
        return json.loads(self.worker.cli("keys", *arguments, "--json"))

    def keys(self):
        return self.command("list")["keys"]


def run(load, endings, jobs):
    load.publish(jobs)
    endings.wait([job["id"] for job in jobs], 1200)
    bad = [job for job in jobs if endings.types[job["id"]] not in GOOD]
    if bad:
        raise SystemExit(f"{len(bad)} of {len(jobs)} jobs failed: {endings.types[bad[0]['id']]}")


def refresh(tenant):
    return portal.envelope("billing-codes", tenant, {"refresh": True})


if __name__ == "__main__":
    main()
