"""The store keeps dead-lettered jobs, shows them without secrets, and an operator redrives them."""

import contextlib
import json
import sqlite3
import uuid

import pika
import pytest

from processes import poll
from tenants import plan


@pytest.fixture(scope="module", autouse=True)
def impatient(worker):
    """A worker that gives up after two attempts."""
    worker.stop()
    worker.start(RETRY_ATTEMPTS="2")
    yield
    worker.stop()
    worker.start()


@pytest.fixture
def operator(broker):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url("operator")))
    yield connection.channel()
    connection.close()


def letters(worker, verb, *arguments, expect=0, **settings):
    return json.loads(worker.cli("dead-letters", verb, *arguments, "--json", expect=expect, **settings))


def given_up(tenant, data=None, code="autotask_unavailable"):
    """A sync that Autotask refuses."""
    tenant.database.fault("serverError", times=2, entity="Services", operation="query")
    job = tenant.publish("sync", data or plan())
    tenant.expect(job.ending(), "sync.failed", code)
    return job


def only_letter(worker, tenant):
    (letter,) = letters(worker, "list", "--ungrouped", "--tenant", tenant.name)
    return letter


def end_of_copy(tenant, job, number=1):
    event = tenant.monitor.ending(tenant.name, f"{job.id}:redrive-{number}")
    assert event["redriveof"] == (job.id if number == 1 else f"{job.id}:redrive-{number - 1}")
    return event


# Jobs that the worker gives up on


def test_a_sync_that_was_given_up_is_listed_shown_and_redriven_once(worker, tenant):
    tenant.connected()
    job = given_up(tenant)

    (group,) = letters(worker, "list", "--tenant", tenant.name)
    assert (group["reason"], group["kind"], group["code"]) == ("attempts_spent", "sync", "autotask_unavailable")
    assert (group["count"], group["redrivable"], group["tenant"]) == (1, 1, tenant.name)
    text = worker.cli("dead-letters", "show", str(group["example"]), "--json")
    shown = json.loads(text)
    assert (shown["jobId"], shown["fingerprint"], shown["redrivable"]) == (job.id, group["fingerprint"], True)
    assert shown["job"]["attempts"] == 2
    assert [(attempt["outcome"], attempt["code"]) for attempt in shown["job"]["history"]] == [("deferred", "autotask_unavailable")]
    text += worker.cli("dead-letters", "show", str(group["example"]))
    assert not any(secret in text for secret in ("Service 1", "service-1", tenant.secret, tenant.username))

    preview = letters(worker, "redrive", "--tenant", tenant.name, "--dry-run")
    assert (preview["entered"], preview["letters"][0]["redrivenAs"]) == (1, f"{job.id}:redrive-1")
    assert only_letter(worker, tenant)["redrivable"] is True

    assert letters(worker, "redrive", str(group["example"]))["entered"] == 1
    tenant.expect(end_of_copy(tenant, job), "sync.succeeded")
    assert len(tenant.database.services()) == 4
    again = letters(worker, "redrive", "--tenant", tenant.name)
    assert (again["entered"], again["before"], again["refused"]) == (0, 1, 0)
    assert only_letter(worker, tenant)["redrivenAs"] == f"{job.id}:redrive-1"
    # The copy ended once, and the first job's end is unchanged.
    tenant.expect(tenant.billing_codes(), "billing-codes.listed")
    assert len(tenant.monitor.endings(tenant.name, f"{job.id}:redrive-1")) == 1
    assert len(job.endings) == 1 and "redriveof" not in job.endings[0]


def test_letters_of_one_cause_have_one_fingerprint_and_are_redriven_together(worker, new_tenant):
    tenants = [new_tenant().connected() for _ in range(3)]
    jobs = [given_up(tenant) for tenant in tenants]
    groups = [letters(worker, "list", "--tenant", tenant.name)[0] for tenant in tenants]
    (fingerprint,) = {group["fingerprint"] for group in groups}
    outcome = letters(worker, "redrive", "--fingerprint", fingerprint, "--rate", "2", expect=None)
    assert {line["jobId"] for line in outcome["letters"] if line["outcome"] == "entered"} >= {job.id for job in jobs}
    for tenant, job in zip(tenants, jobs):
        tenant.expect(end_of_copy(tenant, job), "sync.succeeded")


def test_a_copy_that_is_given_up_can_be_redriven_again(worker, tenant):
    tenant.connected()
    job = given_up(tenant, plan(revision=7))
    tenant.database.fault("serverError", times=2, entity="Services", operation="query")
    letters(worker, "redrive", "--tenant", tenant.name)
    tenant.expect(end_of_copy(tenant, job), "sync.failed")
    assert letters(worker, "redrive", "--tenant", tenant.name)["entered"] == 1
    tenant.expect(end_of_copy(tenant, job, 2), "sync.succeeded")


