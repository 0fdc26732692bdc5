import FoundationEssentials
import Glibc
import Store

/// A database file that is made under a temporary name, and gets its final name when it is complete.
///
/// While it is open, it belongs to this process alone: two programs cannot make the same file. A file that a killed program left under the
/// name is used again.
final class PartialFile: Sendable {
    let path: String
    private let descriptor: Int32

    /// - Throws: ``StoreError/Code/unavailable`` when it cannot be made, or another program is making it.
    init(_ path: String) throws(StoreError) {
        self.path = path
        var status = stat()
        guard lstat(path, &status) != 0 || status.st_nlink == 1 else {
            throw StoreError(.unavailable, "The file \(path) has a second name: remove \(path), or name another copy.")
        }
        while true {
            let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw StoreError(posix: "The file \(path) cannot be made") }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                close(descriptor)
                throw StoreError(.unavailable, "Another program is making the file \(path): wait until it has ended, or name another file.")
            }
            // Its previous holder may have removed its name.
            if PartialFile.isNamed(path, descriptor) {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    /// SQLite must have closed the file by then: closing the descriptor ends SQLite's locks.
    deinit { close(descriptor) }

    /// Empties it. Only its owner may read it.
    func clear() throws(StoreError) {
        removeJournals()
        guard fchmod(descriptor, 0o600) == 0, ftruncate(descriptor, 0) == 0 else { throw failure }
    }

    func write(_ bytes: ArraySlice<UInt8>, at offset: Int64) throws(StoreError) {
        var (bytes, offset) = (bytes, offset)
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
            guard count > 0 || errno == EINTR else { throw failure }
            bytes = bytes.dropFirst(max(count, 0))
            offset += Int64(max(count, 0))
        }
    }

    func truncate(to size: Int64) throws(StoreError) { guard ftruncate(descriptor, off_t(size)) == 0 else { throw failure } }

    /// Returns once all writes are on disk. A failed write is reported only once, so each failure ends the work.
    func flush() throws(StoreError) { guard fsync(descriptor) == 0 else { throw failure } }

    func discard() {
        removeJournals()
        if PartialFile.isNamed(path, descriptor) { unlink(path) }
    }

    /// Gives it its final name, also on disk.
    ///
    /// - Parameter replacing: whether it may replace another file.
    func rename(to name: String, replacing: Bool) throws(StoreError) {
        guard PartialFile.isNamed(path, descriptor) else {
            throw StoreError(.unavailable, "The file \(path) was removed while it was being made: make it again.")
        }
        try StoreFile.rename(path, to: name, replacing: replacing)
    }

    private var failure: StoreError { StoreError(posix: "The file \(path) cannot be written") }

    private func removeJournals() { for suffix in ["-journal", "-wal", "-shm"] { unlink(path + suffix) } }

    private static func isNamed(_ path: String, _ descriptor: Int32) -> Bool {
        var (own, named) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && stat(path, &named) == 0 && own.st_ino == named.st_ino && own.st_dev == named.st_dev
    }
}

extension StoreFile {
    static func rename(_ file: String, to name: String, replacing: Bool = true) throws(StoreError) {
        // A second name does not replace another file. Some file systems have no second names.
        if !replacing, link(file, name) == 0 {
            unlink(file)
        } else {
            guard replacing || errno != EEXIST, Glibc.rename(file, name) == 0 else {
                throw StoreError(posix: "The file \(name) cannot be made")
            }
        }
        // The name is on disk once its directory is.
        let directory = Glibc.open(URL(filePath: name).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }
}
