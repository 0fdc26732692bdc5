import HTTP
import Logging

/// Runs a test against a server with a script, over the real transport, and ends both afterwards.
func withServer<Value: Sendable>(
    _ script: @escaping @Sendable (ServerConnection) -> Void,
    configure: (inout CurlTransport.Configuration) -> Void = { _ in },
    test: (ScriptedServer, CurlTransport) async throws -> Value
) async throws -> Value {
    let server = try ScriptedServer(script)
    defer { server.stop() }
    return try await withTransport(to: [server.endpoint], configure: configure) { transport in try await test(server, transport) }
}

/// Runs a test over the real transport, which may connect to the hosts named.
func withTransport<Value: Sendable>(
    to hosts: Set<String>,
    configure: (inout CurlTransport.Configuration) -> Void = { _ in },
    test: (CurlTransport) async throws -> Value
) async throws -> Value {
    var configuration = CurlTransport.Configuration(hosts: HostPolicy(additionalHosts: hosts))
    // Statements about kept connections must not depend on the machine's speed.
    configuration.maximumIdleTime = .seconds(600)
    configure(&configuration)
    let transport = try CurlTransport(configuration: configuration, logger: Logger(label: "test"))
    do {
        let value = try await test(transport)
        await transport.shutdown()
        return value
    } catch {
        await transport.shutdown()
        throw error
    }
}

extension HTTPTransport {
    /// The outcome of a request.
    func outcome(of request: HTTPRequest) async -> Result<HTTPResponse, HTTPError> {
        do throws(HTTPError) {
            return .success(try await send(request))
        } catch {
            return .failure(error)
        }
    }

    /// The error of a request that must fail; `nil` if it did not.
    func failure(of request: HTTPRequest) async -> HTTPError? {
        if case .failure(let error) = await outcome(of: request) { error } else { nil }
    }
}

extension ScriptedServer {
    func url(_ path: String = "/") -> String { "http://\(endpoint)\(path)" }

    func get(_ path: String = "/", timeout: Duration = .seconds(30), maximumResponseBytes: Int = 1 << 20) -> HTTPRequest {
        HTTPRequest(method: .get, url: url(path), timeout: timeout, maximumResponseBytes: maximumResponseBytes)
    }

    func post(
        _ body: String = "{}",
        isRepeatable: Bool? = nil,
        mayStillBeSent: (@Sendable () -> Bool)? = nil
    ) -> HTTPRequest {
        HTTPRequest(method: .post, url: url(), body: Array(body.utf8), isRepeatable: isRepeatable, mayStillBeSent: mayStillBeSent)
    }
}

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
}
