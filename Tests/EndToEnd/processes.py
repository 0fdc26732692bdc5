"""The real parts as processes: a private RabbitMQ, the simulated Autotask, the worker."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import pwd
import re
import shlex
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import contract

BIN_DIR = pathlib.Path(os.environ.get("BIN_DIR") or contract.ROOT / ".build" / "debug").resolve()


def poll(condition, seconds, what, process=None):
    """Polls until the answer is yes. For changes without an event, such as the start of a process."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{what}: the process ended with exit code {process.returncode}")
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return answer


def plain_environment(**settings):
    """The environment of a process: of the surroundings only `PATH`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, **settings}


def fill(directory):
    """Fills the disk of a directory completely, until its file `ballast` is deleted."""
    with contextlib.suppress(OSError), open(directory / "ballast", "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


class Broker:
    """A private RabbitMQ with the topology and the users of `deploy/`."""

    def __init__(self, directory):
        self.directory = directory
        self.command("start")
        self.environment = dict(
            line.removeprefix("export ").split("=", 1)
            for line in (directory / "env").read_text().splitlines()
            if "=" in line and not line.startswith("#")
        )
        self.environment = {name: "".join(shlex.split(value)) for name, value in self.environment.items()}

    def url(self, user):
        return self.environment["AMQP_URL" if user == "worker" else f"{user.upper()}_AMQP_URL"]

    def manage(self, method, path, content=None):
        """Asks the management API, as its administrator; returns what it answers, if anything."""
        url = urllib.parse.urlsplit(self.environment["TEST_MANAGEMENT_URL"])
        credentials = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
        request = urllib.request.Request(
            f"http://{url.hostname}:{url.port}/api/{path}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def add_users(self, definitions):
        """Imports a file of `deploy/rabbitmq`; each user's password is its name with `-on-loopback`."""
        content = contract.load(contract.ROOT / "deploy" / "rabbitmq" / definitions)
        address = urllib.parse.urlsplit(self.url("worker")).netloc.rpartition("@")[2]
        for user in content["users"]:
            assert user.pop("password_hash") == ""
            del user["hashing_algorithm"]
            user["password"] = f"{user['name']}-on-loopback"
            self.environment[f"{user['name'].upper()}_AMQP_URL"] = f"amqp://{user['name']}:{user['password']}@{address}/"
        self.manage("POST", "definitions", content)
        return [user["name"] for user in content["users"]]

    def stop(self):
        self.command("stop")

    def restart_after_power_cut(self):
        self.command("kill")
        self.command("start")

    def command(self, verb, *arguments):
        result = subprocess.run(
            [contract.ROOT / "deploy" / "broker", verb, self.directory, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        assert result.returncode == 0, f"deploy/broker {verb}: {result.stdout}{result.stderr}"


class Worker:
    """The worker on one store. It may be killed and started again; all its output goes to one log."""

    def __init__(self, directory, broker, simulator, user=None):
        """`user` is the user as which it runs; `None` is the user of the tests."""
        self.directory = directory
        self.identity = {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        self.log_path = directory / "worker.log"
        self.store_path = directory / "worker.sqlite"
        self.process = None
        # Where the log of this start begins.
        self.begun = 0
        # The last metrics of each of its processes that was stopped.
        self.scrapes = []
        self.settings = {
            **broker.environment,
            "AUTOTASK_URL": simulator.lookup_url,
            "AUTOTASK_ALLOWED_HOSTS": simulator.host,
            "AUTOTASK_INTEGRATION_CODE": "Vendor-Code-000000000000001",
            "STORE_URL": f"sqlite:{self.store_path}",
            "STORE_CREATE": "yes",
            "VAULT_KEYS": str(directory / "keys.json"),
            "TRUSTED_PUBLISHERS": "portal",
            "SETTLE_SECONDS": "1",
            "RETRY_SECONDS": "0.1",
            # Only what a test requests happens.
            "VERIFY_INTERVAL_HOURS": "0",
            "DRIFT_INTERVAL_HOURS": "0",
            "LOG_LEVEL": "debug",
        }
        self.cli("keys", "generate")

    def own_store(self, path):
        """Settings for another store than the worker's, with a copy of its ring that is not paired yet."""
        ring = json.loads(pathlib.Path(self.settings["VAULT_KEYS"]).read_text(encoding="utf-8"))
        ring.pop("storeId", None)
        copy = self.directory / f"own-{uuid.uuid4().hex}.json"
        copy.touch(mode=0o600)
        copy.write_text(json.dumps(ring), encoding="utf-8")
        if self.identity:
            os.chown(copy, pwd.getpwnam(self.identity["user"]).pw_uid, self.identity["group"])
        return {"STORE_URL": f"sqlite:{path}", "VAULT_KEYS": str(copy)}

    def cli(self, *arguments, expect=0, **settings):
        """Runs another command of the worker's, and returns what it printed. `expect` is its exit code, `None` any."""
        result = self.run(*arguments, **settings)
        assert expect in (None, result.returncode), f"{arguments} exited with {result.returncode}: {result.stdout}{result.stderr}"
        return result.stdout

    def run(self, *arguments, **settings):
        """Runs another command of the worker's."""
        return subprocess.run(
            [BIN_DIR / "autotask-worker", *arguments],
            env=plain_environment(**{**self.settings, **settings}),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **self.identity,
        )

    def start(self, *arguments, await_jobs=True, through=(), **settings):
        """Starts it, and waits until it takes jobs. `through` is a command that becomes it."""
        assert self.process is None
        begun = self.begun = len(self.log)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*through, BIN_DIR / "autotask-worker", "run", *arguments],
                env=plain_environment(**{"OPERATIONS_LISTEN": "127.0.0.1:0", **self.settings, **settings}),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self.identity,
            )
        if await_jobs:
            poll(lambda: "Consuming" in self.log[begun:], 20, "the worker's start", self.process)

    @property
    def operations(self):
        """The address at which it answers operators."""
        port = poll(lambda: re.findall(r"port=(\d+).*Answering /livez", self.log[self.begun :]), 10, "the port of operations", self.process)[-1]
        return f"http://127.0.0.1:{port}"

    def health(self, path="readyz"):
        """Its answer to a health check, as (status, body)."""
        try:
            with urllib.request.urlopen(f"{self.operations}/{path}", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def metrics(self):
        """Its metrics, in Prometheus's text format."""
        with urllib.request.urlopen(f"{self.operations}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            return answer.read().decode()

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def suspend(self):
        """Stops it with SIGSTOP: messages are delivered to it, and it does not read them."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        """Lets it go on after a suspension."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        """As an init system stops it."""
        if self.process is None:
            return
        if re.search(r"port=\d+.*Answering /livez", self.log[self.begun :]):
            with contextlib.suppress(OSError):
                self.scrapes.append(self.metrics())
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=30)
        self.process = None
        assert status == 0, f"the worker ended with exit code {status}"

    @property
    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def dead_letter(self, body):
        """What the store keeps of a dead-lettered message, as (reason, size), or `None`."""
        with contextlib.closing(sqlite3.connect(f"file:{self.store_path}?mode=ro", uri=True)) as store:
            digest = hashlib.sha256(body).digest()
            return store.execute("SELECT reason, size FROM dead_letters WHERE sha256 = ? ORDER BY id DESC", [digest]).fetchone()

    def public_key(self):
        """The first of the published keys is the one in use."""
        return json.loads(self.cli("keys", "publish"))["keys"][0]
