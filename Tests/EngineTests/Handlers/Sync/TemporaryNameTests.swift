import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

/// A service that an interrupted exchange left with a temporary name is not Synced, and its error says why.
@Suite("Sync: temporary names that stay")
struct TemporaryNameTests {
    @Test func `a service that a superseded sync left with a temporary name has an error that says so`() async throws {
        let (lane, ended) = try await SyncBench.exchange(killedAt: 1)
        #expect(ended.terminal?.type == .syncIncomplete)
        #expect(ended.statuses == ["Error", "Synced", "Error"])
        #expect(ended.errors == ["remote_rejected", nil, "outcome_unknown"])
        #expect(ended.service(0)["error"]?["message"]?.string?.contains("temporary name") == true)
        #expect(lane.binding("s0")?.lastErrorCode == .remoteRejected && lane.binding("s0")?.status == .error)
        #expect(lane.state.openWrites.filter { $0.state != .intended }.map(\.serviceKey) == ["s2"])
        let drift = try await DriftHandler().run(DriftPayload(), lane.bench.context(.drift, id: "drift", state: lane.state))
        #expect(drift.each("key") == ["s0"] && drift.service(0)["state"] == "edited")
        let mended = try await lane.sync(.names("B", "C", "A"))
        #expect(mended.statuses == ["Synced", "Synced", "Synced"])
        #expect(mended.service(0)["changes"] == [["field": "name", "from": "A", "to": "B"]])
        #expect(lane.binding("s0")?.lastErrorCode == nil)
    }

    @Test func `a service whose last write of an exchange was not taken has an error that says so`() async throws {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hasUniqueNames = true }
        try await lane.sync(.names("A", "B", "C", revision: 1))
        for _ in 0..<3 { lane.autotask.pass("PATCH Services") }
        lane.autotask.fail("PATCH Services", .status(429))
        let outcome = try await lane.sync(.names("B", "C", "A"))
        #expect(outcome.deferral != nil)
        let ended = lane.supersede(.names("B", "C", "A"))
        #expect(ended.statuses[0] == "Error", "\(ended.report)")
        #expect(ended.service(0)["error"]?["message"]?.string?.contains("temporary name") == true)
        let mended = try await lane.sync(.names("B", "C", "A"))
        #expect(mended.statuses == ["Synced", "Synced", "Synced"])
        #expect(mended.service(0)["changes"] == [["field": "name", "from": "A", "to": "B"]])
    }

    @Test func `a stranger that has the temporary name is named`() async throws {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hasUniqueNames = true }
        try await lane.sync(.names("A", "B", revision: 1))
        lane.add("A ~\(lane.marker("s0").prefix(8))", id: 977)
        let outcome = try await lane.sync(.names("B", "A"))
        #expect(outcome.errors == ["service_name_conflict", "service_name_conflict"], "\(outcome.report)")
        #expect(outcome.service(0)["error"]?["conflict"]?["autotaskServiceId"] == 977, "\(outcome.service(0))")
    }

    @Test func `a person's new name that an interrupted exchange replaced is reported`() async throws {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hasUniqueNames = true }
        try await lane.sync(.names("A", "B", revision: 1))
        lane.edit("A", "name", "Edited")
        lane.edit("B", "name", "A")
        lane.edit("Edited", "name", "B")
        lane.autotask.pass("PATCH Services")
        lane.autotask.fail("PATCH Services", .status(429))
        #expect(try await lane.sync(.names("A", "B")).deferral != nil)
        lane.clock.advance(by: .seconds(301))
        let outcome = try await lane.attempt(.names("A", "B"))
        let changes: [JSON] = [[["field": "name", "from": "B", "to": "A"]], [["field": "name", "from": "A", "to": "B"]]]
        #expect((0..<2).map { outcome.service($0)["overwritten"] ?? .null } == changes, "\(outcome.report)")
        #expect((0..<2).map { outcome.service($0)["changes"] ?? .null } == changes)
    }

    @Test func `own writes before an exchange stay known when it is left half way`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.names("A", "B", revision: 1))
        let dearer = SyncPayload.names("A", "B").with(0) { $0.unitPrice = .value(.amount("11.00")) }
        lane.autotask.fail("PATCH Services", .lostAnswer)
        try await lane.sync(dearer)
        lane.supersede(dearer)
        lane.autotask.pass("PATCH Services")
        lane.autotask.fail("PATCH Services", .lostAnswer)
        let swapped = SyncPayload.names("B", "A").with(0) { $0.unitPrice = .value(.amount("12.00")) }
        try await lane.sync(swapped, survives: false)
        #expect(lane.supersede(swapped).statuses == ["Error", "Error"])
        let outcome = try await lane.sync(swapped.braked())
        #expect(outcome.terminal?.type == .syncSucceeded)
        #expect(outcome.service(0)["overwritten"] == [] && outcome.service(1)["overwritten"] == [])
    }

    @Test func `an attempt that finds a temporary name and must stop reports it`() async throws {
        for refusal in [FakeAutotask.Fault.status(403, body: #"{"Message":"No."}"#), .status(500, body: #"{"errors":["No name."]}"#)] {
            let (lane, _) = try await SyncBench.exchange(killedAt: 1)
            lane.autotask.fail("PATCH Services", refusal)
            let outcome = try await lane.sync(.names("X", "Y", "Z"))
            #expect(outcome.statuses[0] == "Error")
            #expect(outcome.service(0)["error"]?["message"]?.string?.contains("temporary name") == true, "\(outcome.service(0))")
        }
        let (lane, _) = try await SyncBench.exchange(killedAt: 1)
        lane.autotask.fail("PATCH Services", .status(401))
        let outcome = try await lane.sync(.names("X", "Y", "Z"))
        #expect(outcome.statuses[0] == "Error")
        #expect(outcome.service(0)["error"]?["message"]?.string?.contains("temporary name") == true, "\(outcome.service(0))")
    }

    @Test func `a held sync reports a temporary name`() async throws {
        let (lane, _) = try await SyncBench.exchange(killedAt: 1)
        lane.edit("B", "unitPrice", .number("5.0"))
        let outcome = try await lane.sync(.names("X", "Y", "Z").braked())
        #expect(outcome.terminal?.type == .syncFailed && outcome.statuses[0] == "Error")
        #expect(outcome.service(0)["error"]?["message"]?.string?.contains("temporary name") == true, "\(outcome.service(0))")
    }
}
