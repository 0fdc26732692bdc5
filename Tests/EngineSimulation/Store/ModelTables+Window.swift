package import Contract
package import Store

/// The part of a lane that a claim looks at, as every store must show it (``LaneSnapshot``), from all jobs that wait in the lane.
package struct LaneView {
    private static let windowRows = 128
    private static let expiredRows = 28
    private static let rivalRows = 20

    package var lane: Lane
    /// All unfinished jobs, in the order of acceptance.
    package var jobs: [QueuedJob]
    /// The highest revision that ran, by plan.
    package var revisions: [String: Int64]
    package var now: Timestamp
    /// How many jobs a window has. A test may make it smaller than in a store.
    package var limit: Int
    package var pauses: [Pause] = []

    package init(lane: Lane, jobs: [QueuedJob], revisions: [String: Int64], now: Timestamp, limit: Int = LaneSnapshot.limit) {
        self.lane = lane
        self.jobs = jobs
        self.revisions = revisions
        self.now = now
        self.limit = limit
    }

    /// The whole lane.
    package var whole: LaneSnapshot {
        var snapshot = LaneSnapshot(lane: lane, jobs: jobs, revisions: revisions)
        snapshot.pauses = pauses
        return snapshot
    }

    package var snapshot: LaneSnapshot {
        let asked = jobs.filter { !$0.isScheduled }
        guard !LaneSnapshot.isComplete(backlog: asked.count, limit: limit) else { return whole }
        var shown: [Int64: QueuedJob] = [:]
        func add(_ job: QueuedJob?) { if let job { shown[job.order] = job } }
        for kind in JobKind.replaceableWithoutPlan { add(asked.last { $0.kind == kind }) }
        for job in jobs.filter({ $0.hasWritten && $0.notBefore != nil }).prefix(8) { add(job) }
        for job in jobs.filter({ $0.deadline.map { $0 <= now } ?? false }).prefix(8) { add(job) }
        let fixed = shown.count
        for job in due {
            guard shown.count - fixed <= LaneView.windowRows - 3 else { break }
            add(job)
            guard !job.isScheduled, job.kind.hasPlan else { continue }
            let rivals = asked.filter { $0.kind == job.kind && $0.planID == job.planID }
            add(rivals.last { $0.standing == nil })
            add(rivals.filter { $0.standing != nil }.max { ($0.standing ?? 0, $0.order) < ($1.standing ?? 0, $1.order) })
        }
        let unbegun = jobs.filter { !$0.wasBegun }
        for job in sorted(unbegun.filter { $0.expiry.map { $0 <= now } ?? false }, by: \.expiry).prefix(LaneView.expiredRows) { add(job) }
        let moments = jobs.compactMap(\.notBefore) + unbegun.compactMap(\.expiry)
        var snapshot = LaneSnapshot(
            lane: lane,
            jobs: shown.values.sorted { $0.order < $1.order },
            revisions: revisions,
            isComplete: false,
            nextMoment: moments.filter { $0 > now }.min()
        )
        snapshot.pauses = pauses
        return snapshot
    }

    /// The decision of one claim.
    package func decision(_ decide: (LaneSnapshot) -> LaneDecision) -> (snapshot: LaneSnapshot, decision: LaneDecision) {
        let seen = snapshot
        return seen.decision(decide) { rivals(of: $0, besides: Set(seen.jobs.map(\.order))) }
    }

    private func rivals(of job: QueuedJob, besides shown: Set<Int64>) -> [QueuedJob] {
        let rivals = jobs.filter { other in
            guard !other.isScheduled, !shown.contains(other.order) else { return false }
            if job.kind == .reset, other.order < job.order { return true }
            return job.kind.isReplaceable && other.kind == job.kind && (!job.kind.hasPlan || other.planID == job.planID)
        }
        return Array(rivals.prefix(LaneView.rivalRows))
    }

    private var due: [QueuedJob] {
        let atOnce = jobs.filter { $0.notBefore == nil }.prefix(limit)
        let late = sorted(jobs.filter { $0.notBefore.map { $0 <= now } ?? false }, by: \.notBefore).prefix(limit)
        return Array((atOnce + late).sorted { $0.order < $1.order }.prefix(limit))
    }

    private func sorted(_ jobs: [QueuedJob], by moment: KeyPath<QueuedJob, Timestamp?>) -> [QueuedJob] {
        jobs.sorted { ($0[keyPath: moment] ?? now, $0.order) < ($1[keyPath: moment] ?? now, $1.order) }
    }
}
