import Contract

/// How a claim uses a decision.
extension LaneSnapshot {
    /// Whether a claim sees a whole lane instead of a window.
    ///
    /// - Parameter backlog: the number of its unfinished jobs, scheduled checks not counted.
    package static func isComplete(backlog: Int, limit: Int = LaneSnapshot.limit) -> Bool { backlog + JobKind.scheduled.count <= limit }

    /// Asks for a decision. If the snapshot is a window, jobs that must end before the chosen one may be missing: with these,
    /// it asks again.
    ///
    /// - Parameter rivals: returns a few such jobs. It is called at most once.
    /// - Returns: the decision, and the snapshot on which it is based.
    package func decision(
        _ decide: (LaneSnapshot) -> LaneDecision,
        rivals: (QueuedJob) throws -> [QueuedJob]
    ) rethrows -> (snapshot: LaneSnapshot, decision: LaneDecision) {
        let decision = decide(self)
        guard !isComplete, case .run(let order, .work) = decision.next, let job = jobs.first(where: { $0.order == order }) else {
            return (self, decision)
        }
        let rivals = try rivals(job)
        guard !rivals.isEmpty else { return (self, decision) }
        var whole = self
        whole.jobs = (jobs + rivals).sorted { $0.order < $1.order }
        return (whole, decide(whole))
    }
}

extension LaneDecision {
    /// The part that needs no free slot. A job that could run waits for one, and jobs that end in its favour end when it begins.
    package var withoutWork: LaneDecision {
        guard case .run(_, .work) = next else { return self }
        var part = LaneDecision(next: .keep)
        part.holds = holds
        return part
    }

    /// What keeps a claim from following the decision. The lane then keeps its place in line.
    ///
    /// - Parameters:
    ///   - hasPlace: whether there is a place at the database that the lane needs.
    ///   - isSuspectRunning: whether a job runs that may kill workers. It is called only if needed.
    package func obstacle(among jobs: [QueuedJob], hasPlace: Bool, isSuspectRunning: () throws -> Bool) rethrows -> ClaimObstacle? {
        if runsSuspect(among: jobs), try isSuspectRunning() { return .suspectRuns }
        return hasPlace || !needsPlace ? nil : .databaseIsFull
    }

    /// Whether it runs a suspect. The lane keeps its place in line while another suspect runs.
    private func runsSuspect(among jobs: [QueuedJob]) -> Bool {
        guard case .run(let order, _) = next else { return false }
        return jobs.first { $0.order == order }?.isSuspect ?? false
    }

    /// Whether the lane keeps its place in line until there is a place at its database. Concluding a job makes no call.
    private var needsPlace: Bool {
        guard case .run(_, .conclude) = next else { return true }
        return false
    }
}
