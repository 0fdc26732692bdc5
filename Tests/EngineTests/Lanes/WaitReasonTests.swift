import Contract
import Foundation
import Store
import Testing

@testable import Engine
@testable import EngineSimulation

/// Why a job waits: the same functions say it that decide.
@Suite("Why a job waits")
struct WaitReasonTests {
    private static let now = Timestamp("2026-11-22T08:00:00Z")!
    private let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)
    private let other = Lane(tenant: TenantID("msp-2")!, product: .workplace)
    private let worker = WorkerID("worker-1")

    private static func job(_ order: Int64, _ kind: JobKind, plan: String? = nil, notBefore: Timestamp? = nil, interruptions: Int = 0)
        -> QueuedJob
    {
        QueuedJob(
            order: order,
            id: JobID("job-\(order)")!,
            kind: kind,
            planID: plan ?? (kind.hasPlan ? "plan" : nil),
            acceptedAt: now,
            notBefore: notBefore,
            interruptions: interruptions
        )
    }

    private func situation(
        _ jobs: [QueuedJob],
        holder: LaneSituation.Holder? = nil,
        ahead: Int = 0,
        occupants: [Lane] = [],
        isSuspectRunning: Bool = false,
        setAside: String? = nil,
        workers: Int = 1
    ) -> LaneSituation {
        LaneSituation(
            hold: LaneHold(turn: 1, database: 7),
            snapshot: LaneSnapshot(lane: lane, jobs: jobs, revisions: [:]),
            backlog: jobs.count,
            holder: holder,
            ahead: ahead,
            occupants: occupants,
            isSuspectRunning: isSuspectRunning,
            setAside: setAside,
            workers: workers
        )
    }

    private func reason(_ index: Int, in situation: LaneSituation) -> WaitReason {
        situation.reason(of: situation.snapshot.jobs[index], at: Self.now)
    }

    @Test func `a job that could run waits for a slot, a place or a worker`() {
        let jobs = [Self.job(1, .sync)]
        #expect(reason(0, in: situation(jobs, ahead: 31)) == .inLine(ahead: 31))
        #expect(reason(0, in: situation(jobs, occupants: [other])) == .inLine(ahead: 0))
        #expect(reason(0, in: situation(jobs, occupants: [other, lane])) == .databaseFull(7, by: [other, lane]))
        #expect(reason(0, in: situation(jobs, workers: 0)) == .noWorker)
        #expect(reason(0, in: situation(jobs, setAside: "a row cannot be read")) == .setAside("a row cannot be read"))
    }

    /// A situation of a connected lane whose jobs were deferred.
    private func deferred(_ job: QueuedJob, _ code: ErrorCode, _ barriers: CallBarrier...) -> LaneSituation {
        var job = job
        job.notBefore = Self.now + .seconds(60)
        job.lastDeferral = PublishedDeferral(code: code, delay: .seconds(60))
        var situation = situation([job])
        situation.reach = LaneSituation.Reach(
            apiURL: "https://WebServices14.autotask.net/atservicesrest/",
            database: 7,
            credentials: [1, 2]
        )
        situation.barriers = barriers
        return situation
    }

    @Test func `a deferred job waits for the part of Autotask that a worker holds calls back from`() {
        let job = Self.job(1, .sync)
        let retry = Self.now + .seconds(60)
        let zone = CallBarrier(.zone(host: "webservices14.autotask.net"), .outage, since: Self.now, until: retry)
        let database = CallBarrier(.database(7), .limit, since: Self.now, until: retry)
        let credentials = CallBarrier(.credentials([1, 2]), .outage, since: Self.now, until: retry)
        let others = [
            CallBarrier(.zone(host: "webservices5.autotask.net"), .outage, since: Self.now, until: retry),
            CallBarrier(.database(8), .outage, since: Self.now, until: retry), CallBarrier(.credentials([3]), .outage, since: Self.now),
        ]
        for barrier in [zone, database, credentials] {
            let expected = WaitReason.heldBack(barrier, retry: retry, code: .autotaskUnavailable)
            #expect(reason(0, in: deferred(job, .autotaskUnavailable, others[0], others[1], others[2], barrier)) == expected)
        }
        // The order of the gate.
        #expect(reason(0, in: deferred(job, .timeout, credentials, database, zone)) == .heldBack(zone, retry: retry, code: .timeout))
        #expect(
            reason(0, in: deferred(job, .rateLimited, credentials, database)) == .heldBack(database, retry: retry, code: .rateLimited)
        )
        let none = WaitReason.retry(at: retry, code: .autotaskUnavailable)
        #expect(reason(0, in: deferred(job, .autotaskUnavailable, others[0], others[1], others[2])) == none)
        // Another reason of the job, a job that calls elsewhere, and a lane without a connection.
        #expect(reason(0, in: deferred(job, .outcomeUnknown, zone)) == .retry(at: retry, code: .outcomeUnknown))
        #expect(reason(0, in: deferred(Self.job(1, .connect), .autotaskUnavailable, zone)) == none)
        var unconnected = deferred(job, .autotaskUnavailable, zone)
        unconnected.reach = nil
        #expect(reason(0, in: unconnected) == none)
    }

    @Test func `a used quota is the reason of jobs whose priority waits at it`() {
        let retry = Self.now + .seconds(60)
        let usage = CallBarrier(.database(7), .usage, since: Self.now, percent: 75)
        let expected = WaitReason.heldBack(usage, retry: retry, code: .rateLimited)
        #expect(reason(0, in: deferred(Self.job(1, .verify), .rateLimited, usage)) == expected)
        #expect(reason(0, in: deferred(Self.job(1, .sync), .rateLimited, usage)) == .retry(at: retry, code: .rateLimited))
        for priority in CallPriority.allCases {
            let waits = priority.band.map { $0 <= 75 } ?? false
            #expect(usage.holdsBack(priority) == waits)
            let full = DatabaseQuota.Usage(limit: 100, used: 75, own: 0, ownLimit: 50)
            #expect((full.cause(for: priority) == .usage) == waits)
            let spent = DatabaseQuota.Usage(limit: 100, used: 0, own: 50, ownLimit: 50)
            #expect((spent.cause(for: priority) == .share) == CallBarrier(.database(7), .share, since: Self.now).holdsBack(priority))
        }
    }

    @Test func `a suspect waits only while another one runs`() {
        let jobs = [Self.job(1, .sync, interruptions: 2)]
        #expect(reason(0, in: situation(jobs, isSuspectRunning: true)) == .suspect)
        #expect(reason(0, in: situation(jobs)) == .inLine(ahead: 0))
    }

    @Test func `a job waits for its time, or behind another job`() {
        var deferred = Self.job(1, .connect, notBefore: Self.now + .seconds(30))
        deferred.lastDeferral = PublishedDeferral(code: .autotaskUnavailable, delay: .seconds(30))
        let waiting = situation([deferred, Self.job(2, .sync), Self.job(3, .verify)])
        #expect(reason(0, in: waiting) == .retry(at: Self.now + .seconds(30), code: .autotaskUnavailable))
        #expect(reason(1, in: waiting) == .behind(JobID("job-1")!, .connect, isRunning: false))
        #expect(reason(2, in: waiting) == .inLine(ahead: 0))
    }

    @Test func `a job ends in favour of another, and says so before a worker looks`() {
        let jobs = situation([Self.job(1, .sync), Self.job(2, .reset)])
        #expect(reason(0, in: jobs) == .ends(.jobSuperseded, .superseded))
        // It waits while the newer one, which may expire first, cannot begin.
        var expiring = Self.job(3, .sync)
        expiring.expiry = Self.now + .seconds(60)
        let blocked = situation([Self.job(1, .connect, notBefore: Self.now + .seconds(30)), Self.job(2, .sync), expiring])
        #expect(reason(1, in: blocked) == .replaced(by: JobID("job-3")!))
    }

    @Test func `a job runs, waits behind the one that runs, or for the end of a silent worker's lease`() {
        let jobs = [Self.job(1, .sync), Self.job(2, .billingCodes)]
        func holder(_ end: Timestamp?) -> LaneSituation.Holder {
            LaneSituation.Holder(worker: worker, leaseEnd: end, job: jobs[0], begunAt: Self.now - .seconds(5))
        }
        let held = situation(jobs, holder: holder(Self.now + .seconds(10)))
        #expect(reason(0, in: held) == .running(worker, since: Self.now - .seconds(5)))
        #expect(reason(1, in: held) == .behind(JobID("job-1")!, .sync, isRunning: true))
        #expect(reason(0, in: situation(jobs, holder: holder(Self.now))) == .workerSilent(worker, leaseEnd: Self.now))
        #expect(reason(1, in: situation(jobs, holder: holder(nil))) == .workerSilent(worker, leaseEnd: nil))
    }

    /// `LANE_SEEDS=200000` looks at that many lanes, each seen whole or in part: a decision that explains itself is the same decision, a job has a
    /// reason to wait exactly if the decision neither runs nor ends it, and a pause holds what it should and never a reset.
    @Test func `a job has a reason to wait exactly if the decision neither runs nor ends it`() {
        for seed in 0..<(ProcessInfo.processInfo.environment["LANE_SEEDS"].flatMap(UInt64.init) ?? 4000) { check(seed) }
    }

    private func check(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let snapshot = Self.randomLane(&random, limit: seed.isMultiple(of: 3) ? 4 : .max)
        var order = LaneOrder(now: Self.now) { type, job, data in
            Event(id: "e", type: type, lane: snapshot.lane, jobID: job.id, time: Self.now, traceparent: nil, data: data)
        }
        let plain = order.decide(snapshot)
        order.isExplaining = true
        let decision = order.decide(snapshot)
        #expect(plain.waiting.isEmpty, "seed \(seed)")
        #expect(decision.next == plain.next && decision.settlements.map(\.order) == plain.settlements.map(\.order))
        #expect(decision.dropped == plain.dropped && decision.committed == plain.committed)
        // A part of a lane ends jobs first, and decides again.
        guard decision.next != .again else { return }
        var ran: Set<Int64> = []
        if case .run(let place, _) = decision.next { ran = [place] }
        let ended = Set(decision.settlements.map(\.order) + decision.dropped)
        #expect(ran.isDisjoint(with: ended))
        // A pause holds only jobs that wait, and all that it should.
        let held = Set(decision.holds.map(\.order))
        #expect(plain.holds.map(\.order) == decision.holds.map(\.order) && held.isDisjoint(with: ended.union(ran)))
        if case .run(let place, .work) = decision.next, let job = snapshot.jobs.first(where: { $0.order == place }) {
            #expect(!snapshot.pauses.contains { $0.scope.holds(job.kind) })
        }
        let waiting = Set(snapshot.jobs.map(\.order)).subtracting(ran).subtracting(ended)
        #expect(Set(decision.waiting.keys) == waiting, "seed \(seed)")
        for job in snapshot.jobs where job.kind == .reset {
            if case .paused? = decision.waiting[job.order] { Issue.record("A pause holds a reset: seed \(seed)") }
        }
        for case .behind(let place) in decision.waiting.values {
            #expect(snapshot.jobs.contains { $0.order == place } && !ended.contains(place))
        }
    }

    private static func randomLane(_ random: inout SeededRandom, limit: Int) -> LaneSnapshot {
        let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)
        var jobs: [QueuedJob] = []
        for order in 1...Int64.random(in: 1...12, using: &random) {
            let kind = JobKind.allCases.randomElement(using: &random) ?? .sync
            var job = job(order, kind, plan: kind.hasPlan ? "plan-\(Int.random(in: 1...2, using: &random))" : nil)
            if kind == .sync, Bool.random(using: &random) {
                job.revision = Int64.random(in: 0...3, using: &random)
                job.standing = job.revision
            }
            func moment() -> Timestamp { now + .seconds(Int.random(in: -60...60, using: &random)) }
            if Int.random(in: 0..<4, using: &random) == 0 { job.notBefore = moment() }
            if Int.random(in: 0..<4, using: &random) == 0 { job.expiry = moment() }
            if Int.random(in: 0..<6, using: &random) == 0 { job.deadline = moment() }
            if Int.random(in: 0..<5, using: &random) == 0 { job.attempts = 1 }
            if kind == .sync, Int.random(in: 0..<5, using: &random) == 0 { job.hasWritten = true }
            if Int.random(in: 0..<10, using: &random) == 0 { job.interruptions = Int.random(in: 1...5, using: &random) }
            if Int.random(in: 0..<15, using: &random) == 0 { job.isFromBackup = true }
            if JobKind.scheduled.contains(kind), Int.random(in: 0..<3, using: &random) == 0 { job.isScheduled = true }
            jobs.append(job)
        }
        let revisions = Bool.random(using: &random) ? ["plan-1": Int64.random(in: 0...3, using: &random)] : [:]
        var view = LaneView(lane: lane, jobs: jobs, revisions: revisions, now: now, limit: limit)
        if Int.random(in: 0..<3, using: &random) == 0 {
            let scopes: [PauseScope] = [.all, .tenant(lane.tenant), .kind(.sync), .kind(.verify), .kind(.connect)]
            view.pauses = scopes.enumerated().compactMap { index, scope in
                guard Bool.random(using: &random) else { return nil }
                let end = now + .seconds(Int.random(in: 1...120, using: &random))
                return Pause(id: Int64(index), scope: scope, reason: "", actor: "user:0", begin: now, end: end)
            }
        }
        return view.snapshot
    }
}
