import GRDB
import Glibc
import Store

/// A copy of a database that no worker uses, as one transaction sees it.
struct PageCopy {
    let source: String
    let target: PartialFile

    /// Makes the copy, which only its owner may read, and examines it. A failure leaves no file.
    ///
    /// - Throws: ``StoreError``: `corrupt` when the source is damaged, `unavailable` when it is not there or the copy cannot be written.
    func make() throws(StoreError) -> StoreBackup.Contents {
        try target.making(copyOf: source) {
            let source = try StoreFile.readOnly(source)
            let output = try DatabaseQueue(path: target.path)
            try output.inDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF") }
            try source.backup(to: output)
            try output.close()
            return try target.finish(isPaced: false)
        }
    }
}

extension PartialFile {
    /// Failures of SQLite that are the copy's: the store is only read.
    private static let writes: [ResultCode] = [
        .SQLITE_FULL, .SQLITE_IOERR_WRITE, .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC, .SQLITE_IOERR_TRUNCATE, .SQLITE_IOERR_DELETE,
    ]

    /// Runs what copies a store into the emptied file. A failure leaves no file.
    func making<Value>(copyOf source: String, _ body: () throws -> Value) throws(StoreError) -> Value {
        do {
            try clear()
            return try body()
        } catch {
            discard()
            if let error = error as? DatabaseError, PartialFile.writes.contains(error.extendedResultCode) {
                throw StoreError(.unavailable, "The file \(path) cannot be written: \(error.message ?? "no message"). Check its disk.")
            }
            throw StoreError(error, path: source)
        }
    }

    /// Makes a single file of a copy whose pages are all there, on disk, and examines it.
    ///
    /// - Parameter isPaced: whether it keeps to its ``Pace``, beside workers.
    func finish(isPaced: Bool) throws -> StoreBackup.Contents {
        let output = try DatabaseQueue(path: path)
        try output.inDatabase { _ = try String.fetchOne($0, sql: "PRAGMA journal_mode = DELETE") }
        try output.close()
        try flush()
        return try StoreFile.readOnly(path).read { database in
            let isSound = { try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" }
            guard try isPaced ? Pace.divide(database, isSound) : isSound() else {
                throw StoreError(
                    .corrupt,
                    "The copy is damaged: the store is, or the disk of \(path). Find out which: autotask-worker doctor --thorough"
                )
            }
            return try Connection(database).contents()
        }
    }
}
