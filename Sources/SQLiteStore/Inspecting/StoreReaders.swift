/// The processes that read a store's log now, from the kernel's list of locks. The log cannot be emptied while one reads.
package enum StoreReaders {
    /// Where SQLite's index of the log has its locks for readers. Bytes 120 to 122 are the locks of the writer, the checkpointer and the
    /// recovery (`wal.c`).
    private static let readerBytes: ClosedRange<Int64> = 123...127

    /// - Parameter path: the path of the store.
    /// - Returns: the other processes that this one can see. Those of other containers are not visible.
    package static func now(of path: String) -> [ProcessName] {
        FileLock.holders(of: path + "-shm", "READ", readerBytes).map(ProcessName.init)
    }
}
