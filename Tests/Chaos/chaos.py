"""Real parts under real faults: see README.md in this folder. Started by `deploy/chaos`, which builds what it needs."""

import argparse
import inspect
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))
# After all others, since this directory has modules of the same names.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "Benchmarks"))

import faults
import invariants
import journal
import measures
import report
from world import World

SETTLING_SECONDS = 420
GAP_SECONDS = (1.5, 4)
COMPANY = 0.25  # How often a second fault of another family comes with one.


def arguments():
    parser = argparse.ArgumentParser(
        prog="deploy/chaos",
        description="Runs real workers, RabbitMQ and a simulated Autotask under faults, and checks that nothing was lost or doubled.",
        epilog="A seed repeats the order of faults and what each tenant's jobs are. It does not repeat the interleaving: real processes, "
        "a real network and a real disk decide that. Ends with 0 if every check holds, with 1 if not.",
    )
    parser.add_argument("--seed", type=int, default=None, help="a number; another each time, if not given")
    parser.add_argument("--minutes", type=float, default=10, help="how long faults go on (default 10); settling comes on top")
    parser.add_argument("--only", metavar="FAULT[,FAULT]", help="only these faults")
    parser.add_argument("--soak", action="store_true", help="no faults: steady load, to see memory and descriptors flat")
    parser.add_argument("--workers", type=int, default=3, help="how many workers share the store (default 3)")
    parser.add_argument("--tenants", type=int, default=200, help="how many tenants send jobs (default 200)")
    parser.add_argument("--rate", type=float, default=15, help="jobs a second (default 15)")
    parser.add_argument(
        "--settling", type=float, default=SETTLING_SECONDS, help=f"seconds in which every job has to end then (default {SETTLING_SECONDS})"
    )
    parser.add_argument("--store-jobs", type=int, default=0, help="ended jobs to fill the store with: 1,000,000 are some 1.5 GB (default 0)")
    parser.add_argument("--report", type=pathlib.Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--keep", action="store_true", help="keep logs and store although all is well")
    parser.add_argument("--list", action="store_true", help="list the faults, and do not run")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1, 1 << 31)
    options.kinds = list(faults.KINDS)
    if options.soak:
        options.kinds = []
    elif options.only:
        options.kinds = options.only.split(",")
        if unknown := set(options.kinds) - set(faults.KINDS):
            parser.error(f"no such fault: {', '.join(sorted(unknown))}; see --list")
    if options.workers < 2:
        parser.error("one worker proves nothing about several: at least 2")
    return options


class Progress:
    """Prints a line from time to time, with the time since the beginning."""

    PERIOD = 10

    def __init__(self):
        self.begun = time.monotonic()
        self.next = 0.0

    def say(self, text):
        for line in text.splitlines() or [""]:
            print(f"{int(time.monotonic() - self.begun):5d} s  {line}" if line else "", flush=True)

    def tick(self, world, what):
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + self.PERIOD
        exits = len(world.fleet.exits)
        self.say(
            f"{len(world.load.jobs):6d} jobs confirmed, {len(world.load.open_jobs()):4d} open, {len(world.live.events):6d} events, "
            f"{len(world.fleet.running)} workers, {exits} ended by themselves; {what}"
        )


def schedule(world, kinds):
    """The faults, in rounds: each kind once in a round, in an order by chance."""
    built = [faults.KINDS[name](world) for name in kinds]
    usable = [fault for fault in built if fault.skipped is None]

    def sequence():
        while usable:
            yield from world.random.sample(usable, len(usable))

    return built, sequence()


