import Contract
import Store

/// The pauses that hold jobs of one lane.
struct Pausing {
    private let pauses: [Pause]

    init(_ snapshot: LaneSnapshot) { pauses = snapshot.pauses }

    var isEmpty: Bool { pauses.isEmpty }

    /// The pause that holds a job: of several, the one that ends last.
    subscript(job: QueuedJob) -> Pause? {
        guard !pauses.isEmpty else { return nil }
        return pauses.filter { $0.scope.holds(job.kind) }.max { ($0.end, $0.id) < ($1.end, $1.id) }
    }
}

extension LaneOrder {
    /// The places of jobs for which a person waits that may not pass a job which a pause holds, each with that pause.
    func heldBehind(_ jobs: [QueuedJob], _ pauses: Pausing) -> [(job: Int64, pause: Pause)] {
        guard !pauses.isEmpty else { return [] }
        return jobs.enumerated().compactMap { index, job in
            guard job.kind.isInteractive, pauses[job] == nil else { return nil }
            let held = jobs[..<index].lazy.filter { !LaneOrder.mayPass(job, $0) }.compactMap { pauses[$0] }
            return held.first.map { (job.order, $0) }
        }
    }

    /// Holds a job that is due. One that waits for its next attempt is held when that comes, if the pause lasts so long.
    func hold(_ job: QueuedJob, _ pauses: Pausing) -> PauseHold? {
        guard let pause = pauses[job], job.notBefore.map({ $0 <= now }) ?? true else { return nil }
        let isKnown = job.pausedBy?.id == pause.id
        guard !job.isScheduled, !isKnown else {
            return PauseHold(order: job.order, pause: pause.id, until: pause.end, event: nil, deferral: nil)
        }
        return PauseHold(
            order: job.order,
            pause: pause.id,
            until: pause.end,
            event: event(.jobDeferred, job, pause.deferral(of: job)),
            deferral: PublishedDeferral(code: .held, delay: max(pause.end - now, .zero))
        )
    }
}

extension LaneDecision {
    /// Holds those of the jobs that neither run nor end.
    mutating func hold(_ jobs: [QueuedJob], _ pauses: Pausing, by order: LaneOrder) {
        var gone = Set(settlements.map(\.order))
        if case .run(let place, _) = next { gone.insert(place) }
        holds = jobs.compactMap { gone.contains($0.order) ? nil : order.hold($0, pauses) }
    }
}

extension Pause {
    /// Why a job does not run.
    var error: JobError { JobError(.held) }

    /// The data of the `job.deferred` that reports it.
    fileprivate func deferral(of job: QueuedJob) -> JSONObject {
        ["until": .string(end.description), "attempt": JSON(job.attempts), "error": error.triedAgain(at: end).json]
    }
}
