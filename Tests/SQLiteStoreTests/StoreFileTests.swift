import Contract
import Foundation
import GRDB
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// Opening files that may be stores.
struct StoreFileTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
    }

    @Test("An abandoned store has everything that it promised")
    func reopening() async throws {
        do {
            let store = try await SQLiteStore(path: path, auditing: .bench)
            _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
            _ = try await store.accept([.job("a")], by: .one, at: .start) { _ in preconditionFailure("there is no conflict") }
            // The store is dropped without being closed, as far as a living process can do so.
        }
        let store = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        #expect(try await store.lane(.one)?.unfinished.map(\.id) == [JobID("a")!])
        await store.close()
    }

    /// As the workers of a fleet do on a new machine.
    @Test("Many processes may open a new store at the same time")
    func openingAtOnce() async throws {
        let path = path
        let stores = try await withThrowingTaskGroup { group in
            for _ in 0..<8 { group.addTask { try await SQLiteStore(path: path, auditing: .bench) } }
            return try await group.reduce(into: [SQLiteStore]()) { $0.append($1) }
        }
        for (index, store) in stores.enumerated() {
            _ = try await store.join(WorkerID("worker-\(index)"), until: .start + .seconds(15), at: .start)
            await store.close()
        }
    }

    @Test("Only the owner may read a new store and its log")
    func mode() async throws {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        _ = try await store.join(.one, until: .start, at: .start)
        for name in ["store.sqlite", "store.sqlite-wal"] {
            let mode = try FileManager.default.attributesOfItem(atPath: directory.path(name))[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
        }
        await store.close()
    }

    @Test("Committed data is on disk, and deleted data is wiped")
    func pragmas() throws {
        let opened = try StoreFile.open(path, mustExist: false)
        let settings = try opened.pool.writeWithoutTransaction { database in
            try ["synchronous", "secure_delete", "foreign_keys", "journal_mode"].map {
                try String.fetchOne(database, sql: "PRAGMA \($0)")
            }
        }
        #expect(settings == ["2", "1", "1", "wal"])
        try opened.pool.close()
        try opened.log.close()
    }

    @Test("A file that is not a database is refused, and left alone")
    func notADatabase() async throws {
        let text = Data(repeating: UInt8(ascii: "x"), count: 8192)
        try text.write(to: URL(filePath: path))
        await expectRefused(.corrupt, "not a store") { _ = try await SQLiteStore(path: path, auditing: .bench) }
        #expect(try Data(contentsOf: URL(filePath: path)) == text)
    }

    @Test("A database of another program is refused, and left alone")
    func otherDatabase() async throws {
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "CREATE TABLE invoices (id INTEGER PRIMARY KEY)") }
        try queue.close()
        let before = try Data(contentsOf: URL(filePath: path))
        await expectRefused(.corrupt, "another program") { _ = try await SQLiteStore(path: path, auditing: .bench) }
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }

    @Test("A damaged store is refused")
    func damaged() async throws {
        try await SQLiteStore(path: path, auditing: .bench).close()
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.seek(toOffset: 100)
        try file.write(contentsOf: Data(repeating: 0xEE, count: 4000))
        try file.close()
        await expectRefused(.corrupt, "backup") { _ = try await SQLiteStore(path: path, auditing: .bench) }
    }

    @Test("A store that must exist is not created")
    func missing() async {
        await expectRefused(.unavailable, "STORE_URL") { _ = try await SQLiteStore(path: path, mustExist: true, auditing: .bench) }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("An empty file is not an existing store")
    func emptyFile() async throws {
        try Data().write(to: URL(filePath: path))
        await expectRefused(.unavailable, "is empty") { _ = try await SQLiteStore(path: path, mustExist: true, auditing: .bench) }
        #expect(try Data(contentsOf: URL(filePath: path)).isEmpty)
        try await SQLiteStore(path: path, auditing: .bench).close()
    }

    @Test("A store keeps its id, and remembers the first ring that it is paired with, also in a row of the audit log")
    func identity() async throws {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        let made = try await store.identity()
        #expect(made.store.count == 32 && made.ring == nil && !made.isCopy)
        try await store.pair(with: "ring-1", by: .systemUser(7), at: .start)
        try await store.pair(with: "ring-2", by: .systemUser(7), at: .start)
        #expect(try await store.identity() == StoreIdentity(store: made.store, ring: "ring-1", isCopy: false))
        let rows = try await store.auditRows(AuditSelection(), newest: 10).map(\.entry)
        #expect(rows.map(\.action) == ["log.began", "store.paired"])
        #expect(rows.last?.actor == "user:7")
        await store.close()
        #expect(try await StoreIdentity.look(at: path) == StoreIdentity(store: made.store, ring: "ring-1", isCopy: false))
        #expect(try await StoreIdentity.look(at: directory.path("none")) == nil)
        let other = try await SQLiteStore(path: directory.path("other.sqlite"), auditing: .bench)
        #expect(try await other.identity().store != made.store)
        await other.close()
    }

    @Test(
        "A directory in which no file can be made, one that is missing, and one that is the store are refused",
        arguments: ["/proc/store.sqlite", "/nowhere/store.sqlite", "/tmp"]
    )
    func directories(_ path: String) async {
        await expectRefused(.unavailable, path) { _ = try await SQLiteStore(path: path, auditing: .bench) }
    }

    @Test("A directory without write permission is refused", .enabled("root may write everything") { geteuid() != 0 })
    func readOnlyDirectory() async throws {
        try await SQLiteStore(path: path, auditing: .bench).close()
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: directory.url.path)
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory.url.path) }
        await expectRefused(.unavailable, "check") { _ = try await SQLiteStore(path: path, auditing: .bench) }
    }

    @Test("A full store says so, changes nothing, and continues when there is room again")
    func fullDisk() async throws {
        let writer = try Writer(try StoreFile.open(path, mustExist: false), chain: .bench)
        _ = try await writer.write { try $0.join(.one, in: nil, until: .start, at: .start) }
        let pages = try await writer.write { transaction in
            let pages = try Int64.fetchOne(transaction.connection.database, sql: "PRAGMA page_count") ?? 0
            try transaction.connection.database.execute(sql: "PRAGMA max_page_count = \(pages)")
            return pages
        }
        #expect(pages > 0)
        let items = (0..<50).map { IntakeItem.job("job-\($0)") }
        await expectRefused(.unavailable, "free space") {
            _ = try await writer.write { try $0.accept(items, by: .one, at: .start) { _ in preconditionFailure() } }
        }
        _ = try await writer.write { try $0.connection.database.execute(sql: "PRAGMA max_page_count = 1000000") }
        let intake = try await writer.write { try $0.accept(items, by: .one, at: .start) { _ in preconditionFailure() } }
        #expect(intake.outcomes.first == .accepted(order: 1))
        writer.stop()
        await writer.waitUntilStopped()
    }

    @Test("A worker's next renewal reports a newer program's schema, or another file in the place of its own")
    func takenAway() async throws {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99')") }
        await expectRefused(.newerSchema, "newer version") { _ = try await store.renew(.one, until: .start + .seconds(15), at: .start) }
        try await queue.write { try $0.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '99'") }
        try queue.close()
        _ = try await store.renew(.one, until: .start + .seconds(15), at: .start)
        #expect(store.trouble?.code == .newerSchema)

        try FileManager.default.moveItem(atPath: path, toPath: directory.path("moved.sqlite"))
        await expectRefused(.gone, "not at \(path)") { _ = try await store.renew(.one, until: .start + .seconds(15), at: .start) }
        #expect(store.trouble?.code == .gone)
        try Data().write(to: URL(filePath: path))
        await expectRefused(.gone, "not at \(path)") {
            _ = try await store.accept([.job("a")], by: .one, at: .start) { _ in preconditionFailure() }
        }
        // Nothing is written to the file that is there now.
        await store.close()
        #expect(try Data(contentsOf: URL(filePath: path)).isEmpty)
    }

    @Test("When a store is closed, its file holds all of it")
    func closing() async throws {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        _ = try await store.lanes()
        // Another process has it open.
        let reader = try StoreFile.readOnly(path)
        _ = try await reader.read { try Int64.fetchOne($0, sql: "SELECT COUNT(*) FROM lanes") }
        _ = try await store.accept([.job("a")], by: .one, at: .start) { _ in preconditionFailure() }
        await store.close()
        let size = (try? FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int) ?? 0
        #expect(size == 0)
        try reader.close()
    }
}
