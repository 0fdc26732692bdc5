import Contract
import Store

/// Claims lanes, and finds places at their Autotask databases.
extension Transaction {
    /// The number of lanes that are read together.
    static let page = 64
    /// The maximum number of lanes that join the line in one call because their time has come.
    private static let wakeLimit = 256
    /// The numbers of read job rows and of ended jobs after which a call examines no further lane, since others wait for the transaction.
    static let rowLimit = 2048
    static let endLimit = 256

    func claim(_ request: ClaimRequest, at now: Timestamp, decide: (LaneSnapshot) -> LaneDecision) throws -> ClaimResult {
        try checkPresence(of: request.worker)
        for lane in try connection.lanesToWake(at: now, limit: Transaction.wakeLimit) {
            switch lane {
            case .success(var row):
                row.hold.lineUp(turn: try next(.turn))
                try save(row)
            case .failure(let lane): try setAside(lane: lane.id, because: lane.reason)
            }
        }
        var result = ClaimResult(claims: [], events: [], nextWake: nil)
        heldLanes = 0
        result.hasMore = try endPauses(by: request.worker, at: now)
        // Lanes that went to the end of the line, for the next call.
        var again: Set<Int64> = []
        try claimOverdue(for: request, at: now, decide: decide, into: &result, &again)
        if request.limit == 0 { try holdInLine(for: request, at: now, decide: decide, into: &result) }
        var last = LineTurn.head
        var rows = connection.jobRows
        search: while result.claims.count < request.limit {
            let lanes = try connection.lanesInLine(after: last, limit: Transaction.page)
            for lane in lanes {
                guard result.claims.count < request.limit else { break search }
                guard connection.jobRows - rows < Transaction.rowLimit, result.events.count < Transaction.endLimit,
                    heldLanes < Pause.lanesPerClaim
                else {
                    result.hasMore = true
                    break search
                }
                let row: LaneRow
                switch lane {
                case .success(let readable): row = readable
                case .failure(let lane):
                    try setAside(lane: lane.id, because: lane.reason)
                    continue
                }
                last = row.hold.place
                if again.contains(row.id) { continue }
                guard try hasPlace(row, request) else { continue }
                let before = connection.jobRows
                switch try claimIfReadable(row, hasPlace: true, for: request, at: now, decide: decide, into: &result) {
                case .served: break
                case .again: again.insert(row.id)
                // It keeps its place and its rows do not count. Otherwise the lanes behind it would never get their turn.
                case .kept: rows += connection.jobRows - before
                }
            }
            if lanes.count < Transaction.page { break }
        }
        result.hasMore = result.hasMore || !again.isEmpty
        result.nextWake = try connection.nextWake(after: now)
        if try isPausing() { result.pauses = try connection.pauseCount(at: now) }
        return result
    }

    /// Offers the lanes with a job whose deadline has come. Lanes that result in no claim do not count against the limit of claims.
    ///
    /// It reads at most ``rowLimit`` rows of jobs and ends at most ``endLimit`` jobs. The lanes in line have a separate limit for rows.
    private func claimOverdue(
        for request: ClaimRequest,
        at now: Timestamp,
        decide: (LaneSnapshot) -> LaneDecision,
        into result: inout ClaimResult,
        _ again: inout Set<Int64>
    ) throws {
        let rows = connection.jobRows
        var last: Int64 = 0
        while result.claims.count < request.limit {
            let lanes = try connection.overdueLanes(at: now, after: last, limit: Transaction.page)
            for lane in lanes {
                guard result.claims.count < request.limit else { return }
                guard connection.jobRows - rows < Transaction.rowLimit, result.events.count < Transaction.endLimit,
                    heldLanes < Pause.lanesPerClaim
                else {
                    // If this call changed nothing, the next one would have the same result.
                    result.hasMore = !result.claims.isEmpty || !result.events.isEmpty
                    return
                }
                switch lane {
                case .success(let row):
                    last = row.id
                    let hasPlace = try hasPlace(row, request)
                    if case .again = try claimIfReadable(row, hasPlace: hasPlace, for: request, at: now, decide: decide, into: &result) {
                        again.insert(row.id)
                    }
                case .failure(let lane):
                    last = lane.id
                    try setAside(lane: lane.id, because: lane.reason)
                }
            }
            if lanes.count < Transaction.page { return }
        }
    }

    /// What happens to a lane's place in line.
    enum Place {
        /// The lane left the line: its job runs, or it waits.
        case served
        /// The lane went to the end of the line.
        case again
        /// The lane kept its place.
        case kept
    }

    /// Claims a lane, or sets it aside if one of its rows cannot be read. Everything is read before the first change.
    ///
    /// - Parameter hasPlace: see ``LaneHold/lease(to:running:hasPlace:)``.
    func claimIfReadable(
        _ row: LaneRow,
        hasPlace: Bool,
        for request: ClaimRequest,
        at now: Timestamp,
        decide: (LaneSnapshot) -> LaneDecision,
        into result: inout ClaimResult
    ) throws -> Place {
        do { return try claim(row, hasPlace: hasPlace, for: request, at: now, decide: decide, into: &result) } catch let error as StoreError
            where error.code == .corrupt
        {
            try setAside(lane: row.id, because: error)
            return .served
        }
    }

