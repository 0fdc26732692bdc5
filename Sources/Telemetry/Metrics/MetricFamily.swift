/// What a metric measures: its type, its meaning, and the upper bounds of a histogram's buckets.
package struct MetricFamily: Sendable {
    package enum Form: Hashable, Sendable {
        case counter
        case gauge
        /// The upper bounds, in the metric's unit and in ascending order; `+Inf` follows.
        case histogram([Double])
    }

    package var form: Form
    /// One line.
    package var help: String

    private init(_ form: Form, _ help: String) {
        self.form = form
        self.help = help
    }

    fileprivate static func counter(_ help: String) -> MetricFamily { MetricFamily(.counter, help) }

    fileprivate static func gauge(_ help: String) -> MetricFamily { MetricFamily(.gauge, help) }

    fileprivate static func histogram(_ buckets: [Double], _ help: String) -> MetricFamily { MetricFamily(.histogram(buckets), help) }
}

extension MetricFamily {
    /// The buckets that OpenTelemetry recommends for the duration of requests, in seconds.
    package static let durations = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    /// Buckets for waiting, in seconds: up to a day.
    fileprivate static let waits: [Double] = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400]
    /// The buckets that OpenTelemetry recommends for the duration of database operations, in seconds.
    fileprivate static let operations = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
    fileprivate static let counts: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500]
}

extension MetricName {
    package var family: MetricFamily {
        switch self {
        case .consumedMessages: .counter("Messages delivered from a job queue.")
        case .intake: .counter("Deliveries by what became of them.")
        case .intakeTime: .histogram(MetricFamily.durations, "From reading a batch of deliveries to its acknowledgement.")
        case .intakeBatch: .histogram(MetricFamily.counts, "Deliveries in a batch.")
        case .intakeState: .gauge("1 for the present state of intake, 0 for the others.")
        case .intakePaused: .counter("Time during which intake was paused because enough jobs waited in the store.")
        case .brokerConnected: .gauge("Whether there is a connection to RabbitMQ.")
        case .brokerConnects: .counter("Attempts to connect to RabbitMQ.")
        case .brokerBlocked: .gauge("Whether RabbitMQ accepts no messages because it is short of memory or disk.")
        case .sentMessages: .counter("Published messages, by what kept the broker from confirming them.")
        case .publishTime: .histogram(MetricFamily.durations, "From publishing a batch of events to the broker's last answer for it.")
        case .jobsEnded: .counter("Ended jobs, by the event that answers them.")
        case .jobErrors: .counter("Jobs that ended with an error, by its code.")
        case .attempts: .counter("Ended attempts.")
        case .jobWait: .histogram(MetricFamily.waits, "From when a job may run (acceptance, or the time of its next attempt) to its claim.")
        case .attemptTime: .histogram(MetricFamily.durations, "Duration of an attempt.")
        case .jobAge: .histogram(MetricFamily.waits, "From the acceptance of a job to its end, without the time under pauses.")
        case .eventDelay: .histogram(MetricFamily.waits, "From the commit of an event to the broker's confirmation.")
        case .jobsRunning: .gauge("Attempts under way.")
        case .laneSlots: .gauge("The most attempts that may be under way (CONCURRENT_LANES).")
        case .heldBack: .counter("Attempts that ended early for a reason outside the job.")
        case .services: .counter("Services of ended syncs, by outcome.")
        case .warnings: .counter("Warnings of ended syncs.")
        case .connectionChanges: .counter("Changes of tenants' connections.")
        case .requestTime: .histogram(MetricFamily.durations, "Duration of calls to Autotask.")
        case .calls: .counter("Calls to Autotask, by zone.")
        case .callFailures: .counter("Calls to Autotask without an answer.")
        case .activeRequests: .gauge("Calls to Autotask under way.")
        case .waitingRequests: .gauge("Calls to Autotask that wait for a free connection.")
        case .breakers: .gauge("Circuit breakers that are not closed.")
        case .breakerOpenings: .counter("Circuit breakers that opened.")
        case .zoneOpen: .gauge("Whether the circuit breaker of a zone is open or probes.")
        case .quotaDatabases: .gauge("Databases by the share of their hourly quota that is used.")
        case .clockOffset: .gauge("How far the worker's clock is ahead of Autotask's.")
        case .storeOperationTime: .histogram(MetricFamily.operations, "Duration of store operations, with the wait for a transaction.")
        case .commitTime: .histogram(MetricFamily.operations, "Duration of transactions.")
        case .groupWrites: .histogram(MetricFamily.counts, "Operations in a transaction.")
        case .pendingWrites: .gauge("Operations that wait for a transaction.")
        case .storeErrors: .counter("Failed store operations.")
        case .logTruncations: .counter("Attempts to empty the store's write-ahead log.")
        case .auditBroken: .counter("How often the end of the audit log was found changed.")
        case .fenced: .counter("Operations refused because another worker had taken over.")
        case .takeovers: .counter("What this worker took over from workers that were gone.")
        case .leaseRemaining: .gauge("Time until this worker's lease ends.")
        case .storedJobs: .gauge("Unfinished jobs.")
        case .pauses: .gauge("Pauses in force.")
        case .oldestJob: .gauge("Age of the oldest unfinished job.")
        case .storedLanes: .gauge("Lanes (a tenant with a product).")
        case .storedConnections: .gauge("Connections to Autotask, by status.")
        case .storedServices: .gauge("Services of all plans, by status.")
        case .storedLetters: .gauge("Dead-lettered jobs and messages.")
        case .outboxEvents: .gauge("Events that the broker has not confirmed.")
        case .outboxOldest: .gauge("Age of the oldest event that the broker has not confirmed.")
        case .outboxRefused: .gauge("Lanes whose events the broker refuses.")
        case .openWrites: .gauge("Writes to Autotask whose outcome is not known.")
        case .openWritesOldest: .gauge("Age of the oldest write to Autotask whose outcome is not known.")
        case .checksOverdue: .gauge("How long the most overdue scheduled check has been due.")
        case .fileBytes: .gauge("Size of the store's files.")
        case .diskFree: .gauge("Free space on the store's disk.")
        case .lastBackup: .gauge("When a copy of the store was last made, since 1970; 0 for never.")
        case .readable: .gauge("Whether the store could be read for this scrape.")
        case .loopAge: .gauge("How long a loop of the worker has not turned.")
        case .portalKeyEnd: .gauge("When the key that portals use ends, since 1970.")
        case .setting: .gauge("Settings that alert rules compare with.")
        case .reloadSuccessful: .gauge("Whether the last reload of the settings file succeeded.")
        case .reloadSuccess: .gauge("When the settings in force were read, since 1970.")
        case .buildInfo: .gauge("Always 1; the versions are labels.")
        case .logLines: .counter("Log lines, by level.")
        case .spans: .counter("Spans of traces, by what became of them.")
        case .processCPU: .counter("User and system CPU time.")
        case .processMemory: .gauge("Resident memory.")
        case .processDescriptors: .gauge("Open file descriptors.")
        case .processDescriptorLimit: .gauge("The limit of open file descriptors.")
        case .processStart: .gauge("Start time, since 1970.")
        case .processThreads: .gauge("Threads.")
        }
    }
}
