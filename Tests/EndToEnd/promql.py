"""What a PromQL expression names: metrics with the labels that select from them, and the labels by which it groups."""

import dataclasses
import re

from test_metrics import allowed_values, documented

TOKEN = re.compile(r'\s+|"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d[\w.]*|[a-zA-Z_]\w*|[=!<>]=|[=!]~|.', re.S)
GROUPS = {"by", "on", "ignoring"}
KEYWORDS = {"and", "or", "unless", "offset", *GROUPS}
#: Metrics that Prometheus adds on its own, and the labels that it adds to each.
OF_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}}
OF_A_TARGET = {"job", "instance"}


@dataclasses.dataclass
class Selector:
    """A metric in an expression, with its conditions as (label, operator, text)."""

    metric: str
    conditions: list


@dataclasses.dataclass
class Names:
    selectors: list
    grouped: set


def names(expression):
    tokens = [token for token in TOKEN.findall(expression) if not token.isspace()]
    found = Names([], set())
    depth, is_group = 0, False
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else ""
        depth += (token == "{") - (token == "}")
        is_group = is_group and token != ")"
        if not re.fullmatch(r"[a-zA-Z_]\w*", token):
            continue
        if depth:
            found.selectors[-1].conditions.append((token, following, tokens[index + 2][1:-1].replace("\\\\", "\\")))
        elif is_group:
            found.grouped.add(token)
        elif token in GROUPS:
            is_group = True
        elif token not in KEYWORDS and following not in ("(", "by"):
            found.selectors.append(Selector(token, []))
    return found


def mistakes(expression):
    """What an expression names that no worker exports, by the page Metrics."""
    known, allowed = documented(), allowed_values()
    named, found, labels = names(expression), [], set(OF_A_TARGET)
    if not named.selectors:
        return [] if expression == "vector(1)" else ["it names no metric"]
    for selector in named.selectors:
        base = re.sub(r"_(bucket|sum|count)$", "", selector.metric)
        metric = base if known.get(base, [""])[0] == "histogram" else selector.metric
        is_bucket = metric != selector.metric and selector.metric.endswith("_bucket")
        if metric not in known and metric not in OF_PROMETHEUS:
            found.append(f"there is no metric {selector.metric}")
            continue
        own = OF_PROMETHEUS[metric] if metric in OF_PROMETHEUS else known[metric][1] | ({"le"} if is_bucket else set())
        labels |= own
        for label, operator, text in selector.conditions:
            if label not in own | OF_A_TARGET:
                found.append(f"{selector.metric} has no label {label}")
            elif label in allowed and metric not in OF_PROMETHEUS:
                # A regular expression of alternatives: each has to be a value.
                values = text.split("|") if operator in ("=~", "!~") else [text]
                found += [f"{label} of {metric} is never {value}" for value in values if value not in allowed[label]]
    return found + [f"no metric of it has a label {label}" for label in named.grouped - labels]
