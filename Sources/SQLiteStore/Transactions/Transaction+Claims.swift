import Contract
import Store

/// Claiming lanes, and finding a place at their Autotask databases.
extension Transaction {
    /// From this many interruptions on a job is a suspect, of which one runs at a time (design decision 5).
    private static let suspectInterruptions = 2
    /// Lanes looked at in one go.
    private static let page = 64

    func claim(_ request: ClaimRequest, at now: Timestamp, decide: (LaneSnapshot) -> LaneDecision) throws -> ClaimResult {
        try checkPresence(of: request.worker)
        for lane in try connection.lanesToWake(at: now) {
            switch lane {
            case .success(var row):
                row.wakeAt = nil
                row.turn = try next(.turn)
                try save(row)
            case .failure(let lane): try setAside(lane: lane.id, because: lane.reason)
            }
        }
        var result = ClaimResult(claims: [], events: [], nextWake: nil)
        for lane in try connection.overdueLanes(at: now, limit: min(request.limit, Transaction.page)) {
            switch lane {
            case .success(let row): try claimIfReadable(row, for: request, at: now, decide: decide, into: &result)
            case .failure(let lane): try setAside(lane: lane.id, because: lane.reason)
            }
        }
        var last: (rank: Int64, turn: Int64) = (-1, 0)
        search: while result.claims.count < request.limit {
            let lanes = try connection.lanesInLine(afterRank: last.rank, turn: last.turn, limit: Transaction.page)
            for lane in lanes {
                guard result.claims.count < request.limit else { break search }
                switch lane {
                case .success(let row):
                    last = (row.rank, row.turn ?? 0)
                    guard try hasPlace(row, request) else { continue }
                    try claimIfReadable(row, for: request, at: now, decide: decide, into: &result)
                case .failure(let lane): try setAside(lane: lane.id, because: lane.reason)
                }
            }
            if lanes.count < Transaction.page { break }
        }
        result.nextWake = try connection.nextWake(after: now)
        return result
    }

    /// Whatever cannot be read is read before anything is changed: then the lane is set aside.
    private func claimIfReadable(
        _ row: LaneRow,
        for request: ClaimRequest,
        at now: Timestamp,
        decide: (LaneSnapshot) -> LaneDecision,
        into result: inout ClaimResult
    ) throws {
        do { try claim(row, for: request, at: now, decide: decide, into: &result) } catch let error as StoreError
            where error.code == .corrupt
        {
            try setAside(lane: row.id, because: error)
        }
    }

    private func claim(
        _ lane: LaneRow,
        for request: ClaimRequest,
        at now: Timestamp,
        decide: (LaneSnapshot) -> LaneDecision,
        into result: inout ClaimResult
    ) throws {
        let worker = request.worker
        var row = lane
        let jobs = try connection.unfinishedJobs(lane: row.id)
        let decision = decide(LaneSnapshot(lane: row.lane, jobs: jobs, revisions: try connection.revisions(lane: row.id)))
        if case .run(let order, _) = decision.next, let job = jobs.first(where: { $0.order == order }),
            job.interruptions >= Transaction.suspectInterruptions, try isSuspectRunning()
        {
            // The lane keeps its place in line until the other has ended.
            return
        }
        let hasPlace = try hasPlace(row, request)
        // Without a place at its database, nothing is called.
        if !hasPlace {
            guard case .run(_, .conclude) = decision.next else { return }
        }
        var state: LaneState?
        if case .run(let order, _) = decision.next {
            state = try connection.laneState(row, planID: jobs.first { $0.order == order }?.planID)
        }

        var remaining = jobs
        for settlement in decision.settlements {
            let entry = try publish(settlement.event, in: &row, by: worker)
            try finish(settlement.order, with: entry.event, givenUp: settlement.givenUp, at: now)
            if let job = remaining.first(where: { $0.order == settlement.order }) {
                try tell(AuditEntry(settlement, of: AuditedJob(job, in: row.lane), by: worker, at: now))
            }
            remaining.removeAll { $0.order == settlement.order }
            result.events.append(entry)
        }
        for order in decision.dropped {
            try endCheck(order)
            remaining.removeAll { $0.order == order }
        }
        switch decision.next {
        case .wait(let moment):
            row.rank = remaining.map { LaneRow.rank(of: $0.kind, isScheduled: $0.isScheduled) }.min() ?? LaneRow.idleRank
            row.turn = nil
            row.wakeAt = remaining.isEmpty ? nil : moment
        case .run(let order, let mode):
            guard var job = remaining.first(where: { $0.order == order }), let state else {
                throw StoreError(.unexpected, "A job is to run that is not among the lane's unfinished.")
            }
            row.lease(to: worker, running: order)
            if !hasPlace { row.occupied = nil }
            job.attempts += 1
            job.notBefore = nil
            job.deadline = request.deadline(of: job, at: now)
            result.claims.append(
                LaneClaim(
                    token: ClaimToken(lane: row.lane, worker: worker, fence: row.fence, order: order),
                    job: job,
                    sealedPayload: try begin(job, at: now),
                    mode: mode,
                    state: state
                )
            )
        }
        try save(row)
    }

    /// Counts the attempt.
    ///
    /// - Returns: the job's sealed payload.
    private func begin(_ job: QueuedJob, at now: Timestamp) throws -> [UInt8] {
        // Two statements are cheaper than one with RETURNING, for which SQLite makes a table.
        try connection.run(
            "UPDATE jobs SET attempts = attempts + 1, not_before = NULL, begun_at = ?, deadline = ? WHERE place = ?",
            now,
            job.deadline,
            job.order
        )
        guard let payload = try connection.first("SELECT payload FROM jobs WHERE place = ?", job.order, read: { $0.bytes(0) }) else {
            throw StoreError(.unexpected, "A job is to run that is not there.")
        }
        return payload
    }

    private func isSuspectRunning() throws -> Bool {
        try connection.first(
            """
            SELECT 1 FROM lanes JOIN jobs ON jobs.place = lanes.running
            WHERE lanes.worker IS NOT NULL AND jobs.interruptions >= ? LIMIT 1
            """,
            Transaction.suspectInterruptions
        ) { _ in true } ?? false
    }

    // MARK: Databases

    private func hasPlace(_ row: LaneRow, _ request: ClaimRequest) throws -> Bool {
        guard let database = row.neededDatabase else { return true }
        return try places(at: database) < request.maximumLanesPerDatabase
    }

    /// How many lanes have a place at an Autotask database.
    private func places(at database: Int64) throws -> Int {
        try connection.first("SELECT COUNT(*) FROM lanes WHERE occupied = ?", database) { $0.int(0) } ?? 0
    }

    func occupy(database: Int64, under claim: ClaimToken, limit: Int) throws -> Bool {
        var row = try lane(under: claim)
        guard row.occupied != database else { return true }
        let isFree = try places(at: database) < limit
        // Either it has its place now, or it is to be claimed again when there is one.
        if isFree { row.occupied = database } else { row.wanted = database }
        try save(row)
        return isFree
    }
}
