/// The type of an event, without the leading `autotask.`. It is also the first two words of the routing key.
package enum EventType: String, CaseIterable, Sendable {
    case connectionEstablished = "connection.established"
    case connectionFailed = "connection.failed"
    case connectionVerified = "connection.verified"
    case connectionDiagnosed = "connection.diagnosed"
    case connectionLost = "connection.lost"
    case connectionRecovered = "connection.recovered"
    case syncStarted = "sync.started"
    case syncProgress = "sync.progress"
    case syncSucceeded = "sync.succeeded"
    case syncIncomplete = "sync.incomplete"
    case syncFailed = "sync.failed"
    case syncPreviewed = "sync.previewed"
    case billingCodesListed = "billing-codes.listed"
    case billingCodesFailed = "billing-codes.failed"
    case integrationEnabled = "integration.enabled"
    case integrationReset = "integration.reset"
    case driftReported = "drift.reported"
    case driftFailed = "drift.failed"
    case driftChanged = "drift.changed"
    case jobRejected = "job.rejected"
    case jobSuperseded = "job.superseded"
    case jobExpired = "job.expired"
    case jobAbandoned = "job.abandoned"
    case jobDeferred = "job.deferred"
    case jobConflict = "job.conflict"

    /// Whether it is the one event in which a job ends.
    package var isTerminal: Bool {
        switch self {
        case .connectionEstablished, .connectionFailed, .connectionVerified, .connectionDiagnosed, .syncSucceeded, .syncIncomplete,
            .syncFailed, .syncPreviewed, .billingCodesListed, .billingCodesFailed, .integrationReset, .driftReported, .driftFailed,
            .jobRejected, .jobSuperseded, .jobExpired, .jobAbandoned:
            true
        case .connectionLost, .connectionRecovered, .syncStarted, .syncProgress, .integrationEnabled, .driftChanged, .jobDeferred,
            .jobConflict:
            false
        }
    }

    /// Whether it has a number in the lane's gapless sequence. Events that are published as best effort have none.
    package var isSequenced: Bool { self != .syncStarted && self != .syncProgress }
}
