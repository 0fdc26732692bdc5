"""The alert rules for Prometheus: each fires and rests, names only what a worker exports, and has its first steps in the page Alerts."""

import re
import shlex
import subprocess
import sys

import pytest
import yaml

import promql
from contract import ROOT
from prometheus import RULES, Prometheus
from test_metrics import value

DIRECTORY = RULES.parent
TESTS = DIRECTORY / "autotask-worker.rules_test.yaml"
PAGE = ROOT / "Sources" / "autotask-worker" / "Documentation.docc" / "Alerts.md"
GROUPS = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"]]
CASES = yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
NAMES = sorted({rule["alert"] for rule in ALERTS})
#: This one is always raised.
ALWAYS = {("Watchdog", "info")}


def key(rule):
    return rule["alert"], rule["labels"]["severity"]


def sections():
    """The text of each alert in the page."""
    parts = re.split(r"^### (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    return {name: re.split(r"^## ", text, flags=re.M)[0] for name, text in zip(parts[::2], parts[1::2])}


def promtool(*arguments):
    ended = subprocess.run(["promtool", *arguments], cwd=DIRECTORY, capture_output=True, text=True, timeout=80, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


# The rules


def test_the_example_configuration_and_its_rules_are_valid():
    assert f"{len(ALERTS)} rules found" in promtool("check", "config", "prometheus.yaml")


def test_the_alerts_fire_and_rest_when_they_should():
    assert "SUCCESS" in promtool("test", "rules", TESTS.name)


def test_every_alert_fires_in_one_test_and_rests_in_another():
    """By name and severity. A test in which it fires also looks at the moment before, when it does not fire yet."""
    fires, rests = set(), set()
    for test in CASES:
        moments = test["alert_rule_test"]
        seen = [(moment["alertname"], {alert["exp_labels"]["severity"] for alert in moment["exp_alerts"]}) for moment in moments]
        name, severity, verb = re.match(r"(\w+) \((\w+)\) (fires|rests): ", test["name"]).groups()
        assert {alert for alert, _ in seen} == {name}, test["name"]
        if verb == "rests":
            assert all(severity not in found for _, found in seen), test["name"]
            rests.add((name, severity))
        else:
            assert severity in seen[-1][1] and all(severity not in found for _, found in seen[:-1]), test["name"]
            assert len(seen) > 1 or (name, severity) in ALWAYS, test["name"]
            fires.add((name, severity))
    every = {key(rule) for rule in ALERTS}
    assert len(every) == len(ALERTS)
    assert (fires, rests) == (every, every - ALWAYS)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: "-".join(key(rule)))
def test_an_alert_has_what_a_person_needs(rule):
    assert rule["labels"]["severity"] in ("page", "ticket", "info")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert "{{ $" in rule["annotations"]["description"] or key(rule) in ALWAYS
    address = "{{ $externalLabels.documentation }}/documentation/autotask_worker/alerts"
    assert rule["annotations"]["runbook_url"] == f"{address}#{rule['alert']}"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: "-".join(key(rule)))
def test_an_alert_names_what_a_worker_exports(rule):
    assert promql.mistakes(rule["expr"]) == []


def test_the_tests_of_the_rules_name_what_a_worker_exports():
    series = {series["series"] for test in CASES for series in test["input_series"]}
    assert len(series) > 50
    assert {text: wrong for text in series if (wrong := promql.mistakes(text))} == {}


@pytest.mark.parametrize("rule", [rule for rule in ALERTS if "autotask_store_" in rule["expr"]], ids=lambda rule: "-".join(key(rule)))
def test_metrics_of_the_store_are_never_added_up_over_workers(rule):
    """`sum` is right for the states of one store, after `max` over its workers."""
    assert re.findall(r"sum(?: by \([^)]*\))? \(autotask_store_", rule["expr"]) == []


@pytest.mark.parametrize(
    ("expression", "mistake"),
    [
        ("sum(autotask_worker_intake_states) == 0", "there is no metric autotask_worker_intake_states"),
        ('autotask_worker_intake_state{phase="paused"} == 1', "autotask_worker_intake_state has no label phase"),
        ('autotask_worker_intake_state{state=~"paused|closed"} == 1', "state of autotask_worker_intake_state is never closed"),
        ("sum by (job, zone) (autotask_worker_jobs_running)", "no metric of it has a label zone"),
        ("autotask_worker_jobs_running_bucket > 1", "there is no metric autotask_worker_jobs_running_bucket"),
        ('autotask_worker_job_wait_seconds_count{le="1"}', "autotask_worker_job_wait_seconds_count has no label le"),
    ],
)
def test_an_expression_that_names_what_no_worker_exports_is_found(expression, mistake):
    assert promql.mistakes(expression) == [mistake]


