import Contract
import FoundationEssentials
import Glibc
import Secrets

/// A file that an option or argument names; `-` is standard input.
struct InputFile {
    let path: String

    func bytes() throws -> [UInt8] {
        if path == "-" { return standardInput() }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.usage, "\(path) cannot be read.", hint: "Check the path and its permissions.")
        }
        return Array(data)
    }

    func object() throws -> JSONObject {
        let bytes = try bytes()
        do {
            if let object = try JSON(parsing: bytes).object { return object }
        } catch {
            throw Failure(.usage, "\(path) is not JSON: \(error).")
        }
        throw Failure(.usage, "\(path) does not hold a JSON object.")
    }

    /// A secret, read directly into its protected memory: no `String` and no other copy is made. A line break at the end is not part of it.
    func secret() throws -> Secret {
        // More than a header can carry, so that a secret that is too long is detected.
        let capacity = 4096
        let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(.usage, "\(path) cannot be read.", hint: "Check the path and its permissions.") }
        defer { close(descriptor) }
        return try Secret(capacity: capacity) { output throws(Failure) in
            var count = 0
            repeat {
                count = output.withUnsafeMutableBufferPointer { buffer, filled in
                    let count = read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
                    filled += max(count, 0)
                    return count
                }
            } while count > 0 || (count < 0 && errno == EINTR)
            guard count == 0 else { throw Failure(.usage, "\(path) cannot be read.", hint: String(cString: strerror(errno))) }
            guard output.count < capacity else { throw Failure(.usage, "\(path) is too long for a secret.") }
            for byte in "\n\r".utf8 where output.count > 0 && output.span[output.count - 1] == byte { _ = output.removeLast() }
        }
    }

    private func standardInput() -> [UInt8] {
        var bytes: [UInt8] = []
        while let line = readLine(strippingNewline: false) { bytes += Array(line.utf8) }
        return bytes
    }
}
