import Contract
import Store

/// Reads the part of a lane that a claim examines (``LaneSnapshot``). Every query takes a few steps in an index, for any number of waiting jobs.
extension StoreConnection {
    /// The maximum number of jobs of the window, together with the jobs that supersede them.
    private static let windowRows = 128
    /// The maximum number of jobs that have written and wait for a time. More than one is rare.
    private static let writtenRows = 8
    /// The maximum number of jobs whose deadline has come because a person waits.
    private static let overdueRows = 8
    /// The maximum number of expired jobs.
    private static let expiredRows = 28
    /// The maximum number of jobs outside the window that must end before another runs.
    private static let rivalRows = 20

    func snapshot(of row: LaneRow, at now: Timestamp) throws -> LaneSnapshot {
        // A lane has at most one check of each scheduled kind, and the backlog does not include them.
        var snapshot =
            LaneSnapshot.isComplete(backlog: row.backlog)
            ? LaneSnapshot(lane: row.lane, jobs: try unfinishedJobs(lane: row.id), revisions: [:]) : try window(of: row, at: now)
        for job in snapshot.jobs where job.revision != nil && !job.wasBegun {
            guard let planID = job.planID, snapshot.revisions[planID] == nil else { continue }
            snapshot.revisions[planID] = try ranRevision(of: planID, lane: row.id)
        }
        return snapshot
    }

    /// The highest revision of a plan that ran in the lane's epoch.
    func ranRevision(of planID: String, lane: Int64) throws -> Int64? {
        try first("SELECT revision FROM plans WHERE lane = ? AND plan = ?", lane, planID) { $0.integer(0) }
    }

    private func window(of row: LaneRow, at now: Timestamp) throws -> LaneSnapshot {
        let lane = row.id
        var jobs: [Int64: QueuedJob] = [:]
        func add(_ place: Int64?) throws {
            guard let place, jobs[place] == nil else { return }
            jobs[place] = try unfinishedJob(at: place)
        }
        for kind in JobKind.replaceableWithoutPlan { try add(newest(kind, nil, lane: lane)) }
        for place in try placesOfWritten(lane: lane) { try add(place) }
        for place in try placesOfOverdue(lane: lane, at: now) { try add(place) }
        let fixed = jobs.count
        var plans: Set<[String?]> = []
        for place in try placesOfDue(lane: lane, at: now) {
            // A job and the jobs that supersede it are added together or not at all.
            guard jobs.count - fixed <= StoreConnection.windowRows - 3 else { break }
            try add(place)
            guard let job = jobs[place], job.kind.hasPlan, plans.insert([job.kind.rawValue, job.planID]).inserted else { continue }
            try add(newest(job.kind, job.planID, lane: lane))
            try add(highest(job.kind, job.planID, lane: lane))
        }
        for place in try placesOfExpired(lane: lane, at: now) { try add(place) }
        return LaneSnapshot(
            lane: row.lane,
            jobs: jobs.values.sorted { $0.order < $1.order },
            revisions: [:],
            isComplete: false,
            nextMoment: try nextMoment(lane: lane, after: now)
        )
    }

    /// Returns jobs outside the snapshot that must end before one of its jobs runs: rivals, and for a reset all older jobs.
    func rivals(of job: QueuedJob, besides snapshot: LaneSnapshot, lane: Int64, at now: Timestamp) throws -> [QueuedJob] {
        let shown = Set(snapshot.jobs.map(\.order))
        var places: [Int64] = []
        if job.kind.isReplaceable { places += try placesOfRivals(job.kind, job.planID, lane: lane) }
        // Older due jobs would be in the window.
        if job.kind == .reset { places += try placesOfWaiting(before: job.order, lane: lane, at: now) }
        return try places.filter { !shown.contains($0) }.prefix(StoreConnection.rivalRows).compactMap(unfinishedJob)
    }

