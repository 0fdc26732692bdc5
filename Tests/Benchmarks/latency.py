"""The rows of the table that come from single jobs and from slow answers: latency, many tenants that wait for Autotask, memory."""

import json
import random
import statistics
import subprocess
import time

import contract
import machine
import programs
from prepare import SECOND
from processes import plain_environment, poll
from rounds import alternate, spread

TENANTS = 1000


class Monitor:
    """The program `load`: publishes jobs at their moments, and records when each ended."""

    def __init__(self, installation, timed_jobs, expected, seconds):
        """`timed_jobs` are (microseconds after the start, job); `expected` terminal events end it."""
        lines = []
        for offset, job in timed_jobs:
            key = f"{job['type'].removeprefix(contract.JOB_PREFIX)}.{job['subject']}"
            lines.append("\t".join((str(offset), job["id"], job["type"], key, json.dumps(job))) + "\n")
        file = installation.directory / "timed-jobs"
        file.write_text("".join(lines), encoding="utf-8")
        urls = {f"{user.upper()}_AMQP_URL": installation.broker.url(user) for user in ("portal", "monitor")}
        self.output = installation.directory / "load.log"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [programs.path("load"), file, str(expected), str(seconds)], env=plain_environment(**urls), stdout=output, stderr=subprocess.STDOUT
            )
        poll(lambda: b"Watching" in self.output.read_bytes(), 20, "the start of load", self.process)

    def ends(self):
        """The moments of publication and of the terminal event of each job, in seconds since 1970, once all have ended."""
        status = self.process.wait()
        lines = self.output.read_text(encoding="utf-8").splitlines()[1:]
        if status:
            raise SystemExit(lines[-1] if lines else "load failed")
        return [(int(published) / 1e6, int(ended) / 1e6) for _, published, ended in map(str.split, lines)]


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share / 100), len(values) - 1)]


def one_job(bench):
    """Latency of one job under a small and a large rate, from its publication to its terminal event at a monitor."""
    goals = {50: (4, 6, 9), 500: (5, 8, 11)}
    installation, random_source = bench.installation, random.Random(1)
    tenants = installation.tenants[:TENANTS]
    print("Latency of one job, from its publication to its terminal event at a monitor:", flush=True)
    autotask = installation.autotask(24)

    def stretch(side, rate):
        moment, timed = 0.0, []
        for number in range(rate * bench.scale.stretches[rate]):
            # Arrivals are independent of each other (Poisson). In turn, so that two jobs of one tenant do not meet.
            moment += random_source.expovariate(rate)
            timed.append((int(moment * 1e6), installation.jobs([tenants[number % len(tenants)]])[0]))
        milliseconds = bench.probe.wait()
        side.start()
        foreign = machine.Foreign(installation.broker_process, autotask.process.pid, side.process.pid)
        monitor = Monitor(installation, timed, len(timed), bench.scale.stretches[rate] * 2 + 60)
        ends = monitor.ends()
        cores = foreign.cores()
        cpu = (machine.cpu(side.process.pid) - foreign.known[side.process.pid]) / len(timed)
        side.stop()
        took = [(ended - published) * 1e3 for published, ended in ends]
        found = [percentile(took, share) for share in (50, 95, 99)]
        print(
            f"  {side.name:8} {rate:3}/s: p50 {found[0]:.2f}, p95 {found[1]:.2f}, p99 {found[2]:.2f}, at most {max(took):.1f} ms; "
            f"{cpu * 1e6:.0f} µs of CPU each; foreign {cores:.2f} cores, probe {milliseconds:.0f} ms",
            flush=True,
        )
        return found

    try:
        for rate, goal in goals.items():
            sides = [bench.product, bench.go]
            results = alternate(sides, bench.scale.few, lambda side, rate=rate: stretch(side, rate))
            for side in sides:
                columns = list(zip(*results[side]))
                medians = [statistics.median(column) for column in columns]
                is_ours = side is bench.product
                bench.table.add(
                    f"one job at {rate}/s, {side.name}: p50 / p95 / p99",
                    " / ".join(spread(column, 1) for column in columns) + " ms",
                    "≤ " + " / ".join(map(str, goal)) + " ms" if is_ours else "",
                    all(found <= limit for found, limit in zip(medians, goal)) if is_ours else None,
                )
    finally:
        autotask.stop()


def many_waiting(bench, measures_memory, measures_latency):
    """Two jobs of each of many tenants, whose answers take long: how near the end comes to two answers after the first request."""
    sides = [bench.product] + ([bench.go] if measures_latency else [])
    for side in sides:
        bench.start_of(side)
    bench.go.lanes = TENANTS
    peaks = []
    for milliseconds, goal in ((200, 1.6), (1000, 1.15)) if measures_latency else ((1000, None),):
        print(f"{TENANTS} tenants × 2 jobs, Autotask answers after {milliseconds} ms:", flush=True)
        results = alternate(sides, bench.scale.few, lambda side, milliseconds=milliseconds: waiting_round(bench, side, milliseconds))
        peaks = [peak for _, _, peak in results[bench.product]]
        for side in sides if measures_latency else ():
            ratios = [ratio for ratio, _, _ in results[side]]
            is_ours = side is bench.product
            bench.table.add(
                f"{TENANTS:,} tenants × 2 jobs at {milliseconds:,} ms ÷ ideal, {side.name}",
                f"{spread(ratios, 2)}; {spread([cpu for _, cpu, _ in results[side]], 0, 1e6)} µs",
                f"≤ {goal}" if is_ours else "",
                statistics.median(ratios) <= goal if is_ours else None,
            )
    bench.go.lanes = 512
    if measures_memory:
        idle = idle_memory(bench)
        busy = statistics.median(peaks)
        bench.table.add("peak memory, all lanes busy / idle", f"{spread(peaks)} / {idle:.0f} MB", "≤ 60 / 36 MB", busy <= 60 and idle <= 36)


def waiting_round(bench, side, milliseconds):
    installation = bench.installation
    tenants = installation.tenants[:TENANTS]
    installation.load.publish(installation.jobs(tenants) + installation.jobs(tenants, SECOND))
    probe = bench.probe.wait()
    autotask = installation.delayed(milliseconds, TENANTS)
    monitor = Monitor(installation, [], 2 * len(tenants), 120)
    foreign = machine.Foreign(installation.broker_process, autotask.process.pid, monitor.process.pid)
    side.start()
    while monitor.process.poll() is None and side.process.poll() is None:
        time.sleep(0.02)
        used = machine.cpu(side.process.pid)
        cores = foreign.cores(side.process.pid)
    last = max(ended for _, ended in monitor.ends())
    cpu = (used - bench.starts[side]) / (2 * len(tenants))
    peak = machine.memory(side.process.pid, "VmHWM")
    side.stop()
    first, queries, most = autotask.stop()
    if queries != 2 * len(tenants):
        raise SystemExit(f"{queries} queries for {2 * len(tenants)} jobs")
    ratio = (last - first) / (2 * milliseconds / 1e3)
    print(
        f"  {side.name:8} {ratio:.2f} times the ideal; {most} in flight; {cpu * 1e6:.0f} µs of CPU each, {peak:.0f} MB; "
        f"foreign {cores:.2f} cores, probe {probe:.0f} ms",
        flush=True,
    )
    return ratio, cpu, peak


def idle_memory(bench):
    bench.product.start()
    time.sleep(3)
    megabytes = machine.memory(bench.product.process.pid, "VmRSS")
    bench.product.stop()
    return megabytes