    private func claim(
        _ lane: LaneRow,
        hasPlace: Bool,
        for request: ClaimRequest,
        at now: Timestamp,
        decide: (LaneSnapshot) -> LaneDecision,
        into result: inout ClaimResult
    ) throws -> Place {
        let worker = request.worker
        var row = lane
        var seen = try connection.snapshot(of: row, at: now)
        if try isPausing() { seen.pauses = try connection.pauses(of: row, at: now) }
        let (snapshot, decision) = try seen.decision(decide) { try connection.rivals(of: $0, besides: seen, lane: row.id, at: now) }
        let jobs = snapshot.jobs
        // A call that claims nothing for work takes no place at a database.
        let needsNoPlace = hasPlace || request.limit == 0
        guard try decision.obstacle(among: jobs, hasPlace: needsNoPlace, isSuspectRunning: connection.isSuspectRunning) == nil else {
            return .kept
        }
        var state: LaneState?
        if case .run(let order, _) = decision.next {
            state = try connection.laneState(row, planID: jobs.first { $0.order == order }?.planID)
        }

        var remaining = jobs
        for settlement in decision.settlements {
            guard let job = remaining.first(where: { $0.order == settlement.order }) else {
                throw StoreError(.unexpected, "A job that should end is not among the lane's unfinished jobs.")
            }
            result.events.append(try settle(settlement, of: job, in: &row, by: worker, at: now))
            remaining.removeAll { $0.order == settlement.order }
        }
        for order in decision.dropped {
            try endCheck(order)
            remaining.removeAll { $0.order == order }
        }
        try raise(decision.raised)
        if !decision.holds.isEmpty { heldLanes += 1 }
        for hold in decision.holds {
            if let event = try self.hold(hold, in: &row, by: worker, at: now) { result.events.append(event) }
        }
        if let order = decision.committed { try connection.run("UPDATE jobs SET expiry = NULL WHERE place = ?", order) }
        switch decision.next {
        case .wait(let moment):
            let rank = snapshot.isComplete ? LaneRank.lowest(of: remaining) : try rank(of: row)
            row.hold.stay(rank: rank, until: remaining.isEmpty ? nil : moment)
        case .again:
            row.hold.lineUp(rank: try rank(of: row), turn: try next(.turn))
            try save(row)
            return .again
        case .keep:
            if !decision.holds.isEmpty { try save(row) }
            return .kept
        case .run(let order, let mode):
            guard var job = remaining.first(where: { $0.order == order }), let state else {
                throw StoreError(.unexpected, "A job that should run is not among the lane's unfinished jobs.")
            }
            row.hold.lease(to: worker, running: order, hasPlace: hasPlace)
            let due = job.notBefore
            job.begin(under: request, at: now)
            let payload = try begin(job, wasPutOff: due != nil, at: now)
            result.claims.append(
                LaneClaim(
                    token: ClaimToken(lane: row.lane, worker: worker, fence: row.hold.fence, order: order),
                    job: job,
                    dueSince: due,
                    sealedPayload: payload,
                    mode: mode,
                    state: state
                )
            )
        }
        try save(row)
        return .served
    }

    /// Ends a job without a run.
    func settle(
        _ settlement: LaneDecision.Settlement,
        of job: QueuedJob,
        in row: inout LaneRow,
        by worker: WorkerID,
        at now: Timestamp
    ) throws -> OutboxEntry {
        let entry = try publish(settlement.event, in: &row, by: worker)
        if job.kind == .sync { try endIntendedWrites(of: settlement.order) }
        try finish(settlement.order, with: entry.event, code: settlement.code.rawValue, givenUp: settlement.givenUp, at: now)
        row.backlog -= 1
        try audit(AuditEntry(settlement, of: AuditedJob(job, in: row.lane), by: worker, at: now))
        return entry
    }

    /// See ``LaneDecision/raised``.
    func raise(_ standings: [Int64: Int64]) throws {
        for (order, standing) in standings {
            try connection.run("UPDATE jobs SET standing = ? WHERE place = ? AND finished_at IS NULL", standing, order)
        }
    }

    /// Begins an attempt and counts it.
    ///
    /// - Returns: the job's sealed payload.
    private func begin(_ job: QueuedJob, wasPutOff: Bool, at now: Timestamp) throws -> [UInt8] {
        // Two statements are cheaper than one with RETURNING, which builds a table. An UPDATE without a column leaves its index alone.
        if wasPutOff {
            try connection.run(
                """
                UPDATE jobs SET attempts = ?, not_before = NULL, begun_at = ?, deadline = ?, paused_by = NULL, paused_since = NULL, paused_for = ?
                WHERE place = ?
                """,
                job.attempts,
                now,
                job.deadline,
                job.pausedFor.wholeMilliseconds,
                job.order
            )
        } else {
            try connection.run(
                "UPDATE jobs SET attempts = ?, begun_at = ?, deadline = ? WHERE place = ?",
                job.attempts,
                now,
                job.deadline,
                job.order
            )
        }
        guard let payload = try connection.first("SELECT payload FROM jobs WHERE place = ?", job.order, read: { $0.bytes(0) }) else {
            throw StoreError(.unexpected, "A job that should run does not exist.")
        }
        return payload
    }

    // MARK: Databases

    func hasPlace(_ row: LaneRow, _ request: ClaimRequest) throws -> Bool {
        guard let database = row.hold.neededDatabase else { return true }
        return try places(at: database) < request.maximumLanesPerDatabase
    }

    /// Counts the lanes that have a place at an Autotask database.
    private func places(at database: Int64) throws -> Int {
        try connection.first("SELECT COUNT(*) FROM lanes WHERE occupied = ?", database) { $0.count(0) } ?? 0
    }

    func occupy(database: Int64, under claim: ClaimToken, limit: Int) throws -> Bool {
        var row = try lane(under: claim)
        guard row.hold.occupied != database else { return true }
        let hasPlace = try places(at: database) < limit
        row.hold.occupy(database, hasPlace: hasPlace)
        try save(row)
        return hasPlace
    }
}