def test_a_newer_plan_is_not_undone(worker, tenant):
    tenant.connected()
    given_up(tenant)
    tenant.expect(tenant.sync(plan(3)), "sync.succeeded")
    (line,) = letters(worker, "redrive", "--tenant", tenant.name, expect=1)["letters"]
    assert line["outcome"] == "outdated" and "new id" in line["message"]


def test_a_copy_of_a_lower_revision_is_superseded(worker, tenant):
    tenant.connected()
    job = given_up(tenant, plan(revision=7))
    tenant.expect(tenant.sync(plan(revision=8)), "sync.succeeded")
    letters(worker, "redrive", "--tenant", tenant.name)
    tenant.expect(end_of_copy(tenant, job), "job.superseded")


def test_a_connect_is_kept_without_its_credentials_and_says_why_it_cannot_be_redriven(worker, tenant):
    tenant.database.fault("serverError", times=2)
    job = tenant.connect_job().publish()
    tenant.expect(job.ending(), "connection.failed", "autotask_unavailable")
    letter = only_letter(worker, tenant)
    assert (letter["kind"], letter["redrivable"], letter["obstacle"]["code"]) == ("connect", False, "connect")
    (line,) = letters(worker, "redrive", str(letter["id"]), expect=1)["letters"]
    assert line["outcome"] == "connect" and "under a new id" in line["message"]
    assert payload(worker, letter) is None


def test_a_reset_erases_what_is_kept(worker, tenant):
    tenant.connected()
    given_up(tenant)
    assert payload(worker, only_letter(worker, tenant)) is not None
    tenant.expect(tenant.reset(), "integration.reset")
    letter = only_letter(worker, tenant)
    assert payload(worker, letter) is None and letter["detail"] is None
    assert letters(worker, "redrive", str(letter["id"]), expect=1)["refused"] == 1


def payload(worker, letter):
    with contextlib.closing(sqlite3.connect(f"file:{worker.store_path}?mode=ro", uri=True)) as store:
        return store.execute("SELECT payload FROM dead_letters WHERE id = ?", [letter["id"]]).fetchone()[0]


# Messages


def test_a_message_that_was_refused_cannot_be_redriven(worker, tenant):
    job = tenant.publish("reset", {})
    tenant.expect(job.ending(), "job.rejected", "reset_not_confirmed")
    letter = only_letter(worker, tenant)
    assert (letter["reason"], letter["obstacle"]["code"]) == ("reset_not_confirmed", "body_not_kept")
    letters(worker, "redrive", "--tenant", tenant.name, expect=1)


def test_what_the_broker_gave_up_on_is_collected_without_its_body(worker, tenant, broker, operator):
    secret = f"Secret-{uuid.uuid4().hex}"
    data = {"credentials": {"username": "api@msp", "secret": secret}, "firstConfiguredAt": "2020-01-01T00:00:00Z"}
    bodies = [json.dumps(tenant.job("connect", data).envelope).encode(), b"nonsense " + secret.encode()]
    reject(operator, bodies, f"connect.{tenant.name}")
    dead = look(operator, len(bodies))

    assert letters(worker, "collect", AMQP_URL=broker.url("operator")) == {"collected": 2, "recorded": 2}
    assert waiting(operator) == 0
    assert letters(worker, "collect", AMQP_URL=broker.url("operator")) == {"collected": 0, "recorded": 0}
    found = letters(worker, "list", "--ungrouped", "--reason", "rejected")
    assert len(found) == 2 and {letter["tenant"] for letter in found} == {tenant.name, None}
    assert all(letter["message"]["queue"].startswith("autotask.operator.") for letter in found)
    assert all(letter["message"]["routingKey"] == f"connect.{tenant.name}" and not letter["redrivable"] for letter in found)
    assert secret not in json.dumps(found) and secret.encode() not in worker.store_path.read_bytes()

    # As if the acknowledgement had been lost: the broker delivers it again.
    for body, properties in dead:
        operator.basic_publish("autotask.dead", f"connect.{tenant.name}", body, properties)
    poll(lambda: waiting(operator) == 2, 10, "the messages in the queue")
    assert letters(worker, "collect", AMQP_URL=broker.url("operator")) == {"collected": 2, "recorded": 0}
    assert len(letters(worker, "list", "--ungrouped", "--reason", "rejected")) == 2


