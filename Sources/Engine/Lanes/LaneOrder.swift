import Contract
import Store

/// Decides which job of a lane runs next, and which jobs end without being run (`Contract`, "Order and supersession"). Pure.
///
/// Jobs of one kind, and of one plan where the kind has plans, are rivals. The winner is the newest whose revision is not lower than the
/// highest among them. A job without a revision takes on the highest that it superseded. The winner supersedes its rivals, and a reset
/// supersedes all jobs before it. A job that has expired, is older than one that ran or cannot run for another reason supersedes none. A
/// job that may still expire ends others only when it begins, so that no job ends in favour of one that does not run.
struct LaneOrder {
    /// A job that was interrupted this often is assumed to kill the worker (`Decisions` 5).
    static let maximumInterruptions = 5

    let now: Timestamp
    /// Makes the terminal event of a job that ends without being run.
    let event: (EventType, QueuedJob, JSONObject) -> Event
    /// Whether a decision has ``LaneDecision/waiting``. A claim needs no reasons.
    var isExplaining = false

    init(now: Timestamp, event: @escaping (EventType, QueuedJob, JSONObject) -> Event) {
        self.now = now
        self.event = event
    }

    init(of lane: Lane, now: Timestamp, events: EventMaker) {
        self.init(now: now) { type, job, data in events.event(type, in: lane, answering: job, at: now, data) }
    }

    func decide(_ snapshot: LaneSnapshot) -> LaneDecision {
        let asked = snapshot.jobs.filter { !$0.isScheduled }
        // A reset that waits ends the epoch to which the revisions that ran belong.
        let reset = asked.last { $0.kind == .reset && isLive($0, revisions: [:]) }
        // In a partial snapshot, a job that cannot run, or ends with the epoch, may hide one that can. Its group is decided once it has
        // ended.
        let isResetHidden = !snapshot.isComplete && asked.contains { $0.kind == .reset && !isLive($0, revisions: [:]) }
        func revisions(for job: QueuedJob) -> [String: Int64] {
            isResetHidden || (reset.map { $0.order < job.order } ?? false) ? [:] : snapshot.revisions
        }
        let live = asked.filter { isLive($0, revisions: revisions(for: $0)) }
        let hiding = asked.filter { job in
            guard !snapshot.isComplete else { return false }
            return !isLive(job, revisions: revisions(for: job)) || (job.kind != .reset && reset.map { job.order < $0.order } ?? false)
        }
        let order = Supersession(live, without: hiding)
        let pauses = Pausing(snapshot)
        var decision = LaneDecision(next: .wait(until: nil))
        var remaining: [QueuedJob] = []
        // Scheduled checks, which run after all requested jobs.
        var checks: [QueuedJob] = []
        /// By job position, the superseder of a job that waits in case the superseder expires first.
        var suspended: [Int64: QueuedJob] = [:]
        var concluding: LaneDecision.Next?
        /// The places of the jobs that have to end without further work, one after the other.
        var toConclude: [Int64] = []
        for job in snapshot.jobs {
            if job.isScheduled {
                if isNeedless(job, among: asked) { decision.dropped.append(job.order) } else { checks.append(job) }
                continue
            }
            let superseder = order.superseder(of: job)
            if job.isGivenUp {
                if job.hasWritten {
                    concluding = concluding ?? .run(order: job.order, .conclude(JobError(.givenUp)))
                    toConclude.append(job.order)
                } else {
                    var settlement = settle(job, .jobAbandoned, JobError(.givenUp))
                    settlement.givenUp = GivenUp(.byOperator, JobError(.givenUp))
                    decision.settlements.append(settlement)
                }
            } else if job.interruptions >= LaneOrder.maximumInterruptions {
                var settlement = settle(job, .jobAbandoned, JobError(.poison))
                settlement.givenUp = GivenUp(.interrupted, JobError(.poison))
                decision.settlements.append(settlement)
            } else if let superseder, superseder.outlives(job) {
                if job.hasWritten {
                    // Its handler has to report its writes, service by service, before another job runs.
                    concluding = concluding ?? .run(order: job.order, .conclude(order.reason(job, superseder)))
                    toConclude.append(job.order)
                } else {
                    decision.settlements.append(settle(job, by: superseder, order))
                    if order.isRival(job) { decision.raised.raise(superseder, over: job) }
                }
            } else if job.isFromBackup {
                if job.hasWritten {
                    concluding = concluding ?? .run(order: job.order, .conclude(LaneOrder.restored))
                    toConclude.append(job.order)
                } else {
                    decision.settlements.append(settle(job, .jobSuperseded, LaneOrder.restored))
                }
            } else if let ran = newerRevision(than: job, in: revisions(for: job)) {
                decision.settlements.append(settle(job, .jobSuperseded, JobError(revisionOf: job, lowerThan: ran)))
            } else if hasExpired(job) {
                decision.settlements.append(settle(job, .jobExpired, LaneOrder.expired(job)))
            } else if job.kind.isInteractive, let pause = pauses[job] {
                // A person waits for its event, but not until the pause ends.
                concluding = concluding ?? .run(order: job.order, .conclude(pause.error))
                toConclude.append(job.order)
            } else if let deadline = job.deadline, deadline <= now {
                // Its handler knows the event that the page waits for.
                concluding = concluding ?? .run(order: job.order, .conclude(LaneOrder.outOfTime(job)))
                toConclude.append(job.order)
            } else {
                suspended[job.order] = superseder
                remaining.append(job)
            }
        }
        for (job, pause) in heldBehind(remaining, pauses) {
            concluding = concluding ?? .run(order: job, .conclude(pause.error))
            toConclude.append(job)
            remaining.removeAll { $0.order == job }
        }
        decision.next = concluding ?? next(of: remaining + checks, suspended, pauses, explaining: &decision.waiting)
        if isExplaining, case .run(let place, .conclude)? = concluding {
            for other in (remaining + checks).map(\.order) + toConclude where other != place { decision.waiting[other] = .behind(place) }
        }
        if concluding == nil, case .run(let chosen, _) = decision.next {
            begin(chosen, instead: remaining.filter { suspended[$0.order]?.order == chosen }, order, &decision)
        }
        if !pauses.isEmpty { decision.hold(remaining + checks, pauses, by: self) }
        if !snapshot.isComplete {
            if decision.settlements.isEmpty {
                if case .wait(let moment) = decision.next {
                    // Jobs that it does not show may have to be held too.
                    decision.next =
                        decision.holds.isEmpty ? .wait(until: [moment, snapshot.nextMoment].compactMap { $0 }.min()) : .again
                }
            } else {
                // A partial snapshot does not show which other jobs they would have ended or delayed.
                decision.settlements = Array(decision.settlements.prefix(LaneSnapshot.maximumEnded))
                decision.next = .again
            }
        }
        return decision
    }

