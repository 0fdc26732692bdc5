import Contract
import Store

/// Orders operations over dead letters, and carries them out.
extension Transaction {
    func begin(_ order: LetterOperationOrder, by actor: AuditActor, at now: Timestamp) throws -> LetterOperation? {
        let open = try connection.first("SELECT COUNT(*) FROM operations WHERE ended_at IS NULL") { $0.count(0) } ?? 0
        guard open < LetterOperation.limit else { return nil }
        let operation = LetterOperation(id: try next(.operation), order: order, actor: actor, orderedAt: now)
        try connection.run(
            """
            INSERT INTO operations (id, action, selection, last, matched, rate, actor, ordered_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            operation.id,
            order.action.rawValue,
            String(decoding: JSON.object(order.selection.members).encoded, as: UTF8.self),
            order.last,
            order.matched,
            order.rate,
            actor.description,
            now
        )
        try audit(AuditEntry(begun: operation))
        return operation
    }

    func cancelOperation(_ id: Int64, by actor: AuditActor, at now: Timestamp) throws -> LetterOperation? {
        guard var operation = try connection.operation(id), operation.endedAt == nil else { return nil }
        operation.cancel(at: now)
        try save(operation)
        try audit(AuditEntry(ended: operation, by: actor, at: now))
        return operation
    }

    func take(_ step: LetterStep, by worker: WorkerID, at now: Timestamp) throws -> LetterOperation? {
        guard var operation = try connection.operation(step.operation), operation.awaits(step) else { return nil }
        let actor = operation.actor
        try operation.take(step, at: now) { tally in
            switch step.work {
            case .redrive(let letters):
                for (letter, copy) in letters {
                    switch copy {
                    // A damaged integration keeps no other's dead letters from being redriven.
                    case .success(let copy) where try isUnreadable(copy.key.lane): tally.noteFailure(LetterTally.unreadable)
                    case .success(let copy): tally.note(try redrive(letter: letter, as: copy, in: step.operation, by: actor, at: now))
                    case .failure(let obstacle): tally.note(try connection.letter(letter).refusal(for: obstacle))
                    }
                }
            case .purge(let letters):
                let selection = LetterSelection(ids: Set(letters))
                let count = letters.isEmpty ? 0 : try purgeLetters(selection, in: step.operation, by: actor, at: now)
                tally.done += count
                tally.skipped += letters.count - count
            }
        }
        try save(operation)
        if operation.endedAt != nil { try audit(AuditEntry(ended: operation, by: .worker(worker), at: now)) }
        return operation
    }

    private func isUnreadable(_ lane: Lane) throws -> Bool {
        do { _ = try connection.laneRow(lane) } catch let error as StoreError where error.code == .corrupt { return true }
        return false
    }

    private func save(_ operation: LetterOperation) throws {
        try connection.run(
            """
            UPDATE operations SET position = ?, done = ?, skipped = ?, failures = ?, begun_at = ?, next_at = ?, ended_at = ?,
                is_cancelled = ? WHERE id = ?
            """,
            operation.position,
            operation.tally.done,
            operation.tally.skipped,
            operation.tally.failuresText,
            operation.begunAt,
            operation.nextAt,
            operation.endedAt,
            operation.isCancelled,
            operation.id
        )
    }
}

extension StoreConnection {
    func operation(_ id: Int64) throws -> LetterOperation? {
        guard id < .max else { return nil }
        return try operations(before: id + 1, limit: 1).first?.get().matching(id)
    }

    /// The newest first.
    func operations(before id: Int64, limit: Int) throws -> [Result<LetterOperation, SetAsideError>] {
        try all(
            """
            SELECT id, action, selection, last, matched, rate, actor, ordered_at, position, done, skipped, failures, begun_at, next_at,
                ended_at, is_cancelled
            FROM operations WHERE id < ? ORDER BY id DESC LIMIT ?
            """,
            id,
            limit
        ) { LetterOperation.read($0) }
    }

    func openOperations() throws -> [Result<LetterOperation, SetAsideError>] {
        try all(
            """
            SELECT id, action, selection, last, matched, rate, actor, ordered_at, position, done, skipped, failures, begun_at, next_at,
                ended_at, is_cancelled
            FROM operations WHERE ended_at IS NULL ORDER BY id
            """
        ) { LetterOperation.read($0) }
    }
}

extension LetterOperation {
    fileprivate func matching(_ id: Int64) -> LetterOperation? { self.id == id ? self : nil }

    /// Reads the columns of the queries above.
    fileprivate static func read(_ row: ResultRow) -> Result<LetterOperation, SetAsideError> {
        Result { try LetterOperation(row) }.mapError { SetAsideError(SetAside("The operation \(row.integer(0))", because: "\($0)")) }
    }

    private init(_ row: ResultRow) throws {
        let order = LetterOperationOrder(
            try row.word(1),
            try row.read(2) { try JSON(parsing: Array($0.utf8)).object.flatMap { LetterSelection($0) } },
            upTo: try row.serial(3),
            matched: row.count(4),
            // A damaged rate becomes the nearest possible one.
            rate: min(max(row.real(5), LetterOperation.rates.lowerBound), LetterOperation.rates.upperBound)
        )
        var tally = LetterTally()
        tally.done = row.count(9)
        tally.skipped = row.count(10)
        tally.failures = try row.read(11) { try LetterTally.failures(in: $0) }
        self.init(
            id: row.integer(0),
            order: order,
            actor: try row.read(6) { AuditActor($0) },
            orderedAt: row.moment(7),
            position: try row.serial(8),
            tally: tally,
            begunAt: row.optional(12, row.moment),
            nextAt: row.optional(13, row.moment),
            endedAt: row.optional(14, row.moment),
            isCancelled: row.bool(15)
        )
    }
}

extension LetterTally {
    /// The text of a JSON object.
    fileprivate var failuresText: String {
        var members = JSONObject()
        for (reason, count) in failures.sorted(by: { $0.key < $1.key }) { members[reason] = JSON(count) }
        return String(decoding: JSON.object(members).encoded, as: UTF8.self)
    }

    fileprivate static func failures(in text: String) throws -> [String: Int]? {
        guard let members = try JSON(parsing: Array(text.utf8)).object?.members else { return nil }
        // A damaged count becomes the nearest possible one, as of ResultRow.
        let counts = members.compactMap { member in member.value.integer.map { (member.name, Int(min(max($0, 0), Int64(Int32.max)))) } }
        return counts.count == members.count ? Dictionary(counts) { first, _ in first } : nil
    }
}
