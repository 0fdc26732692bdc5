import Contract
import Store

extension ModelTables {
    mutating func claim(
        _ request: ClaimRequest,
        at now: Timestamp,
        decide: (LaneSnapshot) -> LaneDecision
    ) throws(StoreError) -> ClaimResult {
        try checkPresence(of: request.worker)
        var hasMore = endPauses(by: request.worker, at: now)
        for index in lanes.indices.filter({ lanes[$0].hold.wakeAt.map { $0 <= now } ?? false })
            .sorted(by: { (lanes[$0].hold.wakeAt ?? now) < (lanes[$1].hold.wakeAt ?? now) })
        {
            lanes[index].hold.lineUp(turn: nextTurn())
        }
        var claims: [LaneClaim] = []
        for index in lanes.indices where lanes[index].hold.isFree && isOverdue(index, at: now) {
            guard claims.count < request.limit else { break }
            if let claim = try claim(index, for: request, at: now, decide: decide, &hasMore) { claims.append(claim) }
        }
        for index in lanes.indices.filter({ lanes[$0].hold.turn != nil })
            .sorted(by: { (lanes[$0].hold.rank, lanes[$0].hold.turn ?? 0) < (lanes[$1].hold.rank, lanes[$1].hold.turn ?? 0) })
        {
            guard claims.count < request.limit else { break }
            guard hasPlace(index, request) else { continue }
            if let claim = try claim(index, for: request, at: now, decide: decide, &hasMore) { claims.append(claim) }
        }
        var last: LineTurn?
        if request.limit == 0 { last = try holdInLine(for: request, at: now, decide: decide, into: &claims, &hasMore) }
        let deadlines = lanes.filter(\.hold.isFree).flatMap { unfinished($0.lane) }.compactMap(\.deadline).filter { $0 > now }
        let nextWake = (lanes.compactMap(\.hold.wakeAt) + deadlines).min()
        var result = ClaimResult(claims: claims, events: events, nextWake: nextWake, hasMore: hasMore)
        result.pauses = pauses(at: now).count
        result.last = last
        return result
    }

    /// Offers the lanes in line that a pause concerns, behind the request's place.
    ///
    /// - Returns: the last place that it looked at; `nil` at the end of the line.
    private mutating func holdInLine(
        for request: ClaimRequest,
        at now: Timestamp,
        decide: (LaneSnapshot) -> LaneDecision,
        into claims: inout [LaneClaim],
        _ hasMore: inout Bool
    ) throws(StoreError) -> LineTurn? {
        var last = request.after ?? .head
        var changed = 0
        while let index = lanes.indices.filter({ lanes[$0].hold.turn != nil && lanes[$0].hold.place > last })
            .min(by: { lanes[$0].hold.place < lanes[$1].hold.place })
        {
            guard changed < Pause.lanesPerClaim else {
                hasMore = true
                return last
            }
            last = lanes[index].hold.place
            guard !pauses(ofLane: index, at: now).isEmpty else { continue }
            let (position, places) = (lastPosition, lanes[index].hold.place)
            if let claim = try claim(index, for: request, at: now, decide: decide, &hasMore) { claims.append(claim) }
            if lastPosition > position || lanes[index].hold.place != places { changed += 1 }
        }
        return nil
    }

    private func isOverdue(_ index: Int, at now: Timestamp) -> Bool {
        unfinished(lanes[index].lane).contains { $0.deadline.map { $0 <= now } ?? false }
    }

    func hasPlace(_ index: Int, _ request: ClaimRequest) -> Bool {
        lanes[index].hold.neededDatabase.map { places(at: $0) < request.maximumLanesPerDatabase } ?? true
    }

    private func places(at database: Int64) -> Int { lanes.count { $0.hold.occupied == database } }

