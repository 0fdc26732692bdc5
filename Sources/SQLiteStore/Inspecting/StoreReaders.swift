import Foundation
import Glibc

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

/// Locks of files, as the kernel lists them.
private enum FileLock {
    /// - Returns: the processes, this one excepted, that have a lock of a kind (`READ`, `WRITE`) on any of these bytes of a file.
    static func holders(of file: String, _ kind: String, _ bytes: ClosedRange<Int64>) -> [Int32] {
        var status = stat()
        guard stat(file, &status) == 0, let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8) else { return [] }
        let inode = String(status.st_ino)
        var found: Set<Int32> = []
        for line in locks.split(separator: "\n") {
            // 1: POSIX  ADVISORY  READ 1234 08:01:5678 124 124, or with -> before POSIX for one that waits.
            let fields = line.split(separator: " ")
            guard fields.count == 8, fields[1] == "POSIX", fields[3] == kind, let process = Int32(fields[4]), process > 0,
                fields[5].split(separator: ":").last.map(String.init) == inode, let start = Int64(fields[6]),
                let end = fields[7] == "EOF" ? Int64.max : Int64(fields[7]), start <= bytes.upperBound, end >= bytes.lowerBound
            else { continue }
            found.insert(process)
        }
        return found.subtracting([getpid()]).sorted()
    }
}
