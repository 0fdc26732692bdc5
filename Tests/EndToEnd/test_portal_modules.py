"""The modules of `deploy/portal`, in Python and for Node: held to the schemas, and to a broker that refuses."""

import contextlib
import copy
import json
import subprocess

import pytest

import contract
from example_portal import FOLDER, portal_broker, portal_events, portal_jobs, portal_ledger
from processes import Broker, plain_environment
from tenants import CONFIGURED
from test_documents import CATALOGUE, tables

EXAMPLES = {path.name: path.read_bytes() for path in sorted((contract.SCHEMAS / "examples" / "events").glob("*.json"))}
PLAN = contract.load(contract.SEEDS / "jobs" / "sync.json")
KEYS = contract.load(contract.SCHEMAS / "examples" / "published-keys.json")
CREDENTIALS = {"username": "api@msp.example", "secret": "s3cret"}


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
    ledger.plan(event["subject"], event["product"], {**PLAN, "services": [{**PLAN["services"][0], "key": result["key"]} for result in event["data"]["services"]]})

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


# A broker that refuses


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("refusing") / "broker")
    yield broker
    broker.stop()


@contextlib.contextmanager
def changed_by_admin(broker, method, path, content, undo):
    broker.manage(method, path, content)
    yield
    broker.manage(*undo)


def problem(broker, user="portal", job=None):
    """What is said of a job that cannot be published."""
    publisher = portal_broker.Publisher(broker.url(user))
    with pytest.raises(portal_broker.BrokerProblem) as caught:
        publisher.publish(job or portal_jobs.reset("msp-4711", ""))
    publisher.close()
    return str(caught.value)


def test_a_job_that_no_queue_takes_is_returned(own_broker):
    binding = "bindings/%2F/e/autotask.jobs/q/autotask.jobs"
    with changed_by_admin(own_broker, "DELETE", f"{binding}/%23", None, ("POST", binding, {"routing_key": "#"})):
        text = problem(own_broker)
    assert "RabbitMQ returned the job, because no queue takes reset.msp-4711." in text and "topology apply" in text


def test_a_job_for_a_full_queue_is_not_taken(own_broker):
    policy = "policies/%2F/full"
    full = {"pattern": "^autotask\\.jobs$", "definition": {"max-length-bytes": 1}, "apply-to": "queues", "priority": 9}
    publisher = portal_broker.Publisher(own_broker.url("portal"))
    with changed_by_admin(own_broker, "PUT", policy, full, ("DELETE", policy)):
        # The queue takes jobs until it has noticed that it is full.
        with pytest.raises(portal_broker.BrokerProblem, match="its queue is full. Send the same bytes again later."):
            for _ in range(200):
                publisher.publish(portal_jobs.reset("msp-4711", ""))
    publisher.close()


@pytest.mark.parametrize(("blocked", "confirmed", "text"), [(1, 20, "short of memory or disk"), (20, 1, "did not confirm the job within 1 s")])
def test_a_broker_that_accepts_nothing_is_not_waited_for(own_broker, monkeypatch, blocked, confirmed, text):
    monkeypatch.setattr(portal_broker, "BLOCKED_SECONDS", blocked)
    monkeypatch.setattr(portal_broker, "CONFIRM_SECONDS", confirmed)
    own_broker.command("alarm", "memory")
    try:
        assert text in problem(own_broker)
    finally:
        own_broker.command("alarm", "off")


def test_a_user_without_the_right_is_told_which_one(own_broker):
    assert "access to exchange 'autotask.jobs' in vhost '/' refused for user 'monitor'. Ask the operator" in problem(own_broker, "monitor")


def test_another_user_id_is_refused(own_broker, monkeypatch):
    original = portal_jobs.Job.properties
    monkeypatch.setattr(portal_jobs.Job, "properties", lambda job, user: original(job, "somebody"))
    assert "user_id property set to 'somebody' but authenticated user was 'portal'. A user_id has to be" in problem(own_broker)


def test_a_wrong_exchange_is_silent_without_confirms_and_refused_with_them(own_broker, monkeypatch):
    connection, _ = portal_broker.opened(own_broker.url("portal"))
    job = portal_jobs.reset("msp-4711", "")
    # Neither this nor the end of the connection raises.
    connection.channel().basic_publish("autotask.job", job.routing_key, job.body, job.properties("portal"), mandatory=True)
    connection.close()
    monkeypatch.setattr(portal_broker, "EXCHANGE", "autotask.job")
    assert "RabbitMQ refuses this" in problem(own_broker)


