"""What a scraper reads at `/metrics`, and the page that describes it."""

import datetime
import json
import re
import subprocess
import time

import pytest

import contract
from processes import poll
from tenants import plan

PAGE = contract.ROOT / "Sources" / "autotask-worker" / "Documentation.docc" / "Metrics.md"
TELEMETRY = contract.ROOT / "Sources" / "Telemetry" / "Metrics"
#: The most series of a worker.
LIMIT = 2500


def rows(heading):
    """The cells of each table below a heading of the page."""
    part = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    text = next(text for text in part if text.startswith(heading))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in cells if row[0].startswith("`")]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def documented():
    """By metric: its type, its labels and its meaning."""
    return {names(row[0])[0]: (row[1], set(names(row[2])), row[3]) for row in rows("The metrics")}


def allowed_values():
    """By label, its values."""
    allowed = {}
    for labels, values in rows("Labels"):
        for label in names(labels):
            allowed.setdefault(label, set()).update(names(values))
    kinds = {name.removeprefix("jobs/").removesuffix(".json") for name in contract.schemas() if name.startswith("jobs/")}
    events = {name.removeprefix("events/").removesuffix(".json") for name in contract.schemas() if name.startswith("events/")}
    codes = set(contract.error_codes())
    allowed["kind"] |= kinds
    allowed["event"] |= events
    allowed["code"] |= codes | set(contract.schemas()["common/warning.json"]["properties"]["code"]["enum"])
    allowed["reason"] |= codes | {"attempts_spent", "time_spent", "interrupted", "unopenable", "by_operator", "untrusted", "out_of_scope", "other"}
    allowed["reason"] |= {"rejected", "expired", "maxlen", "delivery_limit", "unexplained"}
    return allowed


def samples(text):
    """Each series as (metric, labels), with its value."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
        pairs = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")))
        assert (name, pairs) not in found, line
        found[name, pairs] = float(value)
    return found


def metric_of(name, known):
    """The metric of a sample: a histogram's have suffixes."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return base if base in known and known[base][0] == "histogram" else name


def value(text, name, **labels):
    return samples(text).get((name, tuple(sorted(labels.items()))), 0)


def test_the_page_lists_the_metrics_of_the_program():
    source = (TELEMETRY / "MetricName.swift").read_text(encoding="utf-8")
    families = (TELEMETRY / "MetricFamily.swift").read_text(encoding="utf-8")
    cases = dict(re.findall(r'case (\w+) = "(\w+)"', source))
    forms = re.findall(r'case \.(\w+): \.(counter|gauge|histogram)\((?:MetricFamily\.\w+, )?"([^"]+)"\)', families)
    assert {cases[case]: (form, text) for case, form, text in forms} == {name: (form, text) for name, (form, _, text) in documented().items()}


def test_a_scrape_is_valid_and_has_every_metric(worker, tenant):
    tenant.connected()
    tenant.expect(tenant.sync(plan(2)), "sync.succeeded")
    text = worker.metrics()
    known = documented()
    found = {metric_of(name, known) for name, _ in samples(text)}
    # These appear when there is something to report.
    rare = {"autotask_store_dead_letters", "autotask_worker_zone_open"}
    assert found - known.keys() == set()
    assert known.keys() - found - rare == set()
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, flags=re.M))
    assert {name: form for name, (form, _, _) in known.items() if name in types} == types
    check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False)
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_what_a_tenant_does_is_counted(worker, tenant):
    before = worker.metrics()
    tenant.connected()
    tenant.expect(tenant.sync(plan(2)), "sync.succeeded")
    tenant.database.fault("status", status=500, entity="Services", operation="query", times=1)
    tenant.expect(tenant.sync(plan(2)), "sync.succeeded")
    after = worker.metrics()

    def more(name, **labels):
        return value(after, name, **labels) - value(before, name, **labels)

    assert more("autotask_worker_jobs_ended_total", kind="sync", event="sync.succeeded") == 2
    assert more("autotask_worker_attempts_total", kind="sync", ending="deferred") == 1
    assert more("autotask_worker_attempts_total", kind="sync", ending="finished") == 2
    assert more("autotask_worker_services_total", outcome="created") == 2
    assert more("autotask_worker_connection_changes_total", change="established") == 1
    assert more("http_client_request_duration_seconds_count", operation="createService", result="2xx") == 2
    assert more("http_client_request_duration_seconds_count", operation="queryServices", result="5xx") == 1
    assert more("autotask_worker_intake_total", result="accepted") == 3
    assert value(after, "autotask_worker_intake_state", state="consuming") == 1
    assert value(after, "autotask_store_readable") == 1


def test_the_last_copy_the_clock_and_the_end_of_the_key_are_shown(worker, tenant, tmp_path):
    tenant.connected()
    begun = time.time()
    worker.cli("store", "backup", str(tmp_path / "copy.sqlite"))
    # Figures of the store are up to five seconds old.
    poll(lambda: value(worker.metrics(), "autotask_store_last_backup_timestamp_seconds") >= int(begun), 20, "the copy")
    text = worker.metrics()
    assert abs(value(text, "autotask_worker_clock_offset_seconds")) < 5
    (key,) = [key for key in json.loads(worker.cli("keys", "list", "--json"))["keys"] if key["use"] == "portals" and key["active"]]
    end = datetime.datetime.fromisoformat(key["notAfter"].replace("Z", "+00:00")).timestamp()
    assert abs(value(text, "autotask_worker_portal_key_expiry_timestamp_seconds") - end) < 1
    assert value(text, "autotask_worker_audit_broken_total") == 0


@pytest.mark.last
def test_all_series_of_the_run_are_bounded(worker):
    """Each stop of a worker kept its last scrape: those of all tests of this part."""
    scrapes = [*worker.scrapes, worker.metrics()]
    known, allowed = documented(), allowed_values()
    for text in scrapes:
        series = samples(text)
        assert len(series) <= LIMIT
        for name, labels in series:
            metric = metric_of(name, known)
            assert metric in known, name
            assert {label for label, _ in labels} - {"le"} <= known[metric][1], (name, labels)
            for label, text_of in labels:
                is_free = metric == "autotask_worker_build_info" or label in ("le", "messaging_destination_name")
                is_zone = label == "zone" and re.fullmatch(r"webservices\d{0,3}|other", text_of)
                assert is_free or is_zone or text_of in allowed[label], (name, label, text_of)


@pytest.mark.last
def test_no_secret_is_in_a_metric(worker, secrets):
    text = "\n".join([*worker.scrapes, worker.metrics()])
    assert [secret for secret in secrets if secret in text] == []
