import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

/// An update whose answer was lost may take effect within the settle time: a service that it may still change is not reported as Synced.
@Suite("Sync: updates that take effect late")
struct LateUpdateTests {
    private func priced(_ price: String, _ plan: SyncPayload = .plan(1)) -> SyncPayload {
        plan.with(0) { $0.unitPrice = .value(.amount(price)) }
    }

    /// A lane whose update to 10.00 is under way in Autotask, and was not answered.
    private func lane(_ plan: SyncPayload = .plan(1)) async throws -> SyncBench {
        let lane = try await SyncBench()
        try await lane.sync(plan)
        lane.autotask.fail("PATCH Services", .lateCommit)
        let lost = try await lane.sync(priced("10.00", plan))
        #expect(lost.deferral?.error.code == .outcomeUnknown)
        #expect(lost.deferral?.earliest == lane.clock.now + .seconds(300))
        return lane
    }

    private func price(_ lane: SyncBench) -> String? { lane.services[0]["unitPrice"].map { "\($0)" } }

    @Test func `another value waits until the pending one must have arrived, and wins`() async throws {
        let lane = try await lane()
        lane.clock.advance(by: .seconds(299))
        let early = try await lane.sync(priced("12.00"))
        #expect(early.deferral?.error.code == .outcomeUnknown && lane.autotask.calls.isEmpty)
        lane.autotask.land()
        lane.clock.advance(by: .seconds(1))
        let outcome = try await lane.attempt(priced("12.00"))
        #expect(outcome.statuses == ["Synced"] && lane.service(named: "Service 0")?["unitPrice"] == .number("12.00"))
        #expect(lane.state.openWrites.isEmpty)
    }

    @Test(arguments: ["9.00", "10.00"])
    func `the old value, or the same, waits as well`(price: String) async throws {
        let lane = try await lane()
        let early = try await lane.sync(priced(price))
        #expect(early.deferral?.error.code == .outcomeUnknown && early.statuses != ["Synced"] && lane.autotask.calls.isEmpty)
        lane.autotask.land()
        lane.clock.advance(by: .seconds(300))
        #expect(try await lane.attempt(priced(price)).statuses == ["Synced"])
        #expect(lane.service(named: "Service 0")?["unitPrice"] == .number(price))
    }

    @Test func `if it never arrives, the value is written, and nothing else`() async throws {
        let lane = try await lane()
        lane.clock.advance(by: .seconds(300))
        #expect(try await lane.sync(priced("12.00")).outcomes == ["updated"])
        #expect(lane.writes.count == 1)
    }

    @Test func `a service that leaves the plan waits for it too`() async throws {
        let lane = try await lane(.plan(2))
        let smaller = SyncPayload(planID: "plan", revision: 2, services: [.sample(1)], retired: ["s0"])
        #expect(try await lane.sync(smaller).deferral?.error.code == .outcomeUnknown)
        #expect(lane.state.openWrites.map(\.serviceKey) == ["s0"])
        lane.clock.advance(by: .seconds(300))
        #expect(try await lane.attempt(smaller).statuses == ["Synced"])
    }

    @Test func `a preview waits for it, and so does another plan`() async throws {
        let lane = try await lane()
        guard case .transient(let error, let earliest, _) = try await lane.preview(.plan(1)).ending else {
            Issue.record("the preview does not wait")
            return
        }
        #expect(error.code == .outcomeUnknown && earliest == lane.clock.now + .seconds(300))
        let other = try await lane.sync(SyncPayload(planID: "other", services: [.sample(9)]))
        #expect(other.deferral?.error.code == .outcomeUnknown)
    }

