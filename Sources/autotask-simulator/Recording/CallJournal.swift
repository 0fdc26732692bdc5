import Synchronization

/// A ``CallLog`` to which many calls can write at once.
final class CallJournal: Sendable {
    private let log = Mutex(CallLog())

    func begin(_ call: Call, limit: Int) -> CallLog.Position {
        log.withLock { $0.begin(call, limit: limit) }
    }

    func end(_ position: CallLog.Position, entity: String, outcome: Call.Outcome, duration: Duration) {
        log.withLock { $0.end(position, entity: entity, outcome: outcome, duration: duration) }
    }

    /// Adds the result of a call after its connection was closed.
    func amend(_ position: CallLog.Position, itemID: Int64?, errors: [String]) {
        log.withLock {
            $0.amend(position) { call in
                call.outcome?.itemID = itemID
                call.outcome?.errors = errors
            }
        }
    }

    func calls(_ filter: CallFilter) -> [Call] {
        log.withLock { $0.calls.filter(filter.includes) }
    }

    /// The number of calls kept, and the maximum in progress at once by entity.
    var summary: (calls: Int, maximumInFlight: [String: Int]) {
        log.withLock { ($0.calls.count, $0.maximumInFlight) }
    }

    func reset() {
        log.withLock { $0.reset() }
    }
}
