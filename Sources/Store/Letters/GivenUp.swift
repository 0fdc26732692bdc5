package import Contract

/// Why the worker gives up on a job. The transaction that ends the job also records a ``DeadLetter``.
package struct GivenUp: Hashable, Sendable {
    package enum Reason: String, CaseIterable, Sendable {
        /// The job used up its attempts.
        case attemptsSpent = "attempts_spent"
        /// The job used up its time.
        case timeSpent = "time_spent"
        /// The worker died during its attempts.
        case interrupted
        /// The stored payload cannot be opened.
        case unopenable
        /// An operator gave up on it.
        case byOperator = "by_operator"
    }

    package var reason: Reason
    /// The last error.
    package var error: JobError

    package init(_ reason: Reason, _ error: JobError) {
        self.reason = reason
        self.error = error
    }

    package func cause(of kind: JobKind) -> FailureCause {
        FailureCause(reason: reason.rawValue, kind: kind, code: error.code, field: error.field)
    }
}
