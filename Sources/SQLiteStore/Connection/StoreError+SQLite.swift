import GRDB
import Store

extension StoreError {
    /// Turns an error of SQLite into one that the store's callers know.
    ///
    /// - Parameter path: the path of the database file.
    init(_ error: any Error, path: String) {
        switch error {
        case let error as StoreError: self = error
        case let error as SetAsideError: self.init(.corrupt, "\(error.row)")
        case let error as DatabaseError:
            let text = error.message ?? "no message"
            let (code, message) = StoreError.explain(error.resultCode, text, path)
            self.init(code, "\(message) (SQLite \(error.extendedResultCode.rawValue): \(text))")
        default: self.init(.unexpected, "The store \(path) failed: \(error)")
        }
    }

    private static func explain(_ result: ResultCode, _ text: String, _ path: String) -> (Code, String) {
        switch result {
        case .SQLITE_FULL: (.unavailable, "The disk of the store \(path) is full: free space on it.")
        case .SQLITE_READONLY, .SQLITE_PERM:
            (.unavailable, "The store \(path) cannot be written: check the owner and the mode of the file and its directory.")
        case .SQLITE_CANTOPEN:
            (
                .unavailable,
                "The store \(path) cannot be opened: check that its directory exists and may be written, and who owns \(path)-wal and \(path)-shm."
            )
        case .SQLITE_IOERR: (.unavailable, "The disk of the store \(path) failed: check the system's log.")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            (.unavailable, "The store \(path) is locked by another program, for example a backup: end that program.")
        // This is GRDB's answer after the connection was closed.
        case .SQLITE_MISUSE where text == "Connection is closed": (.unavailable, "The store \(path) is closed.")
        case .SQLITE_NOTADB: (.corrupt, "The file \(path) is not a store.")
        case .SQLITE_CORRUPT: (.corrupt, "The store \(path) is damaged: restore it from a backup.")
        default: (.unexpected, "The store \(path) failed.")
        }
    }
}
