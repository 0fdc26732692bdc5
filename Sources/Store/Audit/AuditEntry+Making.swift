package import Contract

/// The job that a row of the audit log is about.
package struct AuditedJob: Hashable, Sendable {
    package var lane: Lane
    package var id: JobID
    /// `nil` for a refused job.
    package var kind: JobKind?
    package var publisher: String?
    /// The number of the current attempt.
    package var attempt: Int
    /// Whether it is a scheduled check.
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

/// The entries that every store makes. Each change has its row, regardless of who asked for it.
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

    /// Makes the entry for a handler's note.
    package init(_ note: AuditNote, of job: AuditedJob, by worker: WorkerID, at now: Timestamp) {
        self.init(note.action, note.facts, of: job, sealed: note.sealed, by: .worker(worker), at: now)
    }

    /// Makes the entry for the end of an attempt.
    package init(_ completion: Completion, of job: AuditedJob, by worker: WorkerID, at now: Timestamp) {
        let attempt = completion.attempt
        var facts = job.facts
        facts["attempt"] = JSON(job.attempt)
        facts["ended"] = .string(completion.word)
        facts["code"] = attempt.failure.map { .string($0.code.rawValue) }
        facts["until"] = attempt.notBefore.map { .string($0.description) }
        facts["calls"] = JSON(attempt.apiCalls)
        completion.changes.add(to: &facts)
        facts["givenUp"] = attempt.givenUp.map { .string($0.reason.rawValue) }
        facts["read"] = attempt.read
        self.init(.attemptEnded, facts, of: job, by: .worker(worker), at: now)
    }

    /// Makes the entry for a job that ends without a run.
    package init(_ settlement: LaneDecision.Settlement, of job: AuditedJob, by worker: WorkerID, at now: Timestamp) {
        var facts = job.facts
        facts["ended"] = .string(settlement.event.type.rawValue)
        facts["code"] = .string(settlement.code.rawValue)
        self.init(.jobEnded, facts, of: job, by: .worker(worker), at: now)
    }

    /// Makes the entry for a job that intake refused.
    package init(refused key: JobKey, with event: Event, _ letter: DeadLetter, by worker: WorkerID, at now: Timestamp) {
        let job = AuditedJob(lane: key.lane, id: key.id, kind: letter.cause.kind, publisher: letter.publisher, attempt: 0)
        var facts = job.facts
        facts["ended"] = .string(event.type.rawValue)
        facts["code"] = .string(letter.endCode)
        self.init(.jobEnded, facts, of: job, by: .worker(worker), at: now)
    }

    /// Makes the entry for an attempt that a worker left unfinished.
    package init(interrupted job: AuditedJob, by worker: WorkerID, at now: Timestamp) {
        var facts = job.facts
        facts["attempt"] = JSON(job.attempt)
        self.init(.attemptInterrupted, facts, of: job, by: .worker(worker), at: now)
    }

    /// Makes the entry for a redrive.
    ///
    /// - Parameter operation: the operation that it is a part of.
    package init(redriven letter: Int64, as copy: AcceptableJob, in operation: Int64? = nil, by actor: AuditActor, at now: Timestamp) {
        let job = AuditedJob(lane: copy.key.lane, id: copy.key.id, kind: copy.kind, publisher: copy.publisher, attempt: 0)
        var facts = job.facts
        facts["letter"] = JSON(letter)
        if let old = copy.redriveOf { facts["redriveOf"] = .string(old.description) }
        if let operation { facts["operation"] = JSON(operation) }
        self.init(.letterRedriven, facts, of: job, by: actor, at: now)
    }

    /// Makes the entry for a purge of dead letters.
    ///
    /// - Parameter operation: the operation that it is a part of.
    package init(
        purged count: Int,
        _ selection: LetterSelection,
        in operation: Int64? = nil,
        by actor: AuditActor,
        at now: Timestamp
    ) {
        var facts: JSONObject = ["count": JSON(count)]
        if let operation { facts["operation"] = JSON(operation) }
        for member in selection.members.members { facts[member.name] = member.value }
        self.init(.lettersPurged, facts, by: actor, at: now)
    }

    /// Makes the entry for an operation that an operator ordered.
    package init(begun operation: LetterOperation) {
        let order = operation.order
        var facts: JSONObject = [
            "operation": JSON(operation.id), "does": .string(order.action.rawValue), "letters": JSON(order.matched),
            "upTo": JSON(order.last), "rate": .number(order.rateText),
        ]
        for member in order.selection.members.members { facts[member.name] = member.value }
        self.init(.operationBegun, facts, by: operation.actor, at: operation.orderedAt)
    }

    /// Makes the entry for the end of an operation.
    ///
    /// - Parameter actor: the worker that took the last step, or who cancelled it.
    package init(ended operation: LetterOperation, by actor: AuditActor, at now: Timestamp) {
        let tally = operation.tally
        let facts: JSONObject = [
            "operation": JSON(operation.id), "does": .string(operation.order.action.rawValue), "ended": .string(operation.state.rawValue),
            "done": JSON(tally.done), "skipped": JSON(tally.skipped), "failed": JSON(tally.failed),
        ]
        self.init(.operationEnded, facts, by: actor, at: now)
    }

    /// Makes the entry for what an operator did with a job that waits.
    package init(_ action: Action, of job: AuditedJob, by actor: AuditActor, at now: Timestamp) {
        self.init(action, job.facts, of: job, by: actor, at: now)
    }

    package init(begun pause: Pause, by actor: AuditActor, at now: Timestamp) {
        self.init(pause, .pauseBegun, by: actor, at: now)
    }

    package init(ended pause: Pause, by actor: AuditActor, at now: Timestamp) {
        self.init(pause, .pauseEnded, by: actor, at: now)
    }

    /// The row names the tenant of a pause that has one.
    private init(_ pause: Pause, _ action: Action, by actor: AuditActor, at now: Timestamp) {
        let facts: JSONObject = [
            "pause": JSON(pause.id), "scope": .string(pause.scope.description), "until": .string(pause.end.description),
            "reason": .string(pause.reason),
        ]
        self.init(action, facts, by: actor, at: now)
        switch pause.scope {
        case .tenant(let id): tenant = id.description
        case .lane(let lane): (tenant, product) = (lane.tenant.description, lane.product.rawValue)
        case .all, .kind, .database, .zone: break
        }
    }

    /// Makes the entry for a restore of the store from a copy.
    ///
    /// - Parameter replaced: where the log of the replaced store ended, if that could be read.
    package init(restoredFrom copy: AuditPlace, replaced: AuditPlace?, by actor: AuditActor, at now: Timestamp) {
        let facts: JSONObject = ["copy": copy.json, "replaced": replaced.map(\.json) ?? .null]
        self.init(.storeRestored, facts, by: actor, at: now)
    }

    /// Makes the entry for the pairing of the store and a key ring.
    package init(paired store: String, with ring: String, by actor: AuditActor, at now: Timestamp) {
        self.init(.storePaired, ["store": .string(store), "ring": .string(ring)], by: actor, at: now)
    }

    /// Makes the entry for an operator's change of keys or backup.
    package init(_ act: OperatorAct, by actor: AuditActor, at now: Timestamp) {
        self.init(act.action, act.facts, by: actor, at: now)
    }

    /// Makes the first entry of a log.
    ///
    /// - Parameter jobs: how many jobs had been accepted by then. More than a handful mean that an earlier log is missing.
    init(beginningAfter jobs: Int64, like first: AuditEntry) {
        let facts: JSON = ["jobsAccepted": JSON(jobs)]
        self.init(
            at: first.at,
            action: Action.logBegan.rawValue,
            actor: first.actor,
            facts: String(decoding: facts.encoded, as: UTF8.self)
        )
    }

    /// Makes the entry for a log whose end the worker found changed.
    ///
    /// - Parameter end: the end that the worker found.
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
    /// Adds the changes to the connection.
    fileprivate func add(to facts: inout JSONObject) {
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
