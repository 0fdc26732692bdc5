#!/usr/bin/env python3
"""Measures how one tenant with very many waiting jobs affects 999 others with ten each.

Nobody is connected, so each job ends after one claim without a call to Autotask: what is measured is the way from acceptance to the commit of
the terminal event. The store has both moments. It is counted in claims too: the audit log has a row for each attempt that ended, in their order.

    BIN_DIR=.build/release python Tests/Benchmarks/crowded_lane.py            # default limits: the lane is full, alternating pairs
    BIN_DIR=.build/release python Tests/Benchmarks/crowded_lane.py --raised   # limits raised: every job of the lane is accepted

Each pair is a run without the crowd and one with it, each on a store of its own.
"""

import argparse
import contextlib
import pathlib
import sqlite3
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

import portal  # noqa: E402
from load import Load  # noqa: E402
from processes import Broker, Worker, poll  # noqa: E402
from simulator import Simulator  # noqa: E402
from tenants import plan  # noqa: E402

CROWD = "crowd"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--crowd", type=int, default=100_000, help="jobs of the one tenant")
    arguments.add_argument("--others", type=int, default=999)
    arguments.add_argument("--each", type=int, default=10, help="jobs of each other tenant")
    arguments.add_argument("--pairs", type=int, default=5)
    arguments.add_argument("--raised", action="store_true", help="raise the limits, so that the whole crowd is accepted")
    options = arguments.parse_args()
    ratios = {"milliseconds": [], "claims": []}
    for number in range(options.pairs):
        alone, crowded = run(options, 0), run(options, options.crowd)
        print(f"pair {number + 1}, alone:   {alone}\npair {number + 1}, crowded: {crowded}")
        for name, values in ratios.items():
            values.append(crowded[f"p95 {name}"] / max(alone[f"p95 {name}"], 1))
    for name, values in ratios.items():
        low, high = min(values), max(values)
        print(f"others' p95 in {name}: {statistics.median(values):.3f} times that without the crowd (median; {low:.3f} to {high:.3f})")


def run(options, crowd):
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        broker = Broker(directory / "broker")
        try:
            simulator = Simulator(directory)
            worker = Worker(directory, broker, simulator)
            raised = {"LANE_BACKLOG_LIMIT": "1000000", "BACKLOG_LIMIT": "10000000"} if options.raised else {}
            worker.start(LOG_LEVEL="info", **raised)
            load = Load(broker.url("portal"), None)
            published = {}
            for jobs in batches(options, crowd):
                load.publish(jobs)
                published |= {job["id"]: time.time() * 1000 for job in jobs}
            poll(lambda: finished(worker, options) == options.others * options.each, 1800, "the others' ends", worker.process)
            figures = measure(worker, published)
            worker.stop()
            simulator.stop()
            return figures
        finally:
            broker.stop()


def batches(options, crowd):
    """The crowd first: the others come behind all of it."""
    for start in range(0, crowd, 1000):
        yield [sync(CROWD, number) for number in range(start, min(start + 1000, crowd))]
    for number in range(options.each):
        yield [sync(f"msp-{tenant}", number) for tenant in range(options.others)]


def sync(tenant, number):
    return portal.envelope("sync", tenant, {**plan(1), "planId": f"plan-{number}"})


def rows(worker, sql, *values):
    with contextlib.closing(sqlite3.connect(f"file:{worker.store_path}?mode=ro", uri=True)) as store:
        return store.execute(sql, values).fetchall()


def finished(worker, _options):
    if not worker.store_path.exists():
        return 0
    return rows(worker, "SELECT COUNT(*) FROM jobs WHERE tenant <> ? AND finished_at IS NOT NULL", CROWD)[0][0]


def measure(worker, published):
    """What the others' jobs took, in milliseconds and in claims, and how the crowd's ended meanwhile."""
    jobs = rows(worker, "SELECT job_id, accepted_at, finished_at FROM jobs WHERE tenant <> ?", CROWD)
    order = rows(worker, "SELECT tenant, job_id FROM audit WHERE action = 'attempt.ended' ORDER BY number")
    first = next(place for place, (tenant, _) in enumerate(order) if tenant != CROWD)
    places = [place - first for place, (tenant, _) in enumerate(order) if tenant != CROWD]
    since_publishing = [end - published[name] for name, _, end in jobs]
    ended = dict(rows(worker, "SELECT event_type, COUNT(*) FROM jobs WHERE tenant = ? AND finished_at IS NOT NULL GROUP BY 1", CROWD))
    between = sum(1 for tenant, _ in order[first : first + places[-1] + 1] if tenant == CROWD)
    return {
        "p95 milliseconds": percentile([end - accepted for _, accepted, end in jobs], 95),
        "p95 claims": percentile(places, 95),
        "p95 milliseconds since publishing": round(percentile(since_publishing, 95)),
        "the crowd's claims meanwhile": between,
        "the crowd's ends": ended,
    }


def percentile(values, share):
    return sorted(values)[min(len(values) * share // 100, len(values) - 1)]


if __name__ == "__main__":
    main()
