package import Contract

/// Data that the store keeps for a limited time.
package protocol RetainedData: Sendable {
    /// Erases expired data:
    /// - after 30 days, the data of terminal events, and the payloads and texts of dead letters
    /// - after 400 days, ids and dead letters (`Contract`, "Repetition")
    /// - after the times in `retention`, the history of ended jobs and the rows of the audit log
    ///
    /// Audit rows are removed from the beginning of the log, and only while they are valid. A mark records how far.
    ///
    /// It works in steps that give way to all other work, and may take long. Cancelling its task ends it early.
    func prune(at now: Timestamp, keeping retention: Retention) async throws(StoreError)
}
