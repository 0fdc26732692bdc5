"""Faults: each begins, lasts a while, ends, and counts how often it had an effect.

A fault that met nothing (a kill of a worker that held no job, say) is not counted: "no violation" means something only where faults hit.
"""

import base64
import contextlib
import json
import os
import resource
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid

import clock
import portal as portals
from fleet import SHUTDOWN_SECONDS
from links import Mode
from load import Lane
from tenants import plan
from trap import Trap

HEARTBEAT_SECONDS = 5
LEASE_SECONDS = 15


class Fault:
    """One kind of fault. `begin` and `end` are called in turn, with `seconds` between them."""

    name = ""
    shortest, longest = 2, 6
    family = ""  # Faults of one family never come together,
    alone = False  # and some come with no other at all.

    def __init__(self, world):
        self.world = world
        self.random = world.random
        self.times = 0
        self.effective = 0
        self.skipped = self.reason_to_skip()

    def reason_to_skip(self):
        """Why this fault cannot occur here, if so."""
        return None

    def choose(self):
        """Makes the random choices before `begin`, so that a seed decides the same in every run."""
        self.seconds = self.random.uniform(self.shortest, self.longest)
        self.member = self.random.choice(self.world.fleet.members)
        self.dice = self.random.random()

    def begin(self):
        raise NotImplementedError

    def end(self):
        pass

    def hit(self, count=1):
        if count:
            self.effective += 1

    def mark(self, kind, **details):
        """Notes a moment from which a recovery is measured."""
        self.world.marks.append({"kind": kind, "at": time.monotonic(), **details})


# Workers


class WorkerKilled(Fault):
    """kill -9, of one worker or of all at once. Counts when one of them was holding jobs."""

    family = "worker"
    name = "worker-killed"
    shortest, longest = 3, 6

    def begin(self):
        members = list(self.world.fleet.members) if self.dice < 0.2 else [self.member]
        # A worker that holds jobs is waited for: there is one every few moments.
        if len(members) == 1:
            members = [self.world.wait_until(self.busy_member, 10) or self.member]
        held = []
        for member in members:
            held += self.world.kill(member)
        if held:
            self.mark("worker kill -9 → next event of a tenant it worked on", tenants={tenant for tenant, _, _ in held})
        self.hit(held)

    def busy_member(self):
        busy = [member for member in self.world.fleet.running if self.world.store.held_by(member.pid)]
        return self.member if self.member in busy else next(iter(busy), None)


class Stopped(Fault):
    """Autotask reads slowly just before: so the worker sleeps in many a sync that has read, and has yet to write."""

    family = "worker"

    def begin(self):
        latency = {"kind": "latency", "milliseconds": 1500, "operation": "query", "entity": "Services"}
        number = self.world.simulator.request("POST", "faults", latency)["id"]
        self.world.wait(1.5)
        self.fenced_before = self.fenced()
        self.busy = self.member.pid is not None and self.world.wait_until(self.held, 8)
        self.member.suspend()
        self.world.simulator.request("DELETE", f"faults/{number}")

    def held(self):
        return self.world.store.held_by(self.member.pid) if self.member.pid else None

    def fenced(self):
        return self.world.logged(b"taken for dead", self.member)

    def end(self):
        self.member.resume()


class WorkerStoppedBriefly(Stopped):
    """SIGSTOP and SIGCONT within the heartbeats and the lease: no worker takes over. Counts when it held jobs."""

    name = "worker-stopped-briefly"
    shortest, longest = 3, 8

    def begin(self):
        super().begin()
        self.hit(self.busy)


class WorkerStoppedLong(Stopped):
    """SIGSTOP beyond three heartbeats and the lease: others take over the job queue and the lanes. Counts when it was fenced on waking."""

    name = "worker-stopped-long"
    shortest = longest = LEASE_SECONDS + 7

    def begin(self):
        super().begin()
        if self.busy:
            self.mark("worker stopped → first event of a job it worked on", jobs={(tenant, job) for tenant, _, job in self.busy})
            # While it consumes the job queue, no worker accepts jobs.
            self.mark("worker stopped → first event of a job published since", published_since=time.time())

    def end(self):
        super().end()
        if self.busy:
            self.hit(self.world.wait_until(lambda: self.fenced() > self.fenced_before, 20))


class WorkerTerminated(Fault):
    """SIGTERM during a batch: the worker must end with 0 within its time. Counts when it was holding jobs."""

    family = "worker"
    alone = True
    name = "worker-terminated"
    shortest, longest = 1, 3

    def begin(self):
        member = self.world.wait_until(lambda: WorkerKilled.busy_member(self), 10) or self.member
        pid = member.pid
        if pid is None:
            return
        held = self.world.store.held_by(pid)
        status, seconds = member.terminate()
        if status != 0 or seconds > SHUTDOWN_SECONDS + 2:
            self.world.violation(f"{member.name} ended with {status} after {seconds:.1f} s on SIGTERM: {member.last_line()}")
        self.hit(held)


