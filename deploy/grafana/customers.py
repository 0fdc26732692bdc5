"""The dashboard "Customers"."""

from panels import Dashboard, NO_LETTERS, graph, of_fixer, quantiles, rates

CUSTOMERS = Dashboard(
    "Customers",
    "Connections, services and errors of all customers together. `autotask-worker tenant show` has those of one.",
    [
        graph(
            "Connections",
            "short",
            "Connections to Autotask, by status.",
            ("max by (status) (autotask_store_connections{JOB})", "{{status}}"),
        ),
        graph("Services", "short", "Services of all plans, by status.", ("max by (status) (autotask_store_services{JOB})", "{{status}}")),
        graph(
            "Changes of connections",
            "cps",
            "Connections that were made, lost or reset, each second.",
            rates("autotask_worker_connection_changes_total", "change"),
        ),
        graph(
            "Services of syncs",
            "cps",
            "Services of ended syncs each second, by outcome.",
            rates("autotask_worker_services_total", "outcome"),
        ),
        graph("Warnings", "cps", "Warnings of ended syncs each second.", rates("autotask_worker_warnings_total", "code")),
        graph(
            "Errors that the MSP can fix",
            "cps",
            "Jobs that ended with an error that the MSP's administrator can fix, each second.",
            rates("autotask_worker_job_errors_total", "code", f',code=~"{of_fixer("mspAdmin")}"'),
        ),
        graph(
            "Errors that Autotask's administrator can fix",
            "cps",
            "Jobs that ended with such an error, each second.",
            rates("autotask_worker_job_errors_total", "code", f',code=~"{of_fixer("autotaskAdmin")}"'),
        ),
        graph("Attempts", "cps", "Ended attempts each second.", rates("autotask_worker_attempts_total", "ending")),
        graph(
            "Age of ended jobs",
            "s",
            "From acceptance to the end, with all waits; 95 % are faster.",
            *quantiles("autotask_worker_job_age_seconds", by="kind", quantiles=(0.95,)),
        ),
        graph(
            "Duration of attempts",
            "s",
            "95 % of the attempts are faster.",
            *quantiles("messaging_process_duration_seconds", by="kind", quantiles=(0.95,)),
        ),
        graph(
            "Overdue checks",
            "s",
            "How long the most overdue scheduled check has been due.",
            ("max by (kind) (autotask_store_checks_overdue_seconds{JOB})", "{{kind}}"),
        ),
        graph(
            "Dead letters",
            "short",
            "Dead-lettered jobs and messages, by reason.",
            (f"max by (reason) (autotask_store_dead_letters{{JOB}}) or {NO_LETTERS}", "{{reason}}"),
        ),
    ],
)
