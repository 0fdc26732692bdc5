package import Contract

/// A selection of rows: those that meet every criterion that is set.
package struct AuditSelection: Hashable, Sendable {
    package var tenant: TenantID?
    package var product: Product?
    package var jobID: JobID?
    /// Rows of this time or later.
    package var since: Timestamp?

    package init(tenant: TenantID? = nil, product: Product? = nil, jobID: JobID? = nil, since: Timestamp? = nil) {
        self.tenant = tenant
        self.product = product
        self.jobID = jobID
        self.since = since
    }

    package func includes(_ entry: AuditEntry) -> Bool {
        (tenant.map { $0.description == entry.tenant } ?? true) && (product.map { $0.rawValue == entry.product } ?? true)
            && (jobID.map { $0.description == entry.jobID } ?? true) && (since.map { $0 <= entry.at } ?? true)
    }
}

/// The result of a search that looks at a bounded number of rows, beginning with the newest.
package struct AuditFinding: Sendable {
    /// The default for the number of rows to look at: they take some 25 to 50 ms.
    package static let reach = 100_000

    /// In the order of their numbers.
    package var rows: [AuditRow] = []
    /// How many rows were looked at.
    package var looked = 0
    /// The time of the oldest of them.
    package var backTo: Timestamp?
    /// The number before which the search can go on; `nil` if nothing is left to look at.
    package var next: Int64?

    package init() {}
}

/// Rows of the log, with the ends of the log when they were read.
package struct AuditPage: Hashable, Sendable {
    /// In the order of their numbers.
    package var rows: [AuditRow]
    /// `nil` in an empty log.
    package var head: AuditMark?
    /// `nil` while no row has been removed.
    package var anchor: AuditMark?

    /// How many rows the log has from its beginning to the end of the page, and in all.
    package var progress: (done: Int, total: Int) {
        let first = anchor?.place.number ?? 0
        let last = head?.place.number ?? first
        return (Int(clamping: (rows.last?.number ?? last) - first), Int(clamping: last - first))
    }

    package init(rows: [AuditRow], head: AuditMark?, anchor: AuditMark?) {
        self.rows = rows
        self.head = head
        self.anchor = anchor
    }
}
