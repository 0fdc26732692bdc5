import Foundation
import Glibc

/// Reads file locks from the kernel's list.
enum FileLock {
    /// - Returns: the other processes that have a lock of a kind (`READ`, `WRITE`) on any of these bytes of a file.
    static func holders(of file: String, _ kind: String, _ bytes: ClosedRange<Int64>) -> [Int32] {
        var status = stat()
        guard stat(file, &status) == 0 else { return [] }
        let inode = String(status.st_ino)
        var found: Set<Int32> = []
        for line in list.split(separator: "\n") {
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

    /// The kernel returns one page at a time, and does not report the length.
    private static var list: String {
        let file = FileHandle(forReadingAtPath: "/proc/locks")
        var bytes: [UInt8] = []
        while let part = try? file?.read(upToCount: 1 << 16), !part.isEmpty { bytes += part }
        return String(decoding: bytes, as: UTF8.self)
    }
}
