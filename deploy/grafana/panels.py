"""The parts of a dashboard. In a query, `JOB` is the condition for the workers of the chosen store, and `RATE` a time for rates."""

import dataclasses
import json
import pathlib

CODES = json.loads((pathlib.Path(__file__).parents[2] / "schemas" / "common" / "error-code.json").read_text(encoding="utf-8"))["x-codes"]
#: Who can fix an error, in words.
FIXERS = {
    "mspAdmin": "the MSP's administrator",
    "autotaskAdmin": "Autotask's administrator",
    "portal": "the portal",
    "operator": "the operator",
}


@dataclasses.dataclass
class Query:
    expression: str
    legend: str

    def __post_init__(self):
        self.expression = self.expression.replace("JOB", 'job="$job"').replace("RATE", "$__rate_interval")


@dataclasses.dataclass
class Panel:
    """`limits` are values from which a stat is red."""

    kind: str
    title: str
    unit: str
    description: str
    queries: list
    width: int = 8
    height: int = 8
    limits: tuple = ()


@dataclasses.dataclass
class Dashboard:
    title: str
    description: str
    panels: list


def graph(title, unit, description, *queries, **options):
    return Panel("timeseries", title, unit, description, [Query(*query) for query in queries], **options)


def stat(title, unit, description, expression, *limits):
    return Panel("stat", title, unit, description, [Query(expression, title)], width=4, height=4, limits=limits)


def table(title, unit, description, expression, **options):
    return Panel("table", title, unit, description, [Query(expression, "")], **options)


def rates(metric, label, conditions=""):
    """A counter per second, by a label."""
    return f"sum by ({label}) (rate({metric}{{JOB{conditions}}}[RATE]))", f"{{{{{label}}}}}"


def quantiles(metric, conditions="", by="", quantiles=(0.5, 0.95, 0.99)):
    """Quantiles of a histogram."""
    groups, legend = (f"{by}, le", f"{{{{{by}}}}} ") if by else ("le", "")
    return [
        (f"histogram_quantile({q}, sum by ({groups}) (rate({metric}_bucket{{JOB{conditions}}}[RATE])))", f"{legend}p{q * 100:.0f}")
        for q in quantiles
    ]


def of_fixer(fixer):
    return "|".join(code for code, facts in CODES.items() if facts["fixableBy"] == fixer)


#: 0 where there are none: the series of a reason begins with its first dead letter.
NO_LETTERS = "max(autotask_store_connections{JOB}) * 0"
