import AMQP
import Contract
import Foundation
import HTTP
import Logging

/// RabbitMQ's management API, as far as checks of the topology and of rights need it.
struct ManagementAPI {
    private let root: String
    private let authority: String
    private let authorization: String?
    /// Whether what is said travels in the clear.
    let isPlain: Bool

    /// - Parameter url: `http://user:password@host:port`.
    init(url: String) throws {
        guard let scheme = url.firstRange(of: "://") else {
            throw Failure(.usage, "MANAGEMENT_URL is no URL.", hint: "It looks like http://user:password@host:15672.")
        }
        isPlain = url[..<scheme.lowerBound].lowercased() == "http"
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

    /// Where it is, without its port.
    var host: String {
        authority.hasPrefix("[") ? String(authority.prefix { $0 != "]" }.dropFirst()) : String(authority.prefix { $0 != ":" })
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
            throw notUnderstood
        }
        guard status != "ok" else { return [] }
        let resources = json["alarms"]?.array?.compactMap { $0["resource"]?.string } ?? []
        return resources.isEmpty ? ["something"] : resources
    }

    /// Who may do what; `nil` when the URL's user is no administrator, who alone may ask.
    func rights(in virtualHost: String) async throws -> BrokerRights? {
        let answers = try await withTransport { transport in
            (
                try await get("/api/users", transport, statuses: [200, 401, 403]),
                try await get("/api/permissions", transport, statuses: [200, 401, 403])
            )
        }
        guard answers.0.status == 200, answers.1.status == 200 else { return nil }
        guard let users = try? JSON(parsing: answers.0.body), let permissions = try? JSON(parsing: answers.1.body),
            let rights = BrokerRights(users: users, permissions: permissions, virtualHost: virtualHost)
        else { throw notUnderstood }
        return rights
    }

    /// Which exchanges lead where.
    func ways(in virtualHost: String) async throws -> BrokerWays {
        let paths = ManagementAnswers.Paths(virtualHost: virtualHost)
        let answers = try await withTransport { transport in
            (try await get(paths.queues, transport).body, try await get(paths.bindings, transport).body)
        }
        guard let queues = try? JSON(parsing: answers.0), let bindings = try? JSON(parsing: answers.1),
            let ways = BrokerWays(queues: queues, bindings: bindings)
        else { throw notUnderstood }
        return ways
    }

    private var notUnderstood: Failure {
        Failure(.unavailable, "The management API's answer is not understood.", hint: "Check MANAGEMENT_URL.")
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
