package import Contract

/// Which rows are meant: those for which everything holds that is named.
package struct AuditSelection: Hashable, Sendable {
    package var tenant: TenantID?
    package var product: Product?
    package var jobID: JobID?
    /// Those that are not older.
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

/// Some rows of the log, and the ends that it had when they were read.
package struct AuditPage: Hashable, Sendable {
    /// In their order.
    package var rows: [AuditRow]
    /// `nil` in a log that has not begun.
    package var head: AuditMark?
    /// `nil` while nothing was forgotten.
    package var anchor: AuditMark?

    package init(rows: [AuditRow], head: AuditMark?, anchor: AuditMark?) {
        self.rows = rows
        self.head = head
        self.anchor = anchor
    }
}
