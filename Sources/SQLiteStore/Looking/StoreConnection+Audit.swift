import Contract
import Store

/// Reads the audit log.
extension StoreConnection {
    func auditPage(after number: Int64, limit: Int) throws -> AuditPage {
        AuditPage(rows: try auditRows(after: number, limit: limit), head: try auditMark(.head), anchor: try auditMark(.anchor))
    }

    func auditRows(after number: Int64, limit: Int) throws -> [AuditRow] {
        try all(
            """
            SELECT number, at, action, actor, tenant, product, job_id, publisher, facts, sealed, mac FROM audit
            WHERE number > ? ORDER BY number LIMIT ?
            """,
            number,
            limit
        ) { AuditRow($0) }
    }

    /// Returns the newest rows of a selection, in order.
    ///
    /// - Parameter range: the range of their numbers.
    func auditRows(_ selection: AuditSelection, newest limit: Int, in range: ClosedRange<Int64> = 0...Int64.max) throws -> [AuditRow] {
        try all(
            """
            SELECT number, at, action, actor, tenant, product, job_id, publisher, facts, sealed, mac FROM audit
            WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR product = ?2) AND (?3 IS NULL OR job_id = ?3) AND (?4 IS NULL OR at >= ?4)
                AND number BETWEEN ?6 AND ?7
            ORDER BY number DESC LIMIT ?5
            """,
            selection.tenant?.description,
            selection.product?.rawValue,
            selection.jobID?.description,
            selection.since,
            limit,
            range.lowerBound,
            range.upperBound
        ) { AuditRow($0) }.reversed()
    }

    /// Returns the numbers of the first and the last row; `nil` for an empty log.
    func auditEnds() throws -> ClosedRange<Int64>? {
        try first("SELECT (SELECT MIN(number) FROM audit), (SELECT MAX(number) FROM audit)") { row in
            row.isNull(0) ? nil : row.integer(0)...row.integer(1)
        } ?? nil
    }

    /// Returns the time of a range's first row, and its latest time.
    ///
    /// - Parameter isWhole: whether to look at all rows for the latest time, which is otherwise that of the last one.
    func auditTimes(in range: ClosedRange<Int64>, isWhole: Bool) throws -> (oldest: Timestamp, newest: Timestamp)? {
        let oldest = try first("SELECT at FROM audit WHERE number >= ? ORDER BY number LIMIT 1", range.lowerBound) { $0.moment(0) }
        let newest = try first(
            "SELECT MAX(at) FROM audit WHERE number BETWEEN ? AND ?",
            isWhole ? range.lowerBound : range.upperBound,
            range.upperBound
        ) { $0.moment(0) }
        return oldest.flatMap { oldest in newest.map { (oldest, $0) } }
    }

    func lastAuditRow() throws -> AuditRow? { try auditRows(.init(), newest: 1).first }

    func auditMark(_ end: AuditMark.End) throws -> AuditMark? {
        try first("SELECT number, mac, tag FROM audit_marks WHERE name = ?", end.rawValue) { row in
            AuditMark(end: end, place: AuditPlace(number: row.integer(0), mac: row.bytes(1)), tag: row.bytes(2))
        }
    }
}

extension AuditRow {
    /// Reads the columns of the queries above. It accepts any value, because rows are verified later.
    fileprivate init(_ row: ResultRow) {
        self.init(
            number: row.integer(0),
            entry: AuditEntry(
                at: row.moment(1),
                action: row.text(2),
                actor: row.text(3),
                tenant: row.optional(4, row.text),
                product: row.optional(5, row.text),
                jobID: row.optional(6, row.text),
                publisher: row.optional(7, row.text),
                facts: row.text(8),
                sealed: row.optional(9, row.bytes)
            ),
            mac: row.bytes(10)
        )
    }
}
