"""The dashboard "Autotask"."""

from panels import Dashboard, graph, quantiles, rates

AUTOTASK = Dashboard(
    "Autotask",
    "The calls to Autotask, and what holds them back.",
    [
        graph(
            "Calls by operation",
            "reqps",
            "Calls each second, by operation.",
            rates("http_client_request_duration_seconds_count", "operation"),
        ),
        graph(
            "Calls by result",
            "reqps",
            "Calls each second, by the answer's status; `none` is no answer.",
            rates("autotask_worker_calls_total", "result"),
        ),
        graph("Calls by zone", "reqps", "Calls each second, by zone.", rates("autotask_worker_calls_total", "zone")),
        graph("Duration", "s", "The duration of all calls.", *quantiles("http_client_request_duration_seconds")),
        graph(
            "Duration by operation",
            "s",
            "95 % of an operation's calls are faster.",
            *quantiles("http_client_request_duration_seconds", by="operation", quantiles=(0.95,)),
        ),
        graph(
            "Failed calls by zone",
            "percentunit",
            "The share of a zone's calls with 429, 5xx or no answer.",
            (
                'sum by (zone) (rate(autotask_worker_calls_total{JOB,result=~"429|5xx|none"}[RATE]))'
                " / sum by (zone) (rate(autotask_worker_calls_total{JOB}[RATE]))",
                "{{zone}}",
            ),
        ),
        graph(
            "Calls without an answer",
            "reqps",
            "Calls each second without an answer, by the reason.",
            rates("autotask_worker_call_failures_total", "error_type"),
        ),
        graph(
            "Circuit breakers",
            "short",
            "Circuit breakers that are not closed.",
            ("sum by (scope, phase) (autotask_worker_breakers{JOB})", "{{scope}} {{phase}}"),
        ),
        graph("Openings", "cps", "Circuit breakers that opened, each second.", rates("autotask_worker_breaker_openings_total", "scope")),
        graph(
            "Zones",
            "short",
            "1 where the circuit breaker of a zone is open or probes.",
            ("max by (zone) (autotask_worker_zone_open{JOB})", "{{zone}}"),
        ),
        graph(
            "Quota",
            "short",
            "Databases by the used share of their hourly quota, as one worker sees it.",
            ("max by (band) (autotask_worker_quota_databases{JOB})", "{{band}}"),
        ),
        graph(
            "Held up",
            "cps",
            "Attempts each second that ended early for a reason outside the job.",
            rates("autotask_worker_held_back_total", "reason"),
        ),
        graph(
            "Calls under way",
            "short",
            "Calls that run, and calls that wait for a connection.",
            ("sum(http_client_active_requests{JOB})", "under way"),
            ("sum(autotask_worker_http_waiting{JOB})", "waiting"),
        ),
        graph("Unresolved writes", "short", "Writes whose effect is not known.", ("max(autotask_store_open_writes{JOB})", "writes")),
        graph(
            "Oldest unresolved write",
            "s",
            "The age of the oldest write whose effect is not known.",
            ("max(autotask_store_open_writes_oldest_seconds{JOB})", "age"),
        ),
    ],
)
