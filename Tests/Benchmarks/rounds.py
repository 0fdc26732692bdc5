"""One round of a comparison: a queue is filled while nothing runs, one side is started alone, and its events are counted and read."""

import dataclasses
import json
import statistics
import time

import pika

import machine


@dataclasses.dataclass
class Round:
    """What one round measured. Rates are jobs a second, CPU is seconds a job, memory is megabytes."""

    rate: float
    # From the 10th to the 90th percent of the events: without the start and the end.
    middle: float
    cpu: float
    peak: float
    broker: float
    autotask: float
    # Cores that others used, and the probe before the round in milliseconds.
    foreign: float
    probe: float

    def __str__(self):
        return (
            f"{self.rate:6.0f} jobs/s (middle {self.middle:.0f}), {self.cpu * 1e6:4.0f} µs of CPU each, {self.peak:.0f} MB; "
            f"broker {self.broker * 1e6:.0f} µs, Autotask {self.autotask * 1e6:.0f} µs; foreign {self.foreign:.2f} cores, probe {self.probe:.0f} ms"
        )


def unchanged(event):
    return event["type"] == "autotask.sync.succeeded" and event["data"]["apiCalls"] == 1


def created(event):
    return event["type"] == "autotask.sync.succeeded" and event["data"]["counts"].get("created") == 4


class Results:
    """A monitor's queue, which keeps the results of a round until it is over. As a quorum queue it is durable, as a follower's should be."""

    def __init__(self, url, is_quorum, binding="#"):
        self.connection = pika.BlockingConnection(pika.URLParameters(url + "?heartbeat=0"))
        self.channel = self.connection.channel()
        arguments = {"x-queue-type": "quorum"} if is_quorum else {}
        self.queue = self.channel.queue_declare("autotask.monitor.round", durable=is_quorum, arguments=arguments).method.queue
        self.channel.queue_bind(self.queue, "autotask.results", binding)

    def count(self):
        return self.channel.queue_declare(self.queue, passive=True).method.message_count

    def watch(self, count, process):
        """Waits for this many events. Returns when which number of them had arrived, as (seconds, number)."""
        samples, deadline = [(0.0, 0)], time.monotonic() + 180
        while samples[-1][1] < count:
            if process.poll() is not None:
                raise SystemExit(f"the worker of the round ended with exit code {process.returncode}")
            if time.monotonic() > deadline:
                raise SystemExit(f"{samples[-1][1]} of {count} events arrived within 180 s")
            # Often at both ends, whose moments decide the rate, and seldom between them: each look costs CPU.
            time.sleep(0.02 if count * 0.02 < samples[-1][1] < count * 0.9 else 0.003)
            samples.append((time.monotonic(), self.count()))
        return samples

    def take(self, count, expected):
        """Reads the events. Any other event than an expected one ends the benchmark."""
        number = 0
        for _, _, body in self.channel.consume(self.queue, auto_ack=True, inactivity_timeout=10):
            if body is None:
                raise SystemExit(f"{number} of {count} events can be read")
            if not expected(event := json.loads(body)):
                raise SystemExit(f"not an expected result: {event}")
            number += 1
            if number == count:
                break
        self.channel.cancel()

    def close(self):
        self.channel.queue_delete(self.queue)
        self.connection.close()


def start_cpu(side):
    """CPU seconds of a start, which a round does not count."""
    side.start()
    seconds = machine.cpu(side.process.pid)
    side.stop()
    return seconds


def one_round(installation, side, jobs, autotask, probe, start=0.0, expected=unchanged, binding="#", is_quorum=True):
    """Runs the jobs on one side. `autotask` is the process that answers its calls, `start` the CPU of the side's start."""
    results = Results(installation.broker.url("monitor"), is_quorum, binding)
    installation.load.publish(jobs)
    milliseconds = probe.wait()
    broker = installation.broker_process
    foreign = machine.Foreign(broker, autotask.process.pid)
    side.start()
    worker = side.process.pid
    samples = results.watch(len(jobs), side.process)
    cores = foreign.cores(worker)
    seconds = machine.cpu(worker) - start
    peak = machine.memory(worker, "VmHWM")
    used = [machine.cpu(pid) - foreign.known[pid] for pid in (broker, autotask.process.pid)]
    side.stop()
    results.take(len(jobs), expected)
    results.close()
    return Round(
        rate=rate(samples, 0, len(jobs)),
        middle=rate(samples, len(jobs) // 10, len(jobs) * 9 // 10),
        cpu=seconds / len(jobs),
        peak=peak,
        broker=used[0] / len(jobs),
        autotask=used[1] / len(jobs),
        foreign=cores,
        probe=milliseconds,
    )


def rate(samples, first, last):
    """Events a second between two numbers of events. Between two samples, events arrive evenly."""

    def moment(number):
        (before, fewer), (after, more) = next(pair for pair in zip(samples, samples[1:]) if pair[1][1] > number or pair[1][1] == samples[-1][1])
        # Nothing is known before the first event that was seen.
        return after if fewer == 0 else before + (after - before) * (min(number, more) - fewer) / (more - fewer)

    return (last - first) / max(moment(last) - moment(first), 1e-3)


def alternate(sides, count, measure):
    """Lists of results by side, from rounds in alternating order; `measure` takes a side."""
    results = {side: [] for side in sides}
    for number in range(count):
        for side in sides if number % 2 == 0 else reversed(sides):
            results[side].append(measure(side))
    return results


def spread(values, digits=0, factor=1.0):
    """The median with its range, as text."""
    values = [value * factor for value in values]
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}..{max(values):,.{digits}f}]"
