import Contract
import Foundation
import GRDB
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// Whatever somebody does to the audit log's file is found out, and where.
struct AuditTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() async throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
        try await write(10)
    }

    @Test("An untouched log holds, all of it and its newest rows")
    func untouched() async throws {
        let report = try #require(try await AuditInspection.report(on: path, with: .bench))
        #expect(report.fault == nil && report.count == 11 && report.head?.place.number == 11 && report.anchor == nil)
        #expect(try await AuditInspection.report(on: path, with: .bench, newest: 3)?.fault == nil)
        #expect(try await AuditInspection.report(on: path, with: .bench, newest: 3)?.count == 3)
    }

    @Test(
        "A row in which any column was changed is named",
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

    @Test("Rows that were removed are named, in the midst, at the beginning and at the end")
    func removed() async throws {
        try await tamper("DELETE FROM audit WHERE number IN (5, 6)")
        #expect(try await fault() == .missing(5...6))
        try await tamper("DELETE FROM audit WHERE number < 5")
        #expect(try await fault() == .beginningCut(upTo: 6))
    }

    @Test("That the end was cut off is told, before and after a worker has gone on")
    func truncated() async throws {
        try await tamper("DELETE FROM audit WHERE number > 8")
        #expect(try await fault() == .truncated(after: 8, head: 11))
        try await write(1)
        #expect(try await fault() == .missing(9...11))
    }

    @Test("That a row was removed and the others moved up is found out")
    func renumbered() async throws {
        try await tamper("DELETE FROM audit WHERE number = 5", "UPDATE audit SET number = number - 1 WHERE number > 5")
        #expect(try await fault() == .doesNotFit(5))
    }

    @Test("A row that was put between others is named")
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

    @Test("Whoever also moves the mark of the end back is found out, and stays so when a worker goes on")
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

    @Test("A mark that was removed is found out, and stays so when a worker goes on")
    func removedHead() async throws {
        try await tamper("DELETE FROM audit_marks")
        #expect(try await fault() == .headMissing)
        try await write(1)
        #expect(try await fault() == .brokenBefore(12))
    }

    @Test("Where all of the log is gone, the one that begins says in what store")
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

    @Test("Where all of the log of a store is gone that belongs to a key ring, it stays found out when a worker goes on")
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

    @Test("A beginning that somebody else cut off, and marked as forgotten, is found out, and is not forgotten any further")
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

    @Test("What does not fit is not forgotten")
    func evidence() async throws {
        try await tamper("UPDATE audit SET actor = 'worker:other' WHERE number = 5")
        let store = try await SQLiteStore(path: path, auditing: .bench)
        try await store.prune(at: .start + .seconds(900 * 86_400), keeping: Retention(audit: .seconds(86_400)))
        await store.close()
        #expect(try await fault() == .changed(5))
    }

    @Test("Another key ring vouches for nothing")
    func otherRing() async throws {
        let other = AuditChain { bytes in [UInt8](repeating: UInt8(truncatingIfNeeded: bytes.count), count: 32) }
        #expect(try await AuditInspection.report(on: path, with: other)?.fault == .doesNotFit(1))
    }

    @Test("A store that was opened to be looked at takes nothing that has to be told")
    func withoutChain() async throws {
        let store = try await SQLiteStore(path: path, auditing: nil)
        let error = await #expect(throws: StoreError.self) { try await store.run("x", at: .start) }
        #expect(error?.code == .unexpected)
        await store.close()
        #expect(try await fault() == nil)
    }

    @Test("A restored store's log goes on from the copy's, and says so")
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

    /// Runs jobs on the store, in a process of their own as it were.
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
