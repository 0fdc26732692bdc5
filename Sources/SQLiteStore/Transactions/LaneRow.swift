import Contract
import Store

/// A row of the table `lanes`.
struct LaneRow {
    let id: Int64
    let lane: Lane
    var epoch: Int64
    var nextSequence: Int64
    var isEligible: Bool
    var isEnabled: Bool
    var unsettledSince: Timestamp?
    /// The holder of the lane, and when it is due.
    var hold: LaneHold
    /// The number of unfinished jobs that portals requested.
    var backlog: Int
    /// Whether one of its rows cannot be read (see ``Transaction/setAside(lane:because:)``).
    let isSetAside: Bool
    /// Whether its events wait until the data that its reset erased has left the log.
    var awaitsErasure: Bool
}

/// Reads lanes. `LaneRow(_:)` reads the columns in the table's order; later steps of the schema append columns.
extension StoreConnection {
    func laneRow(_ lane: Lane) throws -> LaneRow? {
        try first(
            "SELECT * FROM lanes WHERE tenant = ? AND product = ?",
            lane.tenant.description,
            lane.product.rawValue
        ) { try LaneRow($0) }
    }

    func laneRow(at id: Int64) throws -> Result<LaneRow, UnreadableLane>? {
        try first("SELECT * FROM lanes WHERE id = ?", id) { LaneRow.reading($0) }
    }

    /// Returns the lanes in line after a place, in order.
    func lanesInLine(after place: LineTurn, limit: Int) throws -> [Result<LaneRow, UnreadableLane>] {
        try all(
            "SELECT * FROM lanes WHERE turn IS NOT NULL AND (rank, turn) > (?, ?) ORDER BY rank, turn LIMIT ?",
            place.rank,
            place.turn,
            limit
        ) { LaneRow.reading($0) }
    }

    /// Returns free lanes whose time has come, longest due first.
    func lanesToWake(at now: Timestamp, limit: Int) throws -> [Result<LaneRow, UnreadableLane>] {
        try all(
            "SELECT * FROM lanes WHERE wake_at IS NOT NULL AND wake_at <= ? ORDER BY wake_at LIMIT ?",
            now,
            limit
        ) { LaneRow.reading($0) }
    }

    /// Returns free lanes after a row that have a job whose deadline has come, in the order of their rows.
    func overdueLanes(at now: Timestamp, after id: Int64, limit: Int) throws -> [Result<LaneRow, UnreadableLane>] {
        try all(
            """
            SELECT * FROM lanes WHERE worker IS NULL AND set_aside IS NULL AND id > ? AND id IN
                (SELECT lane FROM jobs WHERE deadline <= ? AND deadline IS NOT NULL AND finished_at IS NULL)
            ORDER BY id LIMIT ?
            """,
            id,
            now,
            limit
        ) { LaneRow.reading($0) }
    }

    /// Returns when the next free lane has work, or one of its jobs reaches its deadline.
    func nextWake(after now: Timestamp) throws -> Timestamp? {
        let wake = try first("SELECT MIN(wake_at) FROM lanes WHERE wake_at IS NOT NULL") { $0.optional(0, $0.moment) } ?? nil
        let deadline = try first(
            """
            SELECT j.deadline FROM jobs j JOIN lanes l ON l.id = j.lane
            WHERE j.deadline > ? AND j.finished_at IS NULL AND l.worker IS NULL AND l.set_aside IS NULL ORDER BY j.deadline LIMIT 1
            """,
            now
        ) { $0.moment(0) }
        return [wake, deadline].compactMap { $0 }.min()
    }

    func lanes(heldBy worker: String) throws -> [Result<LaneRow, UnreadableLane>] {
        try all(
            "SELECT * FROM lanes WHERE worker = ?",
            worker
        ) { LaneRow.reading($0) }
    }
}

extension Transaction {
    /// Returns a lane, and creates it if necessary.
    func laneToAccept(_ lane: Lane) throws -> LaneRow {
        if let row = try connection.laneRow(lane) { return row }
        try connection.run(
            "INSERT INTO lanes (tenant, product, epoch, next_sequence) VALUES (?, ?, COALESCE((SELECT value FROM counters WHERE name = ?), 1), 1)",
            lane.tenant.description,
            lane.product.rawValue,
            StoredCounter.firstEpoch.rawValue
        )
        guard let row = try connection.laneRow(lane) else { throw StoreError(.unexpected, "A lane that was just created does not exist.") }
        return row
    }

