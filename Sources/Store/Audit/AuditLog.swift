/// Read access to the audit log.
package protocol AuditLog: Sendable {
    /// Returns the rows after a number in order, with the ends of the log at that moment.
    ///
    /// The end of an attempt or a job, a write to Autotask and an operator's act each add a row in their own transaction. Only
    /// ``RetainedData/prune(at:keeping:)`` removes rows.
    func auditPage(after number: Int64, limit: Int) async throws(StoreError) -> AuditPage

    /// Returns the newest rows of a selection.
    ///
    /// - Parameters:
    ///   - number: the number before which to look; `nil` for the end of the log.
    ///   - reach: how many rows to look at.
    func auditRows(
        _ selection: AuditSelection,
        before number: Int64?,
        newest limit: Int,
        looking reach: Int
    ) async throws(StoreError) -> AuditFinding
}
