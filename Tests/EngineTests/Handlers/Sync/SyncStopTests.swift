import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("Sync: stops before the next write, for a reset or a pause")
struct SyncStopTests {
    @Test func `a waiting reset stops the batch before the next write`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services", .status(429))
        try await lane.sync(.plan(1))
        lane.bench.store.change { $0.stop = .reset }
        lane.clock.advance(by: .seconds(60))
        let outcome = try await lane.attempt(.plan(3))
        #expect(outcome.terminal?.type == .syncIncomplete)
        #expect(outcome.terminal?.errorCode == "superseded")
        #expect(lane.writes.isEmpty)
        #expect(lane.state.openWrites.isEmpty)
    }

    @Test func `a waiting reset supersedes a job that has written nothing`() async throws {
        let lane = try await SyncBench()
        lane.bench.store.change { $0.stop = .reset }
        let outcome = try await lane.sync(.plan(2))
        #expect(outcome.events.map(\.type) == [.jobSuperseded])
        #expect(outcome.terminal?.errorCode == "superseded")
        #expect(lane.writes.isEmpty && lane.state.openWrites.isEmpty)
    }

    @Test func `a waiting reset does not hide an unresolved write`() async throws {
        let lane = try await SyncBench()
        let store = lane.bench.store
        lane.autotask.fail("POST Services", .status(500, body: #"{"errors":["Der Abrechnungscode ist ungültig."]}"#))
        lane.autotask.onCall("POST Services") { store.change { $0.stop = .reset } }
        let outcome = try await lane.sync(.plan(3))
        #expect(outcome.terminal?.type == .syncIncomplete)
        #expect(outcome.terminal?.errorCode == "superseded")
        #expect(outcome.errors == ["outcome_unknown", nil, nil])
        #expect(lane.writes.count == 1 && lane.state.openWrites.map(\.serviceKey) == ["s0"])
    }

    @Test func `a pause stops the batch before the next write, and the next attempt continues`() async throws {
        let lane = try await SyncBench()
        let store = lane.bench.store
        lane.autotask.onCall("POST Services") { store.change { $0.stop = .pause } }
        let outcome = try await lane.attempt(.plan(3))
        try #require(outcome.isPostponed)
        #expect(outcome.events.isEmpty && lane.writes.count == 1 && lane.state.openWrites.allSatisfy { $0.state != .sent })
        store.change { $0.stop = nil }
        lane.autotask.onCall("POST Services") {}
        #expect(try await lane.sync(.plan(3)).terminal?.type == .syncSucceeded)
        #expect(lane.services.count == 3)
    }
}
