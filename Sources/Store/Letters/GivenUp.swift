package import Contract

/// Why the worker gives up on a job. The end of a job that says so leaves a ``DeadLetter``, in the same transaction.
package struct GivenUp: Hashable, Sendable {
    package enum Reason: String, Sendable {
        /// It was tried as often as may be.
        case attemptsSpent = "attempts_spent"
        /// It was tried for as long as may be.
        case timeSpent = "time_spent"
        /// The worker died each time.
        case interrupted
        /// What is kept of it cannot be opened.
        case unopenable
    }

    package var reason: Reason
    /// What went wrong last.
    package var error: JobError

    package init(_ reason: Reason, _ error: JobError) {
        self.reason = reason
        self.error = error
    }

    package func cause(of kind: JobKind) -> FailureCause {
        FailureCause(reason: reason.rawValue, kind: kind, code: error.code, field: error.field)
    }
}
