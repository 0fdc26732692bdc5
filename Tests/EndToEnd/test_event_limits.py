"""An event that is too large, or that the broker closes the channel over: only its tenant is affected, and nothing important is lost."""

import contextlib
import json
import re

import pytest

from processes import poll
from tenants import plan, service

NAMES = {"latin": "Datto Workplace licence, monthly, all regions", "four bytes": "𝕎🗄𝕊" * 33}


@pytest.fixture
def limited(other_worker, broker):
    """Starts the worker with a limit of its own."""

    def start(limit=None, **settings):
        if limit is not None:
            settings["EVENT_LIMIT_BYTES"] = str(limit)
        other_worker.start(OPERATIONS_LISTEN="127.0.0.1:0", **settings)
        return other_worker

    yield start


def large_plan(count, name="latin", **members):
    """`count` services, each refused for its price, so that none of them takes a call."""
    services = [service(number, name=f"{number} {NAMES[name]}"[:50], unitPrice="-1") for number in range(1, count + 1)]
    return {"planId": "datto-workplace", "services": services, **members}


def size(monitor, event):
    """Of the body as it came."""
    return max(len(body) for body, seen in zip(monitor.bodies, monitor.events) if seen["id"] == event["id"])


def whole(tenant, job, seconds=60):
    """The event in which a job ends, put together from its pages, with the pages."""
    ending = job.ending(seconds)
    pages = [event for event in job.events if event["type"] == ending["type"]]
    if "pages" not in ending["data"]:
        return ending["data"], [ending]
    by_number = {page["data"]["page"]: page for page in pages}
    assert sorted(by_number) == list(range(1, ending["data"]["pages"] + 1))
    data = dict(ending["data"])
    for name in [name for name, value in data.items() if isinstance(value, list)]:
        data[name] = [element for number in sorted(by_number) for element in by_number[number]["data"][name]]
    assert pages[-1]["id"] == ending["id"] and len({page["id"] for page in pages}) == len(by_number)
    assert all("sequence" not in page and not page["terminal"] for page in pages if page["id"] != ending["id"])
    return data, pages


def held_to(limit, monitor, pages):
    assert all(size(monitor, page) <= limit for page in pages), [size(monitor, page) for page in pages]


# Sizes


@pytest.mark.parametrize("limit", [4096, 50_000, 300_000, None])
@pytest.mark.parametrize("name", NAMES)
def test_a_sync_of_a_thousand_services_is_told_within_the_limit(limited, tenant, monitor, limit, name):
    limited(limit)
    tenant.connected()
    asked = large_plan(1000, name)
    job = tenant.publish("sync", asked)
    ending = job.ending(60)
    data, pages = whole(tenant, job)
    tenant.expect({**ending, "data": data}, "sync.failed", "price_invalid")
    held_to(limit or 1 << 20, monitor, pages)
    assert [result["key"] for result in data["services"]] == [service["key"] for service in asked["services"]]
    assert {(result["status"], result["outcome"], result["error"]["code"]) for result in data["services"]} == {
        ("Error", "invalid", "price_invalid")
    }
    assert data["counts"]["total"] == 1000 and data["counts"]["error"] == 1000
    assert len(job.endings) == 1
    # Told again, it is the same.
    job.publish()
    job.ending(count=2)
    assert whole(tenant, job)[0] == data


def test_what_a_shortened_event_leaves_out_is_in_the_store(limited, tenant, monitor):
    worker = limited(45_000)
    tenant.connected()
    services = [service(number, unitCost="99999") for number in range(1, 101)]
    job = tenant.publish("preview", {"planId": "p", "services": services})
    data, pages = whole(tenant, job)
    held_to(45_000, monitor, pages)
    assert data["truncated"] is True and len(pages) == 1 and len(data["services"]) == 100
    assert job.id in data["rest"] and "sync show" in data["rest"]
    shown = json.loads(worker.cli(*data["rest"].split()[1:]))
    result = next(value for value in walk(shown) if isinstance(value, dict) and len(value.get("services", [])) == 100 and "apiCallEstimate" in value)
    assert "truncated" not in result and result["counts" if "counts" in result else "services"]


def walk(value):
    yield value
    if isinstance(value, (dict, list)):
        for element in value.values() if isinstance(value, dict) else value:
            yield from walk(element)


