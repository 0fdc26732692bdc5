import Contract
import Foundation
import Glibc

/// One HTTP/1.1 exchange over a connection of its own, in exactly the bytes that a test wants.
///
/// A library would interfere: libcurl, for example, repeats a request when a reused connection is closed without an answer.
struct Wire: Sendable {
    /// The connection failed or was closed before a complete answer.
    struct Closed: Error {}

    private let descriptor: Int32

    /// Connects and sends a request.
    init(port: Int, _ method: String, _ path: String, headers: [(String, String)], body: [UInt8]?) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        let request = Array((head + "\r\n").utf8) + (body ?? [])
        guard connected == 0, send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            disconnect()
            throw Closed()
        }
    }

    /// Disconnects without waiting for an answer.
    func disconnect() {
        close(descriptor)
    }

    /// Waits for the answer on a thread of its own, and disconnects.
    func reply() async throws -> Reply {
        let descriptor = descriptor
        let bytes: [UInt8] = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var received: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { received += buffer[..<count] }
                close(descriptor)
                continuation.resume(returning: received)
            }
        }
        return try Reply(bytes)
    }
}

/// The answer to a call.
struct Reply: Sendable {
    let status: Int
    /// The headers by name in lower case.
    let headers: [String: String]
    let body: [UInt8]

    fileprivate init(_ bytes: [UInt8]) throws {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { throw Wire.Closed() }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { throw Wire.Closed() }
        self.status = status
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        self.headers = headers
        body = Array(bytes[end.upperBound...])
        guard headers["content-length"].map({ Int($0) == body.count }) ?? true else { throw Wire.Closed() }
    }
}
