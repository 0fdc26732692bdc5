import HTTP
import Operations

/// Asks a worker on this machine for one of its health reports.
struct OperationsProbe {
    /// The worker's `OPERATIONS_LISTEN`.
    let address: ListenAddress

    /// `host:port`, by which this machine reaches it.
    var endpoint: String { "\(address.reachableHost):\(address.port)" }

    /// - Parameter path: `livez` or `readyz`.
    /// - Throws: `HTTPError` if nothing answers within 5 s.
    func report(_ path: String) async throws -> HTTPResponse {
        let hosts = HostPolicy(additionalHosts: [endpoint])
        let transport = try CurlTransport(configuration: .init(hosts: hosts), logger: .ofCommands)
        let request = HTTPRequest(method: .get, url: "http://\(endpoint)/\(path)", timeout: .seconds(5), maximumResponseBytes: 1 << 16)
        let response: HTTPResponse
        do { response = try await transport.send(request) } catch {
            await transport.shutdown()
            throw error
        }
        await transport.shutdown()
        return response
    }
}

extension ListenAddress {
    /// The host in a URL with which this machine reaches it.
    fileprivate var reachableHost: String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::": "[::1]"
        default: host.contains(":") ? "[\(host)]" : host
        }
    }
}
