"""The dashboard "Store and outbox"."""

from panels import Dashboard, graph, quantiles, rates

STORE = Dashboard(
    "Store and outbox",
    "The store, the events on their way to RabbitMQ, and the leases of the workers.",
    [
        graph("Commits", "s", "The duration of transactions.", *quantiles("autotask_worker_store_commit_seconds", quantiles=(0.5, 0.99))),
        graph(
            "Operations in a transaction",
            "short",
            "The mean number. It rises under load.",
            (
                "sum(rate(autotask_worker_store_group_writes_sum{JOB}[RATE]))"
                " / sum(rate(autotask_worker_store_group_writes_count{JOB}[RATE]))",
                "mean",
            ),
        ),
        graph(
            "Operations by kind",
            "ops",
            "Operations of the store each second.",
            rates("db_client_operation_duration_seconds_count", "db_operation_name"),
        ),
        graph(
            "Duration of operations",
            "s",
            "99 % are faster, with the wait for a transaction.",
            *quantiles("db_client_operation_duration_seconds", by="db_operation_name", quantiles=(0.99,)),
        ),
        graph(
            "Waiting operations",
            "short",
            "Operations that wait for a transaction.",
            ("sum by (instance) (autotask_worker_store_pending_writes{JOB})", "{{instance}}"),
        ),
        graph("Failures", "cps", "Failed operations of the store each second.", rates("autotask_worker_store_errors_total", "code")),
        graph(
            "Files",
            "bytes",
            "The size of the store and of its write-ahead log.",
            ("max by (file) (autotask_store_file_bytes{JOB})", "{{file}}"),
        ),
        graph("Free space", "bytes", "Free space on the store's disk.", ("min(autotask_store_disk_free_bytes{JOB})", "free")),
        graph(
            "Emptying the log",
            "cps",
            "Attempts to empty the write-ahead log, each second. A reader blocks some.",
            rates("autotask_worker_log_truncations_total", "result"),
        ),
        graph(
            "Readable", "short", "1 while a worker can read the store for its metrics.", ("min(autotask_store_readable{JOB})", "readable")
        ),
        graph(
            "Outbox",
            "short",
            "Events that RabbitMQ has not confirmed.",
            ("max(autotask_store_outbox_events{JOB})", "events"),
            ("max(autotask_store_outbox_refused_lanes{JOB})", "refused lanes"),
        ),
        graph(
            "Oldest event",
            "s",
            "How long the oldest event has waited for RabbitMQ's confirmation.",
            ("max(autotask_store_outbox_oldest_seconds{JOB})", "age"),
        ),
        graph(
            "Published messages",
            "cps",
            "Published messages each second, by what kept RabbitMQ from confirming them: `none` are confirmed.",
            rates("messaging_client_sent_messages_total", "error_type"),
        ),
        graph(
            "Publishing",
            "s",
            "From publishing a batch of events to RabbitMQ's last answer.",
            *quantiles("messaging_client_operation_duration_seconds"),
        ),
        graph(
            "Delivered messages",
            "cps",
            "Messages from each job queue, each second.",
            rates("messaging_client_consumed_messages_total", "messaging_destination_name"),
        ),
        graph(
            "Connections to RabbitMQ",
            "short",
            "Connections that work, over all workers.",
            ("sum by (role) (autotask_worker_broker_connected{JOB})", "{{role}}"),
        ),
        graph(
            "Blocked connections",
            "short",
            "Connections on which RabbitMQ accepts nothing.",
            ("sum by (role) (autotask_worker_broker_blocked{JOB})", "{{role}}"),
        ),
        graph("Attempts to connect to RabbitMQ", "cps", "Attempts each second.", rates("autotask_worker_broker_connects_total", "result")),
        graph(
            "Lease",
            "s",
            "How long the lease of each worker still lasts. At 0, another worker takes over.",
            ("min by (instance) (autotask_worker_lease_remaining_seconds{JOB})", "{{instance}}"),
        ),
        graph("Taken over", "cps", "What workers took over from others, each second.", rates("autotask_worker_takeovers_total", "what")),
        graph(
            "Fenced",
            "cps",
            "Operations each second that were refused because another worker had taken over.",
            ("sum(rate(autotask_worker_fenced_total{JOB}[RATE]))", "operations"),
        ),
    ],
)
