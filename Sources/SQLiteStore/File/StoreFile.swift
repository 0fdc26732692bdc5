import CSQLite
import GRDB
import Glibc
import Store

/// Opening the database file.
enum StoreFile {
    /// How long a transaction waits for another process's.
    static let busyTimeout: Double = 5
    /// In KiB: how much of the file the writer keeps in memory, at most.
    private static let cacheSize = 32 * 1024

    /// Before SQLite is used for the first time: every file is read first (``readOnly(_:address:)``).
    private static let setUp: Void = { _ = CSQLite_omit_memory_statistics() }()

    /// A file that is open.
    struct Opened {
        let pool: DatabasePool
        /// A connection that writes its log back.
        let log: DatabaseQueue
        let identity: Identity
    }

    /// The identity of a file, independent of its name.
    struct Identity: Hashable, Sendable {
        private let device: UInt
        private let number: UInt

        /// - Throws: ``StoreError/Code/gone`` when there is none.
        init(of path: String) throws(StoreError) {
            var status = stat()
            guard stat(path, &status) == 0 else {
                guard errno == ENOENT || errno == ENOTDIR else {
                    throw StoreError(.unavailable, "The store \(path) cannot be looked at: \(String(cString: strerror(errno))).")
                }
                throw Identity.gone(path)
            }
            device = UInt(status.st_dev)
            number = UInt(status.st_ino)
        }

        /// The part that stays the same after a restart of the machine; the number of the device may change.
        var inode: Int64 { Int64(bitPattern: UInt64(number)) }

        /// - Throws: ``StoreError/Code/gone`` when another file is there now, or none. Writes to this one are then lost.
        func check(at path: String) throws(StoreError) {
            guard try Identity(of: path) == self else { throw Identity.gone(path) }
        }

        private static func gone(_ path: String) -> StoreError {
            StoreError(
                .gone,
                "The store's file is not at \(path) any more: it was moved, deleted or replaced, for example by a restore. Nothing more is written to it."
            )
        }
    }

    /// Opens the file, or makes it, and brings its tables up to date.
    ///
    /// - Parameters:
    ///   - mustExist: whether a missing or an empty file is an error.
    ///   - migrating: whether an older file is brought up to date. A command does not: workers of the older version may run on it.
    ///   - schema: what the file is brought up to.
    /// - Throws: ``StoreError/Code/olderSchema`` for a file that would have to be brought up to date, and may not be.
    static func open(
        _ path: String,
        mustExist: Bool,
        migrating: Bool = true,
        schema: Schema = .current
    ) throws(StoreError) -> Opened {
        try prepareFile(path, mustExist: mustExist)
        do {
            let opened = try OpeningLock.holding(path) {
                let format = try check(path, mayBeEmpty: migrating && !mustExist, schema: schema)
                guard migrating || format == .current else { throw olderSchema(path) }
                let identity = try Identity(of: path)
                let pool = try DatabasePool(path: path, configuration: configuration)
                if migrating { try schema.migrate(pool) }
                let log = try DatabaseQueue(path: path, configuration: configuration)
                try openLog(of: log)
                return Opened(pool: pool, log: log, identity: identity)
            }
            try opened.pool.writeWithoutTransaction { database in
                // What is committed is on disk; GRDB's default for a log is less.
                try database.execute(sql: "PRAGMA synchronous = FULL")
            }
            return opened
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static func olderSchema(_ path: String) -> StoreError {
        StoreError(
            .olderSchema,
            "The store \(path) has the schema of an older version, which only autotask-worker run brings up to date: start a worker of this version, or use the command of the version that wrote the store."
        )
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(busyTimeout)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { database in
            guard !database.configuration.readonly else { return }
            // What a reset erases must not be found in the file afterwards.
            try database.execute(sql: "PRAGMA secure_delete = ON")
            try database.execute(sql: "PRAGMA cache_size = -\(cacheSize)")
        }
        return configuration
    }

    /// Makes sure that the file is there, and that nobody else may read a new one: SQLite gives its other files the same mode.
    private static func prepareFile(_ path: String, mustExist: Bool) throws(StoreError) {
        guard try !isThere(path) else { return }
        guard !mustExist else { throw StoreError(.unavailable, "There is no store \(path): check STORE_URL.") }
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.unavailable, "The store \(path) cannot be made: \(String(cString: strerror(errno))).")
        }
        Glibc.close(descriptor)
    }