    private mutating func claim(
        _ index: Int,
        for request: ClaimRequest,
        at now: Timestamp,
        decide: (LaneSnapshot) -> LaneDecision,
        _ hasMore: inout Bool
    ) throws(StoreError) -> LaneClaim? {
        let worker = request.worker
        let lane = lanes[index].lane
        let waiting = unfinished(lane)
        var view = LaneView(lane: lane, jobs: waiting, revisions: lanes[index].revisions, now: now)
        view.pauses = pauses(ofLane: index, at: now)
        let (snapshot, decision) = view.decision(decide)
        mostSeen = max(mostSeen, snapshot.jobs.count)
        mostEnded = max(mostEnded, decision.settlements.count)
        let hasPlace = hasPlace(index, request)
        let needsNoPlace = hasPlace || request.limit == 0
        guard decision.obstacle(among: waiting, hasPlace: needsNoPlace, isSuspectRunning: { isSuspectRunning }) == nil else { return nil }
        for settlement in decision.settlements { try settle(settlement, in: index, by: worker, at: now) }
        for order in decision.dropped { try endCheck(order) }
        raise(decision.raised)
        for hold in decision.holds { self.hold(hold, in: index, by: worker, at: now) }
        if let job = jobIndex(decision.committed) { jobs[job].job.expiry = nil }
        let remaining = unfinished(lane)
        switch decision.next {
        case .again:
            lanes[index].hold.lineUp(rank: LaneRank.lowest(of: remaining), turn: nextTurn())
            hasMore = true
            return nil
        case .keep:
            return nil
        case .wait(let moment):
            lanes[index].hold.stay(rank: LaneRank.lowest(of: remaining), until: remaining.isEmpty ? nil : moment)
            return nil
        case .run(let order, let mode):
            guard let job = jobIndex(order), jobs[job].finishedAt == nil,
                let payload = jobs[job].payload ?? (jobs[job].job.isScheduled ? [] : nil)
            else {
                throw StoreError(.unexpected, "The job to run is not among the lane's unfinished ones.")
            }
            let due = jobs[job].job.notBefore
            jobs[job].job.begin(under: request, at: now)
            jobs[job].begunAt = now
            lanes[index].hold.lease(to: worker, running: order, hasPlace: hasPlace)
            return LaneClaim(
                token: ClaimToken(lane: lane, worker: worker, fence: lanes[index].hold.fence, order: order),
                job: jobs[job].job,
                dueSince: due,
                sealedPayload: payload,
                mode: mode,
                state: lanes[index].state(of: jobs[job].job)
            )
        }
    }

    mutating func settle(_ settlement: LaneDecision.Settlement, in index: Int, by worker: WorkerID, at now: Timestamp) throws(StoreError) {
        let entry = publish(settlement.event, in: index, by: worker)
        try finish(settlement.order, with: entry.event, code: settlement.code.rawValue, givenUp: settlement.givenUp, at: now)
        if let job = jobIndex(settlement.order) { note(AuditEntry(settlement, of: auditedJob(job), by: worker, at: now)) }
    }

    mutating func raise(_ standings: [Int64: Int64]) {
        for (order, standing) in standings {
            if let job = jobIndex(order) { jobs[job].job.standing = standing }
        }
    }

    var isSuspectRunning: Bool {
        lanes.contains { row in
            !row.hold.isFree && jobs.contains { $0.job.order == row.hold.running && $0.job.isSuspect }
        }
    }

    mutating func occupy(database: Int64, under claim: ClaimToken, limit: Int) throws(StoreError) -> Bool {
        let index = try index(under: claim)
        guard lanes[index].hold.occupied != database else { return true }
        let hasPlace = places(at: database) < limit
        lanes[index].hold.occupy(database, hasPlace: hasPlace)
        return hasPlace
    }

    func linkedServices(_ ids: [Int64]?, in database: Int64, besides lane: Lane) -> Set<Int64> {
        let others = lanes.filter { $0.lane != lane && $0.state.connection?.databaseID == database }
        let linked = others.flatMap {
            $0.state.bindings.compactMap(\.autotaskServiceID) + $0.state.openWrites.compactMap(\.autotaskServiceID)
        }
        return ids.map { Set(linked).intersection($0) } ?? Set(linked)
    }

    mutating func link(_ entries: [JournalEntry], in database: Int64, under claim: ClaimToken) throws(StoreError) -> LinkOutcome {
        let index = try index(under: claim)
        let ids = Set(entries.compactMap(\.autotaskServiceID))
        let plans = Set(entries.map(\.planID))
        let written = lanes[index].state.openWrites.filter { !plans.contains($0.planID) }.compactMap(\.autotaskServiceID)
        let taken = linkedServices(Array(ids), in: database, besides: claim.lane).union(ids.intersection(written))
        guard taken.isEmpty else { return .taken(taken) }
        apply(entries, to: index)
        return .linked(unsettledSince: lanes.indices.filter { $0 != index }.compactMap { lanes[$0].state.unsettledSince }.max())
    }

