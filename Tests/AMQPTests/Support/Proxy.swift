import Confinement
import Glibc
import Synchronization
import Testing

/// A TCP proxy in front of the broker. It can fall silent like a dead peer: it then reads, sends and closes nothing.
final class Proxy: Sendable {
    fileprivate struct State {
        var isSilent = false
        var isStopping = false
        var pairs: [Int32: Int32] = [:]
    }

    let port: Int
    private let target: Int
    private let listener: Int32
    private let wake: WakeDescriptor
    private let state = Mutex(State())

    private init(target: Int) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, address, &length) == 0
            }
        }
        try #require(bound)
        self.target = target
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        wake = try WakeDescriptor()
    }

    static func with(target: Int, _ body: (Proxy) async throws -> Void) async throws {
        let proxy = try Proxy(target: target)
        let thread = try ConfinedThread.start(name: "test-proxy") { proxy.run() }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(proxy))
        } catch {
            result = .failure(error)
        }
        proxy.change { $0.isStopping = true }
        await thread.waitUntilFinished()
        try result.get()
    }

    /// Stops forwarding in both directions, without notice.
    func fallSilent() { change { $0.isSilent = true } }

    /// Forwards again for new connections, and resets the old ones.
    func recover() {
        change { state in
            state.isSilent = false
            state.closeAll()
        }
    }

    private func change(_ change: (inout State) -> Void) {
        state.withLock { change(&$0) }
        wake.wake()
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private func run() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let (isSilent, isStopping, sockets) = state.withLock { ($0.isSilent, $0.isStopping, Array($0.pairs.keys)) }
            if isStopping { break }
            let watched = isSilent ? [wake.fileDescriptor] : [wake.fileDescriptor, listener] + sockets
            var descriptors = watched.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            poll(&descriptors, nfds_t(descriptors.count), -1)
            for descriptor in descriptors where descriptor.revents != 0 {
                switch descriptor.fd {
                case wake.fileDescriptor: wake.clear()
                case listener: accept()
                default: forward(descriptor.fd, &buffer)
                }
            }
        }
        state.withLock { $0.closeAll() }
        close(listener)
    }

    private func accept() {
        let client = Glibc.accept(listener, nil, nil)
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(port: target)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard client >= 0, connected else {
            close(client)
            close(server)
            return
        }
        state.withLock { state in
            state.pairs[client] = server
            state.pairs[server] = client
        }
    }

    private func forward(_ source: Int32, _ buffer: inout [UInt8]) {
        guard let destination = state.withLock({ $0.pairs[source] }) else { return }
        let count = read(source, &buffer, buffer.count)
        var sent = 0
        while sent < count {
            let written = buffer.withUnsafeBytes { send(destination, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL)) }
            if written <= 0 { break }
            sent += written
        }
        if count <= 0 || sent < count {
            state.withLock { state in
                state.pairs[source] = nil
                state.pairs[destination] = nil
            }
            close(source)
            close(destination)
        }
    }
}

extension Proxy.State {
    fileprivate mutating func closeAll() {
        for socket in pairs.keys { close(socket) }
        pairs = [:]
    }
}
