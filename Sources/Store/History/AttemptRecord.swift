package import Contract

/// A call to Autotask, as it may be told: neither headers nor bodies, nor a query, which may name a user.
package struct CallRecord: Hashable, Sendable {
    package enum Answer: Hashable, Sendable {
        /// The HTTP status.
        case status(Int)
        /// There was none, and this word says why: `timedOut`.
        case none(String)
    }

    /// When it was begun.
    package var at: Timestamp
    /// `POST`.
    package var method: String
    package var host: String
    /// Below the version of the API: `Services/query`.
    package var path: String
    package var answer: Answer
    /// How long it took, waiting for its turn included, in whole milliseconds.
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

/// An attempt at a job, and what it called.
package struct AttemptRecord: Hashable, Sendable {
    package enum Ending: Hashable, Sendable {
        /// With the job.
        case finished
        case deferred(because: ErrorCode?, until: Timestamp)
        /// Put back, as if it had not been begun.
        case postponed
        /// The worker died, or was told to finish and did not get so far: what it called is not known.
        case interrupted(WorkerID)
    }

    /// So many attempts that did not end their job are told of it, the first ones.
    package static let limit = 100

    /// `nil` of one that was interrupted.
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

    /// An attempt that ends so, with what it tells of itself.
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

/// What an attempt tells of itself when it ends.
package struct AttemptAccount: Hashable, Sendable {
    package var begunAt: Timestamp
    /// What the job asks for, as it may be shown (``JobKind/shown(of:)``): an encoded JSON object; `nil` if it could not be opened.
    package var asked: [UInt8]?
    package var calls: [CallRecord]

    package init(begunAt: Timestamp, asked: [UInt8]?, calls: [CallRecord]) {
        self.begunAt = begunAt
        self.asked = asked
        self.calls = calls
    }
}
