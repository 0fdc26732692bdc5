import Contract
import Store

/// A row of the table of lanes: who holds the lane, and when it is due.
struct LaneRow {
    let id: Int64
    let lane: Lane
    var epoch: Int64
    var nextSequence: Int64
    var isEligible: Bool
    var isEnabled: Bool
    var unsettledSince: Timestamp?
    var fence: Int64
    var worker: String?
    var running: Int64?
    /// See ``rank(of:isScheduled:)``. The lowest of the unfinished jobs'.
    var rank: Int64
    /// The place in line; `nil` unless the lane is free and has something to do now.
    var turn: Int64?
    /// When a free lane that is not in line will have something to do.
    var wakeAt: Timestamp?
    /// The Autotask database that the lane is connected to.
    var databaseID: Int64?
    /// The one at which a connect found no place: it waits until there is one.
    var wanted: Int64?
    /// The one at which it has a place, while it is held.
    var occupied: Int64?
    /// Unfinished jobs that a portal asked for.
    var backlog: Int
    /// Whether a row of it cannot be read (see ``Transaction/setAside(lane:because:)``).
    let isSetAside: Bool
    /// Whether its events wait until the data that its reset erased has left the log.
    var awaitsErasure: Bool

    static let idleRank: Int64 = 2

    /// Resets and connects go first, and the worker's own checks last.
    static func rank(of kind: JobKind, isScheduled: Bool) -> Int64 {
        if isScheduled { return idleRank }
        return kind == .reset || kind == .connect ? 0 : 1
    }

    var isFree: Bool { worker == nil }

    /// The database at which the lane needs a place to be claimed.
    var neededDatabase: Int64? { wanted ?? databaseID }

    /// Takes the lane for a job.
    mutating func lease(to worker: WorkerID, running order: Int64) {
        fence += 1
        self.worker = worker.description
        running = order
        turn = nil
        wakeAt = nil
        occupied = neededDatabase
    }

    /// Gives the lane back. When it is due next is another matter.
    mutating func release() {
        worker = nil
        running = nil
        occupied = nil
    }
}

/// `LaneRow(_:)` reads the columns in the table's order; a later step of the schema appends its own.
extension Connection {
    func laneRow(_ lane: Lane) throws -> LaneRow? {
        try first(
            "SELECT * FROM lanes WHERE tenant = ? AND product = ?",
            lane.tenant.description,
            lane.product.rawValue
        ) { try LaneRow($0) }
    }

    /// Lanes in line behind a place, in their order.
    func lanesInLine(afterRank rank: Int64, turn: Int64, limit: Int) throws -> [Result<LaneRow, UnreadableLane>] {
        try all(
            "SELECT * FROM lanes WHERE turn IS NOT NULL AND (rank, turn) > (?, ?) ORDER BY rank, turn LIMIT ?",
            rank,
            turn,
            limit
        ) { LaneRow.reading($0) }
    }

    /// Free lanes whose time has come, the longest due first.
    func lanesToWake(at now: Timestamp, limit: Int) throws -> [Result<LaneRow, UnreadableLane>] {
        try all(
            "SELECT * FROM lanes WHERE wake_at IS NOT NULL AND wake_at <= ? ORDER BY wake_at LIMIT ?",
            now,
            limit
        ) { LaneRow.reading($0) }
    }

    /// Free lanes behind a row with a job whose deadline has come, in the order of their rows.
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

    /// When the next lane that is free now has something to do, or a job of one has to end.
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
    /// The lane, which begins to exist if need be.
    func laneToAccept(_ lane: Lane) throws -> LaneRow {
        if let row = try connection.laneRow(lane) { return row }
        try connection.run(
            "INSERT INTO lanes (tenant, product, epoch, next_sequence) VALUES (?, ?, COALESCE((SELECT value FROM counters WHERE name = ?), 1), 1)",
            lane.tenant.description,
            lane.product.rawValue,
            Counter.firstEpoch.rawValue
        )
        guard let row = try connection.laneRow(lane) else { throw StoreError(.unexpected, "A lane that was just made is not there.") }
        return row
    }

    /// The lane that a claim holds.
    ///
    /// - Throws: ``StoreError/Code/fenced`` when another claim holds it, or none.
    func lane(under claim: ClaimToken) throws -> LaneRow {
        guard let row = try connection.laneRow(claim.lane), row.fence == claim.fence, row.worker == claim.worker.description,
            row.running == claim.order
        else { throw StoreError.fenced() }
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
            row.fence,
            row.worker,
            row.running,
            row.rank,
            row.turn,
            row.wakeAt,
            row.databaseID,
            row.wanted,
            row.occupied,
            row.backlog,
            row.id
        )
    }

    /// Gives the jobs back the time during which they were due while another of their lane ran: it does not count against their deadlines.
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

    /// Puts a free lane in line, or finds out when it has something to do next, from its unfinished jobs.
    func schedule(_ row: inout LaneRow, at now: Timestamp) throws {
        // Jobs that wait for no time come first.
        let earliest = try connection.first(
            "SELECT not_before FROM jobs INDEXED BY jobs_unfinished WHERE lane = ? AND finished_at IS NULL ORDER BY not_before LIMIT 1",
            row.id
        ) { $0.optional(0, $0.moment) }
        row.turn = nil
        row.wakeAt = nil
        row.rank = try rank(of: row)
        guard !row.isSetAside, let earliest else { return }
        if let moment = earliest, moment > now { row.wakeAt = moment } else { row.turn = try next(.turn) }
    }

    /// See ``LaneRow/rank(of:isScheduled:)``.
    func rank(of row: LaneRow) throws -> Int64 {
        guard row.backlog > 0 else { return LaneRow.idleRank }
        let isFirst = try connection.first(
            """
            SELECT 1 FROM jobs INDEXED BY jobs_rivals
            WHERE lane = ? AND kind IN ('reset', 'connect') AND finished_at IS NULL AND is_scheduled = 0 LIMIT 1
            """,
            row.id
        ) { _ in true }
        return isFirst == true ? 0 : 1
    }
}

extension LaneRow {
    fileprivate static func reading(_ row: ResultRow) -> Result<LaneRow, UnreadableLane> {
        Result { try LaneRow(row) }.mapError { UnreadableLane(row.integer(0), $0) }
    }

    fileprivate init(_ row: ResultRow) throws {
        id = row.integer(0)
        lane = try row.lane(1)
        epoch = row.integer(3)
        nextSequence = row.integer(4)
        isEligible = row.bool(5)
        isEnabled = row.bool(6)
        unsettledSince = row.optional(7, row.moment)
        fence = row.integer(8)
        worker = row.optional(9, row.text)
        running = row.optional(10, row.integer)
        rank = row.integer(11)
        turn = row.optional(12, row.integer)
        wakeAt = row.optional(13, row.moment)
        databaseID = row.optional(14, row.integer)
        wanted = row.optional(15, row.integer)
        occupied = row.optional(16, row.integer)
        backlog = row.int(17)
        isSetAside = !row.isNull(18)
        awaitsErasure = row.bool(19)
    }
}
