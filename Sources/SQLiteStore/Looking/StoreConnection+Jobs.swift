import Contract
import Store

/// Reads what the store keeps about a job.
extension StoreConnection {
    func jobRecord(named id: JobID, of tenant: String) throws -> JobRecord? {
        let place = try first("SELECT place FROM jobs WHERE job_id = ? AND tenant = ?", id.description, tenant) { $0.integer(0) }
        return try place.flatMap(jobRecord)
    }

    /// Returns the tenants after one, in order.
    func tenants(after tenant: String, limit: Int) throws -> [String] {
        try all("SELECT DISTINCT tenant FROM lanes WHERE tenant > ? ORDER BY tenant LIMIT ?", tenant, limit) { $0.text(0) }
    }

    private func jobRecord(at place: Int64) throws -> JobRecord? {
        try first(
            """
            SELECT j.tenant, l.product, j.job_id, j.kind, j.publisher, j.redrive_of, j.accepted_at, j.not_before, j.attempts,
                j.interruptions, j.held_up, j.api_calls, j.asked, j.account, l.running, j.finished_at, j.event_id, j.event_type,
                j.event_time, j.traceparent, j.epoch, j.sequence, j.data
            FROM jobs j JOIN lanes l ON l.id = j.lane WHERE j.place = ?
            """,
            place
        ) { row in
            let made = try? Attempt.all(in: row.text(13))
            return JobRecord(
                lane: try row.lane(0),
                id: try row.jobID(2),
                kind: try row.optionalWord(3),
                publisher: row.optional(4, row.text),
                redriveOf: try row.optional(5, row.jobID),
                acceptedAt: row.moment(6),
                state: try row.state(at: place),
                attempts: row.count(8),
                interruptions: row.count(9),
                heldUp: row.count(10),
                apiCalls: row.count(11),
                asked: row.optional(12, row.bytes),
                made: made?.filter(\.isShown) ?? [],
                isHistoryDamaged: made == nil
            )
        }
    }
}

extension ResultRow {
    /// Reads the columns of the query above.
    fileprivate func state(at place: Int64) throws -> JobRecord.State {
        guard !isNull(15) else { return optional(14, integer) == place ? .running : .waiting(notBefore: optional(7, moment)) }
        let event = Event(
            id: text(16),
            type: try word(17),
            lane: try lane(0),
            jobID: try jobID(2),
            redriveOf: try optional(5, jobID),
            time: moment(18),
            traceparent: optional(19, text),
            encodedData: bytes(22)
        )
        return .ended(at: moment(15), OrderedEvent(event: event, epoch: integer(20), sequence: optional(21, integer)))
    }
}