def test_the_times_of_the_rules_are_divided_for_a_show(tmp_path):
    """As `deploy/observe` does."""
    program = f"import sys; from hastened import hastened; print(hastened(open({str(RULES)!r}, encoding='utf-8').read()))"
    text = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=ROOT / "Tests" / "Observe", capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    promtool("check", "rules", tmp_path / "rules.yaml")
    quick = {key(rule): rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]}
    assert quick.keys() == {key(rule) for rule in ALERTS}
    assert quick["NobodyTakesJobs", "page"]["for"] == "2000ms"
    assert "[60000ms:1000ms]" in quick["DeadLettersGrow", "ticket"]["expr"] and "[15000ms]" in quick["Defect", "ticket"]["expr"]
    assert "[360000ms], 86400)" in quick["DiskFillsUp", "ticket"]["expr"] and "offset 300000ms" in quick["DiskFillsUp", "ticket"]["expr"]
    assert re.findall(r"\d[smh]\b", "".join(rule["expr"].replace("ms", "") for rule in quick.values())) == []


# The page


def test_the_page_has_each_alert_and_no_other():
    assert sorted(sections().keys() - {"Overview"}) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_section_has_severity_time_and_three_steps(name):
    """`ticket` after 10 min, `page` after 30 min."""
    text = sections()[name]
    stated = [
        f"`{rule['labels']['severity']}` " + (f"after {rule['for'].removesuffix('m')} min" if "for" in rule else "at once")
        for rule in ALERTS
        if rule["alert"] == name
    ]
    assert text.strip().partition(". ")[0] in (", ".join(stated), ", ".join(reversed(stated)))
    assert re.findall(r"^(\d)\. ", text, flags=re.M) == ["1", "2", "3"]


def commands():
    spans = re.findall(r"`(autotask-worker [^`]+)`", PAGE.read_text(encoding="utf-8"))
    return sorted(set(spans))


@pytest.fixture(scope="module")
def placeholders(worker, new_tenant, tmp_path_factory):
    """What stands in the page for something of the reader's own."""
    tenant = new_tenant()
    tenant.connected()
    tenant.portal.publish_raw(b"{}", f"reset.{tenant.name}")
    tenant.expect(tenant.reset(), "integration.reset")
    (letter,) = yaml.safe_load(worker.cli("dead-letters", "list", "--ungrouped", "--json"))[-1:]
    job = tenant.connect_job()
    job.publish().ending()
    return {
        "TENANT": tenant.name,
        "ID": {"sync": job.id, "dead-letters": str(letter["id"])},
        "FINGERPRINT": letter["fingerprint"],
        "FILE": str(tmp_path_factory.mktemp("backup") / "copy.sqlite"),
    }


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_page_is_one_that_the_worker_has(command, worker, placeholders):
    """It changes nothing that a test could miss, and is understood: its exit code is not that of wrong usage."""
    words = shlex.split(command)[1:]
    filled = [placeholders.get(word, word) for word in words]
    arguments = [word[words[0]] if isinstance(word, dict) else word for word in filled]
    settings = {"OPERATIONS_LISTEN": worker.operations.removeprefix("http://")}
    if words[0] == "topology":
        settings["AMQP_URL"] = worker.settings["OPERATOR_AMQP_URL"]
    ended = worker.run(*arguments, **settings)
    assert ended.returncode in (0, 1), f"{command}: {ended.returncode}: {ended.stdout}{ended.stderr}"


# A real worker


@pytest.fixture(scope="module")
def prometheus(worker, new_tenant, tmp_path_factory):
    new_tenant().connected()
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), worker.operations.removeprefix("http://"))
    prometheus.await_scrapes(2)
    yield prometheus
    prometheus.stop()


def test_prometheus_evaluates_every_rule_over_a_real_worker(prometheus):
    rules = prometheus.rules()
    assert {(rule["name"], rule["labels"]["severity"]) for rule in rules} == {key(rule) for rule in ALERTS}
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
    # A worker that is well.
    assert {alert["labels"]["alertname"] for alert in prometheus.ask("alerts")["alerts"] if alert["state"] == "firing"} == {"Watchdog"}


def test_a_metric_of_a_rule_has_series_of_a_real_worker(prometheus):
    """So that a rule that rests does so for its values, and not because it finds nothing."""
    metrics = {selector.metric for rule in ALERTS for selector in promql.names(rule["expr"]).selectors}
    missing = {metric for metric in metrics if not prometheus.query(f'{{__name__="{metric}",job="autotask-worker"}}')}
    # It appears with the first dead letter, and is counted once a minute.
    assert missing <= {"autotask_store_dead_letters"}


def test_credentials_that_do_not_open_are_counted(worker, tenant):
    """As PortalSealsWrong expects."""
    sealed = tenant.connect_job().envelope["data"]
    before = worker.metrics()
    tenant.expect(tenant.publish("connect", sealed).ending(), "job.rejected", "decryption_failed")
    name, labels = "autotask_worker_job_errors_total", {"kind": "connect", "code": "decryption_failed"}
    assert value(worker.metrics(), name, **labels) == value(before, name, **labels) + 1
