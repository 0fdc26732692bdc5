import Contract
import Store

/// What the commands list, and what the outbox reads again.
extension Connection {
    func unpublished(of worker: WorkerID, after position: Int64, limit: Int) throws -> [OutboxEntry] {
        try all(
            """
            SELECT position, tenant, product, epoch, sequence, event_id, type, job_id, time, traceparent, data,
                redrive_of
            FROM outbox WHERE position > ? AND worker = ? ORDER BY position LIMIT ?
            """,
            position,
            worker.description,
            limit
        ) { row in
            OutboxEntry(
                position: row.integer(0),
                event: OrderedEvent(
                    event: Event(
                        id: row.text(5),
                        type: try row.word(6),
                        lane: try row.lane(1),
                        jobID: try row.optional(7, row.jobID),
                        redriveOf: try row.optional(11, row.jobID),
                        time: row.moment(8),
                        traceparent: row.optional(9, row.text),
                        encodedData: row.bytes(10)
                    ),
                    epoch: row.integer(3),
                    sequence: row.optional(4, row.integer)
                )
            )
        }
    }

    func laneOverviews() throws -> [LaneOverview] {
        try all(
            """
            SELECT l.tenant, l.product, l.epoch, (SELECT status FROM connections c WHERE c.lane = l.id), l.is_enabled,
                (SELECT COUNT(*) FROM jobs j WHERE j.lane = l.id AND j.finished_at IS NULL AND j.is_scheduled = 0),
                (SELECT COUNT(*) FROM bindings b WHERE b.lane = l.id),
                (SELECT COUNT(*) FROM bindings b WHERE b.lane = l.id AND b.status = ?),
                (SELECT COALESCE(j.account, j.history, '') FROM jobs j WHERE j.lane = l.id AND j.finished_at IS NULL
                    AND j.not_before IS NOT NULL AND (j.held_up > 0 OR j.attempts > 0) ORDER BY j.place LIMIT 1)
            FROM lanes l ORDER BY l.tenant, l.product
            """,
            ServiceStatus.synced.rawValue
        ) { row in
            LaneOverview(
                lane: try row.lane(0),
                epoch: row.integer(2),
                connection: try row.optionalWord(3),
                isEnabled: row.bool(4),
                waitingJobs: row.int(5),
                services: row.int(6),
                syncedServices: row.int(7),
                heldUpBy: row.optional(8, row.text)?.lastCode
            )
        }
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
            SELECT job_id, kind, accepted_at, finished_at, event_type, data, api_calls FROM jobs
            WHERE tenant = ? AND lane = ? AND finished_at IS NOT NULL ORDER BY finished_at DESC, place DESC LIMIT ?
            """,
            row.lane.tenant.description,
            row.id,
            limit
        ) { row in
            let event = try row.word(4, as: EventType.self)
            return LaneDetail.Finished(
                id: try row.jobID(0),
                kind: try row.optionalWord(1),
                acceptedAt: row.moment(2),
                finishedAt: row.moment(3),
                event: event,
                code: event.failureCode(in: row.bytes(5)),
                apiCalls: row.int(6)
            )
        }
    }
}
