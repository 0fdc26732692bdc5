import FoundationEssentials
import Glibc
import Synchronization

/// A key ring in a file that only the worker's user may read.
///
/// A file that root owns and nobody may write may also be readable for its group, as systemd and Kubernetes make them. From version 254, systemd
/// shows the ACL of a credential's only reader as a right of the group (0440). A Secret volume with `fsGroup` gives its files that group
/// (0440). Root then decides who may read the file, and this process may if it can open it. No file may be readable for everybody.
package final class KeyRingFile: KeyRingSource {
    private static let maximumSize = 1 << 20

    package let path: String
    /// The ring that was read last, and the state of its file then.
    private let known = Mutex<(stamp: Stamp, ring: KeyRing)?>(nil)

    package init(path: String) { self.path = path }

    package var description: String { path }

    /// - Throws: ``VaultError/Code/keyRingUnusable`` when there is no file, when it belongs to another user, or when others may read it.
    package func load() throws(VaultError) -> KeyRing {
        do throws(VaultError) {
            let file = try OpenFile(path)
            if let known = known.withLock({ $0 }), known.stamp == file.stamp { return known.ring }
            let ring = try KeyRing(parsing: try file.contents())
            known.withLock { $0 = (file.stamp, ring) }
            return ring
        } catch {
            throw VaultError(.keyRingUnusable, "The key ring \(path) cannot be used. \(error.message)")
        }
    }

    /// Writes a new file with mode 0600, completely or not at all, and makes its directory if necessary. An existing file is never
    /// overwritten.
    ///
    /// - Throws: ``VaultError/Code/keyRingUnusable``.
    package func create(_ ring: KeyRing) throws(VaultError) {
        do throws(VaultError) {
            try makeDirectory()
            let draft = try Draft(of: ring, beside: path)
            defer { draft.discard() }
            // Unlike a rename, a link does not replace what is there.
            guard link(draft.path, path) == 0 else {
                throw errno == EEXIST
                    ? VaultError(.keyRingUnusable, "There is one already. Move it away first, but only if nothing needs it any more.")
                    : VaultError(.keyRingUnusable, systemText())
            }
            try synchronizeDirectory()
        } catch {
            throw unwritten(error)
        }
    }

    /// Replaces the ring with a changed one, completely or not at all. Owner and mode stay. The old contents are overwritten, as far as the
    /// file system permits.
    ///
    /// - Parameter change: returns the changed ring. If it throws, nothing is changed.
    /// - Throws: ``VaultError/Code/keyRingUnusable``, also when another command is changing the ring; any error of `change`.
    package func update(_ change: (KeyRing) async throws -> KeyRing) async throws {
        let file: OpenFile
        do throws(VaultError) {
            file = try OpenFile(path, isLocked: true)
        } catch {
            throw unwritten(error)
        }
        let ring = try await change(try KeyRing(parsing: try file.contents()))
        do throws(VaultError) {
            let draft = try Draft(of: ring, beside: path, owner: file.owner)
            guard rename(draft.path, path) == 0 else {
                let error = VaultError(.keyRingUnusable, "rename \(draft.path) to \(path): \(systemText())")
                draft.discard()
                throw error
            }
            try synchronizeDirectory()
        } catch {
            throw unwritten(error)
        }
        file.overwrite()
    }

    private func unwritten(_ error: VaultError) -> VaultError {
        VaultError(.keyRingUnusable, "The key ring \(path) cannot be written. \(error.message)")
    }

    private var directory: String { path.lastIndex(of: "/").map { String(path[...$0]) } ?? "." }

    private func makeDirectory() throws(VaultError) {
        do {
            try FileManager.default.createDirectory(
                atPath: directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw VaultError(.keyRingUnusable, "Its directory cannot be made.")
        }
    }

    /// Puts the new name in its directory on disk.
    private func synchronizeDirectory() throws(VaultError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw VaultError(.keyRingUnusable, systemText()) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw VaultError(.keyRingUnusable, systemText()) }
    }
}

