"""The example portal of `deploy/portal` as a process, with a database and a queue of its own; and its modules, for tests of their parts."""

import contextlib
import json
import sqlite3
import subprocess
import sys

import contract
from portal import new_id
from processes import plain_environment, poll
from tenants import CONFIGURED

FOLDER = contract.ROOT / "deploy" / "portal"
PROGRAM = FOLDER / "example_portal.py"

sys.path.insert(0, str(FOLDER))

# They are found from here on.
import broker as portal_broker
import events as portal_events
import jobs as portal_jobs
import ledger as portal_ledger

__all__ = ["ExamplePortal", "node", "portal_broker", "portal_events", "portal_jobs", "portal_ledger", "run_node"]

#: `load` imports a module of `deploy/portal`, and what is passed to `print` is the result.
HEAD = """
import { readFileSync } from "node:fs";
const load = (name) => import(`./${name}.mjs`);
const print = (value) => console.log(JSON.stringify(value));
const input = JSON.parse(readFileSync(0, "utf8"));
"""


def run_node(script, value=None):
    """Runs a script in plain Node, with a value as its input."""
    return subprocess.run(
        ["node", "--input-type=module", "-e", HEAD + script],
        cwd=FOLDER,
        env=plain_environment(),
        input=json.dumps(value),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def node(script, value=None):
    """The result of a script."""
    done = run_node(script, value)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class ExamplePortal:
    """One portal. Each command is a process of its own, as after a restart."""

    def __init__(self, directory, broker, worker, tenant):
        self.directory = directory
        self.broker = broker
        self.tenant = tenant
        self.state = directory / "portal.sqlite"
        self.queue = f"autotask.portal.{new_id()}"
        self.keys = directory / "portal-keys.json"
        self.keys.write_text(worker.cli("keys", "publish"), encoding="utf-8")
        self.environment = {
            "PORTAL_AMQP_URL": broker.url("portal"),
            "MONITOR_AMQP_URL": broker.url("monitor"),
            "PORTAL_STATE": str(self.state),
        }

    def command(self, name, *arguments):
        return [sys.executable, PROGRAM, "--queue", self.queue, name, *arguments]

    def run(self, name, *arguments, expect=0, text="", **environment):
        """Runs a command, and returns what it printed."""
        done = subprocess.run(
            self.command(name, *arguments),
            env=plain_environment(**{**self.environment, **environment}),
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == expect, f"{name} exited with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    @contextlib.contextmanager
    def following(self):
        """A process that follows, until the end of the block kills it."""
        process = subprocess.Popen(
            self.command("follow"), env=plain_environment(**self.environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            poll(lambda: self.consumers() == 1, 20, "the portal's consumer", process)
            yield process
        finally:
            process.kill()
            process.wait()

    # Jobs

    def connect(self, *arguments, secret=None, expect=0):
        return self.run(
            *["connect", "--tenant", self.tenant.name, "--username", self.tenant.username, "--keys", self.keys],
            *["--first-configured-at", CONFIGURED, *arguments],
            text=f"{secret or self.tenant.secret}\n",
            expect=expect,
        )

    def sync(self, plan, *arguments, expect=0):
        (self.directory / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        return self.run("sync", "--tenant", self.tenant.name, "--plan", self.directory / "plan.json", *arguments, expect=expect)

    def reset(self, *arguments, expect=0, **environment):
        return self.run("reset", "--tenant", self.tenant.name, *arguments, expect=expect, **environment)

    def page(self):
        return self.run("page", "--tenant", self.tenant.name)

    # Looking

    def rows(self, query, *values):
        with contextlib.closing(sqlite3.connect(self.state)) as database:
            rows = database.execute(query, values).fetchall()
            database.commit()
        return rows

    def last_job(self):
        """The newest job, as (id, kind, body, ended_in)."""
        return self.rows("SELECT id, kind, body, ended_in FROM jobs ORDER BY number DESC LIMIT 1")[0]

    def reopen(self, job_id):
        """What a support person does who has a job sent again."""
        self.rows("UPDATE jobs SET ended_in = NULL WHERE id = ?", job_id)

    def await_end(self, job_id, count=1):
        """Waits until another monitor has the end of a job, and so this portal's queue has it too."""
        return self.tenant.monitor.ending(self.tenant.name, job_id, 30, count)

    def _queue(self):
        return f"queues/%2F/{self.queue}"

    def consumers(self):
        """Asked from the node itself: the management API knows it seconds later."""
        with contextlib.closing(portal_broker.opened(self.broker.url("operator"))[0]) as connection:
            return connection.channel().queue_declare(self.queue, passive=True).method.consumer_count

    def lose_events(self):
        """Empties its queue, as an operator might by mistake."""
        self.broker.manage("DELETE", self._queue() + "/contents")

    def delete_queue(self):
        with contextlib.suppress(OSError):
            self.broker.manage("DELETE", self._queue())