    /// Ends the jobs that waited for the one that begins now. A job that has written concludes first.
    private func begin(_ chosen: Int64, instead rivals: [QueuedJob], _ order: Supersession, _ decision: inout LaneDecision) {
        guard !rivals.isEmpty, let winner = order.job(chosen) else { return }
        decision.committed = chosen
        for job in rivals where !job.hasWritten {
            decision.settlements.append(settle(job, by: winner, order))
            decision.waiting[job.order] = nil
            decision.raised.raise(winner, over: job)
        }
        if let written = rivals.first(where: \.hasWritten) {
            decision.next = .run(order: written.order, .conclude(order.reason(written, winner)))
            decision.waiting[written.order] = nil
            if isExplaining { decision.waiting[chosen] = .behind(written.order) }
        }
        guard isExplaining, case .run(let runner, _) = decision.next else { return }
        // What waited behind a job that ends now waits behind the one that runs.
        let ended = Set(decision.settlements.map(\.order))
        for (job, wait) in decision.waiting {
            if case .behind(let place) = wait, ended.contains(place) { decision.waiting[job] = .behind(runner) }
        }
    }

    /// Whether a scheduled check is dropped: a portal requests the same, a reset waits, a restored store held it, or it kills the worker.
    /// The next check comes automatically.
    private func isNeedless(_ check: QueuedJob, among asked: [QueuedJob]) -> Bool {
        check.isFromBackup || check.interruptions >= LaneOrder.maximumInterruptions
            || asked.contains { $0.kind == check.kind || $0.kind == .reset }
    }

