import Contract
import Hummingbird
package import Logging
import ServiceLifecycle

/// What the surroundings of a worker ask it over HTTP: is it alive (`/livez`), is it ready (`/readyz`).
///
/// It tells nothing of tenants and takes no orders; still it belongs on an address that only the surroundings reach.
package struct OperationsServer: Service {
    private let application: Application<RouterResponder<BasicRequestContext>>

    /// - Parameters:
    ///   - address: where to listen.
    ///   - onListening: told the port, which was chosen freely for port 0.
    ///   - readiness: how the worker is now. It must not block.
    package init(
        address: ListenAddress,
        log: Logger,
        onListening: @escaping @Sendable (Int) -> Void = { _ in },
        readiness: @escaping @Sendable () -> HealthReport
    ) {
        let router = Router()
        router.get("livez") { _, _ in Response(HealthReport([])) }
        router.get("readyz") { _, _ in Response(readiness()) }
        // Whoever probes once a second is not worth a line each.
        var quietLog = log
        quietLog.logLevel = max(log.logLevel, .warning)
        application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname(address.host, port: address.port)),
            onServerRunning: { onListening($0.localAddress?.port ?? address.port) },
            logger: quietLog
        )
    }

    /// Answers until the service group shuts down gracefully.
    ///
    /// - Throws: when the address cannot be listened on.
    package func run() async throws { try await application.run() }
}

/// `host:port`, as in `127.0.0.1:8080`, `[::1]:8080` or `:8080` (every address of the machine).
package struct ListenAddress: Hashable, Sendable {
    package var host: String
    package var port: Int

    /// - Returns: `nil` for what is no such address.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self.host = host.isEmpty ? "0.0.0.0" : String(host)
        self.port = port
    }
}

extension Response {
    fileprivate init(_ report: HealthReport) {
        self.init(
            status: report.status == .fail ? .serviceUnavailable : .ok,
            headers: [.contentType: "application/health+json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: report.json.encoded))
        )
    }
}
