"""The programs of `Tests/Benchmarks/peers`: the Go worker and the C floor as peers of the worker, and the tools of the benchmark."""

import contextlib
import pathlib
import shutil
import sqlite3
import subprocess

from processes import plain_environment, poll

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE / ".build" / "peers"


def path(name):
    return PEERS / name


def build(*names):
    """Builds these programs, or all, as far as they are not built yet."""
    missing = [tool for tool in ("make", "gcc") + (() if names else ("go",)) if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"{', '.join(missing)} is missing: deploy/benchmark installs what the peers need")
    targets = [f"../.build/peers/{name}" for name in names]
    made = subprocess.run(["make", "-C", HERE / "peers", *targets], capture_output=True, text=True, check=False)
    if made.returncode:
        raise SystemExit(f"the peers were not built:\n{made.stdout}{made.stderr}")


class Process:
    """A program that prints `Consuming` once it takes jobs. Its output goes to a file."""

    def __init__(self, name, directory):
        self.name, self.directory, self.process = name, directory, None
        self.output = directory / f"{name}.log"

    def launch(self, *arguments, **environment):
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                arguments, env=plain_environment(**environment), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        poll(lambda: b"Consuming" in self.output.read_bytes(), 20, f"the start of {self.name}", self.process)

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=30)
        if status:
            raise SystemExit(f"{self.name} ended with exit code {status}: {self.output.read_text(encoding='utf-8')}")


class GoPeer(Process):
    """The Go worker, at each start on a copy of a store with the tenants' connections and nothing else."""

    def __init__(self, directory, url):
        super().__init__("Go", directory)
        self.url, self.template, self.store = url, directory / "go-template.sqlite", directory / "go.sqlite"
        # The worker's default. Its goroutines are cheap: with slow answers it may have more.
        self.lanes = 512

    def prepare(self, connections, bindings):
        """`connections` are (tenant, user, secret, URL), `bindings` (tenant, plan, services by their keys)."""
        with contextlib.closing(sqlite3.connect(self.template)) as store:
            store.execute("CREATE TABLE connections (tenant TEXT PRIMARY KEY, username TEXT, secret TEXT, url TEXT) WITHOUT ROWID")
            store.execute("CREATE TABLE bindings (tenant TEXT, plan TEXT, services TEXT, PRIMARY KEY (tenant, plan)) WITHOUT ROWID")
            store.executemany("INSERT INTO connections VALUES (?, ?, ?, ?)", connections)
            store.executemany("INSERT INTO bindings VALUES (?, ?, ?)", bindings)
            store.commit()

    def start(self):
        for suffix in ("-wal", "-shm"):
            pathlib.Path(f"{self.store}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(self.template, self.store)
        self.launch(
            path("go-peer"),
            AMQP_URL=self.url,
            DATABASE=str(self.store),
            AUTOTASK_INTEGRATION_CODE="Vendor-Code-000000000000001",
            CONCURRENT_LANES=str(self.lanes),
            GOGC="400",
        )


class Floor(Process):
    """The C program that publishes an event for each job, and does nothing else."""

    def __init__(self, directory, url):
        super().__init__("C floor", directory)
        self.url = url

    def start(self):
        self.launch(path("floor"), "autotask.jobs", "autotask.results", AMQP_URL=self.url)
