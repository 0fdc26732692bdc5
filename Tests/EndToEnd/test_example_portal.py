"""The example portal of `deploy/portal` against a real broker, worker and simulator: its jobs, its restarts, and what it does twice."""

import json

import pytest

import contract
from portal_example import ExamplePortal, portal_broker, portal_ledger
from tenants import by_key

PLAN = contract.load(contract.SEEDS / "jobs" / "sync.json")
SAME_NAMES = contract.load(contract.SEEDS / "jobs" / "sync-duplicate-name.json")


@pytest.fixture
def tenant(new_tenant):
    return new_tenant()


@pytest.fixture
def example(tmp_path, broker, worker, tenant):
    example = ExamplePortal(tmp_path, broker, worker, tenant)
    yield example
    example.delete_queue()


@pytest.fixture
def connected(example):
    example.connect()
    return example


def statuses(page):
    """The first column of the page's table."""
    table = page.partition("Status ")[2].splitlines()[1:]
    return [line.split("  ")[0] for line in table if line and not line.startswith(" ")]


def published(connected, *arguments):
    """A sync that was published and has ended, and of which the portal has not heard."""
    connected.sync(PLAN, "--no-wait", *arguments)
    job_id = connected.last_job()[0]
    connected.await_end(job_id)
    return job_id


# The three jobs


def test_a_tenant_is_connected_synced_and_reset(example, tenant):
    """With the bars and statuses of the product's help page."""
    refused = example.connect(secret="Wrong", expect=1)
    assert "[red] Failed to establish connection" in refused and "Connection: none" in refused
    established = example.connect()
    assert "[yellow] Connection was established" in established and "Connection: works" in established
    synced = example.sync(PLAN)
    assert "[yellow] 4 services are synced" in synced and statuses(synced) == ["Synced"] * 4
    assert "Workplace licence, monthly         datto-workplace  Monthly  License  4.50       9.00        29683001" in synced
    assert [entry["name"] for entry in tenant.database.services()] == [service["name"] for service in PLAN["services"]]
    failed = example.sync(SAME_NAMES, expect=1)
    assert "[red] Nothing was changed: 2 of 4 services are not valid" in failed
    assert statuses(failed) == ["Error", "Error", "Synced", "Synced"] and "Give each service a name of its own" in failed
    reset = example.reset()
    assert "[yellow] Integration was reset" in reset and "Connection: none" in reset and statuses(reset) == ["Not synced"] * 4
    assert len(tenant.database.services()) == 4


def test_a_plan_as_it_is_provisioned_needs_billing_codes(connected):
    assert "Connection: works" in connected.page() and "No plan was synced yet." in connected.page()
    failed = connected.sync(contract.load(contract.SEEDS / "plan.json"), expect=1)
    assert "[red] Nothing was changed: 4 of 4 services are not valid" in failed and statuses(failed) == ["Error"] * 4
    assert failed.count("            Select an active recurring-service billing code for") == 4


def test_a_deferred_job_is_shown_with_its_reason_and_ends_later(connected, tenant):
    fault = tenant.database.fault("throttled", retryAfterSeconds=1, times=1)
    output = connected.sync(PLAN, "--timeout", "30")
    assert fault.hits == 1
    assert "waits until 20" in output and "Autotask is limiting requests for your database" in output
    assert statuses(output) == ["Synced"] * 4


def test_no_answer_in_time_says_what_to_do(connected, tenant):
    hold = tenant.database.fault("hold")
    output = connected.sync(PLAN, "--timeout", "0.1", expect=69)
    assert "No answer within 0.1 s" in output and "autotask-worker dead-letters list" in output
    hold.clear()
    connected.run("follow", "--until-answered")
    assert statuses(connected.page()) == ["Synced"] * 4


# Restarts


def test_the_queue_keeps_events_while_the_portal_does_not_run(connected):
    job_id = published(connected)
    assert connected.last_job()[3] is None
    output = connected.run("follow", "--until-answered")
    assert "sync.succeeded  closes its job" in output and connected.last_job()[0] == job_id
    assert statuses(connected.page()) == ["Synced"] * 4


def test_a_portal_that_is_killed_goes_on_where_it_was(connected, tenant):
    hold = tenant.database.fault("hold", operation="create")
    with connected.following():
        connected.sync(PLAN, "--no-wait")
        tenant.database.await_calls(1, operation="create")
    hold.clear()
    connected.await_end(connected.last_job()[0])
    output = connected.run("follow", "--until-answered")
    assert "sync.succeeded  closes its job" in output and "are missing" not in output
    assert statuses(connected.page()) == ["Synced"] * 4


def test_a_command_beside_a_process_that_follows_learns_of_its_end(connected):
    """The queue has one active consumer; the others are on standby."""
    with connected.following():
        output = connected.sync(PLAN)
    assert "sync.succeeded" not in output and "[yellow] 4 services are synced" in output and statuses(output) == ["Synced"] * 4


def test_an_event_that_was_taken_and_not_acknowledged_comes_again_and_changes_nothing(connected):
    published(connected)
    ledger = portal_ledger.Ledger(connected.state)
    follower = portal_broker.Follower(connected.broker.url("portal"), connected.queue)
    assert any(body and ledger.take(body).has_ended_job for _, body in follower.deliveries())
    ledger.close()
    # As if it died here.
    follower.close()
    output = connected.sync(SAME_NAMES, expect=1)
    assert output.count("sync.succeeded  (again)") == 1 and "are missing" not in output
    assert statuses(output) == ["Error", "Error", "Synced", "Synced"]


