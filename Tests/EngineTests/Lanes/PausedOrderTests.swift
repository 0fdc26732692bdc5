import Contract
import Store
import Testing

@testable import Engine

/// What a pause means for the jobs of a lane.
extension LaneOrderTests {
    private static let end = now + .seconds(3600)

    private func pause(_ scope: PauseScope, id: Int64 = 1, until end: Timestamp = Self.end) -> Pause {
        Pause(id: id, scope: scope, reason: "a test", actor: "user:0", begin: Self.now, end: end)
    }

    private func decide(_ jobs: [QueuedJob], _ pauses: Pause..., isComplete: Bool = true) -> LaneDecision {
        var snapshot = LaneSnapshot(lane: lane, jobs: jobs, revisions: [:], isComplete: isComplete)
        snapshot.pauses = pauses
        return order.decide(snapshot)
    }

    private func isHeldUp(_ next: LaneDecision.Next, _ order: Int64) -> Bool {
        guard case .run(order, .conclude(let error)) = next else { return false }
        return error.code == .held && error.isRetryable
    }

    @Test func `a paused sync waits until the end of the pause, and is reported once`() throws {
        let decision = decide([job(1, .sync)], pause(.tenant(lane.tenant)))
        #expect(decision.next == .wait(until: Self.end))
        let hold = try #require(decision.holds.first)
        #expect(hold.order == 1 && hold.pause == 1 && hold.until == Self.end)
        #expect(hold.deferral == PublishedDeferral(code: .held, delay: .seconds(3600)))
        let event = try #require(hold.event)
        #expect(event.type == .jobDeferred && event.members["until"] == .string(Self.end.description))
        #expect(event.members["error"]?["code"] == "held" && event.members["error"]?["retryable"] == true)
        var held = job(1, .sync)
        held.hold(hold, at: Self.now)
        #expect(held.notBefore == Self.end && held.lastDeferral == hold.deferral)
        #expect(decide([held], pause(.tenant(lane.tenant))).holds.isEmpty)
        // Another pause is reported too, once the first one holds it no longer.
        held.release(at: Self.now)
        let longer = decide([held], pause(.tenant(lane.tenant)), pause(.all, id: 2, until: Self.end + .seconds(60)))
        #expect(longer.holds.map(\.pause) == [2] && longer.holds[0].event != nil)
    }

    @Test(arguments: [JobKind.preview, .verify, .drift, .billingCodes])
    func `a paused job for which a person waits ends at once`(kind: JobKind) {
        let scopes: [PauseScope] = [.all, .kind(kind), .tenant(lane.tenant), .lane(lane), .database(7), .zone("webservices14")]
        for scope in scopes {
            let decision = decide([job(1, kind)], pause(scope))
            #expect(isHeldUp(decision.next, 1) && decision.holds.isEmpty)
        }
        #expect(decide([job(1, kind)], pause(.kind(.sync))).next == .run(order: 1, .work))
    }

    @Test(arguments: [JobKind.connect, .diagnose])
    func `a connect and a diagnosis pass unless their kind or everything is paused`(kind: JobKind) {
        for scope in [PauseScope.tenant(lane.tenant), .lane(lane), .database(7), .zone("webservices14"), .kind(.sync)] {
            #expect(decide([job(1, kind)], pause(scope)).next == .run(order: 1, .work))
        }
        #expect(isHeldUp(decide([job(1, kind)], pause(.all)).next, 1) && isHeldUp(decide([job(1, kind)], pause(.kind(kind))).next, 1))
    }

    @Test func `a reset passes every pause, and ends what waits`() {
        for scope in [PauseScope.all, .kind(.reset), .tenant(lane.tenant)] {
            let decision = decide([job(1, .sync), job(2, .reset)], pause(scope))
            #expect(decision.next == .run(order: 2, .work) && decision.settlements.map(\.order) == [1] && decision.holds.isEmpty)
        }
        // A reset that may expire ends the others only when it begins; then they are not held.
        let decision = decide([job(1, .sync), job(2, .reset, expiry: Self.later)], pause(.all))
        #expect(decision.next == .run(order: 2, .work) && decision.settlements.map(\.order) == [1] && decision.holds.isEmpty)
    }

