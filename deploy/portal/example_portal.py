#!/usr/bin/env python3
"""A portal in small: connects, syncs and resets tenants, follows the results, and prints what its page shows. README.md has a first hour with it.

    python3 -m venv .venv && .venv/bin/pip install -r deploy/portal/requirements.txt
    .venv/bin/python deploy/portal/example_portal.py sync --tenant msp-4711 --plan seeds/jobs/sync.json

Exit codes: 0 done, 1 the job failed, 2 usage, 69 the broker does not work, or no answer came in time.
"""

import argparse
import datetime
import getpass
import json
import os
import sqlite3
import sys
import time

import jobs
from broker import BrokerProblem, Follower, Publisher, journal
from ledger import Ledger

FAILED, USAGE, UNAVAILABLE = 1, 2, 69
SUCCESS = ("connection.established", "sync.succeeded", "integration.reset")
COLUMNS = ("Status", "Service Name", "Plan ID", "Period", "Type", "Unit Cost", "Unit Price", "Billing Code")


class Portal:
    """Brings the parts together: the ledger keeps, the publisher sends, the follower hears."""

    def __init__(self, options):
        self.options = options
        self.ledger = Ledger(options.state)

    def request(self, job):
        """Publishes a job, and waits for its end. The ledger has it before anything can fail, and the queue is there before an event can come."""
        self.ledger.add(job)
        follower = self.follower()
        self.publish(self.ledger.unconfirmed())
        if self.options.no_wait:
            print(f"Published {job.kind} {job.id}.")
            return 0
        return self.follow(follower, job)

    def publish(self, waiting):
        """Publishes jobs in their order, and none after one that was not confirmed: a sync must not overtake the reset before it."""
        publisher = Publisher(self.options.url)
        try:
            for job in waiting:
                publisher.publish(job)
                self.ledger.confirm(job)
        finally:
            publisher.close()

    def resend(self):
        """Publishes every unanswered job again, the same bytes. The worker does no job twice, and answers one that has ended again."""
        waiting = self.ledger.unanswered()
        self.publish(waiting)
        print(f"Published {len(waiting)} unanswered jobs again.")
        return 0

    def follow(self, follower, job=None):
        """Takes events until a job has ended; without one until every job has, or until it is stopped."""
        patience = Patience(self.options.timeout)
        for tag, body in follower.deliveries():
            if tag is not None:
                taken = self.take(body)
                # After the commit, so that no event is lost.
                follower.acknowledge(tag)
                patience.note(taken.event)
            if job and (ended := self.ledger.ending(job)):
                return self.show_end(job, *ended)
            if not job and not self.options.until_answered:
                continue
            if not job and not self.ledger.unanswered():
                return 0
            if patience.is_over:
                raise BrokerProblem(
                    f"No answer within {self.options.timeout:g} s. RabbitMQ has the job: follow, or resend it, which repeats no work. If that does "
                    "not help, ask the operator whether a worker runs, and for: autotask-worker dead-letters list"
                )
        return 0

    def replay(self):
        """Takes what the journal still has. Events that are known change nothing."""
        new = [taken for body in journal(self.options.monitor_url, self.options.offset) if (taken := self.take(body)).is_new]
        print(f"The journal had {len(new)} events that were missed.")
        return 0

    def take(self, body):
        taken = self.ledger.take(body)
        event = taken.event
        notes = [event.type, *(["(again)"] if not taken.is_new else []), *(["closes its job"] if taken.has_ended_job else [])]
        print(f"{event.time[11:19]}  {event.tenant}  {'  '.join(notes)}")
        if event.type == "job.deferred" and taken.is_new:
            print(f"          waits until {event.data['until']}: {event.data['error']['message']}")
        if taken.gap:
            print(f"          events {taken.gap[0]} to {taken.gap[1]} are missing: have a monitor replay the journal")
        return taken

    def show_end(self, job, ended_in, bar):
        """The page after a job: its own bar on top."""
        self.show_page(job.tenant, job.product, bar)
        return 0 if ended_in in SUCCESS else FAILED

    def show_page(self, tenant, product, bar=None):
        """The bar of a job, or the latest one, and the table of services."""
        lane = self.ledger.lane(tenant, product) or {"bar": None, "connection": "none"}
        print(f"\n{bar or lane['bar'] or '(no bar)'}\n\nConnection: {lane['connection']}")
        for line in table(self.ledger.services(tenant, product)):
            print(line)
        return 0

    def follower(self):
        return Follower(self.options.url, self.options.queue)


def table(rows):
    """The page's list of services as lines: a service in Error has a line with what to do."""
    if not rows:
        return ["No plan was synced yet."]
    members = ("period", "type", "unitCost", "unitPrice", "billingCodeId")
    cells = [(status, service["name"], plan, *(str(service.get(name, "")) for name in members)) for plan, service, status, _ in rows]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *cells)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in (COLUMNS, *cells)]
    errors = [""] + [error for *_, error in rows]
    return [part for line, error in zip(lines, errors) for part in (line, error and f"            {error}") if part]


