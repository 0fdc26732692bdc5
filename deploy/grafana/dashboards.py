#!/usr/bin/env python3
"""Writes the dashboards of this folder, in Grafana's JSON.

    deploy/grafana/dashboards.py [DIRECTORY]

Each has a module of its own, which lists what it shows.
"""

import json
import pathlib
import sys

from autotask import AUTOTASK
from customers import CUSTOMERS
from store import STORE
from well import WELL

#: By the name of the file.
DASHBOARDS = {"well": WELL, "autotask": AUTOTASK, "store-and-outbox": STORE, "customers": CUSTOMERS}
#: The columns of Grafana's grid.
COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
TAG = "autotask-worker"

#: Grafana's options of each type of panel.
OPTIONS = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value", "graphMode": "area"},
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
    "table": {"showHeader": True},
}


def target(number, query, kind):
    return {
        "refId": chr(ord("A") + number),
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expression,
        "legendFormat": query.legend,
        **({"format": "table", "instant": True} if kind == "table" else {"instant": kind == "stat", "range": kind != "stat"}),
    }


def panel(number, part, column, row):
    colours = [{"color": "green", "value": None}, *({"color": "red", "value": limit} for limit in part.limits)]
    return {
        "id": number,
        "type": part.kind,
        "title": part.title,
        "description": part.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": column, "y": row, "w": part.width, "h": part.height},
        "fieldConfig": {
            "defaults": {
                "unit": part.unit,
                "color": {"mode": "thresholds" if part.kind == "stat" else "palette-classic"},
                "thresholds": {"mode": "absolute", "steps": colours},
            },
            "overrides": [],
        },
        "options": OPTIONS[part.kind],
        "targets": [target(number, query, part.kind) for number, query in enumerate(part.queries)],
    }


def panels(parts):
    """The panels in rows, from left to right."""
    found, column, row, height = [], 0, 0, 0
    for number, part in enumerate(parts, start=1):
        if column + part.width > COLUMNS:
            column, row, height = 0, row + height, 0
        found.append(panel(number, part, column, row))
        column, height = column + part.width, max(height, part.height)
    return found


def variables():
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1},
        {
            "name": "job",
            "label": "Store",
            "description": "The scrape job of the workers of one store.",
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": "label_values(autotask_worker_build_info, job)", "refId": "job"},
            "refresh": 2,
            "sort": 1,
        },
    ]


def dashboard(name, parts):
    return {
        "uid": f"{TAG}-{name}",
        "title": f"Autotask worker: {parts.title}",
        "description": parts.description,
        "tags": [TAG],
        "schemaVersion": 38,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "",
        "links": [
            {"title": "Autotask worker", "type": "dashboards", "tags": [TAG], "keepTime": True, "includeVars": True, "asDropdown": False}
        ],
        "templating": {"list": variables()},
        "annotations": {
            "list": [
                {
                    "name": "Starts of workers",
                    "datasource": DATASOURCE,
                    "enable": True,
                    "iconColor": "blue",
                    "expr": 'changes(process_start_time_seconds{job="$job"}[$__rate_interval]) > 0',
                    "titleFormat": "{{instance}} started",
                    "step": "60s",
                }
            ]
        },
        "panels": panels(parts.panels),
    }


if __name__ == "__main__":
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    for name, parts in DASHBOARDS.items():
        text = json.dumps(dashboard(name, parts), indent=2, ensure_ascii=False)
        (directory / f"{name}.json").write_text(text + "\n", encoding="utf-8")
