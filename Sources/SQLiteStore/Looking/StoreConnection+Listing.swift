import Contract
import Store

/// Reads lists for commands, and unpublished events for the outbox.
extension StoreConnection {
    /// The data of unconfirmed events that are read together, in bytes; a longer event is read alone.
    private static let eventBytes = 8 << 20

    /// Returns unconfirmed events: at most `limit` rows, and fewer if their data is long. There are none only at the end.
    func unpublished(of worker: WorkerID, after position: Int64, limit: Int) throws -> [Result<OutboxEntry, UnreadableEvent>] {
        let sizes = try all(
            "SELECT position, length(data) FROM outbox WHERE position > ? AND worker = ? ORDER BY position LIMIT ?",
            position,
            worker.description,
            limit
        ) { (position: $0.integer(0), bytes: $0.count(1)) }
        guard var end = sizes.first?.position else { return [] }
        var bytes = 0
        for event in sizes {
            bytes += event.bytes
            if bytes > StoreConnection.eventBytes { break }
            end = event.position
        }
        return try all(
            """
            SELECT position, tenant, product, epoch, sequence, event_id, type, job_id, time, traceparent, data, redrive_of,
                awaits_erasure OR EXISTS (SELECT 1 FROM lanes l WHERE l.tenant = outbox.tenant AND l.product = outbox.product
                    AND l.set_aside IS NOT NULL)
            FROM outbox WHERE position > ? AND position <= ? AND worker = ? ORDER BY position
            """,
            position,
            end,
            worker.description
        ) { OutboxEntry.reading($0) }
    }

    /// Returns events after a position that wait until the data that their reset erased has left the log, in order, with lane and worker.
    func waitingForErasure(after position: Int64, limit: Int) throws -> [(
        event: (position: Int64, entry: Result<OutboxEntry, UnreadableEvent>), lane: String, worker: String
    )] {
        try all(
            """
            SELECT position, tenant, product, epoch, sequence, event_id, type, job_id, time, traceparent, data, redrive_of,
                EXISTS (SELECT 1 FROM lanes l WHERE l.tenant = outbox.tenant AND l.product = outbox.product AND l.set_aside IS NOT NULL),
                worker
            FROM outbox WHERE awaits_erasure <> 0 AND position > ? ORDER BY position LIMIT ?
            """,
            position,
            limit
        ) { (($0.integer(0), OutboxEntry.reading($0)), "\($0.text(1))/\($0.text(2))", $0.text(13)) }
    }

    func laneDetail(_ lane: Lane) throws -> LaneDetail? {
        guard let row = try laneRow(lane) else { return nil }
        return LaneDetail(
            lane: lane,
            state: try laneState(row),
            unfinished: try unfinishedJobs(lane: row.id),
            finished: try finishedJobs(of: row, limit: 20)
        )
    }

    private func finishedJobs(of row: LaneRow, limit: Int) throws -> [LaneDetail.Finished] {
        try all(
            """
            SELECT job_id, kind, accepted_at, finished_at, event_type, code, api_calls FROM jobs INDEXED BY jobs_of_lane
            WHERE lane = ? AND finished_at IS NOT NULL ORDER BY place DESC LIMIT ?
            """,
            row.id,
            limit
        ) { row in
            LaneDetail.Finished(
                id: try row.jobID(0),
                kind: try row.optionalWord(1),
                acceptedAt: row.moment(2),
                finishedAt: row.moment(3),
                event: try row.word(4),
                code: row.optional(5, row.text),
                apiCalls: row.count(6)
            )
        }
    }
}

/// An event that cannot be read.
struct UnreadableEvent: Error {
    let position: Int64
    let tenant: String
    let product: String
    let reason: String

    var setAside: SetAside { SetAside("The event at position \(position) of \(tenant)/\(product)", because: reason) }
}

/// A row that cannot be read.
struct SetAsideError: Error {
    let row: SetAside

    init(_ row: SetAside) { self.row = row }
}

extension Result {
    var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}

extension OutboxEntry {
    /// Reads the columns of the queries above. It checks that the event has an id and JSON data, which subscribers need.
    fileprivate static func reading(_ row: ResultRow) -> Result<OutboxEntry, UnreadableEvent> {
        do {
            let (id, data) = (row.text(5), row.bytes(10))
            guard !id.isEmpty, case .object = try JSON(parsing: data, maximumValues: .max) else {
                throw StoreError(.corrupt, "An event has no id, or its data is not a JSON object. Restore the store from a backup.")
            }
            let event = Event(
                id: id,
                type: try row.word(6),
                lane: try row.lane(1),
                jobID: try row.optional(7, row.jobID),
                redriveOf: try row.optional(11, row.jobID),
                time: row.moment(8),
                traceparent: TraceContext.valid(row.optional(9, row.text)),
                encodedData: data
            )
            let ordered = OrderedEvent(event: event, epoch: row.integer(3), sequence: row.optional(4, row.integer))
            return .success(OutboxEntry(position: row.integer(0), event: ordered, isHeld: row.bool(12)))
        } catch {
            return .failure(
                UnreadableEvent(position: row.integer(0), tenant: row.text(1), product: row.text(2), reason: "\(error)")
            )
        }
    }
}
