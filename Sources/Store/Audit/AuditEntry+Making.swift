package import Contract

/// The job that a row of the audit log is about.
package struct AuditedJob: Hashable, Sendable {
    package var lane: Lane
    package var id: JobID
    /// `nil` for what was refused.
    package var kind: JobKind?
    package var publisher: String?
    /// The attempt that runs.
    package var attempt: Int
    /// Whether it is a check of the worker's own.
    package var isScheduled: Bool

    package init(lane: Lane, id: JobID, kind: JobKind?, publisher: String?, attempt: Int, isScheduled: Bool = false) {
        self.lane = lane
        self.id = id
        self.kind = kind
        self.publisher = publisher
        self.attempt = attempt
        self.isScheduled = isScheduled
    }

    package init(_ job: QueuedJob, in lane: Lane) {
        self.init(
            lane: lane,
            id: job.id,
            kind: job.kind,
            publisher: job.publisher,
            attempt: job.attempts,
            isScheduled: job.isScheduled
        )
    }
}

/// Entries as every store makes them, so that whatever changes something has its row, whoever asked for it.
extension AuditEntry {
    private init(
        _ action: Action,
        _ facts: JSONObject,
        of job: AuditedJob? = nil,
        sealed: [UInt8]? = nil,
        by actor: AuditActor,
        at now: Timestamp
    ) {
        self.init(
            at: now,
            action: action.rawValue,
            actor: actor.description,
            tenant: job?.lane.tenant.description,
            product: job?.lane.product.rawValue,
            jobID: job?.id.description,
            publisher: job?.publisher,
            facts: String(decoding: JSON.object(facts).encoded, as: UTF8.self),
            sealed: sealed
        )
    }

    /// What a handler noted.
    package init(_ note: AuditNote, of job: AuditedJob, by worker: WorkerID, at now: Timestamp) {
        self.init(note.action, note.facts, of: job, sealed: note.sealed, by: .worker(worker), at: now)
    }

    /// An attempt ends.
    package init(_ completion: Completion, of job: AuditedJob, by worker: WorkerID, at now: Timestamp) {
        let attempt = completion.attempt
        var facts = job.facts
        facts["attempt"] = JSON(job.attempt)
        facts["ended"] = .string(completion.word)
        facts["code"] = attempt.failure.map { .string($0.code.rawValue) }
        facts["until"] = attempt.notBefore.map { .string($0.description) }
        facts["calls"] = JSON(attempt.apiCalls)
        completion.changes.tell(in: &facts)
        facts["givenUp"] = attempt.givenUp.map { .string($0.reason.rawValue) }
        facts["read"] = attempt.read
        self.init(.attemptEnded, facts, of: job, by: .worker(worker), at: now)
    }

    /// A job ends without being run.
    package init(_ settlement: LaneDecision.Settlement, of job: AuditedJob, by worker: WorkerID, at now: Timestamp) {
        var facts = job.facts
        facts["ended"] = .string(settlement.event.type.rawValue)
        facts["code"] = .string(settlement.code.rawValue)
        self.init(.jobEnded, facts, of: job, by: .worker(worker), at: now)
    }

    /// A job was refused at the door.
    package init(refused key: JobKey, with event: Event, _ letter: DeadLetter, by worker: WorkerID, at now: Timestamp) {
        let job = AuditedJob(lane: key.lane, id: key.id, kind: letter.cause.kind, publisher: letter.publisher, attempt: 0)
        var facts = job.facts
        facts["ended"] = .string(event.type.rawValue)
        facts["code"] = .string(letter.cause.code?.rawValue ?? letter.reason)
        self.init(.jobEnded, facts, of: job, by: .worker(worker), at: now)
    }

    /// A worker that is gone left an attempt behind.
    package init(interrupted job: AuditedJob, by worker: WorkerID, at now: Timestamp) {
        var facts = job.facts
        facts["attempt"] = JSON(job.attempt)
        self.init(.attemptInterrupted, facts, of: job, by: .worker(worker), at: now)
    }

