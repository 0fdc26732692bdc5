import Contract
import Store
import Testing

@testable import Engine

@Suite("The order of a lane's jobs")
struct LaneOrderTests {
    static let now = Timestamp("2026-11-22T08:00:00Z")!
    static let later = now + .seconds(60)
    let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)

    func job(
        _ order: Int64,
        _ kind: JobKind,
        plan: String? = nil,
        revision: Int64? = nil,
        notBefore: Timestamp? = nil,
        expiry: Timestamp? = nil,
        attempts: Int = 0,
        interruptions: Int = 0,
        hasWritten: Bool = false,
        isFromBackup: Bool = false,
        isScheduled: Bool = false,
        deadline: Timestamp? = nil,
        lastDeferral: PublishedDeferral? = nil
    ) -> QueuedJob {
        QueuedJob(
            order: order,
            id: JobID("job-\(order)")!,
            kind: kind,
            planID: plan ?? (kind == .sync || kind == .preview ? "plan" : nil),
            revision: revision,
            acceptedAt: Self.now,
            expiry: expiry,
            notBefore: notBefore,
            attempts: attempts,
            interruptions: interruptions,
            deadline: deadline,
            lastDeferral: lastDeferral,
            hasWritten: hasWritten,
            isFromBackup: isFromBackup,
            isScheduled: isScheduled
        )
    }

    var order: LaneOrder {
        LaneOrder(now: Self.now) { [lane] type, job, data in
            Event(id: "e-\(job.order)", type: type, lane: lane, jobID: job.id, time: Self.now, traceparent: nil, data: data)
        }
    }

    func decide(_ jobs: [QueuedJob], revisions: [String: Int64] = [:]) -> (
        ended: [Int64: EventType], givenUp: [Int64: GivenUp], dropped: [Int64], next: LaneDecision.Next
    ) {
        let decision = order.decide(LaneSnapshot(lane: lane, jobs: jobs, revisions: revisions))
        let ended = Dictionary(uniqueKeysWithValues: decision.settlements.map { ($0.order, $0.event.type) })
        let givenUp = Dictionary(uniqueKeysWithValues: decision.settlements.compactMap { entry in entry.givenUp.map { (entry.order, $0) } })
        return (ended, givenUp, decision.dropped, decision.next)
    }

    @Test func `jobs run in the order of acceptance`() {
        let result = decide([job(1, .connect), job(2, .sync), job(3, .billingCodes)])
        #expect(result.ended.isEmpty && result.next == .run(order: 1, .work))
    }

    @Test func `an empty lane waits for a new job`() {
        #expect(decide([]).next == .wait(until: nil))
    }

    @Test(arguments: [JobKind.connect, .verify, .drift, .diagnose, .sync, .preview, .reset])
    func `a newer job of a kind supersedes the older ones that wait`(kind: JobKind) {
        let result = decide([job(1, kind), job(2, kind, notBefore: Self.later, attempts: 1), job(3, kind)])
        #expect(result.ended == [1: .jobSuperseded, 2: .jobSuperseded] && result.next == .run(order: 3, .work))
    }

    @Test func `each request for billing codes is answered`() {
        let result = decide([job(1, .billingCodes), job(2, .billingCodes), job(3, .billingCodes, notBefore: Self.later, attempts: 1)])
        #expect(result.ended.isEmpty && result.next == .run(order: 1, .work))
        #expect(admit(job(4, .billingCodes), among: []).ended.isEmpty)
    }

    @Test func `syncs of different plans do not replace each other`() {
        let result = decide([job(1, .sync, plan: "a"), job(2, .sync, plan: "b")])
        #expect(result.ended.isEmpty && result.next == .run(order: 1, .work))
    }

    @Test func `a superseded sync that has written concludes before anything else runs`() {
        let result = decide([job(1, .sync, notBefore: Self.later, attempts: 1, hasWritten: true), job(2, .sync)])
        #expect(result.ended.isEmpty && concluded(result.next) == 1)
    }

    @Test func `a reset ends everything before it, and nothing after it`() {
        let result = decide([job(1, .connect), job(2, .sync), job(3, .billingCodes), job(4, .reset), job(5, .connect)])
        #expect(result.ended == [1: .jobSuperseded, 2: .jobSuperseded, 3: .jobSuperseded] && result.next == .run(order: 4, .work))
    }

    @Test func `a connect supersedes only connects`() {
        let result = decide([job(1, .sync, notBefore: Self.later, attempts: 1), job(2, .connect)])
        #expect(result.ended.isEmpty && result.next == .run(order: 2, .work))
    }

    @Test func `a plan older than one that ran is superseded`() {
        let result = decide([job(1, .sync, revision: 4)], revisions: ["plan": 5])
        #expect(result.ended == [1: .jobSuperseded] && result.next == .wait(until: nil))
        #expect(decide([job(1, .sync, revision: 5)], revisions: ["plan": 5]).next == .run(order: 1, .work))
        #expect(decide([job(1, .sync, revision: 4)], revisions: ["other": 5]).next == .run(order: 1, .work))
    }

    @Test func `a plan that arrives after a newer one does not replace it`() {
        let result = decide([job(1, .sync, revision: 5), job(2, .sync, revision: 4)])
        #expect(result.ended == [2: .jobSuperseded] && result.next == .run(order: 1, .work))
    }

    @Test func `a job waiting for its retry lets others pass`() {
        let waiting = job(1, .billingCodes, notBefore: Self.later, attempts: 1)
        #expect(decide([waiting, job(2, .sync)]).next == .run(order: 2, .work))
    }

    @Test(arguments: [JobKind.sync, .billingCodes])
    func `a job that needs the connection waits behind a connect that waits for its retry`(kind: JobKind) {
        let result = decide([job(1, .connect, notBefore: Self.later, attempts: 1), job(2, kind)])
        #expect(result.ended.isEmpty && result.next == .wait(until: Self.later))
    }

    @Test func `only a reset or connect passes a sync that has written`() {
        let waiting = job(1, .sync, notBefore: Self.later, attempts: 1, hasWritten: true)
        #expect(decide([waiting, job(2, .billingCodes)]).next == .wait(until: Self.later))
        #expect(decide([waiting, job(2, .billingCodes), job(3, .connect)]).next == .run(order: 3, .work))
        #expect(concluded(decide([waiting, job(2, .reset)]).next) == 1)
    }

    @Test(arguments: [JobKind.connect, .sync])
    func `a diagnosis passes all waiting jobs`(kind: JobKind) {
        let waiting = job(1, kind, notBefore: Self.later, attempts: 1, hasWritten: kind == .sync)
        #expect(decide([waiting, job(2, .diagnose)]).next == .run(order: 2, .work))
    }

    @Test func `a job that did not begin in time expires`() {
        #expect(decide([job(1, .sync, expiry: Self.now)]).ended == [1: .jobExpired])
        #expect(decide([job(1, .sync, expiry: Self.later)]).next == .run(order: 1, .work))
    }

    @Test func `a job that had already expired on arrival is its portal's mistake, and the hint says so`() throws {
        func error(_ job: QueuedJob) throws -> JSON {
            let decision = order.decide(LaneSnapshot(lane: lane, jobs: [job], revisions: [:]))
            return try #require(decision.settlements.first?.event.members["error"])
        }
        let never = try error(job(1, .sync, expiry: Timestamp("0001-01-01T00:00:00Z")))
        #expect(never["code"] == "expired" && never["field"] == "expirytime")
        #expect(never["hint"]?.string?.contains("0001-01-01T00:00:00.000Z, had passed when the worker received it. It looks like") == true)
        #expect(never["hint"]?.string?.contains("under a new id, with an expirytime later than its time") == true)
        let past = try error(job(1, .sync, expiry: Self.now - .seconds(1)))
        #expect(past["hint"]?.string?.contains("had passed when the worker received it. Send it again") == true)
        var waited = job(1, .sync, expiry: Self.now)
        waited.acceptedAt = Self.now - .seconds(1)
        #expect(try error(waited)["hint"] == .string(ErrorCode.expired.properties.hint))
        // A copy keeps the time of the original, which had passed when the copy was made.
        var copy = job(1, .sync, expiry: Self.now - .seconds(1))
        copy.redriveOf = JobID("first")
        #expect(try error(copy)["hint"] == .string(ErrorCode.expired.properties.hint))
    }

    @Test func `a job that has begun does not expire`() {
        #expect(decide([job(1, .sync, expiry: Self.now, attempts: 1)]).next == .run(order: 1, .work))
        #expect(decide([job(1, .sync, expiry: Self.now, interruptions: 1)]).next == .run(order: 1, .work))
    }

    @Test func `a blocked job's expiry wakes the lane`() {
        let soon = Self.now + .seconds(5)
        let result = decide([job(1, .connect, notBefore: Self.later, attempts: 1), job(2, .sync, expiry: soon)])
        #expect(result.next == .wait(until: soon))
    }

    @Test func `a job that was interrupted five times is abandoned, and its neighbour runs`() {
        let result = decide([job(1, .billingCodes, interruptions: 5), job(2, .sync, interruptions: 4)])
        #expect(result.ended == [1: .jobAbandoned] && result.next == .run(order: 2, .work))
        #expect(result.givenUp == [1: GivenUp(.interrupted, JobError(.poison))])
    }

    @Test func `unfinished jobs of a restored store do not run: they end, or first report what they did`() {
        let result = decide([job(1, .connect, isFromBackup: true), job(2, .sync, hasWritten: true, isFromBackup: true), job(3, .connect)])
        #expect(result.ended == [1: .jobSuperseded])
        guard case .run(order: 2, .conclude(let error)) = result.next else {
            Issue.record("\(result.next)")
            return
        }
        #expect(error.code == .superseded && error.message.contains("backup"))
    }

    // MARK: Scheduled checks

    @Test func `a check goes behind all jobs of a portal, even later ones`() {
        let result = decide([job(1, .verify, isScheduled: true), job(2, .drift, isScheduled: true), job(3, .sync)])
        #expect(result.ended.isEmpty && result.dropped.isEmpty && result.next == .run(order: 3, .work))
        #expect(decide([job(1, .verify, isScheduled: true), job(2, .drift, isScheduled: true)]).next == .run(order: 1, .work))
    }

    @Test func `a check runs while a job waits for its retry, unless that job has written`() {
        let check = job(2, .drift, isScheduled: true)
        #expect(decide([job(1, .sync, notBefore: Self.later, attempts: 1), check]).next == .run(order: 2, .work))
        let written = decide([job(1, .sync, notBefore: Self.later, attempts: 1, hasWritten: true), check])
        #expect(written.next == .wait(until: Self.later) && written.dropped.isEmpty)
    }

    @Test(arguments: [JobKind.verify, .drift])
    func `a check gives way to a portal's job of its kind, older or newer, and never supersedes one`(kind: JobKind) {
        let newer = decide([job(1, kind, isScheduled: true), job(2, kind)])
        #expect(newer.ended.isEmpty && newer.dropped == [1] && newer.next == .run(order: 2, .work))
        let older = decide([job(1, kind), job(2, kind, isScheduled: true)])
        #expect(older.ended.isEmpty && older.dropped == [2] && older.next == .run(order: 1, .work))
    }

    @Test func `a reset drops checks without an event`() {
        let result = decide([job(1, .verify, isScheduled: true), job(2, .reset), job(3, .drift, isScheduled: true)])
        #expect(result.ended.isEmpty && result.dropped == [1, 3] && result.next == .run(order: 2, .work))
    }

    @Test func `a check from a restored store is dropped`() {
        let result = decide([job(1, .drift, isFromBackup: true, isScheduled: true)])
        #expect(result.ended.isEmpty && result.dropped == [1])
    }

    @Test func `a check that kills the worker is dropped, and not dead-lettered`() {
        let result = decide([job(1, .verify, interruptions: LaneOrder.maximumInterruptions, isScheduled: true)])
        #expect(result.ended.isEmpty && result.givenUp.isEmpty && result.dropped == [1] && result.next == .wait(until: nil))
    }

    // MARK: Revisions in a circle

    /// The revisions of three syncs that wait together, in their order, and the one that must run.
    static let circles: [(revisions: [Int64?], winner: Int64)] = [
        ([5, nil, 3], 2), ([5, 3, nil], 3), ([nil, 5, 3], 2), ([nil, 3, 5], 3), ([3, nil, 5], 3), ([3, 5, nil], 3), ([5, nil, nil], 3),
        ([5, 5, nil], 3), ([nil, nil, 1], 3), ([5, 4, 3], 1), ([3, nil, 2], 2), ([7, nil, 7], 3), ([0, nil, -1], 2),
    ]

    @Test(arguments: circles)
    func `of syncs that wait together one runs: the newest with the highest revision or none`(revisions: [Int64?], winner: Int64) {
        let jobs = revisions.enumerated().map { job(Int64($0 + 1), .sync, revision: $1) }
        let result = decide(jobs)
        #expect(result.next == .run(order: winner, .work))
        #expect(Set(result.ended.keys) == Set(1...3).subtracting([winner]) && Set(result.ended.values) == [.jobSuperseded])
    }

    @Test(arguments: circles)
    func `they end the same way when they arrive one after the other`(revisions: [Int64?], winner: Int64) {
        var waiting: [QueuedJob] = []
        for (index, revision) in revisions.enumerated() {
            let arrival = job(Int64(index + 1), .sync, revision: revision)
            let result = admit(arrival, among: waiting)
            waiting = (waiting + [arrival]).filter { result.ended[$0.order] == nil }
            for index in waiting.indices { waiting[index].standing = result.raised[waiting[index].order] ?? waiting[index].standing }
        }
        #expect(waiting.map(\.order) == [winner])
    }

    @Test func `the event of a superseded job names the revision and the request`() throws {
        let decision = order.decide(
            LaneSnapshot(lane: lane, jobs: [job(1, .sync, revision: 5), job(2, .sync, revision: 3)], revisions: [:])
        )
        let data = try JSON(parsing: try #require(decision.settlements.first).event.data)
        #expect(data["supersededBy"] == "job-1")
        #expect(data["error"]?["message"] == "Revision 3 is lower than 5: the request job-1 replaced this one.")
        let stale = order.decide(LaneSnapshot(lane: lane, jobs: [job(1, .sync, revision: 1)], revisions: ["plan": 5]))
        let old = try JSON(parsing: try #require(stale.settlements.first).event.data)
        #expect(old["supersededBy"] == nil && old["error"]?["message"] == "Revision 1 is lower than 5, which ran.")
    }

    // MARK: Jobs that do not run supersede nothing

    @Test func `an expired job supersedes nothing`() {
        let result = decide([job(1, .sync), job(2, .sync, expiry: Self.now)])
        #expect(result.ended == [2: .jobExpired] && result.next == .run(order: 1, .work))
        let kinds: [JobKind] = [.connect, .verify, .drift, .diagnose, .preview, .reset]
        for kind in kinds {
            let result = decide([job(1, kind), job(2, kind, expiry: Self.now)])
            #expect(result.ended == [2: .jobExpired] && result.next == .run(order: 1, .work), "\(kind)")
        }
        #expect(decide([job(1, .sync), job(2, .reset, expiry: Self.now)]).ended == [2: .jobExpired])
    }

    @Test func `a job that is older than one that ran, poison, or from a backup supersedes nothing`() {
        #expect(decide([job(1, .sync), job(2, .sync, revision: 4)], revisions: ["plan": 5]).next == .run(order: 1, .work))
        #expect(decide([job(1, .sync), job(2, .sync, interruptions: 5)]).next == .run(order: 1, .work))
        #expect(decide([job(1, .sync), job(2, .sync, isFromBackup: true)]).next == .run(order: 1, .work))
    }

    @Test func `a job that may still expire ends nothing before it begins`() {
        // A connect that waits for its retry keeps both syncs waiting.
        let connect = job(1, .connect, notBefore: Self.later, attempts: 1)
        let soon = Self.now + .seconds(5)
        let waiting = decide([connect, job(2, .sync), job(3, .sync, expiry: soon)])
        #expect(waiting.ended.isEmpty && waiting.next == .wait(until: soon))
        let free = decide([job(2, .sync), job(3, .sync, expiry: soon)])
        #expect(free.ended == [2: .jobSuperseded] && free.next == .run(order: 3, .work))
        #expect(admit(job(3, .sync, expiry: soon), among: [job(2, .sync)]).ended.isEmpty)
        #expect(admit(job(3, .sync, expiry: Self.later), among: [job(2, .sync, expiry: soon)]).ended == [2: .jobSuperseded])
        #expect(admit(job(3, .sync, expiry: soon), among: [job(2, .sync, expiry: Self.later)]).ended.isEmpty)
    }

    @Test func `a reset that may still expire ends earlier jobs when it begins, and concludes those that have written first`() {
        let soon = Self.now + .seconds(5)
        let result = decide([job(1, .sync), job(2, .connect), job(3, .reset, expiry: soon), job(4, .connect)])
        #expect(result.ended == [1: .jobSuperseded, 2: .jobSuperseded] && result.next == .run(order: 3, .work))
        let written = job(1, .sync, notBefore: Self.later, attempts: 1, hasWritten: true)
        let decision = order.decide(LaneSnapshot(lane: lane, jobs: [written, job(2, .reset, expiry: soon)], revisions: [:]))
        #expect(concluded(decision.next) == 1 && decision.committed == 2)
        // A newer sync of the plan does not keep the reset from ending the older one.
        let between = decide([job(1, .sync), job(2, .reset), job(3, .sync, expiry: soon)])
        #expect(between.ended == [1: .jobSuperseded] && between.next == .run(order: 2, .work))
    }

    // MARK: A part of a lane

    @Test func `in a lane that is seen in part, jobs that end do so first, 64 at a time`() {
        let many = (1...100).map { job(Int64($0), .sync, plan: "plan-\($0)") } + [job(101, .reset)]
        let decision = order.decide(LaneSnapshot(lane: lane, jobs: many, revisions: [:], isComplete: false))
        #expect(decision.settlements.map(\.order) == Array(1...64) && decision.next == .again)
    }

    @Test func `a lane that is seen in part sleeps until the next moment of all its jobs`() {
        let connect = job(1, .connect, notBefore: Self.later, attempts: 1)
        let moment = Self.now + .seconds(3)
        let snapshot = LaneSnapshot(lane: lane, jobs: [connect, job(2, .sync)], revisions: [:], isComplete: false, nextMoment: moment)
        #expect(order.decide(snapshot).next == .wait(until: moment))
    }

    // MARK: -

    private func concluded(_ next: LaneDecision.Next) -> Int64? {
        guard case .run(let order, .conclude(let error)) = next, error.code == .superseded else { return nil }
        return order
    }

    // MARK: Jobs for which a person waits

    @Test func `a job whose deadline has come is concluded with its last reason for deferral, ahead of jobs that wait before it`() {
        let late = job(
            2,
            .preview,
            plan: "plan",
            notBefore: Self.later,
            attempts: 1,
            deadline: Self.now,
            lastDeferral: PublishedDeferral(code: .autotaskUnavailable, delay: .seconds(2))
        )
        let result = decide([job(1, .connect, notBefore: Self.later, attempts: 1), late, job(3, .sync)])
        #expect(result.ended.isEmpty)
        #expect(result.next == .run(order: 2, .conclude(JobError(.autotaskUnavailable))))
    }

    @Test func `a job that may be requested again is retryable, although its cause alone is not`() throws {
        let reason = PublishedDeferral(code: .internal, delay: .seconds(2))
        guard case .run(1, .conclude(let error)) = decide([job(1, .verify, attempts: 1, deadline: Self.now, lastDeferral: reason)]).next
        else {
            Issue.record("the job is not concluded")
            return
        }
        #expect(error.code == .internal && error.isRetryable && error.json["retryable"] == true)
    }

    @Test func `an interrupted job whose deadline has come ends as timed out, and so does one that was never deferred`() {
        guard case .run(1, .conclude(let error)) = decide([job(1, .drift, interruptions: 1, deadline: Self.now)]).next else {
            Issue.record("the job is not concluded")
            return
        }
        #expect(error.code == .timeout && error.isRetryable)
    }

    @Test func `a lane waits no longer than until the first deadline`() {
        let deadline = Self.now + .seconds(30)
        let jobs = [job(1, .connect, notBefore: Self.later, attempts: 1), job(2, .preview, plan: "p", attempts: 1, deadline: deadline)]
        #expect(decide(jobs).next == .wait(until: deadline))
    }

    @Test func `a newer job of the kind supersedes one whose deadline has come`() {
        let result = decide([job(1, .connect, attempts: 1, deadline: Self.now), job(2, .connect)])
        #expect(result.ended == [1: .jobSuperseded] && result.next == .run(order: 2, .work))
    }
}
