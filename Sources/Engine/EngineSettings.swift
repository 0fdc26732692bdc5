package import Contract
package import Store

/// What an operator may set of the engine (`contract.md` 5). Durations that the contract does not name have defaults here.
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
    /// How long billing codes that were read count as fresh.
    package var billingCodesLifetime: Duration
    /// How long refused credentials are answered from memory.
    package var refusalMemory: Duration
    /// How long one attempt at a job may take before it is put off at the next service boundary.
    package var attemptDeadline: Duration
    /// How long rows of the audit log and the history of jobs are kept.
    package var retention: Retention
    package var retry: RetryPolicy

    package init(
        trustedPublishers: TrustedPublishers? = .portal,
        acceptsClearCredentials: Bool = false,
        accessCutoff: Timestamp? = Timestamp("2023-06-01T00:00:00Z"),
        settleTime: Duration = .seconds(300),
        concurrentLanes: Int = 512,
        backlogLimit: Int = 50_000,
        billingCodesLifetime: Duration = .seconds(600),
        refusalMemory: Duration = .seconds(300),
        attemptDeadline: Duration = .seconds(600),
        retention: Retention = Retention(),
        retry: RetryPolicy = RetryPolicy()
    ) {
        self.trustedPublishers = trustedPublishers
        self.acceptsClearCredentials = acceptsClearCredentials
        self.accessCutoff = accessCutoff
        self.settleTime = settleTime
        self.concurrentLanes = concurrentLanes
        self.backlogLimit = backlogLimit
        self.billingCodesLifetime = billingCodesLifetime
        self.refusalMemory = refusalMemory
        self.attemptDeadline = attemptDeadline
        self.retention = retention
        self.retry = retry
    }
}