class WorkerTerminatedTwice(Fault):
    """A second SIGTERM during the shutdown: the worker ends at once, and another takes over its lanes. Counts when it held jobs."""

    family = "worker"
    alone = True
    name = "worker-terminated-twice"
    shortest, longest = 1, 3

    def begin(self):
        member = self.world.wait_until(lambda: WorkerKilled.busy_member(self), 10) or self.member
        with member.lock:
            pid = member.pid
            if pid is None:
                return
            held = self.world.store.held_by(pid)
            begun = len(member.log_since_start())
            member.process.send_signal(signal.SIGTERM)
            while "Shutting down" not in member.log_since_start()[begun:] and member.process.poll() is None:
                time.sleep(0.005)
            if member.process.poll() is None:
                held = self.world.store.held_by(pid) or held
                member.process.send_signal(signal.SIGTERM)
            status = None
            try:
                status = member.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.world.violation(f"{member.name} did not end within 5 s of a second SIGTERM: {member.last_line()}")
                member.process.kill()
                member.process.wait()
            member.process = None
            if status not in (0, 128 + signal.SIGTERM, None):
                self.world.violation(f"{member.name} ended with {status} on a second SIGTERM: {member.last_line()}")
        self.world.kills.append((time.time(), member.name, held))
        self.hit(held)


class DescriptorsExhausted(Fault):
    """A running worker gets no further file descriptor. Counts when there was something to do meanwhile.

    libdispatch reads the state of its threads from /proc once a second while tasks wait for one, and ends the process (SIGILL) when it cannot open
    that: this counts as a worker that was killed.
    """

    family = "worker"
    name = "descriptors-exhausted"
    shortest, longest = 4, 10

    def begin(self):
        self.pid = self.member.pid
        if self.pid is None:
            return
        self.before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        self.held = self.world.store.held_by(self.pid)
        # Its connections to Autotask are closed, so that it needs new ones.
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (max(8, self.member.descriptors() - 6), self.before[1]))
        self.world.autotask.cut()
        self.open_before = len(self.world.load.open_jobs())

    def end(self):
        if self.pid is None:
            return
        try:
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, self.before)
        except ProcessLookupError:
            end = next((end for end in reversed(self.world.fleet.exits) if end.worker == self.member.name), None)
            if end is None or end.status != -signal.SIGILL:
                self.world.violation(f"{self.member.name} ended for want of descriptors: {end}")
            self.world.kills.append((end.at if end else time.time(), self.member.name, self.held))
        self.hit(self.open_before or self.world.load.open_jobs())


class ClockStepped(Fault):
    """One worker's clock is set while it runs and across restarts; the machine's clock never is. Counts when the worker used it."""

    family = "worker"
    name = "clock-stepped"
    shortest, longest = 6, 12

    def reason_to_skip(self):
        return None if clock.IS_THERE else "faketime is not installed"

    def begin(self):
        self.member = next(member for member in self.world.fleet.members if member.clock is not None)
        self.begun_at = time.time()
        self.member.clock.set(self.step)
        self.hit(self.member.pid)
        if self.dice < 0.7:
            self.world.kill(self.member)

    def choose(self):
        super().choose()
        self.step = self.random.choice((-90, -20, 20, 90))

    def end(self):
        self.member.clock.set(0)
        self.world.clock_settings.append((self.begun_at, time.time()))
        # The store holds a clock that was ahead to what it said: with the right one it may be refused until that time has come.
        self.world.kill(self.member)


# The broker


class BrokerRestarted(Fault):
    """Stopped as an operator stops it, and started again. Counts when jobs were under way."""

    family = "broker"
    alone = True
    name = "broker-restarted"
    shortest = longest = 1
    verbs = ("stop", "start")

    def begin(self):
        self.hit(self.world.load.open_jobs() or self.world.load.published)
        self.world.broker.command(self.verbs[0])

    def end(self):
        self.world.broker.command(self.verbs[1])
        self.mark("broker start → first event")


class BrokerKilled(BrokerRestarted):
    """kill -9 of the broker: it goes on with what was on disk. Counts when jobs were under way."""

    name = "broker-killed"
    verbs = ("kill", "start")


class Alarm(Fault):
    """The broker accepts nothing from publishers (`connection.blocked`). Counts when it notified a worker.

    The portal is blocked as well, so Autotask is made slow first: jobs that were taken in then end under the alarm.
    """

    family = "broker"
    kind = ""
    shortest, longest = 6, 20

    def begin(self):
        self.before = self.logged()
        latency = {"kind": "latency", "milliseconds": 1500}
        self.latency = self.world.simulator.request("POST", "faults", latency)["id"]
        self.world.wait(2)
        self.world.broker.command("alarm", self.kind)

    def logged(self):
        return self.world.logged(b"accepts no messages for now")

    def end(self):
        self.hit(self.logged() - self.before)
        self.world.simulator.request("DELETE", f"faults/{self.latency}")
        self.world.broker.command("alarm", "off")


