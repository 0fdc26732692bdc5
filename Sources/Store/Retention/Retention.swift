/// How long what the store keeps is kept. An operator sets what is no constant.
package struct Retention: Hashable, Sendable {
    /// The data of terminal events, and with it what dead letters keep of jobs (`Contract`, "Repetition").
    package static let data: Duration = .seconds(30 * 86_400)
    /// The ids of jobs, and what is as old as they are.
    package static let ids: Duration = .seconds(400 * 86_400)
    /// Counts of deliveries that were never taken in.
    package static let redeliveries: Duration = .seconds(30 * 86_400)

    /// Rows of the audit log.
    package var audit: Duration
    /// What jobs that have ended had asked for, and their attempts with the calls; none is kept with zero.
    package var history: Duration

    package init(audit: Duration = .seconds(400 * 86_400), history: Duration = .seconds(30 * 86_400)) {
        self.audit = audit
        self.history = history
    }
}