    /// Why a job ends that a restored store held unfinished.
    private static let restored = JobError(
        .superseded,
        "The worker's store was restored from a backup that held this request unfinished.",
        hint: "If it is still wanted, send it again as a new request."
    )

    /// Why a job ends at its deadline (``QueuedJob/deadline``): the cause of its last deferral.
    private static func outOfTime(_ job: QueuedJob) -> JobError {
        job.lastFailure
            ?? JobError(
                .timeout,
                "The request did not end in time: it was interrupted, or other requests for the same Autotask database took all the time.",
                hint: "Try again."
            )
    }

    /// Why a job ends that was not begun in time. If it had expired before it was accepted, its portal may have made a mistake.
    private static func expired(_ job: QueuedJob) -> JobError {
        guard job.redriveOf == nil, let expiry = job.expiry, expiry <= job.acceptedAt else { return JobError(.expired) }
        let doubt = expiry < .firstPlausible ? " It looks like a date-time that was never set." : ""
        return JobError(
            .expired,
            hint: """
                Its expirytime, \(expiry), had passed when the worker received it.\(doubt) Send it again under a new id, with an expirytime \
                later than its time, or without one.
                """,
            field: "expirytime"
        )
    }

    private func settle(_ job: QueuedJob, _ type: EventType, _ error: JobError, _ members: JSONObject = [:]) -> LaneDecision.Settlement {
        var data: JSONObject = ["error": error.json]
        for member in members.members { data[member.name] = member.value }
        return LaneDecision.Settlement(order: job.order, event: event(type, job, data), code: error.code)
    }

    private func settle(_ job: QueuedJob, by superseder: QueuedJob, _ order: Supersession) -> LaneDecision.Settlement {
        settle(job, .jobSuperseded, order.reason(job, superseder), ["supersededBy": .string(superseder.id.description)])
    }

    // MARK: Which jobs may run

    /// Whether it may run at all: only such a job supersedes others.
    private func isLive(_ job: QueuedJob, revisions: [String: Int64]) -> Bool {
        job.interruptions < LaneOrder.maximumInterruptions && !job.isFromBackup && !job.isGivenUp
            && newerRevision(than: job, in: revisions) == nil
            && !hasExpired(job)
    }

    /// The revision that ran, if the job holds an older plan.
    private func newerRevision(than job: QueuedJob, in revisions: [String: Int64]) -> Int64? {
        guard !job.wasBegun, let revision = job.revision, let ran = job.planID.flatMap({ revisions[$0] }), revision < ran else {
            return nil
        }
        return ran
    }

    private func hasExpired(_ job: QueuedJob) -> Bool { !job.wasBegun && job.expiry.map { $0 <= now } ?? false }

    // MARK: The next job

    /// - Parameter waiting: gets the reason of each job that does not run, if the decision explains itself.
    private func next(
        of jobs: [QueuedJob],
        _ suspended: [Int64: QueuedJob],
        _ pauses: Pausing,
        explaining waiting: inout [Int64: LaneWait]
    ) -> LaneDecision.Next {
        var waitingBefore: [QueuedJob] = []
        for job in jobs {
            let isDue = pauses[job] == nil && job.notBefore.map { $0 <= now } ?? true
            let first = waitingBefore.first { !LaneOrder.mayPass(job, $0) && suspended[$0.order]?.order != job.order }
            if isDue, first == nil, suspended[job.order] == nil {
                if isExplaining {
                    for other in jobs where other.order != job.order && waiting[other.order] == nil {
                        waiting[other.order] = wait(of: other, suspended, pauses, behind: job)
                    }
                }
                return .run(order: job.order, .work)
            }
            if isExplaining { waiting[job.order] = wait(of: job, suspended, pauses, behind: first) }
            waitingBefore.append(job)
        }
        // The next time that a job becomes due, expires before it began, or reaches its deadline.
        let moments = jobs.compactMap { job in
            let isDue = job.notBefore.map { $0 <= now } ?? true
            return [isDue ? pauses[job]?.end : job.notBefore, job.wasBegun ? nil : job.expiry, job.deadline].compactMap { $0 }.filter {
                $0 > now
            }.min()
        }
        return .wait(until: moments.min())
    }

