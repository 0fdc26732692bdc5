import GRDB
import Glibc
import Store

/// Opening the database file.
enum StoreFile {
    /// How long a transaction waits for another process's.
    private static let busyTimeout: Double = 5
    /// In pages of 4 KiB: how long the log grows before it is written back into the file.
    private static let checkpointPages = 4000
    /// In KiB: how much of the file the writer keeps in memory, at most.
    private static let cacheSize = 32 * 1024

    /// Opens the file, or makes it, and brings its tables up to date.
    ///
    /// - Parameter mustExist: whether a missing or an empty file is an error.
    static func open(_ path: String, mustExist: Bool) throws(StoreError) -> DatabasePool {
        try prepareFile(path, mustExist: mustExist)
        do {
            let pool = try OpeningLock.holding(path) {
                try check(path, mayBeEmpty: !mustExist)
                let pool = try DatabasePool(path: path, configuration: configuration)
                try Schema.migrator.migrate(pool)
                return pool
            }
            try pool.writeWithoutTransaction { database in
                // What is committed is on disk; GRDB's default for a log is less.
                try database.execute(sql: "PRAGMA synchronous = FULL")
            }
            return pool
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(busyTimeout)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { database in
            guard !database.configuration.readonly else { return }
            // What a reset erases must not be found in the file afterwards.
            try database.execute(sql: "PRAGMA secure_delete = ON")
            try database.execute(sql: "PRAGMA wal_autocheckpoint = \(checkpointPages)")
            try database.execute(sql: "PRAGMA cache_size = -\(cacheSize)")
        }
        return configuration
    }

    /// Makes sure that the file is there, and that nobody else may read a new one: SQLite gives its other files the same mode.
    private static func prepareFile(_ path: String, mustExist: Bool) throws(StoreError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw StoreError(.unavailable, "The store \(path) is not a file: check STORE_URL.")
            }
            return
        }
        guard !mustExist else { throw StoreError(.unavailable, "There is no store \(path): check STORE_URL.") }
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.unavailable, "The store \(path) cannot be made: \(String(cString: strerror(errno))).")
        }
        Glibc.close(descriptor)
    }

    /// Opens a file to look at it: nothing in it is changed.
    ///
    /// - Parameter address: what SQLite is to open it by, if not by its path.
    static func readOnly(_ path: String, address: String? = nil) throws -> DatabaseQueue {
        guard access(path, F_OK) == 0 else { throw StoreError(.unavailable, "There is no file \(path).") }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(busyTimeout)
        return try DatabaseQueue(path: address ?? path, configuration: configuration)
    }

    /// Refuses what this program did not write, or does not understand any more, before anything in it is touched.
    ///
    /// - Parameter mayBeEmpty: whether a file without a table may become a store.
    static func check(_ path: String, mayBeEmpty: Bool) throws {
        _ = try readOnly(path).read { try check($0, of: path, mayBeEmpty: mayBeEmpty) }
    }

    /// - Returns: what the file holds.
    @discardableResult
    static func check(_ database: Database, of path: String, mayBeEmpty: Bool) throws -> StoreFormat {
        let isEmpty = try Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM sqlite_master") == 0
        guard mayBeEmpty || !isEmpty else {
            throw StoreError(.unavailable, "The file \(path) is empty, and no store: check STORE_URL, and whether its volume is mounted.")
        }
        let applicationID = try Int64.fetchOne(database, sql: "PRAGMA application_id")
        guard isEmpty || applicationID == Schema.applicationID else {
            throw StoreError(.corrupt, "The file \(path) is a database of something else: check STORE_URL.")
        }
        guard try !Schema.migrator.hasBeenSuperseded(database) else {
            throw StoreError(.newerSchema, "The store \(path) was written by a newer program: run that one, or a newer one.")
        }
        guard !isEmpty else { return .none }
        return try Schema.migrator.hasCompletedMigrations(database) ? .current : .older
    }
}
