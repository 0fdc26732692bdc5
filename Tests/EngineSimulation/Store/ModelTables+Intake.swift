import Contract
import Store

extension ModelTables {
    mutating func accept(
        _ items: [IntakeItem],
        by worker: WorkerID,
        at now: Timestamp,
        rules: IntakeRules
    ) throws(StoreError) -> Acceptance {
        try checkPresence(of: worker)
        if let known = rules.lastPlace, known != lastPlace {
            return Acceptance(outcomes: [], events: [], lastPlace: lastPlace, isTakenIn: false)
        }
        let (start, position) = (lastPlace, lastPosition)
        let candidates = candidates(among: items, under: rules, at: now)
        var intake = Acceptance(outcomes: [], events: [], lastPlace: start)
        for item in items {
            if let sha256 = item.redeliveredSHA256 { redeliveries[sha256] = nil }
            let outcome = try accept(item, after: start, position, by: worker, at: now, rules: rules) { tables, job throws(StoreError) in
                guard let claims = rules.claims, candidates.contains(job.key.lane), item.overtakersAfter == nil else { return false }
                guard let claim = try tables.claim(job, by: worker, for: claims, at: now) else { return false }
                intake.claims.append(claim)
                return true
            }
            intake.outcomes.append(outcome)
        }
        intake.events = events
        intake.lastPlace = lastPlace
        return intake
    }

    private func candidates(among items: [IntakeItem], under rules: IntakeRules, at now: Timestamp) -> Set<Lane> {
        let isAnyWaiting = lanes.contains { $0.hold.turn != nil || $0.hold.wakeAt.map { $0 <= now } ?? false }
        guard let claims = rules.claims, rules.laneLimit > 0, pauses.isEmpty, !isAnyWaiting else { return [] }
        return claims.candidates(among: items)
    }

    /// Enters a new job with its first attempt, if it is the only one of an idle lane and runs at once.
    private mutating func claim(
        _ job: AcceptableJob,
        by worker: WorkerID,
        for claims: ArrivalClaims,
        at now: Timestamp
    ) throws(StoreError) -> LaneClaim? {
        let index = laneToAccept(job.key.lane)
        guard lanes[index].hold.isIdle, unfinished(job.key.lane).isEmpty, hasPlace(index, claims.request) else { return nil }
        var queued = QueuedJob(job, order: lastPlace + 1, at: now)
        let revisions = lanes[index].revisions.filter { $0.key == queued.planID }
        let decision = claims.decide(LaneSnapshot(lane: job.key.lane, jobs: [queued], revisions: revisions))
        guard let mode = decision.runsAlone(queued.order) else { return nil }
        try enter(job, order: nextPlace(), at: now)
        queued.begin(under: claims.request, at: now)
        jobs[jobs.count - 1].job = queued
        jobs[jobs.count - 1].begunAt = now
        lanes[index].hold.lease(to: worker, running: queued.order, hasPlace: true)
        begunOnArrival += 1
        return LaneClaim(
            token: ClaimToken(lane: job.key.lane, worker: worker, fence: lanes[index].hold.fence, order: queued.order),
            job: queued,
            sealedPayload: job.sealedPayload,
            mode: mode,
            state: lanes[index].state(of: queued)
        )
    }

    private mutating func accept(
        _ item: IntakeItem,
        after start: Int64,
        _ position: Int64,
        by worker: WorkerID,
        at now: Timestamp,
        rules: IntakeRules,
        claim: (inout ModelTables, AcceptableJob) throws(StoreError) -> Bool
    ) throws(StoreError) -> Acceptance.Outcome {
        let key: JobKey
        switch item.content {
        case .job(let job): key = job.key
        case .refused(let refused, _, _): key = refused
        case .deadLetter(let letter):
            record(letter)
            return .deadLettered
        }
        let lane = laneToAccept(key.lane)
        if let index = jobs.firstIndex(where: { $0.lane.tenant == key.lane.tenant && $0.job.id == key.id }) {
            let known = jobs[index]
            switch KnownJob(digest: known.digest, finishedAt: known.finishedAt, event: known.event).answer(to: key, at: now) {
            case .conflict:
                _ = publish(rules.conflict(item), in: lane, by: worker)
                return .conflict
            case .replay(let event):
                if let waiting = outbox.first(where: { $0.entry.position == known.replayedAt })?.entry {
                    if waiting.isHeld || waiting.position > position { return .replayed }
                    outbox.removeAll { $0.entry.position == waiting.position }
                }
                jobs[index].replayedAt = publish(event, by: worker, isHeld: lanes[lane].awaitsErasure).position
                return .replayed
            case .underWay: return .underWay
            }
        }
        if case .job(let job) = item.content, try claim(&self, job) { return .accepted(order: lastPlace) }
        let place = nextPlace()
        switch item.content {
        case .job(let job):
            try enter(job, order: place, at: now)
            let overtakers = item.overtakersAfter.map { self.overtakers(of: job, after: $0, before: start + 1) } ?? []
            if let ended = try admit(place, overtakers, in: lane, by: worker, at: now, rules) { return .ended(ended) }
            line(lane, upFor: LaneRank.of(job.kind))
            return .accepted(order: place)
        case .refused(_, let event, let letter):
            let job = QueuedJob(order: place, id: key.id, kind: .verify, acceptedAt: now, publisher: letter.publisher)
            jobs.append(JobRow(lane: key.lane, digest: key.digest, job: job, wasRefused: true))
            let entry = publish(event, in: lane, by: worker)
            try finish(place, with: entry.event, code: letter.endCode, at: now)
            record(letter)
            note(AuditEntry(refused: key, with: event, letter, by: worker, at: now))
            return .refused
        case .deadLetter:
            return .deadLettered
        }
    }

