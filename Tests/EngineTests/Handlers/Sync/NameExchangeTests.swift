import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("Sync: services exchange their names")
struct NameExchangeTests {
    /// The plan with the names of its services rotated by one place.
    private func turned(_ plan: SyncPayload) -> SyncPayload {
        var turned = plan
        for index in plan.services.indices { turned.services[index].name = plan.services[(index + 1) % plan.services.count].name }
        return turned
    }

    /// An Autotask that requires unique names, with the plan's services.
    private func lane(_ plan: SyncPayload) async throws -> SyncBench {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hasUniqueNames = true }
        try await lane.sync(plan)
        return lane
    }

    @Test(arguments: 2...5)
    func `names rotate in a circle with one more write than there are services (A13)`(count: Int) async throws {
        let lane = try await lane(.plan(count))
        let ids = lane.services.map { $0["id"] }
        let outcome = try await lane.sync(turned(.plan(count)))
        #expect(outcome.terminal?.type == .syncSucceeded)
        #expect(lane.writes.count == count + 1)
        #expect(lane.services.map { $0["id"] } == ids)
        #expect(lane.services.map { $0["name"]?.string } == turned(.plan(count)).services.map(\.name))
        #expect(outcome.service(0)["changes"] == [["field": "name", "from": "Service 0", "to": "Service 1"]])
        #expect(outcome.service(0)["overwritten"] == [])
        #expect(try await lane.sync(turned(.plan(count))).outcomes.allSatisfy { $0 == "unchanged" } && lane.writes.isEmpty)
    }

    /// The worker dies just before or just after each of the writes.
    @Test(arguments: 0..<4, [true, false])
    func `an exchange continues after a crash at any step, and no name is lost (A13)`(step: Int, isAnswerLost: Bool) async throws {
        let lane = try await lane(.plan(3))
        let ids = lane.services.map { $0["id"] }
        let plan = turned(.plan(3))
        for _ in 0..<step { lane.autotask.pass("PATCH Services") }
        lane.autotask.fail("PATCH Services", isAnswerLost ? .lostAnswer : .noAnswer(.connectionLost))
        try await lane.sync(plan, survives: false)
        lane.clock.advance(by: .seconds(301))
        let outcome = try await lane.attempt(plan)
        #expect(outcome.terminal?.type == .syncSucceeded)
        #expect(lane.services.map { $0["id"] } == ids)
        #expect(lane.services.map { $0["name"]?.string } == plan.services.map(\.name))
        #expect((0..<3).allSatisfy { outcome.service($0)["overwritten"] == [] && outcome.warnings($0).isEmpty })
    }

    @Test func `a waiting reset lets the circle be closed`() async throws {
        let lane = try await lane(.plan(2))
        lane.autotask.onCall("PATCH Services") { [store = lane.bench.store] in store.change { $0.stop = .reset } }
        let outcome = try await lane.sync(turned(.plan(2)))
        #expect(lane.services.map { $0["name"]?.string } == ["Service 1", "Service 0"])
        #expect(outcome.terminal?.type == .syncSucceeded)
    }

    @Test func `a service whose new name stays taken gets its old one back`() async throws {
        let lane = try await lane(.plan(2))
        lane.autotask.pass("PATCH Services")
        lane.autotask.fail("PATCH Services", .status(500, body: #"{"errors":["A name is required."]}"#))
        let outcome = try await lane.sync(turned(.plan(2)))
        #expect(outcome.terminal?.type == .syncFailed)
        #expect(outcome.errors == ["service_name_conflict", "remote_rejected"])
        #expect(lane.services.map { $0["name"]?.string } == ["Service 0", "Service 1"])
        #expect(try await lane.sync(turned(.plan(2))).terminal?.type == .syncSucceeded)
    }

    @Test func `if the batch must stop, the temporary name is reported, and the next sync repairs it`() async throws {
        let lane = try await lane(.plan(3))
        lane.autotask.pass("PATCH Services")
        lane.autotask.fail("PATCH Services", .status(403, body: #"{"Message":"No."}"#))
        let outcome = try await lane.sync(turned(.plan(3)))
        #expect(outcome.statuses == ["Error", "Synced", "Synced"])
        #expect(outcome.service(0)["error"]?["message"]?.string?.contains("temporary name") == true)
        #expect(lane.state.openWrites.isEmpty)
        let mended = try await lane.sync(turned(.plan(3)))
        #expect(mended.terminal?.type == .syncSucceeded)
        #expect(lane.services.map { $0["name"]?.string } == ["Service 1", "Service 2", "Service 0"])
    }
}
