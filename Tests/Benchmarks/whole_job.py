#!/usr/bin/env python3
"""The whole job: unchanged syncs of four services. Each is accepted, reads its services from an nginx at 0 ms, is committed, and publishes a confirmed event.

Every tenant is connected and synced once through the simulator; then an nginx takes the simulator's port and answers each tenant's read with what
the simulator would. The queue is filled while the worker is stopped, one sync for each tenant (two of one tenant would supersede each other).
The rate is taken from the first to the last event; CPU and memory are the worker's own, from /proc, without the CPU of its start.

    BIN_DIR=.build/release python Tests/Benchmarks/whole_job.py [--jobs 5000] [--rounds 3] [--against DIR]

With `--against` each round is a pair: the worker in DIR and the one in BIN_DIR, each on its copy of one store, in alternating order. The older
of the two makes that store, so DIR has to be it. The last line is the median of the pairwise ratios of CPU a job, with its range.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import pika

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

import portal  # noqa: E402
import processes  # noqa: E402
from processes import Broker, Worker, poll  # noqa: E402
from simulator import Simulator  # noqa: E402
from load import Endings, Load, database, plan_of  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
OURS = processes.BIN_DIR


class Nginx:
    """Answers each user's reads with prepared bodies, on the port that the simulator had."""

    def __init__(self, directory, port, services):
        self.directory = directory / "nginx"
        self.directory.mkdir()
        bodies = "\n".join(f"        {user} '{body}';" for user, body in services.items())
        (self.directory / "nginx.conf").write_text(
            f"""
worker_processes 1;
pid {self.directory}/nginx.pid;
error_log {self.directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    map_hash_max_size 131072;
    map_hash_bucket_size 128;
    default_type application/json;
    client_body_temp_path {self.directory}/body;
    map $http_username $services {{
{bodies}
    }}
    server {{
        listen 127.0.0.1:{port};
        location ~* Services/query {{ return 200 $services; }}
        location / {{ return 404; }}
    }}
}}
"""
        )
        self.process = subprocess.Popen(["nginx", "-c", self.directory / "nginx.conf", "-g", "daemon off;"])

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


def page(items, fields):
    """A query's answer, with the fields that the worker asks for."""
    items = [{name: item[name] for name in fields} for item in items]
    return json.dumps({"items": items, "pageDetails": {"count": len(items), "requestCount": 500, "prevPageUrl": None, "nextPageUrl": None}}, default=float)


