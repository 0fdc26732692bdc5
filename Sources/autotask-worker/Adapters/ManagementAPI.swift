import AMQP
import Contract
import Foundation
import HTTP
import Logging

/// The part of RabbitMQ's management API that checks of the topology and of permissions need.
struct ManagementAPI {
    private let root: String
    private let authority: String
    private let authorization: String?
    /// Whether the connection is not encrypted.
    let isPlain: Bool

    /// - Parameter url: `http://user:password@host:port`.
    init(url: String) throws {
        guard let scheme = url.firstRange(of: "://") else {
            throw ManagementAPI.unusable
        }
        switch url[..<scheme.lowerBound].lowercased() {
        case "http": isPlain = true
        case "https": isPlain = false
        default: throw ManagementAPI.unusable
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
        guard !authority.isEmpty else { throw ManagementAPI.unusable }
    }

    private static let form = "It looks like http://user:password@host:15672."

    private static var unusable: Failure { Failure(.usage, "MANAGEMENT_URL is not an http:// or https:// URL.", hint: form) }

    /// Its host, without the port.
    var host: String {
        authority.hasPrefix("[") ? String(authority.prefix { $0 != "]" }.dropFirst()) : String(authority.prefix { $0 != ":" })
    }

    func report(on topology: Topology, virtualHost: String) async throws -> TopologyReport {
        let answers = try await withTransport { transport in
            [
                try await get(ManagementAPI.path("exchanges", virtualHost), transport),
                try await get(ManagementAPI.path("queues", virtualHost), transport),
                try await get(ManagementAPI.path("bindings", virtualHost), transport),
            ]
        }
        do {
            return try topology.compare(
                with: ManagementAnswers(exchanges: answers[0].body, queues: answers[1].body, bindings: answers[2].body)
            )
        } catch {
            throw notUnderstood(answers)
        }
    }

    /// The resources that the broker lacks, such as memory. While there is one, it accepts nothing from publishers.
    func alarms() async throws -> [String] {
        let path = "/api/health/checks/alarms"
        // 503 means that there are alarms.
        let response = try await withTransport { try await get(path, $0, statuses: [200, 503]) }
        guard let json = try? JSON(parsing: response.body), let status = json["status"]?.string else {
            throw notUnderstood([response])
        }
        guard status != "ok" else { return [] }
        let resources = json["alarms"]?.array?.compactMap { $0["resource"]?.string } ?? []
        return resources.isEmpty ? ["something"] : resources
    }

    /// The permissions of all users; `nil` when the URL's user is not an administrator and may not read them.
    func rights(in virtualHost: String) async throws -> BrokerRights? {
        let paths = ["/api/users", "/api/permissions"]
        let answers = try await withTransport { transport in
            [
                try await get(paths[0], transport, statuses: [200, 401, 403]),
                try await get(paths[1], transport, statuses: [200, 401, 403]),
            ]
        }
        for (path, answer) in zip(paths, answers) where answer.status != 200 {
            // A wrong password has the same status.
            guard answer.status == 403 || reason(answer)?.lowercased().contains("administrator") == true else {
                throw refusal(answer, path)
            }
            return nil
        }
        guard let users = try? JSON(parsing: answers[0].body), let permissions = try? JSON(parsing: answers[1].body),
            let rights = BrokerRights(users: users, permissions: permissions, virtualHost: virtualHost)
        else { throw notUnderstood(answers) }
        return rights
    }

    /// The routes from exchanges to queues.
    func ways(in virtualHost: String) async throws -> BrokerWays {
        let answers = try await withTransport { transport in
            [
                try await get(ManagementAPI.path("queues", virtualHost), transport),
                try await get(ManagementAPI.path("bindings", virtualHost), transport),
            ]
        }
        guard let queues = try? JSON(parsing: answers[0].body), let bindings = try? JSON(parsing: answers[1].body),
            let ways = BrokerWays(queues: queues, bindings: bindings)
        else { throw notUnderstood(answers) }
        return ways
    }

    /// The failure for answers of something other than the management API.
    private func notUnderstood(_ answers: [HTTPResponse]) -> Failure {
        let other = answers.first { (try? JSON(parsing: $0.body)) == nil }
        let kind = other.map { $0.header("content-type").map { "no JSON, but \(brief($0))" } ?? "no JSON" } ?? "other JSON"
        return Failure(
            .unavailable,
            "The server at MANAGEMENT_URL is not RabbitMQ's management API: it sends \(kind).",
            hint: "Check host and port in MANAGEMENT_URL. \(ManagementAPI.form)"
        )
    }

    /// Why the management API refuses a request. RabbitMQ answers a wrong password, a missing tag and a missing permission all with 401;
    /// only its reason distinguishes them.
    private func refusal(_ answer: HTTPResponse, _ path: String) -> Failure {
        let reason = reason(answer)
        let word = reason?.lowercased() ?? ""
        let hint =
            switch answer.status {
            case 403: "MANAGEMENT_URL needs a user with the tag monitoring or management."
            case 401 where word.contains("management user"): "MANAGEMENT_URL needs a user with the tag monitoring or management."
            case 401 where word.contains("virtual host"): "MANAGEMENT_URL's user needs permissions in the virtual host of AMQP_URL."
            case 401: "Check user and password in MANAGEMENT_URL."
            case 404:
                "The virtual host in AMQP_URL does not exist at that broker, or MANAGEMENT_URL is not the management API: check both."
            default: "Check MANAGEMENT_URL. \(ManagementAPI.form)"
            }
        let words = reason.map { " (\($0))" } ?? ""
        return Failure(.unavailable, "The management API answers \(answer.status) to \(path)\(words).", hint: hint)
    }

    /// RabbitMQ's reason, in one line.
    private func reason(_ answer: HTTPResponse) -> String? {
        guard let json = try? JSON(parsing: answer.body) else { return nil }
        return json["reason"]?.string.map(brief)
    }

    private func brief(_ text: String) -> String { text.prefix(100).split(whereSeparator: \.isNewline).joined(separator: " ") }

    /// The virtual host is one segment of the path.
    static func path(_ things: String, _ virtualHost: String) -> String { "/api/\(things)/\(virtualHost.percentEncoded)" }

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
        guard statuses.contains(response.status) else { throw refusal(response, path) }
        return response
    }
}
