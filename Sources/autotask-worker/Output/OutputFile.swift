import Glibc

/// A file that a command creates, accessible to its owner only; `-` is standard output.
struct OutputFile {
    private let path: String
    private let descriptor: Int32

    /// - Throws: ``Failure`` when the file already exists: nothing is overwritten.
    init(path: String) throws {
        self.path = path
        descriptor = path == "-" ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw errno == EEXIST
                ? Failure(.unavailable, "The file \(path) already exists.", hint: "Name another one, or move it away.")
                : Failure(.unavailable, "The file \(path) cannot be created: \(String(cString: strerror(errno))).")
        }
    }

    func write(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                Terminal.wait(for: descriptor)
                continue
            }
            guard count >= 0 else { throw failure() }
            written += count
        }
    }

    /// Returns once the file is on disk.
    func close() throws {
        guard descriptor != STDOUT_FILENO else { return }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure() }
    }

    private func failure() -> Failure { Failure(.unavailable, "\(path) cannot be written: \(String(cString: strerror(errno))).") }
}
