/// How long is kept what an operator decides on.
package struct Retention: Hashable, Sendable {
    /// Rows of the audit log.
    package var audit: Duration
    /// What jobs that have ended had asked for, and their attempts with the calls; none is kept with zero.
    package var history: Duration

    package init(audit: Duration = .seconds(400 * 86_400), history: Duration = .seconds(30 * 86_400)) {
        self.audit = audit
        self.history = history
    }
}