class MemoryAlarm(Alarm):
    name = "memory-alarm"
    kind = "memory"


class DiskAlarm(Alarm):
    name = "disk-alarm"
    kind = "disk"


class ChannelClosed(Fault):
    """The broker closes the channel over some events, among others under way. Counts when a worker noticed.

    Meanwhile other tenants' events have to leave: what is held back is the culprit's lane alone.
    """

    family = "broker"
    alone = True
    shortest, longest = 8, 14
    # An event that is not refused leaves in less.
    PATIENCE_SECONDS = 5

    def begin(self):
        self.before = self.noticed()
        lanes = self.world.load.lanes
        self.lane = lanes[int(self.dice * len(lanes))]
        self.limit_publishing()
        self.provoke()

    def provoke(self):
        """Makes the broker meet an event over which it closes the channel."""

    def noticed(self):
        return self.world.logged(b"closed the channel") + self.world.logged(b"closes the channel over")

    def end(self):
        world = self.world
        waiting = self.innocents()
        world.wait(self.PATIENCE_SECONDS)
        stuck = waiting & self.innocents()
        if stuck:
            world.violation(f"the broker closes the channel over some events, and {len(stuck)} of other tenants wait: {sorted(stuck)[:5]}")
        hits = self.noticed() - self.before
        self.allow_publishing()
        self.hit(hits or stuck)

    def innocents(self):
        """What waits to be published of tenants that have no event over which the broker closes the channel."""
        rows = self.world.store.rows("SELECT tenant, event_id, LENGTH(data) FROM outbox WHERE awaits_erasure = 0")
        guilty = {tenant for tenant, _, size in rows if self.is_guilty(tenant, size)}
        return {f"{event_id} of {tenant}" for tenant, event_id, _ in rows if tenant not in guilty}


class TopicForbidden(ChannelClosed):
    """The worker's user may not publish one tenant's events."""

    name = "topic-forbidden"

    def limit_publishing(self):
        rule = {"exchange": "autotask.results", "write": f"^(?!.*\\.{self.lane.tenant}$).*$", "read": ".*"}
        self.world.broker.manage("PUT", "topic-permissions/%2F/worker", rule)

    def allow_publishing(self):
        self.world.broker.manage("PUT", "topic-permissions/%2F/worker", {"exchange": "autotask.results", "write": ".*", "read": ".*"})

    def provoke(self):
        # Held, so that the job's place among those of its lane is that of its publication.
        if self.world.load.hold():
            job_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
            self.world.load.submit(self.lane.job("billing-codes", {}, job_id=job_id))
        self.world.load.go_on()

    def is_guilty(self, tenant, size):
        return tenant == self.lane.tenant


class EventOverLimit(ChannelClosed):
    """The broker's max_message_size is below some events. It holds for channels that are opened from then on, so connections are cut."""

    name = "event-over-limit"

    def limit_publishing(self):
        self.world.broker.command("limit", "1500")
        for member in self.world.fleet.members:
            member.link.cut()

    def allow_publishing(self):
        self.world.broker.command("limit", str(4 << 20))
        for member in self.world.fleet.members:
            member.link.cut()

    def is_guilty(self, tenant, size):
        # The rest of the envelope has some hundred bytes.
        return size > 800


class DeliveryLimited(Fault):
    """A policy gives the job queue the delivery limit that RabbitMQ 4 has by default, while workers are killed. Counts when one held jobs."""

    family = "broker"
    alone = True
    name = "delivery-limit"
    shortest = longest = 1

    def begin(self):
        definition = {"pattern": "^autotask\\.jobs$", "definition": {"delivery-limit": 20}, "priority": 9, "apply-to": "queues"}
        self.world.broker.manage("PUT", "policies/%2F/chaos", definition)
        self.held = 0
        for _ in range(4):
            member = self.world.wait_until(lambda: next(iter(self.world.fleet.running), None), 10)
            if member:
                self.held += len(self.world.kill(member))
            self.world.wait(1)

    def end(self):
        self.world.broker.manage("DELETE", "policies/%2F/chaos")
        dead = self.world.as_operator(lambda channel: channel.queue_declare("autotask.dead", passive=True)).method.message_count
        if dead:
            self.world.violation(f"the broker gave up on {dead} jobs at a delivery limit of 20")
        self.hit(self.held)


