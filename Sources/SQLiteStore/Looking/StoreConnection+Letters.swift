import Contract
import Store

/// Reads dead letters for commands and redrives.
extension StoreConnection {
    func lastLetter() throws -> Int64 { try first("SELECT MAX(id) FROM dead_letters") { $0.integer(0) } ?? 0 }

    /// The newest letters before an id.
    ///
    /// - Returns: the id of the oldest of them, and how many they are; `nil` for none.
    func letterWindow(before id: Int64, limit: Int) throws -> (first: Int64, count: Int)? {
        let window = try first(
            "SELECT MIN(id), COUNT(*) FROM (SELECT id FROM dead_letters WHERE id < ? ORDER BY id DESC LIMIT ?)",
            id,
            limit
        ) { (first: $0.integer(0), count: $0.count(1)) }
        return window.flatMap { $0.count == 0 ? nil : $0 }
    }

    /// - Parameter last: the last id to read.
    func letters(
        _ selection: LetterSelection,
        after id: Int64,
        upTo last: Int64 = .max,
        limit: Int
    ) throws -> [Result<KeptLetter, SetAsideError>] {
        try all(
            """
            SELECT id, at, reason, kind, code, field, detail, tenant, product, job_id, publisher, sha256, size, queue, exchange, routing_key,
                death, place, accepted_at, attempts, interruptions, held_up, history, revision, traceparent, redrive_of,
                payload IS NOT NULL, redriven_as, redriven_at,
                CASE WHEN accepted_at IS NULL THEN 0 ELSE EXISTS (
                    SELECT 1 FROM jobs INDEXED BY jobs_unfinished
                    WHERE lane = (SELECT id FROM lanes WHERE lanes.tenant = letters.tenant AND lanes.product = letters.product)
                        AND finished_at IS NULL AND jobs.place > COALESCE(letters.place, 0)
                        AND (letters.place IS NOT NULL OR jobs.accepted_at >= letters.accepted_at AND jobs.job_id <> letters.job_id)
                        AND (jobs.kind = 'reset'
                            OR jobs.kind = 'connect' AND (letters.kind = 'reset' OR letters.kind = 'connect' AND letters.place IS NULL)
                            OR jobs.kind = 'sync' AND letters.kind = 'sync' AND letters.revision IS NULL)
                ) OR EXISTS (
                    SELECT 1 FROM jobs INDEXED BY jobs_of_lane
                    WHERE lane = (SELECT id FROM lanes WHERE lanes.tenant = letters.tenant AND lanes.product = letters.product)
                        AND finished_at IS NOT NULL AND jobs.place > COALESCE(letters.place, 0)
                        AND (letters.place IS NOT NULL OR jobs.accepted_at >= letters.accepted_at AND jobs.job_id <> letters.job_id)
                        AND (jobs.kind = 'reset'
                            OR jobs.kind = 'connect' AND (letters.kind = 'reset' OR letters.kind = 'connect' AND letters.place IS NULL)
                            OR jobs.kind = 'sync' AND letters.kind = 'sync' AND letters.revision IS NULL)
                ) END,
                message_id, expiry
            FROM dead_letters AS letters
            WHERE (?1 IS NULL OR id IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR fingerprint = ?2)
                AND (?3 IS NULL OR tenant = ?3) AND (?4 IS NULL OR reason = ?4) AND (?5 IS NULL OR at < ?5) AND id > ?6
                AND id <= ?8
            ORDER BY id LIMIT ?7
            """,
            selection.idList,
            selection.fingerprint,
            selection.tenant?.description,
            selection.reason,
            selection.before,
            id,
            limit,
            min(last, selection.upTo ?? .max)
        ) { row in
            Result { try KeptLetter(row) }.mapError { SetAsideError(SetAside("The dead letter \(row.integer(0))", because: "\($0)")) }
        }
    }

    func letter(_ id: Int64) throws -> KeptLetter? { try letters(.all, after: id - 1, upTo: id, limit: 1).first?.get() }

    func sealedPayload(ofLetter id: Int64) throws -> [UInt8]? {
        try first("SELECT payload FROM dead_letters WHERE id = ?", id) { $0.optional(0, $0.bytes) } ?? nil
    }
}

extension LetterSelection {
    /// As a JSON array.
    var idList: String? { ids.map { "[" + $0.map(String.init).joined(separator: ",") + "]" } }
}

extension KeptLetter {
    /// Reads the columns of the query above.
    fileprivate init(_ row: ResultRow) throws {
        let letter = DeadLetter(
            at: row.moment(1),
            cause: FailureCause(
                reason: row.text(2),
                kind: try row.optionalWord(3),
                code: try row.optionalWord(4),
                field: row.optional(5, row.text)
            ),
            detail: row.text(6),
            tenant: row.optional(7, row.text).flatMap { TenantID($0) },
            product: try row.optionalWord(8),
            jobID: row.optional(9, row.text).flatMap { JobID($0) },
            publisher: row.optional(10, row.text),
            content: row.isNull(17) ? .message(DeadMessage(row)) : .job(try DeadJob(row))
        )
        self.init(
            id: row.integer(0),
            letter: letter,
            hasPayload: row.bool(26),
            isOutdated: row.bool(29),
            copy: row.isNull(27) ? nil : Copy(id: try row.jobID(27), at: row.moment(28))
        )
    }
}

extension DeadMessage {
    fileprivate init(_ row: ResultRow) {
        self.init(
            sha256: row.bytes(11),
            size: row.count(12),
            queue: row.text(13),
            exchange: row.optional(14, row.text),
            routingKey: row.text(15),
            messageID: row.optional(30, row.text),
            job: row.isNull(18)
                ? nil
                : UndeliveredJob(
                    publishedAt: row.moment(18),
                    expiry: row.optional(31, row.moment),
                    revision: row.optional(23, row.integer),
                    traceparent: row.optional(24, row.text)
                ),
            death: row.optional(16, row.text)
        )
    }
}

extension DeadJob {
    fileprivate init(_ row: ResultRow) throws {
        self.init(
            order: row.integer(17),
            acceptedAt: row.moment(18),
            attempts: row.count(19),
            interruptions: row.count(20),
            heldUp: row.count(21),
            history: try Attempt.all(in: row.text(22)),
            revision: row.optional(23, row.integer),
            traceparent: row.optional(24, row.text),
            redriveOf: try row.optional(25, row.jobID)
        )
    }
}