def play(world, sequence, progress, seconds):
    """One fault after the other, sometimes two at once, until the time is up."""
    deadline = time.monotonic() + seconds
    waiting = None
    while time.monotonic() < deadline and not world.ending.is_set():
        fault = waiting or next(sequence, None)
        waiting = None
        if fault is None:
            progress.tick(world, "no faults")
            world.wait(1)
            continue
        together = [fault]
        if not fault.alone and world.random.random() < COMPANY:
            other = next(sequence)
            if other.alone or other.family == fault.family:
                waiting = other
            else:
                together.append(other)
        meet(world, together, progress)
        pause = time.monotonic() + world.random.uniform(*GAP_SECONDS)
        while time.monotonic() < pause and world.wait(0.5):
            progress.tick(world, "all is well")
        if world.load.error is not None:
            raise world.load.error


def meet(world, together, progress):
    names = " and ".join(fault.name for fault in together)
    begun = []
    try:
        for fault in together:
            fault.choose()
            fault.times += 1
            progress.tick(world, names)
            begun.append(fault)
            fault.begin()
        until = time.monotonic() + max(fault.seconds for fault in together)
        while time.monotonic() < until and world.wait(min(0.5, max(0.01, until - time.monotonic()))):
            progress.tick(world, names)
    finally:
        for fault in reversed(begun):
            fault.end()


def settle(world, progress, seconds):
    """Waits until every confirmed job has its ending."""
    deadline = time.monotonic() + seconds
    while world.load.open_jobs() and time.monotonic() < deadline and world.wait(0.5):
        progress.tick(world, "settling")
    for job in world.load.open_jobs()[:20]:
        progress.say(f"open still: {job.kind} {job.id} of {job.tenant}")
    # What is not terminal may follow; and what was published last has to reach the monitor.
    world.wait_until(lambda: not world.store.unpublished(), 30)
    count = -1
    while count != len(world.live.events):
        count = len(world.live.events)
        world.wait(2)


def run(options, directory, progress):
    """Returns: whether every check held."""
    progress.say(f"seed {options.seed}, {options.minutes:g} minutes, {options.workers} workers, {options.tenants} tenants; {directory}")
    world = World(
        directory, seed=options.seed, workers=options.workers, tenants=options.tenants, rate=options.rate, say=progress.say,
        store_jobs=options.store_jobs,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupt(world))
    try:
        sampler = measures.Sampler(world)
        built, sequence = schedule(world, options.kinds)
        for fault in built:
            if fault.skipped:
                progress.say(f"{fault.name} is skipped: {fault.skipped}")
        world.start()
        sampler.start()
        play(world, sequence, progress, options.minutes * 60)
        progress.say("The time is up: no more jobs, no more faults.")
        world.load.finish()
        settle(world, progress, options.settling)
        sampler.stop()
        for name, (status, seconds) in world.fleet.stop().items():
            if status != 0:
                world.violation(f"{name} ended with {status} after {seconds:.1f} s at the very end")
        judged = invariants.Run(world, journal.read(world.broker.url("monitor")))
        findings = invariants.check(judged)
        result = report.figures(judged, sampler, measures.recoveries(world), built, findings)
        report.print_table(result, progress.say, directory)
        if options.report:
            report.write(result, options.report)
        holds = not any(findings.values())
        if not holds or options.keep:
            keep_store(world)
        return holds
    finally:
        world.close()


def interrupt(world):
    world.ending.set()
    raise KeyboardInterrupt


def keep_store(world):
    """Copies the store off its disk, which goes with the run."""
    kept = world.directory / "kept-store"
    kept.mkdir()
    for path in world.disk.path.glob("worker.sqlite*"):
        shutil.copy(path, kept)


def main():
    options = arguments()
    if options.list:
        for name, kind in faults.KINDS.items():
            print(f"{name:<26} {' '.join(inspect.getdoc(kind).split())}")
        return 0
    directory = pathlib.Path(tempfile.mkdtemp(prefix="chaos-"))
    holds = None
    try:
        holds = run(options, directory, Progress())
    except KeyboardInterrupt:
        print("Interrupted; everything is stopped.", file=sys.stderr)
        return 130
    finally:
        if holds and not options.keep:
            shutil.rmtree(directory, ignore_errors=True)
        elif holds is None:
            print(f"Logs are in {directory}", file=sys.stderr)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
