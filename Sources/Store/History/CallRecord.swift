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
