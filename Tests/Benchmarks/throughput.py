"""The rows of the table that come from rounds: unchanged syncs beside the peers, first syncs, a grown store."""

import statistics

from large_store import fill
from prepare import copy_store
from rounds import alternate, created, one_round, spread, start_cpu


class Bench:
    """An installation with its sides, and the table that they fill."""

    def __init__(self, installation, scale, probe, table):
        self.installation, self.scale, self.probe, self.table = installation, scale, probe, table
        self.starts = {}
        # CPU seconds of a first sync, and of an unchanged one with records of 24 members.
        self.first_syncs, self.unchanged = [], []

    def prepare(self, measures_creates, needs_second_plan):
        """Connects the tenants, gives them their services, and prepares the peers."""
        self.installation.connect()
        if measures_creates:
            self.measure_first_syncs()
        else:
            self.installation.run(self.installation.jobs())
        if needs_second_plan:
            self.installation.second_plan(1000)
        self.installation.close_simulator()
        self.product = self.installation.product()
        self.go, self.floor = self.installation.peers()

    def start_of(self, side):
        if side not in self.starts:
            self.starts[side] = start_cpu(side)
        return self.starts[side]

    def round(self, side, autotask, jobs=None, label="", **others):
        result = one_round(self.installation, side, jobs or self.installation.jobs(), autotask, self.probe, self.start_of(side), **others)
        print(f"  {label or side.name:14} {result}", flush=True)
        return result

    def measure_first_syncs(self):
        """Each tenant's first sync creates four services. The rounds divide the tenants, and follow each other on one store."""
        print("First syncs of four services, against the simulator:", flush=True)
        side = self.installation.worker_itself()
        tenants, rounds = self.installation.tenants, []
        for number in range(self.scale.rounds):
            jobs = self.installation.jobs(tenants[number :: self.scale.rounds])
            rounds.append(self.round(side, self.installation.simulator, jobs, expected=created, binding="sync.succeeded.#"))
        self.first_syncs = [result.cpu for result in rounds]
        self.table.add(
            "first sync of four services (creates)",
            f"{spread([result.rate for result in rounds])} jobs/s, {spread(self.first_syncs, 0, 1e6)} µs",
            "measured",
        )

    def throughput(self):
        """The worker, Go and the C floor in alternating rounds, with records of 24 members and of 8."""
        print("Unchanged syncs of four services:", flush=True)
        sides = [(self.product, 24), (self.go, 24), (self.floor, 24), (self.product, 8), (self.go, 8)]
        for side in (self.product, self.go, self.floor):
            self.start_of(side)
        results = alternate(sides, self.scale.rounds, lambda side: self.with_members(*side))
        product, go, floor, product8, go8 = (results[side] for side in sides)
        self.unchanged = [result.cpu for result in product]
        for name, rounds in (
            ("worker, 24 members", product), ("Go, 24 members", go), ("C floor", floor), ("worker, 8 members", product8), ("Go, 8 members", go8),
        ):  # fmt: skip
            self.table.add(
                f"unchanged sync: {name}",
                f"{spread([result.rate for result in rounds])} jobs/s, {spread([result.cpu for result in rounds], 0, 1e6)} µs, "
                f"{spread([result.peak for result in rounds])} MB; broker {median(rounds, 'broker') * 1e6:.0f} µs, Autotask "
                f"{median(rounds, 'autotask') * 1e6:.0f} µs, foreign {median(rounds, 'foreign'):.2f} cores, probe {median(rounds, 'probe'):.0f} ms",
            )
        self.add_ratio("Go ÷ C floor, jobs/s (below it, Go does not count)", go, floor, 0.38)
        self.add_ratio("worker ÷ Go with one call, jobs/s, 24 members", product, go, 1.35)
        self.add_ratio("worker ÷ Go with one call, jobs/s, 8 members", product8, go8, 1.35)
        for name, rounds in (("24", product), ("8", product8)):
            cpu = median(rounds, "cpu") * 1e6
            self.table.add(f"worker's CPU a job, {name} members", f"{spread([r.cpu for r in rounds], 0, 1e6)} µs", "≤ 165 µs", cpu <= 165)
        if self.first_syncs:
            ratio = statistics.median(self.first_syncs) / statistics.median(self.unchanged)
            self.table.add("first sync ÷ unchanged one, CPU", f"{ratio:.2f}", "≤ 2.5", ratio <= 2.5)

    def with_members(self, side, members):
        autotask = self.installation.autotask(members)
        try:
            if side is self.floor:
                # It is so fast that a round needs more jobs; it does not mind several of one tenant.
                jobs = [job for _ in range(-(-10_000 // self.scale.jobs)) for job in self.installation.jobs()]
                return self.round(side, autotask, jobs)
            return self.round(side, autotask, label=f"{side.name}, {members}")
        finally:
            autotask.stop()

    def add_ratio(self, figure, ours, theirs, goal):
        """The ratio of the medians, with the range of the ratios of the rounds that followed each other.

        Beside it is the ratio of the CPU that a job costs in the side, the broker and Autotask together. Other processes affect it less.
        """
        ratio = median(ours, "rate") / median(theirs, "rate")
        whole = [statistics.median(result.cpu + result.broker + result.autotask for result in rounds) for rounds in (ours, theirs)]
        pairs = [our.rate / their.rate for our, their in zip(ours, theirs)]
        measured = f"{ratio:.2f} [{min(pairs):.2f}..{max(pairs):.2f}]; by the CPU of all parts {whole[1] / whole[0]:.2f}"
        self.table.add(figure, measured, f"≥ {goal}", ratio >= goal)

    def grown_store(self):
        """The worker on a store with many ended jobs, and on one without."""
        print(f"A store with {self.scale.ended_jobs:,} ended jobs beside a fresh one:", flush=True)
        grown = self.installation.store.with_name("grown-template.sqlite")
        copy_store(self.installation.store, grown)
        # Younger than HISTORY_DAYS: the worker prunes none of them.
        fill(grown, self.installation.directory / "keys.json", self.scale.ended_jobs, days=20)
        fresh = self.installation.product(name="fresh")
        sides = [fresh, self.installation.product(name="grown", template=grown, keeps=True)]
        autotask = self.installation.autotask(24)
        try:
            for side in sides:
                self.start_of(side)
            results = alternate(sides, self.scale.rounds, lambda side: self.round(side, autotask))
        finally:
            autotask.stop()
        ratios = [late.cpu / early.cpu for early, late in zip(*(results[side] for side in sides))]
        ratio = statistics.median(ratios)
        self.table.add(
            f"store with {self.scale.ended_jobs:,} ended jobs ÷ a fresh one, CPU", spread(ratios, 2), "≤ 1.05", ratio <= 1.05
        )
        grown.unlink()


def median(rounds, member):
    return statistics.median(getattr(result, member) for result in rounds)
