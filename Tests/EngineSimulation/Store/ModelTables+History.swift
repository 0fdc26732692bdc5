import Contract
import Store

extension ModelTables.JobRow {
    /// The job's own attempts, with as many as a history shows.
    var shownAttempts: [Attempt] { attempts.filter(\.isShown) }

    /// Counts an attempt, and keeps what is kept of it.
    mutating func add(_ completion: Completion) {
        let attempt = completion.attempt
        job.apply(attempt)
        job.lastDeferral = completion.deferral ?? job.lastDeferral
        asked = asked ?? completion.asked
        let isWhole = attempt.endsJob || attempts.count < Attempt.limit
        if attempt.endsJob, !completion.keepsHistory { eraseHistory() }
        if let kept = isWhole ? completion.kept : attempt.outline { attempts.append(kept) }
    }

    mutating func eraseHistory() {
        asked = nil
        attempts = []
    }
}

extension ModelTables {
    func records(of id: JobID, tenant: TenantID?) -> [JobRecord] {
        jobs.filter { $0.job.id == id && (tenant == nil || $0.lane.tenant == tenant) }.map(record)
            .sorted { $0.lane.tenant.description < $1.lane.tenant.description }
    }

    private func record(_ row: JobRow) -> JobRecord {
        let state: JobRecord.State
        if let finishedAt = row.finishedAt, let event = row.event {
            state = .ended(at: finishedAt, event)
        } else if lanes.contains(where: { $0.lane == row.lane && $0.hold.running == row.job.order }) {
            state = .running
        } else {
            state = .waiting(notBefore: row.job.notBefore)
        }
        return JobRecord(
            lane: row.lane,
            id: row.job.id,
            kind: row.wasRefused ? nil : row.job.kind,
            publisher: row.job.publisher,
            redriveOf: row.job.redriveOf,
            acceptedAt: row.job.acceptedAt,
            state: state,
            attempts: row.job.attempts,
            interruptions: row.job.interruptions,
            heldUp: row.job.heldUp,
            apiCalls: row.job.apiCalls,
            asked: row.asked,
            made: row.shownAttempts
        )
    }
}
