"""The dashboard "Is it well?"."""

from panels import Dashboard, FIXERS, NO_LETTERS, graph, of_fixer, quantiles, rates, stat, table

#: Kinds of job for which a person waits.
OF_PEOPLE = ',kind=~"connect|preview|billing-codes|diagnose"'

WELL = Dashboard(
    "Is it well?",
    "Whether jobs come in, end, and are answered.",
    [
        stat("Workers", "short", "Workers that answer Prometheus.", "sum(up{JOB})"),
        stat(
            "Take jobs",
            "short",
            "Workers that take jobs from RabbitMQ. One of a store does.",
            'sum(autotask_worker_intake_state{JOB,state="consuming"})',
        ),
        stat(
            "Alerts",
            "short",
            "Alerts that are raised, of all stores, but for Watchdog.",
            'count(ALERTS{alertstate="firing",alertname!="Watchdog"}) or vector(0)',
            1,
        ),
        stat(
            "Oldest job",
            "s",
            "The age of the oldest unfinished job. Autotask's outages and quotas hold jobs back for hours.",
            "max(autotask_store_oldest_job_seconds{JOB})",
        ),
        stat(
            "Oldest event",
            "s",
            "How long the oldest event has waited for RabbitMQ's confirmation.",
            "max(autotask_store_outbox_oldest_seconds{JOB})",
            60,
        ),
        stat(
            "Dead letters",
            "short",
            "Dead-lettered jobs and messages in the store.",
            f"sum(max by (reason) (autotask_store_dead_letters{{JOB}})) or {NO_LETTERS}",
            1,
        ),
        graph(
            "Ended jobs",
            "cps",
            "Jobs that ended, each second, by the event that answers them.",
            rates("autotask_worker_jobs_ended_total", "event"),
        ),
        graph(
            "Errors, by who can fix them",
            "percentunit",
            "The share of ended jobs that ended with an error, by who can fix it.",
            *(
                (
                    f'sum(rate(autotask_worker_job_errors_total{{JOB,code=~"{of_fixer(fixer)}"}}[RATE]))'
                    " / sum(rate(autotask_worker_jobs_ended_total{JOB}[RATE]))",
                    words,
                )
                for fixer, words in FIXERS.items()
            ),
        ),
        table("Raised alerts", "short", "Alerts that are raised. The page Alerts has the first steps.", 'ALERTS{alertstate="firing"}'),
        graph(
            "Wait of people",
            "s",
            "How long jobs for which a person waits have to wait for their first attempt.",
            *quantiles("autotask_worker_job_wait_seconds", OF_PEOPLE),
        ),
        graph(
            "Wait of syncs",
            "s",
            "How long syncs wait from when they may run to their attempt.",
            *quantiles("autotask_worker_job_wait_seconds", ',kind="sync"'),
        ),
        graph(
            "Delay of events",
            "s",
            "From the commit of an event to RabbitMQ's confirmation.",
            *quantiles("autotask_worker_event_delay_seconds"),
        ),
        graph("Jobs in the store", "short", "Unfinished jobs of portals.", ("max by (state) (autotask_store_jobs{JOB})", "{{state}}")),
        graph(
            "Lanes",
            "short",
            "Lanes by state. Those in line wait for a free slot.",
            ("max by (state) (autotask_store_lanes{JOB})", "{{state}}"),
        ),
        graph(
            "Slots",
            "short",
            "Attempts under way, and how many there may be.",
            ("sum(autotask_worker_jobs_running{JOB})", "attempts"),
            ("sum(autotask_worker_lane_slots{JOB})", "slots"),
        ),
        graph(
            "Deliveries",
            "cps",
            "Deliveries from RabbitMQ each second, by what became of them.",
            rates("autotask_worker_intake_total", "result"),
        ),
        graph(
            "Intake", "short", "Workers by the state of their intake.", ("sum by (state) (autotask_worker_intake_state{JOB})", "{{state}}")
        ),
        graph(
            "Log lines",
            "cps",
            "Log lines each second, from warnings on.",
            rates("autotask_worker_log_lines_total", "level", ',level=~"warning|error|critical"'),
        ),
        graph(
            "Spans of traces",
            "cps",
            "Spans each second, by what became of them: `dropped` and `failed` are lost. All are 0 while traces are off.",
            rates("autotask_worker_spans_total", "result"),
        ),
        graph("CPU", "short", "Cores that each worker uses.", ("rate(process_cpu_seconds_total{JOB}[RATE])", "{{instance}}")),
        graph("Memory", "bytes", "Resident memory of each worker.", ("process_resident_memory_bytes{JOB}", "{{instance}}")),
        graph(
            "File descriptors",
            "percentunit",
            "The share of its file descriptors that each worker uses.",
            ("process_open_fds{JOB} / process_max_fds{JOB}", "{{instance}}"),
        ),
        graph(
            "Loops",
            "s",
            "How long each loop has not turned, in the worst worker. `/livez` fails from 60 s on.",
            ("max by (loop) (autotask_worker_loop_age_seconds{JOB})", "{{loop}}"),
        ),
        graph(
            "Versions",
            "short",
            "Workers by the program's version.",
            ("count by (version) (autotask_worker_build_info{JOB})", "{{version}}"),
        ),
        graph("Running time", "s", "How long ago each worker started.", ("time() - process_start_time_seconds{JOB}", "{{instance}}")),
    ],
)