class QueueDeleted(Fault):
    """The job queue is deleted under its consumer, while it is empty, and applied again some seconds later.

    What is published meanwhile cannot be routed, is not confirmed, and is published again. Counts when the consumer was cancelled.
    """

    family = "broker"
    alone = True
    name = "queue-deleted"
    shortest, longest = 4, 9

    def begin(self):
        self.deleted = False
        self.cancelled_before = self.cancelled()
        try:
            if not self.world.load.hold() or not self.world.wait_until(self.is_empty, 45):
                return
            self.world.as_operator(lambda channel: channel.queue_delete("autotask.jobs"))
            self.deleted = True
        finally:
            self.world.load.go_on()

    def is_empty(self):
        """By the broker's own statistics, which are some seconds old: they have to say so twice."""
        for _ in range(2):
            address = self.world.broker.environment["TEST_MANAGEMENT_URL"] + "/api/queues/%2F/autotask.jobs?columns=messages"
            if b'"messages":0' not in get(address).replace(b" ", b""):
                return False
            self.world.wait(6)
        return True

    def cancelled(self):
        return self.world.logged(b"cancelled the consumer")

    def end(self):
        if not self.deleted:
            return
        self.world.cli("topology", "apply", AMQP_URL=self.world.broker.url("operator"))
        applied = time.monotonic()
        self.mark("deleted queue applied again → first event")
        self.hit(self.cancelled() - self.cancelled_before)
        mended = self.world.wait_until(self.is_consumed, 10)
        if not mended:
            self.world.violation(f"no worker consumes {time.monotonic() - applied:.0f} s after the queue was applied again")
        self.world.marks.append({"kind": "deleted queue applied again → consumed", "at": applied, "until": time.monotonic()})

    def is_consumed(self):
        return self.world.as_operator(lambda channel: channel.queue_declare("autotask.jobs", passive=True)).method.consumer_count > 0


class ConsumerCancelled(QueueDeleted):
    """The consumer is cancelled by the broker, which goes on at once: the queue is deleted and declared again in one moment."""

    name = "consumer-cancelled"
    shortest = longest = 0


# The connection to the broker


class BrokerLink(Fault):
    """Of one worker's connections to the broker."""


    family = "broker"
    @property
    def link(self):
        return self.member.link


class BrokerCut(BrokerLink):
    """The connections are reset. Counts when there were any."""

    name = "broker-cut"
    shortest, longest = 0.5, 4

    def begin(self):
        self.hit(self.link.cut())
        if self.dice < 0.5:
            self.link.set(Mode.DOWN)

    def end(self):
        self.link.set(Mode.PASS)


class BrokerHalfOpen(BrokerLink):
    """Existing connections go silent, and new ones may connect. Counts when a new connection came: the silence was noticed."""

    alone = True
    name = "broker-half-open"
    shortest = longest = 4 * HEARTBEAT_SECONDS

    def begin(self):
        self.count = self.link.silence_present()
        self.begun = time.monotonic()
        self.mark("half-open link → first event of anybody")

    def end(self):
        again = next((at for at in self.link.accepted_at if at > self.begun), None)
        if self.count and self.member.pid is not None:
            if again is None:
                self.world.violation(f"{self.member.name} did not notice within {self.seconds:.0f} s that its broker was silent")
            else:
                self.world.marks.append({"kind": "half-open link → reconnected", "at": self.begun, "until": again})
        self.hit(self.count and again)
        self.link.forget_silent()


class BrokerSilent(BrokerLink):
    """The broker is silent, for new connections too. Counts when there were any."""

    name = "broker-silent"
    shortest, longest = 12, 25

    def begin(self):
        self.hit(len(self.link.connections))
        self.link.set(Mode.SILENT)

    def end(self):
        self.link.set(Mode.PASS)
        self.mark("silent broker answers again → first event")


class BrokerSlow(BrokerLink):
    """Every piece waits, and few bytes pass. Counts when there were connections."""

    name = "broker-slow"
    shortest, longest = 8, 15

    def begin(self):
        self.hit(len(self.link.connections))
        self.link.set(Mode.SLOW, delay=0.2, bytes_per_second=20_000)

    def end(self):
        self.link.set(Mode.PASS)


# Autotask and the connection to it


class AutotaskLink(Fault):
    """Counts when calls were made, or tried, meanwhile."""

    family = "autotask link"
    mode = Mode.PASS
    properties = {}

    def begin(self):
        self.before = self.count()
        self.world.autotask.cut()
        self.world.autotask.set(self.mode, **self.properties)

    def count(self):
        link = self.world.autotask
        return len(link.accepted_at) + self.world.calls.calls

    def end(self):
        self.hit(self.count() - self.before)
        self.world.autotask.set(Mode.PASS)


class AutotaskDown(AutotaskLink):
    """No connection, for longer than jobs wait at first. Minutes, scaled. Counts when jobs waited."""

    name = "autotask-down"
    mode = Mode.DOWN
    shortest, longest = 15, 35

    def end(self):
        self.hit(self.world.load.open_jobs())
        self.world.autotask.set(Mode.PASS)
        self.mark("Autotask back → first ending", terminal=True)


class AutotaskSilent(AutotaskLink):
    """Connections are taken and nothing is answered. Counts when calls were made."""

    name = "autotask-silent"
    mode = Mode.SILENT
    shortest, longest = 6, 18


