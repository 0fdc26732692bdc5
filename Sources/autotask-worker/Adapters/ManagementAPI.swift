import AMQP
import Contract
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
        let paths = ManagementAnswers.Paths(virtualHost: virtualHost)
        let answers = try await withTransport { transport in
            try await ManagementAnswers(
                exchanges: get(paths.exchanges, transport).body,
                queues: get(paths.queues, transport).body,
                bindings: get(paths.bindings, transport).body
            )
        }
        return try topology.compare(with: answers)
    }

    /// Which resources the broker lacks, such as memory: as long as one is named, it takes nothing from publishers.
    func alarms() async throws -> [String] {
        let path = "/api/health/checks/alarms"
        // It says so by its status too.
        let response = try await withTransport { try await get(path, $0, statuses: [200, 503]) }
        guard let json = try? JSON(parsing: response.body), let status = json["status"]?.string else {
            throw Failure(.unavailable, "The management API's answer is not understood.", hint: "Check MANAGEMENT_URL.")
        }
        guard status != "ok" else { return [] }
        let resources = json["alarms"]?.array?.compactMap { $0["resource"]?.string } ?? []
        return resources.isEmpty ? ["something"] : resources
    }

    private func withTransport<Value: Sendable>(_ body: (CurlTransport) async throws -> Value) async throws -> Value {
        let transport = try CurlTransport(configuration: .init(hosts: HostPolicy(additionalHosts: [authority])), logger: .ofCommands)
        let value = try await body(transport)
        await transport.shutdown()
        return value
    }

    private func get(_ path: String, _ transport: CurlTransport, statuses: Set<Int> = [200]) async throws -> HTTPResponse {
        let headers = authorization.map { [HTTPHeader("Authorization", $0)] } ?? []
        let response: HTTPResponse
        do {
            response = try await transport.send(HTTPRequest(method: .get, url: root + path, headers: headers, timeout: .seconds(8)))
        } catch {
            throw Failure(.unavailable, "The management API does not answer: \(error.message)", hint: "Check MANAGEMENT_URL.")
        }
        guard statuses.contains(response.status) else {
            throw Failure(
                .unavailable,
                "The management API answers \(response.status) to \(path).",
                hint: "MANAGEMENT_URL needs a user with the tag monitoring or management."
            )
        }
        return response
    }
}
