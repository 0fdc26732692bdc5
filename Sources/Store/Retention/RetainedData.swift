package import Contract

/// What is kept for a time.
package protocol RetainedData: Sendable {
    /// Erases what has been kept long enough: the data of terminal events after 30 days, and with them the payloads and texts of dead
    /// letters; ids after 400 days, and with them dead letters (`Contract`, "Repetition"); after what `retention` says, the history of jobs
    /// that have ended, and rows of the audit log. These are forgotten from its beginning on, and only if they still fit; the place up to
    /// which they were is marked.
    ///
    /// It works in steps that give way to all other work, and may take long: cancelling its task ends it early.
    func prune(at now: Timestamp, keeping retention: Retention) async throws(StoreError)
}
