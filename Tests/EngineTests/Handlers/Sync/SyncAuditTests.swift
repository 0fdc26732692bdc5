import AutotaskModel
import Contract
import Store
import Testing
import Vault

@testable import Engine

/// The audit log's record of a sync's writes.
struct SyncAuditTests {
    @Test func `each write is recorded before it is sent, and its result with the next`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        #expect(
            lane.notes == [
                ["write.sent create s0"], ["write.settled create s0 confirmed", "write.sent create s1"],
                ["write.settled create s1 confirmed"],
            ]
        )
        let unchanged = try await lane.sync(.plan(2))
        #expect(lane.notes == [] && unchanged.changes.notes == [])
    }

    @Test func `names and prices are recorded before and after, and only the lane's key opens them`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        let created = try lane.details()
        #expect(created["before"] == .null && created["after"]?["name"] == "Service 0")
        let (nine, ten) = (JSON.string("\(Money.amount("9.00"))"), JSON.string("\(Money.amount("10.5"))"))
        #expect(created["after"]?["unitPrice"] == nine)

        try await lane.sync(SyncPayload.plan(1, revision: 2).with(0) { $0.unitPrice = .value(.amount("10.5")) })
        let sent = try #require(lane.bench.store.current.notes.joined().first { $0.action == .writeSent })
        #expect(sent.facts["fields"] == ["unitPrice"] && sent.facts["autotaskServiceId"]?.integer != nil)
        let changed = try lane.details()
        #expect(changed["before"]?["unitPrice"] == nine && changed["after"]?["unitPrice"] == ten)
        #expect(changed["before"]?["name"] == changed["after"]?["name"])
        let shown = JSON.object(sent.facts).encoded + (sent.sealed ?? [])
        #expect(!String(decoding: shown, as: UTF8.self).contains("Service 0"))
    }

    @Test func `a create whose answer was lost is recorded as unknown, and later as found`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services", .lostAnswer)
        let lost = try await lane.sync(.plan(1))
        #expect(lane.notes == [["write.sent create s0"]])
        #expect(lost.changes.notes.map(\.text) == ["write.settled create s0 unknown"])
        lane.clock.advance(by: .seconds(301))
        let found = try await lane.attempt(.plan(1))
        #expect(found.changes.notes.map(\.text) == ["write.settled create s0 found"])
    }

    @Test func `a refusal by Autotask is recorded with its code`() async throws {
        let lane = try await SyncBench()
        lane.add("Service 0", id: 77)
        let refused = try await lane.sync(.plan(2))
        let all = lane.notes.flatMap(\.self) + refused.changes.notes.map(\.text)
        #expect(all.filter { $0.hasPrefix("write.sent") }.count == lane.writes.count)
    }

    @Test func `a waiting reset stops the write before it is sent, and that is recorded`() async throws {
        let lane = try await SyncBench()
        lane.bench.store.change { $0.stop = .reset }
        let stopped = try await lane.sync(.plan(1))
        #expect(lane.notes == [["write.sent create s0"]])
        #expect(stopped.changes.notes.map(\.text) == ["write.settled create s0 notSent"])
        #expect(lane.writes.isEmpty)
    }
}

extension SyncBench {
    /// The audit notes of the last attempt's journal, call by call; calls without notes are left out.
    fileprivate var notes: [[String]] { bench.store.current.notes.filter { !$0.isEmpty }.map { $0.map(\.text) } }

    /// The sealed details of the last attempt's first write.
    fileprivate func details() throws -> JSON {
        let sent = try #require(bench.store.current.notes.joined().first { $0.action == .writeSent })
        let connection = try #require(state.connection)
        let seal = try bench.vault.auditSeal(of: bench.lane, wrappedKey: connection.wrappedKey)
        return try JSON(parsing: seal.open(try #require(sent.sealed), of: JobID("sync-\(jobs)")!))
    }
}

extension AuditNote {
    fileprivate var text: String {
        [action.rawValue, facts["operation"]?.string, facts["serviceKey"]?.string, facts["outcome"]?.string].compactMap(\.self)
            .joined(separator: " ")
    }
}