@pytest.mark.parametrize(
    ("address", "text"),
    [("portal:wrong@{}", "refuses the user portal. Check its password and the virtual host."), ("portal:x@127.0.0.1:1", "does not answer.")],
)
def test_a_broker_that_lets_nobody_in_is_named(own_broker, address, text):
    host = own_broker.url("portal").rpartition("@")[2]
    with pytest.raises(portal_broker.BrokerProblem, match=text):
        portal_broker.Publisher("amqp://" + address.format(host))


def test_a_queue_keeps_its_arguments_and_its_end_is_noticed(own_broker, monkeypatch):
    url, queue = own_broker.url("portal"), "autotask.portal.modules"
    follower = portal_broker.Follower(url, queue)
    monkeypatch.setattr(portal_broker, "QUEUE_ARGUMENTS", {})
    with pytest.raises(portal_broker.BrokerProblem, match="inequivalent arg.*a queue keeps the arguments"):
        portal_broker.Follower(url, queue)
    deliveries = follower.deliveries()
    assert next(deliveries) == (None, None)
    own_broker.manage("DELETE", f"queues/%2F/{queue}")
    with pytest.raises(portal_broker.BrokerProblem, match="was deleted. Its events are in the journal"):
        list(deliveries)
    follower.close()


def test_the_portals_user_may_not_read_the_journal(own_broker):
    with pytest.raises(portal_broker.BrokerProblem, match="access to queue 'autotask.results.journal' in vhost '/' refused for user 'portal'"):
        list(portal_broker.journal(own_broker.url("portal"), "first"))


# Node, over a channel that behaves as amqplib's documentation says

CHANNEL = """
import { EventEmitter } from "node:events";
const { BrokerProblem, Publisher, follow } = await load("broker");
const { reset } = await load("jobs");
const channel = new EventEmitter();
const outcome = (promise) => promise.then(() => "confirmed", (error) => (error instanceof BrokerProblem ? error.message : `a defect: ${error.stack}`));
const job = reset("msp-4711", "");
"""


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        ("setImmediate(() => confirmed(null))", "confirmed"),
        ('setImmediate(() => { channel.emit("return", { properties: options }); confirmed(null); })', "RabbitMQ returned the job"),
        ('setImmediate(() => confirmed(new Error("message nacked")))', "RabbitMQ did not take the job"),
        ('setImmediate(() => { channel.emit("error", new Error("403")); channel.emit("close"); })', "RabbitMQ refuses this: 403"),
        ('setImmediate(() => channel.emit("close"))', "The channel to RabbitMQ ended"),
        ("setImmediate(() => 0)", "RabbitMQ did not confirm the job in time"),
        ('setImmediate(() => 0); ended = true', "The job was not sent: Channel closed. Send the same bytes again."),
    ],
    ids=["confirmed", "returned", "nack", "refused", "closed", "silent", "ended before"],
)
def test_a_publisher_in_node_says_what_became_of_a_job(behaviour, text):
    script = CHANNEL + (
        "let ended = false;"
        f"channel.publish = (exchange, key, body, options, confirmed) => {{ {behaviour}; print([exchange, key, options.userId, options.mandatory]);"
        'if (ended) throw new Error("Channel closed"); };'
        'const publisher = new Publisher(channel, "portal"); console.error(await outcome(publisher.publish(job, 0.2)));'
    )
    done = run_node(script)
    assert json.loads(done.stdout) == ["autotask.jobs", "reset.msp-4711", "portal", True]
    assert done.stderr.startswith(text), done.stderr


def test_a_follower_in_node_acknowledges_after_the_effect_and_in_order():
    result = node(
        CHANNEL
        + """
        const calls = [];
        let deliver;
        channel.prefetch = async () => {};
        channel.assertQueue = async (queue, options) => calls.push(["assert", queue, options]);
        channel.bindQueue = async (...binding) => calls.push(["bind", ...binding]);
        channel.consume = async (queue, callback) => (deliver = callback);
        channel.ack = (message) => calls.push(["ack", message.content]);
        const ended = new Promise((resolve) => follow(channel, "autotask.portal.x", ["#"], async (body) => {
          if (body === "broken") throw new Error("no room");
          await new Promise((done) => setTimeout(done, body === "slow" ? 30 : 0));
          calls.push(["effect", body]);
        }, (error) => resolve(error.message)));
        await new Promise((done) => setTimeout(done, 10));
        for (const content of ["slow", "fast", "broken", "later"]) deliver({ content });
        print([await ended, calls]);
        """
    )
    arguments = {"durable": True, "arguments": portal_broker.QUEUE_ARGUMENTS}
    assert result == [
        "no room",
        [
            ["assert", "autotask.portal.x", arguments],
            ["bind", "autotask.portal.x", "autotask.results", "#"],
            *[["effect", "slow"], ["ack", "slow"], ["effect", "fast"], ["ack", "fast"]],
        ],
    ]
