import Contract
import Store

/// Claims the lanes of jobs that are being accepted (``ArrivalClaims``).
extension Transaction {
    /// The lanes of a batch that may be claimed; none if somebody waits already.
    func candidates(among items: [IntakeItem], under rules: IntakeRules, at now: Timestamp) throws -> Set<Lane> {
        guard let claims = rules.claims, rules.laneLimit > 0, try !isPausing(), try !connection.isAnyLaneWaiting(at: now) else { return [] }
        return claims.candidates(among: items)
    }

    /// Stores a new job with its first attempt, if it can begin at once.
    ///
    /// - Returns: `nil` if the item has to be taken in otherwise. Nothing was changed then.
    func claim(_ item: IntakeItem, in lane: LaneRow, by worker: WorkerID, for claims: ArrivalClaims, at now: Timestamp) throws -> LaneClaim?
    {
        guard case .job(let job) = item.content, item.overtakersAfter == nil else { return nil }
        guard lane.backlog == 0, lane.hold.isIdle, !lane.isSetAside else { return nil }
        var row = lane
        var queued = try arrival(of: job, at: now)
        var snapshot = LaneSnapshot(lane: row.lane, jobs: [queued], revisions: [:])
        if let planID = queued.planID, queued.revision != nil {
            snapshot.revisions[planID] = try connection.ranRevision(of: planID, lane: row.id)
        }
        let decision = claims.decide(snapshot)
        guard let mode = decision.runsAlone(queued.order), try hasPlace(row, claims.request) else { return nil }
        let state: LaneState
        do { state = try connection.laneState(row, planID: queued.planID) } catch let error as StoreError where error.code == .corrupt {
            // The claim from the line sets the lane aside.
            return nil
        }
        queued.begin(under: claims.request, at: now)
        try insert(job, queued, in: row.id)
        row.backlog += 1
        row.hold.lease(to: worker, running: queued.order, hasPlace: true)
        // At once: the next lane of the batch may need a place at the same database.
        try save(row)
        return LaneClaim(
            token: ClaimToken(lane: row.lane, worker: worker, fence: row.hold.fence, order: queued.order),
            job: queued,
            sealedPayload: job.sealedPayload,
            mode: mode,
            state: state
        )
    }
}

extension StoreConnection {
    /// Whether a lane is in line, or is due to join it.
    fileprivate func isAnyLaneWaiting(at now: Timestamp) throws -> Bool {
        try first("SELECT 1 FROM lanes WHERE turn IS NOT NULL LIMIT 1") { _ in true } ?? false
            || first("SELECT 1 FROM lanes WHERE wake_at IS NOT NULL AND wake_at <= ? LIMIT 1", now) { _ in true } ?? false
    }
}
