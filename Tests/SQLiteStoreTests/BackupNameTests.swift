import Contract
import Foundation
import Store
import Testing

@testable import SQLiteStore

/// The names of copies, and of the files beside them.
@Suite(.timeLimit(.minutes(3)))
struct BackupNameTests {
    private let directory: TemporaryDirectory
    private let path: String
    private let copy: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
        copy = directory.path("copy.sqlite")
    }

    @Test("An existing file is not overwritten")
    func existing() async throws {
        let store = try await SQLiteStore.joined(path)
        try Data("mine".utf8).write(to: URL(filePath: copy))
        await expectRefused(.unavailable, "exists already") { _ = try await StoreBackup.make(of: path, to: copy, at: .start) }
        #expect(try Data(contentsOf: URL(filePath: copy)) == Data("mine".utf8))
        await store.close()
    }

    @Test("Two programs do not make the same copy at once, and the leftover of a killed one is used again")
    func partials() async throws {
        let store = try await SQLiteStore.joined(path)
        try Data(repeating: 7, count: 100_000).write(to: URL(filePath: copy + ".partial"))
        let other = try PartialFile(copy + ".partial")
        await expectRefused(.unavailable, "Another program") { _ = try await StoreBackup.make(of: path, to: copy, at: .start) }
        #expect(try FileHandle(forReadingFrom: URL(filePath: other.path)).readToEnd()?.count == 100_000)
        other.discard()
        try Data(repeating: 7, count: 100_000).write(to: URL(filePath: copy + ".partial"))
        let contents = try await StoreBackup.make(of: path, to: copy, at: .start)
        #expect(try await StoreBackup.contents(of: copy) == contents)
        #expect(!FileManager.default.fileExists(atPath: copy + ".partial"))
        await store.close()
    }

    @Test("A copy whose file is removed while it is made is not announced, and no other file is removed in its place")
    func removed() async throws {
        let partial = try PartialFile(copy)
        try partial.clear()
        try FileManager.default.removeItem(atPath: copy)
        try Data("mine".utf8).write(to: URL(filePath: copy))
        #expect(throws: StoreError.self) { try partial.rename(to: copy + ".whole", replacing: false) }
        partial.discard()
        #expect(try Data(contentsOf: URL(filePath: copy)) == Data("mine".utf8))
    }

    @Test("A copy takes no name that the store's own files have or may get, and none beside which a log lies")
    func names() async throws {
        let linked = directory.path("link.sqlite")
        try FileManager.default.createSymbolicLink(atPath: linked, withDestinationPath: path)
        let store = try await SQLiteStore.joined(path)
        for suffix in ["", "-wal", "-shm", "-journal", ".partial"] {
            await expectRefused(.unavailable, "own files") { _ = try await StoreBackup.make(of: path, to: path + suffix, at: .start) }
            await expectRefused(.unavailable, "own files") { _ = try await StoreBackup.make(of: linked, to: path + suffix, at: .start) }
        }
        for suffix in ["-wal", "-shm", "-journal"] {
            try Data([1]).write(to: URL(filePath: copy + suffix))
            await expectRefused(.unavailable, "\(copy)\(suffix) exists already") {
                _ = try await StoreBackup.make(of: path, to: copy, at: .start)
            }
            try FileManager.default.removeItem(atPath: copy + suffix)
        }
        // Its partial copy would be the store.
        let partial = directory.path("other.partial")
        let later = Timestamp.start + .seconds(3600)
        try await store.abandon()
        try FileManager.default.moveItem(atPath: path, toPath: partial)
        await expectRefused(.unavailable, "own files") {
            _ = try await StoreBackup.make(of: partial, to: directory.path("other"), at: later)
        }
        try FileManager.default.linkItem(atPath: partial, toPath: copy + ".partial")
        await expectRefused(.unavailable, "second name") { _ = try await StoreBackup.make(of: partial, to: copy, at: later) }
        #expect(try await StoreBackup.contents(of: partial) == StoreBackup.Contents(lanes: 0, unfinishedJobs: 0))
    }

    @Test("A file that appears under the copy's name meanwhile stays")
    func nameTakenMeanwhile() throws {
        let file = try PartialFile(copy + ".partial")
        try Data([7]).write(to: URL(filePath: copy))
        let error = #expect(throws: StoreError.self) { try file.rename(to: copy, replacing: false) }
        #expect(error?.message.contains("\(copy) cannot be made") == true)
        #expect(try Data(contentsOf: URL(filePath: copy)) == Data([7]))
        try file.rename(to: copy, replacing: true)
        #expect(try Data(contentsOf: URL(filePath: copy)).isEmpty)
    }
}
