"""A worker whose tenants are connected and have their services in Autotask, and peers that know the same tenants."""

import json
import pathlib
import shutil
import threading

import portal
import processes
from backend import FIELDS, DelayedAutotask, Nginx, page
from load import Endings, Load, database, plan_of
from processes import Broker, Worker
from programs import Floor, GoPeer
from simulator import Simulator

# What a second plan adds to the plan's id and to the names of its services.
SECOND = "-b"


class Product:
    """The worker as a side of a comparison, at each start on a copy of a store, or always on the first copy (`keeps`)."""

    def __init__(self, worker, template, name="worker", programs=None, keeps=False, scrape=0):
        """`programs` is the directory of the worker that is started; `BIN_DIR` without it. `scrape` is how often its metrics are read, in seconds."""
        self.name, self.worker, self.template, self.keeps, self.scrape = name, worker, template, keeps, scrape
        self.programs = programs or processes.BIN_DIR
        self.store = template.with_name(f"side-{name}.sqlite")
        self.scraper = None

    @property
    def process(self):
        return self.worker.process

    def start(self):
        if not (self.keeps and self.store.exists()):
            copy_store(self.template, self.store)
        processes.BIN_DIR = self.programs
        self.worker.settings["STORE_URL"] = f"sqlite:{self.store}"
        self.launch()

    def launch(self):
        self.worker.start()
        if self.scrape:
            self.scraper = Scraper(self.worker, self.scrape)

    def stop(self):
        if self.scraper:
            self.scraper.stop()
            self.scraper = None
        self.worker.stop()


class Scraper(threading.Thread):
    """Reads a worker's metrics as Prometheus would, at once and then after each pause of this many seconds."""

    def __init__(self, worker, seconds):
        super().__init__(daemon=True)
        self.worker, self.seconds, self.ended = worker, seconds, threading.Event()
        self.start()

    def run(self):
        while True:
            self.worker.metrics()
            if self.ended.wait(self.seconds):
                return

    def stop(self):
        self.ended.set()
        self.join()


def copy_store(source, target):
    for suffix in ("", "-wal", "-shm"):
        pathlib.Path(f"{target}{suffix}").unlink(missing_ok=True)
        if pathlib.Path(f"{source}{suffix}").exists() and suffix != "-shm":
            shutil.copyfile(f"{source}{suffix}", f"{target}{suffix}")


class Installation:
    """A private broker, a worker, and tenants with a database of their own each.

    It begins with the simulator, against which jobs make the worker's store. `close_simulator` ends the simulator; then `autotask` or `delayed`
    answers at its port.
    """

    def __init__(self, directory, count):
        self.directory = directory
        self.broker = Broker(directory / "broker")
        self.simulator = Simulator(directory)
        self.port = int(self.simulator.url.rpartition(":")[2])
        self.worker = Worker(directory, self.broker, self.simulator)
        self.worker.settings |= {"LOG_LEVEL": "info"}
        self.tenants = [f"msp-{number}" for number in range(count)]
        self.simulator.request("PATCH", "settings", {"quotaLatencyScale": 0, "recordBodies": False})
        for start in range(0, count, 500):
            some = [database(100000 + start + number, [tenant]) for number, tenant in enumerate(self.tenants[start : start + 500])]
            self.simulator.request("PUT", "databases", {"databases": some})
        self.store = self.worker.store_path
        self.load = Load(self.broker.url("portal"), self.worker.public_key())

    @property
    def broker_process(self):
        return int((self.broker.directory / "node.pid").read_text(encoding="utf-8"))

    def run(self, jobs):
        """Runs jobs to their ends on a worker that is started for them."""
        endings = Endings(self.broker.url("monitor"))
        self.load.publish(jobs)
        self.worker.start()
        endings.wait([job["id"] for job in jobs], 600)
        endings.close()
        self.worker.stop()
        bad = [kind for kind in endings.types.values() if kind not in ("autotask.connection.established", "autotask.sync.succeeded")]
        if bad:
            raise SystemExit(f"{len(bad)} jobs of the preparation failed: {bad[0]}")

    def product(self, template=None, **members):
        """The worker on copies of a store, by default of the one that the preparation made."""
        return Product(self.worker, template or self.store, **members)

    def worker_itself(self):
        """The worker on the store that the preparation makes."""
        side = self.product(name="first sync", keeps=True)
        side.store = self.store
        return side

    def connect(self):
        self.run([self.load.chain(tenant, tenant, f"Secret-{tenant}")[0] for tenant in self.tenants])

    def second_plan(self, count):
        """Gives the first tenants a second plan, so that two of their syncs do not supersede each other."""
        self.run(self.jobs(self.tenants[:count], SECOND))

    def close_simulator(self):
        """Reads every tenant's services, and frees the port."""
        self.services = {}
        for number, tenant in enumerate(self.tenants):
            services = self.simulator.request("GET", f"databases/{100000 + number}/services")["services"]
            for suffix in ("", SECOND):
                names = {service["name"]: service["key"] for service in plan_of(tenant, suffix)["services"]}
                self.services[tenant, suffix] = [(names[service["name"]], service) for service in services if service["name"] in names]
        self.simulator.stop()

    def peers(self):
        """The Go worker with the same tenants, and the C floor, as the worker's user of the broker."""
        go = GoPeer(self.directory, self.broker.url("worker"))
        zone = f"{self.simulator.url}/zone/AE02/ATServicesRest/"
        go.prepare(
            [(tenant, tenant, f"Secret-{tenant}", zone) for tenant in self.tenants],
            [
                (tenant, plan_of(tenant, suffix)["planId"], json.dumps({key: {"id": item["id"], "marker": item["internalID"]} for key, item in services}))
                for (tenant, suffix), services in self.services.items()
                if services
            ],
        )
        return go, Floor(self.directory, self.broker.url("worker"))

    def jobs(self, tenants=None, suffix=""):
        """An unchanged sync for each tenant."""
        return [portal.envelope("sync", tenant, plan_of(tenant, suffix)) for tenant in tenants or self.tenants]

    def autotask(self, members):
        """An nginx that answers with records of 8 members, as Autotask would, or with all 24."""
        bodies = {tenant: page(self.items(tenant, ""), FIELDS if members == 8 else None) for tenant in self.tenants}
        return Nginx(self.directory, self.port, bodies)

    def delayed(self, milliseconds, count, members=24):
        """An Autotask for the first tenants that answers after this time."""
        fields = FIELDS if members == 8 else None
        answers = [
            (tenant, f'of {tenant}{suffix}"', page(self.items(tenant, suffix), fields))
            for tenant in self.tenants[:count]
            for suffix in ("", SECOND)
            if self.items(tenant, suffix)
        ]
        return DelayedAutotask(self.directory, self.port, milliseconds, answers)

    def items(self, tenant, suffix):
        return [service for _, service in self.services[tenant, suffix]]

    def stop(self):
        self.broker.stop()
