import Contract
import Store

/// Which job of a lane runs next, and which end without being run (`contract.md` 3, "Order and supersession"). Pure.
struct LaneOrder {
    /// A job that was interrupted this often is taken for what kills the worker (design decision 5).
    static let maximumInterruptions = 5

    let now: Timestamp
    /// Makes the terminal event of a job that ends without being run.
    let event: (EventType, QueuedJob, JSONObject) -> Event

    func decide(_ snapshot: LaneSnapshot) -> LaneDecision {
        var settlements: [LaneDecision.Settlement] = []
        var dropped: [Int64] = []
        var remaining: [QueuedJob] = []
        // The worker's own, behind all that was asked for.
        var checks: [QueuedJob] = []
        var concluding: LaneDecision.Next?
        for job in snapshot.jobs {
            if job.isScheduled {
                if isNeedless(job, among: snapshot.jobs) { dropped.append(job.order) } else { checks.append(job) }
            } else if job.interruptions >= LaneOrder.maximumInterruptions {
                var settlement = settle(job, .jobAbandoned, JobError(.poison))
                settlement.givenUp = GivenUp(.interrupted, JobError(.poison))
                settlements.append(settlement)
            } else if let newer = snapshot.jobs.last(where: { supersedes($0, job) }) {
                if job.hasWritten {
                    // What it did has to be told, service by service: its handler does that, before anything else runs.
                    concluding = concluding ?? .run(order: job.order, .conclude(JobError(.superseded)))
                } else {
                    settlements.append(settle(job, .jobSuperseded, JobError(.superseded), ["supersededBy": .string(newer.id.description)]))
                }
            } else if job.isFromBackup {
                if job.hasWritten {
                    concluding = concluding ?? .run(order: job.order, .conclude(LaneOrder.restored))
                } else {
                    settlements.append(settle(job, .jobSuperseded, LaneOrder.restored))
                }
            } else if isStale(job, revisions: snapshot.revisions) {
                settlements.append(settle(job, .jobSuperseded, JobError(.superseded)))
            } else if let expiry = job.expiry, expiry <= now, !job.wasBegun {
                settlements.append(settle(job, .jobExpired, JobError(.expired)))
            } else if let deadline = job.deadline, deadline <= now {
                // Its handler knows the event that the page waits for.
                concluding = concluding ?? .run(order: job.order, .conclude(LaneOrder.outOfTime(job)))
            } else {
                remaining.append(job)
            }
        }
        return LaneDecision(settlements: settlements, dropped: dropped, next: concluding ?? next(of: remaining + checks))
    }

    /// Whether a check of the worker's own is not to be made: a portal asks for the same, a reset waits, a restored store held it, or it is what
    /// kills the worker. It comes again by itself.
    private func isNeedless(_ check: QueuedJob, among jobs: [QueuedJob]) -> Bool {
        check.isFromBackup || check.interruptions >= LaneOrder.maximumInterruptions
            || jobs.contains { !$0.isScheduled && ($0.kind == check.kind || $0.kind == .reset) }
    }

    /// Why a job ends that a restored store held unfinished.
    private static let restored = JobError(
        .superseded,
        "The worker's store was restored from a backup that held this request unfinished.",
        hint: "If it is still wanted, send it again as a new request."
    )

    /// Why a job ends whose deadline has come (``QueuedJob/deadline``): what put it off last.
    private static func outOfTime(_ job: QueuedJob) -> JobError {
        if let last = job.lastDeferral { return JobError(last.code, isRetryable: true).referring(to: job.id) }
        return JobError(
            .timeout,
            "The request did not end in time: it was interrupted, or other requests for the same Autotask database took all the time.",
            hint: "Try again."
        )
    }

    private func settle(_ job: QueuedJob, _ type: EventType, _ error: JobError, _ members: JSONObject = [:]) -> LaneDecision.Settlement {
        var data: JSONObject = ["error": error.json]
        for member in members.members { data[member.name] = member.value }
        return LaneDecision.Settlement(order: job.order, event: event(type, job, data))
    }

    /// Whether it holds an older plan than one that ran.
    private func isStale(_ job: QueuedJob, revisions: [String: Int64]) -> Bool {
        guard !job.wasBegun, let revision = job.revision, let planID = job.planID, let ran = revisions[planID] else { return false }
        return revision < ran
    }

    private func supersedes(_ other: QueuedJob, _ job: QueuedJob) -> Bool {
        guard other.order != job.order, !other.isScheduled else { return false }
        let isNewer = other.order > job.order
        if other.kind == .reset { return isNewer }
        guard other.kind == job.kind else { return false }
        // Syncs of different plans do not replace each other: each plan's services have to arrive. Nor do previews: each is waited for.
        guard job.kind == .sync || job.kind == .preview else { return isNewer }
        guard other.planID == job.planID else { return false }
        if let revision = job.revision, let otherRevision = other.revision, revision != otherRevision { return otherRevision > revision }
        return isNewer
    }

    private func next(of jobs: [QueuedJob]) -> LaneDecision.Next {
        var waitingBefore: [QueuedJob] = []
        for job in jobs {
            let isDue = job.notBefore.map { $0 <= now } ?? true
            if isDue, waitingBefore.allSatisfy({ LaneOrder.mayPass(job, $0) }) { return .run(order: job.order, .work) }
            waitingBefore.append(job)
        }
        // Something becomes due, or the time of something that was never begun is up.
        let moments = jobs.compactMap { job in
            [job.notBefore, job.wasBegun ? nil : job.expiry, job.deadline].compactMap { $0 }.filter { $0 > now }.min()
        }
        return .wait(until: moments.min())
    }

    /// Whether a job may run although an earlier one waits for its retry.
    private static func mayPass(_ job: QueuedJob, _ waiting: QueuedJob) -> Bool {
        // A diagnosis is asked for because something waits.
        if job.kind == .reset || job.kind == .connect || job.kind == .diagnose { return true }
        if waiting.kind == .sync, waiting.hasWritten { return false }
        if waiting.kind == .connect { return job.kind == .verify }
        return true
    }
}