def usage(process):
    """CPU seconds and peak resident megabytes of a process so far."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / TICKS, int(peak) / 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=5000, help="tenants, and jobs in a round")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--against", type=pathlib.Path, help="where the worker to compare with is")
    options = arguments.parse_args()
    if not shutil.which("nginx"):
        raise SystemExit("nginx is needed: apt-get install nginx-light")
    with tempfile.TemporaryDirectory() as directory:
        measure(options, pathlib.Path(directory))


def measure(options, directory):
    broker = Broker(directory / "broker")
    try:
        simulator = Simulator(directory)
        worker = Worker(directory, broker, simulator)
        worker.settings |= {"LOG_LEVEL": "info"}
        tenants = [f"msp-{number}" for number in range(options.jobs)]
        simulator.request("PATCH", "settings", {"quotaLatencyScale": 0, "recordBodies": False})
        for start in range(0, len(tenants), 500):
            some = [database(100000 + start + number, [tenant]) for number, tenant in enumerate(tenants[start : start + 500])]
            simulator.request("PUT", "databases", {"databases": some})
        if options.against:
            processes.BIN_DIR = options.against
        worker.start()
        endings = Endings(broker.url("monitor"))
        load = Load(broker.url("portal"), worker.public_key())
        setup = [job for tenant in tenants for job in load.chain(tenant, tenant, f"Secret-{tenant}")]
        load.publish(setup)
        endings.wait([job["id"] for job in setup], 600)
        endings.close()
        worker.stop()

        services = {
            tenant: page(
                simulator.request("GET", f"databases/{100000 + number}/services")["services"],
                ["id", "name", "unitPrice", "unitCost", "billingCodeID", "periodType", "isActive", "internalID"],
            )
            for number, tenant in enumerate(tenants)
        }
        port = int(simulator.url.rpartition(":")[2])
        simulator.stop()
        nginx = Nginx(directory, port, services)
        try:
            if options.against:
                compare(options, broker, worker, load, tenants)
                return
            start = start_of(worker)
            rounds = [one_round(broker, worker, load, tenants, start) for _ in range(options.rounds)]
        finally:
            nginx.stop()
        rate, cpu, peak = (statistics.median(values) for values in zip(*rounds))
        print(f"unchanged sync of four services, {options.jobs} jobs, median of {options.rounds} rounds:")
        print(f"   start: {start * 1e3:.0f} ms of CPU")
        print(f"{rate:8.0f} jobs/s, {cpu * 1e6:.0f} µs of the worker's CPU each, {peak:.0f} MB at most")
    finally:
        broker.stop()


def start_of(worker):
    """CPU seconds of a start."""
    worker.start()
    start, _ = usage(worker.process)
    worker.stop()
    return start


class Side:
    """One of two workers that are compared, on its copy of the store that `worker` left."""

    def __init__(self, name, directory, worker):
        self.name, self.directory, self.worker = name, directory, worker
        self.store = worker.store_path.with_name(f"{name}.sqlite")
        for suffix in ("", "-wal"):
            file = pathlib.Path(f"{worker.store_path}{suffix}")
            if file.exists():
                shutil.copyfile(file, f"{self.store}{suffix}")

    def enter(self):
        processes.BIN_DIR = self.directory
        self.worker.settings["STORE_URL"] = f"sqlite:{self.store}"
        self.worker.store_path = self.store


def compare(options, broker, worker, load, tenants):
    sides = [Side("before", options.against.resolve(), worker), Side("after", OURS.resolve(), worker)]
    starts = {}
    for side in sides:
        side.enter()
        starts[side.name] = start_of(worker)
    results = {side.name: [] for side in sides}
    for number in range(options.rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            side.enter()
            print(f"  {side.name:6}", end="", flush=True)
            results[side.name].append(one_round(broker, worker, load, tenants, starts[side.name]))
    for side in sides:
        rate, cpu, peak = (statistics.median(values) for values in zip(*results[side.name]))
        print(f"{side.name:6} {rate:8.0f} jobs/s, {cpu * 1e6:.0f} µs of the worker's CPU each, {peak:.0f} MB at most; medians of {options.rounds}")
    ratios = sorted(after[1] / before[1] for before, after in zip(results["before"], results["after"]))
    print(f"CPU a job, after ÷ before: median {statistics.median(ratios):.3f} of {len(ratios)} pairs, {ratios[0]:.3f} to {ratios[-1]:.3f}")


def one_round(broker, worker, load, tenants, start):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("monitor") + "?heartbeat=0"))
    channel = connection.channel()
    queue = channel.queue_declare("autotask.monitor.round", auto_delete=False).method.queue
    channel.queue_bind(queue, "autotask.results", "#")
    load.publish([portal.envelope("sync", tenant, plan_of(tenant)) for tenant in tenants])
    worker.start()
    poll(lambda: channel.queue_declare(queue, passive=True).method.message_count >= len(tenants), 120, "the round", worker.process)
    cpu, peak = usage(worker.process)
    cpu -= start
    worker.stop()
    moments = []
    for _ in tenants:
        _, _, body = channel.basic_get(queue, auto_ack=True)
        event = json.loads(body)
        if event["type"] != "autotask.sync.succeeded" or event["data"]["apiCalls"] != 1:
            raise SystemExit(f"not an unchanged sync: {event}")
        moments.append(datetime.datetime.fromisoformat(event["time"]).timestamp())
    channel.queue_delete(queue)
    connection.close()
    seconds = max(moments) - min(moments)
    print(f"  round: {len(tenants) / seconds:.0f} jobs/s, {cpu / len(tenants) * 1e6:.0f} µs of CPU each, {peak:.0f} MB", flush=True)
    return len(tenants) / seconds, cpu / len(tenants), peak


if __name__ == "__main__":
    main()
