package import Contract

/// A line of `job list`.
package struct FoundJob: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        case waiting(notBefore: Timestamp?)
        case running
        /// The code is that of the last deferral, if there was one.
        case retrying(notBefore: Timestamp?, code: String?)
        case paused(until: Timestamp?)
        /// The code is that of the event's error.
        case ended(at: Timestamp, EventType, code: String?)
    }

    /// The job position.
    package var order: Int64
    package var lane: Lane
    package var id: JobID
    /// `nil` for a refused job.
    package var kind: JobKind?
    package var publisher: String?
    package var acceptedAt: Timestamp
    package var state: State
    /// Attempts begun and not interrupted.
    package var attempts: Int
    /// Calls to Autotask in attempts that have ended.
    package var apiCalls: Int

    package init(
        order: Int64,
        lane: Lane,
        id: JobID,
        kind: JobKind?,
        publisher: String?,
        acceptedAt: Timestamp,
        state: State,
        attempts: Int,
        apiCalls: Int
    ) {
        self.order = order
        self.lane = lane
        self.id = id
        self.kind = kind
        self.publisher = publisher
        self.acceptedAt = acceptedAt
        self.state = state
        self.attempts = attempts
        self.apiCalls = apiCalls
    }

    package var code: String? {
        switch state {
        case .waiting, .running: nil
        case .paused: ErrorCode.held.rawValue
        case .retrying(_, let code), .ended(_, _, let code): code
        }
    }

    package var endedAt: Timestamp? {
        guard case .ended(let moment, _, _) = state else { return nil }
        return moment
    }

    package func has(_ state: JobSelection.State) -> Bool {
        switch self.state {
        case .waiting: state == .waiting
        case .running: state == .running
        case .retrying: state == .retrying
        case .paused: state == .paused
        case .ended: state == .ended || state == .failed && isFailed
        }
    }

    /// Whether it ended with an error, and no newer request replaced it.
    package var isFailed: Bool { endedAt != nil && code != nil && code != ErrorCode.superseded.rawValue }
}

/// A place in a list of jobs: its list goes on with the jobs before it.
package struct JobCursor: Hashable, Sendable, CustomStringConvertible {
    /// The job position.
    package var order: Int64
    /// The time of its end, in a list by that time.
    package var endedAt: Timestamp?

    package init(order: Int64, endedAt: Timestamp? = nil) {
        self.order = order
        self.endedAt = endedAt
    }

    /// - Parameter text: a ``description``; otherwise the result is `nil`.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int64($0) }
        guard numbers.count == parts.count, numbers.allSatisfy({ $0 > 0 }), let order = numbers.last, numbers.count <= 2 else { return nil }
        self.init(order: order, endedAt: numbers.count == 2 ? Timestamp(millisecondsSinceEpoch: numbers[0]) : nil)
    }

    package var description: String { (endedAt.map { "\($0.millisecondsSinceEpoch)." } ?? "") + "\(order)" }
}

/// The result of a search that looks at a bounded number of jobs, newest first.
package struct JobFinding: Sendable {
    /// The default for the number of jobs to look at: they take some 25 to 50 ms. A failed job costs a tenth of another.
    package static func reach(_ order: JobSelection.Order) -> Int {
        switch order {
        case .acceptance: 10_000
        case .end: 100_000
        }
    }

    package var jobs: [FoundJob] = []
    /// How many jobs were looked at.
    package var looked = 0
    /// The time of the last of them: of its acceptance, or of its end in a list by that time.
    package var backTo: Timestamp?
    /// Where the search can go on; `nil` if nothing is left to look at.
    package var next: JobCursor?

    package init() {}
}
