"""Traces: from a portal's span, through the worker, to a monitor's; and a collector that takes none."""

import re
import secrets
import socket
import time

import pytest

import contract
from collector import Collector
from tenants import plan
from test_metrics import value

PAGE = contract.ROOT / "Sources" / "autotask-worker" / "Documentation.docc" / "Traces.md"
SOURCES = contract.ROOT / "Sources" / "Telemetry" / "Traces"
#: Spans leave at once.
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "50"}


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    problems = collector.problems
    collector.close()
    assert problems == []


@pytest.fixture
def traced(other_worker, collector):
    """The worker with traces."""
    other_worker.start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **QUICK)
    return other_worker


def new_parent(flags="01"):
    """The context of a portal's span, as (trace, span, traceparent)."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, f"00-{trace}-{span}-{flags}"


def counted(worker, result):
    return value(worker.metrics(), "autotask_worker_spans_total", result=result)


def test_one_trace_from_a_portals_span_to_a_monitors(traced, collector, tenant):
    tenant.connected()
    trace, portals_span, traceparent = new_parent()
    job = tenant.publish("sync", plan(2), traceparent=traceparent)
    tenant.expect(job.ending(), "sync.succeeded")
    collector.await_spans(lambda span: span.trace == trace and span.kind == "PRODUCER", 5)
    (attempt,) = collector.await_spans(lambda span: span.trace == trace and span.kind == "CONSUMER")
    assert attempt.parent == portals_span and not attempt.links and not attempt.has_failed
    assert attempt.name == "process autotask.jobs:sync.{tenant}"
    # The context that a monitor continues is the attempt's, in all events.
    assert {event["traceparent"] for event in job.events} == {attempt.context}
    assert len(job.events) > 1 and attempt.context.endswith("-01")
    expected = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "process",
        "messaging.message.id": job.id,
        "messaging.destination.name": f"autotask.jobs:sync.{tenant.name}",
        "autotask.tenant": tenant.name,
        "autotask.product": "workplace",
        "autotask.job.kind": "sync",
        "autotask.job.attempt": 1,
        "autotask.job.outcome": "sync.succeeded",
        "autotask.job.scheduled": False,
    }
    assert {name: attempt.attributes[name] for name in expected} == expected
    children = [span for span in collector.spans if span.trace == trace and span.parent == attempt.id]
    calls = [span for span in children if span.attributes.get("http.request.method")]
    made = [call for call in tenant.database.calls() if call["operation"] in ("query", "create")]
    assert [span.attributes["autotask.operation"] for span in calls].count("createService") == 2
    assert len(calls) == attempt.attributes["autotask.job.api_calls"] <= len(made)
    for call in calls:
        assert call.kind == "CLIENT" and call.attributes["http.response.status_code"] == 200
        assert call.name == f"{call.attributes['http.request.method']} {call.attributes['url.template']}"
        assert "?" not in call.attributes["url.full"]
        assert attempt.start <= call.start <= call.end <= attempt.end
    assert {span.name for span in children if "db.system.name" in span.attributes} == {"store journal", "store complete"}
    publications = {span.attributes["messaging.message.id"]: span for span in children if span.kind == "PRODUCER"}
    published = [event for event in tenant.events() if event.get("traceparent") == attempt.context]
    assert publications.keys() == {event["id"] for event in published}
    progress = [span for span in publications.values() if span.name == "publish autotask.results:sync.progress.{tenant}"]
    assert len(progress) == 2 and len(publications) == 5
    # Progress is published without a guarantee, and has no sequence.
    assert all("autotask.sequence" not in span.attributes and not span.has_failed for span in progress)
    publication = publications[job.endings[0]["id"]]
    assert publication.attributes["messaging.message.conversation_id"] == job.id
    assert publication.name == "publish autotask.results:sync.succeeded.{tenant}"
    # When the worker took the job from RabbitMQ.
    (acceptance,) = [span for span in collector.spans if span.trace == trace and span.name == "receive autotask.jobs:sync.{tenant}"]
    assert acceptance.parent == portals_span and acceptance.attributes["messaging.message.id"] == job.id
    assert acceptance.start <= acceptance.end and acceptance.start <= attempt.start
    assert [span.attributes["autotask.journal.entries"] for span in children if span.name == "store journal"][0] >= 1
    # Every span of the trace hangs below the portal's.
    ids = {span.id for span in collector.spans if span.trace == trace}
    assert {span.parent for span in collector.spans if span.trace == trace} <= ids | {portals_span}
    assert {span.resource["service.name"] for span in collector.spans} == {"autotask-worker"}


def test_a_second_attempt_is_in_the_trace_and_links_to_the_first(traced, collector, tenant):
    tenant.connected()
    trace, portals_span, traceparent = new_parent()
    tenant.database.fault("status", status=500, entity="Services", operation="query", times=1)
    job = tenant.publish("sync", plan(1), traceparent=traceparent)
    tenant.expect(job.ending(), "sync.succeeded")
    first, second = collector.await_spans(lambda span: span.trace == trace and span.kind == "CONSUMER", 2)
    assert {first.parent, second.parent} == {portals_span} and first.id != second.id
    assert (first.links, second.links) == ([], [(trace, first.id)])
    assert first.has_failed and first.attributes["error.type"] == "autotask_unavailable"
    assert first.attributes["autotask.job.outcome"] == "job.deferred" and second.attributes["autotask.job.attempt"] == 2
    deferred, ending = (next(event for event in job.events if event["type"].endswith(end)) for end in ("deferred", "succeeded"))
    assert (deferred["traceparent"], ending["traceparent"]) == (first.context, second.context)
    failed = [span for span in collector.spans if span.parent == first.id and span.kind == "CLIENT" and span.has_failed]
    assert [span.attributes["http.response.status_code"] for span in failed] == [500]


def test_a_limit_and_the_wait_for_it_are_events_of_spans(traced, collector, tenant):
    tenant.connected()
    trace, _, traceparent = new_parent()
    tenant.database.fault("throttled", entity="Services", operation="query", times=1, retryAfterSeconds=1)
    tenant.expect(tenant.publish("sync", plan(1), traceparent=traceparent).ending(), "sync.succeeded")
    first, _ = collector.await_spans(lambda span: span.trace == trace and span.kind == "CONSUMER", 2)
    (call,) = [span for span in collector.spans if span.parent == first.id and span.attributes.get("http.response.status_code") == 429]
    assert call.events == [("call.limited", {"autotask.wait_seconds": 1.0})]
    events = dict(first.events)
    assert list(events) == ["breaker.opened", "job.deferred"]
    assert events["breaker.opened"] == {"autotask.breaker.scope": "database"}
    assert 1 <= events["job.deferred"]["autotask.wait_seconds"] < 5


def test_an_attempt_that_a_shutdown_puts_back_is_below_the_next_one(other_worker, collector, tenant):
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **QUICK}
    other_worker.start(**settings)
    tenant.connected()
    trace, portals_span, traceparent = new_parent()
    delay = tenant.database.fault("latency", milliseconds=200, entity="Services")
    job = tenant.publish("sync", plan(60), traceparent=traceparent)
    tenant.database.await_calls(2, operation="create")
    other_worker.stop()
    (put_back,) = collector.await_spans(lambda span: span.trace == trace and span.name == "put back autotask.jobs:sync.{tenant}")
    delay.clear()
    other_worker.start(**settings)
    tenant.expect(job.ending(), "sync.succeeded")
    (attempt,) = collector.await_spans(lambda span: span.trace == trace and span.kind == "CONSUMER")
    assert put_back.parent == attempt.id != put_back.id and attempt.parent == portals_span
    assert put_back.attributes["autotask.job.outcome"] == "postponed" and put_back.end < attempt.start
    assert attempt.attributes["autotask.job.attempt"] == put_back.attributes["autotask.job.attempt"] == 1


def test_a_scheduled_check_begins_a_trace(other_worker, collector, tenant):
    other_worker.start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, DRIFT_INTERVAL_HOURS="0.00083", BILLING_CODES_SECONDS="0", **QUICK)
    tenant.connected()
    tenant.expect(tenant.sync(plan(1)), "sync.succeeded")
    checks = collector.await_spans(lambda span: span.attributes.get("autotask.job.scheduled") and span.attributes["autotask.tenant"] == tenant.name, 2)
    assert all(check.parent == "" and check.attributes["autotask.job.kind"] == "drift" for check in checks)
    assert len({check.trace for check in checks}) == len(checks)
    calls = collector.await_spans(lambda span: span.parent == checks[0].id and span.kind == "CLIENT" and "url.full" in span.attributes)
    assert {call.trace for call in calls} == {checks[0].trace}


def test_a_job_that_is_not_sampled_has_no_span_and_keeps_its_context(traced, collector, tenant):
    trace, _, traceparent = new_parent("00")
    ending = tenant.publish("billing-codes", traceparent=traceparent).ending()
    assert ending["traceparent"] == traceparent
    # A later job's spans arrive, this one's do not.
    later, _, sampled = new_parent()
    tenant.publish("billing-codes", traceparent=sampled).ending()
    collector.await_spans(lambda span: span.trace == later and span.kind == "PRODUCER")
    assert [span for span in collector.spans if span.trace == trace] == []


def test_a_refused_job_has_only_the_span_of_its_event(traced, collector, tenant):
    trace, portals_span, traceparent = new_parent()
    ending = tenant.publish("reset", {}, traceparent=traceparent).ending()
    assert ending["type"] == "autotask.job.rejected" and ending["traceparent"] == traceparent
    (publication,) = collector.await_spans(lambda span: span.trace == trace)
    assert (publication.kind, publication.parent) == ("PRODUCER", portals_span)


def test_the_sampler_of_the_operator_decides(other_worker, collector, tenant):
    other_worker.start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5", **QUICK)
    low, high = (f"00-{'ab' * 8}{half}{secrets.token_hex(7)}-{secrets.token_hex(8)}-01" for half in ("00", "ff"))
    endings = [tenant.publish("billing-codes", traceparent=parent).ending() for parent in (high, low)]
    assert endings[0]["traceparent"] == high and endings[1]["traceparent"] != low
    collector.await_spans(lambda span: span.kind == "PRODUCER" and span.trace == low.split("-")[1])
    assert {span.trace for span in collector.spans} == {low.split("-")[1]}


def test_headers_and_resource_of_the_operator(other_worker, collector, tenant):
    token = f"Token {secrets.token_hex(8)}"
    other_worker.start(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/own/path",
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization={token.replace(' ', '%20')},x-part=a",
        OTEL_SERVICE_NAME="billing",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test%20bed",
        **QUICK,
    )
    tenant.publish("billing-codes", traceparent=new_parent()[2]).ending()
    (span, *_) = collector.await_spans(lambda span: span.kind == "CONSUMER")
    path, headers = collector.headers[0]
    assert path == "/own/path" and headers["authorization"] == token and headers["x-part"] == "a"
    assert headers["Content-Type"] == "application/json"
    assert span.resource["service.name"] == "billing" and span.resource["deployment.environment.name"] == "test bed"
    assert span.resource["service.version"]
    # The header is a secret, in the environment of the process too.
    variables = open(f"/proc/{other_worker.process.pid}/environ", "rb").read()
    assert b"OTEL_EXPORTER_OTLP_HEADERS" in variables and token.split()[1].encode() not in variables
    shown = other_worker.cli("config", "show", OTEL_EXPORTER_OTLP_HEADERS=f"authorization={token}")
    assert "OTEL_EXPORTER_OTLP_HEADERS" in shown and token.split()[1] not in shown and token.split()[1] not in other_worker.log


def test_spans_are_sent_again_while_the_collector_is_busy(traced, collector, tenant):
    exported = counted(traced, "exported")
    collector.answers = [(503, {}), (429, {"Retry-After": "1"})]
    trace, _, traceparent = new_parent()
    tenant.publish("billing-codes", traceparent=traceparent).ending()
    collector.await_spans(lambda span: span.trace == trace and span.kind == "CONSUMER")
    assert collector.bodies[0] == collector.bodies[1] == collector.bodies[2]
    assert len([span for span in collector.spans if span.trace == trace and span.kind == "CONSUMER"]) == 1
    assert counted(traced, "exported") > exported and counted(traced, "failed") == 0


def test_spans_that_the_collector_refuses_are_counted_and_logged_once(traced, collector, tenant):
    collector.answers = [(400, {})] * 2
    for number in (1, 2):
        tenant.publish("billing-codes", traceparent=new_parent()[2]).ending()
        collector.await_requests(number)
    trace, _, traceparent = new_parent()
    tenant.publish("billing-codes", traceparent=traceparent).ending()
    collector.await_spans(lambda span: span.trace == trace)
    assert counted(traced, "failed") > 0
    log = traced.log[traced.begun :]
    assert len(re.findall("The collector takes no spans", log)) == 1 and len(re.findall("The collector takes spans again", log)) == 1


@pytest.mark.parametrize("trouble", ["down", "slow"])
def test_jobs_do_not_notice_a_collector_that_does_not_answer(other_worker, collector, tenant, trouble):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        collector.hold()
        url = collector.url if trouble == "slow" else f"http://127.0.0.1:{unused.getsockname()[1]}"
        other_worker.start(
            OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_BSP_MAX_QUEUE_SIZE="4", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="2", SHUTDOWN_SECONDS="10", **QUICK
        )
        tenant.connected()
        for _ in range(3):
            tenant.expect(tenant.sync(plan(2)), "sync.succeeded")
        assert counted(other_worker, "dropped") > 0
        assert counted(other_worker, "exported") == 0
        # The shutdown waits a bounded time for the collector: a tenth of its own.
        begun = time.monotonic()
        other_worker.stop()
        assert time.monotonic() - begun < 8


def test_the_last_spans_leave_at_the_shutdown(other_worker, collector, tenant):
    other_worker.start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="600000")
    trace, _, traceparent = new_parent()
    tenant.publish("billing-codes", traceparent=traceparent).ending()
    assert collector.spans == []
    other_worker.stop()
    assert {span.kind for span in collector.await_spans(lambda span: span.trace == trace, 3)} == {"CONSUMER", "PRODUCER", "CLIENT"}


def test_the_collectors_host_is_no_zone(traced, collector, new_tenant, simulator):
    """A zone look-up that names the collector leads nowhere: its host is allowed for spans alone."""
    tenant = new_tenant()
    before = len(collector.bodies)
    body = {"zoneName": "X", "url": f"{collector.url}/atservicesrest/", "webUrl": collector.url, "ci": tenant.database.number}
    fault = tenant.database.simulator.request(
        "POST",
        "faults",
        {"kind": "status", "status": 200, "entity": "ZoneInformation", "user": tenant.username, "body": contract.json.dumps(body), "contentType": "application/json"},
    )
    assert fault
    ending = tenant.connect()
    assert ending["type"] == "autotask.connection.failed"
    assert all(path == "/v1/traces" for path, _ in collector.headers[before:])


@pytest.mark.parametrize(("file", "section"), [("SpanKey.swift", "Attributes"), ("SpanEventName.swift", "Events of spans")])
def test_the_page_lists_the_attributes_and_events_of_the_program(file, section):
    program = set(re.findall(r'case \w+ = "([\w.]+)"', (SOURCES / file).read_text(encoding="utf-8")))
    text = PAGE.read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    assert program and set(re.findall(r"^\| `([\w.]+)`", text, flags=re.M)) == program
