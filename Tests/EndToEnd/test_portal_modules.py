"""The modules of `deploy/portal`, in Python and for Node: jobs and events as the schemas say, and the ledger."""

import copy
import json

import pytest

import contract
from portal_example import node, portal_events, portal_jobs, portal_ledger
from tenants import CONFIGURED
from test_documents import CATALOGUE, tables

EXAMPLES = {path.name: path.read_bytes() for path in sorted((contract.SCHEMAS / "examples" / "events").glob("*.json"))}
PLAN = contract.load(contract.SEEDS / "jobs" / "sync.json")
KEYS = contract.load(contract.SCHEMAS / "examples" / "published-keys.json")
CREDENTIALS = {"username": "api@msp.example", "secret": "s3cret"}


# Jobs


def usable_keys():
    """The example's keys, valid now."""
    keys = copy.deepcopy(KEYS)
    for key in keys["keys"]:
        key["notAfter"] = "2999-01-01T00:00:00Z"
    return keys


def jobs_of_python():
    made = [
        portal_jobs.connect("msp-4711", CREDENTIALS, usable_keys(), CONFIGURED),
        portal_jobs.sync("msp-4711", PLAN),
        portal_jobs.reset("msp-4711", "Over.", "fileProtection"),
        portal_jobs.make("billing-codes", "msp-4711", {}),
    ]
    names = ("user_id", "message_id", "type", "content_type", "delivery_mode", "timestamp")
    return [(job.routing_key, job.body, {name: getattr(job.properties("portal"), name) for name in names}) for job in made]


def jobs_of_node():
    made = node(
        """
        const { connect, make, options, reset, sync } = await load("jobs");
        const jobs = [
          connect("msp-4711", input.credentials, input.keys, input.configured),
          sync("msp-4711", input.plan),
          reset("msp-4711", "Over.", "fileProtection"),
          make("billing-codes", "msp-4711", {}),
        ];
        print(jobs.map((job) => [job.routingKey, job.body.toString(), options(job, "portal")]));
        """,
        {"credentials": CREDENTIALS, "keys": usable_keys(), "configured": CONFIGURED, "plan": PLAN},
    )
    snake = {"userId": "user_id", "messageId": "message_id", "contentType": "content_type", "deliveryMode": "delivery_mode"}
    return [
        (key, body.encode(), {snake.get(name, name): value for name, value in options.items() if name != "mandatory" or value is not True})
        for key, body, options in made
    ]


@pytest.mark.parametrize("jobs", [jobs_of_python, jobs_of_node], ids=["Python", "Node"])
def test_jobs_keep_the_schemas(jobs):
    made = jobs()
    assert [key for key, _, _ in made] == ["connect.msp-4711", "sync.msp-4711", "reset.msp-4711", "billing-codes.msp-4711"]
    recommended = contract.schemas()["common/job-properties.json"]["x-recommended"]
    for _, body, properties in made:
        job = json.loads(body)
        assert contract.errors(contract.job_schema(job), job) == []
        assert contract.errors("common/job-properties.json", properties) == []
        assert set(properties) == {"user_id", *recommended}
        assert (properties["message_id"], properties["type"]) == (job["id"], job["type"])
        assert CREDENTIALS["secret"] not in body.decode()
    assert [json.loads(body)["data"]["product"] for _, body, _ in made] == ["workplace", "workplace", "fileProtection", "workplace"]


@pytest.mark.parametrize("tenant", ["", "msp.4711", "-msp", "x" * 65, "msp 4711", "msp-4711\n"])
def test_a_tenant_that_no_job_may_have_is_refused(tenant):
    assert contract.errors("common/tenant.json", tenant) or tenant.endswith("\n")
    with pytest.raises(ValueError, match="is no tenant"):
        portal_jobs.make("sync", tenant, PLAN)
    thrown = 'const { make } = await load("jobs"); try { make("sync", input, {}); print(null) } catch (error) { print(error.name) }'
    assert node(thrown, tenant) == "RangeError"


# Events


