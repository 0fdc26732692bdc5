import Contract
import Store

extension ModelTables {
    struct LetterRow {
        var id: Int64
        var letter: DeadLetter
        var payload: [UInt8]?
        var copy: KeptLetter.Copy?

        mutating func erase() {
            payload = nil
            letter.detail = ""
        }

        mutating func eraseIfOfJob() {
            switch letter.content {
            case .job: erase()
            case .message(let message): if message.job != nil { erase() }
            }
        }
    }

    /// - Returns: whether it is new.
    @discardableResult
    mutating func record(_ letter: DeadLetter, sealedPayload: [UInt8]? = nil) -> Bool {
        if let death = letter.death, letters.contains(where: { $0.letter.death == death }) { return false }
        letters.append(LetterRow(id: nextLetter(), letter: letter, payload: sealedPayload))
        return true
    }

    /// Makes a dead-lettered job of a job that is about to end.
    mutating func keep(_ row: JobRow, _ givenUp: GivenUp, at now: Timestamp) {
        let letter = DeadLetter(
            at: now,
            cause: givenUp.cause(of: row.job.kind),
            detail: givenUp.error.message,
            tenant: row.lane.tenant,
            product: row.lane.product,
            jobID: row.job.id,
            publisher: row.job.publisher,
            content: .job(
                DeadJob(
                    order: row.job.order,
                    acceptedAt: row.job.acceptedAt,
                    attempts: row.job.attempts,
                    interruptions: row.job.interruptions,
                    heldUp: row.job.heldUp,
                    history: row.attempts.compactMap(\.outline),
                    revision: row.job.revision,
                    traceparent: row.job.traceparent,
                    redriveOf: row.job.redriveOf
                )
            )
        )
        letters.append(LetterRow(id: nextLetter(), letter: letter, payload: row.job.kind == .connect ? nil : row.payload))
    }

    /// Erases the plan's data from a lane's dead letters.
    mutating func eraseLetters(of lane: Lane) {
        for index in letters.indices {
            let letter = letters[index].letter
            if letter.tenant == lane.tenant, letter.product == lane.product { letters[index].erase() }
        }
    }

    mutating func redrive(
        letter id: Int64,
        as copy: AcceptableJob,
        in operation: Int64? = nil,
        by actor: AuditActor,
        at now: Timestamp
    ) throws(StoreError) -> RedriveOutcome {
        guard let index = letters.firstIndex(where: { $0.id == id }) else { return .gone }
        let redriving = kept(letters[index]).redriving(as: copy, at: now) {
            jobs.first { $0.lane.tenant == copy.key.lane.tenant && $0.job.id == copy.key.id }?.digest
        }
        switch redriving {
        case .over(let outcome): return outcome
        case .marked(let copy):
            letters[index].payload = nil
            letters[index].copy = copy
            return .before(copy)
        case .entered: break
        }
        try enter(copy, order: nextPlace(), at: now)
        line(laneToAccept(copy.key.lane), upFor: LaneRank.of(copy.kind))
        letters[index].payload = nil
        letters[index].copy = KeptLetter.Copy(id: copy.key.id, at: now)
        note(AuditEntry(redriven: id, as: copy, in: operation, by: actor, at: now))
        return .entered
    }

    /// - Returns: how many were deleted.
    mutating func purgeLetters(
        _ selection: LetterSelection,
        in operation: Int64? = nil,
        by actor: AuditActor,
        at now: Timestamp
    ) -> Int {
        let chosen = Set(keptLetters.filter(selection.includes).map(\.id))
        letters.removeAll { chosen.contains($0.id) }
        if !chosen.isEmpty { note(AuditEntry(purged: chosen.count, selection, in: operation, by: actor, at: now)) }
        return chosen.count
    }

    var keptLetters: [KeptLetter] { letters.map(kept) }

    private func kept(_ row: LetterRow) -> KeptLetter {
        KeptLetter(id: row.id, letter: row.letter, hasPayload: row.payload != nil, isOutdated: isOutdated(row.letter), copy: row.copy)
    }

    private func isOutdated(_ letter: DeadLetter) -> Bool {
        let revision: Int64?
        var publishedAt: Timestamp?
        var order: Int64?
        switch letter.content {
        case .job(let dead):
            revision = dead.revision
            order = dead.order
        case .message(let message):
            guard let job = message.job else { return false }
            revision = job.revision
            publishedAt = job.publishedAt
        }
        return jobs.contains { row in
            guard row.lane.tenant == letter.tenant, row.lane.product == letter.product, !row.wasRefused,
                order.map({ row.job.order > $0 }) ?? (row.job.id != letter.jobID),
                publishedAt.map({ row.job.acceptedAt >= $0 }) ?? true
            else { return false }
            switch row.job.kind {
            case .reset: return true
            case .connect: return letter.cause.kind == .reset || letter.cause.kind == .connect && order == nil
            case .sync: return letter.cause.kind == .sync && revision == nil
            case .billingCodes, .preview, .verify, .drift, .diagnose: return false
            }
        }
    }
}

extension DeadLetter {
    fileprivate var death: String? {
        guard case .message(let message) = content else { return nil }
        return message.death
    }
}
