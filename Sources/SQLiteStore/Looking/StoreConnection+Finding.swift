import Contract
import Store

/// Finds jobs for `job list` and `failures`, in pages that each take a few milliseconds.
extension StoreConnection {
    /// A job that a search looks at.
    private struct Candidate {
        let order: Int64
        /// The time of its end, in a list by that time.
        var endedAt: Timestamp?
        /// Whether what the index holds fits the selection.
        var fits = true
    }

    /// Looks at a number of jobs and returns those that are selected, up to a limit.
    func jobPage(
        _ selection: JobSelection,
        before cursor: JobCursor?,
        limit: Int,
        looking size: Int
    ) throws -> (finding: JobFinding, unreadable: [SetAside]) {
        let candidates =
            switch selection.order {
            case .acceptance: try places(selection, before: cursor?.order ?? .max, limit: size).map { Candidate(order: $0) }
            case .end: try failures(selection, before: cursor, limit: size)
            }
        let verdicts = try examine(candidates.filter(\.fits).map(\.order), for: selection)
        var (finding, unreadable) = (JobFinding(), [SetAside]())
        for candidate in candidates where finding.jobs.count < limit {
            finding.looked += 1
            let verdict = verdicts[candidate.order]
            finding.backTo = candidate.endedAt ?? verdict?.acceptedAt ?? finding.backTo
            finding.next = JobCursor(order: candidate.order, endedAt: candidate.endedAt)
            guard verdict?.fits ?? false else { continue }
            switch try job(at: candidate.order) {
            case .success(let job)?: finding.jobs.append(job)
            case .failure(let error)?: unreadable.append(error.row)
            case nil: break
            }
        }
        var isOver = candidates.count < size
        if selection.order == .acceptance, let since = selection.since {
            isOver = isOver || verdicts.values.allSatisfy { $0.acceptedAt < since }
        }
        if finding.looked == candidates.count, isOver { finding.next = nil }
        return (finding, unreadable)
    }

    // MARK: Places

    /// Returns the places of jobs before another, the newest first: those of the tenant and of the unfinished jobs, as far as an index
    /// finds them.
    private func places(_ selection: JobSelection, before order: Int64, limit: Int) throws -> [Int64] {
        guard selection.tenant != nil else {
            return try selection.isUnfinished ? unfinishedPlaces(before: order, limit: limit) : places(before: order, limit: limit)
        }
        let found = try lanes(of: selection).flatMap { lane in
            try (selection.isUnfinished ? [] : endedPlaces(of: lane, before: order, limit: limit))
                + (selection.mayBeUnfinished ? unfinishedPlaces(of: lane, before: order, limit: limit) : [])
        }
        return Array(found.sorted(by: >).prefix(limit))
    }

    private func lanes(of selection: JobSelection) throws -> [Int64] {
        try all(
            "SELECT id FROM lanes WHERE tenant = ?1 AND (?2 IS NULL OR product = ?2)",
            selection.tenant?.description,
            selection.product?.rawValue
        ) { $0.integer(0) }
    }

    private func places(before order: Int64, limit: Int) throws -> [Int64] {
        try all("SELECT place FROM jobs NOT INDEXED WHERE place < ? ORDER BY place DESC LIMIT ?", order, limit) { $0.integer(0) }
    }

