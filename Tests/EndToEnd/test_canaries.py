"""Canaries: secrets and user names of their own through every kind of job, every way in which Autotask fails and every fault, at the most
verbose log level; and then a search of everything that the worker leaves behind, in every spelling. Nothing is found."""

import base64
import itertools
import json
import pathlib
import re
import urllib.parse
import uuid

import pytest

import portal as portals
from collector import Collector
from tenants import BILLING_CODE, Tenant, plan

#: The simulator's faults, with what each needs. Those that hold a call up end with the worker's own time limit.
FAULTS = {
    "latency": {"milliseconds": 200},
    "lostResponse": {},
    "lateCommit": {"milliseconds": 200},
    "serverError": {},
    "unavailable": {},
    "throttled": {"retryAfterSeconds": 1},
    "hang": {},
    "notJSON": {},
    "truncated": {},
    "wrongContent": {},
    "closeBeforeReading": {},
    "change": {"change": {"zone": "AE03"}},
}
STATUSES = (201, 302, 400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 502, 503)
#: Where in a tenant's life a fault meets it.
STAGES = {
    "zone": {"entity": "ZoneInformation"},
    "version": {"entity": "Version"},
    "query": {"entity": "Services", "operation": "query"},
    "create": {"operation": "create"},
    "patch": {"operation": "patch"},
    "codes": {"entity": "BillingCodes"},
}


BASE64 = (base64.b64encode, base64.urlsafe_b64encode)


def texts(value):
    """A value as text that contains it."""
    data = value.encode()
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    for safe in ("", "/"):
        quoted = urllib.parse.quote(value, safe=safe)
        yield quoted
        yield re.sub("%..", lambda match: match.group().lower(), quoted)
    yield data.hex()
    yield data.hex().upper()
    # Read for Latin-1.
    yield data.decode("latin-1")


def echoes(value):
    """Texts in which a server might echo what it received."""
    yield from texts(value)
    for before, encode in itertools.product((b"", b"x", b"xy"), BASE64):
        yield encode(before + value.encode() + b"\n").decode()


def spellings(value):
    """What to look for, as bytes."""
    for text in texts(value):
        yield text.encode()
    # At any offset in the encoded text: leaves out the characters at its ends that depend on its neighbours.
    for offset, encode in itertools.product(range(3), BASE64):
        encoded = encode(b"\0" * offset + value.encode())
        yield encoded[(0, 2, 3)[offset] : len(encoded) - 4]


class Aviary:
    """Every canary that was let loose."""

    def __init__(self, new_number, key, portal, monitor, simulator, collector):
        self.new_number, self.parts = new_number, (key, portal, monitor, simulator)
        self.collector = collector
        self.canaries = []
        #: Canaries that were published in the clear, as a faulty portal would: the broker has seen them.
        self.published = []
        #: Canaries that Autotask echoed, in answers that the worker has no reason to wipe.
        self.echoed = []

    def canary(self, kind):
        """Long enough to be unique, and with characters that some encoding escapes."""
        value = f'{kind}-é:;%"\\/+-{uuid.uuid4().hex}'
        self.canaries.append(value)
        return value

    def tenant(self, **database):
        tenant = Tenant(self.new_number(), self.canary("Secret"), *self.parts, **database)
        tenant.username = f"canary-{uuid.uuid4().hex}@msp.example"
        tenant.code = self.canary("Code")
        self.canaries.append(tenant.username)
        tenant.database.change(
            users=[{"username": tenant.username, "secret": tenant.secret, "security": "full", "integrationCode": tenant.code}]
        )
        return tenant

    def connect_job(self, tenant, secret=None):
        job_id = portals.new_id()
        credentials = {"username": tenant.username, "secret": secret or tenant.secret, "integrationCode": tenant.code}
        sealed = portals.seal(tenant.key, job_id, tenant.name, "workplace", credentials)
        return tenant.job("connect", {"firstConfiguredAt": "2021-03-04T09:30:00Z", "credentials": sealed}, job_id)


@pytest.fixture(scope="module")
def aviary(worker, portal, monitor, simulator, numbers):
    worker.stop()
    collector = Collector()
    header = f"Header-{uuid.uuid4().hex}"
    # One more attempt, at the most verbose, and with traces of every job.
    worker.start(
        LOG_LEVEL="trace",
        RETRY_ATTEMPTS="2",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization={header}",
        OTEL_BSP_MAX_QUEUE_SIZE="100000",
    )
    aviary = Aviary(lambda: next(numbers), worker.public_key(), portal, monitor, simulator, collector)
    aviary.canaries.append(header)
    yield aviary
    collector.close()
    if worker.is_running:
        worker.stop()
    worker.process = None
    worker.start()


