import Contract
import Store

/// Begins and ends pauses, and the holds under them.
extension Transaction {
    func pause(_ order: PauseOrder, by actor: AuditActor, at now: Timestamp) throws -> Pause? {
        let same = try connection.all(
            "SELECT id FROM pauses WHERE scope = ? AND ends_at > ?",
            order.scope.description,
            now
        ) { $0.integer(0) }
        guard try connection.pauseCount(at: now) - same.count < Pause.limit else { return nil }
        for id in same { _ = try endPause(id, by: actor, at: now) }
        let pause = Pause(
            id: try next(.pause),
            scope: order.scope,
            reason: order.reason,
            actor: actor.description,
            begin: now,
            end: order.end
        )
        try connection.run(
            "INSERT INTO pauses (id, scope, reason, actor, began_at, ends_at) VALUES (?, ?, ?, ?, ?, ?)",
            pause.id,
            pause.scope.description,
            pause.reason,
            pause.actor,
            pause.begin,
            pause.end
        )
        hasPauses = true
        try audit(AuditEntry(begun: pause, by: actor, at: now))
        return pause
    }

    func endPause(_ id: Int64, by actor: AuditActor, at now: Timestamp) throws -> Pause? {
        let pause =
            try connection.first(
                "SELECT id, scope, reason, actor, began_at, ends_at FROM pauses WHERE id = ? AND ends_at > ?",
                id,
                now
            ) { Pause($0) } ?? nil
        guard let pause else { return nil }
        // It is over by every clock, also that of a worker whose machine is behind.
        try connection.run("UPDATE pauses SET ends_at = 0, is_ended = 1 WHERE id = ?", id)
        try audit(AuditEntry(ended: pause, by: actor, at: now))
        return pause
    }

    /// Whether the store has pauses, even ended ones.
    func isPausing() throws -> Bool {
        if let hasPauses { return hasPauses }
        let found = try connection.hasPauses()
        hasPauses = found
        return found
    }

    /// Releases the jobs of pauses that are over, at most ``Pause/jobsPerClaim`` in ``Pause/lanesPerClaim`` lanes, and removes pauses under
    /// which nothing is held any more.
    ///
    /// - Returns: whether there may be more.
    func endPauses(by worker: WorkerID, at now: Timestamp) throws -> Bool {
        guard try isPausing() else { return false }
        var jobs: [(place: Int64, lane: Int64)] = []
        var lanes: Set<Int64> = []
        let ended = try connection.endedPauses(at: now, limit: Pause.lanesPerClaim)
        for (id, natural) in ended {
            let found = try connection.all(
                "SELECT place, lane FROM jobs INDEXED BY jobs_paused WHERE paused_by = ? AND finished_at IS NULL LIMIT ?",
                id,
                Pause.jobsPerClaim - jobs.count + 1
            ) { (place: $0.integer(0), lane: $0.integer(1)) }
            for job in found {
                guard jobs.count < Pause.jobsPerClaim, lanes.contains(job.lane) || lanes.count < Pause.lanesPerClaim else {
                    try line(up: lanes, at: now)
                    return true
                }
                try connection.run(
                    """
                    UPDATE jobs SET not_before = ?1, paused_for = paused_for + MAX(0, ?1 - paused_since), paused_by = NULL,
                        paused_since = NULL WHERE place = ?2
                    """,
                    now,
                    job.place
                )
                jobs.append(job)
                lanes.insert(job.lane)
            }
            try connection.run("DELETE FROM pauses WHERE id = ?", id)
            if let natural { try audit(AuditEntry(ended: natural, by: .worker(worker), at: now)) }
            hasPauses = nil
        }
        try line(up: lanes, at: now)
        return ended.count == Pause.lanesPerClaim
    }

    /// Puts free lanes in line again whose jobs were released.
    private func line(up lanes: Set<Int64>, at now: Timestamp) throws {
        for id in lanes.sorted() {
            switch try connection.laneRow(at: id) {
            case .success(var row)? where row.hold.isFree:
                try schedule(&row, at: now)
                try save(row)
            case .failure(let lane)?: try setAside(lane: lane.id, because: lane.reason)
            case .success?, nil: break
            }
        }
    }

    /// Lets a pause hold a job.
    ///
    /// - Returns: the event that reports it.
    func hold(_ hold: PauseHold, in row: inout LaneRow, by worker: WorkerID, at now: Timestamp) throws -> OutboxEntry? {
        let entry = try hold.event.map { try publish($0, in: &row, by: worker) }
        try connection.run(
            """
            UPDATE jobs SET not_before = ?, paused_by = ?, paused_since = COALESCE(paused_since, ?), deferred_code = COALESCE(?, deferred_code),
                deferred_for = COALESCE(?, deferred_for) WHERE place = ?
            """,
            hold.until,
            hold.pause,
            now,
            hold.deferral?.code.rawValue,
            hold.deferral?.delay.wholeMilliseconds,
            hold.order
        )
        return entry
    }
}

extension StoreConnection {
    func pauses(at now: Timestamp) throws -> [Pause] {
        try all("SELECT id, scope, reason, actor, began_at, ends_at FROM pauses WHERE ends_at > ? ORDER BY id", now) { Pause($0) }
            .compactMap(\.self)
    }

    func pauseCount(at now: Timestamp) throws -> Int {
        try first("SELECT COUNT(*) FROM pauses WHERE ends_at > ?", now) { $0.count(0) } ?? 0
    }

    /// The pauses in force that concern a lane.
    func pauses(of row: LaneRow, at now: Timestamp) throws -> [Pause] {
        let place = try pausePlace(of: row)
        return try all(
            """
            SELECT id, scope, reason, actor, began_at, ends_at FROM pauses
            WHERE scope IN (SELECT value FROM json_each(?)) AND ends_at > ? ORDER BY id
            """,
            String(decoding: JSON.array(place.scopes.map { .string($0.description) }).encoded, as: UTF8.self),
            now
        ) { Pause($0) }.compactMap(\.self)
    }

    func pausePlace(of row: LaneRow) throws -> PausePlace {
        let zone = try first("SELECT zone_api_url, zone_name FROM connections WHERE lane = ?", row.id) { ($0.text(0), $0.text(1)) }
        return PausePlace(row.lane, database: row.hold.database, apiURL: zone?.0, zoneName: zone?.1)
    }

    /// The ids of pauses that are over, the oldest end first, each with the pause if its time ended it.
    fileprivate func endedPauses(at now: Timestamp, limit: Int) throws -> [(id: Int64, natural: Pause?)] {
        try all(
            "SELECT id, scope, reason, actor, began_at, ends_at, is_ended FROM pauses WHERE ends_at <= ? ORDER BY ends_at LIMIT ?",
            now,
            limit
        ) { row in (row.integer(0), row.bool(6) ? nil : Pause(row)) }
    }
}

extension Pause {
    /// Reads the first six columns of the queries above; `nil` for a scope that this program does not know.
    fileprivate init?(_ row: ResultRow) {
        guard let scope = PauseScope(row.text(1)) else { return nil }
        self.init(
            id: row.integer(0),
            scope: scope,
            reason: row.text(2),
            actor: row.text(3),
            begin: row.moment(4),
            end: row.moment(5)
        )
    }
}
