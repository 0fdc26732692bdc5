import Glibc
import Logging
import Operations
import ServiceLifecycle
import Telemetry

/// Reports the worker's state to systemd (`sd_notify(3)`): ready, its state in words, and a sign of life for its watchdog while all loops go on.
///
/// It does nothing where no service manager listens (`NOTIFY_SOCKET`).
struct ServiceManager: Service {
    /// How often the state is reported, if the watchdog asks for no more.
    private static let interval: Duration = .seconds(10)

    private let socket: NotifySocket
    /// A sign of life is due within this time; `nil` without a watchdog.
    private let watchdog: Duration?
    private let liveness: @Sendable () -> HealthReport
    private let readiness: @Sendable () -> HealthReport

    /// - Returns: `nil` where no service manager listens.
    init?(liveness: @escaping @Sendable () -> HealthReport, readiness: @escaping @Sendable () -> HealthReport) {
        guard let path = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), let socket = NotifySocket(path) else { return nil }
        self.socket = socket
        let isOurs = getenv("WATCHDOG_PID").map { String(cString: $0) == "\(getpid())" } ?? true
        watchdog = getenv("WATCHDOG_USEC").flatMap { Int64(String(cString: $0)) }.flatMap { isOurs && $0 > 0 ? .microseconds($0) : nil }
        self.liveness = liveness
        self.readiness = readiness
    }

    func run() async throws {
        socket.send("READY=1\n" + status)
        let pause = watchdog.map { min($0 / 2, ServiceManager.interval) } ?? ServiceManager.interval
        await withGracefulShutdownHandler {
            while !Task.isCancelled, !Task.isShuttingDownGracefully {
                // Without the sign systemd restarts the worker: a loop stands still.
                let isAlive = liveness().status != .fail
                socket.send((watchdog != nil && isAlive ? "WATCHDOG=1\n" : "") + status)
                try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
            }
        } onGracefulShutdown: {
            socket.send("STOPPING=1\nSTATUS=Shutting down: running jobs end or are put back.")
        }
    }

    /// `systemctl status` shows it: one line.
    private var status: String {
        let report = readiness()
        let failures = report.checks.filter { $0.status == .fail }.map { "\($0.name): \($0.output)" }
        let text = failures.isEmpty ? "Ready." : "Not ready. " + failures.joined(separator: " ")
        return "STATUS=" + String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? " " : $0 })).prefix(1000)
    }
}

/// The socket at which a service manager listens for datagrams.
private struct NotifySocket: Sendable {
    private let descriptor: Int32
    private let address: sockaddr_un
    private let length: socklen_t

    /// - Parameter path: of a socket, or with `@` in front a name in the abstract name space.
    init?(_ path: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard name.first == UInt8(ascii: "/") || name.first == UInt8(ascii: "@"), name.count > 1,
            name.count < MemoryLayout.size(ofValue: address.sun_path)
        else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            bytes.copyBytes(from: name)
            if name[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        }
        self.address = address
        length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + name.count)
        descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return nil }
    }

    /// A message that the service manager does not take is lost: the next one follows.
    func send(_ text: String) {
        let bytes = Array(text.utf8)
        var address = address
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