def faults(tenant):
    """Every fault that might echo this tenant's canaries: kinds, statuses, and refusals that repeat what was sent."""
    for kind, members in FAULTS.items():
        yield {"kind": kind, **members}
    echo = " ".join(form for value in (tenant.secret, tenant.username, tenant.code) for form in echoes(value))
    for status in STATUSES:
        yield {
            "kind": "status",
            "status": status,
            "body": json.dumps({"errors": [f"You sent {echo}"], "Message": echo, "title": echo}),
            "contentType": "application/json",
            "headers": {"X-Echo": urllib.parse.quote(echo), "Location": "https://webservices.autotask.net/" + urllib.parse.quote(echo)},
        }
    for text in (tenant.secret, tenant.username, tenant.code, f"<{tenant.secret}>", f"secret={tenant.secret}&", echo):
        yield {"kind": "businessError", "message": f"The value {text} is not allowed."}


def test_every_failure_of_autotask_at_every_stage(aviary, worker):
    count = sum(1 for _ in faults(aviary.tenant()))
    jobs = []
    for stage, number in itertools.product(STAGES, range(count)):
        tenant = aviary.tenant()
        fault = next(itertools.islice(faults(tenant), number, None))
        if fault["kind"] in ("status", "businessError"):
            aviary.echoed += [tenant.secret, tenant.code]
        first = aviary.connect_job(tenant)
        if stage in ("zone", "version"):
            selection = STAGES[stage]
            # A look-up names no database: the user does.
            selected = {"user": tenant.username} if stage == "zone" else {}
            if stage == "zone":
                aviary.parts[3].request("POST", "faults", {**fault, **selection, **selected, "times": 2})
            else:
                tenant.database.fault(**{**fault, **selection, "times": 2})
            jobs.append(first.publish())
        else:
            tenant.database.fault(**{**fault, **STAGES[stage], "times": 2})
            jobs.append(first.publish())
            if stage == "patch":
                jobs.append(tenant.publish("sync", plan(1)))
                changed = plan(1, acknowledge=["price_changed"])
                changed["services"][0]["unitPrice"] = "77"
                jobs.append(tenant.publish("sync", changed))
            elif stage == "codes":
                jobs.append(tenant.publish("billing-codes", {"refresh": True}))
            else:
                jobs.append(tenant.publish("sync", plan(1)))
    endings = [job.ending(180) for job in jobs]
    # The faults were met: all sorts of endings came of them.
    kinds = {ending["type"].removeprefix("autotask.") for ending in endings}
    assert {"connection.established", "connection.failed", "sync.succeeded", "sync.failed", "billing-codes.failed"} <= kinds, kinds


def test_every_kind_of_job_and_every_refusal(aviary, worker):
    tenant = aviary.tenant()
    assert aviary.connect_job(tenant).publish().ending()["type"] == "autotask.connection.established"
    for _ in range(2):
        wrong = aviary.connect_job(tenant, aviary.canary("Wrong"))
        assert wrong.publish().ending()["type"] == "autotask.connection.failed"
    jobs = [
        tenant.publish("sync", plan(2)),
        tenant.publish("billing-codes", {"refresh": True}),
        tenant.publish("preview", plan(2)),
        tenant.publish("verify", {}),
        tenant.publish("drift", {}),
        tenant.publish("diagnose", {}),
    ]
    for job in jobs:
        job.ending()
    # Sealed for somebody else.
    moved = aviary.connect_job(tenant)
    other = aviary.tenant()
    stolen = other.job("connect", moved.envelope["data"])
    assert stolen.publish().ending()["data"]["error"]["code"] == "decryption_failed"
    # Locked in Autotask, found by a sync.
    tenant.database.change(users=[{"username": tenant.username, "secret": aviary.canary("New")}])
    tenant.publish("sync", plan(3)).ending()
    # In a name, which is no secret, and in the place of one that is.
    tenant.publish("reset", {"confirm": True, "reason": "leaving"}).ending()


