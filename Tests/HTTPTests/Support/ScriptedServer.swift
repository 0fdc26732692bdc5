import Confinement
import Glibc
import Synchronization

/// A server on loopback that follows a test's script, byte by byte: each connection runs the script on a thread of its own.
final class ScriptedServer: Sendable {
    private struct State {
        var connections: [Int32: ServerConnection] = [:]
        var accepted = 0
        var requests: [ReceivedRequest] = []
        var isStopped = false
    }

    let port: Int
    private let listener: Int32
    private let state = Mutex(State())
    private let script: @Sendable (ServerConnection) -> Void

    /// `host:port`, as a host policy lists it.
    var endpoint: String { "127.0.0.1:\(port)" }

    /// How many connections it has accepted.
    var connectionCount: Int { state.withLock(\.accepted) }

    /// Every request that was read, in order of arrival.
    var requests: [ReceivedRequest] { state.withLock(\.requests) }

    init(_ script: @escaping @Sendable (ServerConnection) -> Void) throws {
        (listener, port) = try Loopback.listen(backlog: 4096)
        self.script = script
        try ConfinedThread.start(name: "server") { [self] in accept() }
    }

    /// Closes everything; threads that wait for a peer end.
    func stop() {
        let connections = state.withLock { state in
            state.isStopped = true
            return Array(state.connections.values)
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections { connection.interrupt() }
    }

    private func accept() {
        while true {
            let socket = Glibc.accept(listener, nil, nil)
            guard socket >= 0 else { break }
            let connection = state.withLock { state -> ServerConnection? in
                guard !state.isStopped else { return nil }
                state.accepted += 1
                let connection = ServerConnection(socket: socket, number: state.accepted) { [weak self] request in
                    self?.state.withLock { $0.requests.append(request) }
                }
                state.connections[socket] = connection
                return connection
            }
            guard let connection else {
                close(socket)
                break
            }
            _ = try? ConfinedThread.start(name: "connection") { [self] in
                script(connection)
                // It is removed from the set first: the number may be reused as soon as it is closed.
                state.withLock { $0.connections[socket] = nil }
                connection.close()
            }
        }
        close(listener)
    }
}

/// One connection, as its script sees it. Its calls block.
final class ServerConnection: Sendable {
    /// The connection's number, from 1.
    let number: Int
    private let socket: Int32
    private let record: @Sendable (ReceivedRequest) -> Void
    private let unread = Mutex<[UInt8]>([])
    private let isClosed = Mutex(false)

    init(socket: Int32, number: Int, record: @escaping @Sendable (ReceivedRequest) -> Void) {
        self.socket = socket
        self.number = number
        self.record = record
    }

    /// Reads a whole request; `nil` once the peer has closed.
    func readRequest() -> ReceivedRequest? {
        guard let head = read(through: Array("\r\n\r\n".utf8)) else { return nil }
        var request = ReceivedRequest(head: head)
        guard let body = read(count: request.contentLength) else { return nil }
        request.body = body
        record(request)
        return request
    }

    /// - Returns: whether the peer still listens.
    @discardableResult
    func write(_ text: String) -> Bool {
        write(Array(text.utf8))
    }

    /// - Returns: whether the peer still listens.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Writes the same bytes repeatedly, until the peer stops reading.
    func writeEndlessly(_ bytes: [UInt8]) {
        while write(bytes) {}
    }

    /// Writes one byte after the other, slowly, until the peer stops reading.
    func drip(_ byte: UInt8) {
        var end = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        // Between two bytes it checks for a while whether the peer has closed.
        while poll(&end, 1, 5) == 0, write([byte]) {}
    }

    /// Writes a whole answer.
    func answer(_ status: Int = 200, headers: [String] = [], body: String = "") {
        let head = ["HTTP/1.1 \(status) Whatever", "Content-Length: \(body.utf8.count)"] + headers
        write(head.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    /// Returns once the peer has sent something, which is then discarded.
    func waitForFirstByte() {
        _ = read(count: 1)
    }

    /// Returns once the peer has closed.
    func waitForEnd() {
        while read(count: 1) != nil {}
    }

    /// Carries bytes between the peer and a port of this machine until either ends.
    func relay(to port: Int) {
        let other = Loopback.connect(to: port)
        defer { Glibc.close(other) }
        let early = unread.withLock { unread in
            defer { unread = [] }
            return unread
        }
        _ = early.withUnsafeBytes { send(other, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var ends = [pollfd(fd: socket, events: Int16(POLLIN), revents: 0), pollfd(fd: other, events: Int16(POLLIN), revents: 0)]
        while poll(&ends, 2, -1) > 0 {
            for index in 0..<2 where ends[index].revents != 0 {
                let count = recv(ends[index].fd, &buffer, buffer.count, 0)
                guard count > 0, send(ends[1 - index].fd, buffer, count, Int32(MSG_NOSIGNAL)) == count else { return }
            }
        }
    }

    /// Closes the connection in an orderly way.
    func close() {
        let mustClose = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        if mustClose { Glibc.close(socket) }
    }

    /// Ends the connection with a reset.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        close()
    }

    fileprivate func interrupt() {
        isClosed.withLock { isClosed in
            if !isClosed { _ = shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    private func read(through end: [UInt8]) -> [UInt8]? {
        unread.withLock { unread in
            while true {
                if let range = unread.firstRange(of: end) {
                    defer { unread.removeSubrange(..<range.upperBound) }
                    return Array(unread[..<range.upperBound])
                }
                guard receive(into: &unread) else { return nil }
            }
        }
    }

    private func read(count: Int) -> [UInt8]? {
        unread.withLock { unread in
            while unread.count < count {
                guard receive(into: &unread) else { return nil }
            }
            defer { unread.removeFirst(count) }
            return Array(unread.prefix(count))
        }
    }

    private func receive(into bytes: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        bytes += buffer[..<count]
        return true
    }
}

/// A request as the server read it.
struct ReceivedRequest: Sendable {
    /// Request line and header lines, up to the empty line.
    let head: [UInt8]
    var body: [UInt8] = []

    /// The lines without their ends, the request line first.
    var lines: [[UInt8]] {
        head.split(separator: 0x0A).map { Array($0.last == 0x0D ? $0.dropLast() : $0) }.filter { !$0.isEmpty }
    }

    var requestLine: String { String(decoding: lines.first ?? [], as: UTF8.self) }

    /// Names in lower case, sorted.
    var headerNames: [String] {
        lines.dropFirst().map { String(decoding: $0.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self).lowercased() }.sorted()
    }

    var contentLength: Int {
        for line in lines {
            let text = String(decoding: line, as: UTF8.self).lowercased()
            if text.hasPrefix("content-length: ") { return Int(text.dropFirst("content-length: ".count)) ?? 0 }
        }
        return 0
    }
}

enum Loopback {
    struct Failure: Error {
        let errno: Int32
    }

    /// A socket that is, or will be, connected to a port.
    static func connect(to port: Int, isBlocking: Bool = true) -> Int32 {
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | (isBlocking ? 0 : Int32(SOCK_NONBLOCK.rawValue)), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = UInt16(port).bigEndian
        withUnsafePointer(to: &address) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return client
    }

    /// A listening socket on a free port.
    static func listen(backlog: Int32) throws -> (socket: Int32, port: Int) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && Glibc.listen(listener, backlog) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure(errno: errno) }
        return (listener, Int(UInt16(bigEndian: address.sin_port)))
    }
}