    private mutating func admit(
        _ place: Int64,
        _ overtakers: [QueuedJob],
        in index: Int,
        by worker: WorkerID,
        at now: Timestamp,
        _ rules: IntakeRules
    ) throws(StoreError) -> EventType? {
        let waiting = unfinished(lanes[index].lane).filter { !$0.isScheduled }
        guard let job = waiting.first(where: { $0.order == place }) else { return nil }
        let same = waiting.filter { $0.order != place && $0.kind.isReplaceable && $0.kind == job.kind && $0.planID == job.planID }
        let newest = same.filter { $0.standing == nil }.suffix(Arrival.rivalLimit)
        let highest = same.filter { $0.standing != nil }.sorted { ($0.standing ?? 0, $0.order) < ($1.standing ?? 0, $1.order) }
        let rivals = (newest + highest.suffix(Arrival.rivalLimit)).sorted { $0.order < $1.order }
        let isFull = waiting.count > rules.laneLimit
        guard !rivals.isEmpty || !overtakers.isEmpty || isFull else { return nil }
        let arrival = Arrival(
            lane: lanes[index].lane,
            job: job,
            rivals: rivals,
            running: lanes[index].hold.running,
            ranRevision: job.planID.flatMap { lanes[index].revisions[$0] },
            lastReset: waiting.last { $0.kind == .reset }?.order,
            isLaneFull: isFull,
            overtakers: overtakers
        )
        let admission = rules.admit(arrival)
        for settlement in admission.settlements { try settle(settlement, in: index, by: worker, at: now) }
        raise(admission.raised)
        return admission.settlements.first { $0.order == place }?.event.type
    }

    /// The model keeps every job in memory, and looks at all of them.
    private func overtakers(of job: AcceptableJob, after place: Int64, before order: Int64) -> [QueuedJob] {
        guard let requestedAt = job.requestedAt else { return [] }
        return jobs.filter { row in
            guard row.lane == job.key.lane, row.job.order > place, row.job.order < order, !row.wasRefused, !row.job.isScheduled,
                row.requestedAt.map({ $0 > requestedAt }) ?? false
            else { return false }
            let isRival = row.job.kind == job.kind && row.job.planID == job.planID
            let hasNotRun = row.event.map { [.jobSuperseded, .jobAbandoned, .jobRejected, .jobExpired].contains($0.event.type) } ?? false
            return (row.job.kind == .reset || isRival) && !hasNotRun
        }.map { row in
            var job = row.job
            job.standing = job.revision
            return job
        }.sorted { $0.order < $1.order }
    }

    mutating func enter(_ job: AcceptableJob, order: Int64, at now: Timestamp) throws(StoreError) {
        try checkKey(of: job.sealedPayload)
        jobs.append(JobRow(job, order: order, at: now))
    }

    /// Puts a lane that has got a job in line, unless a worker holds it.
    mutating func line(_ lane: Int, upFor rank: Int64) {
        var hold = lanes[lane].hold
        hold.takeIn(rank: rank) { nextTurn() }
        lanes[lane].hold = hold
    }

    mutating func laneToAccept(_ lane: Lane) -> Int {
        if let index = index(of: lane) { return index }
        lanes.append(LaneRow(lane: lane))
        return lanes.count - 1
    }
}

extension ModelTables.JobRow {
    fileprivate init(_ job: AcceptableJob, order: Int64, at now: Timestamp) {
        self.init(
            lane: job.key.lane,
            digest: job.key.digest,
            job: QueuedJob(job, order: order, at: now),
            payload: job.sealedPayload,
            requestedAt: job.requestedAt
        )
    }
}
