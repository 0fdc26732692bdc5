import Contract
import Store

/// Records writes to Autotask, and ends claims.
extension Transaction {
    func link(_ entries: [JournalEntry], in database: Int64, under claim: ClaimToken) throws -> LinkOutcome {
        let row = try lane(under: claim)
        let ids = entries.compactMap(\.autotaskServiceID)
        var taken = try connection.linkedServices(ids, in: database, besides: claim.lane)
        for plan in Set(entries.map(\.planID)) { taken.formUnion(try connection.services(writtenIn: row.id, besides: plan, among: ids)) }
        guard taken.isEmpty else { return .taken(taken) }
        try apply(entries, to: row)
        let unsettled = try connection.first("SELECT MAX(unsettled_since) FROM lanes WHERE id <> ?", row.id) { $0.optional(0, $0.moment) }
        return .linked(unsettledSince: unsettled ?? nil)
    }

    func journal(_ entries: [JournalEntry], notes: [AuditNote], under claim: ClaimToken, at now: Timestamp) throws -> BatchStop? {
        let row = try lane(under: claim)
        try apply(entries, to: row)
        try audit(notes, of: claim, at: now)
        if entries.contains(where: { $0.state == .sent }) {
            try connection.run("UPDATE jobs SET has_written = 1 WHERE place = ? AND has_written = 0", claim.order)
        }
        let isResetWaiting =
            try connection.first(
                """
                SELECT 1 FROM jobs INDEXED BY jobs_rivals
                WHERE lane = ? AND kind = 'reset' AND finished_at IS NULL AND is_scheduled = 0 AND place > ? LIMIT 1
                """,
                row.id,
                claim.order
            ) { _ in true } ?? false
        if isResetWaiting { return .reset }
        // Only syncs write.
        return try isPausing() && connection.pauses(of: row, at: now).contains { $0.scope.holds(.sync) } ? .pause : nil
    }

    func complete(_ claim: ClaimToken, with completion: Completion, at now: Timestamp) throws -> [OutboxEntry] {
        var row = try lane(under: claim)
        let (job, lane): (AuditedJob, LaneRest)
        do { (job, lane) = try runningJob(of: claim) } catch let error as StoreError where error.code == .corrupt {
            // The job cannot be read, so its outcome cannot be attributed.
            try setAside(lane: row.id, because: error)
            return []
        }
        try completion.check(isScheduled: job.isScheduled)

        // All events belong to the old epoch: a reset begins the new epoch after its own events.
        if completion.changes.resets { try holdEvents(of: &row) }
        let entries = try completion.events.map { try publish($0, in: &row, by: claim.worker) }
        try apply(completion.changes, to: &row, at: now)
        for note in completion.changes.notes { try audit(AuditEntry(note, of: job, by: claim.worker, at: now)) }
        if !completion.isRepetition { try audit(AuditEntry(completion, of: job, by: claim.worker, at: now)) }

        // This needs the row of a scheduled check, which is removed below.
        if lane.hasOtherJobs { try extendDeadlines(in: row, besides: claim.order, at: now) }
        if !completion.attempt.endsJob {
            try add(completion, to: claim.order)
        } else if job.isScheduled {
            try endCheck(claim.order)
        } else if let terminal = entries.first(where: { $0.event.event.type.isTerminal }) {
            if lane.hasIntendedWrites || completion.changes.journal.contains(where: { $0.state == .intended }) {
                try endIntendedWrites(of: claim.order)
            }
            let code = completion.attempt.failure?.code.rawValue
            try finish(claim.order, with: terminal.event, code: code, after: completion, at: now)
            row.backlog -= 1
        }
        row.hold.release(isPostponed: completion.attempt.ending == .postponed)
        if lane.hasOtherJobs || !completion.attempt.endsJob {
            try schedule(&row, at: now)
        } else {
            row.hold.stay(rank: LaneRank.idle, until: nil)
        }
        try save(row)
        return entries
    }

    /// What else a lane holds while one of its jobs runs. Nearly always there is nothing, and the end of the job needs no further look.
    private struct LaneRest {
        /// Whether it has other unfinished jobs.
        let hasOtherJobs: Bool
        /// Whether its journal holds a write that was not sent.
        let hasIntendedWrites: Bool
    }

    private func runningJob(of claim: ClaimToken) throws -> (AuditedJob, LaneRest) {
        let found = try connection.first(
            """
            SELECT job_id, kind, publisher, attempts, is_scheduled,
                EXISTS (SELECT 1 FROM jobs other INDEXED BY jobs_unfinished
                    WHERE other.lane = jobs.lane AND other.finished_at IS NULL AND other.place <> jobs.place),
                EXISTS (SELECT 1 FROM journal WHERE journal.lane = jobs.lane AND state = 'intended')
            FROM jobs WHERE place = ?
            """,
            claim.order
        ) { row in
            (try AuditedJob(row, in: claim.lane), LaneRest(hasOtherJobs: row.bool(5), hasIntendedWrites: row.bool(6)))
        }
        guard let found else { throw StoreError(.unexpected, "A running job does not exist.") }
        return found
    }

    /// Adds an attempt that did not end its job to the job's row. Beyond ``Attempt/limit`` attempts, it adds only the outline. It replaces
    /// attempts that are no JSON: the lane must not stop over them.
    func add(_ completion: Completion, to order: Int64) throws {
        let counted = completion.attempt.counted
        let deferral = completion.deferral
        try connection.run(
            """
            UPDATE jobs SET not_before = COALESCE(?1, not_before), attempts = attempts + ?2, interruptions = interruptions + ?3,
                held_up = held_up + ?4, api_calls = api_calls + ?5, deferred_code = COALESCE(?6, deferred_code),
                deferred_for = COALESCE(?7, deferred_for), asked = COALESCE(asked, ?12), account = NULLIF(CASE
                    WHEN NOT json_valid('[' || rtrim(COALESCE(account, ''), ',') || ']') THEN ?8
                    WHEN json_array_length('[' || rtrim(COALESCE(account, ''), ',') || ']') < ?9 THEN COALESCE(account, '') || ?8
                    ELSE account || ?10 END, '')
            WHERE place = ?11
            """,
            completion.attempt.notBefore,
            counted.attempts,
            counted.interruptions,
            counted.heldUp,
            completion.attempt.apiCalls,
            deferral?.code.rawValue,
            deferral?.delay.wholeMilliseconds,
            completion.kept?.text ?? "",
            Attempt.limit,
            completion.attempt.outline?.text ?? "",
            order,
            completion.asked
        )
    }
}
