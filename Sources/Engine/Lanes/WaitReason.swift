import Autotask
package import Contract
package import Store

/// Why an unfinished job does not run now: the output of the functions by which a claim decides.
package enum WaitReason: Hashable, Sendable {
    /// It runs, since a moment.
    case running(WorkerID, since: Timestamp?)
    /// The worker that holds its lane is silent: another takes over when its lease ends.
    case workerSilent(WorkerID, leaseEnd: Timestamp?)
    /// No worker is there.
    case noWorker
    /// A row of its integration cannot be read.
    case setAside(String)
    /// The time of its next attempt has not come; `code` is the last failure's.
    case retry(at: Timestamp, code: ErrorCode?)
    /// The time of its next attempt has not come, and a worker holds back calls to the part of Autotask that it needs.
    case heldBack(CallBarrier, retry: Timestamp, code: ErrorCode)
    /// A job of the same integration goes first.
    case behind(JobID, JobKind, isRunning: Bool)
    /// A newer job replaces it as soon as that begins.
    case replaced(by: JobID)
    /// So many jobs of its integration wait that a decision does not see it yet.
    case manyBefore(Int)
    /// It ends in this event, without a run, when a worker next looks at its integration.
    case ends(EventType, ErrorCode)
    /// It may kill workers, and another such job runs.
    case suspect
    /// Other integrations work on its Autotask database, at most ``ClaimRequest/lanesPerDatabase`` at a time.
    case databaseFull(Int64, by: [Lane])
    /// A pause holds it.
    case paused(Pause)
    /// It could run: it waits for a free slot. This many integrations are in line before its own.
    case inLine(ahead: Int)
}

extension LaneSituation {
    /// Why each of these jobs of the lane does not run, by its place.
    package func reasons(of jobs: [QueuedJob], at now: Timestamp) -> [Int64: WaitReason] {
        let shown = Set(snapshot.jobs.map(\.order))
        return Dictionary(
            jobs.map { job in
                let isShown = shown.contains(job.order) || job.order == holder?.job?.order
                return (job.order, isShown ? reason(of: job, at: now) : Pausing(snapshot)[job].map { .paused($0) } ?? .manyBefore(backlog))
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Why an unfinished job that the snapshot shows, or that runs, does not run.
    ///
    /// - Parameter now: the time of the situation.
    package func reason(of job: QueuedJob, at now: Timestamp) -> WaitReason {
        if let setAside { return .setAside(setAside) }
        if let holder {
            guard let end = holder.leaseEnd, end > now else { return .workerSilent(holder.worker, leaseEnd: holder.leaseEnd) }
            guard let running = holder.job, running.order != job.order else { return .running(holder.worker, since: holder.begunAt) }
            if let pause = Pausing(snapshot)[job] { return .paused(pause) }
            if let until = job.notBefore, until > now { return retry(of: job, at: until) }
            return .behind(running.id, running.kind, isRunning: true)
        }
        if workers == 0 { return .noWorker }
        var order = LaneOrder(now: now) { type, job, data in
            Event(id: "", type: type, lane: snapshot.lane, jobID: job.id, time: now, traceparent: nil, data: data)
        }
        order.isExplaining = true
        let decision = order.decide(snapshot)
        if let settlement = decision.settlements.first(where: { $0.order == job.order }) {
            return .ends(settlement.event.type, settlement.code)
        }
        switch decision.waiting[job.order] {
        case .until(let moment): return retry(of: job, at: moment)
        case .paused(let pause): return .paused(pause)
        case .behind(let place): return behind(place)
        case .replaced(let place): return snapshot.jobs.first { $0.order == place }.map { .replaced(by: $0.id) } ?? .manyBefore(backlog)
        case nil: break
        }
        guard case .run(job.order, _) = decision.next else { return .manyBefore(backlog) }
        let hasPlace = occupants.count < ClaimRequest.lanesPerDatabase
        switch decision.obstacle(among: snapshot.jobs, hasPlace: hasPlace, isSuspectRunning: { isSuspectRunning }) {
        case .suspectRuns: return .suspect
        case .databaseIsFull: return .databaseFull(hold.neededDatabase ?? 0, by: occupants)
        case nil: return .inLine(ahead: ahead)
        }
    }

    private func retry(of job: QueuedJob, at moment: Timestamp) -> WaitReason {
        guard let code = job.lastDeferral?.code, code.isOfAutotask, let barrier = barrier(before: job) else {
            return .retry(at: moment, code: job.lastDeferral?.code)
        }
        return .heldBack(barrier, retry: moment, code: code)
    }

    /// The barrier that the job's next call would meet first. A connect may lead to another part of Autotask than the connection.
    private func barrier(before job: QueuedJob) -> CallBarrier? {
        guard let reach, job.kind != .connect else { return nil }
        let host = CallTarget.recent(url: reach.apiURL).host
        let targets = CircuitBreakers.Target.all(host: host, database: reach.database, credentials: reach.credentials)
        let priority = CallPriority(of: job, hasWritten: job.hasWritten)
        return targets.lazy.compactMap { target in
            barriers.filter { $0.part == target.part && $0.holdsBack(priority) }
                .max { ($0.until ?? $0.since, $0.cause.rawValue) < ($1.until ?? $1.since, $1.cause.rawValue) }
        }.first
    }

    private func behind(_ place: Int64) -> WaitReason {
        guard let other = snapshot.jobs.first(where: { $0.order == place }) else { return .manyBefore(backlog) }
        return .behind(other.id, other.kind, isRunning: false)
    }
}

extension ErrorCode {
    /// Whether a part of Autotask is the reason, instead of the job.
    fileprivate var isOfAutotask: Bool {
        switch self {
        case .autotaskUnavailable, .rateLimited, .network, .timeout: true
        default: false
        }
    }
}