    /// - Parameter first: the job that goes first, if one does.
    private func wait(
        of job: QueuedJob,
        _ suspended: [Int64: QueuedJob],
        _ pauses: Pausing,
        behind first: QueuedJob?
    ) -> LaneWait? {
        if let pause = pauses[job] { return .paused(pause) }
        if let moment = job.notBefore, moment > now { return .until(moment) }
        if let superseder = suspended[job.order] { return .replaced(by: superseder.order) }
        return first.map { .behind($0.order) }
    }

    /// Whether a job may run although an earlier one waits for its retry.
    static func mayPass(_ job: QueuedJob, _ waiting: QueuedJob) -> Bool {
        // A diagnosis is requested because something waits.
        if job.kind == .reset || job.kind == .connect || job.kind == .diagnose { return true }
        if waiting.kind == .sync, waiting.hasWritten { return false }
        if waiting.kind == .connect { return job.kind == .verify }
        return true
    }
}

// MARK: - Arrival

extension LaneOrder {
    /// Decides about a job that arrives while others wait. Among the job and its waiting rivals without an attempt, only the winner stays.
    ///
    /// A job accepted before a reset that waits or runs is no rival of later jobs: they belong to different epochs.
    ///
    /// A job that was overtaken on its way (``Arrival/overtakers``) ends in favour of the same job as if it had arrived in time. That job
    /// may still expire: placed behind it, the overtaken job would end it instead.
    ///
    /// A full lane accepts resets, connects, and jobs that end another. A reset or connect then ends its rivals even if it may expire
    /// before them, so that no lane grows without bound. Only the rival that expires last stays: it runs if the newer one expires.
    func admit(_ arrival: Arrival) -> Admission {
        let job = arrival.job
        if let overtaken = overtaken(arrival) { return overtaken }
        let reset = job.kind == .reset ? nil : arrival.lastReset
        let rivals = arrival.rivals.filter { rival in reset.map { $0 < rival.order } ?? true }
        let ran = reset == nil ? arrival.ranRevision : nil
        let revisions = job.planID.flatMap { planID in ran.map { [planID: $0] } } ?? [:]
        let isExempt = job.kind == .reset || job.kind == .connect
        var admission = Admission()
        let running = rivals.first { $0.order == arrival.running }
        let waiting = (rivals.filter { $0.order != arrival.running } + [job]).filter { isLive($0, revisions: revisions) }
        let order = Supersession(waiting, besides: running?.standing)
        let mustMakeRoom = arrival.isLaneFull && isExempt
        let lastToExpire = waiting.filter { $0.order != job.order && !$0.wasBegun }.max { $1.outlives($0) && !$0.outlives($1) }
        for rival in waiting where !rival.wasBegun {
            guard let winner = order.superseder(of: rival) else { continue }
            guard winner.outlives(rival) || (mustMakeRoom && rival.order != lastToExpire?.order) else { continue }
            let settlement = settle(rival, by: winner, order)
            admission.settlements.append(settlement)
            admission.raised.raise(winner, over: rival)
        }
        if arrival.isLaneFull, !isExempt, admission.settlements.isEmpty {
            admission.settlements.append(settle(job, .jobRejected, JobError(.laneFull).asRefusal))
        }
        return admission
    }

    private func overtaken(_ arrival: Arrival) -> Admission? {
        let job = arrival.job
        let revisions = job.planID.flatMap { planID in arrival.ranRevision.map { [planID: $0] } } ?? [:]
        let overtakers = arrival.overtakers.filter { isLive($0, revisions: revisions) }
        guard let first = overtakers.first else { return nil }
        var inTime = job
        inTime.order = first.order - 1
        let order = Supersession([inTime] + overtakers)
        guard let superseder = order.superseder(of: inTime) else { return nil }
        var admission = Admission(settlements: [settle(job, by: superseder, order)])
        admission.raised.raise(superseder, over: job)
        return admission
    }
}

// MARK: - Supersession

/// The winners among jobs that may run.
private struct Supersession {
    private struct Group: Hashable {
        var kind: JobKind
        var planID: String?

        init(_ job: QueuedJob) {
            kind = job.kind
            planID = job.kind.hasPlan ? job.planID : nil
        }
    }

