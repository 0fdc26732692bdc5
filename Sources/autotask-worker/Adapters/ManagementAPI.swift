import AMQP
import Foundation
import HTTP
import Logging

/// RabbitMQ's management API, as far as a check of the topology needs it.
struct ManagementAPI {
    private let root: String
    private let authority: String
    private let authorization: String?

    /// - Parameter url: `http://user:password@host:port`.
    init(url: String) throws {
        guard let scheme = url.firstRange(of: "://") else {
            throw Failure(.usage, "MANAGEMENT_URL is no URL.", hint: "It looks like http://user:password@host:15672.")
        }
        var rest = url[scheme.upperBound...]
        if let at = rest.lastIndex(of: "@") {
            authorization = "Basic " + Data((rest[..<at].removingPercentEncoding ?? String(rest[..<at])).utf8).base64EncodedString()
            rest = rest[rest.index(after: at)...]
        } else {
            authorization = nil
        }
        let path = String(rest.hasSuffix("/") ? rest.dropLast() : rest)
        authority = path.split(separator: "/").first.map(String.init) ?? ""
        root = url[..<scheme.upperBound] + path
    }

    func report(on topology: Topology, virtualHost: String) async throws -> TopologyReport {
        var log = Logger(label: "autotask-worker", factory: { StreamLogHandler.standardError(label: $0) })
        log.logLevel = .critical
        let transport = try CurlTransport(configuration: .init(hosts: HostPolicy(additionalHosts: [authority])), logger: log)
        let paths = ManagementAnswers.Paths(virtualHost: virtualHost)
        let answers = try await ManagementAnswers(
            exchanges: get(paths.exchanges, transport),
            queues: get(paths.queues, transport),
            bindings: get(paths.bindings, transport)
        )
        await transport.shutdown()
        return try topology.compare(with: answers)
    }

    private func get(_ path: String, _ transport: CurlTransport) async throws -> [UInt8] {
        let headers = authorization.map { [HTTPHeader("Authorization", $0)] } ?? []
        let response: HTTPResponse
        do { response = try await transport.send(HTTPRequest(method: .get, url: root + path, headers: headers)) } catch {
            throw Failure(.unavailable, "The management API does not answer: \(error.message)", hint: "Check MANAGEMENT_URL.")
        }
        guard response.status == 200 else {
            throw Failure(
                .unavailable,
                "The management API answers \(response.status) to \(path).",
                hint: "MANAGEMENT_URL needs a user with the tag monitoring or management."
            )
        }
        return response.body
    }
}
