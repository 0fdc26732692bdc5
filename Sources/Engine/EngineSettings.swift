package import Contract
package import Store

/// What an operator may set of the engine (`Contract`, "Settings and exit codes"). Durations that the contract does not name have defaults here.
package struct EngineSettings: Sendable {
    /// Broker users whose jobs are accepted, and for which tenants; `nil` accepts any, as in development.
    package var trustedPublishers: TrustedPublishers?
    /// Whether a connect may carry its secret in the clear: development only.
    package var acceptsClearCredentials: Bool
    /// A tenant must have been configured before this moment; `nil` switches the gate off.
    package var accessCutoff: Timestamp?
    /// How long an ambiguous create is left alone before it is looked up.
    package var settleTime: Duration
    /// How many lanes are worked on at once.
    package var concurrentLanes: Int
    /// With so many unfinished jobs in the store, the door is closed: further ones wait at the broker.
    package var backlogLimit: Int
    /// The number of unfinished jobs at which a lane is full: it refuses further ones, except resets and connects.
    package var laneBacklogLimit: Int
    /// How long billing codes that were read count as fresh.
    package var billingCodesLifetime: Duration
    /// The most that the worker takes of an Autotask database's hourly quota, in percent.
    package var quotaShare: Int
    /// How long refused credentials are answered from memory.
    package var refusalMemory: Duration
    /// How long after its first attempt began a job ends for which a person waits.
    package var interactiveTime: Duration
    /// How long one attempt at a job may take before it is put off at the next service boundary.
    package var attemptDeadline: Duration
    /// How long rows of the audit log and the history of jobs are kept.
    package var retention: Retention
    package var retry: RetryPolicy
    /// What stops a sync until it is acknowledged.
    package var brake: Brake
    /// How long a sync may name a preview.
    package var previewLifetime: Duration
    /// How often the worker verifies each connection, and looks for drift, by itself; `nil` for never.
    package var verifyInterval: Duration?
    package var driftInterval: Duration?
    /// The largest event that is published.
    package var eventLimit: EventLimit

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
        eventLimit: EventLimit = .standard
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
    }
}
