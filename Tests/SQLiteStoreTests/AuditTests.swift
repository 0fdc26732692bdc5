import Contract
import Foundation
import GRDB
import MetricsTestKit
import Store
import StoreConformance
import Telemetry
import Testing

@testable import SQLiteStore

/// Any change to the audit log's file is detected, and where.
struct AuditTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() async throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
        try await write(10)
    }

    @Test("An untouched log is intact, all of it and its newest rows")
    func untouched() async throws {
        let report = try #require(try await AuditInspection.report(on: path, with: .bench))
        #expect(report.fault == nil && report.count == 11 && report.head?.place.number == 11 && report.anchor == nil)
        #expect(try await AuditInspection.report(on: path, with: .bench, newest: 3)?.fault == nil)
        #expect(try await AuditInspection.report(on: path, with: .bench, newest: 3)?.count == 3)
    }

    @Test(
        "A row with any changed column is named",
        arguments: [
            "at = at + 1", "action = 'attempt.interrupted'", "actor = 'worker:other'", "tenant = 'msp-2'", "tenant = NULL",
            "product = 'fileProtection'", "job_id = 'b'", "publisher = 'mallory'", "facts = replace(facts, '1', '2')",
            "sealed = x'00'", "sealed = zeroblob(0)", "product = tenant, tenant = product",
        ]
    )
    func changedColumn(_ change: String) async throws {
        try await tamper("UPDATE audit SET \(change) WHERE number = 5")
        #expect(try await fault() == .changed(5))
    }

    @Test("A changed code, and a changed last row, are named")
    func changedCode() async throws {
        try await tamper("UPDATE audit SET mac = zeroblob(32) WHERE number = 5")
        #expect(try await fault() == .doesNotFit(5))
        try await write(1)
        #expect(try await fault() == .doesNotFit(5))
    }

    @Test("A changed last row is named")
    func changedLast() async throws {
        try await tamper("UPDATE audit SET actor = 'worker:other' WHERE number = 11")
        #expect(try await fault() == .changed(11))
    }

    @Test("Removed rows are named, in the middle, at the beginning and at the end")
    func removed() async throws {
        try await tamper("DELETE FROM audit WHERE number IN (5, 6)")
        #expect(try await fault() == .missing(5...6))
        try await tamper("DELETE FROM audit WHERE number < 5")
        #expect(try await fault() == .beginningCut(upTo: 6))
    }

    @Test("A cut-off end is reported, before and after a worker has continued")
    func truncated() async throws {
        try await tamper("DELETE FROM audit WHERE number > 8")
        #expect(try await fault() == .truncated(after: 8, head: 11))
        try await write(1)
        #expect(try await fault() == .missing(9...11))
    }

    @Test("A removed row is detected although the later rows moved up")
    func renumbered() async throws {
        try await tamper("DELETE FROM audit WHERE number = 5", "UPDATE audit SET number = number - 1 WHERE number > 5")
        #expect(try await fault() == .doesNotFit(5))
    }

    @Test("An inserted row is named")
    func inserted() async throws {
        try await tamper(
            "UPDATE audit SET number = -number - 1 WHERE number >= 5",
            "UPDATE audit SET number = -number WHERE number < 0",
            """
            INSERT INTO audit (number, at, action, actor, facts, mac)
            SELECT 5, at, action, actor, facts, mac FROM audit WHERE number = 4
            """
        )
        #expect(try await fault() == .inserted(5))
    }

    @Test("Rows that changed places are named")
    func swapped() async throws {
        try await tamper(
            "UPDATE audit SET number = -1 WHERE number = 5",
            "UPDATE audit SET number = 5 WHERE number = 6",
            "UPDATE audit SET number = 6 WHERE number = -1"
        )
        #expect(try await fault() == .inserted(5))
    }

    @Test("A mark of the end that was also moved back is detected, and stays so when a worker continues")
    func forgedHead() async throws {
        try await tamper(
            "DELETE FROM audit WHERE number > 8",
            "UPDATE audit_marks SET number = 8, mac = (SELECT mac FROM audit WHERE number = 8) WHERE name = 'head'"
        )
        #expect(try await fault() == .markForged(.head))
        try await write(1)
        #expect(try await fault() == .brokenBefore(9))
        try await write(1)
        #expect(try await fault() == .brokenBefore(9))
    }

    @Test("A removed mark is detected, and stays so when a worker continues")
    func removedHead() async throws {
        try await tamper("DELETE FROM audit_marks")
        #expect(try await fault() == .headMissing)
        try await write(1)
        #expect(try await fault() == .brokenBefore(12))
    }

    @Test("A worker that finds the end of the log changed counts it once")
    func counted() async throws {
        try await tamper("DELETE FROM audit_marks")
        let metrics = TestMetrics()
        let store = try await SQLiteStore(path: path, auditing: .bench, instruments: Instruments(metrics: metrics))
        #expect(metrics.counterTotal(label: MetricName.auditBroken.rawValue) == 0)
        for _ in 1...2 { try await store.note(.rotated(to: ["key"]), by: .systemUser(7), at: .start) }
        await store.close()
        #expect(metrics.counterTotal(label: MetricName.auditBroken.rawValue) == 1)
    }

    @Test("If the whole log is gone, the first row of the new one describes the store")
    func begunAnew() async throws {
        try await tamper("DELETE FROM audit", "DELETE FROM audit_marks")
        #expect(try await fault() == nil)
        try await write(1)
        #expect(try await fault() == nil)
        let store = try await SQLiteStore(path: path, auditing: nil)
        let first = try #require(try await store.auditPage(after: 0, limit: 1).rows.first)
        #expect(first.entry.action == "log.began" && first.entry.facts == #"{"jobsAccepted":11}"#)
        await store.close()
    }

    @Test("If the whole log of a store with a key ring is gone, that stays detected when a worker continues")
    func removedWhole() async throws {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        try await store.pair(with: "ring", by: .systemUser(7), at: .start)
        await store.close()
        #expect(try await fault() == nil)
        try await tamper("DELETE FROM audit", "DELETE FROM audit_marks")
        try await write(1)
        #expect(try await fault() == .brokenBefore(1))
        try await write(1)
        #expect(try await fault() == .brokenBefore(1))
    }

    @Test("A cut-off beginning that was marked as forgotten is detected, and nothing more is forgotten")
    func forgedAnchor() async throws {
        try await tamper(
            "INSERT INTO audit_marks SELECT 'anchor', number, mac, (SELECT tag FROM audit_marks) FROM audit WHERE number = 4",
            "DELETE FROM audit WHERE number <= 4"
        )
        #expect(try await fault() == .markForged(.anchor))
        let store = try await SQLiteStore(path: path, auditing: .bench)
        try await store.prune(at: .start + .seconds(900 * 86_400), keeping: Retention(audit: .seconds(86_400)))
        #expect(try await store.auditPage(after: 0, limit: 100).rows.count == 7)
        await store.close()
        #expect(try await fault() == .markForged(.anchor))
    }

    @Test("A row that does not fit is not forgotten")
    func evidence() async throws {
        try await tamper("UPDATE audit SET actor = 'worker:other' WHERE number = 5")
        let store = try await SQLiteStore(path: path, auditing: .bench)
        try await store.prune(at: .start + .seconds(900 * 86_400), keeping: Retention(audit: .seconds(86_400)))
        await store.close()
        #expect(try await fault() == .changed(5))
    }

    @Test("Another key ring does not verify the log")
    func otherRing() async throws {
        let other = AuditChain { bytes in [UInt8](repeating: UInt8(truncatingIfNeeded: bytes.count), count: 32) }
        #expect(try await AuditInspection.report(on: path, with: other)?.fault == .doesNotFit(1))
    }

    @Test("A store that was opened to be looked at accepts no audited change")
    func withoutChain() async throws {
        let store = try await SQLiteStore(path: path, auditing: nil)
        let error = await #expect(throws: StoreError.self) { try await store.run("x", at: .start) }
        #expect(error?.code == .unexpected)
        await store.close()
        #expect(try await fault() == nil)
    }

    @Test("A restored store's log continues the copy's, and says so")
    func restored() async throws {
        let copy = directory.path("copy.sqlite")
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        try await write(1)
        _ = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: .start + .seconds(60))
        #expect(try await fault() == nil)
        let store = try await SQLiteStore(path: path, auditing: nil)
        let last = try #require(try await store.auditRows(.init(), newest: 1).first)
        #expect(last.number == 12 && last.entry.action == "store.restored" && last.entry.actor == "user:1000")
        let facts = try JSON(parsing: Array(last.entry.facts.utf8))
        #expect(facts["copy"]?["number"] == 11 && facts["replaced"]?["number"] == 12)
        await store.close()
    }

    // MARK: -

    /// Runs jobs on the store, as a process of its own would.
    private func write(_ count: Int) async throws {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        for number in 0..<count { try await store.run("job-\(UUID())", at: .start + .seconds(number)) }
        _ = try await store.renew(.one, until: .start, at: .start)
        await store.close()
    }

    private func fault() async throws -> AuditFault? {
        try #require(try await AuditInspection.report(on: path, with: .bench)).fault
    }

    private func tamper(_ statements: String...) async throws {
        let queue = try DatabaseQueue(path: path)
        try await queue.write { database in for statement in statements { try database.execute(sql: statement) } }
        try queue.close()
    }
}

extension SQLiteStore {
    /// Takes a job in and ends it.
    fileprivate func run(_ id: String, at now: Timestamp) async throws {
        _ = try await join(.one, until: .start + .seconds(1000), at: .start)
        _ = try await accept([.job(id)], by: .one, at: now) { _ in preconditionFailure("there is no conflict") }
        let claim = try #require(try await claim(ClaimRequest(worker: .one, limit: 1), at: now) { $0.first }.claims.first)
        _ = try await complete(claim.token, with: Completion(.finished(nil), events: [.answering(claim, .syncSucceeded)]), at: now)
    }
}