def test_both_modules_show_events_as_the_schemas_say():
    expected = {
        name[7:-5]: [schema["x-display"][member] for member in ("headline", "severity", "connection")]
        for name, schema in contract.schemas().items()
        if name.startswith("events/")
    }
    assert {name: list(display) for name, display in portal_events.DISPLAY.items()} == expected
    module = node('const { COLOURS, DISPLAY } = await load("events"); print({ COLOURS, DISPLAY });')
    assert module == {"COLOURS": portal_events.COLOURS, "DISPLAY": expected}
    assert set(portal_events.COLOURS) == {severity for _, severity, _ in expected.values()} - {"none"}


def test_the_page_has_the_same_table():
    ((_, _, rows),) = [table for table in tables((CATALOGUE / "Writing-a-portal.md").read_text(encoding="utf-8")) if table[1][0] == "event"]
    shown = {event.strip("`"): [headline.strip("`").replace("–", "") or None, severity, colour] for event, headline, severity, colour in rows}
    assert shown == {
        name: [headline, severity, portal_events.COLOURS.get(severity, "–") if headline else "–"]
        for name, (headline, severity, _) in portal_events.DISPLAY.items()
    }


def test_both_modules_read_every_example_alike():
    of_node = node(
        """
        const { bar, connection, parse } = await load("events");
        print(Object.values(input).map((text) => parse(Buffer.from(text))).map((event) => {
          const { id, type, tenant, product, jobId, epoch, isTerminal, isErased } = event;
          return [id, type, tenant, product, jobId, epoch, event.sequence?.toString() ?? null, isTerminal, isErased, bar(event), connection(event)];
        }));
        """,
        {name: body.decode() for name, body in EXAMPLES.items()},
    )
    for read, (name, body) in zip(of_node, EXAMPLES.items(), strict=True):
        event = portal_events.Event(body)
        sequence = None if event.sequence is None else str(event.sequence)
        attributes = [event.id, event.type, event.tenant, event.product, event.job_id, event.epoch, sequence, event.is_terminal, event.is_erased]
        bar = event.bar and {"colour": event.bar.colour, "headline": event.bar.headline, "detail": event.bar.detail}
        assert read == [*attributes, bar, event.connection], name


@pytest.mark.parametrize(
    ("name", "bar"),
    [
        ("connection.established.json", "[yellow] Connection was established"),
        ("connection.failed.json", "[red] Failed to establish connection"),
        ("sync.incomplete.json", "[yellow] 3 of 4 services are synced"),
        ("job.conflict.json", "[red] "),
        ("sync.succeeded.erased.json", None),
        ("sync.progress.json", None),
    ],
)
def test_the_bar_of_an_event(name, bar):
    shown = portal_events.Event(EXAMPLES[name]).bar
    assert (shown is None) if bar is None else str(shown).startswith(bar)


def test_an_event_that_is_not_known_is_ignored_and_still_ends_its_job(tmp_path):
    event = {**json.loads(EXAMPLES["sync.succeeded.json"]), "type": "autotask.sync.celebrated"}
    ledger = portal_ledger.Ledger(tmp_path / "portal.sqlite")
    job = portal_jobs.sync(event["subject"], PLAN)
    ledger.add(job)
    taken = ledger.take(json.dumps({**event, "jobid": job.id}).encode())
    assert taken.event.bar is None and taken.has_ended_job and ledger.ending(job) == ("sync.celebrated", None)


# Pages


def paged():
    """A sync of four services that came in two pages."""
    event = json.loads(EXAMPLES["sync.succeeded.json"])
    services = event["data"]["services"]
    first, last = copy.deepcopy(event), copy.deepcopy(event)
    first.update(id=event["id"] + ".1", terminal=False)
    del first["sequence"]
    first["data"].update(page=1, pages=2, services=services[:1])
    last["data"].update(page=2, pages=2, services=services[1:])
    assert contract.errors(contract.event_schema(first), first) == [] == contract.errors(contract.event_schema(last), last)
    return event, [json.dumps(page).encode() for page in (first, last)]


