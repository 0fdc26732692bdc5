import FoundationEssentials
import Glibc

/// The key ring's file, which its owner alone may read.
extension KeyRing {
    private static let maximumSize = 1 << 20

    /// Reads a key ring.
    ///
    /// - Throws: ``VaultError/Code/keyRingUnusable`` when there is none, when it belongs to somebody else, or when others may read it.
    package init(path: String) throws(VaultError) {
        do throws(VaultError) {
            try self.init(parsing: try KeyRing.read(path))
        } catch {
            throw VaultError(.keyRingUnusable, "The key ring \(path) cannot be used. \(error.message)", file: error.file, line: error.line)
        }
    }

    /// Writes a new file with mode 0600, whole or not at all, and makes its directory if need be. What stands there already is never
    /// overwritten.
    ///
    /// - Throws: ``VaultError/Code/keyRingUnusable``.
    package func write(to path: String) throws(VaultError) {
        let temporary = "\(path).\(getpid()).new"
        do throws(VaultError) {
            try KeyRing.makeDirectory(of: path)
            try KeyRing.write(encoded, to: temporary)
            defer { unlink(temporary) }
            // Unlike a rename, a link does not replace what is there.
            guard link(temporary, path) == 0 else {
                throw errno == EEXIST
                    ? VaultError(.keyRingUnusable, "There is one already. Move it away first, if it is really not needed any more.")
                    : VaultError(.keyRingUnusable, systemText())
            }
            try KeyRing.synchronize(directoryOf: path)
        } catch {
            throw VaultError(
                .keyRingUnusable,
                "The key ring \(path) cannot be written. \(error.message)",
                file: error.file,
                line: error.line
            )
        }
    }

    private static func read(_ path: String) throws(VaultError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw errno == ENOENT
                ? VaultError(.keyRingUnusable, "There is no such file. Make one with: autotask-worker keys generate")
                : VaultError(.keyRingUnusable, systemText())
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw VaultError(.keyRingUnusable, systemText()) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw VaultError(.keyRingUnusable, "It is not a regular file.") }
        guard status.st_uid == geteuid() else {
            throw VaultError(
                .keyRingUnusable,
                "It belongs to user \(status.st_uid), and the worker runs as \(geteuid()): change its owner."
            )
        }
        guard status.st_mode & 0o077 == 0 else {
            throw VaultError(.keyRingUnusable, "Others may read it: chmod 600 it, and make new keys if they did.")
        }
        guard status.st_size <= maximumSize else { throw VaultError(.keyRingUnusable, "It is larger than any key ring.") }

        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw VaultError(.keyRingUnusable, count == 0 ? "It is shorter than it was a moment ago." : systemText())
            }
            filled += count
        }
        return bytes
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(VaultError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VaultError(.keyRingUnusable, systemText()) }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(removing: path) }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw failure(removing: path) }
    }

    private static func failure(removing path: String) -> VaultError {
        let error = VaultError(.keyRingUnusable, systemText())
        unlink(path)
        return error
    }

    private static func makeDirectory(of path: String) throws(VaultError) {
        do {
            try FileManager.default.createDirectory(
                atPath: directory(of: path),
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw VaultError(.keyRingUnusable, "Its directory cannot be made.")
        }
    }

    private static func directory(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    }

    /// Makes the new name in its directory last.
    private static func synchronize(directoryOf path: String) throws(VaultError) {
        let descriptor = open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw VaultError(.keyRingUnusable, systemText()) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw VaultError(.keyRingUnusable, systemText()) }
    }
}

/// What the system says about the call that just failed.
private func systemText() -> String { String(cString: strerror(errno)) + "." }
