import GRDB
import GRDBSQLite
import Glibc
import Store

/// A copy of a database, page by page, as one transaction sees it.
///
/// That transaction keeps the log from being emptied, and with it the event of a reset. When an event has waited for ``patience``, the copy gives
/// way: it ends its transaction and begins again. The finished copy is examined.
///
/// Beside a worker it keeps to a ``Pace``, and what is copied goes to the disk step by step: what is not there yet would be written with a worker's
/// next commit, which waits for it. Once an event of a reset waits, it hurries instead.
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
    let target: PartialFile
    /// `nil` for a source that no worker uses: no worker would publish its events.
    let patience: Duration?
    let pages: Int32
    /// Called after each step, with the number of pages that are left.
    let onStep: @Sendable (Int32) -> Void

    init(
        of source: String,
        to target: PartialFile,
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
                try target.clear()
                if try copy(from: queue, isHurried: attempt > 1) { return try examine() }
                try awaitErasures()
            }
            throw StoreError(
                .unavailable,
                "The copy gave way to resets \(PageCopy.attempts) times and was not finished: make it when fewer integrations are reset, or to a faster disk."
            )
        } catch {
            target.discard()
            if let error = error as? DatabaseError, PageCopy.writes.contains(error.extendedResultCode) {
                throw StoreError(
                    .unavailable,
                    "The file \(target.path) cannot be written: \(error.message ?? "no message"). Check its disk."
                )
            }
            throw StoreError(error, path: source)
        }
    }

    /// - Returns: whether it is whole; otherwise it gave way.
    private func copy(from queue: DatabaseQueue, isHurried: Bool) throws -> Bool {
        let watch = try? StoreFile.readOnly(source)
        let output = try DatabaseQueue(path: target.path)
        try output.inDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF") }
        let isWhole = try queue.read { source in
            // The transaction begins with the first read.
            _ = try Int64.fetchOne(source, sql: "SELECT COUNT(*) FROM sqlite_master")
            return try output.inDatabase { output in
                guard let backup = sqlite3_backup_init(output.sqliteConnection, "main", source.sqliteConnection, "main") else {
                    throw output.lastFailure
                }
                do {
                    let isWhole = try step(through: backup, watch, isHurried: isHurried)
                    sqlite3_backup_finish(backup)
                    return isWhole
                } catch {
                    sqlite3_backup_finish(backup)
                    throw error as? StoreError ?? output.lastFailure
                }
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
        try target.flush()
        return true
    }

    /// - Returns: whether all pages are copied; otherwise it gave way.
    private func step(through backup: OpaquePointer, _ watch: DatabaseQueue?, isHurried: Bool) throws -> Bool {
        var waiting: ContinuousClock.Instant?
        while true {
            let code =
                patience == nil || isHurried || waiting != nil
                ? sqlite3_backup_step(backup, pages)
                : try Pace.step {
                    let code = sqlite3_backup_step(backup, pages)
                    try target.flush()
                    return code
                }
            guard code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED else {
                guard code == SQLITE_DONE else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
                return true
            }
            onStep(sqlite3_backup_remaining(backup))
            guard let patience, isErasureAwaited(watch) else {
                waiting = nil
                continue
            }
            let since = waiting ?? .now
            waiting = since
            if .now - since >= patience { return false }
        }
    }

    /// Failures of SQLite that are the copy's: the store is only read.
    private static let writes: [ResultCode] = [
        .SQLITE_FULL, .SQLITE_IOERR_WRITE, .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC, .SQLITE_IOERR_TRUNCATE, .SQLITE_IOERR_DELETE,
    ]

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
        let copy = try StoreFile.readOnly(target.path)
        return try copy.read { database in
            let isSound = { try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" }
            guard try patience == nil ? isSound() : Pace.divide(database, isSound) else {
                throw StoreError(
                    .corrupt,
                    "The copy is damaged: the store \(source) is, or the disk of \(target.path). Find out which: autotask-worker doctor --thorough"
                )
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