    /// Returns the unfinished jobs of a kind and plan with which an arrival is compared (``Arrival/rivals``).
    func rivals(of kind: JobKind, _ planID: String?, lane: Int64) throws -> [QueuedJob] {
        let newest = try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_rivals WHERE lane = ? AND kind = ? AND plan IS ? AND standing IS NULL
                AND finished_at IS NULL AND is_scheduled = 0 ORDER BY place DESC LIMIT ?
            """,
            lane,
            kind.rawValue,
            planID,
            Arrival.rivalLimit
        ) { $0.integer(0) }
        let highest = try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_rivals WHERE lane = ? AND kind = ? AND plan IS ? AND standing IS NOT NULL
                AND finished_at IS NULL AND is_scheduled = 0 ORDER BY standing DESC, place DESC LIMIT ?
            """,
            lane,
            kind.rawValue,
            planID,
            Arrival.rivalLimit
        ) { $0.integer(0) }
        return try (newest + highest).sorted().compactMap(unfinishedJob)
    }

    /// Returns the jobs that overtook a job and were accepted after `place` and before `order` (``Arrival/overtakers``). It reads
    /// ``Arrival/overtakerReach`` rows. An unreadable row is left out.
    func overtakers(of job: AcceptableJob, after place: Int64, before order: Int64, lane: Int64) throws -> [QueuedJob] {
        guard let requestedAt = job.requestedAt else { return [] }
        return try all(
            """
            SELECT place, job_id, kind, plan, revision, accepted_at, expiry, traceparent, publisher, not_before, attempts, interruptions,
                has_written, api_calls, is_from_backup, redrive_of, is_scheduled, revision, held_up, deadline,
                deferred_code, deferred_for, paused_by, paused_since, paused_for, is_given_up
            FROM jobs NOT INDEXED WHERE place BETWEEN ? AND ? AND lane = ? AND (kind = ? OR kind = ? AND plan IS ?)
                AND (finished_at IS NULL OR event_type NOT IN (?, ?, ?, ?)) AND is_scheduled = 0 AND requested_at > ?
            ORDER BY place
            """,
            max(place + 1, order - Arrival.overtakerReach),
            order - 1,
            lane,
            JobKind.reset.rawValue,
            job.kind.rawValue,
            job.planID,
            EventType.jobRejected.rawValue,
            EventType.jobExpired.rawValue,
            EventType.jobAbandoned.rawValue,
            EventType.jobSuperseded.rawValue,
            requestedAt
        ) { row in
            do { return try QueuedJob(row) } catch let error as StoreError where error.code == .corrupt { return nil }
        }.compactMap(\.self)
    }

    // MARK: Places

    /// The newest unfinished reset of a lane.
    func newestReset(lane: Int64) throws -> Int64? { try newest(.reset, nil, lane: lane) }

    /// The newest job without a revision.
    private func newest(_ kind: JobKind, _ planID: String?, lane: Int64) throws -> Int64? {
        try first(
            """
            SELECT place FROM jobs INDEXED BY jobs_rivals WHERE lane = ? AND kind = ? AND plan IS ? AND standing IS NULL
                AND finished_at IS NULL AND is_scheduled = 0 ORDER BY place DESC LIMIT 1
            """,
            lane,
            kind.rawValue,
            planID
        ) { $0.integer(0) }
    }

    /// The newest job of the highest revision.
    private func highest(_ kind: JobKind, _ planID: String?, lane: Int64) throws -> Int64? {
        try first(
            """
            SELECT place FROM jobs INDEXED BY jobs_rivals WHERE lane = ? AND kind = ? AND plan IS ? AND standing IS NOT NULL
                AND finished_at IS NULL AND is_scheduled = 0 ORDER BY standing DESC, place DESC LIMIT 1
            """,
            lane,
            kind.rawValue,
            planID
        ) { $0.integer(0) }
    }

    private func placesOfRivals(_ kind: JobKind, _ planID: String?, lane: Int64) throws -> [Int64] {
        try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_rivals WHERE lane = ? AND kind = ? AND plan IS ?
                AND finished_at IS NULL AND is_scheduled = 0 LIMIT ?
            """,
            lane,
            kind.rawValue,
            planID,
            LaneSnapshot.maximumRows
        ) { $0.integer(0) }
    }

    /// Returns the oldest due jobs. It reads the same number of jobs that waited for a time, longest due first.
    private func placesOfDue(lane: Int64, at now: Timestamp) throws -> [Int64] {
        let due = try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_unfinished WHERE lane = ? AND not_before IS NULL AND finished_at IS NULL
            ORDER BY place LIMIT ?
            """,
            lane,
            LaneSnapshot.limit
        ) { $0.integer(0) }
        let late = try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_unfinished WHERE lane = ? AND not_before <= ? AND finished_at IS NULL
            ORDER BY not_before LIMIT ?
            """,
            lane,
            now,
            LaneSnapshot.limit
        ) { $0.integer(0) }
        return Array((due + late).sorted().prefix(LaneSnapshot.limit))
    }

    private func placesOfWritten(lane: Int64) throws -> [Int64] {
        try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_written
            WHERE lane = ? AND has_written <> 0 AND not_before IS NOT NULL AND finished_at IS NULL ORDER BY place LIMIT ?
            """,
            lane,
            StoreConnection.writtenRows
        ) { $0.integer(0) }
    }

    private func placesOfOverdue(lane: Int64, at now: Timestamp) throws -> [Int64] {
        try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_with_deadline
            WHERE lane = ? AND deadline <= ? AND deadline IS NOT NULL AND finished_at IS NULL ORDER BY place LIMIT ?
            """,
            lane,
            now,
            StoreConnection.overdueRows
        ) { $0.integer(0) }
    }

    private func placesOfWaiting(before place: Int64, lane: Int64, at now: Timestamp) throws -> [Int64] {
        try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_unfinished WHERE lane = ? AND not_before > ? AND place < ? AND finished_at IS NULL
            ORDER BY not_before LIMIT ?
            """,
            lane,
            now,
            place,
            LaneSnapshot.maximumRows
        ) { $0.integer(0) }
    }

    private func placesOfExpired(lane: Int64, at now: Timestamp) throws -> [Int64] {
        try all(
            """
            SELECT place FROM jobs INDEXED BY jobs_expiring WHERE lane = ? AND expiry <= ? AND finished_at IS NULL AND expiry IS NOT NULL
                AND attempts = 0 AND interruptions = 0 AND has_written = 0
            ORDER BY expiry LIMIT ?
            """,
            lane,
            now,
            StoreConnection.expiredRows
        ) { $0.integer(0) }
    }

    /// When the first job of a lane expires that has not begun.
    func nextExpiry(lane: Int64) throws -> Timestamp? {
        try first(
            """
            SELECT expiry FROM jobs INDEXED BY jobs_expiring WHERE lane = ? AND finished_at IS NULL AND expiry IS NOT NULL
                AND attempts = 0 AND interruptions = 0 AND has_written = 0
            ORDER BY expiry LIMIT 1
            """,
            lane
        ) { $0.moment(0) }
    }

    private func nextMoment(lane: Int64, after now: Timestamp) throws -> Timestamp? {
        let due = try first(
            """
            SELECT not_before FROM jobs INDEXED BY jobs_unfinished WHERE lane = ? AND not_before > ? AND finished_at IS NULL
            ORDER BY not_before LIMIT 1
            """,
            lane,
            now
        ) { $0.moment(0) }
        let expiry = try first(
            """
            SELECT expiry FROM jobs INDEXED BY jobs_expiring WHERE lane = ? AND expiry > ? AND finished_at IS NULL AND expiry IS NOT NULL
                AND attempts = 0 AND interruptions = 0 AND has_written = 0
            ORDER BY expiry LIMIT 1
            """,
            lane,
            now
        ) { $0.moment(0) }
        return [due, expiry].compactMap { $0 }.min()
    }
}
