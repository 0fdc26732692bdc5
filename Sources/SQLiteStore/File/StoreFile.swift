import CSQLite
import GRDB
import Glibc
import Store

/// Opens database files.
enum StoreFile {
    /// How long a transaction waits for that of another process.
    static let busyTimeout: Double = 5
    /// The maximum of the file that the writer keeps in memory, in KiB.
    private static let cacheSize = 8 * 1024

    /// Runs before the first use of SQLite: every file is first opened with ``readOnly(_:address:)``.
    private static let setUp: Void = { _ = CSQLite_omit_memory_statistics() }()

    /// An open file.
    struct Opened {
        let pool: DatabasePool
        /// The connection that writes its log back.
        let log: DatabaseQueue
        let identity: Identity
    }

    /// The identity of a file, independent of its name.
    struct Identity: Hashable, Sendable {
        private let device: UInt
        private let number: UInt

        /// - Throws: ``StoreError/Code/gone`` when there is no file.
        init(of path: String) throws(StoreError) {
            var status = stat()
            guard stat(path, &status) == 0 else {
                guard errno == ENOENT || errno == ENOTDIR else {
                    throw StoreError(.unavailable, "The store \(path) cannot be examined: \(String(cString: strerror(errno))).")
                }
                throw Identity.gone(path)
            }
            device = UInt(status.st_dev)
            number = UInt(status.st_ino)
        }

        /// The part that survives a restart of the machine; the device number may change.
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

    /// Opens or makes the file, and brings its tables up to date.
    ///
    /// - Parameters:
    ///   - mustExist: whether a missing or an empty file is an error.
    ///   - migrating: whether an older file is brought up to date. A command does not: workers of the older version may run on it.
    ///   - schema: the schema that the file is brought up to.
    /// - Throws: ``StoreError/Code/olderSchema`` for an older file if `migrating` is false.
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
                // Commits must be on disk when they return. GRDB's default for a write-ahead log is weaker.
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
            // The file must not hold erased data after a reset.
            try database.execute(sql: "PRAGMA secure_delete = ON")
            try database.execute(sql: "PRAGMA cache_size = -\(cacheSize)")
        }
        return configuration
    }

    /// Makes sure that the file exists, and that only its owner may read a new one. SQLite gives its other files the same mode.
    private static func prepareFile(_ path: String, mustExist: Bool) throws(StoreError) {
        guard try !isThere(path) else { return }
        guard !mustExist else { throw StoreError(.unavailable, "There is no store \(path): check STORE_URL.") }
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.unavailable, "The store \(path) cannot be made: \(String(cString: strerror(errno))).")
        }
        Glibc.close(descriptor)
    }

    /// Whether the file exists. SQLite reports a directory as a disk failure, and an unreadable file as a missing directory.
    ///
    /// - Throws: ``StoreError/Code/unavailable`` for a path that is not a regular file, and for a file that this process may not read.
    static func isThere(_ path: String) throws(StoreError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else {
                throw StoreError(.unavailable, "The file \(path) cannot be examined: \(String(cString: strerror(errno))).")
            }
            return false
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let kind = status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "not a regular file"
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

    /// Opens a file for reading only.
    ///
    /// - Parameter address: the address under which SQLite opens it, if not its path.
    static func readOnly(_ path: String, address: String? = nil) throws -> DatabaseQueue {
        setUp
        guard try isThere(path) else { throw StoreError(.unavailable, "There is no file \(path).") }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(busyTimeout)
        return try DatabaseQueue(path: address ?? path, configuration: configuration)
    }

    /// Opens an existing file for writing while its workers run.
    static func writable(_ path: String) throws -> DatabaseQueue {
        guard try isThere(path) else { throw StoreError(.unavailable, "There is no file \(path).") }
        return try OpeningLock.holding(path) {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try openLog(of: queue)
            return queue
        }
    }

    /// Makes a connection open the log, which it opens by name with its first read. Later, another file could have that name, and the log
    /// could not be written back.
    private static func openLog(of queue: DatabaseQueue) throws {
        try queue.inDatabase { _ = try Int64.fetchOne($0, sql: "SELECT COUNT(*) FROM sqlite_master") }
    }

    /// Refuses a file that this program did not write or does not understand, before it changes anything in it.
    ///
    /// - Parameter mayBeEmpty: whether a file without tables may become a store.
    @discardableResult
    static func check(_ path: String, mayBeEmpty: Bool, schema: Schema = .current) throws -> StoreFormat {
        try readOnly(path).read { try check($0, of: path, mayBeEmpty: mayBeEmpty, schema: schema) }
    }

    /// - Returns: the format of the file.
    @discardableResult
    static func check(_ database: Database, of path: String, mayBeEmpty: Bool, schema: Schema = .current) throws -> StoreFormat {
        let isEmpty = try checkOrigin(database, of: path, mayBeEmpty: mayBeEmpty)
        return isEmpty ? .none : try schema.check(database, of: path)
    }

    /// Refuses a file that this program did not write. It does not check the schema.
    ///
    /// - Returns: whether the file has no tables.
    @discardableResult
    static func checkOrigin(_ database: Database, of path: String, mayBeEmpty: Bool) throws -> Bool {
        let isEmpty = try Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM sqlite_master") == 0
        guard mayBeEmpty || !isEmpty else { throw StoreError(.unavailable, "The file \(path) is empty and not a store.") }
        let applicationID = try Int64.fetchOne(database, sql: "PRAGMA application_id")
        guard isEmpty || applicationID == Schema.applicationID else {
            throw StoreError(.corrupt, "The file \(path) is not a store: it is a database of another program.")
        }
        return isEmpty
    }

    /// Whether the header of a file names this program. The header can be read even if the rest is damaged.
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
