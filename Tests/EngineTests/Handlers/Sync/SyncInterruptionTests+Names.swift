import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

/// Names that Autotask refuses.
extension SyncInterruptionTests {
    private static let duplicate = #"""
        {"errors":["Violation of UNIQUE KEY constraint 'IX_service'. Cannot insert duplicate key in object 'dbo.Service'."]}
        """#

    @Test func `a name that is taken by an invisible service is a conflict`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services", .status(500, body: Self.duplicate))
        let outcome = try await lane.sync(.plan(2))
        #expect(outcome.errors == ["not_visible", nil])
        #expect(outcome.outcomes == ["rejected", "created"])
    }

    @Test func `a name that was taken meanwhile is reported with its holder`() async throws {
        let lane = try await SyncBench()
        lane.add("Service 0", id: 77)
        lane.autotask.fail("POST Services/query", .status(200, body: #"{"items":[],"pageDetails":{}}"#))
        lane.autotask.fail("POST Services", .status(500, body: Self.duplicate))
        let outcome = try await lane.sync(.plan(1))
        #expect(outcome.errors == ["service_name_conflict"])
        #expect(outcome.service(0)["error"]?["message"]?.string?.contains("id 77") == true)
    }

    @Test func `a name that our own late create took is ours`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.state.bindings = []
        lane.autotask.fail("POST Services/query", .status(200, body: #"{"items":[],"pageDetails":{}}"#))
        lane.autotask.fail("POST Services", .status(500, body: Self.duplicate))
        let outcome = try await lane.sync(.plan(1))
        #expect(outcome.terminal?.type == .syncSucceeded)
        #expect(outcome.service(0)["autotaskServiceId"] == lane.services[0]["id"])
        #expect(lane.services.count == 1)
    }
}