def test_billing_codes_and_drift_come_in_pages(limited, new_tenant, monitor):
    limited(4096)
    codes = [{"id": 29683001 + number, "name": f"Code {number} " + "c" * 80, "description": "d" * 300, "isActive": True, "useType": 5} for number in range(200)]
    tenant = new_tenant(billingCodes=codes).connected()
    job = tenant.publish("billing-codes")
    data, pages = whole(tenant, job)
    held_to(4096, monitor, pages)
    assert len(pages) > 1 and {code["id"] for code in data["billingCodes"]} == {code["id"] for code in codes}
    sync = tenant.publish("sync", plan(30))
    data, pages = whole(tenant, sync)
    assert [result["status"] for result in data["services"]] == ["Synced"] * 30 and all(result["autotaskServiceId"] for result in data["services"])
    drift = tenant.publish("drift")
    data, pages = whole(tenant, drift)
    held_to(4096, monitor, pages)
    assert len(data["services"]) == 30


def test_a_job_whose_own_texts_are_huge_is_answered_within_the_limit(limited, tenant, monitor):
    limited(4096)
    tenant.connected()
    huge = "x" * 300_000
    jobs = [
        tenant.publish("sync", {"planId": "p", "services": [service(1, name=huge)]}),
        tenant.publish("sync", {"planId": "p", "services": [service(1)], "acknowledge": [huge]}),
        tenant.publish("sync", {"planId": huge, "services": [service(1)]}),
        tenant.publish("reset", {"confirm": huge}),
        tenant.publish("connect", {"credentials": {huge: huge}}),
        tenant.publish("sync", {"planId": "p", "services": [service(1, unitPrice=huge, period=huge, type=huge)]}),
    ]
    for job in jobs:
        data, pages = whole(tenant, job)
        held_to(4096, monitor, pages)
        assert len(pages) == 1 and job.endings[0]["data"].get("error", data.get("services")), data


@pytest.mark.parametrize("limit", ["4095", "0", "-1", "many", "1e6"])
def test_a_limit_that_has_no_room_for_a_page_is_refused(worker, limit):
    worker.cli("run", "--event-limit-bytes", limit, expect=2)


def test_the_command_line_puts_the_pages_together(limited, new_tenant, broker):
    worker = limited(4096, TRUSTED_PUBLISHERS="portal")
    tenant = new_tenant().connected()
    tenant.expect(tenant.publish("sync", plan(3)).ending(), "sync.succeeded")
    codes = [{"id": 29683001 + number, "name": f"Code {number}", "description": "d" * 60, "isActive": True, "useType": 5} for number in range(100)]
    other = new_tenant(billingCodes=codes).connected()
    out = worker.cli("job", "billing-codes", "--tenant", other.name, "--wait", "--json", PORTAL_AMQP_URL=broker.url("portal"))
    assert len(json.loads(out)["data"]["billingCodes"]) == 100


# A broker that closes the channel


@contextlib.contextmanager
def forbidden(broker, *tenants):
    """The worker may publish the events of all tenants but these."""
    names = "|".join(tenant.name for tenant in tenants)
    rule = {"exchange": "autotask.results", "write": f"^(?!.*\\.({names})$).*$", "read": ".*"}
    broker.manage("PUT", "topic-permissions/%2F/worker", rule)
    try:
        yield
    finally:
        broker.manage("DELETE", "topic-permissions/%2F/worker")
        broker.manage("PUT", "topic-permissions/%2F/worker", {"exchange": "autotask.jobs", "write": "^$", "read": "^$"})


@contextlib.contextmanager
def small_messages(broker, worker, limit):
    """Channels that are opened from now on take no larger message; those that are open are closed by a restart of the worker."""
    broker.command("limit", str(limit))
    try:
        yield
    finally:
        broker.command("limit", str(4 << 20))


def events_named(worker):
    return [check["output"] for check in worker.health()[1]["checks"].get("events", [])]