# Repetition


def test_unanswered_jobs_are_sent_again_with_the_same_bytes_and_answered_once_more(connected, tenant):
    job_id = published(connected)
    body = connected.last_job()[2]
    connected.lose_events()
    assert "Published 1 unanswered jobs again." in connected.run("resend")
    first, second = connected.await_end(job_id), connected.await_end(job_id, count=2)
    assert first["id"] == second["id"] and tenant.events("job.conflict") == []
    assert connected.last_job()[2] == body
    output = connected.run("follow", "--until-answered")
    assert "sync.succeeded  closes its job" in output and statuses(connected.page()) == ["Synced"] * 4
    assert len(tenant.database.services()) == 4


def test_an_event_that_comes_twice_has_its_effect_once(connected):
    job_id = published(connected)
    connected.run("resend")
    connected.await_end(job_id, count=2)
    # The end of a job behind both shows that both were taken.
    output = connected.sync(PLAN)
    assert output.count("sync.succeeded  (again)") == 1 and output.count("sync.succeeded  closes its job") == 2


def test_a_known_event_still_closes_a_job_that_was_opened_again(connected):
    connected.sync(PLAN)
    job_id = connected.last_job()[0]
    connected.reopen(job_id)
    connected.run("resend")
    connected.await_end(job_id, count=2)
    output = connected.run("follow", "--until-answered")
    assert "sync.succeeded  (again)  closes its job" in output and connected.last_job()[3] == "sync.succeeded"


def test_what_is_left_of_an_event_after_a_reset_closes_its_job_and_shows_nothing(connected):
    job_id = published(connected)
    connected.lose_events()
    connected.reset()
    connected.run("resend")
    event = connected.await_end(job_id, count=2)
    assert event["data"]["erased"] is True
    output = connected.run("follow", "--until-answered")
    assert "sync.succeeded  closes its job" in output
    assert statuses(connected.page()) == ["Not synced"] * 4 and "Connection: none" in connected.page()


def test_a_job_that_found_no_broker_is_published_before_the_next_one(connected):
    """A sync must not overtake the reset before it."""
    connected.sync(PLAN)
    output = connected.reset(expect=69, PORTAL_AMQP_URL="amqp://portal:x@127.0.0.1:1/")
    assert "RabbitMQ at 127.0.0.1:1 does not answer." in output and "1 job is kept, and published before the next one." in output
    output = connected.sync(PLAN, expect=1)
    assert output.index("integration.reset") < output.index("sync.failed  closes its job") and "[red]" in output


# The journal


def test_what_the_queue_lost_is_in_the_journal(connected):
    published(connected)
    connected.lose_events()
    output = connected.run("replay", "--offset", "1m")
    assert "sync.succeeded  closes its job" in output and "events that were missed" in output
    assert statuses(connected.page()) == ["Synced"] * 4
    again = connected.run("replay", "--offset", "1m")
    assert f"{connected.tenant.name}  sync.succeeded  (again)" in again


def test_an_older_event_of_the_journal_does_not_change_the_page_back(connected):
    published(connected)
    connected.lose_events()
    gap = connected.reset()
    assert "are missing: have a monitor replay the journal" in gap
    output = connected.run("replay", "--offset", "1m")
    assert "sync.succeeded  closes its job" in output and statuses(connected.page()) == ["Not synced"] * 4


# What a first attempt stumbles over


def test_without_a_user_id_a_confirmed_job_gets_no_event_and_is_listed_for_the_operator(connected, worker, tenant):
    """RabbitMQ confirms it, and the worker sets it aside: only the operator sees why."""
    job = tenant.job("reset", {"confirm": True})
    body = json.dumps(job.envelope).encode()
    # This returns because the broker confirms it.
    tenant.portal.publish_raw(body, f"reset.{tenant.name}", message_id=job.id, type=job.envelope["type"], user_id=None)
    # The next job of the tenant shows that the worker has passed it.
    tenant.expect(tenant.billing_codes(), "billing-codes.listed")
    assert job.events == [] and worker.dead_letter(body)[0] == "untrusted"
    assert "untrusted" in worker.cli("dead-letters", "list")
    assert [line for line in worker.log.splitlines() if "A message from an untrusted publisher was set aside" in line and job.id in line]
    # The id is free: the corrected message may have it.
    tenant.expect(job.publish().ending(), "integration.reset")


def test_a_name_that_is_too_long_for_the_tenants_autotask_is_named_with_the_limit(new_tenant):
    """`connection.established` names no limit; a preview or a sync does."""
    tenant = new_tenant(fields={"name": {"length": 30}}).connected()
    (established,) = tenant.events("connection.established")
    assert "30" not in json.dumps(established["data"]["capabilities"])
    data = json.loads(json.dumps(PLAN))
    data["services"][0]["name"] = "x" * 31
    error = by_key(tenant.expect(tenant.publish("preview", data).ending(), "sync.previewed"))["license-monthly"]["error"]
    assert error["code"] == "name_invalid" and "31 characters are too many; Autotask allows 30" in error["message"]
