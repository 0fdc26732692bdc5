/// The calls to one database, oldest first, and the maximum in progress at once.
struct CallLog: Sendable {
    /// The position of a call in the log, valid as long as the call is kept.
    typealias Position = Int

    /// The key under which ``inFlight`` and ``maximumInFlight`` count all entities together.
    static let allEntities = "*"

    private(set) var calls: [Call] = []
    private(set) var maximumInFlight: [String: Int] = [:]
    private var inFlight: [String: Int] = [:]
    private var firstPosition = 0

    /// Counts a call as in progress and keeps it.
    ///
    /// - Parameter limit: the maximum number of calls to keep; the oldest are dropped first.
    mutating func begin(_ call: Call, limit: Int) -> Position {
        var call = call
        call.inFlightEntity = enter(call.entity)
        call.inFlightDatabase = enter(CallLog.allEntities)
        if calls.count >= max(limit, 1) {
            let surplus = calls.count - limit / 2
            calls.removeFirst(surplus)
            firstPosition += surplus
        }
        calls.append(call)
        return firstPosition + calls.count - 1
    }

    /// Ends a call: it is no longer in progress.
    mutating func end(_ position: Position, entity: String, outcome: Call.Outcome, duration: Duration) {
        inFlight[entity, default: 1] -= 1
        inFlight[CallLog.allEntities, default: 1] -= 1
        amend(position) { call in
            call.outcome = outcome
            call.duration = duration
        }
    }

    /// Changes the record of a call, if it is still kept.
    mutating func amend(_ position: Position, _ change: (inout Call) -> Void) {
        guard calls.indices.contains(position - firstPosition) else { return }
        change(&calls[position - firstPosition])
    }

    /// Forgets the calls, but still counts those in progress.
    mutating func reset() {
        firstPosition += calls.count
        calls.removeAll()
        maximumInFlight = inFlight.filter { $0.value > 0 }
    }

    private mutating func enter(_ key: String) -> Int {
        let count = inFlight[key, default: 0] + 1
        inFlight[key] = count
        maximumInFlight[key] = max(count, maximumInFlight[key, default: 0])
        return count
    }
}
