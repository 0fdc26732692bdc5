import Contract
import Store

/// Carries out what an operator does with a job that waits.
extension Transaction {
    func hasten(_ id: JobID, of tenant: TenantID, by actor: AuditActor, at now: Timestamp) throws -> WaitingJobOutcome {
        try change(id, of: tenant) { job, row in
            let limit = try row.hold.database.flatMap { id in try connection.limit(of: id, at: now).map { (database: id, until: $0) } }
            let outcome = job.hastening(
                isRunning: row.hold.running == job.order,
                pauses: try connection.pauses(of: row, at: now),
                isSettling: try connection.first("SELECT 1 FROM journal WHERE lane = ? AND state = 'sent' LIMIT 1", row.id) { _ in true }
                    ?? false,
                limit: limit,
                at: now
            )
            guard outcome == .done else { return outcome }
            try connection.run("UPDATE jobs SET not_before = ? WHERE place = ?", now, job.order)
            try audit(AuditEntry(.jobHastened, of: AuditedJob(job, in: row.lane), by: actor, at: now))
            try lineUp(&row, at: now)
            return .done
        }
    }

    func giveUp(_ id: JobID, of tenant: TenantID, by actor: AuditActor, at now: Timestamp) throws -> WaitingJobOutcome {
        try change(id, of: tenant) { job, row in
            guard row.hold.running != job.order else { return .running }
            guard !job.isGivenUp else { return .done }
            // A pause holds it no longer: its end needs no work.
            try connection.run(
                "UPDATE jobs SET is_given_up = 1, not_before = ?, paused_by = NULL, paused_since = NULL WHERE place = ?",
                now,
                job.order
            )
            try audit(AuditEntry(.jobGivenUp, of: AuditedJob(job, in: row.lane), by: actor, at: now))
            try lineUp(&row, at: now)
            return .done
        }
    }

    private func change(
        _ id: JobID,
        of tenant: TenantID,
        _ body: (QueuedJob, inout LaneRow) throws -> WaitingJobOutcome
    ) throws -> WaitingJobOutcome {
        let found = try connection.first(
            "SELECT place, lane, finished_at FROM jobs WHERE tenant = ? AND job_id = ? AND is_scheduled = 0",
            tenant.description,
            id.description
        ) { (place: $0.integer(0), lane: $0.integer(1), isEnded: !$0.isNull(2)) }
        guard let found else { return .unknown }
        guard !found.isEnded, let job = try connection.unfinishedJob(at: found.place) else { return .ended }
        guard let reading = try connection.laneRow(at: found.lane) else { return .unknown }
        var row = try reading.mapError(\.reason).get()
        return try body(job, &row)
    }

    /// Puts a free lane in line whose job is due now. Its other jobs keep their times.
    private func lineUp(_ row: inout LaneRow, at now: Timestamp) throws {
        guard row.hold.isFree else { return }
        try schedule(&row, at: now)
        try save(row)
    }
}