class AutotaskSlow(AutotaskLink):
    """Answers trickle. Counts when calls were made."""

    name = "autotask-slow"
    mode = Mode.SLOW
    properties = {"delay": 0.4, "bytes_per_second": 4_000}
    shortest, longest = 8, 15


class AutotaskCut(Fault):
    """All connections are reset, some times in a row. Counts when one of them carried a call."""

    family = "autotask link"
    name = "autotask-cut"
    shortest, longest = 1, 2

    def begin(self):
        carried = 0
        for _ in range(5):
            carried += sum(self.world.calls.in_progress.values())
            self.world.autotask.cut()
            self.world.wait(0.3)
        self.hit(carried)


class AnswersLost(AutotaskLink):
    """Requests get through, and many answers do not. Counts when one was lost."""

    name = "answers-lost"
    mode = Mode.LOSSY
    properties = {"loss": 0.3}
    shortest, longest = 5, 10

    def count(self):
        return self.world.autotask.lost_answers


class SimulatedFault(Fault):
    """A fault of the simulated Autotask. Counts when a call met it."""

    family = "autotask"
    kind = ""

    def members(self):
        return {}

    def begin(self):
        self.number = self.world.simulator.request("POST", "faults", {"kind": self.kind, **self.members()})["id"]

    def end(self):
        faults = self.world.simulator.request("GET", "faults")["faults"]
        self.hit(next(fault["hits"] for fault in faults if fault["id"] == self.number))
        self.world.simulator.request("DELETE", f"faults/{self.number}")


class CommitsLate(SimulatedFault):
    """The connection breaks, and Autotask creates the service some seconds later: within the settle time."""

    name = "commits-late"
    kind = "lateCommit"
    shortest, longest = 5, 10

    def members(self):
        return {"operation": "create", "milliseconds": 4000, "upToMilliseconds": 9000}


class UpdatesLate(CommitsLate):
    """The connection breaks, and Autotask makes the update some seconds later: within the settle time."""

    name = "updates-late"

    def members(self):
        return {**super().members(), "operation": "patch"}


class Throttled(SimulatedFault):
    """429, with a time to wait."""

    name = "throttled"
    kind = "throttled"
    shortest, longest = 5, 12

    def members(self):
        return {"retryAfterSeconds": self.random.choice((1, 3))}


class ServerErrors(SimulatedFault):
    """500 and a page of IIS."""

    name = "server-errors"
    kind = "serverError"
    shortest, longest = 4, 10


