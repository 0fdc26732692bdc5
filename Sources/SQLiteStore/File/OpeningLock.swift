import Glibc
import Store

/// Lets only one process at a time bring a store's tables up to date, since the workers of a fleet may start together. SQLite's own locks
/// begin too late for this.
///
/// It locks the directory. This needs no extra file, and closing a second descriptor of the database file would end SQLite's locks on it. It
/// ends with the process at the latest.
enum OpeningLock {
    /// Runs `body` while no other process opens a store in the directory of `path`.
    static func holding<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StoreError(.unavailable, "The directory \(directory) cannot be read: \(String(cString: strerror(errno))).")
        }
        defer { Glibc.close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw StoreError(.unavailable, "The directory \(directory) cannot be locked: \(String(cString: strerror(errno))).")
            }
        }
        return try body()
    }
}
