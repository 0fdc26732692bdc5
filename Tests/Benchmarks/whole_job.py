#!/usr/bin/env python3
"""The whole job: unchanged syncs of four services. Each is accepted, reads its services from an nginx at 0 ms, is committed, and publishes a confirmed event.

Every tenant is connected and synced once through the simulator; then an nginx takes the simulator's port and answers each tenant's read with what
the simulator would. The queue is filled while the worker is stopped, one sync for each tenant (two of one tenant would supersede each other).
The rate is taken from the first to the last event in a monitor's quorum queue, beside the journal; CPU and memory are the worker's own, from
/proc, without the CPU of its start.

    BIN_DIR=.build/release python Tests/Benchmarks/whole_job.py [--jobs 5000] [--rounds 3]     # the worker alone
    BIN_DIR=.build/release python Tests/Benchmarks/whole_job.py --against DIR                  # a worker before and after a change
    BIN_DIR=.build/release python Tests/Benchmarks/whole_job.py --table | --quick | --rows …   # every figure beside the peers

With `--against` each round is a pair: the worker in DIR and the one in BIN_DIR, each on its copy of one store, in alternating order. The older
of the two makes that store, so DIR has to be it. The last line is the median of the pairwise ratios of CPU a job, with its range. `--scrape` reads
the metrics of the worker in BIN_DIR at its start and then each so many seconds.

`--table` measures every figure with its goal, in alternating rounds of the worker, a Go worker and the C floor (`peers`), and prints one table.
`--quick` does so with fewer jobs and rounds, within five minutes. deploy/benchmark installs and builds what they need.
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

import processes  # noqa: E402
import programs  # noqa: E402
import table  # noqa: E402
from machine import Probe  # noqa: E402
from prepare import Installation  # noqa: E402
from rounds import alternate, one_round, start_cpu  # noqa: E402


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, help="tenants, and jobs in a round (5,000; 10,000 with --table)")
    arguments.add_argument("--rounds", type=int, help="rounds of each side (3; 5 with --table)")
    arguments.add_argument("--against", type=pathlib.Path, help="where the worker to compare with is")
    arguments.add_argument("--scrape", type=float, default=0, help="with --against: seconds between two reads of the later worker's metrics")
    arguments.add_argument("--members", type=int, choices=(8, 24), default=8, help="members of each record, except in the table")
    arguments.add_argument("--table", action="store_true", help="measure every figure, beside the peers")
    arguments.add_argument("--quick", action="store_true", help="the table in five minutes: fewer jobs and rounds")
    arguments.add_argument("--rows", type=lambda text: text.split(","), help=f"parts of the table: {','.join(table.PARTS)}")
    options = arguments.parse_args()
    if not shutil.which("nginx"):
        raise SystemExit("nginx is needed: apt-get install nginx-light")
    with tempfile.TemporaryDirectory() as directory:
        if options.table or options.quick or options.rows:
            programs.build()
            table.measure(options, pathlib.Path(directory))
        else:
            programs.build("probe")
            measure(options.jobs or 5000, options.rounds or 3, options.against, options.scrape, options.members, pathlib.Path(directory))


def measure(jobs, rounds, against, scrape, members, directory):
    ours = processes.BIN_DIR.resolve()
    if against:
        processes.BIN_DIR = against.resolve()
    installation = Installation(directory, jobs)
    try:
        installation.connect()
        installation.run(installation.jobs())
        installation.close_simulator()
        autotask = installation.autotask(members)
        try:
            if against:
                places = [("before", against.resolve(), 0), ("after", ours, scrape)]
                sides = [installation.product(name=name, programs=place, keeps=True, scrape=pause) for name, place, pause in places]
                compare(installation, sides, rounds, autotask)
            else:
                alone(installation, rounds, autotask)
        finally:
            autotask.stop()
    finally:
        installation.stop()


def alone(installation, count, autotask):
    side, probe = installation.product(), Probe(0)
    start = start_cpu(side)
    rounds = [printed(one_round(installation, side, installation.jobs(), autotask, probe, start)) for _ in range(count)]
    print(f"unchanged sync of four services, {len(installation.tenants)} jobs, median of {count} rounds:")
    print(f"   start: {start * 1e3:.0f} ms of CPU")
    print(f"{medians(rounds)}")


def compare(installation, sides, count, autotask):
    probe = Probe(0)
    starts = {side: start_cpu(side) for side in sides}

    def measured(side):
        print(f"  {side.name:6}", end="", flush=True)
        return printed(one_round(installation, side, installation.jobs(), autotask, probe, starts[side]))

    results = alternate(sides, count, measured)
    for side in sides:
        print(f"{side.name:6} {medians(results[side])}; medians of {count}")
    before, after = (results[side] for side in sides)
    ratios = sorted(late.cpu / early.cpu for early, late in zip(before, after))
    print(f"CPU a job, after ÷ before: median {statistics.median(ratios):.3f} of {len(ratios)} pairs, {ratios[0]:.3f} to {ratios[-1]:.3f}")


def printed(result):
    print(f"  round: {result.rate:.0f} jobs/s, {result.cpu * 1e6:.0f} µs of CPU each, {result.peak:.0f} MB", flush=True)
    return result


def medians(rounds):
    rate, cpu, peak = (statistics.median(getattr(result, name) for result in rounds) for name in ("rate", "cpu", "peak"))
    return f"{rate:8.0f} jobs/s, {cpu * 1e6:.0f} µs of the worker's CPU each, {peak:.0f} MB at most"


if __name__ == "__main__":
    main()
