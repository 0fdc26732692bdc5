import Glibc
import Store

/// Keeps all other processes from a store while another file replaces it.
extension StoreFile {
    /// The bytes that every open connection of SQLite locks for reading if there is a write-ahead log. They are the pending, the
    /// reserved and the shared bytes (`os.h` of SQLite).
    private static let lockedBytes: (start: off_t, count: off_t) = (0x4000_0000, 512)

    /// Runs `body` while no other process has the file open or can open it. It uses no clock: a lock ends with its process, and the
    /// kernel knows the locks of all containers.
    ///
    /// The calling process must have closed the file, since it would lose its own locks on it.
    ///
    /// - Throws: ``StoreError/Code/unavailable``, naming the process that has the file open.
    static func holdingAlone<Value>(_ path: String, _ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        // Every process opens the file under the directory's lock.
        let outcome: Result<Value, StoreError>
        do {
            outcome = try OpeningLock.holding(path) { () -> Result<Value, StoreError> in
                let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
                guard descriptor >= 0 else {
                    guard errno == ENOENT else {
                        return .failure(
                            StoreError(.unavailable, "The store \(path) cannot be opened: \(String(cString: strerror(errno))).")
                        )
                    }
                    return Result(catching: body)
                }
                defer { Glibc.close(descriptor) }
                var lock = bytes(of: F_WRLCK)
                guard fcntl(descriptor, F_SETLK, &lock) != 0 else { return Result(catching: body) }
                lock = bytes(of: F_WRLCK)
                let holder = fcntl(descriptor, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0
                let name = holder > 0 ? " by \(ProcessName(holder))" : ""
                return .failure(
                    StoreError(
                        .unavailable,
                        "The store \(path) is in use\(name): stop every worker of this store, and every other program that has it open, first."
                    )
                )
            }
        } catch let error as StoreError { throw error } catch { throw StoreError(error, path: path) }
        return try outcome.get()
    }

    private static func bytes(of type: Int32) -> flock {
        flock(l_type: Int16(type), l_whence: Int16(SEEK_SET), l_start: lockedBytes.start, l_len: lockedBytes.count, l_pid: 0)
    }
}
