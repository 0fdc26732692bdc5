/// The processes that read a store's log now, from the kernel's list of locks: each keeps the log from being emptied while it reads.
package enum StoreReaders {
    /// Where SQLite's index of the log has its locks for readers (`wal.c`: 120 and the 3 before them are the writer's, the checkpointer's and
    /// the one for recovery).
    private static let readerBytes: ClosedRange<Int64> = 123...127

    /// - Parameter path: of the store.
    /// - Returns: processes that this one can see, itself excepted. Those of another container are not among them.
    package static func now(of path: String) -> [ProcessName] {
        FileLock.holders(of: path + "-shm", "READ", readerBytes).map(ProcessName.init)
    }
}
