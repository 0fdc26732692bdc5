"""Measurements during the run: memory and descriptors of the workers, and the time of recoveries."""

import dataclasses
import statistics
import threading
import time

WARM_UP_SECONDS = 60


@dataclasses.dataclass
class Sample:
    at: float  # Seconds since the run began.
    worker: str
    age: float  # Seconds since the process started.
    resident: int  # KiB
    descriptors: int


class Sampler:
    """Looks at every running worker each few seconds, from a thread of its own."""

    PERIOD = 5.0

    def __init__(self, world):
        self.world = world
        self.samples = []
        self.is_ending = threading.Event()
        self.thread = threading.Thread(target=self.run, name="sampler", daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.is_ending.set()
        self.thread.join(timeout=10)

    def run(self):
        while not self.is_ending.wait(self.PERIOD):
            for member in self.world.fleet.running:
                try:
                    age = time.monotonic() - member.started_at
                    self.samples.append(Sample(self.world.elapsed(), member.name, age, member.resident(), member.descriptors()))
                except (OSError, TypeError):
                    continue  # It ended just now.

    def summary(self):
        """By worker, least, median and most after the warm-up, and the medians of the first and last third."""
        table = {}
        for name in sorted({sample.worker for sample in self.samples}):
            warm = [sample for sample in self.samples if sample.worker == name and sample.age >= WARM_UP_SECONDS]
            warm = warm or [sample for sample in self.samples if sample.worker == name]
            third = max(1, len(warm) // 3)
            table[name] = {
                "samples": len(warm),
                **{
                    what: {
                        "min": min(values),
                        "median": round(statistics.median(values)),
                        "max": max(values),
                        "first third": round(statistics.median(values[:third])),
                        "last third": round(statistics.median(values[-third:])),
                    }
                    for what, values in (
                        ("resident KiB", [sample.resident for sample in warm]),
                        ("descriptors", [sample.descriptors for sample in warm]),
                    )
                },
            }
        return table


def recoveries(world):
    """By kind, how many there were and how many seconds they took: median and most."""
    taken = {}
    published_at = {job.key: job.first_attempt for job in world.load.jobs}

    def is_meant(event, mark):
        if "tenants" in mark and event["subject"] not in mark["tenants"]:
            return False
        if "jobs" in mark and (event["subject"], event.get("jobid")) not in mark["jobs"]:
            return False
        if "published_since" in mark and published_at.get((event["subject"], event.get("jobid")), 0) < mark["published_since"]:
            return False
        return event["terminal"] or not mark.get("terminal")

    for mark in world.marks:
        until = mark.get("until")
        if until is None:
            until = world.live.first_after(mark["at"], lambda event, mark=mark: is_meant(event, mark))
        if until is not None:
            taken.setdefault(mark["kind"], []).append(until - mark["at"])
    return {
        kind: {"count": len(seconds), "median s": round(statistics.median(seconds), 2), "max s": round(max(seconds), 2)}
        for kind, seconds in sorted(taken.items())
    }