class Patience:
    """How long to wait for an answer. No answer comes before the end of a deferral, so the time begins again there."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def note(self, event):
        if event.type == "job.deferred":
            until = datetime.datetime.fromisoformat(event.data["until"].replace("Z", "+00:00"))
            rest = (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
            self.end = max(self.end, time.monotonic() + rest + self.seconds)

    @property
    def is_over(self):
        return time.monotonic() > self.end


# Commands


def connect(portal, options):
    """The secret comes on standard input: an argument or a variable would show it to others."""
    secret = getpass.getpass("Secret: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    credentials = {"username": options.username, "secret": secret}
    keys = read_json(options.keys)
    return portal.request(jobs.connect(options.tenant, credentials, keys, options.first_configured_at, options.product))


def sync(portal, options):
    plan = read_json(options.plan)
    portal.ledger.plan(options.tenant, options.product, plan)
    return portal.request(jobs.sync(options.tenant, plan, options.product))


def reset(portal, options):
    return portal.request(jobs.reset(options.tenant, options.reason, options.product))


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


COMMANDS = {
    "connect": connect,
    "sync": sync,
    "reset": reset,
    "follow": lambda portal, _: portal.follow(portal.follower()),
    "resend": lambda portal, _: portal.resend(),
    "replay": lambda portal, _: portal.replay(),
    "page": lambda portal, options: portal.show_page(options.tenant, options.product),
}


def arguments():
    parser = argparse.ArgumentParser(description="A portal in small.")
    parser.add_argument("--url", default=os.environ.get("PORTAL_AMQP_URL"), help="the broker, as the portal's user; PORTAL_AMQP_URL")
    parser.add_argument("--state", default=os.environ.get("PORTAL_STATE", "portal.sqlite"), help="the portal's database; PORTAL_STATE")
    parser.add_argument("--queue", default="autotask.portal.example", help="the portal's own queue; its user may use autotask.portal.*")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, text, is_job=False, has_lane=True):
        found = commands.add_parser(name, help=text)
        found.set_defaults(until_answered=False)
        if has_lane:
            found.add_argument("--tenant", required=True)
            found.add_argument("--product", choices=["workplace", "fileProtection"], default="workplace")
        if is_job:
            found.add_argument("--no-wait", action="store_true", help="do not wait for the end of the job")
        if is_job or name == "follow":
            found.add_argument("--timeout", type=float, default=120, help="how many seconds to wait for it; a deferral counts from its end")
        return found

    found = command("connect", "connect a tenant; standard input is the secret", is_job=True)
    found.add_argument("--username", required=True)
    found.add_argument("--keys", default=os.environ.get("PORTAL_KEYS"), help="a file with the output of autotask-worker keys publish; PORTAL_KEYS")
    found.add_argument("--first-configured-at", required=True, help="when the tenant first configured the integration: 2021-03-04T09:30:00Z")
    command("sync", "transfer the services of a plan", is_job=True).add_argument("--plan", required=True, help="a JSON file: the data of a sync")
    command("reset", "erase the integration", is_job=True).add_argument("--reason", default="Requested in the portal.")
    found = command("follow", "take events as they arrive", has_lane=False)
    found.add_argument("--until-answered", action="store_true", help="end when no job is unanswered")
    command("resend", "publish every unanswered job again, the same bytes", has_lane=False)
    found = command("replay", "take the events that were missed from the journal", has_lane=False)
    found.add_argument("--monitor-url", default=os.environ.get("MONITOR_AMQP_URL"), help="the broker, as a monitor's user; MONITOR_AMQP_URL")
    found.add_argument("--offset", default="first", help="where to begin: first, or an interval such as 24h")
    command("page", "show the bar and the services of a tenant")
    options = parser.parse_args()
    if not options.url:
        parser.error("Set PORTAL_AMQP_URL, or --url.")
    if options.command == "connect" and not options.keys:
        parser.error("Set PORTAL_KEYS, or --keys: credentials are sealed to the worker's public keys.")
    if options.command == "replay" and not options.monitor_url:
        parser.error("Set MONITOR_AMQP_URL, or --monitor-url: the portal's user may not read the journal.")
    return options


def main():
    # A line is seen when it is printed, also in a log.
    sys.stdout.reconfigure(line_buffering=True)
    options = arguments()
    portal = None
    try:
        portal = Portal(options)
        return COMMANDS[options.command](portal, options)
    except BrokerProblem as problem:
        print(problem, file=sys.stderr)
        if kept := len(portal.ledger.unconfirmed()):
            print(f"{kept} {'job is' if kept == 1 else 'jobs are'} kept, and published before the next one.", file=sys.stderr)
        return UNAVAILABLE
    except KeyError as error:
        print(f"A member is missing in a file: {error}", file=sys.stderr)
        return USAGE
    except (ValueError, LookupError, OSError, sqlite3.Error) as error:
        print(error, file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