    @Test func `a paused job expires, and is superseded`() {
        let decision = decide([job(1, .sync, expiry: Self.now), job(2, .sync, plan: "b"), job(3, .sync, plan: "b")], pause(.all))
        #expect(decision.settlements.map(\.event.type) == [.jobExpired, .jobSuperseded] && decision.holds.map(\.order) == [3])
        #expect(decide([job(1, .sync, expiry: Self.later)], pause(.all)).next == .wait(until: Self.later))
    }

    @Test func `a job that waits for its next attempt is held when that comes`() {
        let decision = decide([job(1, .sync, notBefore: Self.later, attempts: 1)], pause(.all))
        #expect(decision.holds.isEmpty && decision.next == .wait(until: Self.later))
        #expect(decide([job(1, .sync, notBefore: Self.now, attempts: 1)], pause(.all)).holds.map(\.until) == [Self.end])
    }

    @Test func `other kinds run beside a paused one, unless it has written`() {
        let decision = decide([job(1, .sync), job(2, .verify)], pause(.kind(.sync)))
        #expect(decision.next == .run(order: 2, .work) && decision.holds.map(\.order) == [1])
        // A person does not wait for the end of the pause.
        let behind = decide([job(1, .sync, hasWritten: true), job(2, .verify), job(3, .diagnose)], pause(.kind(.sync)))
        #expect(isHeldUp(behind.next, 2) && behind.holds.map(\.order) == [1])
    }

    @Test func `a job that an operator gave up on ends without work, also under a pause, and replaces none`() {
        var given = job(3, .sync)
        given.isGivenUp = true
        let decision = decide([job(1, .sync), given], pause(.all))
        #expect(decision.settlements.map(\.order) == [3] && decision.holds.map(\.order) == [1])
        #expect(decision.settlements.first?.event.type == .jobAbandoned && decision.settlements.first?.code == .givenUp)
        #expect(decision.settlements.first?.givenUp == GivenUp(.byOperator, JobError(.givenUp)))
        given.hasWritten = true
        #expect(decide([given], pause(.all)).next == .run(order: 3, .conclude(JobError(.givenUp))))
    }

    @Test func `a scheduled check waits without a word`() {
        let decision = decide([job(1, .verify, isScheduled: true)], pause(.all))
        #expect(decision.holds.map(\.order) == [1] && decision.holds[0].event == nil && decision.next == .wait(until: Self.end))
    }

    @Test func `the jobs of a part of a lane are held before the rest is looked at`() {
        let decision = decide([job(1, .sync)], pause(.all), isComplete: false)
        #expect(decision.holds.map(\.order) == [1] && decision.next == .again)
    }

    @Test func `the time under a pause does not count as the job's`() throws {
        var held = job(1, .sync)
        held.hold(PauseHold(order: 1, pause: 1, until: Self.end, event: nil, deferral: nil), at: Self.now)
        held.hold(PauseHold(order: 1, pause: 2, until: Self.end, event: nil, deferral: nil), at: Self.later)
        held.release(at: Self.end)
        #expect(held.pausedBy == nil && held.notBefore == Self.end && held.pausedFor == .seconds(3600))
        held.attempts = 1
        let wish = RetryWish(error: JobError(.network), earliest: nil, isHeldUp: false, isCutShort: false)
        let policy = RetryPolicy(base: .seconds(1), maximumAge: .seconds(600))
        let ending = wish.ending(of: held, before: nil, under: policy, fraction: 0, at: Self.end + .seconds(500))
        guard case .deferred = ending else { throw IssueRecorded("it is given up: \(ending)") }
    }
}

private struct IssueRecorded: Error {
    let text: String
    init(_ text: String) { self.text = text }
}