class QuotaExceeded(Fault):
    """Some databases have used up their hour's requests. Counts when a call was refused for it."""

    family = "autotask"
    name = "quota-exceeded"
    shortest, longest = 10, 15

    def begin(self):
        databases = list(self.world.load.databases.values())
        self.databases = self.random.sample(databases, max(1, len(databases) // 3))
        self.last = {database.number: database.last_call() for database in self.databases}
        for database in self.databases:
            database.change(quotaUsed=10_000_000)

    def end(self):
        self.hit(any(call["status"] == 429 for database in self.databases for call in database.calls(self.last[database.number])))
        for database in self.databases:
            database.change(quotaUsed=0)


class ZoneMoved(Fault):
    """Autotask moves databases to another zone. Counts when a call through the old one was refused."""

    family = "autotask"
    name = "zone-moved"
    shortest, longest = 8, 12
    zones = ("AE02", "AE03", "AU05")

    def begin(self):
        databases = list(self.world.load.databases.values())
        self.databases = self.random.sample(databases, max(1, len(databases) // 2))
        self.last = {database.number: database.last_call() for database in self.databases}
        self.to = {}
        for database in self.databases:
            at = self.world.zone_of(database)
            self.to[database.number] = self.random.choice([zone for zone in self.zones if zone != at])
            self.world.move(database, self.to[database.number])

    def end(self):
        self.hit(
            any(
                call["zone"] not in (None, self.to[database.number])
                for database in self.databases
                for call in database.calls(self.last[database.number])
            )
        )


# The disk under the store


class DiskFault(Fault):
    family = "disk"
    alone = True

    def reason_to_skip(self):
        return None if self.world.disk.is_own else f"the store has no disk of its own: {self.world.disk.reason}"


class StoreFull(DiskFault):
    """The store's disk is full, and from time to time all workers die of it. Counts when a worker logged that the store refuses."""

    name = "store-full"
    shortest, longest = 5, 12
    complaints = (b"store cannot take jobs in", b"Lanes cannot be claimed", b"store refuses an outcome", b"lease cannot be renewed")

    def begin(self):
        self.before = self.logged()
        self.world.disk.fill()
        if self.dice < 0.3:
            self.world.kill(self.member)

    def logged(self):
        return sum(self.world.logged(complaint) for complaint in self.complaints)

    def end(self):
        self.hit(self.logged() - self.before)
        if self.dice > 0.5:
            # What they took from the broker and could not store must not be lost with them.
            for member in self.world.fleet.members:
                self.world.kill(member)
        self.world.disk.make_room()
        self.mark("room on the disk again → first event")


class StoreReadOnly(StoreFull):
    """The disk fails and is read-only under the workers, until an operator stops them, repairs it and starts them.

    Counts when a worker said that the store refuses.
    """

    name = "store-read-only"
    shortest, longest = 4, 8

    def begin(self):
        self.before = self.logged()
        # Not during a commit: see README.md, "What to know".
        with self.world.fleet.standing_still():
            self.world.disk.fail()

    def end(self):
        self.hit(self.logged() - self.before)
        # They cannot finish their jobs in a store that cannot be written: others take those up, as after a sudden end.
        for member in self.world.fleet.running:
            self.world.kills.append((time.time(), member.name, self.world.store.held_by(member.pid)))
        for name, (status, seconds) in self.world.fleet.terminate().items():
            if status is None:
                self.world.violation(f"{name} did not end within {seconds:.0f} s of SIGTERM, on a disk that is read-only")
        self.world.disk.repair()
        self.world.fleet.go_on()
        self.mark("disk repaired → first event")


# Poison


class PoisonJob(Fault):
    """A job that kills every worker that makes its calls: it must be abandoned, alone, after at most five interruptions."""

    alone = True
    name = "poison-job"
    shortest = longest = 0
    limit = 5

    def reason_to_skip(self):
        return None if os.geteuid() == 0 else "needs root: only root sees which connection belongs to which worker"

    def choose(self):
        super().choose()
        self.number = 900_000 + self.times

    def begin(self):
        world = self.world
        identity = (f"poison-{self.number}", "workplace", self.number, f"poison-{self.number}@msp.example", world.load.new_secret())
        (lane,) = world.load.make_database(self.number, [[identity]])
        world.load.lanes.remove(lane)
        world.calls.database_of[lane.user.lower()] = lane.database.number
        self.deaths = 0
        self.user = lane.user.lower()
        job = lane.connect(world.load.key)
        world.calls.on_call = self.on_call
        try:
            world.load.submit(job)
            ended = world.wait_until(lambda: world.live.has_ended(*job.key), 150)
        finally:
            world.calls.on_call = None
        world.poisoned.append({"tenant": lane.tenant, "job": job.id, "deaths": self.deaths})
        if not ended:
            return world.violation(f"poison job {job.id} of {lane.tenant} has not ended after {self.deaths} deaths")
        (ending,) = list(world.live.endings_of[job.key].values())[:1]
        if ending["type"] != "autotask.job.abandoned" or self.deaths > self.limit:
            world.violation(f"poison job {job.id} of {lane.tenant} ended as {ending['type']} after {self.deaths} deaths")
        self.hit(self.deaths)

    def on_call(self, user, port):
        """On the network's thread: whether the call may pass."""
        if user != self.user:
            return True
        member = self.world.fleet.owner_of_port(port)
        if member is not None:
            self.deaths += 1
            self.world.kill(member)
        return False


class PoisonMessage(Fault):
    """A message that kills every worker that reads it: the fifth time it is recorded unread. Counts when workers died of it.

    Jobs come in beside it all the while: none may go with it. See trap.py for how a worker is caught in the midst of reading it.
    """

    alone = True
    name = "poison-message"
    shortest = longest = 0
    limit = 5

    def begin(self):
        world = self.world
        body = f"poison {self.random.getrandbits(64):016x}".encode()
        caught = self.caught()
        deaths = 0
        trap = Trap(world.store.path, body)
        trap.set()
        try:
            portal = portals.Portal(world.broker.url("portal"))
            portal.publish_raw(body, "sync.poison")
            portal.close()
            while deaths <= self.limit and (member := world.wait_until(lambda: self.next_catch(caught, trap), 60)) not in (FOUND, False):
                world.kill(member)
                deaths += 1
        finally:
            trap.remove()
        letters = world.store.dead_letters_of(trap.sha256)
        if deaths > self.limit or [letter[0] for letter in letters] != ["poison"]:
            world.violation(f"a poison message killed {deaths} workers and is recorded as {letters}")
        self.hit(deaths)

    def caught(self):
        return {member.name: self.world.logged(b"store cannot take jobs in", member) for member in self.world.fleet.members}

    def next_catch(self, before, trap):
        """The next worker that is stuck with the message, or that it was found out."""
        if self.world.store.dead_letters_of(trap.sha256):
            return FOUND
        for member in self.world.fleet.running:
            count = self.world.logged(b"store cannot take jobs in", member)
            if count > before[member.name]:
                # Whatever it says until it is dead belongs to this catch.
                member.suspend()
                before[member.name] = self.world.logged(b"store cannot take jobs in", member)
                return member
        return None


FOUND = "found"


# Backup


class BackupRestored(Fault):
    """A backup is taken under load; some time later all workers are stopped and it is restored.

    The portal stands still from before the restore, once every job has ended, until after it. Jobs that the backup holds as unfinished
    end once more, under a new epoch, and jobs that it does not know are forgotten: the checks treat what comes after as a new era.
    Then everybody connects again, since passwords may have changed meanwhile. Counts when it was restored.
    """

    alone = True
    name = "backup-restored"
    shortest, longest = 8, 12

    def reason_to_skip(self):
        return None if self.world.has_command("store", "restore") else "this autotask-worker has no `store restore`"

    def begin(self):
        self.file = self.world.directory / f"backup-{self.times}.sqlite"
        self.world.cli("store", "backup", str(self.file))

    def end(self):
        world = self.world
        if not world.load.hold() or not world.wait_until(lambda: not world.load.open_jobs(), 180):
            world.load.go_on()
            return
        world.fleet.terminate()
        world.cli("store", "restore", str(self.file), "--yes")
        world.restores.append(time.time())
        # As the command advises: else some restores fill the store's disk.
        for replaced in world.disk.path.glob("*.replaced-*"):
            replaced.unlink()
        world.load.forget_past()
        world.fleet.go_on()
        world.load.go_on()
        self.hit()


# Others at the store


class StoreReadLong(Fault):
    """A program reads the store for long. Only events of resets wait for it, and no lease does.

    Counts when such an event waited.
    """

    family = "store"
    name = "store-read-long"
    shortest, longest = 8, 20
    READER = (
        "import sqlite3, sys; store = sqlite3.connect(sys.argv[1], isolation_level=None); store.execute('BEGIN');"
        " store.execute('SELECT COUNT(*) FROM lanes').fetchone(); sys.stdin.read()"
    )

    def begin(self):
        self.reader = subprocess.Popen([sys.executable, "-c", self.READER, str(self.world.store.path)], stdin=subprocess.PIPE)

    def end(self):
        waiting = self.world.store.rows("SELECT COUNT(*) FROM outbox WHERE awaits_erasure <> 0")[0][0]
        self.reader.communicate()
        if waiting and not self.world.wait_until(
            lambda: not self.world.store.rows("SELECT 1 FROM outbox WHERE awaits_erasure <> 0 AND time < ?", int(time.time() * 1000) - 10_000),
            30,
        ):
            self.world.violation("The event of a reset still waits for an erasure 30 s after the last reader ended.")
        self.hit(waiting)


class StoreWorkedOn(Fault):
    """A backup, a verified audit log and a thorough doctor, one after the other, beside the workers.

    Counts when all of them ended well.
    """

    alone = True
    family = "store"
    name = "store-worked-on"
    shortest, longest = 1, 2

    def begin(self):
        dead = self.world.logged(b"was taken for dead")
        copy = self.world.directory / f"worked-on-{self.times}-{time.monotonic_ns()}.sqlite"
        self.world.cli("store", "backup", str(copy))
        self.world.cli("audit", "verify")
        self.world.cli("audit", "verify", STORE_URL=f"sqlite:{copy}")
        report = json.loads(self.world.cli("doctor", "--thorough", "--json", expect=(0, 1)))["checks"]
        wrong = {name: report[name] for name in ("integrity", "audit") if report[name][0]["status"] != "pass"}
        if wrong:
            self.world.violation(f"doctor --thorough beside workers says: {wrong}")
        copy.unlink()
        if self.world.logged(b"was taken for dead") > dead:
            self.world.violation("A worker lost its lease to a reader of the store.")
        self.hit()


class RestoreRefused(Fault):
    """A restore while workers run is refused, with any leases in the store.

    Counts when the store said that they were over.
    """

    alone = True
    family = "store"
    name = "restore-refused"
    shortest, longest = 1, 2

    def begin(self):
        copy = self.world.directory / f"refused-{time.monotonic_ns()}.sqlite"
        self.world.cli("store", "backup", str(copy))
        inode = os.stat(self.world.store.path).st_ino
        running = self.world.fleet.running
        for member in running:
            member.suspend()
        try:
            with contextlib.closing(sqlite3.connect(self.world.store.path, timeout=10)) as store, store:
                leases = store.execute("SELECT id, lease_until, process FROM workers").fetchall()
                store.execute("UPDATE workers SET lease_until = 0, process = NULL")
            self.world.cli("store", "restore", str(copy), *self.world.consent("store", "restore"), expect=69)
            self.hit(running)
            with contextlib.closing(sqlite3.connect(self.world.store.path, timeout=10)) as store, store:
                for worker, lease, process in leases:
                    store.execute("UPDATE workers SET lease_until = ?, process = ? WHERE id = ?", (lease, process, worker))
        except sqlite3.OperationalError:
            # One of them was stopped in the midst of a transaction.
            pass
        finally:
            for member in running:
                member.resume()
        if os.stat(self.world.store.path).st_ino != inode:
            self.world.violation("A store was replaced under running workers.")
        copy.unlink()


class LaneCrowded(Fault):
    """Thousands of jobs of one tenant wait in its lane. Those of other tenants end as soon as ever.

    Counts when some of the crowd still waited at the end.
    """

    alone = True
    family = "load"
    name = "lane-crowded"
    shortest, longest = 10, 14
    CROWD = 12_000
    # For the median of the others' jobs, from the broker's confirm to the receipt of the ending. Less than 1 s, with 2 cores that are busy.
    LIMIT_SECONDS = 2

    def begin(self):
        load = self.world.load
        # Never connected: each job ends without a call, after a claim of its own. Each has a plan of its own, so that none supersedes another;
        # the next crowd's supersede what still waits.
        self.lane = Lane("crowd", "workplace", 0, None, "", "", f"{self.world.seed}/{self.times}")
        portal = portals.Portal(self.world.broker.url("portal"))
        for number in range(self.CROWD):
            job = self.lane.job("sync", {**plan(1), "planId": f"plan-{number}"})
            portal.publish(job.envelope)
            job.first_attempt = job.confirmed_at = time.time()
            job.confirms = 1
            load.jobs.append(job)
        portal.close()
        last = self.lane.jobs[-1].id
        self.world.wait_until(lambda: self.world.store.rows("SELECT 1 FROM jobs WHERE tenant = 'crowd' AND job_id = ?", last), 60)
        self.began = time.time()

    def end(self):
        live, now = self.world.live, time.time()
        crowd = [job for job in self.lane.jobs if not live.has_ended(*job.key)]
        taken = []
        for job in list(self.world.load.jobs):
            # What was confirmed a moment ago says nothing yet.
            if job.lane is not self.lane and self.began < job.confirmed_at < now - self.LIMIT_SECONDS:
                endings = list(live.endings_of.get(job.key, ()))
                taken.append(min((live.received_at[event_id] for event_id in endings), default=now) - job.confirmed_at)
        if crowd and taken and (median := statistics.median(taken)) > self.LIMIT_SECONDS:
            self.world.violation(
                f"a crowded lane keeps other tenants waiting: {median:.1f} s is the median of {len(taken)} jobs, {len(crowd)} of the crowd wait"
            )
        self.hit(len(crowd))


class KeysRetired(Fault):
    """Keys are rotated and the former ones retired at once, while jobs that they seal wait and run; once with a store that is not the fleet's.

    Whatever is sealed under a key that went would never end: the checks at the end find it. Counts when a key was retired.
    """

    name = "keys-retired"
    family = "keys"
    shortest, longest = 2, 5

    def reason_to_skip(self):
        return None if self.world.has_command("keys", "retire") else "this autotask-worker has no `keys retire`"

    def retire(self, expect=(0, 69), **settings):
        """Returns: how many keys went. A store that cannot be written now is a reason for none."""
        text = self.world.cli("keys", "retire", "--unused", "--yes", "--json", expect=expect, **settings)
        return len(json.loads(text)["retired"]) if text.startswith("{") else 0

    def begin(self):
        self.world.cli("keys", "rotate", "--use", "credentials", "--use", "jobs", expect=(0, 69))
        # An unmounted volume: nothing may be taken for unused.
        assert self.retire(expect=69, STORE_URL=f"sqlite:{self.world.directory}/unmounted/worker.sqlite") == 0
        self.retired = self.retire()

    def end(self):
        # What the first look found in use may be free by now.
        self.world.cli("keys", "rotate", "--resume", expect=(0, 69))
        self.hit(self.retired + self.retire())


def get(address):
    parts = urllib.parse.urlsplit(address)
    request = urllib.request.Request(f"{parts.scheme}://{parts.hostname}:{parts.port}{parts.path}?{parts.query}")
    request.add_header("Authorization", "Basic " + base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode())
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


KINDS = {
    kind.name: kind
    for kind in (
        WorkerKilled,
        WorkerStoppedBriefly,
        WorkerStoppedLong,
        WorkerTerminated,
        WorkerTerminatedTwice,
        DescriptorsExhausted,
        ClockStepped,
        BrokerRestarted,
        BrokerKilled,
        MemoryAlarm,
        DiskAlarm,
        TopicForbidden,
        EventOverLimit,
        DeliveryLimited,
        QueueDeleted,
        ConsumerCancelled,
        BrokerCut,
        BrokerHalfOpen,
        BrokerSilent,
        BrokerSlow,
        AutotaskDown,
        AutotaskSilent,
        AutotaskSlow,
        AutotaskCut,
        AnswersLost,
        CommitsLate,
        UpdatesLate,
        Throttled,
        ServerErrors,
        QuotaExceeded,
        ZoneMoved,
        StoreFull,
        StoreReadOnly,
        PoisonJob,
        PoisonMessage,
        BackupRestored,
        StoreReadLong,
        StoreWorkedOn,
        RestoreRefused,
        LaneCrowded,
        KeysRetired,
    )
}
