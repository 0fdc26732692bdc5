/// The audit log, as it is read.
package protocol AuditLog: Sendable {
    /// Rows of the audit log behind the one with this number, in their order, with the log's ends at that moment.
    ///
    /// Whatever ends an attempt or a job, or writes to Autotask, or is done by an operator, adds its row in its own transaction; nothing but
    /// ``RetainedData/prune(at:keeping:)`` takes one away.
    func auditPage(after number: Int64, limit: Int) async throws(StoreError) -> AuditPage

    /// The newest rows that are meant, in their order.
    func auditRows(_ selection: AuditSelection, newest limit: Int) async throws(StoreError) -> [AuditRow]
}
