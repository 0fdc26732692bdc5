/// How long the store keeps data. Operators set the values that are not constants.
package struct Retention: Hashable, Sendable {
    /// The data of terminal events, and the payloads and texts of dead letters (`Contract`, "Repetition").
    package static let data: Duration = .seconds(30 * 86_400)
    /// The ids of jobs, and everything that is kept as long as ids.
    package static let ids: Duration = .seconds(400 * 86_400)
    /// Redelivery counts of messages that were never accepted.
    package static let redeliveries: Duration = .seconds(30 * 86_400)

    /// Rows of the audit log.
    package var audit: Duration
    /// The requests of ended jobs, and their attempts with calls. Zero keeps none.
    package var history: Duration

    package init(audit: Duration = .seconds(400 * 86_400), history: Duration = .seconds(30 * 86_400)) {
        self.audit = audit
        self.history = history
    }
}
