import Contract
import Store

extension ModelTables {
    struct PauseRow {
        var pause: Pause
        /// Whether an operator ended it before its time.
        var isEnded = false
        /// The fences of the lanes that were held when it began: their attempts may go on to the next service.
        var begunBefore: [Lane: Int64] = [:]
    }

    func pauses(at now: Timestamp) -> [Pause] { pauses.map(\.pause).filter { $0.end > now } }

    mutating func pause(_ order: PauseOrder, by actor: AuditActor, at now: Timestamp) -> Pause? {
        let same = pauses(at: now).filter { $0.scope == order.scope }
        guard pauses(at: now).count - same.count < Pause.limit else { return nil }
        for pause in same { _ = endPause(pause.id, by: actor, at: now) }
        lastPause += 1
        let pause = Pause(
            id: lastPause,
            scope: order.scope,
            reason: order.reason,
            actor: actor.description,
            begin: now,
            end: order.end
        )
        var row = PauseRow(pause: pause)
        for lane in lanes where !lane.hold.isFree { row.begunBefore[lane.lane] = lane.hold.fence }
        pauses.append(row)
        note(AuditEntry(begun: pause, by: actor, at: now))
        return pause
    }

    mutating func endPause(_ id: Int64, by actor: AuditActor, at now: Timestamp) -> Pause? {
        guard let index = pauses.firstIndex(where: { $0.pause.id == id && $0.pause.end > now }) else { return nil }
        let pause = pauses[index].pause
        pauses[index].pause.end = Timestamp(millisecondsSinceEpoch: 0)
        pauses[index].isEnded = true
        note(AuditEntry(ended: pause, by: actor, at: now))
        return pause
    }

    /// Pauses that hold the running job of a lane, although it was claimed under them.
    func breachedPauses(of lane: Lane) -> [Pause] {
        guard let index = index(of: lane), let job = jobIndex(lanes[index].hold.running), let begun = jobs[job].begunAt else { return [] }
        return pauses(ofLane: index, at: begun).filter { pause in
            let before = pauses.first { $0.pause.id == pause.id }?.begunBefore[lane]
            return pause.scope.holds(jobs[job].job.kind) && before != lanes[index].hold.fence
        }
    }

    /// The pauses in force that concern a lane.
    func pauses(ofLane index: Int, at now: Timestamp) -> [Pause] {
        let connection = lanes[index].state.connection
        let scopes = PausePlace(
            lanes[index].lane,
            database: lanes[index].hold.database,
            apiURL: connection?.zone.apiURL,
            zoneName: connection?.zone.name
        )
        .scopes
        return pauses(at: now).filter { scopes.contains($0.scope) }
    }

    /// Releases the jobs of pauses that are over, and forgets these.
    ///
    /// - Returns: whether there may be more.
    mutating func endPauses(by worker: WorkerID, at now: Timestamp) -> Bool {
        var (count, released): (Int, [Lane]) = (0, [])
        defer { for lane in released { if let index = index(of: lane), lanes[index].hold.isFree { schedule(index, at: now) } } }
        for row in pauses.filter({ $0.pause.end <= now }).sorted(by: { ($0.pause.end, $0.pause.id) < ($1.pause.end, $1.pause.id) }) {
            for job in jobs.indices where jobs[job].finishedAt == nil && jobs[job].job.pausedBy?.id == row.pause.id {
                let lane = jobs[job].lane
                guard count < Pause.jobsPerClaim, released.contains(lane) || released.count < Pause.lanesPerClaim else { return true }
                jobs[job].job.release(at: now)
                count += 1
                if !released.contains(lane) { released.append(lane) }
            }
            pauses.removeAll { $0.pause.id == row.pause.id }
            if !row.isEnded { note(AuditEntry(ended: row.pause, by: .worker(worker), at: now)) }
        }
        return false
    }

    mutating func hold(_ hold: PauseHold, in index: Int, by worker: WorkerID, at now: Timestamp) {
        if let event = hold.event { _ = publish(event, in: index, by: worker) }
        if let job = jobIndex(hold.order) { jobs[job].job.hold(hold, at: now) }
    }
}
