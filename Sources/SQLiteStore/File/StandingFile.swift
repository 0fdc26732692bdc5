import GRDB
import GRDBSQLite
import Glibc
import Store

/// A store's file without its log, which can be kept unchanged for a while.
///
/// Workers commit to the log, and write the log back into the file later. A read transaction that begins when the whole log is written back sees
/// the contents of the file. While it lasts, SQLite writes back nothing newer (`walCheckpoint` of SQLite).
final class StandingFile {
    /// The maximum number of log pages, and of pages committed meanwhile, that are written back while writers wait.
    private static let remainder = 1000

    private let path: String
    /// The longest wait for other readers and for writers.
    private let patience: Duration
    /// Writes the log back and reads the file.
    private let reader: DatabaseQueue
    /// Blocks writers for a moment.
    private let gate: DatabaseQueue
    let pageSize: Int

    init(_ path: String, patience: Duration = .seconds(300)) throws {
        self.path = path
        self.patience = patience
        reader = try StoreFile.writable(path)
        gate = try StoreFile.writable(path)
        pageSize = try reader.inDatabase { database in
            guard sqlite3_db_readonly(database.sqliteConnection, "main") == 0 else {
                throw StoreError(
                    .unavailable,
                    "This process may only read \(path), but a copy while a worker runs must write its log back. Run it as the user of the worker."
                )
            }
            return try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 4096
        }
    }

    func close() throws {
        try reader.close()
        try gate.close()
    }

    /// Reads the file while it changes.
    func moving(_ body: (Image) throws -> Void) throws { try reader.inDatabase { try body(Image($0)) } }

    /// Runs `body` while the file holds everything that was committed before, and nothing else. Writers wait until it begins. By then, about four
    /// MiB of the log and what they committed meanwhile have been written back.
    ///
    /// - Throws: ``StoreError/Code/unavailable`` when other programs read or write for minutes without a pause.
    func standingStill<Value>(_ body: (Image) throws -> Value) throws -> Value {
        try reader.inDatabase { reader in
            let end = ContinuousClock.now + patience
            while try !stop(reader) {
                guard .now < end else {
                    throw StoreError(
                        .unavailable,
                        "Other programs have read or written \(path) for minutes without a pause: end them, and make the copy again. autotask-worker doctor names those that read."
                    )
                }
                usleep(20_000)
            }
            defer { try? reader.rollback() }
            return try body(Image(reader))
        }
    }

    /// Begins the read transaction.
    ///
    /// - Returns: whether the file stands still.
    private func stop(_ reader: Database) throws -> Bool {
        // Pages that are committed during a write-back count for the next one only.
        guard let first = try writeBack(reader), let second = try writeBack(reader), second.left <= StandingFile.remainder,
            second.pages - first.pages <= StandingFile.remainder
        else { return false }
        return try gate.inDatabase { gate in
            do {
                try gate.beginTransaction(.immediate)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                return false
            }
            defer { try? gate.rollback() }
            guard try writeBack(reader)?.left == 0 else { return false }
            try reader.beginTransaction(.deferred)
            // It begins with the first read.
            _ = try Int64.fetchOne(reader, sql: "SELECT COUNT(*) FROM sqlite_master")
            return true
        }
    }

    /// Writes the log back without waiting for readers or writers.
    ///
    /// - Returns: the length of the log at the beginning, and how much of it is not in the file yet, both in pages. It is `nil` if another
    ///   program was writing the log back.
    private func writeBack(_ database: Database) throws -> (pages: Int32, left: Int32)? {
        var (pages, done): (Int32, Int32) = (0, 0)
        let connection = database.sqliteConnection
        let code = ResultCode(rawValue: sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_PASSIVE, &pages, &done))
        switch code.primaryResultCode {
        case .SQLITE_OK: return (pages, pages - done)
        case .SQLITE_BUSY, .SQLITE_LOCKED: return nil
        default: throw DatabaseError(resultCode: code, message: String(cString: sqlite3_errmsg(connection)))
        }
    }

    /// Direct access to the file. It is valid only within the call that provides it.
    struct Image {
        /// SQLite's own descriptor: closing another one of the file would end SQLite's locks.
        private let file: UnsafeMutablePointer<sqlite3_file>
        private let methods: sqlite3_io_methods

        fileprivate init(_ database: Database) throws {
            var file: UnsafeMutablePointer<sqlite3_file>?
            sqlite3_file_control(database.sqliteConnection, "main", SQLITE_FCNTL_FILE_POINTER, &file)
            guard let file, let methods = file.pointee.pMethods else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
            self.file = file
            self.methods = methods.pointee
        }

        /// In bytes.
        func size() throws -> Int64 {
            var size: Int64 = 0
            try check(methods.xFileSize(file, &size))
            return size
        }

        /// - Returns: how many bytes were read, at most the size of the buffer.
        func read(into buffer: inout [UInt8], at offset: Int64) throws -> Int {
            let count = Int(min(max(try size() - offset, 0), Int64(buffer.count)))
            guard count > 0 else { return 0 }
            try check(buffer.withUnsafeMutableBytes { methods.xRead(file, $0.baseAddress, Int32(count), offset) })
            return count
        }

        private func check(_ code: Int32) throws {
            guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
    }
}
