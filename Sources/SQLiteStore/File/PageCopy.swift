import GRDB
import GRDBSQLite
import Glibc
import Store

/// A copy of a database, page by page, as one transaction sees it.
///
/// That transaction keeps the log from being emptied, and with it the event of a reset. When an event has waited for ``patience``, the copy gives
/// way: it ends its transaction and begins again. The finished copy is examined.
///
/// Beside a worker it keeps to a ``Pace``, until an event of a reset waits. What is copied goes to the disk step by step: what is not there yet would
/// be written with a worker's next commit, which waits for it.
struct PageCopy {
    /// How long an event of a reset waits for a copy: less than the minute that is promised.
    static let patience: Duration = .seconds(50)
    /// How often a copy begins again before it is given up.
    private static let attempts = 5
    /// In pages of 4 KiB: the amount that is copied between two checks for a waiting event.
    static let stepPages: Int32 = 256
    /// The longest wait for events to be published.
    private static let clearance: Duration = .seconds(60)

    let source: String
    let target: String
    /// `nil` for a source that no worker uses: no worker would publish its events.
    let patience: Duration?
    let pages: Int32
    /// Called after each step, with the number of pages that are left.
    let onStep: @Sendable (Int32) -> Void

    init(
        of source: String,
        to target: String,
        patience: Duration?,
        pages: Int32 = PageCopy.stepPages,
        onStep: @escaping @Sendable (Int32) -> Void = { _ in }
    ) {
        self.source = source
        self.target = target
        self.patience = patience
        self.pages = pages
        self.onStep = onStep
    }

    /// Makes the copy, which only its owner may read. A failure leaves no file.
    ///
    /// - Throws: ``StoreError``: `corrupt` when the source is damaged, `unavailable` when it is not there or resets kept the copy from its end.
    func make() throws(StoreError) -> StoreBackup.Contents {
        do {
            let queue = try StoreFile.readOnly(source)
            for attempt in 1...PageCopy.attempts {
                try begin()
                if try copy(from: queue, isHurried: attempt > 1) { return try examine() }
                try awaitErasures()
            }
            throw StoreError(
                .unavailable,
                "The copy gave way to resets \(PageCopy.attempts) times and was not finished: make it when fewer integrations are reset, or to a faster disk."
            )
        } catch {
            remove()
            throw StoreError(error, path: source)
        }
    }

    private func begin() throws {
        remove()
        let descriptor = Glibc.open(target, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(posix: "The file \(target) cannot be made") }
        close(descriptor)
    }

    private func remove() { for suffix in ["", "-journal", "-wal", "-shm"] { unlink(target + suffix) } }

    /// - Returns: whether it is whole; otherwise it gave way.
    private func copy(from queue: DatabaseQueue, isHurried: Bool) throws -> Bool {
        let descriptor = Glibc.open(target, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(posix: "The file \(target) cannot be opened") }
        defer { close(descriptor) }
        let watch = try? StoreFile.readOnly(source)
        let output = try DatabaseQueue(path: target)
        try output.inDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF") }
        let isWhole = try queue.read { source in
            // The transaction begins with the first read.
            _ = try Int64.fetchOne(source, sql: "SELECT COUNT(*) FROM sqlite_master")
            return try output.inDatabase { target in
                guard let backup = sqlite3_backup_init(target.sqliteConnection, "main", source.sqliteConnection, "main") else {
                    throw target.lastFailure
                }
                var waiting: ContinuousClock.Instant?
                var code = SQLITE_OK
                var gaveWay = false
                while !gaveWay {
                    code = step(isPaced: !isHurried && waiting == nil) {
                        let code = sqlite3_backup_step(backup, pages)
                        fdatasync(descriptor)
                        return code
                    }
                    guard code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED else { break }
                    onStep(sqlite3_backup_remaining(backup))
                    guard let patience, isErasureAwaited(watch) else {
                        waiting = nil
                        continue
                    }
                    let since = waiting ?? .now
                    waiting = since
                    gaveWay = .now - since >= patience
                }
                sqlite3_backup_finish(backup)
                guard gaveWay || code == SQLITE_DONE else { throw target.lastFailure }
                return !gaveWay
            }
        }
        guard isWhole else {
            try output.close()
            return false
        }
        // A single file, on disk.
        try output.inDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = DELETE")
        }
        try output.close()
        guard fsync(descriptor) == 0 else { throw StoreError(posix: "The file \(target) cannot be written") }
        return true
    }

    /// A part of the work: paced beside a worker.
    private func step<Value>(isPaced: Bool, _ body: () -> Value) -> Value { isPaced && patience != nil ? Pace.step(body) : body() }

    private func isErasureAwaited(_ watch: DatabaseQueue?) -> Bool {
        // An older store has no such column.
        (try? watch?.read { try Bool.fetchOne($0, sql: "SELECT 1 FROM outbox WHERE awaits_erasure <> 0 LIMIT 1") }) ?? nil ?? false
    }

    /// Waits until the waiting events are published, which needs a moment without readers.
    private func awaitErasures() throws {
        let watch = try StoreFile.readOnly(source)
        let end = ContinuousClock.now + PageCopy.clearance
        while isErasureAwaited(watch), .now < end { usleep(100_000) }
    }

    private func examine() throws -> StoreBackup.Contents {
        let copy = try StoreFile.readOnly(target)
        return try copy.read { database in
            let isSound = { try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" }
            guard try patience == nil ? isSound() : Pace.divide(database, isSound) else {
                throw StoreError(.corrupt, "The file \(source) is damaged: take another copy.")
            }
            return try Connection(database).contents()
        }
    }
}

extension Database {
    /// SQLite's last error message on this connection.
    fileprivate var lastFailure: DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: sqlite3_extended_errcode(sqliteConnection)),
            message: String(cString: sqlite3_errmsg(sqliteConnection))
        )
    }
}
