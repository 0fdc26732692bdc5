import Contract
import Store

/// Scheduled checks.
extension ModelTables {
    mutating func enterChecks(_ round: CheckRound, at now: Timestamp) -> Int {
        for check in round.checks {
            for index in lanes.indices where lanes[index].state.connection != nil {
                if let due = lanes[index].checks[check.kind], due <= check.latest(after: now) { continue }
                lanes[index].checks[check.kind] = check.first(after: now, chance: round.chance())
            }
        }
        var entered = 0
        let waiting = jobs.count { $0.job.isScheduled }
        for (index, check) in due(round.checks, at: now) where unfinished(lanes[index].lane).isEmpty {
            if let status = lanes[index].state.connection?.status, check.isOf(use: status) {
                guard waiting + entered < round.limit else { break }
                let lane = lanes[index].lane
                let id = JobID.scheduled(check.kind, of: lane.product)
                let job = QueuedJob(order: nextPlace(), id: id, kind: check.kind, acceptedAt: now, isScheduled: true)
                jobs.append(JobRow(lane: lane, digest: [], job: job))
                line(index, upFor: LaneRank.idle)
                entered += 1
            }
            lanes[index].checks[check.kind] = check.next(after: now, chance: round.chance())
        }
        return entered
    }

    private func due(_ checks: [CheckRound.Check], at now: Timestamp) -> [(index: Int, check: CheckRound.Check)] {
        checks.flatMap { check in
            lanes.indices.compactMap { index in lanes[index].checks[check.kind].map { (due: $0, index: index, check: check) } }
        }
        .filter { $0.due <= now }.sorted { ($0.due, $0.index) < ($1.due, $1.index) }.map { ($0.index, $0.check) }
    }

    /// Ends a check, which leaves nothing behind.
    mutating func endCheck(_ order: Int64) throws(StoreError) {
        guard let index = jobIndex(order), jobs[index].job.isScheduled else {
            throw StoreError(.unexpected, "A check that ended is not among the unfinished jobs.")
        }
        jobs.remove(at: index)
    }
}
