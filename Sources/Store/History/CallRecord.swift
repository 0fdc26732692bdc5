package import Contract

/// A call to Autotask as it may be shown: without headers, bodies, and a query, which may name a user.
package struct CallRecord: Hashable, Sendable {
    package enum Answer: Hashable, Sendable {
        /// The HTTP status.
        case status(Int)
        /// No answer came; the word says why: `timedOut`.
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
