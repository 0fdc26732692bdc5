/// The process that keeps others from writing a store.
package enum StoreWriter {
    /// Where SQLite's index of the log has its lock for the one writer (`wal.c`).
    private static let writerByte: ClosedRange<Int64> = 120...120
    /// Where SQLite locks the file itself (`os.h`). With a log, only a program that wants it for itself alone has a lock for writing there.
    private static let fileBytes: ClosedRange<Int64> = 0x4000_0000...0x4000_01FF
    private static let pause: Duration = .milliseconds(100)

    /// Looks for a process that has the store locked at every look for as long as a transaction waits for another process's (5 s).
    ///
    /// Nothing in the store is changed, and no lock is taken. It returns at once when the store is free at the first look.
    ///
    /// - Parameter path: of the store.
    /// - Returns: the process, if this one can see it. Those of another container are not seen.
    package static func blocking(_ path: String) async -> ProcessName? {
        let end = ContinuousClock.now + .seconds(StoreFile.busyTimeout)
        var holders = Set(now(of: path))
        while !holders.isEmpty {
            guard ContinuousClock.now < end else { return holders.min().map(ProcessName.init) }
            guard (try? await Task.sleep(for: pause)) != nil else { return nil }
            holders.formIntersection(now(of: path))
        }
        return nil
    }

    private static func now(of path: String) -> [Int32] {
        FileLock.holders(of: path + "-shm", "WRITE", writerByte) + FileLock.holders(of: path, "WRITE", fileBytes)
    }
}
