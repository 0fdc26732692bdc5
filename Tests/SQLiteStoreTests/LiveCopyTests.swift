import Contract
import Foundation
import GRDB
import Glibc
import Store
import StoreConformance
import Synchronization
import Testing

@testable import SQLiteStore

/// Copies of a store that is written meanwhile.
@Suite(.timeLimit(.minutes(1)))
struct LiveCopyTests {
    private let directory: TemporaryDirectory
    private let path: String
    private let copy: String

    init() async throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
        copy = directory.path("copy.sqlite")
        await (try SQLiteStore(path: path, auditing: .bench)).close()
        let rows = try StoreFile.writable(path)
        try await rows.write { database in
            try database.execute(sql: "CREATE TABLE numbers (id INTEGER PRIMARY KEY, number INTEGER NOT NULL, filler BLOB NOT NULL)")
            for _ in 0..<200 { try database.execute(sql: "INSERT INTO numbers (number, filler) VALUES (0, zeroblob(3000))") }
        }
        try rows.close()
    }

    @Test("The copy is the state after one transaction, whatever is committed and written back meanwhile")
    func consistency() async throws {
        let writer = try NumberWriter(path)
        let highest = Atomic(0)
        let copying = LiveCopy(of: path, to: try PartialFile(copy), stepSize: 4096) { isStandingStill in
            // The writer writes while the file stands still, and between two steps of the copy while it moves.
            try? writer.write()
            if isStandingStill { highest.store(writer.number, ordering: .relaxed) }
        }
        _ = try await StoreThread.run { () throws(StoreError) in try copying.make() }
        let found = try await StoreFile.readOnly(copy).read { database in
            #expect(try String.fetchOne(database, sql: "PRAGMA integrity_check") == "ok")
            return try Int.fetchSet(database, sql: "SELECT number FROM numbers")
        }
        let number = try #require(found.first)
        #expect(found.count == 1)
        #expect(number > 100 && number < highest.load(ordering: .relaxed))
        #expect(try await StoreFile.readOnly(path).read { try Int.fetchSet($0, sql: "SELECT number FROM numbers") } == [writer.number])
    }

    @Test("While the file stands still, others commit and write back, and the file does not change")
    func standingStill() throws {
        let (writer, file) = (try NumberWriter(path), try StandingFile(path))
        try writer.write()
        try file.standingStill { image in
            let before = try bytes(of: image)
            for _ in 0..<20 { try writer.write() }
            let now = try bytes(of: image)
            #expect(now == before)
        }
        var after: [UInt8] = []
        try writer.write()
        try file.moving { after = try bytes(of: $0) }
        try file.standingStill { image in
            let now = try bytes(of: image)
            #expect(now == after)
        }
    }

    @Test("A copy that its disk does not accept is not announced")
    func flush() async throws {
        let pipe = Pipe()
        let partial = copy + ".partial"
        let copying = LiveCopy(of: path, to: try PartialFile(partial), stepSize: 4096) { isStandingStill in
            guard !isStandingStill, let descriptor = descriptors(of: partial).min() else { return }
            // Writes to the file fail from now on, and so does a flush.
            dup2(pipe.fileHandleForReading.fileDescriptor, descriptor)
        }
        let error = await #expect(throws: StoreError.self) { try await StoreThread.run { () throws(StoreError) in try copying.make() } }
        #expect(error?.code == .unavailable && error?.message.contains("\(partial) cannot be written") == true)
    }

    @Test("A failed flush is an error")
    func failedFlush() throws {
        let (pipe, partial) = (Pipe(), copy + ".partial")
        let file = try PartialFile(partial)
        try file.flush()
        // A pipe cannot be flushed.
        dup2(pipe.fileHandleForReading.fileDescriptor, try #require(descriptors(of: partial).min()))
        let error = #expect(throws: StoreError.self) { try file.flush() }
        #expect(error?.code == .unavailable && error?.message.contains("\(partial) cannot be written") == true)
    }

    @Test("Readers that do not end keep the file from standing still")
    func readers() throws {
        let (writer, file) = (try NumberWriter(path), try StandingFile(path, patience: .milliseconds(50)))
        try StoreFile.readOnly(path).read { database in
            _ = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM numbers")
            try writer.write()
            do {
                try file.standingStill { _ in _ = Issue.record("It stands still.") }
            } catch let error as StoreError {
                #expect(error.code == .unavailable && error.message.contains("for minutes without a pause"))
            }
            // It released its lock.
            try writer.write()
        }
        try file.standingStill { _ in }
    }

    private func bytes(of image: StandingFile.Image) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(try image.size()))
        #expect(try image.read(into: &bytes, at: 0) == bytes.count)
        return bytes
    }
}

/// Writes one number to all rows in each transaction, and writes the log back into the file as far as it may.
private final class NumberWriter: Sendable {
    private let queue: DatabaseQueue
    private let written = Mutex(0)

    var number: Int { written.withLock { $0 } }

    init(_ path: String) throws { queue = try StoreFile.writable(path) }

    func write() throws {
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: "UPDATE numbers SET number = number + 1")
            try database.checkpoint(.passive)
        }
        written.withLock { $0 += 1 }
    }
}

/// The descriptors that this process has of a file.
private func descriptors(of path: String) -> [Int32] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    let own = all.filter { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path }
    return own.compactMap { Int32($0) }
}