def reject(channel, bodies, routing_key):
    """Has the broker give up on messages: a consumer rejects them."""
    name = f"autotask.operator.{uuid.uuid4().hex}"
    channel.exchange_declare(name, "fanout", auto_delete=True)
    channel.queue_declare(name, exclusive=True, arguments={"x-dead-letter-exchange": "autotask.dead"})
    channel.queue_bind(name, name)
    for body in bodies:
        channel.basic_publish(name, routing_key, body, pika.BasicProperties(delivery_mode=2))
    for _ in bodies:
        method, _, _ = poll(lambda: (got := channel.basic_get(name))[0] and got, 10, "a message to reject")
        channel.basic_nack(method.delivery_tag, requeue=False)
    poll(lambda: waiting(channel) == len(bodies), 10, "the messages in the queue of dead ones")


def look(channel, count):
    """The properties of the messages that the broker gave up on, which stay where they are."""
    got = [channel.basic_get("autotask.dead") for _ in range(count)]
    channel.basic_nack(got[-1][0].delivery_tag, multiple=True, requeue=True)
    poll(lambda: waiting(channel) == count, 10, "the messages back in the queue")
    return [(body, properties) for _, properties, body in got]


def waiting(channel):
    return channel.queue_declare("autotask.dead", passive=True).method.message_count


def test_whoever_may_not_read_the_queue_is_told(worker, operator):
    operator.basic_publish("autotask.dead", "", b"something", pika.BasicProperties(delivery_mode=2))
    poll(lambda: waiting(operator) == 1, 10, "the message in the queue")
    refused = worker.run("dead-letters", "collect")
    assert refused.returncode == 69 and "may read autotask.dead" in refused.stderr, refused
    assert waiting(operator) == 1
    operator.queue_purge("autotask.dead")


# The commands themselves


def test_which_letters_are_meant_has_to_be_said(worker):
    for verb in ("redrive", "purge"):
        worker.cli("dead-letters", verb, expect=2)
        worker.cli("dead-letters", verb, "--all", "--tenant", "msp-1", expect=2)
    worker.cli("dead-letters", "purge", "--before", "yesterday", expect=2)
    worker.cli("dead-letters", "redrive", "--all", "--rate", "0", expect=2)
    worker.cli("dead-letters", "show", "999999", expect=1)
    assert letters(worker, "redrive", "999999", expect=1)["missing"] == [999999]


def test_a_store_or_a_key_ring_that_is_not_there_is_exit_code_69(worker):
    worker.cli("dead-letters", "list", expect=69, STORE_URL="sqlite:/nowhere/store.sqlite")
    worker.cli("dead-letters", "redrive", "--all", expect=69, VAULT_KEYS="/nowhere/keys.json")


def test_letters_are_purged_and_stay_so(worker, tenant):
    job = tenant.publish("reset", {})
    tenant.expect(job.ending(), "job.rejected")
    nothing = {"purged": 0, "missing": []}
    assert letters(worker, "purge", "--tenant", tenant.name, "--before", "2020-01-01T00:00:00Z", "--yes") == nothing
    assert letters(worker, "purge", "--tenant", tenant.name, "--yes") == {"purged": 1, "missing": []}
    assert letters(worker, "purge", "--tenant", tenant.name, "--yes") == nothing
    assert letters(worker, "list", "--tenant", tenant.name) == []


@pytest.mark.parametrize("choice", [["--tenant", "{tenant}"], ["--tenant", "{tenant}", "--before", "2100-01-01T00:00:00Z"]], ids=" ".join)
def test_letters_that_are_chosen_by_what_they_are_go_with_a_yes_alone(worker, tenant, choice):
    tenant.expect(tenant.publish("reset", {}).ending(), "job.rejected")
    letter = only_letter(worker, tenant)
    arguments = ["dead-letters", "purge", *(word.format(tenant=tenant.name) for word in choice)]
    refused = worker.run(*arguments)
    assert refused.returncode == 2 and "--yes" in refused.stderr and "1 dead letter" in refused.stderr, refused
    assert only_letter(worker, tenant) == letter
    # One that is named goes; one that is not there is named.
    found = letters(worker, "purge", str(letter["id"]), "99999999", expect=1)
    assert found == {"purged": 1, "missing": [99999999]}


def test_groups_of_some_letters_say_what_they_leave_out(worker, tenant):
    tenant.connected()
    for _ in range(2):
        tenant.expect(tenant.publish("sync", {"services": "none"}).ending(30), "job.rejected")
    whole = letters(worker, "list", "--tenant", tenant.name)
    assert [group["count"] for group in whole] == [2]
    some = worker.run("dead-letters", "list", "--look", "1", "--json")
    assert [group["count"] for group in json.loads(some.stdout)] == [1]
    assert "Looked at the newest 1 dead letter." in some.stderr and "add --look 10" in some.stderr
    newest = [letter["id"] for letter in letters(worker, "list", "--ungrouped")]
    assert newest == sorted(newest, reverse=True) and len(newest) >= 2
    worker.cli("dead-letters", "list", "--look", "0", expect=2)
