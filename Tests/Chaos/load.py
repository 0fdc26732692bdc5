"""The portal of the run: thousands of jobs for hundreds of tenants, each published until the broker has confirmed it."""

import copy
import dataclasses
import random
import threading
import time
import uuid

import pika.exceptions

import portal as portals
from simulator import Database
from tenants import BILLING_CODE, CONFIGURED

PLAN = "datto-workplace"
BILLING_CODES = (BILLING_CODE, 29683004)
QUOTA = 1_000_000


@dataclasses.dataclass
class Published:
    """A job, and the result of its publication."""

    lane: "Lane"
    envelope: dict
    number: int  # Its place among the jobs of its lane.
    secret: str | None = None  # Of a connect.
    first_attempt: float = 0.0  # time.time()
    confirmed_at: float | None = None
    confirms: int = 0
    attempts: int = 0
    is_conflict: bool = False  # Published under the id of another job, which remains valid.

    @property
    def id(self):
        return self.envelope["id"]

    @property
    def tenant(self):
        return self.envelope["subject"]

    @property
    def key(self):
        return self.tenant, self.id

    @property
    def kind(self):
        return self.envelope["type"].rsplit(".", 1)[1]


@dataclasses.dataclass
class ResetWindow:
    """A time in which nothing may be written for a lane: from the receipt of its reset's event to the next connect's publication."""

    lane: "Lane"
    job: Published
    received_at: float | None = None
    until: float | None = None


class Lane:
    """One tenant's product: what its people do, in an order that follows from the seed alone."""

    def __init__(self, tenant, product, number, database, user, secret, seed):
        self.tenant = tenant
        self.product = product
        self.number = number
        self.database = database
        self.user = user
        self.secret = secret  # As Autotask has it now.
        self.random = random.Random(f"{seed}/{tenant}/{product}")
        self.jobs = []
        self.revision = 0
        self.services = {}
        self.retired = []
        self.next_key = 1
        self.next_name = 1
        self.is_connected = False  # As far as the portal would believe.
        self.awaited_reset = None  # A ResetWindow, while nothing new is published.
        self.calm = 0.0
        self.password_changes = []
        self.first_repeatable = 0
        self.must_connect = False

    @property
    def name(self):
        return self.tenant if self.product == "workplace" else f"{self.tenant}/{self.product}"

    # Jobs

    def job(self, kind, data, secret=None, job_id=None):
        data = dict(data or {})
        if self.product != "workplace":
            data["product"] = self.product
        job_id = job_id or str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        envelope = portals.envelope(kind, self.tenant, data, job_id, source="/portal/chaos")
        job = Published(self, envelope, len(self.jobs), secret)
        self.jobs.append(job)
        return job

    def connect(self, key, secret=None):
        secret = secret or self.secret
        job = self.job("connect", {"firstConfiguredAt": CONFIGURED}, secret)
        credentials = {"username": self.user, "secret": secret}
        job.envelope["data"]["credentials"] = portals.seal(key, job.id, self.tenant, self.product, credentials)
        self.is_connected = self.is_connected or secret == self.secret
        return job

    def sync(self):
        self.revision += 1
        return self.job("sync", self.plan())

    def question(self):
        """What writes nothing."""
        kind = self.random.choice(("preview", "verify", "drift", "diagnose"))
        return self.job(kind, self.plan() if kind == "preview" else {})

    def plan(self):
        data = {"planId": PLAN, "revision": self.revision, "services": [copy.deepcopy(entry) for entry in self.services.values()]}
        # Prices come as they come.
        data["acknowledge"] = ["price_changed"]
        if self.retired:
            data["retired"] = list(self.retired)
        return data

    # The plan

    def new_name(self):
        self.next_name += 1
        return f"{self.name} service {self.next_name}"

    def price(self):
        return f"{self.random.randint(0, 400)}.{self.random.randint(0, 9999):04}"

    def add_service(self):
        key = f"service-{self.next_key}"
        self.next_key += 1
        self.services[key] = {
            "key": key,
            "name": self.new_name(),
            "type": self.random.choice(("License", "Storage", "Server")),
            "period": self.random.choice(("Monthly", "Yearly")),
            "unitCost": self.price(),
            "unitPrice": self.price(),
            "billingCodeId": self.random.choice(BILLING_CODES),
        }

    def edit_plan(self):
        while len(self.services) < 2:
            self.add_service()
        what = self.random.random()
        entry = self.random.choice(list(self.services.values()))
        if what < 0.25 and len(self.services) < 8:
            self.add_service()
        elif what < 0.35 and len(self.services) > 2:
            self.retired.append(entry["key"])
            del self.services[entry["key"]]
        elif what < 0.5:
            entry["name"] = self.new_name()
        elif what < 0.6:
            other = self.random.choice(list(self.services.values()))
            entry["name"], other["name"] = other["name"], entry["name"]
        elif what < 0.85:
            entry[self.random.choice(("unitPrice", "unitCost"))] = self.price()
        elif what < 0.92:
            entry["billingCodeId"] = self.random.choice(BILLING_CODES)