    private func endedPlaces(of lane: Int64, before order: Int64, limit: Int) throws -> [Int64] {
        try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_of_lane
            WHERE lane = ? AND finished_at IS NOT NULL AND place < ? ORDER BY place DESC LIMIT ?
            """,
            lane,
            order,
            limit
        ) { $0.integer(0) }
    }

    /// It sorts the unfinished jobs of the lane.
    private func unfinishedPlaces(of lane: Int64, before order: Int64, limit: Int) throws -> [Int64] {
        try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_rivals
            WHERE lane = ? AND finished_at IS NULL AND is_scheduled = 0 AND place < ? ORDER BY place DESC LIMIT ?
            """,
            lane,
            order,
            limit
        ) { $0.integer(0) }
    }

    /// It sorts all unfinished jobs.
    private func unfinishedPlaces(before order: Int64, limit: Int) throws -> [Int64] {
        try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_rivals
            WHERE finished_at IS NULL AND is_scheduled = 0 AND place < ? ORDER BY place DESC LIMIT ?
            """,
            order,
            limit
        ) { $0.integer(0) }
    }

    /// Returns failed jobs, the latest end first. Only jobs that ended in the same millisecond are sorted.
    private func failures(_ selection: JobSelection, before cursor: JobCursor?, limit: Int) throws -> [Candidate] {
        let chosen = selection.tenant == nil ? nil : try lanes(of: selection)
        if chosen?.isEmpty ?? false { return [] }
        return try all(
            """
            SELECT place, finished_at, (?4 IS NULL OR code = ?4) AND (?5 IS NULL OR kind = ?5)
                AND (?6 IS NULL OR lane IN (SELECT value FROM json_each(?6)))
            FROM jobs INDEXED BY jobs_failed
            WHERE code IS NOT NULL AND code <> 'superseded' AND finished_at <= ?1 AND (finished_at < ?1 OR place < ?2) AND finished_at >= ?3
            ORDER BY finished_at DESC, place DESC LIMIT ?7
            """,
            cursor?.endedAt?.millisecondsSinceEpoch ?? Int64.max,
            cursor?.order ?? Int64.max,
            selection.since?.millisecondsSinceEpoch ?? Int64.min,
            selection.code?.rawValue,
            selection.kind?.rawValue,
            chosen?.json,
            limit
        ) { Candidate(order: $0.integer(0), endedAt: $0.moment(1), fits: $0.bool(2)) }
    }

    func failedJobs(since: Timestamp, before cursor: JobCursor?, limit: Int) throws -> [FailedJob] {
        try all(
            """
            SELECT f.place, f.finished_at, f.code, f.kind, l.tenant FROM jobs f INDEXED BY jobs_failed CROSS JOIN lanes l ON l.id = f.lane
            WHERE f.code IS NOT NULL AND f.code <> 'superseded'
                AND f.finished_at <= ?1 AND (f.finished_at < ?1 OR f.place < ?2) AND f.finished_at >= ?3
            ORDER BY f.finished_at DESC, f.place DESC LIMIT ?4
            """,
            cursor?.endedAt?.millisecondsSinceEpoch ?? Int64.max,
            cursor?.order ?? Int64.max,
            since,
            limit
        ) { row in
            FailedJob(
                order: row.integer(0),
                endedAt: row.moment(1),
                code: row.text(2),
                kind: row.optional(3, row.text).flatMap(JobKind.init(rawValue:)),
                tenant: row.text(4)
            )
        }
    }

    // MARK: Rows

    /// Returns the time of each job's acceptance, and whether it is selected.
    private func examine(_ places: [Int64], for selection: JobSelection) throws -> [Int64: (acceptedAt: Timestamp, fits: Bool)] {
        let rows = try all(
            """
            SELECT j.place, j.accepted_at, j.is_scheduled = 0 AND (?2 IS NULL OR j.kind = ?2) AND (?3 IS NULL OR j.publisher = ?3)
                AND (?4 IS NULL OR j.accepted_at >= ?4)
                AND (?5 IS NULL OR CASE WHEN j.finished_at IS NULL THEN j.deferred_code ELSE j.code END = ?5)
                AND (?6 IS NULL OR EXISTS (SELECT 1 FROM lanes l WHERE l.id = j.lane AND l.product = ?6))
                AND CASE ?7
                    WHEN 'ended' THEN j.finished_at IS NOT NULL
                    WHEN 'failed' THEN j.code <> 'superseded'
                    WHEN 'running' THEN EXISTS (SELECT 1 FROM lanes l WHERE l.id = j.lane AND l.running = j.place)
                    WHEN 'waiting' THEN j.attempts = 0 AND j.interruptions = 0 AND j.held_up = 0 AND j.paused_by IS NULL
                    WHEN 'paused' THEN j.paused_by IS NOT NULL
                    WHEN 'retrying' THEN (j.attempts > 0 OR j.interruptions > 0 OR j.held_up > 0) AND j.paused_by IS NULL
                        AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.id = j.lane AND l.running = j.place)
                    ELSE 1 END
            FROM json_each(?1) s CROSS JOIN jobs j ON j.place = s.value
            """,
            places.json,
            selection.kind?.rawValue,
            selection.publisher,
            selection.order == .end ? nil : selection.since,
            selection.code?.rawValue,
            selection.product?.rawValue,
            selection.state?.rawValue
        ) { (place: $0.integer(0), verdict: (acceptedAt: $0.moment(1), fits: $0.bool(2))) }
        return Dictionary(rows.map { ($0.place, $0.verdict) }) { first, _ in first }
    }

    private func job(at place: Int64) throws -> Result<FoundJob, SetAsideError>? {
        try first(
            """
            SELECT j.place, l.tenant, l.product, j.job_id, j.kind, j.publisher, j.accepted_at, j.attempts, j.api_calls, j.finished_at,
                j.event_type, j.code, l.running, j.not_before, j.deferred_code, j.attempts > 0 OR j.interruptions > 0 OR j.held_up > 0,
                j.paused_by
            FROM jobs j JOIN lanes l ON l.id = j.lane WHERE j.place = ?
            """,
            place
        ) { row in
            Result { try FoundJob(row) }.mapError { SetAsideError(SetAside("The job \(row.text(3)) of \(row.text(1))", because: "\($0)")) }
        }
    }
}

extension FoundJob {
    /// Reads the columns of the query above.
    fileprivate init(_ row: ResultRow) throws {
        let state: State =
            if let finishedAt = row.optional(9, row.moment) {
                .ended(at: finishedAt, try row.word(10), code: row.optional(11, row.text))
            } else if row.optional(12, row.integer) == row.integer(0) {
                .running
            } else if !row.isNull(16) {
                .paused(until: row.optional(13, row.moment))
            } else if row.bool(15) {
                .retrying(notBefore: row.optional(13, row.moment), code: row.optional(14, row.text))
            } else {
                .waiting(notBefore: row.optional(13, row.moment))
            }
        self.init(
            order: row.integer(0),
            lane: try row.lane(1),
            id: try row.jobID(3),
            kind: try row.optionalWord(4),
            publisher: row.optional(5, row.text),
            acceptedAt: row.moment(6),
            state: state,
            attempts: row.count(7),
            apiCalls: row.count(8)
        )
    }
}
