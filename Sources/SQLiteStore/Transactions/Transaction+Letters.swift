import Contract
import Store

/// Records, redrives and deletes dead letters.
extension Transaction {
    /// - Returns: whether the letter is new.
    @discardableResult
    func record(_ letter: DeadLetter, sealedPayload: [UInt8]? = nil) throws -> Bool {
        guard case .message(let message) = letter.content else {
            throw StoreError(.unexpected, "The dead letter of a job is recorded when the job ends.")
        }
        if let sealedPayload { try checkKey(of: sealedPayload) }
        try connection.run(
            """
            INSERT OR IGNORE INTO dead_letters (id, at, reason, kind, code, field, fingerprint, detail, tenant, product, job_id, publisher,
                sha256, size, queue, exchange, routing_key, death, message_id, accepted_at, expiry, revision, traceparent, payload)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            try next(.letter),
            letter.at,
            letter.cause.reason,
            letter.cause.kind?.rawValue,
            letter.cause.code?.rawValue,
            letter.cause.field,
            letter.cause.fingerprint,
            letter.detail,
            letter.tenant?.description,
            letter.product?.rawValue,
            letter.jobID?.description,
            letter.publisher,
            message.sha256,
            message.size,
            message.queue,
            message.exchange,
            message.routingKey,
            message.death,
            message.messageID,
            message.job?.publishedAt,
            message.job?.expiry,
            message.job?.revision,
            message.job?.traceparent,
            sealedPayload
        )
        return connection.changes == 1
    }

    /// Makes a dead letter of a job that is about to end.
    func keep(_ order: Int64, _ givenUp: GivenUp, at now: Timestamp) throws {
        let job = try connection.first("SELECT kind, account FROM jobs WHERE place = ?", order) {
            (kind: try $0.word(0, as: JobKind.self), account: $0.text(1))
        }
        guard let job else { throw StoreError(.unexpected, "A job that the worker gives up on does not exist.") }
        // The job ends even if its attempts are unreadable.
        let history = ((try? Attempt.all(in: job.account)) ?? []).compactMap(\.outline?.text).joined()
        let cause = givenUp.cause(of: job.kind)
        try connection.run(
            """
            INSERT INTO dead_letters (id, at, reason, kind, code, field, fingerprint, detail, tenant, product, job_id, publisher, place,
                accepted_at, attempts, interruptions, held_up, history, revision, traceparent, redrive_of, payload)
            SELECT ?, ?, ?, kind, ?, ?, ?, ?, tenant, (SELECT product FROM lanes WHERE lanes.id = lane), job_id, publisher, place,
                accepted_at, attempts, interruptions, held_up, ?, revision, traceparent, redrive_of,
                CASE WHEN kind <> 'connect' THEN payload END
            FROM jobs WHERE place = ?
            """,
            try next(.letter),
            now,
            cause.reason,
            cause.code?.rawValue,
            cause.field,
            cause.fingerprint,
            givenUp.error.message,
            history,
            order
        )
    }

    /// Erases the contents of a lane's letters that concern its plans.
    func eraseLetters(of lane: Lane) throws {
        try connection.run(
            "UPDATE dead_letters SET payload = NULL, detail = NULL WHERE tenant = ? AND product = ?",
            lane.tenant.description,
            lane.product.rawValue
        )
    }

    /// - Parameter operation: the operation that it is a part of.
    func redrive(
        letter id: Int64,
        as copy: AcceptableJob,
        in operation: Int64? = nil,
        by actor: AuditActor,
        at now: Timestamp
    ) throws -> RedriveOutcome {
        guard let kept = try connection.letter(id) else { return .gone }
        let redriving = try kept.redriving(as: copy, at: now) {
            try connection.first(
                "SELECT digest FROM jobs WHERE tenant = ? AND job_id = ?",
                copy.key.lane.tenant.description,
                copy.key.id.description
            ) { $0.bytes(0) }
        }
        switch redriving {
        case .over(let outcome): return outcome
        case .marked(let copy):
            try mark(letter: id, redrivenAs: copy.id, at: now)
            return .before(copy)
        case .entered: break
        }
        var row = try laneToAccept(copy.key.lane)
        _ = try insert(copy, in: row.id, at: now)
        row.backlog += 1
        try line(&row, upFor: LaneRank.of(copy.kind))
        try save(row)
        try mark(letter: id, redrivenAs: copy.key.id, at: now)
        try audit(AuditEntry(redriven: id, as: copy, in: operation, by: actor, at: now))
        return .entered
    }

    private func mark(letter id: Int64, redrivenAs copy: JobID, at now: Timestamp) throws {
        try connection.run(
            "UPDATE dead_letters SET payload = NULL, redriven_as = ?, redriven_at = ? WHERE id = ?",
            copy.description,
            now,
            id
        )
    }

    /// Deletes one step of letters, so that other work does not wait.
    ///
    /// - Parameter operation: the operation that it is a part of.
    /// - Returns: how many were deleted; fewer than ``step`` if there are no more.
    func purgeLetters(
        _ selection: LetterSelection,
        in operation: Int64? = nil,
        by actor: AuditActor,
        at now: Timestamp
    ) throws -> Int {
        try connection.run(
            """
            DELETE FROM dead_letters WHERE id IN (
                SELECT id FROM dead_letters
                WHERE (?1 IS NULL OR id IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR fingerprint = ?2)
                    AND (?3 IS NULL OR tenant = ?3) AND (?4 IS NULL OR reason = ?4) AND (?5 IS NULL OR at < ?5)
                    AND (?6 IS NULL OR id <= ?6)
                LIMIT ?7)
            """,
            selection.idList,
            selection.fingerprint,
            selection.tenant?.description,
            selection.reason,
            selection.before,
            selection.upTo,
            Transaction.step
        )
        let count = connection.changes
        if count > 0 {
            hasErased = true
            try audit(AuditEntry(purged: count, selection, in: operation, by: actor, at: now))
        }
        return count
    }
}
