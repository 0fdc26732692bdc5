import Contract

/// What a claim makes of a decision.
extension LaneSnapshot {
    /// Whether a claim sees all of a lane, and not a window of it.
    ///
    /// - Parameter backlog: the number of its unfinished jobs, scheduled checks not counted.
    package static func isComplete(backlog: Int, limit: Int = LaneSnapshot.limit) -> Bool { backlog + JobKind.scheduled.count <= limit }

    /// Asks for a decision. If the job that is to run is seen in a window, jobs that have to end before it may wait outside of it: with these,
    /// it asks once more.
    ///
    /// - Parameter rivals: such jobs; few. It is called at most once.
    /// - Returns: the decision, and the jobs that it was made about.
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
    /// Whether it runs a suspect: the lane keeps its place in line while another one runs.
    package func runsSuspect(among jobs: [QueuedJob]) -> Bool {
        guard case .run(let order, _) = next else { return false }
        return jobs.first { $0.order == order }?.isSuspect ?? false
    }

    /// Whether the lane keeps its place in line as long as there is none at its database. Concluding a job makes no call.
    package var needsPlace: Bool {
        guard case .run(_, .conclude) = next else { return true }
        return false
    }
}
