"""The whole of a run: broker, simulated Autotask, links, workers, portal and monitor, all private and on the loopback interface."""

import collections
import json
import random
import re
import subprocess
import threading
import time
import urllib.parse
import uuid

import pika

import clock
from disk import Disk
from fleet import BIN_DIR, SHUTDOWN_SECONDS, Fleet, Member
from large_store import fill
from links import CallObserver, Network
from live import Live
from load import Load
from processes import Broker, plain_environment
from simulator import Simulator
from store_view import StoreView

# Longer than a stopped worker sleeps: what Autotask commits, it commits within this time.
SETTLE_SECONDS = 25
# Where every database is at first.
FIRST_ZONE = "AE02"


class World:
    def __init__(self, directory, *, seed, workers, tenants, rate, say, store_jobs=0):
        self.directory = directory
        self.seed = seed
        self.say = say
        self.random = random.Random(f"{seed}/faults")
        # Part of every secret: one thing to look for.
        self.canary = f"CANARY{uuid.UUID(int=random.Random(f'{seed}/canary').getrandbits(128)).hex}"
        self.violations = []  # What a fault saw that must not be.
        self.marks = []  # See `mark`.
        self.kills = []  # (time.time(), worker, [(tenant, product, job)]): whom each sudden death interrupted.
        self.restores = []  # time.time() of each backup that was restored.
        self.moves = collections.defaultdict(list)  # By database, (time.time(), zone) of each move.
        self.clock_settings = []  # (begin, end) of each time in which a worker's clock was not the machine's, by time.time().
        self.poisoned = []  # The jobs that killed workers, with how often.
        self.store_jobs = store_jobs
        self.begun = time.monotonic()
        self.ending = threading.Event()
        self.open_parts = []
        try:
            self.build(workers, tenants, rate)
        except BaseException:
            self.close()
            raise

    def build(self, workers, tenants, rate):
        self.disk = self.part(Disk(self.directory, is_large=self.store_jobs > 0), Disk.remove)
        self.broker = Broker(self.directory / "broker")
        self.open_parts.append(self.broker.stop)
        self.simulator = self.part(Simulator(self.directory), Simulator.stop)
        self.simulator.request("PATCH", "settings", {"recordLimit": 1_000_000, "recordBodies": False, "latencyMilliseconds": 15})
        self.network = self.part(Network(), Network.close)
        self.calls = CallObserver()
        self.autotask = self.network.link(urllib.parse.urlsplit(self.simulator.url).port, self.calls)
        broker_port = urllib.parse.urlsplit(self.broker.url("worker")).port
        self.settings = {
            **{name: value for name, value in self.broker.environment.items() if not name.startswith("TEST_")},
            "AUTOTASK_URL": f"http://127.0.0.1:{self.autotask.port}/atservicesrest/",
            "AUTOTASK_ALLOWED_HOSTS": f"127.0.0.1:{self.autotask.port}",
            "AUTOTASK_INTEGRATION_CODE": f"{self.canary}-tracking",
            "STORE_URL": f"sqlite:{self.disk.path}/worker.sqlite",
            "STORE_CREATE": "yes",
            "VAULT_KEYS": str(self.directory / "keys.json"),
            "TRUSTED_PUBLISHERS": "portal",
            "SETTLE_SECONDS": str(SETTLE_SECONDS),
            "RETRY_SECONDS": "0.5",
            # A crowd in one lane is taken in whole: `lane-crowded`.
            "LANE_BACKLOG_LIMIT": "100000",
            # Only requested calls are counted.
            "VERIFY_INTERVAL_HOURS": "0",
            "DRIFT_INTERVAL_HOURS": "0",
            "SHUTDOWN_SECONDS": str(SHUTDOWN_SECONDS),
            "LOG_LEVEL": "debug",
        }
        self.store = StoreView(self.disk.path / "worker.sqlite")
        members = []
        for number in range(1, workers + 1):
            # The last one lives by a clock that can be set.
            own_clock = clock.Clock(self.directory / "clock") if number == workers and clock.IS_THERE else None
            members.append(Member(number, self.directory, self.settings, self.network.link(broker_port), own_clock))
        self.fleet = Fleet(members)
        self.open_parts.append(self.fleet.stop)
        self.cli("keys", "generate")
        key = json.loads(self.cli("keys", "publish"))["keys"][0]
        self.live = self.part(Live(self.broker.url("monitor")), Live.close)
        self.load = Load(
            self.broker, self.live, self.simulator, key, seed=self.seed, tenants=tenants, rate=rate, canary=self.canary
        )
        self.open_parts.append(lambda: self.load.finish(5))
        for lane in self.load.lanes:
            self.calls.database_of[lane.user.lower()] = lane.database.number

    def part(self, thing, close):
        self.open_parts.append(lambda: close(thing))
        return thing

    def start(self):
        self.fleet.start()
        self.await_jobs()
        if self.store_jobs:
            # The workers have made the store; now it becomes a large one, half of it older than is kept.
            self.fleet.terminate()
            size = fill(self.store.path, self.directory / "keys.json", self.store_jobs, days=60, seed=self.seed)
            self.say(f"the store has {size / 2**20:.0f} MiB")
            self.fleet.go_on()
            self.await_jobs()
        self.load.start()

    def await_jobs(self):
        deadline = time.monotonic() + 30
        while not any("Consuming" in member.log_since_start() for member in self.fleet.members):
            if time.monotonic() > deadline:
                raise AssertionError(f"no worker takes jobs: {[member.last_line() for member in self.fleet.members]}")
            time.sleep(0.1)

    def close(self):
        """Ends everything that was started, in reverse order and in any state."""
        while self.open_parts:
            try:
                self.open_parts.pop()()
            except Exception as error:
                self.say(f"while ending: {error!r}")

    # For faults and invariants

    def zone_of(self, database):
        moves = self.moves[database.number]
        return moves[-1][1] if moves else FIRST_ZONE

    def move(self, database, zone):
        database.change(zone=zone)
        self.moves[database.number].append((time.time(), zone))

    def cli(self, *arguments, expect=0, **settings):
        """Runs another command of the worker's as an operator would, and returns what it printed.

        `expect` is the exit code, or several that are as good.
        """
        result = subprocess.run(
            [BIN_DIR / "autotask-worker", *arguments],
            env=plain_environment(**{**self.settings, **settings}),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        codes = expect if isinstance(expect, tuple) else (expect,)
        assert result.returncode in codes, f"{arguments} exited with {result.returncode}: {result.stdout}{result.stderr}"
        return result.stdout

    def has_command(self, *arguments):
        command = [BIN_DIR / "autotask-worker", *arguments, "--help"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return result.returncode == 0 and re.search(rf"USAGE: autotask-worker {' '.join(arguments)}\b", result.stdout) is not None

    def consent(self, *arguments):
        """The option that confirms a command."""
        command = [BIN_DIR / "autotask-worker", *arguments, "--help"]
        asks = "--yes" in subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
        return ["--yes"] if asks else []

    def as_operator(self, work):
        """Does something on a channel of the broker user `operator`."""
        connection = pika.BlockingConnection(pika.URLParameters(self.broker.url("operator")))
        try:
            return work(connection.channel())
        finally:
            if connection.is_open:
                connection.close()

    def elapsed(self):
        return time.monotonic() - self.begun

    def wait(self, seconds):
        """Returns: whether the run goes on."""
        return not self.ending.wait(seconds)

    def wait_until(self, condition, seconds):
        """Returns: whether the condition came true."""
        deadline = time.monotonic() + seconds
        while not (answer := condition()):
            if time.monotonic() > deadline or not self.wait(0.1):
                return False
        return answer

    def logged(self, text, member=None):
        """How often the workers, or one of them, have logged something."""
        members = [member] if member is not None else self.fleet.members
        return sum(one.log_path.read_bytes().count(text) for one in members if one.log_path.exists())

    def violation(self, text):
        self.violations.append(text)
        self.say(f"VIOLATION: {text}")

    def kill(self, member):
        """kill -9, with a note of whom it interrupted.

        Returns: the (tenant, product, job) that it was working on.
        """
        with member.lock:
            pid = member.pid
            if pid is None:
                return []
            # Stopped first, so that what is read of it is what it dies with.
            member.suspend()
            held = self.store.held_by(pid)
            member.kill()
        self.kills.append((time.time(), member.name, held))
        return held
