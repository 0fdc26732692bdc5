/// Every metric that the worker exports, by its name in Prometheus.
///
/// Names of OpenTelemetry's semantic conventions are used where there is one, with `_` for `.`, the unit and `_total` as suffixes. The others
/// begin with `autotask_worker_` (this process) or `autotask_store_` (the store, so every worker of it reports the same number). Labels are
/// bounded: no metric names a tenant, a user, an id, or a host other than a zone (``ZoneLabel``).
package enum MetricName: String, CaseIterable, Sendable {
    // Intake
    case consumedMessages = "messaging_client_consumed_messages_total"
    case intake = "autotask_worker_intake_total"
    case intakeTime = "autotask_worker_intake_seconds"
    case intakeBatch = "autotask_worker_intake_batch_messages"
    case intakeState = "autotask_worker_intake_state"
    case intakePaused = "autotask_worker_intake_paused_seconds_total"

    // Broker
    case brokerConnected = "autotask_worker_broker_connected"
    case brokerConnects = "autotask_worker_broker_connects_total"
    case brokerBlocked = "autotask_worker_broker_blocked"
    case sentMessages = "messaging_client_sent_messages_total"
    case publishTime = "messaging_client_operation_duration_seconds"

    // Jobs
    case jobsEnded = "autotask_worker_jobs_ended_total"
    case jobErrors = "autotask_worker_job_errors_total"
    case attempts = "autotask_worker_attempts_total"
    case jobWait = "autotask_worker_job_wait_seconds"
    case attemptTime = "messaging_process_duration_seconds"
    case jobAge = "autotask_worker_job_age_seconds"
    case eventDelay = "autotask_worker_event_delay_seconds"
    case jobsRunning = "autotask_worker_jobs_running"
    case laneSlots = "autotask_worker_lane_slots"
    case heldBack = "autotask_worker_held_back_total"
    case services = "autotask_worker_services_total"
    case warnings = "autotask_worker_warnings_total"
    case connectionChanges = "autotask_worker_connection_changes_total"

    // Autotask
    case requestTime = "http_client_request_duration_seconds"
    case calls = "autotask_worker_calls_total"
    case callFailures = "autotask_worker_call_failures_total"
    case activeRequests = "http_client_active_requests"
    case waitingRequests = "autotask_worker_http_waiting"
    case breakers = "autotask_worker_breakers"
    case breakerOpenings = "autotask_worker_breaker_openings_total"
    case zoneOpen = "autotask_worker_zone_open"
    case quotaDatabases = "autotask_worker_quota_databases"
    case clockOffset = "autotask_worker_clock_offset_seconds"

    // Store, as this process uses it
    case storeOperationTime = "db_client_operation_duration_seconds"
    case commitTime = "autotask_worker_store_commit_seconds"
    case groupWrites = "autotask_worker_store_group_writes"
    case pendingWrites = "autotask_worker_store_pending_writes"
    case storeErrors = "autotask_worker_store_errors_total"
    case logTruncations = "autotask_worker_log_truncations_total"
    case auditBroken = "autotask_worker_audit_broken_total"
    case fenced = "autotask_worker_fenced_total"
    case takeovers = "autotask_worker_takeovers_total"
    case leaseRemaining = "autotask_worker_lease_remaining_seconds"

    // Store, read when a scraper asks
    case storedJobs = "autotask_store_jobs"
    case pauses = "autotask_store_pauses"
    case oldestJob = "autotask_store_oldest_job_seconds"
    case storedLanes = "autotask_store_lanes"
    case storedConnections = "autotask_store_connections"
    case storedServices = "autotask_store_services"
    case storedLetters = "autotask_store_dead_letters"
    case outboxEvents = "autotask_store_outbox_events"
    case outboxOldest = "autotask_store_outbox_oldest_seconds"
    case outboxRefused = "autotask_store_outbox_refused_lanes"
    case openWrites = "autotask_store_open_writes"
    case openWritesOldest = "autotask_store_open_writes_oldest_seconds"
    case checksOverdue = "autotask_store_checks_overdue_seconds"
    case fileBytes = "autotask_store_file_bytes"
    case diskFree = "autotask_store_disk_free_bytes"
    case lastBackup = "autotask_store_last_backup_timestamp_seconds"
    case readable = "autotask_store_readable"

    // This process
    case loopAge = "autotask_worker_loop_age_seconds"
    case portalKeyEnd = "autotask_worker_portal_key_expiry_timestamp_seconds"
    case setting = "autotask_worker_setting"
    case reloadSuccessful = "autotask_worker_config_last_reload_successful"
    case reloadSuccess = "autotask_worker_config_last_reload_success_timestamp_seconds"
    case buildInfo = "autotask_worker_build_info"
    case logLines = "autotask_worker_log_lines_total"
    case spans = "autotask_worker_spans_total"
    case processCPU = "process_cpu_seconds_total"
    case processMemory = "process_resident_memory_bytes"
    case processDescriptors = "process_open_fds"
    case processDescriptorLimit = "process_max_fds"
    case processStart = "process_start_time_seconds"
    case processThreads = "process_threads"
}
