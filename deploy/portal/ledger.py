"""What a portal keeps in its database: jobs until they have ended, the ids of events, and what the page shows.

An event is taken in one transaction, and acknowledged after that. So a portal that dies in between gets the event again, and knows its id.

Everything that the page shows has the place of the event that it is from: its epoch and sequence. Only a later event changes it, so that one of
the journal fills a gap and turns nothing back.
"""

import dataclasses
import json
import sqlite3
import unicodedata

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
    tenant TEXT, product TEXT, place TEXT DEFAULT '',
    connection TEXT DEFAULT 'none', database INTEGER, connection_place TEXT DEFAULT '', bar TEXT, bar_place TEXT DEFAULT '',
    PRIMARY KEY (tenant, product)
);
CREATE TABLE IF NOT EXISTS services (
    tenant TEXT, product TEXT, plan TEXT, key TEXT, row TEXT, status TEXT DEFAULT 'Not synced', error TEXT, place TEXT DEFAULT '',
    PRIMARY KEY (tenant, product, plan, key)
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
            if is_new and event.place and not event.page:
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
        if len(rows) < count:
            # A page was lost. The journal has it: then the last page, which ends the event, has to count as new.
            self.database.execute("DELETE FROM events WHERE id = ?", [name])
            return event
        self.database.execute("DELETE FROM pages WHERE event = ?", [name])
        return events.whole([events.Event(row["body"]) for row in rows])

    # The page

    def plan(self, tenant, product, plan):
        """Keeps a plan whose services the page lists. Services that it does not have any more are removed."""
        place = [tenant, product, plan_name(plan["planId"])]
        with self.database:
            for service in plan["services"]:
                self.database.execute(
                    "INSERT INTO services (tenant, product, plan, key, row) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET row = excluded.row",
                    [*place, service["key"], json.dumps(service)],
                )
            self.database.execute(
                "DELETE FROM services WHERE tenant = ? AND product = ? AND plan = ? AND key NOT IN (SELECT value FROM json_each(?))",
                [*place, json.dumps([service["key"] for service in plan["services"]])],
            )

    def lane(self, tenant, product):
        """The connection and the bar of one product of a tenant; None before its first event."""
        return self._one("SELECT * FROM lanes WHERE tenant = ? AND product = ?", tenant, product)

    def services(self, tenant, product):
        """The rows of the page's table, as (plan, service, status, error)."""
        rows = self.database.execute("SELECT * FROM services WHERE tenant = ? AND product = ? ORDER BY rowid", [tenant, product])
        return [(row["plan"], json.loads(row["row"]), row["status"], row["error"]) for row in rows]

    def _show(self, event):
        """Brings the page up to date. Returns the sequence numbers that are missing before the event."""
        self.database.execute("INSERT OR IGNORE INTO lanes (tenant, product) VALUES (?, ?)", [event.tenant, event.product])
        lane = self.lane(event.tenant, event.product)
        moved = event.type == "connection.established" and lane["database"] not in (None, event.data["databaseId"])
        if event.type in ("sync.succeeded", "sync.incomplete", "sync.failed"):
            self._show_services(event)
        elif moved or event.type == "integration.reset":
            # After a reset, or in another database, no service is synced.
            self._change("services", "status = 'Not synced', error = NULL, place = ?", [event.place], event, "place")
        if event.connection:
            values = [event.connection, event.data.get("databaseId", lane["database"]), event.place]
            self._change("lanes", "connection = ?, database = ?, connection_place = ?", values, event, "connection_place")
        if event.bar:
            self._change("lanes", "bar = ?, bar_place = ?", [str(event.bar), event.place], event, "bar_place")
        self._change("lanes", "place = ?", [event.place], event, "place")
        last = lane["place"]
        in_one_epoch = last and events.place(event.epoch, 0) < last < events.place(event.epoch, event.sequence - 1)
        return (events.sequence_of(last) + 1, event.sequence - 1) if in_one_epoch else None

    def _show_services(self, event):
        """A sync reports the status of every service of its plan."""
        for result in event.data["services"]:
            error = result.get("error")
            text = f"{error['message']} {error['hint']}" if error else None
            values, only = [result["status"], text, event.place], [plan_name(event.data["planId"]), result["key"]]
            self._change("services", "status = ?, error = ?, place = ?", values, event, "place", " AND plan = ? AND key = ?", only)

    def _change(self, table, assignments, values, event, place, condition="", only=()):
        """Changes what is from an earlier event than this one."""
        self.database.execute(
            f"UPDATE {table} SET {assignments} WHERE tenant = ? AND product = ? AND {place} < ?{condition}",
            [*values, event.tenant, event.product, event.place, *only],
        )

    def _one(self, query, *values):
        return self.database.execute(query, values).fetchone()


def plan_name(text):
    """A plan's id as the worker returns it: two spellings of one text are one plan."""
    return unicodedata.normalize("NFC", text)