    @Test(arguments: [true, false])
    func `erasing the journal keeps the time at which the update was sent, and does not wait for it`(isReset: Bool) async throws {
        let lane = try await lane()
        let sent = lane.clock.now
        lane.clock.advance(by: .seconds(20))
        if isReset {
            let reset = ResetHandler().run(ResetPayload(), lane.bench.context(.reset, state: lane.state))
            #expect(reset.terminal?.type == .integrationReset)
            let connection = lane.state.connection
            lane.state = lane.state.applying(reset.changes)
            lane.state.connection = connection
        } else {
            lane.state = lane.state.applying(LaneChanges(removesBindings: true))
        }
        #expect(lane.state.unsettledSince == sent && lane.state.openWrites.isEmpty)
        #expect(try await lane.sync(priced("12.00")).deferral?.earliest == sent + .seconds(300))
        lane.autotask.land()
        lane.clock.advance(by: .seconds(280))
        let outcome = try await lane.attempt(priced("12.00"))
        #expect(outcome.statuses == ["Synced"] && lane.service(named: "Service 0")?["unitPrice"] == .number("12.00"))
        #expect(lane.state.unsettledSince == nil)
    }

    @Test func `an update sent by a worker that died is waited for`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.autotask.fail("PATCH Services", .lateCommit)
        try await lane.sync(priced("10.00"), survives: false)
        #expect(try await lane.attempt(priced("10.00")).deferral?.error.code == .outcomeUnknown)
        #expect(lane.autotask.calls.isEmpty)
    }

    @Test func `a job that ends before it is settled leaves it to the next`() async throws {
        let lane = try await lane()
        let concluded = lane.conclude(priced("10.00"))
        lane.state = lane.state.applying(concluded.changes)
        #expect(concluded.statuses == ["Error"] && concluded.errors == ["outcome_unknown"])
        #expect(try await lane.sync(priced("12.00")).deferral?.error.code == .outcomeUnknown)
    }

    @Test func `a call that was delayed on its way counts as sent when its caller gave up`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.autotask.fail("PATCH Services", .lateCommit)
        let clock = lane.clock
        lane.autotask.onCall("PATCH Services") { clock.advance(by: .seconds(40)) }
        let lost = try await lane.sync(priced("10.00"))
        #expect(lost.deferral?.earliest == clock.now + .seconds(300))
        #expect(lane.state.openWrites.map(\.at) == [clock.now])
    }

    @Test func `a call withdrawn after it left counts as sent, and one that never left does not`() async throws {
        for hasLeft in [true, false] {
            let lane = try await SyncBench()
            try await lane.sync(.plan(1))
            lane.autotask.fail("PATCH Services", .noAnswer(.withdrawn, mayHaveBeenSent: hasLeft))
            let outcome = try await lane.sync(priced("10.00"))
            #expect(outcome.deferral?.error.code == (hasLeft ? .outcomeUnknown : .network))
            #expect(lane.state.openWrites.contains { $0.state == .sent } == hasLeft)
        }
    }

    // MARK: Exchanged names

    private var swapped: SyncPayload {
        SyncPayload(planID: "plan", revision: 2, services: [.sample(0, name: "Service 1"), .sample(1, name: "Service 0")])
    }

    @Test(arguments: 0...2)
    func `no temporary name outlives Synced, whichever write of an exchange of names is late`(place: Int) async throws {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hasUniqueNames = true }
        try await lane.sync(.plan(2))
        for _ in 0..<place { lane.autotask.pass("PATCH Services") }
        lane.autotask.fail("PATCH Services", .lateCommit)
        let lost = try await lane.sync(swapped)
        #expect(lost.deferral?.earliest == lane.clock.now + .seconds(300), "\(lost.report)")
        lane.clock.advance(by: .seconds(299))
        try await lane.attempt(swapped)
        #expect(lane.autotask.calls.isEmpty)
        lane.autotask.land()
        lane.clock.advance(by: .seconds(1))
        #expect(try await lane.attempt(swapped).statuses == ["Synced", "Synced"])
        lane.autotask.land()
        #expect(lane.services.map { $0["name"]?.string } == ["Service 1", "Service 0"])
    }
}
