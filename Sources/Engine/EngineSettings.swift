package import Contract
package import Store

/// The engine's settings (`Contract`, "Settings and exit codes"). Durations that the contract does not name have defaults here.
package struct EngineSettings: Sendable {
    /// Broker users whose jobs are accepted, and for which tenants; `nil` accepts any, as in development.
    package var trustedPublishers: TrustedPublishers?
    /// Whether a connect may carry its secret in the clear: development only.
    package var acceptsClearCredentials: Bool
    /// A tenant must have been configured before this moment; `nil` switches the gate off.
    package var accessCutoff: Timestamp?
    /// How long the worker leaves an unresolved write alone before it looks it up.
    package var settleTime: Duration
    /// The maximum number of lanes whose jobs run at the same time.
    package var concurrentLanes: Int
    /// The number of unfinished jobs in the store at which intake pauses: further jobs wait at the broker. Jobs that pauses hold count apart
    /// (``Backlog``).
    package var backlogLimit: Int
    /// The number of unfinished jobs at which a lane is full: it refuses further ones, except resets and connects.
    package var laneBacklogLimit: Int
    /// How long billing codes that were read count as fresh.
    package var billingCodesLifetime: Duration
    /// The worker's maximum share of an Autotask database's hourly quota, in percent.
    package var quotaShare: Int
    /// How long the worker answers refused credentials from memory.
    package var refusalMemory: Duration
    /// How long a job for which a person waits may take, from the start of its first attempt.
    package var interactiveTime: Duration
    /// How long one attempt may take before its job is deferred at the next service boundary.
    package var attemptDeadline: Duration
    /// How long rows of the audit log and the history of jobs are kept.
    package var retention: Retention
    package var retry: RetryPolicy
    /// The acknowledgement policy: the warnings that stop a sync until its job acknowledges them.
    package var brake: Brake
    /// How long a sync may refer to a preview.
    package var previewLifetime: Duration
    /// How often scheduled checks verify each connection, and look for drift; `nil` for never.
    package var verifyInterval: Duration?
    package var driftInterval: Duration?
    /// The largest event that is published.
    package var eventLimit: EventLimit
    /// The first word of the names of exchanges, which spans name.
    package var exchangePrefix: String

    package init(
        trustedPublishers: TrustedPublishers? = .portal,
        acceptsClearCredentials: Bool = false,
        accessCutoff: Timestamp? = Timestamp("2023-06-01T00:00:00Z"),
        settleTime: Duration = .seconds(300),
        concurrentLanes: Int = 512,
        backlogLimit: Int = 50_000,
        laneBacklogLimit: Int = 1000,
        billingCodesLifetime: Duration = .seconds(600),
        quotaShare: Int = 50,
        refusalMemory: Duration = .seconds(300),
        interactiveTime: Duration = .seconds(60),
        attemptDeadline: Duration = .seconds(600),
        retention: Retention = Retention(),
        retry: RetryPolicy = RetryPolicy(),
        brake: Brake = Brake(),
        previewLifetime: Duration = .seconds(1800),
        verifyInterval: Duration? = nil,
        driftInterval: Duration? = nil,
        eventLimit: EventLimit = .standard,
        exchangePrefix: String = "autotask"
    ) {
        self.trustedPublishers = trustedPublishers
        self.acceptsClearCredentials = acceptsClearCredentials
        self.accessCutoff = accessCutoff
        self.settleTime = settleTime
        self.concurrentLanes = concurrentLanes
        self.backlogLimit = backlogLimit
        self.laneBacklogLimit = laneBacklogLimit
        self.billingCodesLifetime = billingCodesLifetime
        self.quotaShare = quotaShare
        self.refusalMemory = refusalMemory
        self.interactiveTime = interactiveTime
        self.attemptDeadline = attemptDeadline
        self.retention = retention
        self.retry = retry
        self.brake = brake
        self.previewLifetime = previewLifetime
        self.verifyInterval = verifyInterval
        self.driftInterval = driftInterval
        self.eventLimit = eventLimit
        self.exchangePrefix = exchangePrefix
    }
}
