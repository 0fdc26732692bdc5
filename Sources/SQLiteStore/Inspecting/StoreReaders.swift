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
        var status = stat()
        guard stat(path + "-shm", &status) == 0, let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8) else { return [] }
        let inode = String(status.st_ino)
        var found: Set<Int32> = []
        for line in locks.split(separator: "\n") {
            // 1: POSIX  ADVISORY  READ 1234 08:01:5678 124 124, or with -> before POSIX for one that waits.
            let fields = line.split(separator: " ")
            guard fields.count == 8, fields[1] == "POSIX", fields[3] == "READ", let process = Int32(fields[4]), process > 0,
                fields[5].split(separator: ":").last.map(String.init) == inode, let start = Int64(fields[6]), let end = Int64(fields[7]),
                start <= readerBytes.upperBound, end >= readerBytes.lowerBound
            else { continue }
            found.insert(process)
        }
        return found.subtracting([getpid()]).sorted().map(ProcessName.init)
    }
}
