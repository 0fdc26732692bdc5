"""The dashboards for Grafana: the script writes them, and every query finds data of a real worker. Grafana itself is not run."""

import itertools
import json
import math
import re
import subprocess
import sys

import pytest

import promql
from contract import ROOT
from prometheus import JOB, Prometheus
from tenants import plan

DIRECTORY = ROOT / "deploy" / "grafana"
DASHBOARDS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DIRECTORY.glob("*.json"))}
PANELS = [
    pytest.param(panel, id=f"{name.removesuffix('.json')}: {panel['title']}")
    for name, board in DASHBOARDS.items()
    for panel in board["panels"]
]
#: The units of Grafana that the dashboards use.
UNITS = {"short", "s", "cps", "ops", "reqps", "bytes", "percentunit"}


def expressions(panel):
    return [target["expr"] for target in panel["targets"]]


def test_the_files_are_those_that_the_script_writes(tmp_path):
    subprocess.run([sys.executable, "-B", DIRECTORY / "dashboards.py", tmp_path], check=True, timeout=60)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.json")
    }


def test_there_are_four_dashboards_with_names_of_their_own():
    assert {board["title"].removeprefix("Autotask worker: ") for board in DASHBOARDS.values()} == {
        "Is it well?",
        "Autotask",
        "Store and outbox",
        "Customers",
    }
    assert len({board["uid"] for board in DASHBOARDS.values()}) == 4 and all(len(board["uid"]) <= 40 for board in DASHBOARDS.values())


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_ids_and_places_of_their_own(name):
    panels = DASHBOARDS[name]["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    assert len({panel["title"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"], (one, other)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_has_title_unit_and_description(panel):
    assert panel["title"] and panel["description"].endswith(".") and panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert [target["refId"] for target in panel["targets"]] == list("ABCD"[: len(panel["targets"])])
    # Each series of a graph has a name of its own.
    for target in panel["targets"] if panel["type"] == "timeseries" else ():
        assert target["legendFormat"]
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) >= promql.names(target["expr"]).grouped - {"le"}


@pytest.mark.parametrize("panel", PANELS)
def test_a_query_names_what_a_worker_exports(panel):
    assert [wrong for expression in expressions(panel) for wrong in promql.mistakes(expression)] == []
    # Every worker of a store reports the same.
    assert [text for text in expressions(panel) if re.search(r"sum(?: by \([^)]*\))? ?\(autotask_store_", text)] == []


@pytest.mark.parametrize("panel", PANELS)
def test_a_query_looks_at_the_chosen_store_alone(panel):
    for expression in expressions(panel):
        for selector in promql.names(expression).selectors:
            assert selector.metric == "ALERTS" or ("job", "=", "$job") in selector.conditions, expression


# A real worker


@pytest.fixture(scope="module")
def prometheus(worker, new_tenant, tmp_path_factory):
    """One that scraped a worker before and after a connect, a sync, and a sync that meets a failing call."""
    # The series of a zone begins with its first call.
    new_tenant().connected()
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), worker.operations.removeprefix("http://"))
    try:
        prometheus.await_scrapes(2)
        tenant = new_tenant()
        tenant.connected()
        tenant.expect(tenant.sync(plan(2)), "sync.succeeded")
        # Twice, because libcurl repeats a call whose connection had been used before.
        tenant.database.fault("closeBeforeReading", entity="Services", operation="query", times=2)
        tenant.expect(tenant.sync(plan(3)), "sync.succeeded")
        prometheus.await_scrapes(2)
        yield prometheus
    finally:
        prometheus.stop()


@pytest.mark.parametrize("panel", PANELS)
def test_every_query_finds_data_of_a_real_worker(panel, prometheus):
    for expression in expressions(panel):
        found = prometheus.query(expression.replace("$job", JOB).replace("$__rate_interval", "5m"))
        assert any(math.isfinite(value) for _, value in found), f"{expression}: {found}"


def test_the_failing_call_is_seen(prometheus):
    (failures,) = [panel.values[0] for panel in PANELS if panel.id == "autotask: Calls without an answer"]
    (expression,) = expressions(failures)
    found = prometheus.query(expression.replace("$job", JOB).replace("$__rate_interval", "5m"))
    assert {labels["error_type"] for labels, value in found if value > 0} == {"connectionLost"}, found


@pytest.mark.parametrize("name", DASHBOARDS)
def test_queries_of_variables_and_annotations_are_understood(name, prometheus):
    board = DASHBOARDS[name]
    (variable,) = [variable for variable in board["templating"]["list"] if variable["name"] == "job"]
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
    assert {labels[label] for labels, _ in prometheus.query(metric)} == {JOB}
    (annotation,) = board["annotations"]["list"]
    assert prometheus.query(annotation["expr"].replace("$job", JOB).replace("$__rate_interval", "5m")) == []
    assert promql.mistakes(annotation["expr"]) == []
