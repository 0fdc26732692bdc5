import Contract
import Store

/// Accepts the contents of deliveries.
extension Transaction {
    func countRedelivery(sha256: [UInt8], at now: Timestamp) throws -> CountedRedelivery {
        let count = try connection.first(
            """
            INSERT INTO redeliveries (sha256, count, at) VALUES (?, 1, ?)
            ON CONFLICT (sha256) DO UPDATE SET count = count + 1, at = excluded.at RETURNING count
            """,
            sha256,
            now
        ) { $0.count(0) }
        return CountedRedelivery(count: count ?? 1, lastPlace: try last(.place))
    }

    func accept(_ items: [IntakeItem], by worker: WorkerID, at now: Timestamp, rules: IntakeRules) throws -> Acceptance {
        try checkPresence(of: worker)
        var intake = Acceptance(outcomes: [], events: [], lastPlace: try last(.place))
        if let known = rules.lastPlace, known != intake.lastPlace {
            intake.isTakenIn = false
            return intake
        }
        let start = intake.lastPlace
        let candidates = try candidates(among: items, under: rules, at: now)
        intake.outcomes.reserveCapacity(items.count)
        var lanes: [Lane: LaneRow] = [:]
        for item in items {
            if let sha256 = item.redeliveredSHA256 { try connection.run("DELETE FROM redeliveries WHERE sha256 = ?", sha256) }
            guard let key = item.key else {
                if case .deadLetter(let letter) = item.content { try record(letter) }
                intake.outcomes.append(.deadLettered)
                continue
            }
            var row: LaneRow
            do { row = try lanes[key.lane] ?? laneToAccept(key.lane) } catch let error as StoreError where error.code == .corrupt {
                intake.outcomes.append(try takeIn(item, inUnreadable: key, because: error, at: now))
                continue
            }
            let outcome: Acceptance.Outcome
            let known: KnownJob?
            do { known = try job(tenant: key.lane.tenant, id: key.id) } catch let error as StoreError where error.code == .corrupt {
                // The id is taken, but the job's end cannot be read: nothing more happens.
                setAside.append(SetAside("The job \(key.id) of \(key.lane)", because: error.message))
                intake.outcomes.append(.underWay)
                lanes[key.lane] = row
                continue
            }
            if let known {
                switch known.answer(to: key, at: now) {
                case .conflict:
                    intake.events.append(try publish(rules.conflict(item), in: &row, by: worker))
                    outcome = .conflict
                case .replay(let event):
                    if let entry = try replay(event, of: key, in: row, by: worker) { intake.events.append(entry) }
                    outcome = .replayed
                case .underWay: outcome = .underWay
                }
            } else {
                let claims = candidates.contains(key.lane) ? rules.claims : nil
                if let claim = try claims.flatMap({ try claim(item, in: row, by: worker, for: $0, at: now) }) {
                    intake.claims.append(claim)
                    intake.outcomes.append(.accepted(order: claim.job.order))
                    continue
                }
                outcome = try takeIn(item, after: start, in: &row, by: worker, at: now, rules, events: &intake.events)
            }
            lanes[key.lane] = row
            intake.outcomes.append(outcome)
        }
        for row in lanes.values { try save(row) }
        intake.lastPlace = try last(.place)
        return intake
    }

