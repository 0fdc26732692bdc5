import Contract
import Store

/// Scheduled checks: their times and their jobs.
extension Transaction {
    func enterChecks(_ round: CheckRound, at now: Timestamp) throws -> Int {
        for check in round.checks { try chooseMoments(of: check, round.chance, at: now) }
        var places = round.limit - (try connection.first("SELECT COUNT(*) FROM jobs WHERE is_scheduled <> 0") { $0.count(0) } ?? 0)
        var entered: Set<Int64> = []
        var unreadable: [UnreadableLane] = []
        let due = try connection.dueChecks(round.checks, at: now, unreadable: &unreadable)
        for lane in unreadable { try setAside(lane: lane.id, because: lane.reason) }
        for due in due where !entered.contains(due.row) {
            if due.isOfUse {
                guard places > 0 else { break }
                try enter(due, at: now)
                places -= 1
                entered.insert(due.row)
            }
            try connection.run(
                "UPDATE checks SET due_at = ? WHERE lane = ? AND kind = ?",
                due.check.next(after: now, chance: round.chance()),
                due.row,
                due.check.kind.rawValue
            )
        }
        return entered.count
    }

    /// Chooses times for lanes that have none, or one that this interval cannot have produced.
    private func chooseMoments(of check: CheckRound.Check, _ chance: () -> Double, at now: Timestamp) throws {
        let lanes = try connection.all(
            "SELECT lane FROM checks WHERE kind = ?1 AND (due_at IS NULL OR due_at > ?2) LIMIT ?3",
            check.kind.rawValue,
            check.latest(after: now),
            Transaction.step
        ) { $0.integer(0) }
        for lane in lanes {
            try connection.run(
                "UPDATE checks SET due_at = ? WHERE lane = ? AND kind = ?",
                check.first(after: now, chance: chance()),
                lane,
                check.kind.rawValue
            )
        }
    }

    private func enter(_ due: DueCheck, at now: Timestamp) throws {
        guard var row = try connection.laneRow(due.lane) else { return }
        try connection.run(
            """
            INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, accepted_at, is_scheduled) VALUES (?, ?, ?, ?, x'', ?, ?, 1)
            """,
            try next(.place),
            row.id,
            due.lane.tenant.description,
            JobID.scheduled(due.check.kind, of: due.lane.product).description,
            due.check.kind.rawValue,
            now
        )
        try line(&row, upFor: LaneRank.idle)
        try save(row)
    }

    /// Ends a check and removes its row.
    func endCheck(_ order: Int64) throws {
        try connection.run("DELETE FROM jobs WHERE place = ? AND is_scheduled <> 0", order)
        guard connection.changes == 1 else { throw StoreError(.unexpected, "A check that ended is not among the unfinished jobs.") }
    }
}

/// A lane that is due for a check.
private struct DueCheck {
    let check: CheckRound.Check
    /// The id of the lane's row.
    let row: Int64
    let lane: Lane
    let moment: Timestamp
    let isOfUse: Bool
}

extension StoreConnection {
    /// Returns due checks of lanes without unfinished jobs, longest due first, at most one step of each kind.
    ///
    /// - Parameter unreadable: gets the lanes that cannot be read.
    fileprivate func dueChecks(
        _ checks: [CheckRound.Check],
        at now: Timestamp,
        unreadable: inout [UnreadableLane]
    ) throws -> [DueCheck] {
        try checks.flatMap { check -> [DueCheck?] in
            try all(
                """
                SELECT c.lane, l.tenant, l.product, n.status, c.due_at
                FROM checks c JOIN lanes l ON l.id = c.lane JOIN connections n ON n.lane = c.lane
                WHERE c.kind = ? AND c.due_at <= ? AND l.set_aside IS NULL AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.lane = c.lane AND j.finished_at IS NULL)
                ORDER BY c.due_at LIMIT ?
                """,
                check.kind.rawValue,
                now,
                Transaction.step
            ) { row -> DueCheck? in
                do {
                    return DueCheck(
                        check: check,
                        row: row.integer(0),
                        lane: try row.lane(1),
                        moment: row.moment(4),
                        isOfUse: check.isOf(use: try row.word(3))
                    )
                } catch {
                    unreadable.append(UnreadableLane(row.integer(0), error))
                    return nil
                }
            }
        }
        .compactMap(\.self)
        .sorted { ($0.moment, $0.row) < ($1.moment, $1.row) }
    }
}
