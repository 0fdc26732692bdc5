package import Contract

/// A call to Autotask as it may be shown: without headers, bodies or the query, which may name a user.
package struct CallRecord: Hashable, Sendable {
    package enum Answer: Hashable, Sendable {
        /// The HTTP status.
        case status(Int)
        /// There was no answer, for this reason: `timedOut`.
        case none(String)
    }

    /// When it began.
    package var at: Timestamp
    /// For example `POST`.
    package var method: String
    package var host: String
    /// The path below the API version, for example `Services/query`.
    package var path: String
    package var answer: Answer
    /// How long it took, including the wait for its turn, in whole milliseconds.
    package var duration: Duration

    package init(at: Timestamp, method: String, host: String, path: String, answer: Answer, duration: Duration) {
        self.at = at
        self.method = method
        self.host = host
        self.path = path
        self.answer = answer
        self.duration = duration
    }
}

/// An attempt at a job, with its calls.
package struct AttemptRecord: Hashable, Sendable {
    package enum Ending: Hashable, Sendable {
        /// The job ended with it.
        case finished
        case deferred(because: ErrorCode?, until: Timestamp)
        /// The job was put back as if it had not begun.
        case postponed
        /// The worker died, or stopped before the attempt ended. Its calls are not known.
        case interrupted(WorkerID)
    }

    /// The maximum number of recorded attempts that did not end the job: the first ones.
    package static let limit = 100

    /// `nil` for an interrupted attempt.
    package var begunAt: Timestamp?
    package var endedAt: Timestamp
    package var ending: Ending
    package var calls: [CallRecord]

    package init(begunAt: Timestamp?, endedAt: Timestamp, ending: Ending, calls: [CallRecord] = []) {
        self.begunAt = begunAt
        self.endedAt = endedAt
        self.ending = ending
        self.calls = calls
    }

    /// Makes the record of an attempt from its account and disposition.
    package init(_ account: AttemptAccount, _ disposition: Disposition, at now: Timestamp) {
        let ending: Ending =
            switch disposition {
            case .finished: .finished
            case .deferred(let until, let code, _): .deferred(because: code, until: until)
            case .postponed: .postponed
            }
        self.init(begunAt: account.begunAt, endedAt: now, ending: ending, calls: account.calls)
    }
}

/// An attempt's own account when it ends.
package struct AttemptAccount: Hashable, Sendable {
    package var begunAt: Timestamp
    /// The job's request as it may be shown (``JobKind/shown(of:)``), an encoded JSON object; `nil` if it could not be opened.
    package var asked: [UInt8]?
    package var calls: [CallRecord]

    package init(begunAt: Timestamp, asked: [UInt8]?, calls: [CallRecord]) {
        self.begunAt = begunAt
        self.asked = asked
        self.calls = calls
    }
}
