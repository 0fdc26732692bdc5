import Contract
import Store

/// Erases expired data (`Contract`, "Repetition") in steps that do not delay other work. Each step reads at most `limit` rows.
extension Transaction {
    static let step = 1000

    /// Erases the data of terminal events.
    ///
    /// - Returns: whether there may be more.
    func eraseData(at now: Timestamp, limit: Int) throws -> Bool {
        try connection.run(
            """
            UPDATE jobs SET data = NULL WHERE place IN
                (SELECT place FROM jobs WHERE data IS NOT NULL AND finished_at <= ? ORDER BY finished_at LIMIT ?)
            """,
            now - Retention.data,
            limit
        )
        return connection.changes == limit
    }

    /// Erases the requests and attempts of jobs that ended by the cutoff.
    ///
    /// - Returns: whether there may be more.
    func eraseHistory(before cutoff: Timestamp, limit: Int) throws -> Bool {
        try connection.run(
            """
            UPDATE jobs SET asked = NULL, account = NULL WHERE place IN
                (SELECT place FROM jobs WHERE account IS NOT NULL AND finished_at <= ? ORDER BY finished_at LIMIT ?)
            """,
            cutoff,
            limit
        )
        return connection.changes == limit
    }

    /// Deletes the ids of old jobs in the order of acceptance.
    ///
    /// - Parameter place: where the last step ended; 0 for the first step.
    /// - Returns: where to continue; `nil` if all later jobs were accepted too recently.
    func forgetIDs(after place: Int64, at now: Timestamp, limit: Int) throws -> Int64? {
        let cutoff = now - Retention.ids
        let oldest = try connection.all(
            "SELECT place, accepted_at, finished_at FROM jobs WHERE place > ? ORDER BY place LIMIT ?",
            place,
            limit
        ) { (place: $0.integer(0), acceptedAt: $0.moment(1), finishedAt: $0.optional(2, $0.moment)) }
        for job in oldest {
            guard let finishedAt = job.finishedAt, finishedAt <= cutoff else { continue }
            try connection.run("DELETE FROM jobs WHERE place = ?", job.place)
        }
        guard oldest.count == limit, let last = oldest.last, last.acceptedAt <= cutoff else { return nil }
        return last.place
    }

    /// Deletes the revisions of plans that have not run for as long as ids are kept, in the order of lanes.
    ///
    /// - Parameter plan: where the last step ended; `nil` for the first step.
    /// - Returns: where to continue; `nil` at the end.
    func forgetPlans(after plan: PlanRow?, at now: Timestamp, limit: Int) throws -> PlanRow? {
        let step = try connection.all(
            "SELECT lane, plan, ran_at FROM plans WHERE (lane, plan) > (?, ?) ORDER BY lane, plan LIMIT ?",
            plan?.lane ?? -1,
            plan?.planID ?? "",
            limit
        ) { (row: PlanRow(lane: $0.integer(0), planID: $0.text(1)), ranAt: $0.moment(2)) }
        for plan in step where plan.ranAt <= now - Retention.ids {
            try connection.run("DELETE FROM plans WHERE lane = ? AND plan = ?", plan.row.lane, plan.row.planID)
        }
        return step.count == limit ? step.last?.row : nil
    }

    /// Erases the payloads and texts of jobs that were given up on. The data of their events is erased by then too.
    ///
    /// - Returns: whether there may be more.
    func eraseLetters(at now: Timestamp, limit: Int) throws -> Bool {
        try connection.run(
            """
            UPDATE dead_letters SET payload = NULL, detail = NULL WHERE id IN
                (SELECT id FROM dead_letters WHERE accepted_at IS NOT NULL AND detail IS NOT NULL AND at <= ? LIMIT ?)
            """,
            now - Retention.data,
            limit
        )
        return connection.changes == limit
    }

    /// Deletes dead letters as old as the ids that they may name.
    ///
    /// - Returns: whether there may be more.
    func forgetLetters(at now: Timestamp, limit: Int) throws -> Bool {
        try connection.run(
            "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters WHERE at <= ? ORDER BY at LIMIT ?)",
            now - Retention.ids,
            limit
        )
        return connection.changes == limit
    }

    /// Deletes operations that ended as long ago as ids are kept.
    ///
    /// - Returns: whether there may be more.
    func forgetOperations(at now: Timestamp, limit: Int) throws -> Bool {
        try connection.run(
            "DELETE FROM operations WHERE id IN (SELECT id FROM operations WHERE ended_at <= ? LIMIT ?)",
            now - Retention.ids,
            limit
        )
        return connection.changes == limit
    }

    /// Deletes redelivery counts of messages that were never accepted.
    ///
    /// - Returns: whether there may be more.
    func forgetRedeliveries(at now: Timestamp, limit: Int) throws -> Bool {
        try connection.run(
            "DELETE FROM redeliveries WHERE sha256 IN (SELECT sha256 FROM redeliveries WHERE at <= ? ORDER BY at LIMIT ?)",
            now - Retention.redeliveries,
            limit
        )
        return connection.changes == limit
    }
}

/// A row of the table `plans`.
struct PlanRow: Sendable {
    let lane: Int64
    let planID: String
}
