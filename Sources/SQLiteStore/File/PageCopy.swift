import GRDB
import Glibc
import Store

/// A copy of a database that no worker uses, as one transaction sees it.
struct PageCopy {
    let source: String
    let target: PartialFile

    /// Makes the copy, which only its owner may read, and examines it. A failure leaves no file.
    ///
    /// - Throws: ``StoreError``: `corrupt` when the source is damaged, `unavailable` when it does not exist or the copy cannot be written.
    func make() throws(StoreError) -> StoreBackup.Contents {
        try target.making(copyOf: source) {
            let copied: Void? = try StoreFile.look(source) { looks in
                try target.writing {
                    // If a program began to use the file, this runs twice.
                    try target.clear()
                    let output = try DatabaseQueue(path: target.path)
                    try output.inDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF") }
                    try looks.copy(to: output)
                    try output.close()
                }
            }
            guard copied != nil else { throw StoreError(.unavailable, "There is no file \(source).") }
            return try target.finish(isPaced: false)
        }
    }
}

extension PartialFile {
    /// Empties the file and runs `body`, which copies a store into it. A failure leaves no file.
    func making<Value>(copyOf source: String, _ body: () throws -> Value) throws(StoreError) -> Value {
        do {
            try clear()
            return try body()
        } catch {
            discard()
            throw StoreError(error, path: source)
        }
    }

    /// Runs `body`, which reads a store and writes the file. SQLite's write errors concern the file, because the store is only read.
    func writing(_ body: () throws -> Void) throws {
        let writes: [ResultCode] = [
            .SQLITE_FULL, .SQLITE_IOERR_WRITE, .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC, .SQLITE_IOERR_TRUNCATE, .SQLITE_IOERR_DELETE,
        ]
        do { try body() } catch let error as DatabaseError where writes.contains(error.extendedResultCode) { throw unwritable(error) }
    }

    private func unwritable(_ error: DatabaseError) -> StoreError {
        StoreError(.unavailable, "The file \(path) cannot be written: \(error.message ?? "no message"). Check its disk.")
    }

    /// Turns a complete copy into a single file on disk, and examines it.
    ///
    /// - Parameter isPaced: whether it keeps to a ``Pace`` because workers run.
    func finish(isPaced: Bool) throws -> StoreBackup.Contents {
        do {
            let output = try DatabaseQueue(path: path)
            let mode = try output.inDatabase { try String.fetchOne($0, sql: "PRAGMA journal_mode = DELETE") }
            try output.close()
            guard mode == "delete" else { throw StoreError(.unavailable, "Another program uses the file \(path): name another file.") }
        } catch let error as DatabaseError where ![.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
            throw unwritable(error)
        }
        try flush()
        return try StoreFile.readOnly(path).read { database in
            let isSound = { try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" }
            guard try isPaced ? Pace.divide(database, isSound) : isSound() else {
                throw StoreError(
                    .corrupt,
                    "The copy is damaged, because the store or the disk of \(path) is. To find out which, run: autotask-worker doctor --thorough"
                )
            }
            return try StoreConnection(database).contents()
        }
    }
}