def test_what_a_faulty_portal_publishes_in_the_clear(aviary, worker):
    """The worker refuses it, and keeps nothing of it; that the broker has seen it cannot be undone."""
    for body in (
        lambda tenant: {"credentials": {"username": tenant.username, "secret": tenant.secret}},
        lambda tenant: {"credentials": {"keyId": tenant.secret, "enc": tenant.username, "ciphertext": tenant.secret}},
        lambda tenant: {"credentials": tenant.secret},
        lambda tenant: {"credentials": {"keyId": worker.public_key()["keyId"], "enc": "AAAA", "ciphertext": "AAAA"}, tenant.secret: 1},
    ):
        tenant = aviary.tenant()
        aviary.published += [tenant.secret, tenant.username]
        tenant.publish("connect", body(tenant)).ending()
    tenant = aviary.tenant()
    aviary.published += [tenant.secret, tenant.username]
    text = json.dumps({"username": tenant.username, "secret": tenant.secret})
    job_id = portals.new_id()
    for broken in (text[:-1], "\0" + text, "[" * 40 + text, "x" * 2_000_000 + text):
        aviary.parts[1].publish_raw(
            broken.encode(), f"connect.{tenant.name}", message_id=job_id, type="autotask.job.connect"
        )
    last = tenant.publish("verify", {})
    last.ending()


def test_no_canary_is_found_anywhere(aviary, worker, monitor, broker):
    places = {path.name: path.read_bytes() for path in worker.directory.glob("worker.*") if path.is_file()}
    assert {"worker.log", "worker.sqlite", "worker.sqlite-wal"} <= set(places)
    process = pathlib.Path(f"/proc/{worker.process.pid}")
    for name in ("environ", "cmdline"):
        places[name] = (process / name).read_bytes()
    places["events"] = b"\n".join(monitor.bodies)
    collector = aviary.collector
    # The last job's spans are there, and so are those of all before it.
    last = next(event["id"] for event in reversed(monitor.events) if event["terminal"] and "traceparent" in event)
    collector.await_spans(lambda span: span.attributes.get("messaging.message.id") == last)
    places["spans"] = b"\n".join(collector.bodies)
    assert collector.problems == [] and len(collector.spans) > 2000
    places["metrics"] = worker.metrics().encode()
    for command in (
        ("dead-letters", "list", "--json"),
        ("audit", "list", "--limit", "100000", "--json"),
        ("audit", "export", "-"),
        ("tenant", "list", "--json"),
        ("keys", "list", "--json"),
    ):
        places[" ".join(command)] = worker.cli(*command).encode()
    letters = json.loads(worker.cli("dead-letters", "list", "--json"))
    assert letters
    of_broker = {
        str(path.relative_to(broker.directory)): path.read_bytes() for path in broker.directory.rglob("*") if path.is_file()
    }
    found = []
    for canary in aviary.canaries:
        searched = places if canary in aviary.published else {**places, **of_broker}
        for form in set(spellings(canary)):
            found += [(place, canary, form[:60]) for place, data in searched.items() if form in data]
    assert found == [], f"{len(found)} finds, such as {found[:5]}"
    assert len(aviary.canaries) > 300
    print(f"{len(aviary.canaries)} canaries, {sum(map(len, places.values())) >> 20} MiB of the worker's, {sum(map(len, of_broker.values())) >> 20} MiB of the broker's")
    # The search finds an existing secret.
    assert any(tenant_name in places["events"] for tenant_name in (b"msp-", b"autotask."))
    assert str(BILLING_CODE).encode() in places["events"]
    assert b"zoneInformation" in places["spans"] and b"autotask_worker_spans_total" in places["metrics"]


def test_no_secret_is_left_in_the_memory_of_a_worker_that_is_done(aviary, worker):
    """The worker has nothing to do now. What it opened was wiped where it lay, and what libcurl had of it."""
    memory = b"\0".join(readable_memory(worker.process.pid))
    assert b"autotask-worker" in memory
    known = {*aviary.published, *aviary.echoed}
    secrets = [canary for canary in aviary.canaries if canary.startswith(("Secret", "Code", "Wrong")) and canary not in known]
    found = [secret for secret in secrets if secret.encode() in memory]
    assert found == [], f"{len(found)} of {len(secrets)} secrets are still in memory, such as {found[0]}"


def readable_memory(pid):
    """Everything that the process can write to: heap, stacks, its libraries' data."""
    try:
        memory = open(f"/proc/{pid}/mem", "rb", buffering=0)
    except PermissionError:
        pytest.skip("needs the right to read another process's memory")
    with memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            first, last = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(first)
                yield memory.read(last - first)
            except (OSError, ValueError):
                continue
