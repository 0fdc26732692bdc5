import Contract
import Hummingbird
package import Logging
import ServiceLifecycle

/// The HTTP liveness (`/livez`) and readiness (`/readyz`) probes of a worker, and its metrics for Prometheus (`/metrics`).
///
/// It takes no commands. Use an address that only the operator's systems reach, since a report can name tenants.
package struct OperationsServer: Service {
    private let application: Application<RouterResponder<BasicRequestContext>>

    /// - Parameters:
    ///   - address: where to listen.
    ///   - onListening: called with the port. The system chooses it for port 0.
    ///   - metrics: the registry of `/metrics`.
    ///   - liveness: returns whether the worker's loops go on. It must not block.
    ///   - readiness: returns the worker's present state. It must not block.
    package init(
        address: ListenAddress,
        log: Logger,
        onListening: @escaping @Sendable (Int) -> Void = { _ in },
        metrics: PrometheusRegistry,
        liveness: @escaping @Sendable () -> HealthReport,
        readiness: @escaping @Sendable () -> HealthReport
    ) {
        let router = Router()
        router.get("livez") { _, _ in Response(liveness()) }
        router.get("readyz") { _, _ in Response(readiness()) }
        router.get("metrics") { _, _ in
            let body = ResponseBody(byteBuffer: ByteBuffer(bytes: await metrics.exposition()))
            return Response(
                status: .ok,
                headers: [.contentType: ExpositionText.contentType, .cacheControl: "no-store"],
                body: body
            )
        }
        // Probes come as often as once a second: they are not logged.
        var quietLog = log
        quietLog.logLevel = max(log.logLevel, .warning)
        application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname(address.host, port: address.port)),
            onServerRunning: { onListening($0.localAddress?.port ?? address.port) },
            logger: quietLog
        )
    }

    /// Answers requests until the service group shuts down gracefully.
    ///
    /// - Throws: when the server cannot listen at the address.
    package func run() async throws { try await application.run() }
}

/// `host:port`, as in `127.0.0.1:8080`, `[::1]:8080` or `:8080` (every address of the machine).
package struct ListenAddress: Hashable, Sendable {
    package var host: String
    package var port: Int

    /// - Returns: `nil` for a text that is no such address.
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