    /// Returns the lane that a claim holds.
    ///
    /// - Throws: ``StoreError/Code/fenced`` when another claim or none holds the lane.
    func lane(under claim: ClaimToken) throws -> LaneRow {
        guard let row = try connection.laneRow(claim.lane), row.hold.isHeld(under: claim) else { throw StoreError.fenced() }
        return row
    }

    func save(_ row: LaneRow) throws {
        try connection.run(
            """
            UPDATE lanes SET epoch = ?, next_sequence = ?, is_eligible = ?, is_enabled = ?, unsettled_since = ?, fence = ?, worker = ?,
                running = ?, rank = ?, turn = ?, wake_at = ?, database_id = ?, wanted = ?, occupied = ?,
                backlog = ?
            WHERE id = ?
            """,
            row.epoch,
            row.nextSequence,
            row.isEligible,
            row.isEnabled,
            row.unsettledSince,
            row.hold.fence,
            row.hold.worker?.description,
            row.hold.running,
            row.hold.rank,
            row.hold.turn,
            row.hold.wakeAt,
            row.hold.database,
            row.hold.wanted,
            row.hold.occupied,
            row.backlog,
            row.id
        )
    }

    /// Extends the deadlines of due jobs by the time for which another job of their lane ran.
    ///
    /// - Parameter order: the job that ran.
    func extendDeadlines(in row: LaneRow, besides order: Int64, at now: Timestamp) throws {
        try connection.run(
            """
            UPDATE jobs SET deadline = deadline
                + MAX(0, ?1 - MAX((SELECT begun_at FROM jobs WHERE place = ?2), COALESCE(not_before, 0)))
            WHERE lane = ?3 AND place <> ?2 AND deadline IS NOT NULL AND finished_at IS NULL
                AND (SELECT begun_at FROM jobs WHERE place = ?2) IS NOT NULL
            """,
            now,
            order,
            row.id
        )
    }

    /// Puts a free lane in line, or sets when it next has work, from its unfinished jobs.
    func schedule(_ row: inout LaneRow, at now: Timestamp) throws {
        // Jobs that wait for no time come first.
        let earliest = try connection.first(
            "SELECT not_before FROM jobs INDEXED BY jobs_unfinished WHERE lane = ? AND finished_at IS NULL ORDER BY not_before LIMIT 1",
            row.id
        ) { $0.optional(0, $0.moment) }
        let due =
            row.isSetAside ? LaneDue.never : try LaneDue(earliest: earliest, at: now) { try connection.nextExpiry(lane: row.id) }
        try row.hold.schedule(due, rank: try rank(of: row)) { try next(.turn) }
    }

    /// The lowest ``LaneRank`` of its unfinished jobs.
    func rank(of row: LaneRow) throws -> Int64 {
        try LaneRank.lowest(backlog: row.backlog) {
            try connection.first(
                """
                SELECT 1 FROM jobs INDEXED BY jobs_rivals
                WHERE lane = ? AND kind IN ('reset', 'connect') AND finished_at IS NULL AND is_scheduled = 0 LIMIT 1
                """,
                row.id
            ) { _ in true } ?? false
        }
    }
}

extension LaneRow {
    fileprivate static func reading(_ row: ResultRow) -> Result<LaneRow, UnreadableLane> {
        Result { try LaneRow(row) }.mapError { UnreadableLane(row.integer(0), $0) }
    }

    fileprivate init(_ row: ResultRow) throws {
        id = row.integer(0)
        lane = try row.lane(1)
        epoch = try row.serial(3)
        nextSequence = try row.serial(4)
        isEligible = row.bool(5)
        isEnabled = row.bool(6)
        unsettledSince = row.optional(7, row.moment)
        hold = LaneHold(
            fence: try row.serial(8),
            worker: row.optional(9, row.text).map(WorkerID.init),
            running: row.optional(10, row.integer),
            rank: row.integer(11),
            turn: row.optional(12, row.integer),
            wakeAt: row.optional(13, row.moment),
            database: row.optional(14, row.integer),
            wanted: row.optional(15, row.integer),
            occupied: row.optional(16, row.integer)
        )
        backlog = row.count(17)
        isSetAside = !row.isNull(18)
        awaitsErasure = row.bool(19)
    }
}
