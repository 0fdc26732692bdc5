"""Plays faults and shows the alerts that they raise. Started by `deploy/observe`."""

import contextlib
import itertools
import pathlib
import signal
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))

from hastened import hastened
from monitor import Monitor
from portal import Portal
from processes import Broker, Worker
from prometheus import RULES, Prometheus
from simulator import Simulator
from tenants import Tenant, plan

#: How long an alert may take to be raised, or to rest again.
PATIENCE = 90


class Scene:
    """The parts on which faults are played."""

    def __init__(self, directory, ending):
        """`ending` stops what is started here."""
        self.numbers = itertools.count(1)
        self.broker = Broker(directory / "broker")
        ending.callback(self.broker.stop)
        self.simulator = Simulator(directory)
        ending.callback(self.simulator.stop)
        self.worker = Worker(directory, self.broker, self.simulator)
        ending.callback(self.worker.stop)
        self.worker.start()
        self.address = self.worker.operations.removeprefix("http://")
        self.monitor = Monitor(self.broker.url("monitor"))
        ending.callback(self.monitor.close)
        self.portal = Portal(self.broker.url("portal"))
        ending.callback(self.portal.close)
        self.key = self.worker.public_key()
        (directory / "rules.yaml").write_text(hastened(RULES.read_text(encoding="utf-8")), encoding="utf-8")
        self.prometheus = Prometheus(directory, self.address, directory / "rules.yaml")
        ending.callback(self.prometheus.stop)

    def tenant(self, **database):
        return Tenant(next(self.numbers), uuid.uuid4().hex, self.key, self.portal, self.monitor, self.simulator, **database)

    def firing(self):
        return {alert["labels"]["alertname"] for alert in self.prometheus.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def show(self, title, alert, end, begin):
        """Plays one fault. Returns whether its alert was raised by it, and rested after it."""
        print(f"\n{title}", flush=True)
        raised = self.awaits(begin, lambda: alert in self.firing(), f"{alert} is raised")
        print("  The fault ends.", flush=True)
        return self.awaits(end, lambda: alert not in self.firing(), f"{alert} rests") and raised

    @staticmethod
    def awaits(act, condition, words):
        begun = time.monotonic()
        act()
        while not (done := condition()) and time.monotonic() - begun < PATIENCE:
            time.sleep(0.1)
        print(f"  after {time.monotonic() - begun:4.1f} s: {words if done else 'NOT: ' + words}", flush=True)
        return done


def broker_away(scene):
    def back():
        scene.broker.command("start")
        scene.portal.connect()

    return "RabbitMQ is stopped.", "NobodyTakesJobs", back, lambda: scene.broker.command("stop")


def broker_blocked(scene):
    """RabbitMQ reports to a connection that it is blocked when something is published over it."""
    tenant = scene.tenant().connected()

    def begin():
        hold = tenant.database.fault("hold", operation="query", entity="Services", times=1)
        tenant.publish("sync", plan(1))
        tenant.database.await_calls(1, entity="Services", operation="query")
        scene.broker.command("alarm", "memory")
        hold.clear()

    return "RabbitMQ is short of memory.", "BrokerBlocks", lambda: scene.broker.command("alarm", "off"), begin


def autotask_away(scene):
    """Calls that work let the circuit breaker recover: those of another job."""
    tenants = [scene.tenant().connected() for _ in range(6)]
    faults = []

    def begin():
        faults.extend(tenant.database.fault("unavailable") for tenant in tenants)
        for tenant in tenants:
            tenant.publish("sync", plan(1))

    def back():
        for fault in faults:
            fault.clear()
        scene.tenant().connected()

    return "A zone of Autotask answers 503.", "ZoneAway", back, begin


def code_rejected(scene):
    """The alert rests on its own, some time after the last of the jobs."""

    def begin():
        for _ in range(3):
            tenant = scene.tenant(integrationCodes=["Another-Code"], integrationCodeFailure="text500")
            tenant.expect(tenant.connect(), "connection.failed", "tracking_id_rejected")

    return "Autotask rejects the tracking identifier.", "TrackingIdRejected", lambda: None, begin


def worker_killed(scene):
    return "The worker is killed.", "WorkerDown", lambda: scene.worker.start(OPERATIONS_LISTEN=scene.address), scene.worker.kill


def main():
    # So that everything is stopped.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as ending:
        print("RabbitMQ, a simulated Autotask, a worker and Prometheus start. The times of the rules are divided by 60.", flush=True)
        scene = Scene(pathlib.Path(directory), ending)
        shown = [scene.show(*fault(scene)) for fault in (broker_away, broker_blocked, autotask_away, code_rejected, worker_killed)]
    print(f"\n{sum(shown)} of {len(shown)} alerts were raised by their fault, and rested after it.")
    return 0 if all(shown) else 1


if __name__ == "__main__":
    sys.exit(main())
