import Contract
import Store

extension ModelTables.JobRow {
    /// Keeps the record of an attempt.
    mutating func keep(_ account: AttemptAccount, _ disposition: Disposition, at now: Timestamp) {
        guard disposition == .finished || made.count < AttemptRecord.limit else { return }
        asked = asked ?? account.asked
        made.append(AttemptRecord(account, disposition, at: now))
    }

    mutating func eraseHistory() {
        asked = nil
        made = []
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
            made: row.made
        )
    }
}
