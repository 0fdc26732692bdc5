"""The table of `whole_job.py`: every figure with its goal, measured and printed in one run."""

import dataclasses
import time

import clients
import latency
import machine
import throughput
from machine import Probe
from prepare import Installation

# What `--rows` names, in the order in which it is measured.
PARTS = ("creates", "throughput", "memory", "store", "latency", "high-latency", "clients")


@dataclasses.dataclass
class Scale:
    """How much is measured."""

    jobs: int
    rounds: int
    # Seconds to wait for a quiet machine before a round.
    patience: float
    # Ended jobs of the grown store.
    ended_jobs: int
    # Seconds of load at 50 and at 500 jobs a second.
    stretches: dict
    # Rounds of the rows that take longest.
    few: int
    requests: int
    messages: int


FULL = Scale(jobs=10_000, rounds=5, patience=15, ended_jobs=300_000, stretches={50: 20, 500: 10}, few=3, requests=200_000, messages=20_000)
QUICK = Scale(jobs=3_000, rounds=3, patience=2, ended_jobs=100_000, stretches={50: 10, 500: 5}, few=1, requests=40_000, messages=10_000)


class Table:
    """Rows of figure, measured value, goal, and whether the value meets it."""

    def __init__(self):
        self.rows = []

    def add(self, figure, measured, goal="", met=None):
        self.rows.append((figure, measured, goal, {True: "yes", False: "no", None: ""}[met]))

    def __str__(self):
        rows = [("figure", "measured", "goal", "met"), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(lines)


def measure(options, directory):
    wanted = options.rows or PARTS
    if unknown := set(wanted) - set(PARTS):
        raise SystemExit(f"--rows does not know {', '.join(sorted(unknown))}; it knows {', '.join(PARTS)}")
    scale = dataclasses.replace(QUICK if options.quick else FULL)
    scale.jobs, scale.rounds = options.jobs or scale.jobs, options.rounds or scale.rounds
    begun, table, probe = time.monotonic(), Table(), Probe(scale.patience)
    foreign = machine.Foreign()
    time.sleep(1)
    print(f"{machine.CPUS} CPUs; probe {probe.best:.0f} ms at best; others use {foreign.cores():.2f} cores before the start", flush=True)
    installation = Installation(directory, scale.jobs)
    try:
        bench = throughput.Bench(installation, scale, probe, table)
        bench.prepare("creates" in wanted, "high-latency" in wanted or "memory" in wanted)
        if {"throughput", "creates"} & set(wanted):
            bench.throughput()
        if "store" in wanted:
            bench.grown_store()
        if "latency" in wanted:
            latency.one_job(bench)
        if {"high-latency", "memory"} & set(wanted):
            latency.many_waiting(bench, "memory" in wanted, "high-latency" in wanted)
        if "clients" in wanted:
            clients.measure(bench)
    finally:
        installation.stop()
    print(f"\n{table}\n\n{scale.jobs:,} jobs a round, medians [least..most]; the whole took {time.monotonic() - begun:.0f} s.")