    /// - Parameter start: the last place before this transaction. Jobs of one transaction were delivered in order and did not overtake each other.
    private func takeIn(
        _ item: IntakeItem,
        after start: Int64,
        in row: inout LaneRow,
        by worker: WorkerID,
        at now: Timestamp,
        _ rules: IntakeRules,
        events: inout [OutboxEntry]
    ) throws -> Acceptance.Outcome {
        switch item.content {
        case .job(let job):
            let arrival = try insert(job, in: row.id, at: now)
            row.backlog += 1
            let overtakers =
                try item.overtakersAfter.map { try connection.overtakers(of: job, after: $0, before: start + 1, lane: row.id) } ?? []
            // Without other jobs, the arrival ends none.
            if row.backlog > 1 || rules.laneLimit < 1 || !overtakers.isEmpty {
                let ended = try admit(arrival, overtakers, in: &row, by: worker, at: now, rules, events: &events)
                if let ended { return .ended(ended) }
            }
            try line(&row, upFor: LaneRank.of(job.kind))
            return .accepted(order: arrival.order)
        case .refused(let key, let event, let letter):
            let order = try next(.place)
            try connection.run(
                "INSERT INTO jobs (place, lane, tenant, job_id, digest, accepted_at, publisher) VALUES (?, ?, ?, ?, ?, ?, ?)",
                order,
                row.id,
                key.lane.tenant.description,
                key.id.description,
                key.digest,
                now,
                letter.publisher
            )
            let entry = try publish(event, in: &row, by: worker)
            try finish(order, with: entry.event, code: letter.endCode, at: now)
            try record(letter)
            try audit(AuditEntry(refused: key, with: event, letter, by: worker, at: now))
            events.append(entry)
            return .refused
        case .deadLetter(let letter):
            try record(letter)
            return .deadLettered
        }
    }

    /// Accepts an item of a lane whose own row cannot be read, and sets the lane aside. Its jobs wait until a worker that can read the row starts.
    /// An event needs a place in the lane's sequence, so none is published.
    private func takeIn(_ item: IntakeItem, inUnreadable key: JobKey, because error: StoreError, at now: Timestamp) throws
        -> Acceptance.Outcome
    {
        let lane = try connection.first(
            "SELECT id FROM lanes WHERE tenant = ? AND product = ?",
            key.lane.tenant.description,
            key.lane.product.rawValue
        ) { $0.integer(0) }
        guard let lane else { throw error }
        try setAside(lane: lane, because: error)
        switch item.content {
        case .job(let job):
            let isKnown = try connection.first(
                "SELECT 1 FROM jobs WHERE tenant = ? AND job_id = ?",
                key.lane.tenant.description,
                key.id.description
            ) { _ in true }
            guard isKnown == nil else { return .underWay }
            try connection.run("UPDATE lanes SET backlog = MAX(MIN(backlog, 2147483646), 0) + 1 WHERE id = ?", lane)
            return .accepted(order: try insert(job, in: lane, at: now).order)
        case .refused(_, _, let letter), .deadLetter(let letter):
            try record(letter)
            return .deadLettered
        }
    }

    /// Compares an inserted job with its rivals: a bounded number that an index finds.
    ///
    /// - Returns: the event in which the job ended, if it did.
    private func admit(
        _ job: QueuedJob,
        _ overtakers: [QueuedJob],
        in row: inout LaneRow,
        by worker: WorkerID,
        at now: Timestamp,
        _ rules: IntakeRules,
        events: inout [OutboxEntry]
    ) throws -> EventType? {
        var rivals: [QueuedJob] = []
        if job.kind.isReplaceable {
            do { rivals = try connection.rivals(of: job.kind, job.planID, lane: row.id).filter { $0.order != job.order } } catch let error
                as StoreError where error.code == .corrupt
            {
                // The job is accepted; the next claim sets the lane aside.
                rivals = []
            }
        }
        let isFull = row.backlog > rules.laneLimit
        if rivals.isEmpty, overtakers.isEmpty, !isFull { return nil }
        let isCompared = !rivals.isEmpty || !overtakers.isEmpty
        let ranRevision = isCompared ? try job.planID.flatMap { try connection.ranRevision(of: $0, lane: row.id) } : nil
        let admission = rules.admit(
            Arrival(
                lane: row.lane,
                job: job,
                rivals: rivals,
                running: row.hold.running,
                ranRevision: ranRevision,
                lastReset: rivals.isEmpty ? nil : try connection.newestReset(lane: row.id),
                isLaneFull: isFull,
                overtakers: overtakers
            )
        )
        var own: EventType?
        for settlement in admission.settlements {
            guard let ended = settlement.order == job.order ? job : rivals.first(where: { $0.order == settlement.order }) else {
                throw StoreError(.unexpected, "A job that should end is not among the rivals of an arrival.")
            }
            events.append(try settle(settlement, of: ended, in: &row, by: worker, at: now))
            if settlement.order == job.order { own = settlement.event.type }
        }
        try raise(admission.raised)
        return own
    }