extension KeyRingFile {
    /// Identifies the state of a file.
    private struct Stamp: Hashable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let seconds: Int
        let nanoseconds: Int
    }

    /// An open and checked file of a ring.
    private struct OpenFile: ~Copyable {
        private let descriptor: Int32
        private let status: stat

        /// - Parameter isLocked: whether it is opened to be replaced, which only one process may do at a time.
        init(_ path: String, isLocked: Bool = false) throws(VaultError) {
            descriptor = open(path, (isLocked ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else {
                status = stat()
                throw errno == ENOENT
                    ? VaultError(
                        .keyRingUnusable,
                        "There is no such file. Check VAULT_KEYS, or restore the ring from its backup: a new ring cannot open an existing store. For a first start, and only then: autotask-worker keys generate"
                    )
                    : VaultError(.keyRingUnusable, "open as user \(geteuid()) and group \(getegid()): \(systemText())")
            }
            var status = stat()
            let isKnown = fstat(descriptor, &status) == 0
            self.status = status
            guard isKnown else { throw VaultError(.keyRingUnusable, systemText()) }
            try check()
            if isLocked { try lock(path) }
        }

        deinit { if descriptor >= 0 { close(descriptor) } }

        private func check() throws(VaultError) {
            guard status.st_mode & S_IFMT == S_IFREG else { throw VaultError(.keyRingUnusable, "It is not a regular file.") }
            guard status.st_uid == geteuid() || status.st_uid == 0 else {
                throw VaultError(
                    .keyRingUnusable,
                    "It belongs to user \(status.st_uid), but the worker runs as user \(geteuid()): change its owner."
                )
            }
            let mode = status.st_mode & 0o7777
            let forbidden: mode_t = status.st_uid == 0 && mode & 0o222 == 0 ? 0o037 : 0o077
            guard mode & forbidden == 0 else {
                throw VaultError(
                    .keyRingUnusable,
                    "Others may read it (mode \(String(mode, radix: 8))): chmod 600 it, or set defaultMode 0400 for a Secret volume. If others have read it, make new keys."
                )
            }
            guard status.st_size <= maximumSize else { throw VaultError(.keyRingUnusable, "It is too large for a key ring.") }
        }

        private func lock(_ path: String) throws(VaultError) {
            var current = stat()
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, stat(path, &current) == 0, current.st_ino == status.st_ino else {
                throw VaultError(.keyRingUnusable, "Another command is changing it: try again when that has ended.")
            }
        }

        var owner: (user: uid_t, group: gid_t) { (status.st_uid, status.st_gid) }

        var stamp: Stamp {
            Stamp(
                device: UInt64(status.st_dev),
                inode: UInt64(status.st_ino),
                size: Int64(status.st_size),
                seconds: status.st_mtim.tv_sec,
                nanoseconds: status.st_mtim.tv_nsec
            )
        }

        func contents() throws(VaultError) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
            var filled = 0
            while filled < bytes.count {
                let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    throw VaultError(.keyRingUnusable, count == 0 ? "It is shorter than it was a moment ago." : systemText())
                }
                filled += count
            }
            return bytes
        }

        /// Overwrites the contents, once another file has replaced it. Failures are ignored.
        func overwrite() {
            let zeros = [UInt8](repeating: 0, count: Int(status.st_size))
            if pwrite(descriptor, zeros, zeros.count, 0) == zeros.count { _ = fsync(descriptor) }
        }
    }

    /// A ring in a temporary file on disk, before it gets its final name.
    private struct Draft {
        let path: String

        /// - Parameter owner: the owner of the file, if not this process's user.
        init(of ring: KeyRing, beside destination: String, owner: (user: uid_t, group: gid_t)? = nil) throws(VaultError) {
            path = "\(destination).\(getpid()).new"
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw VaultError(.keyRingUnusable, "open \(path) as user \(geteuid()) and group \(getegid()): \(systemText())")
            }
            defer { close(descriptor) }
            let bytes = ring.encoded
            var written = 0
            while written < bytes.count {
                let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw failure("write \(path): \(systemText())") }
                written += count
            }
            if let owner, owner.user != geteuid() || owner.group != getegid() {
                guard fchown(descriptor, owner.user, owner.group) == 0 else {
                    throw failure(
                        "fchown to the ring's user \(owner.user) and group \(owner.group): \(systemText()) This command runs as user \(geteuid()) and group \(getegid()): run it as root, or as a member of that group."
                    )
                }
            }
            guard fsync(descriptor) == 0 else { throw failure("fsync \(path): \(systemText())") }
        }

        func discard() { unlink(path) }

        /// - Parameter message: the failed call, and the system's error text.
        private func failure(_ message: String) -> VaultError {
            discard()
            return VaultError(.keyRingUnusable, message)
        }
    }
}

/// The system's message about the last failed call.
private func systemText() -> String { String(cString: strerror(errno)) + "." }
