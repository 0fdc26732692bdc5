/// Finds the process that keeps others from writing a store.
package enum StoreWriter {
    /// Where SQLite's index of the log has its lock for the writer (`wal.c`).
    private static let writerByte: ClosedRange<Int64> = 120...120
    /// Where SQLite locks the file itself (`os.h`). With a log, only a program that uses the file exclusively has a write lock there.
    private static let fileBytes: ClosedRange<Int64> = 0x4000_0000...0x4000_01FF
    private static let pause: Duration = .milliseconds(100)

    /// Looks for a process that keeps the store locked for as long as a transaction waits for another process (5 s).
    ///
    /// It changes nothing in the store and takes no lock. It returns at once if the store is free at the first look.
    ///
    /// - Parameter path: the path of the store.
    /// - Returns: the process, if this one can see it. Those of other containers are not visible.
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
