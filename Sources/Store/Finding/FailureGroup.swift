package import Contract

/// A failed job, as a table of failures needs it.
package struct FailedJob: Hashable, Sendable {
    package var order: Int64
    package var endedAt: Timestamp
    package var code: String
    /// `nil` for a refused job.
    package var kind: JobKind?
    package var tenant: String

    package init(order: Int64, endedAt: Timestamp, code: String, kind: JobKind?, tenant: String) {
        self.order = order
        self.endedAt = endedAt
        self.code = code
        self.kind = kind
        self.tenant = tenant
    }
}

/// Failed jobs of all tenants with one code and kind.
package struct FailureGroup: Sendable {
    package var code: String
    package var kind: JobKind?
    package var count = 0
    /// How many tenants have such a job.
    package var tenants: Int { names.count }
    package var first: Timestamp
    package var last: Timestamp
    /// Whether no such job ended in the day before; `nil` if not all of that day was looked at.
    package var isNew: Bool?

    private var names: Set<String> = []

    fileprivate struct Key: Hashable {
        let code: String
        let kind: JobKind?
    }

    fileprivate init(of job: FailedJob) {
        code = job.code
        kind = job.kind
        first = job.endedAt
        last = job.endedAt
    }

    fileprivate mutating func take(_ job: FailedJob) {
        count += 1
        names.insert(job.tenant)
        first = min(first, job.endedAt)
        last = max(last, job.endedAt)
    }
}

/// The failures of a time.
package struct FailureTable: Sendable {
    /// How many failed jobs are looked at.
    package static let reach = 500_000
    fileprivate static let page = 2000

    /// The group with the most jobs comes first.
    package var groups: [FailureGroup] = []
    /// The time since which all failures are counted: later than the requested one if there are too many.
    package var since: Timestamp
    /// Whether all requested failures are counted.
    package var isComplete = true
}

extension LaneRecords {
    /// Counts failed jobs by code and kind.
    ///
    /// - Parameter reach: how many failed jobs to look at.
    package func failures(since: Timestamp, looking reach: Int = FailureTable.reach) async throws -> FailureTable {
        let dayBefore = since - .seconds(86_400)
        var table = FailureTable(since: since)
        var groups: [FailureGroup.Key: FailureGroup] = [:]
        var earlier: Set<FailureGroup.Key> = []
        var (last, looked, hasMore) = (JobCursor?.none, 0, true)
        while hasMore, looked < reach {
            let size = min(FailureTable.page, reach - looked)
            let jobs = try await failedJobs(since: dayBefore, before: last, limit: size)
            for job in jobs {
                let key = FailureGroup.Key(code: job.code, kind: job.kind)
                if job.endedAt >= since { groups[key, default: FailureGroup(of: job)].take(job) } else { earlier.insert(key) }
            }
            looked += jobs.count
            hasMore = jobs.count == size
            last = jobs.last.map { JobCursor(order: $0.order, endedAt: $0.endedAt) } ?? last
        }
        if hasMore, let end = last?.endedAt, end >= since { (table.since, table.isComplete) = (end, false) }
        table.groups = groups.map { key, group in
            var group = group
            group.isNew = earlier.contains(key) ? false : hasMore ? nil : true
            return group
        }.sorted { ($1.count, $0.code, $0.kind?.rawValue ?? "") < ($0.count, $1.code, $1.kind?.rawValue ?? "") }
        return table
    }
}