class Load:
    """Publishes at a steady rate from a thread of its own, and never gives a job up before the broker confirmed it."""

    def __init__(self, broker, live, simulator, key, *, seed, tenants, rate, canary):
        self.broker = broker
        self.live = live
        self.simulator = simulator
        self.key = key
        self.seed = seed
        self.rate = rate
        self.canary = canary
        self.random = random.Random(f"{seed}/load")
        # Apart, because how often a tenant waits depends on the time that things take.
        self.repeats = random.Random(f"{seed}/repeats")
        self.portal = None
        self.jobs = []
        self.published = 0
        self.duplicates = 0
        self.unroutable = 0
        self.conflicts = set()  # By (tenant, job): ids that were used again for something else.
        self.windows = []
        self.databases = {}
        self.lanes = []
        self.pause = threading.Event()  # Set: nothing is published.
        self.is_paused = threading.Event()
        self.is_ending = threading.Event()
        self.has_given_up = False  # What is not confirmed by now never is.
        self.urgent = []  # Jobs of the faults' own.
        self.lock = threading.Lock()
        self.error = None
        self.make_tenants(tenants)
        self.thread = threading.Thread(target=self.run, name="portal", daemon=True)

    # Tenants

    def make_tenants(self, count):
        number = 0
        while number < count:
            # Some MSPs share one Autotask database, and some connect both products.
            sharing = self.random.choice((1, 1, 1, 2, 3))
            members = [self.new_member(number + index) for index in range(min(sharing, count - number))]
            self.make_database(number, members)
            number += len(members)

    def new_member(self, number):
        both = self.random.random() < 0.1
        return [
            (f"msp-{number}", product, number, f"api-{number}-{product.lower()}@msp.example", self.new_secret())
            for product in (("workplace", "fileProtection") if both else ("workplace",))
        ]

    def new_secret(self):
        return f"{self.canary}{self.random.getrandbits(64):016x}"

    def make_database(self, number, members):
        identities = [identity for member in members for identity in member]
        database = Database(
            self.simulator,
            200_000 + number,
            "",
            "",
            users=[{"username": user, "secret": secret, "security": "full"} for _, _, _, user, secret in identities],
            # Autotask's own check of names is not relied upon: where it is off, only the worker prevents a second service.
            uniqueServiceNames=self.random.random() < 0.5,
            # Wrong passwords are counted afterwards; a locked user would hide what the worker does next.
            lockAfterFailures=0,
            quotaLimit=QUOTA,
        )
        self.databases[database.number] = database
        lanes = [
            Lane(tenant, product, place, database, user, secret, self.seed) for tenant, product, place, user, secret in identities
        ]
        self.lanes += lanes
        return lanes

    # Publishing

    def run(self):
        try:
            self.portal = portals.Portal(self.broker.url("portal"))
            due = time.monotonic()
            while not self.is_ending.is_set():
                if self.pause.is_set() and not self.urgent:
                    self.is_paused.set()
                    time.sleep(0.05)
                    due = time.monotonic()
                    continue
                self.is_paused.clear()
                with self.lock:
                    jobs = [self.urgent.pop(0)] if self.urgent else None
                for job in jobs or self.next_jobs():
                    self.publish(job)
                    due += 1 / self.rate
                # After an outage the rate is the same as before.
                due = max(due, time.monotonic() - 1)
                self.is_ending.wait(max(0, due - time.monotonic()))
        except Exception as error:  # Whatever it is, the run has to say so.
            self.error = error
            raise
        finally:
            self.is_paused.set()

    def next_jobs(self):
        lane = self.random.choice(self.lanes)
        return self.next_of(lane)

    def next_of(self, lane):
        """The next action of a tenant, as one job or several in a row."""
        window = lane.awaited_reset
        if window is not None:
            if not self.is_over(window, lane):
                return self.repeat(lane)
            lane.awaited_reset = None
            job = lane.connect(self.key)
            window.until = time.time()
            return [job]
        if lane.must_connect:
            lane.must_connect = False
            return [lane.connect(self.key)]
        if not lane.jobs:
            lane.edit_plan()
            return [lane.connect(self.key), lane.sync()]
        draw = lane.random.random()
        if draw < 0.05:
            return self.repeat(lane)
        if draw < 0.08:
            return [lane.connect(self.key, f"{self.canary}wrong-{lane.random.getrandbits(32):08x}")]
        if draw < 0.10:
            return self.change_password(lane)
        if draw < 0.13:
            return [lane.connect(self.key)]
        if draw < 0.17:
            return self.reset(lane)
        if draw < 0.24:
            return [lane.question()]
        if draw < 0.30:
            return [lane.job("billing-codes", {"refresh": lane.random.random() < 0.4})]
        if draw < 0.33:
            return [self.invalid(lane)]
        if draw < 0.34:
            return self.conflict(lane)
        if draw < 0.42:
            jobs = []
            for _ in range(lane.random.randint(2, 4)):
                lane.edit_plan()
                jobs.append(lane.sync())
            return jobs
        lane.edit_plan()
        return [lane.sync()]

    def is_over(self, window, lane):
        """Whether a reset's event came, and nothing was heard of the lane for a while."""
        if window.received_at is None:
            endings = self.live.endings_of.get(window.job.key)
            if not endings:
                return False
            window.received_at = max(self.live.received_at[event_id] for event_id in list(endings))
        return time.time() > window.received_at + lane.calm

    def repeat(self, lane):
        """The same job once more, as a portal does that is not sure."""
        jobs = lane.jobs[lane.first_repeatable :]
        if not jobs:
            return []
        self.duplicates += 1
        return [self.repeats.choice(jobs)]

    def reset(self, lane):
        job = lane.job("reset", {"confirm": True})
        window = ResetWindow(lane, job)
        self.windows.append(window)
        lane.awaited_reset = window
        # Now and then longer than a stopped worker sleeps.
        lane.calm = lane.random.choice((1, 2, 4, 35))
        lane.is_connected = False
        return [job]

    def change_password(self, lane):
        """A user changes the API user's password in Autotask, and enters it in the portal later."""
        lane.secret = self.new_secret()
        lane.password_changes.append(time.time())
        lane.database.change(users=[{"username": lane.user, "secret": lane.secret}])
        lane.edit_plan()
        return [lane.sync(), lane.connect(self.key), lane.sync()]

    def invalid(self, lane):
        if lane.random.random() < 0.5:
            return lane.job("reset", {"confirm": False})
        return lane.job("sync", {"planId": PLAN, "services": [{"key": "no name"}]})

    def conflict(self, lane):
        """Another job under a used id: the first job remains valid, and this one has no ending of its own."""
        if len(lane.jobs) <= lane.first_repeatable:
            return []
        first = lane.random.choice(lane.jobs[lane.first_repeatable :])
        other = dataclasses.replace(first, envelope=copy.deepcopy(first.envelope), is_conflict=True)
        other.envelope["data"] = {**(other.envelope.get("data") or {}), "unknown": lane.random.getrandbits(32)}
        return [other]

    def publish(self, job):
        """Until the broker confirms it."""
        job.first_attempt = job.first_attempt or time.time()
        while True:
            job.attempts += 1
            try:
                if self.portal.connection.is_closed:
                    self.portal.connect()
                self.portal.publish(job.envelope)
                break
            except pika.exceptions.UnroutableError:
                self.unroutable += 1
            except (pika.exceptions.NackError, pika.exceptions.ChannelClosedByBroker, pika.exceptions.ChannelWrongStateError):
                self.reopen()
            except (pika.exceptions.AMQPError, OSError):
                self.reopen()
            if self.is_ending.wait(0.3) and self.has_given_up:
                return
        self.published += 1
        if job.is_conflict:
            self.conflicts.add(job.key)
            return
        if job.confirms == 0:
            job.confirmed_at = time.time()
            self.jobs.append(job)
        job.confirms += 1

    def reopen(self):
        try:
            if self.portal.connection.is_open:
                self.portal.connection.close()
        except (pika.exceptions.AMQPError, OSError):
            pass
        try:
            self.portal.connect()
        except (pika.exceptions.AMQPError, OSError):
            pass

    # For the faults

    def submit(self, job):
        """Publishes a fault's job as soon as possible."""
        with self.lock:
            self.urgent.append(job)

    def hold(self, seconds=60):
        """Stops publishing, and waits until the publication in progress is over."""
        self.is_paused.clear()
        self.pause.set()
        return self.is_paused.wait(seconds)

    def forget_past(self):
        """After a restored backup: jobs of before are not repeated, since the store may not know them, and everybody connects again."""
        for lane in self.lanes:
            lane.first_repeatable = len(lane.jobs)
            lane.must_connect = bool(lane.jobs)

    def go_on(self):
        self.pause.clear()

    def start(self):
        self.thread.start()

    def finish(self, seconds=120):
        """Ends it once the job at hand is confirmed."""
        self.is_ending.set()
        self.thread.join(timeout=seconds)
        self.has_given_up = True

    # Asking

    def open_jobs(self):
        """Confirmed jobs that have no ending yet."""
        return [job for job in list(self.jobs) if not self.live.has_ended(*job.key)]
