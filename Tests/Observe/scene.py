"""The parts at which faults are played: RabbitMQ, a simulated Autotask, a worker, a collector of traces, and Prometheus."""

import itertools
import uuid

from collector import Collector
from hastened import hastened
from monitor import Monitor
from portal import Portal
from processes import Broker, Worker
from prometheus import RULES, Prometheus
from simulator import Simulator
from tenants import Tenant


class Scene:
    """The parts, which run. Prometheus has the hastened rules."""

    def __init__(self, directory, ending):
        """`ending` stops what is started here."""
        self.directory = directory
        self.numbers = itertools.count(1)
        self.broker = Broker(directory / "broker")
        ending.callback(self.broker.stop)
        self.simulator = Simulator(directory)
        ending.callback(self.simulator.stop)
        # A usage of the quota is no reason to be slow here.
        self.simulator.request("PATCH", "settings", {"quotaLatencyScale": 0})
        self.collector = Collector()
        ending.callback(self.collector.close)
        self.worker = Worker(directory, self.broker, self.simulator)
        self.worker.settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        ending.callback(self.stop_worker)
        self.worker.start()
        self.address = self.worker.operations.removeprefix("http://")
        self.monitor = Monitor(self.broker.url("monitor"))
        ending.callback(self.monitor.close)
        self.portal = Portal(self.broker.url("portal"))
        ending.callback(self.portal.close)
        self.key = self.worker.public_key()
        (directory / "rules.yaml").write_text(hastened(RULES.read_text(encoding="utf-8")), encoding="utf-8")
        # A scrape that takes too long would interrupt what a rule looks at: on a busy machine a quarter of a second is not enough.
        self.prometheus = Prometheus(directory, self.address, directory / "rules.yaml", interval="1s")
        ending.callback(self.prometheus.stop)

    def tenant(self, **database):
        return Tenant(next(self.numbers), uuid.uuid4().hex, self.key, self.portal, self.monitor, self.simulator, **database)

    def firing(self):
        """The names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self.prometheus.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def start_worker(self):
        """Starts a worker in the place of one that is gone, where Prometheus looks for it."""
        self.worker.start(OPERATIONS_LISTEN=self.address)

    def stop_worker(self):
        """A suspended one would not notice."""
        if self.worker.is_running:
            self.worker.resume()
            self.worker.stop()
