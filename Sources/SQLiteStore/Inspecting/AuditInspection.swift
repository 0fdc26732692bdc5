import GRDB
package import Store

/// Verifies a store's audit log without changing the file.
package enum AuditInspection {
    /// The number of rows in a read, so that no transaction lasts long.
    private static let page = 250

    /// Verifies the log while workers continue to write it. A verification of the whole log keeps to a ``Pace``.
    ///
    /// - Parameter newest: how many of the newest rows to verify; earlier rows are assumed to be valid. `nil` for all rows.
    /// - Returns: `nil` if there is no store, or one of a version without a log.
    package static func report(
        on path: String,
        with chain: AuditChain,
        newest: Int? = nil
    ) async throws(StoreError) -> AuditReport? {
        try await StoreThread.run { () throws(StoreError) in
            let report = try StoreFile.look(path, isPaced: newest == nil) { looks -> AuditReport? in
                let hasLog = try looks.read { database in
                    try StoreFile.check(database, of: path, mayBeEmpty: true) != .none && database.tableExists("audit")
                }
                guard hasLog else { return nil }
                while true {
                    if let found = try AuditInspection.report(looks, with: chain, newest: newest) { return found }
                }
            }
            return report ?? nil
        }
    }

    /// - Returns: `nil` if rows were removed before they were read.
    private static func report(_ looks: StoreFile.Looks, with chain: AuditChain, newest: Int?) throws -> AuditReport? {
        var (head, anchor, behind) = try looks.read { database -> (AuditMark?, AuditMark?, AuditRow?) in
            let connection = StoreConnection(database)
            return (try connection.auditMark(.head), try connection.auditMark(.anchor), try newest.flatMap(connection.auditRow(before:)))
        }
        let beginning = anchor
        var verification = AuditVerification(chain, from: anchor)
        var last: Int64 = 0
        if let behind, behind.number > (anchor?.place.number ?? 0) + 1 {
            verification = AuditVerification(chain, behind: behind)
            last = behind.number
        }
        while !verification.isOver {
            let after = last
            let rows = try looks.step {
                let rows = try looks.read { database in
                    let connection = StoreConnection(database)
                    head = try connection.auditMark(.head)
                    anchor = try connection.auditMark(.anchor)
                    return try connection.auditRows(after: after, limit: page)
                }
                for row in rows { verification.take(row) }
                return rows
            }
            guard rows.count == page, let end = rows.last else { break }
            last = end.number
        }
        guard newest != nil || anchor == beginning else { return nil }
        let fault = verification.end(at: head)
        return AuditReport(fault: fault, count: verification.count, head: head, anchor: anchor)
    }
}

extension StoreConnection {
    /// The row before the newest ones; `nil` if the log has no earlier row.
    fileprivate func auditRow(before newest: Int) throws -> AuditRow? {
        guard let end = try lastAuditRow(), let start = try auditRows(after: end.number - Int64(newest) - 1, limit: 1).first,
            end.number > start.number
        else { return nil }
        return start
    }
}