    /// Puts a lane that got a job in line, unless a worker holds it or it is set aside.
    ///
    /// - Parameter rank: the rank of the job.
    func line(_ row: inout LaneRow, upFor rank: Int64) throws {
        guard !row.isSetAside else { return }
        try row.hold.takeIn(rank: rank) { try next(.turn) }
    }

    /// The job at the next place.
    func arrival(of job: AcceptableJob, at now: Timestamp) throws -> QueuedJob { QueuedJob(job, order: try last(.place) + 1, at: now) }

    /// - Throws: ``StoreError/Code/keyRetired``.
    func insert(_ job: AcceptableJob, in lane: Int64, at now: Timestamp) throws -> QueuedJob {
        let arrival = try arrival(of: job, at: now)
        try insert(job, arrival, in: lane)
        return arrival
    }

    /// - Parameter queued: the job at the next place, possibly with its first attempt.
    /// - Throws: ``StoreError/Code/keyRetired``.
    func insert(_ job: AcceptableJob, _ queued: QueuedJob, in lane: Int64) throws {
        try checkKey(of: job.sealedPayload)
        set(.place, to: queued.order)
        try connection.run(
            """
            INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, plan, revision, standing, accepted_at, requested_at, expiry,
                traceparent, publisher, redrive_of, payload, attempts, begun_at, deadline)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            queued.order,
            lane,
            job.key.lane.tenant.description,
            job.key.id.description,
            job.key.digest,
            job.kind.rawValue,
            job.planID,
            job.revision,
            job.revision,
            queued.acceptedAt,
            job.requestedAt,
            job.expiry,
            job.traceparent,
            job.publisher,
            job.redriveOf?.description,
            job.sealedPayload,
            queued.attempts,
            queued.attempts > 0 ? queued.acceptedAt : nil,
            queued.deadline
        )
    }
}

extension Transaction {
    /// Publishes a terminal event again, once in a transaction. The new copy replaces one that waits, which may be with the broker already: a
    /// short message that comes very often cannot fill the disk with copies of a long event.
    private func replay(_ event: OrderedEvent, of key: JobKey, in row: LaneRow, by worker: WorkerID) throws -> OutboxEntry? {
        let waiting = try connection.first(
            """
            SELECT replayed_at, awaits_erasure FROM jobs JOIN outbox ON outbox.position = jobs.replayed_at AND outbox.event_id = jobs.event_id
            WHERE jobs.tenant = ? AND jobs.job_id = ?
            """,
            key.lane.tenant.description,
            key.id.description
        ) { (position: $0.integer(0), isHeld: $0.bool(1)) }
        if let waiting {
            // One that is held back has not been published, and later events of its lane wait for its position.
            if try waiting.isHeld || row.isSetAside || waiting.position > lastBefore(.position) { return nil }
            try connection.run("DELETE FROM outbox WHERE position = ?", waiting.position)
        }
        let entry = try publish(again: event, in: row, by: worker)
        try connection.run(
            "UPDATE jobs SET replayed_at = ? WHERE tenant = ? AND job_id = ?",
            entry.position,
            key.lane.tenant.description,
            key.id.description
        )
        return entry
    }

    private func job(tenant: TenantID, id: JobID) throws -> KnownJob? {
        try connection.first(
            """
            SELECT digest, finished_at, event_id, event_type, event_time, traceparent, epoch, sequence, data,
                (SELECT product FROM lanes WHERE lanes.id = lane), redrive_of
            FROM jobs WHERE tenant = ? AND job_id = ?
            """,
            tenant.description,
            id.description
        ) { row in
            var known = KnownJob(digest: row.bytes(0))
            guard !row.isNull(1) else { return known }
            known.finishedAt = row.moment(1)
            known.event = OrderedEvent(
                event: Event(
                    id: row.text(2),
                    type: try row.word(3),
                    lane: Lane(tenant: tenant, product: try row.word(9)),
                    jobID: id,
                    redriveOf: try row.optional(10, row.jobID),
                    time: row.moment(4),
                    traceparent: row.optional(5, row.text),
                    encodedData: row.bytes(8)
                ),
                epoch: row.integer(6),
                sequence: row.optional(7, row.integer)
            )
            return known
        }
    }
}