    private let jobs: [QueuedJob]
    private var winners: [Group: QueuedJob] = [:]
    private var highest: [Group: Int64] = [:]
    private let places: Set<Int64>
    private let resets: [QueuedJob]

    /// - Parameters:
    ///   - jobs: in the order of acceptance.
    ///   - running: the standing of the rival that runs, if one does.
    ///   - hiding: jobs whose groups have no winner yet.
    init(_ jobs: [QueuedJob], besides running: Int64? = nil, without hiding: [QueuedJob] = []) {
        self.jobs = jobs
        places = Set(jobs.map(\.order))
        resets = jobs.filter { $0.kind == .reset }
        // Jobs before a reset end with it, and are no rivals of later ones.
        let rivals = resets.last.map { reset in jobs.filter { $0.order > reset.order || $0.kind == .reset } } ?? jobs
        for job in rivals where job.kind.isReplaceable {
            guard let standing = job.standing else { continue }
            highest[Group(job)] = max(highest[Group(job)] ?? standing, standing)
        }
        for job in rivals where job.kind.isReplaceable {
            let group = Group(job)
            if let standing = job.standing, let highest = highest[group], standing < highest { continue }
            if job.order >= winners[group]?.order ?? job.order { winners[group] = job }
        }
        for job in hiding { winners[Group(job)] = nil }
        guard let running else { return }
        // A running job cannot be replaced, and may fail; an older job does not replace a newer one.
        for (group, winner) in winners where winner.standing.map({ $0 < running }) ?? false {
            guard let newest = rivals.last(where: { Group($0) == group && $0.standing == nil }) else { continue }
            winners[group] = newest
            highest[group] = running
        }
    }

    func job(_ order: Int64) -> QueuedJob? { jobs.first { $0.order == order } }

    /// Whether a job is one of those that may run.
    func isRival(_ job: QueuedJob) -> Bool { places.contains(job.order) }

    /// The job that supersedes another: the newest reset if that came later, otherwise its group's winner.
    func superseder(of job: QueuedJob) -> QueuedJob? {
        if let reset = resets.last, reset.order > job.order { return reset }
        guard job.kind.isReplaceable, let rival = winners[Group(job)], rival.order != job.order else { return nil }
        return isRival(job) || beats(rival, job) ? rival : nil
    }

    private func beats(_ other: QueuedJob, _ job: QueuedJob) -> Bool {
        if let standing = job.standing, let otherStanding = other.standing, standing != otherStanding { return otherStanding > standing }
        return other.order > job.order
    }

    /// Why a job ends in favour of another.
    func reason(_ job: QueuedJob, _ superseder: QueuedJob) -> JobError {
        if superseder.kind == .reset, job.kind != .reset {
            return JobError(.superseded, "The reset \(superseder.id), which was requested later, ended this request.")
        }
        if let revision = job.revision, let highest = highest[Group(job)], revision < highest {
            return JobError(.superseded, "Revision \(revision) is lower than \(highest): the request \(superseder.id) replaced this one.")
        }
        return JobError(.superseded, "The newer request \(superseder.id) replaced this one.")
    }
}

extension JobError {
    /// The error of a sync whose plan is older than one that ran.
    fileprivate init(revisionOf job: QueuedJob, lowerThan ran: Int64) {
        self.init(
            .superseded,
            "Revision \(job.revision ?? 0) is lower than \(ran), which ran.",
            hint:
                "Nothing needs to be done for an older plan. If this is the current one, send it again as a new job with a revision of at least \(ran)."
        )
    }
}

extension [Int64: Int64] {
    /// Gives a winner without a revision the revision that it superseded.
    fileprivate mutating func raise(_ winner: QueuedJob, over job: QueuedJob) {
        guard winner.revision == nil, winner.kind == job.kind, let standing = job.standing, standing > winner.standing ?? .min else {
            return
        }
        self[winner.order] = Swift.max(self[winner.order] ?? standing, standing)
    }
}

extension QueuedJob {
    /// The error with which the job ends at its deadline: the retryable failure of its last deferral, or `nil` if it has none. A deferral
    /// for a new reason is always published, so the last deferral has the last failure's code.
    var lastFailure: JobError? { lastDeferral.map { JobError($0.code, isRetryable: true).referring(to: id) } }
}
