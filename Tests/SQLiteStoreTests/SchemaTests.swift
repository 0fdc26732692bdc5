import Contract
import Foundation
import GRDB
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// Files with tables of another version than this program's.
struct SchemaTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
    }

    @Test("A store that is too old is refused with advice, and left alone")
    func tooOld() async throws {
        try await makeStore()
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "UPDATE grdb_migrations SET identifier = '6'") }
        try queue.close()
        let before = try Data(contentsOf: URL(filePath: path))
        await expectRefused(.olderSchema, "before 0.1.0") { _ = try await SQLiteStore(path: path, auditing: .bench) }
        await expectRefused(.olderSchema, "move the file away") { _ = try await StoreFormat.look(at: path) }
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }

    @Test("A store of a newer program is refused, and left alone")
    func tooNew() async throws {
        try await makeStore()
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99')") }
        try queue.close()
        let before = try Data(contentsOf: URL(filePath: path))
        await expectRefused(.newerSchema, "newer program") { _ = try await SQLiteStore(path: path, auditing: .bench) }
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }

    @Test("A store's schema is upgraded when a worker starts, never for a command, and the contents are kept")
    func oneStep() async throws {
        try await makeStore()
        let before = try Data(contentsOf: URL(filePath: path))
        let next = Schema(steps: [{ try $0.execute(sql: "ALTER TABLE lanes ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'") }])
        #expect(try StoreFile.check(path, mayBeEmpty: false, schema: next) == .older)
        await expectRefused(.olderSchema, "autotask-worker run") {
            _ = try StoreFile.open(path, mustExist: true, migrating: false, schema: next)
        }
        #expect(try Data(contentsOf: URL(filePath: path)) == before)

        // A second start has nothing to do.
        for _ in 0..<2 {
            let opened = try StoreFile.open(path, mustExist: true, schema: next)
            let lanes = try opened.pool.read { try Row.fetchAll($0, sql: "SELECT colour, backlog FROM lanes") }
            #expect(lanes == [["colour": "grey", "backlog": 1]])
            try opened.pool.close()
            try opened.log.close()
        }
        #expect(try StoreFile.check(path, mayBeEmpty: false, schema: next) == .current)
        // The program before the step.
        await expectRefused(.newerSchema, "newer program") { _ = try await SQLiteStore(path: path, auditing: .bench) }
    }

    /// A store with a job.
    private func makeStore() async throws {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        _ = try await store.accept([.job("a")], by: .one, at: .start) { _ in preconditionFailure("there is no conflict") }
        await store.close()
    }
}