    /// Whether there is a file. SQLite reports a directory as a failure of the disk, and a file that may not be read as a missing directory.
    ///
    /// - Throws: ``StoreError/Code/unavailable`` for what is no file, and for a file that this process may not read.
    static func isThere(_ path: String) throws(StoreError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else {
                throw StoreError(.unavailable, "The file \(path) cannot be looked at: \(String(cString: strerror(errno))).")
            }
            return false
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let kind = status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "no regular file"
            throw StoreError(.unavailable, "\(path) is not a store: it is \(kind).")
        }
        guard access(path, R_OK) == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw StoreError(
                .unavailable,
                "The file \(path) cannot be read: it belongs to user \(status.st_uid) with mode \(mode), and this process runs as user \(geteuid()). Run it as the user of the worker, or change the file's owner or mode."
            )
        }
        return true
    }

    /// Opens a file to look at it: nothing in it is changed.
    ///
    /// - Parameter address: what SQLite is to open it by, if not by its path.
    static func readOnly(_ path: String, address: String? = nil) throws -> DatabaseQueue {
        setUp
        guard try isThere(path) else { throw StoreError(.unavailable, "There is no file \(path).") }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(busyTimeout)
        return try DatabaseQueue(path: address ?? path, configuration: configuration)
    }

    /// Opens a file that is there, for what is done to it beside its workers.
    static func writable(_ path: String) throws -> DatabaseQueue {
        guard try isThere(path) else { throw StoreError(.unavailable, "There is no file \(path).") }
        return try OpeningLock.holding(path) {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try openLog(of: queue)
            return queue
        }
    }

    /// A connection opens the log, by its name, when it reads for the first time. By then another file could have that name, and what writes the log
    /// back would find none.
    private static func openLog(of queue: DatabaseQueue) throws {
        try queue.inDatabase { _ = try Int64.fetchOne($0, sql: "SELECT COUNT(*) FROM sqlite_master") }
    }

    /// Refuses what this program did not write, or does not understand any more, before anything in it is touched.
    ///
    /// - Parameter mayBeEmpty: whether a file without a table may become a store.
    @discardableResult
    static func check(_ path: String, mayBeEmpty: Bool, schema: Schema = .current) throws -> StoreFormat {
        try readOnly(path).read { try check($0, of: path, mayBeEmpty: mayBeEmpty, schema: schema) }
    }

    /// - Returns: what the file holds.
    @discardableResult
    static func check(_ database: Database, of path: String, mayBeEmpty: Bool, schema: Schema = .current) throws -> StoreFormat {
        let isEmpty = try checkOrigin(database, of: path, mayBeEmpty: mayBeEmpty)
        return isEmpty ? .none : try schema.check(database, of: path)
    }

    /// Refuses what this program did not write, and checks nothing of the schema.
    ///
    /// - Returns: whether it has no table.
    @discardableResult
    static func checkOrigin(_ database: Database, of path: String, mayBeEmpty: Bool) throws -> Bool {
        let isEmpty = try Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM sqlite_master") == 0
        guard mayBeEmpty || !isEmpty else { throw StoreError(.unavailable, "The file \(path) is empty, and no store.") }
        let applicationID = try Int64.fetchOne(database, sql: "PRAGMA application_id")
        guard isEmpty || applicationID == Schema.applicationID else {
            throw StoreError(.corrupt, "The file \(path) is not a store: it is a database of something else.")
        }
        return isEmpty
    }

    /// Whether the header of a file names this program. It can be read even if the rest is damaged.
    static func hasOwnHeader(_ path: String) -> Bool {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { Glibc.close(descriptor) }
        // The application id, big-endian (SQLite's file format, 1.3).
        var bytes = [UInt8](repeating: 0, count: 4)
        guard pread(descriptor, &bytes, 4, 68) == 4 else { return false }
        return bytes.reduce(Int64(0)) { $0 << 8 | Int64($1) } == Schema.applicationID
    }
}
