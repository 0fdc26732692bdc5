"""What a portal keeps in its database: jobs until they have ended, the ids of events, and what the page shows.

An event is taken in one transaction, and acknowledged after that. So a portal that dies in between gets the event again, and knows its id.
"""

import dataclasses
import json
import sqlite3

import events
from jobs import Job

TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY, id TEXT, kind TEXT, tenant TEXT, product TEXT, body BLOB,
    confirmed INTEGER NOT NULL DEFAULT 0, ended_in TEXT, bar TEXT, UNIQUE (tenant, id)
);
CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS pages (event TEXT, number INTEGER, body BLOB, PRIMARY KEY (event, number));
CREATE TABLE IF NOT EXISTS lanes (
    tenant TEXT, product TEXT, epoch INTEGER DEFAULT 0, sequence INTEGER DEFAULT 0, connection TEXT DEFAULT 'none', database INTEGER, bar TEXT,
    PRIMARY KEY (tenant, product)
);
CREATE TABLE IF NOT EXISTS services (
    tenant TEXT, product TEXT, key TEXT, plan TEXT, row TEXT, status TEXT NOT NULL DEFAULT 'Not synced', error TEXT,
    PRIMARY KEY (tenant, product, key)
);
"""


@dataclasses.dataclass(frozen=True)
class Taken:
    """What an event was to this portal."""

    event: events.Event
    #: False for one that had its effect before.
    is_new: bool
    #: Whether it ended a job that was open.
    has_ended_job: bool
    #: The sequence numbers that are missing before it, as (first, last), or None.
    gap: tuple | None = None


class Ledger:
    def __init__(self, path):
        self.database = sqlite3.connect(path, timeout=30)
        self.database.row_factory = sqlite3.Row
        self.database.executescript(TABLES)

    def close(self):
        self.database.close()

    # Jobs

    def add(self, job):
        """Keeps a job before it is published. If the portal dies then, it is still there to be sent."""
        with self.database:
            self.database.execute(
                "INSERT INTO jobs (id, kind, tenant, product, body) VALUES (?, ?, ?, ?, ?)", [job.id, job.kind, job.tenant, job.product, job.body]
            )

    def confirm(self, job):
        """The broker has the job."""
        with self.database:
            self.database.execute("UPDATE jobs SET confirmed = 1 WHERE tenant = ? AND id = ?", [job.tenant, job.id])

    def unconfirmed(self):
        """The jobs that the broker may not have, in their order: none may overtake another."""
        return self._jobs("confirmed = 0 AND ended_in IS NULL")

    def unanswered(self):
        """The jobs whose terminal event has not arrived, in their order."""
        return self._jobs("ended_in IS NULL")

    def ending(self, job):
        """The type of the event in which a job ended and its bar, or None while no terminal event has arrived. The bar may be None."""
        row = self._one("SELECT ended_in, bar FROM jobs WHERE tenant = ? AND id = ?", job.tenant, job.id)
        return (row["ended_in"], row["bar"]) if row["ended_in"] else None

    def _jobs(self, condition):
        rows = self.database.execute(f"SELECT id, kind, tenant, product, body FROM jobs WHERE {condition} ORDER BY number")
        return [Job(*row) for row in rows]

    # Events

    def take(self, body):
        """Takes one event: its effect once by its id, and the end of its job each time."""
        event = events.Event(body)
        gap = None
        with self.database:
            is_new = self.database.execute("INSERT OR IGNORE INTO events VALUES (?)", [event.id]).rowcount == 1
            if is_new and event.page:
                event = self._with_its_pages(event, body)
            if is_new and not event.is_erased and not event.page:
                gap = self._show(event)
            has_ended_job = event.is_terminal and self._end_job(event)
        return Taken(event, is_new, has_ended_job, gap)

    def _end_job(self, event):
        ended = self.database.execute(
            "UPDATE jobs SET ended_in = ?, bar = ? WHERE tenant = ? AND id = ? AND ended_in IS NULL",
            [event.type, str(event.bar) if event.bar else None, event.tenant, event.job_id],
        )
        return ended.rowcount == 1

    def _with_its_pages(self, event, body):
        """The whole event with its last page; before that, the page itself. A page's id is the event's, with a dot and the number behind it."""
        number, count = event.page
        name = event.id if number == count else event.id.removesuffix(f".{number}")
        self.database.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?)", [name, number, body])
        if number < count:
            return event
        rows = self.database.execute("SELECT body FROM pages WHERE event = ? ORDER BY number", [name]).fetchall()
        self.database.execute("DELETE FROM pages WHERE event = ?", [name])
        return events.whole([events.Event(row["body"]) for row in rows])

    # The page

    def plan(self, tenant, product, plan):
        """Keeps the plan whose services the page lists. Services that it does not have any more are removed."""
        keys = [service["key"] for service in plan["services"]]
        with self.database:
            for service in plan["services"]:
                self.database.execute(
                    "INSERT INTO services (tenant, product, key, plan, row) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET plan = excluded.plan, row = excluded.row",
                    [tenant, product, service["key"], plan["planId"], json.dumps(service)],
                )
            self.database.execute(
                "DELETE FROM services WHERE tenant = ? AND product = ? AND key NOT IN (SELECT value FROM json_each(?))",
                [tenant, product, json.dumps(keys)],
            )

    def lane(self, tenant, product):
        """The connection and the bar of one product of a tenant."""
        self.database.execute("INSERT OR IGNORE INTO lanes (tenant, product) VALUES (?, ?)", [tenant, product])
        return self._one("SELECT * FROM lanes WHERE tenant = ? AND product = ?", tenant, product)

    def services(self, tenant, product):
        """The rows of the page's table, as (plan, service, status, error)."""
        rows = self.database.execute("SELECT * FROM services WHERE tenant = ? AND product = ? ORDER BY rowid", [tenant, product])
        return [(row["plan"], json.loads(row["row"]), row["status"], row["error"]) for row in rows]

    def _show(self, event):
        """Brings the page up to date. Returns the sequence numbers that are missing before the event."""
        lane = self.lane(event.tenant, event.product)
        last = (lane["epoch"], lane["sequence"])
        if event.sequence is None or (event.epoch, event.sequence) <= last:
            # Progress, or an event of the journal that newer ones have outdated.
            return None
        self._update_lane(event, lane)
        self._update_services(event, lane)
        is_known = last != (0, 0) and event.epoch == last[0]
        return (last[1] + 1, event.sequence - 1) if is_known and event.sequence > last[1] + 1 else None

    def _update_lane(self, event, lane):
        bar = str(event.bar) if event.bar else lane["bar"]
        connection = event.connection or lane["connection"]
        self.database.execute(
            "UPDATE lanes SET epoch = ?, sequence = ?, connection = ?, bar = ?, database = ? WHERE tenant = ? AND product = ?",
            [event.epoch, event.sequence, connection, bar, event.data.get("databaseId", lane["database"]), event.tenant, event.product],
        )

    def _update_services(self, event, lane):
        """A sync reports the status of every service. After a reset, or in another database, none is synced."""
        place = [event.tenant, event.product]
        moved = event.type == "connection.established" and lane["database"] not in (None, event.data["databaseId"])
        if moved or event.type == "integration.reset":
            self.database.execute("UPDATE services SET status = 'Not synced', error = NULL WHERE tenant = ? AND product = ?", place)
        if event.type in ("sync.succeeded", "sync.incomplete", "sync.failed"):
            for result in event.data["services"]:
                error = result.get("error")
                text = f"{error['message']} {error['hint']}" if error else None
                self.database.execute(
                    "UPDATE services SET status = ?, error = ? WHERE tenant = ? AND product = ? AND key = ?",
                    [result["status"], text, *place, result["key"]],
                )

    def _one(self, query, *values):
        return self.database.execute(query, values).fetchone()