    /// A copy of a letter's job was entered.
    package init(redriven letter: Int64, as copy: AcceptableJob, by actor: AuditActor, at now: Timestamp) {
        let job = AuditedJob(lane: copy.key.lane, id: copy.key.id, kind: copy.kind, publisher: copy.publisher, attempt: 0)
        var facts = job.facts
        facts["letter"] = JSON(letter)
        if let old = copy.redriveOf { facts["redriveOf"] = .string(old.description) }
        self.init(.letterRedriven, facts, of: job, by: actor, at: now)
    }

    /// Letters were forgotten.
    package init(purged count: Int, _ selection: LetterSelection, by actor: AuditActor, at now: Timestamp) {
        var facts: JSONObject = ["count": JSON(count)]
        if let ids = selection.ids { facts["ids"] = .array(ids.sorted().map { JSON($0) }) }
        if let fingerprint = selection.fingerprint { facts["fingerprint"] = .string(fingerprint) }
        if let tenant = selection.tenant { facts["tenant"] = .string(tenant.description) }
        if let reason = selection.reason { facts["reason"] = .string(reason) }
        if let before = selection.before { facts["before"] = .string(before.description) }
        self.init(.lettersPurged, facts, by: actor, at: now)
    }

    /// The store was brought back from a copy.
    ///
    /// - Parameter replaced: where the log of the store ended whose place it took, if that could be read.
    package init(restoredFrom copy: AuditPlace, replaced: AuditPlace?, by actor: AuditActor, at now: Timestamp) {
        let facts: JSONObject = ["copy": copy.json, "replaced": replaced.map(\.json) ?? .null]
        self.init(.storeRestored, facts, by: actor, at: now)
    }

    /// The store and a key ring belong together from now on.
    package init(paired store: String, with ring: String, by actor: AuditActor, at now: Timestamp) {
        self.init(.storePaired, ["store": .string(store), "ring": .string(ring)], by: actor, at: now)
    }

    /// An operator changed keys, or made a copy.
    package init(_ act: OperatorAct, by actor: AuditActor, at now: Timestamp) {
        self.init(act.action, act.facts, by: actor, at: now)
    }

    /// The log begins.
    ///
    /// - Parameter jobs: how many had been accepted by then: more than a handful say that a log of before is missing.
    init(beginningAfter jobs: Int64, like first: AuditEntry) {
        let facts: JSON = ["jobsAccepted": JSON(jobs)]
        self.init(
            at: first.at,
            action: Action.logBegan.rawValue,
            actor: first.actor,
            facts: String(decoding: facts.encoded, as: UTF8.self)
        )
    }

    /// The log's end is not as it was left.
    ///
    /// - Parameter end: what is there.
    init(brokenAt end: AuditPlace, like next: AuditEntry) {
        let facts: JSON = ["found": end.json]
        self.init(
            at: next.at,
            action: Action.logBroken.rawValue,
            actor: next.actor,
            facts: String(decoding: facts.encoded, as: UTF8.self)
        )
    }
}

extension AuditedJob {
    fileprivate var facts: JSONObject { ["kind": kind.map { .string($0.rawValue) } ?? .null] }
}

extension LaneChanges {
    /// Tells what becomes of the connection.
    fileprivate func tell(in facts: inout JSONObject) {
        if resets { facts["credentials"] = "destroyed" }
        switch connection {
        case .keep: break
        case .set(let record):
            facts["connection"] = ["status": .string(record.status.rawValue), "databaseId": JSON(record.databaseID)]
        case .remove: facts["connection"] = .null
        }
        if case .remember(let refused) = refusedCredentials { facts["credentialsRefused"] = .string(refused.code.rawValue) }
        if removesBindings { facts["bindings"] = "removed" }
    }
}
