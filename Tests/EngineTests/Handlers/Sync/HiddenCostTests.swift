import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

/// Costs that the API user may not see read as empty in some databases, and as zero in others.
@Suite("Sync: costs that read as zero")
struct HiddenCostTests {
    private func lane(hidden: JSON = .number("0.0")) async throws -> SyncBench {
        let lane = try await SyncBench()
        lane.autotask.change {
            $0.databases[Workbench.databaseID]?.hidesCosts = true
            $0.databases[Workbench.databaseID]?.hiddenCost = hidden
        }
        return lane
    }

    private func show(_ lane: SyncBench) { lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = false } }

    @Test(arguments: [JSON.number("0.0"), .number("0"), .null])
    func `they are Synced with a warning, and never written again`(hidden: JSON) async throws {
        let lane = try await lane(hidden: hidden)
        let first = try await lane.sync(.plan(2))
        #expect(first.statuses == ["Synced", "Synced"] && first.warnings(0) == ["cost_not_stored"], "\(first.report)")
        for _ in 0..<2 {
            let again = try await lane.sync(.plan(2))
            #expect(again.outcomes == ["unchanged", "unchanged"] && lane.writes.isEmpty && again.warnings(1) == ["cost_not_stored"])
        }
        let dearer = try await lane.sync(.plan(2).with(0) { $0.unitPrice = .value(.amount("9.50")) })
        #expect(dearer.statuses == ["Synced", "Synced"])
        #expect(lane.writes.map { $0.body?["unitCost"] } == [nil])
    }

    @Test func `permissions that are removed later are noticed once`() async throws {
        let lane = try await lane()
        show(lane)
        #expect(try await lane.sync(.plan(2)).warnings(0).isEmpty)
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = true }
        #expect(try await lane.sync(.plan(2)).statuses == ["Synced", "Synced"])
        let again = try await lane.sync(.plan(2))
        #expect(again.outcomes == ["unchanged", "unchanged"] && again.warnings(0) == ["cost_not_stored"] && lane.writes.isEmpty)
    }

    @Test(arguments: 1...3)
    func `a cost that a person sets to zero is overridden, whether or not others are zero too`(count: Int) async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(count))
        lane.edit { services in for index in services.indices { services[index]["unitCost"] = .number("0.0") } }
        let outcome = try await lane.sync(.plan(count))
        #expect(Set(outcome.statuses) == ["Synced"] && lane.writes.count == count)
        #expect(outcome.service(0)["overwritten"] == [["field": "unitCost", "from": "0.00", "to": "4.50"]])
        #expect(lane.services.allSatisfy { $0["unitCost"] == .number("4.50") })
        #expect(try await lane.sync(.plan(count)).warnings(0).isEmpty)
    }

    @Test func `a plan whose cost is zero shows nothing about visibility`() async throws {
        let lane = try await lane()
        let free = SyncPayload.plan(1).with(0) { $0.unitCost = .value(.amount("0")) }
        #expect(try await lane.sync(free).warnings(0).isEmpty)
        #expect(lane.state.connection?.capabilities.costVisible == nil)
    }

    @Test func `costs that were empty and are now zero are visible`() async throws {
        let lane = try await lane(hidden: .null)
        try await lane.sync(.plan(1))
        show(lane)
        lane.edit("Service 0", "unitCost", .number("0.0"))
        let outcome = try await lane.sync(.plan(1))
        #expect(outcome.outcomes == ["updated"] && outcome.warnings(0).isEmpty)
        #expect(lane.services[0]["unitCost"] == .number("4.50"))
    }

    @Test func `a preview reports no margin of costs that read as zero`() async throws {
        let lane = try await lane()
        try await lane.sync(.plan(1))
        let preview = try await lane.preview(.plan(1))
        #expect(preview.service(0)["margin"] == ["before": .null, "after": .null])
    }
}
