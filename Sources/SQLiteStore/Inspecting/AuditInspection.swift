import GRDB
package import Store

/// Whether a store's audit log holds, found out without a change to the file.
package enum AuditInspection {
    private static let page = 1000

    /// Verifies the log as one transaction sees it.
    ///
    /// - Parameter newest: how many rows from its end on to look at, those before them being taken for granted; `nil` for all.
    /// - Returns: `nil` when there is no store, or one of a version that kept no log.
    package static func report(
        on path: String,
        with chain: AuditChain,
        newest: Int? = nil
    ) async throws(StoreError) -> AuditReport? {
        try await StoreThread.run { () throws(StoreError) in
            let report = try StoreFile.inspect(path) { database -> AuditReport? in
                guard try StoreFile.check(database, of: path, mayBeEmpty: true) != .none, try database.tableExists("audit") else {
                    return nil
                }
                return try Connection(database).auditReport(with: chain, newest: newest, page: page)
            }
            return report ?? nil
        }
    }
}

extension Connection {
    fileprivate func auditReport(with chain: AuditChain, newest: Int?, page: Int) throws -> AuditReport {
        let (head, anchor) = (try auditMark(.head), try auditMark(.anchor))
        var verification = AuditVerification(chain, from: anchor)
        var last: Int64 = 0
        if let newest, let end = try lastAuditRow(), let start = try auditRows(after: end.number - Int64(newest) - 1, limit: 1).first,
            end.number > start.number, start.number > (anchor?.place.number ?? 0) + 1
        {
            verification = AuditVerification(chain, behind: start)
            last = start.number
        }
        while !verification.isOver {
            let rows = try auditRows(after: last, limit: page)
            for row in rows { verification.take(row) }
            guard rows.count == page, let end = rows.last else { break }
            last = end.number
        }
        let fault = verification.end(at: head)
        return AuditReport(fault: fault, count: verification.count, head: head, anchor: anchor)
    }
}