def test_pages_of_an_event_are_one_event(tmp_path):
    event, pages = paged()
    ledger = portal_ledger.Ledger(tmp_path / "portal.sqlite")
    services = [{**PLAN["services"][0], "key": result["key"]} for result in event["data"]["services"]]
    ledger.plan(event["subject"], event["product"], {**PLAN, "services": services})

    def statuses():
        return [status for *_, status, _ in ledger.services(event["subject"], event["product"])]

    ledger.take(pages[0])
    assert set(statuses()) == {"Not synced"}
    # The portal restarts between the pages, and gets the first again.
    ledger.close()
    ledger = portal_ledger.Ledger(tmp_path / "portal.sqlite")
    assert not ledger.take(pages[0]).is_new
    assert ledger.take(pages[1]).event.data == event["data"]
    assert set(statuses()) == {"Synced"} and len(statuses()) == len(event["data"]["services"])
    of_node = node(
        'const { parse, whole } = await load("events"); print(whole(input.map((text) => parse(Buffer.from(text)))).document.data);',
        [page.decode() for page in pages],
    )
    assert of_node == event["data"]


def test_an_event_whose_page_was_lost_ends_its_job_and_is_shown_when_the_journal_has_it(tmp_path):
    event, pages = paged()
    ledger = portal_ledger.Ledger(tmp_path / "portal.sqlite")
    job = portal_jobs.sync(event["subject"], PLAN)
    ledger.add(job)
    pages = [json.dumps({**json.loads(page), "jobid": job.id}).encode() for page in pages]
    first = ledger.take(pages[1])
    assert first.has_ended_job and first.event.page == (2, 2)
    assert [ledger.take(page).is_new for page in pages] == [True, True]
    assert ledger.take(pages[1]).is_new is False and ledger.lane(event["subject"], event["product"])["connection"] == "works"


def test_a_missed_event_fills_what_later_ones_left_open(tmp_path):
    """Between a connect and a sync that failed, the connection was lost; the portal learns it from the journal."""
    ledger = portal_ledger.Ledger(tmp_path / "portal.sqlite")

    def take(name, sequence):
        event = {**json.loads(EXAMPLES[name]), "id": str(sequence), "sequence": str(sequence), "epoch": 1}
        ledger.take(json.dumps(event).encode())
        lane = ledger.lane(event["subject"], event["product"])
        return lane["connection"], lane["bar"].partition("\n")[0]

    assert take("connection.established.json", 1) == ("works", "[yellow] Connection was established")
    failed = "[red] Nothing was changed: 1 of 4 services is not valid"
    assert take("sync.failed.json", 3) == ("works", failed)
    assert take("connection.lost.json", 2) == ("broken", failed)


def test_plans_that_share_a_key_keep_their_own_statuses(tmp_path):
    event = json.loads(EXAMPLES["sync.succeeded.json"])
    ledger = portal_ledger.Ledger(tmp_path / "portal.sqlite")
    for name in (event["data"]["planId"], "another"):
        ledger.plan(event["subject"], event["product"], {**PLAN, "planId": name})
    ledger.take(json.dumps(event).encode())
    assert {(plan, status) for plan, _, status, _ in ledger.services(event["subject"], event["product"])} == {
        (event["data"]["planId"], "Synced"),
        ("another", "Not synced"),
    }


def test_a_gap_in_the_sequence_is_noticed(tmp_path):
    event = json.loads(EXAMPLES["sync.failed.json"])
    ledger = portal_ledger.Ledger(tmp_path / "portal.sqlite")

    def take(sequence, epoch=1):
        return ledger.take(json.dumps({**event, "id": f"{epoch}-{sequence}", "sequence": str(sequence), "epoch": epoch}).encode()).gap

    # A portal that begins in the middle misses nothing that it knows of, and neither does one after a reset.
    assert [take(7), take(8), take(11), take(9), take(1, epoch=2), take(2, epoch=2)] == [None, None, (9, 10), None, None, None]