def test_a_tenant_whose_topic_is_forbidden_holds_up_nobody_else(limited, broker, new_tenant, monitor):
    worker = limited()
    held, others = new_tenant(), [new_tenant().connected() for _ in range(3)]
    begun = len(worker.log)
    with forbidden(broker, held):
        jobs = [held.publish("reset", {}) for _ in range(40)]
        for _ in range(5):
            for other in others:
                other.expect(other.billing_codes(), "billing-codes.listed")
        named = poll(lambda: events_named(worker), 20, "the held lane in /readyz", worker.process)
        assert any(held.name in text and "job.rejected" in text and "ACCESS_REFUSED" in text for text in named), named
        assert worker.health()[0] == 200 and worker.health()[1]["status"] == "warn"
        report = json.loads(worker.cli("doctor", "--json", expect=None, OPERATIONS_LISTEN=listening(worker)))
        assert held.name in json.dumps(report["checks"]["events"])
        # Those of others come once, or twice where they were under way when the channel was closed.
        counts = [sum(event["id"] == one["id"] for event in monitor.events) for other in others for one in other.events()]
        assert max(counts) <= 2, counts
        assert not any(job.endings for job in jobs)
        assert worker.log[begun:].count("closes the channel over a tenant's event") == 1
    for job in jobs:
        job.ending(60)
    (sequence,) = [numbers for (name, _, _), numbers in monitor.sequences().items() if name == held.name]
    assert sequence == list(range(1, 41))
    poll(lambda: not events_named(worker), 20, "nothing held any more")


def listening(worker):
    return "127.0.0.1:" + re.findall(r"port=(\d+).*Answering /livez", worker.log)[-1]


def test_many_forbidden_tenants_hold_up_nobody_else(limited, broker, new_tenant, monitor):
    worker = limited()
    held, other = [new_tenant() for _ in range(12)], new_tenant().connected()
    with forbidden(broker, *held):
        jobs = [tenant.publish("reset", {}) for tenant in held for _ in range(3)]
        for _ in range(20):
            other.expect(other.billing_codes(), "billing-codes.listed")
        poll(lambda: len(events_named(worker)) == 12, 30, "all of them in /readyz", worker.process)
        counts = [sum(event["id"] == one["id"] for event in monitor.events) for one in other.events()]
        assert max(counts) <= 2, counts
    for job in jobs:
        job.ending(90)


def test_an_event_above_the_brokers_own_limit_holds_up_its_tenant_alone(limited, broker, new_tenant, monitor):
    with small_messages(broker, None, 60_000):
        worker = limited(1 << 20)
        held, other = new_tenant().connected(), new_tenant().connected()
        large = held.publish("sync", large_plan(300))
        after = held.publish("billing-codes")
        for _ in range(10):
            other.expect(other.billing_codes(), "billing-codes.listed")
        named = poll(lambda: events_named(worker), 20, "the held lane in /readyz", worker.process)
        assert any(held.name in text and "sync.failed" in text and "larger than" in text for text in named), named
        # The doctor finds the broker's limit on its own.
        report = json.loads(worker.cli("doctor", "--json", expect=None))
        assert "EVENT_LIMIT_BYTES" in json.dumps(report) and "60000" in json.dumps(report["checks"])
        assert not large.endings and not after.endings
        worker.stop()
        worker.start(EVENT_LIMIT_BYTES="50000")
        data, pages = whole(held, large)
        held_to(50_000, monitor, pages)
        assert len(data["services"]) == 300
        after.ending()


def test_an_exchange_that_is_gone_is_everybodys_trouble_and_readiness_tells(limited, broker, tenant):
    broker.manage("PUT", "permissions/%2F/worker", {"configure": "^$", "write": "^$", "read": "^autotask\\.jobs(\\..*)?$"})
    worker = limited()
    try:
        job = tenant.publish("billing-codes")
        output = poll(lambda: next((c["output"] for c in worker.health()[1]["checks"]["results"] if c["status"] == "fail"), None), 20, "not ready")
        assert "access" in output and worker.health()[0] == 503
        assert not job.endings
    finally:
        broker.manage("PUT", "permissions/%2F/worker", {"configure": "^$", "write": "^autotask\\.results$", "read": "^autotask\\.jobs(\\..*)?$"})
    job.ending(30)
    poll(lambda: worker.health()[0] == 200, 20, "ready again")


def test_progress_of_a_forbidden_tenant_closes_the_channel_once(limited, broker, new_tenant, monitor):
    """sync.progress is published in passing, one for each service."""
    worker = limited()
    held, other = new_tenant().connected(), new_tenant().connected()
    begun = len(worker.log)
    with forbidden(broker, held):
        job = held.publish("sync", plan(40))
        while "closes the channel over a tenant's event" not in worker.log[begun:]:
            other.expect(other.billing_codes(), "billing-codes.listed")
            assert worker.is_running
        # One for progress, a few for the first event that waits.
        assert worker.log[begun:].count("refused a message and closed the channel") <= 6
        counts = [sum(event["id"] == one["id"] for event in monitor.events) for one in other.events()]
        assert max(counts) <= 4, counts
    job.ending(60)
