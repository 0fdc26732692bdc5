import Contract
import Store

/// Reads a lane and its surroundings, as a claim finds them.
extension StoreConnection {
    func situation(of lane: Lane, at now: Timestamp) throws -> LaneSituation? {
        guard let row = try laneRow(lane) else { return nil }
        var snapshot = try snapshot(of: row, at: now)
        snapshot.pauses = try pauses(of: row, at: now)
        var situation = LaneSituation(
            hold: row.hold,
            snapshot: snapshot,
            backlog: row.backlog,
            holder: try row.hold.worker.map { try holder($0, of: row) },
            ahead: try lanesAhead(of: row),
            occupants: try occupants(besides: row),
            isSuspectRunning: try isSuspectRunning(),
            setAside: try first("SELECT set_aside FROM lanes WHERE id = ?", row.id) { $0.optional(0, $0.text) } ?? nil,
            workers: try first("SELECT COUNT(*) FROM workers WHERE lease_until > ?", now) { $0.count(0) } ?? 0
        )
        situation.reach = try first(
            "SELECT zone_api_url, database_id, credentials_digest FROM connections WHERE lane = ?",
            row.id
        ) { LaneSituation.Reach(apiURL: $0.text(0), database: $0.integer(1), credentials: $0.bytes(2)) }
        situation.barriers = try barriers(at: now)
        return situation
    }

    /// Reads the ids of events that the broker has not confirmed, in the order of the outbox.
    func outboxPage(after position: Int64, limit: Int64) throws -> [(position: Int64, eventID: String, event: UnconfirmedEvent)] {
        try all(
            "SELECT position, event_id, time, awaits_erasure FROM outbox WHERE position > ? ORDER BY position LIMIT ?",
            position,
            limit
        ) { ($0.integer(0), $0.text(1), UnconfirmedEvent(since: $0.moment(2), awaitsErasure: $0.bool(3))) }
    }

    private func holder(_ worker: WorkerID, of row: LaneRow) throws -> LaneSituation.Holder {
        LaneSituation.Holder(
            worker: worker,
            leaseEnd: try first("SELECT lease_until FROM workers WHERE id = ?", worker.description) { $0.moment(0) },
            job: try row.hold.running.flatMap(unfinishedJob),
            begunAt: try row.hold.running.flatMap { place in
                try first("SELECT begun_at FROM jobs WHERE place = ?", place) { $0.optional(0, $0.moment) } ?? nil
            }
        )
    }

    /// Counts the lanes before one in the index of those in line.
    private func lanesAhead(of row: LaneRow) throws -> Int {
        guard let turn = row.hold.turn else { return 0 }
        return try first("SELECT COUNT(*) FROM lanes WHERE turn IS NOT NULL AND (rank, turn) < (?, ?)", row.hold.rank, turn) {
            $0.count(0)
        } ?? 0
    }

    private func occupants(besides row: LaneRow) throws -> [Lane] {
        guard let database = row.hold.neededDatabase else { return [] }
        return try all("SELECT tenant, product FROM lanes WHERE occupied = ? AND id <> ?", database, row.id) { try $0.lane(0) }
    }

    /// Whether a job runs that may kill workers.
    func isSuspectRunning() throws -> Bool {
        try first(
            """
            SELECT 1 FROM lanes JOIN jobs ON jobs.place = lanes.running
            WHERE lanes.worker IS NOT NULL AND jobs.interruptions >= ? LIMIT 1
            """,
            QueuedJob.suspectInterruptions
        ) { _ in true } ?? false
    }
}