    func boundServices(of lane: Lane, after: ServiceKey?, limit: Int) -> [ServiceBinding] {
        guard let state = index(of: lane).map({ lanes[$0].state }) else { return [] }
        let unsettled = Set(state.openWrites.map { ServiceKey(planID: $0.planID, serviceKey: $0.serviceKey) })
        let bound = state.bindings.filter { $0.autotaskServiceID != nil && !unsettled.contains($0.key) }
        return Array(
            bound.drop { binding in after.map { (binding.planID, binding.serviceKey) <= ($0.planID, $0.serviceKey) } ?? false }.prefix(
                limit
            )
        )
    }

    func bindings(to ids: [Int64], in lane: Lane) -> [ServiceBinding] {
        (index(of: lane).map { lanes[$0].state.bindings } ?? []).filter { $0.autotaskServiceID.map(ids.contains) ?? false }
    }

    mutating func journal(
        _ entries: [JournalEntry],
        notes: [AuditNote],
        under claim: ClaimToken,
        at now: Timestamp
    ) throws(StoreError) -> BatchStop? {
        let index = try index(under: claim)
        apply(entries, to: index)
        if let job = jobIndex(claim.order) { note(notes, of: auditedJob(job), by: claim.worker, at: now) }
        if entries.contains(where: { $0.state == .sent }), let job = jobIndex(claim.order) { jobs[job].job.hasWritten = true }
        if unfinished(claim.lane).contains(where: { $0.kind == .reset && $0.order > claim.order }) { return .reset }
        return pauses(ofLane: index, at: now).contains { $0.scope.holds(.sync) } ? .pause : nil
    }

    mutating func complete(_ claim: ClaimToken, with completion: Completion, at now: Timestamp) throws(StoreError) -> [OutboxEntry] {
        let index = try index(under: claim)
        guard let job = jobIndex(claim.order) else { throw StoreError(.unexpected, "A job that runs is not there.") }
        try completion.check(isScheduled: jobs[job].job.isScheduled)
        if completion.changes.resets { lanes[index].awaitsErasure = true }
        let entries = completion.events.map { publish($0, in: index, by: claim.worker) }
        try apply(completion.changes, to: index, at: now)
        note(completion.changes.notes, of: auditedJob(job), by: claim.worker, at: now)
        if !completion.isRepetition { note(AuditEntry(completion, of: auditedJob(job), by: claim.worker, at: now)) }
        extendDeadlines(in: index, besides: job, at: now)
        if !completion.attempt.endsJob {
            jobs[job].add(completion)
        } else if jobs[job].job.isScheduled {
            try endCheck(claim.order)
        } else if let terminal = entries.first(where: { $0.event.event.type.isTerminal }) {
            let (code, givenUp) = (completion.attempt.failure?.code.rawValue, completion.attempt.givenUp)
            try finish(claim.order, with: terminal.event, code: code, givenUp: givenUp, at: now)
            jobs[job].add(completion)
        }
        lanes[index].hold.release(isPostponed: completion.attempt.ending == .postponed)
        schedule(index, at: now)
        return entries
    }
}

extension ModelTables {
    /// Adds the time during which another job ran to the deadlines of the lane's due jobs.
    mutating func extendDeadlines(in index: Int, besides running: Int, at now: Timestamp) {
        guard let begun = jobs[running].begunAt else { return }
        for job in jobs.indices where job != running && jobs[job].lane == lanes[index].lane && jobs[job].finishedAt == nil {
            guard let deadline = jobs[job].job.deadline else { continue }
            jobs[job].job.deadline = deadline + max(now - max(begun, jobs[job].job.notBefore ?? begun), .zero)
        }
    }
}

// MARK: - Changes that a job makes to its lane

