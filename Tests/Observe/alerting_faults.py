"""The faults that operators meet, each with the alerts that it has to raise. They are brought about at real parts."""

import contextlib
import json
import pathlib
import sqlite3
import time
from datetime import timedelta

import pika

import portal as portals
from processes import poll
from show import Fault, Turn
from tenants import plan


class SceneFault(Fault):
    """A fault at the parts of a scene."""

    def __init__(self, scene):
        self.scene = scene
        self.worker = scene.worker


class NoCopy(SceneFault):
    """No copy of the store is made."""

    alerts = ("BackupOld",)

    def end(self):
        self.worker.cli("store", "backup", str(self.scene.directory / "copy.sqlite"))


class RestartLoop(SceneFault):
    """The worker ends again and again, and is started again each time."""

    alerts = ("RestartLoop",)

    def begin(self):
        for count in range(1, 5):
            self.worker.kill()
            self.scene.start_worker()
            poll(lambda: self.starts() >= count, 20, "Prometheus sees the start", self.worker.process)

    def starts(self):
        return max(value for _, value in self.scene.prometheus.query("changes(process_start_time_seconds[1m])"))


class UntrustedPublisher(SceneFault):
    """A broker user publishes a job that it may not publish."""

    alerts = ("UntrustedPublisher", "DeadLettersGrow")

    def begin(self):
        tenant = self.scene.tenant()
        tenant.portal = portals.Portal(self.scene.broker.url("operator"))
        with contextlib.closing(tenant.portal):
            tenant.publish("reset", {"confirm": True})


class PasswordsChanged(SceneFault):
    """Autotask refuses the credentials of seven tenants."""

    alerts = ("ConnectionsLostBurst",)

    def begin(self):
        tenants = [self.scene.tenant().connected() for _ in range(7)]
        for tenant in tenants:
            tenant.database.change(users=[{"username": tenant.username, "secret": "another"}])
        jobs = [tenant.publish("verify") for tenant in tenants]
        for job in jobs:
            job.ending()


class TrackingIdRejected(SceneFault):
    """Autotask rejects the tracking identifier."""

    alerts = ("TrackingIdRejected",)

    def begin(self):
        for _ in range(3):
            tenant = self.scene.tenant(integrationCodes=["Another-Code"], integrationCodeFailure="text500")
            tenant.expect(tenant.connect(), "connection.failed", "tracking_id_rejected")


class QuotaUsed(SceneFault):
    """Another integration uses up the hourly quota of an Autotask database."""

    alerts = ("QuotaNearEnd",)

    def begin(self):
        self.tenant = self.scene.tenant().connected()
        # After so many calls the worker asks for the usage.
        self.tenant.expect(self.tenant.sync(), "sync.succeeded")
        self.tenant.database.change(quotaUsed=9600)
        self.job = self.tenant.publish("sync", plan())
        self.scene.monitor.wait(lambda: self.job.events, "deferral of the sync")

    def end(self):
        self.tenant.database.change(quotaUsed=100)


class AuditCut(SceneFault):
    """Somebody cuts off the end of the audit log."""

    alerts = ("AuditBroken",)

    def begin(self):
        with contextlib.closing(sqlite3.connect(self.worker.store_path, timeout=20)) as store, store:
            store.execute("DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)")
            store.execute("DELETE FROM audit_marks WHERE name = 'head'")
        # It is noticed when the next row is written.
        self.scene.tenant().connected()


class KeyEnds(SceneFault):
    """The key that portals use ends in five days."""

    alerts = ("PortalKeyEnds",)

    def begin(self):
        ring = pathlib.Path(self.worker.settings["VAULT_KEYS"])
        content = json.loads(ring.read_text(encoding="utf-8"))
        content["recipientKeys"][0]["notAfter"] = portals.rfc3339(portals.now() + timedelta(days=5))
        ring.write_text(json.dumps(content), encoding="utf-8")

    def end(self):
        self.worker.cli("keys", "rotate", "--use", "portals")


class FollowerFull(SceneFault):
    """A queue that follows a tenant's events is full, and refuses more."""

    alerts = ("FollowerRefuses",)

    def begin(self):
        tenant = self.scene.tenant()
        parameters = pika.URLParameters(self.scene.broker.url("monitor"))
        parameters.heartbeat = 0
        self.connection = pika.BlockingConnection(parameters)
        channel = self.connection.channel()
        queue = f"autotask.monitor.narrow-{tenant.name}"
        channel.queue_declare(queue, exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        channel.queue_bind(queue, "autotask.results", f"*.*.{tenant.name}")
        tenant.connected()
        tenant.publish("verify")

    def end(self):
        self.connection.close()


class CollectorRefuses(SceneFault):
    """The collector of traces refuses spans, and jobs go on."""

    alerts = ("SpansLost",)

    def begin(self):
        self.tenant = self.scene.tenant().connected()
        self.scene.collector.answers = [(401, {})] * 10_000
        self.published = 0.0

    def meanwhile(self):
        if time.monotonic() - self.published > 1:
            self.published = time.monotonic()
            self.tenant.publish("billing-codes")

    def end(self):
        self.scene.collector.answers = []


class ZoneAway(SceneFault):
    """A zone of Autotask answers 503."""

    turn = Turn.ALONE
    alerts = ("ZoneAway",)

    def begin(self):
        tenants = [self.scene.tenant().connected() for _ in range(6)]
        self.faults = [tenant.database.fault("unavailable") for tenant in tenants]
        for tenant in tenants:
            tenant.publish("sync", plan(1))

    def end(self):
        """Calls that work let the circuit breaker recover: those of another job."""
        for fault in self.faults:
            fault.clear()
        self.scene.tenant().connected()


class BrokerFull(SceneFault):
    """RabbitMQ is short of memory, and accepts no results."""

    turn = Turn.ALONE
    alerts = ("BrokerBlocks", "EventsWait")

    def begin(self):
        """RabbitMQ reports to a connection that it is blocked when something is published over it."""
        tenant = self.scene.tenant().connected()
        hold = tenant.database.fault("hold", operation="query", entity="Services", times=1)
        tenant.publish("sync", plan(1))
        tenant.database.await_calls(1, entity="Services", operation="query")
        self.scene.broker.command("alarm", "memory")
        hold.clear()

    def end(self):
        self.scene.broker.command("alarm", "off")


class BrokerAway(SceneFault):
    """RabbitMQ is stopped."""

    turn = Turn.ALONE
    alerts = ("NobodyTakesJobs",)

    def begin(self):
        self.scene.broker.command("stop")

    def end(self):
        self.scene.broker.command("start")
        self.scene.portal.connect()


class WorkerHangs(SceneFault):
    """The worker hangs (SIGSTOP), so that no loop of it turns."""

    turn = Turn.LAST
    alerts = ("WorkerDown",)

    def begin(self):
        self.worker.suspend()

    def end(self):
        self.worker.resume()


#: In the order in which they begin.
FAULTS = (
    NoCopy,
    RestartLoop,
    UntrustedPublisher,
    PasswordsChanged,
    TrackingIdRejected,
    QuotaUsed,
    AuditCut,
    KeyEnds,
    FollowerFull,
    CollectorRefuses,
    ZoneAway,
    BrokerFull,
    BrokerAway,
    WorkerHangs,
)
