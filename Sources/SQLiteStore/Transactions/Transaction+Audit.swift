import Contract
import Store

/// Adds rows at the end of the audit log, and removes rows at its beginning.
extension Transaction {
    /// Adds a row.
    func audit(_ entry: AuditEntry) throws {
        guard let chain else {
            throw StoreError(.unexpected, "The store was opened for reading: a change needs the key of its audit log.")
        }
        var pen = try self.pen ?? connection.pen(chain)
        for row in pen.rows(for: entry) {
            if row.entry.action == AuditEntry.Action.logBroken.rawValue { brokenLogs += 1 }
            try insert(row)
        }
        self.pen = pen
    }

    /// Adds a row for each note of a handler.
    func audit(_ notes: [AuditNote], of claim: ClaimToken, at now: Timestamp) throws {
        guard !notes.isEmpty else { return }
        let job = try auditedJob(of: claim)
        for note in notes { try audit(AuditEntry(note, of: job, by: claim.worker, at: now)) }
    }

    /// The job that a claim runs.
    func auditedJob(of claim: ClaimToken) throws -> AuditedJob { try auditedJob(claim.order, in: claim.lane) }

    func auditedJob(_ order: Int64, in lane: Lane) throws -> AuditedJob {
        let job = try connection.first("SELECT job_id, kind, publisher, attempts, is_scheduled FROM jobs WHERE place = ?", order) { row in
            try AuditedJob(row, in: lane)
        }
        guard let job else { throw StoreError(.unexpected, "A running job does not exist.") }
        return job
    }

    /// Saves the end of the log. It is called once, before the commit.
    func saveAuditHead() throws {
        guard let pen else { return }
        try save(pen.head)
    }

    private func insert(_ row: AuditRow) throws {
        try connection.run(
            """
            INSERT INTO audit (number, at, action, actor, tenant, product, job_id, publisher, facts, sealed, mac)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            row.number,
            row.entry.at,
            row.entry.action,
            row.entry.actor,
            row.entry.tenant,
            row.entry.product,
            row.entry.jobID,
            row.entry.publisher,
            row.entry.facts,
            row.entry.sealed,
            row.mac
        )
    }

    private func save(_ mark: AuditMark) throws {
        try connection.run(
            "INSERT OR REPLACE INTO audit_marks (name, number, mac, tag) VALUES (?, ?, ?, ?)",
            mark.end.rawValue,
            mark.place.number,
            mark.place.mac,
            mark.tag
        )
    }

    /// Removes rows from the beginning of the log, but never the last row, and marks how far. An invalid row and all rows after it stay as
    /// evidence.
    ///
    /// - Parameter cutoff: rows of this time or later stay.
    /// - Returns: whether there may be more.
    func forgetAudit(before cutoff: Timestamp, limit: Int) throws -> Bool {
        guard let chain else { return false }
        let anchor = try connection.auditMark(.anchor)
        let head = try connection.auditMark(.head)
        var verification = AuditVerification(chain, from: anchor)
        let rows = try connection.auditRows(after: 0, limit: limit).prefix { row in
            row.entry.at < cutoff && row.number < head?.place.number ?? 0
        }
        for row in rows { verification.take(row) }
        guard !verification.isOver, verification.count == rows.count, let last = rows.last else { return false }
        try connection.run("DELETE FROM audit WHERE number <= ?", last.number)
        try save(chain.mark(last.place, as: .anchor))
        return rows.count == limit
    }
}

extension AuditedJob {
    /// Reads its five columns, which come first.
    init(_ row: ResultRow, in lane: Lane) throws {
        self.init(
            lane: lane,
            id: try row.jobID(0),
            kind: try row.optionalWord(1),
            publisher: row.optional(2, row.text),
            attempt: row.count(3),
            isScheduled: row.bool(4)
        )
    }
}

extension StoreConnection {
    fileprivate func pen(_ chain: AuditChain) throws -> AuditPen {
        let head = try auditMark(.head)
        // The first row of a store with a key ring records the pairing. If it has no row, its log was removed.
        if head == nil, try first("SELECT 1 FROM audit LIMIT 1", read: { _ in true }) == nil, try auditMark(.anchor) == nil,
            try identity().ring == nil
        {
            let jobs = try first("SELECT value FROM counters WHERE name = ?", StoredCounter.place.rawValue) { $0.integer(0) } ?? 0
            return AuditPen(chain, beginningAfter: jobs)
        }
        return try AuditPen(chain, behind: head) { try lastAuditRow()?.place ?? .start }
    }
}