extension ModelTables {
    private mutating func apply(_ changes: LaneChanges, to index: Int, at now: Timestamp) throws(StoreError) {
        if changes.resets { reset(index, at: now) }
        var state = lanes[index].state
        state.isEligible = state.isEligible || changes.becomesEligible
        state.isEnabled = state.isEnabled || changes.becomesEnabled
        if case .set(var record) = changes.connection {
            if let key = state.connection?.wrappedKey, !changes.replacesCredentialsKey {
                record.wrappedKey = key
            } else {
                try checkKey(of: record.wrappedKey)
            }
            state.connection = record
        } else {
            changes.connection.apply(to: &state.connection)
        }
        switch changes.refusedCredentials {
        case .keep: break
        case .remember(let refused):
            state.refusedCredentials.removeAll { $0.digest == refused.digest }
            state.refusedCredentials = Array(
                (state.refusedCredentials + [refused]).sorted { $0.at < $1.at }.suffix(RefusedCredentials.limit)
            )
        case .forget(let digest): state.refusedCredentials.removeAll { $0.digest == digest }
        }
        changes.billingCodes.apply(to: &state.billingCodes)
        if changes.removesBindings {
            state.unsettledSince = state.lastUnsettled
            state.bindings = []
            state.openWrites = []
            state.driftDigest = nil
        }
        if changes.becomesSettled { state.unsettledSince = nil }
        changes.driftDigest.apply(to: &state.driftDigest)
        for binding in changes.bindings {
            state.bindings.removeAll { $0.planID == binding.planID && $0.serviceKey == binding.serviceKey }
            state.bindings.append(binding)
        }
        for (planID, key) in changes.retired { state.bindings.removeAll { $0.planID == planID && $0.serviceKey == key } }
        state.bindings.sort { ($0.planID, $0.serviceKey) < ($1.planID, $1.serviceKey) }
        lanes[index].state = state
        lanes[index].hold.database = state.connection?.databaseID
        if state.connection == nil { lanes[index].checks = [:] }
        apply(changes.journal, to: index)
        if let (planID, revision) = changes.ranRevision {
            lanes[index].revisions[planID] = max(lanes[index].revisions[planID] ?? revision, revision)
        }
    }

    private mutating func reset(_ index: Int, at now: Timestamp) {
        let refused = lanes[index].state.refusedCredentials.filter { $0.at >= now - RefusedCredentials.keptByReset }
        lanes[index].checks = [:]
        lanes[index].state = LaneState(
            epoch: lanes[index].state.epoch + 1,
            isEligible: lanes[index].state.isEligible,
            unsettledSince: lanes[index].state.lastUnsettled
        )
        lanes[index].state.refusedCredentials = refused
        lanes[index].nextSequence = 1
        lanes[index].revisions = [:]
        for job in jobs.indices where jobs[job].lane == lanes[index].lane {
            jobs[job].event?.event.data = []
            jobs[job].eraseHistory()
        }
        eraseLetters(of: lanes[index].lane)
    }

    private mutating func apply(_ entries: [JournalEntry], to index: Int) {
        for entry in entries {
            lanes[index].state.openWrites.removeAll { $0.planID == entry.planID && $0.serviceKey == entry.serviceKey }
            if entry.state != .verified { lanes[index].state.openWrites.append(entry) }
        }
        lanes[index].state.openWrites.sort { ($0.planID, $0.serviceKey) < ($1.planID, $1.serviceKey) }
    }
}

extension ModelTables.LaneRow {
    /// The remembered services of all plans, and those of the job's plan for a claim.
    var whole: LaneState {
        var state = state
        state.hasBindings = !state.bindings.isEmpty
        state.hasOpenWrites = !state.openWrites.isEmpty
        state.lastSentWrite = state.openWrites.filter { $0.state == .sent }.map(\.at).max()
        return state
    }

    func state(of job: QueuedJob) -> LaneState {
        var state = whole
        state.bindings.removeAll { $0.planID != job.planID }
        state.openWrites.removeAll { $0.planID != job.planID }
        return state
    }
}

extension LaneState {
    /// The remains of an erased journal.
    fileprivate var lastUnsettled: Timestamp? {
        (openWrites.filter { $0.state == .sent }.map(\.at) + [unsettledSince].compactMap { $0 }).max()
    }
}

extension LaneChanges.Change {
    fileprivate func apply(to value: inout Value?) {
        switch self {
        case .keep: break
        case .set(let new): value = new
        case .remove: value = nil
        }
    }
}
