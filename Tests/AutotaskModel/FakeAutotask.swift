package import Contract
import Foundation
package import HTTP
import Synchronization

/// An Autotask in memory that replaces the network. It answers requests with real bodies, knows users and databases, and fails on
/// demand. The simulator has the quirks that need a server (locks, quotas, latency).
package final class FakeAutotask: HTTPTransport {
    /// The operation of a request: the method and the path after `V1.0/`, such as `POST Services/query`.
    package typealias Operation = String

    /// A call that arrived.
    package struct Call: Sendable {
        package var operation: Operation
        package var host: String
        /// The text as sent, for assertions on text that must not be sent.
        package var headers: [HTTPHeader]
        package var body: JSON?
        package var traceparent: String? { header("traceparent") }

        package func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.text
        }
    }

    /// What replaces the usual answer.
    package enum Fault: Sendable {
        case status(Int, body: String = "", headers: [(name: String, value: String)] = [])
        case noAnswer(HTTPError.Code, mayHaveBeenSent: Bool = true)
        /// The request takes effect, and its answer is lost.
        case lostAnswer
        /// The request takes effect, and something else answers it.
        case garbledAnswer
        /// The answer is lost, and the request takes effect with ``FakeAutotask/land()``.
        case lateCommit
        /// The usual answer, so that the next fault meets a later request.
        case none
    }

    package struct User: Sendable {
        package var secret: String
        package var integrationCode: String
        package var databaseID: Int64

        package init(secret: String, integrationCode: String, databaseID: Int64) {
            self.secret = secret
            self.integrationCode = integrationCode
            self.databaseID = databaseID
        }
    }

    package struct Database: Sendable {
        package var zoneName: String
        package var host: String
        package var services: [JSONObject] = []
        package var billingCodes: [JSONObject] = FakeAutotask.billingCodes
        package var nextServiceID: Int64 = 500
        /// The user's permissions by verb: `Query`, `Create`, `Update`.
        package var access: [String: Bool] = [:]
        package var hidesCosts = false
        /// How costs read for a user who may not see them.
        package var hiddenCost: JSON = .null
        /// The differences that its text comparison ignores.
        package var collation = Collation.caseInsensitive
        /// Existing services that API users do not see.
        package var invisible: Set<Int64> = []
        /// Services in the answer to every query for services, whatever its filter.
        package var strays: [JSON] = []
        /// Whether service names must be unique.
        package var hasUniqueNames = false
        /// The hourly quota, and how much of it others have used.
        package var quotaLimit = 10_000
        package var quotaUsed = 0

        package init(zoneName: String = "AE02", host: String) {
            self.zoneName = zoneName
            self.host = host
        }
    }

    package struct State: Sendable {
        package var users: [String: User] = [:]
        package var databases: [Int64: Database] = [:]
        package var calls: [Call] = []
        package var faults: [Operation: [Fault]] = [:]
        package var hooks: [Operation: @Sendable () -> Void] = [:]
        package var inFlight = 0
        package var maximumInFlight = 0
        /// Requests that take effect later.
        fileprivate var underWay: [Call] = []
    }

    /// The request for the usage of the quota.
    package static let question: Operation = "GET ThresholdInformation"
    package static let lookupHost = "webservices.autotask.net"
    package static let lookupURL = "https://\(lookupHost)/atservicesrest/"

    private let state = Mutex(State())

    private let pause: @Sendable () async -> Void

    /// - Parameter pause: called while a request is in flight, so that another can arrive.
    package init(pause: @escaping @Sendable () async -> Void = { await Task.yield() }) { self.pause = pause }

    // MARK: For tests

    package func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    /// Every call except requests for the usage of the quota, which no job reports as its calls.
    package var calls: [Call] { allCalls.filter { $0.operation != FakeAutotask.question } }
    package var allCalls: [Call] { state.withLock { $0.calls } }
    package var operations: [Operation] { calls.map(\.operation) }
    package var maximumInFlight: Int { state.withLock { $0.maximumInFlight } }
    package func user(_ name: String) -> User? { state.withLock { $0.users[name] } }
    package func database(_ id: Int64) -> Database? { state.withLock { $0.databases[id] } }

    /// The next request of this kind meets the fault, and each later one the next fault, if there is one.
    package func fail(_ operation: Operation, _ faults: Fault...) { change { $0.faults[operation, default: []] += faults } }

    /// The next request of this kind gets the usual answer, whatever the following one meets.
    package func pass(_ operation: Operation) { fail(operation, .none) }

    /// Runs something before each request of this kind is answered.
    package func onCall(_ operation: Operation, _ hook: @escaping @Sendable () -> Void) { change { $0.hooks[operation] = hook } }

    /// Applies the requests whose answers were lost, in order.
    package func land() {
        state.withLock { state in
            for call in state.underWay { _ = state.answer(call) }
            state.underWay = []
        }
    }

    package func forgetCalls() { change { $0.calls = [] } }

    // MARK: HTTPTransport

    package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let (host, path, query) = FakeAutotask.parts(of: request.url)
        let operation = "\(request.method.rawValue) \(path)"
        let body = request.body.isEmpty ? nil : try? JSON(parsing: request.body)
        let call = Call(operation: operation, host: host, headers: request.headers, body: body)
        let fault = state.withLock { state in
            state.calls.append(call)
            state.inFlight += 1
            state.maximumInFlight = max(state.maximumInFlight, state.inFlight)
            guard state.faults[operation]?.isEmpty == false else { return nil as Fault? }
            return state.faults[operation]?.removeFirst()
        }
        state.withLock { $0.hooks[operation] }?()
        await pause()
        defer { state.withLock { $0.inFlight -= 1 } }
        switch fault {
        case .status(let status, let body, let headers):
            return HTTPResponse(status: status, headers: headers, body: Array(body.utf8))
        case .noAnswer(let code, let mayHaveBeenSent):
            throw HTTPError(code, "a fault of the test", mayHaveBeenSent: mayHaveBeenSent)
        case .lostAnswer:
            _ = try answer(call, query: query)
            throw HTTPError(.connectionLost, "a fault of the test", mayHaveBeenSent: true)
        case .garbledAnswer:
            _ = try answer(call, query: query)
            return HTTPResponse(status: 200, headers: [], body: Array("<html>".utf8))
        case .lateCommit:
            state.withLock { $0.underWay.append(call) }
            throw HTTPError(.timedOut, "a fault of the test", mayHaveBeenSent: true)
        case .some(.none), nil:
            return try answer(call, query: query)
        }
    }

    private func answer(_ call: Call, query: [String: String]) throws(HTTPError) -> HTTPResponse {
        let response = state.withLock { state -> HTTPResponse? in
            if call.operation == "GET zoneInformation" { return state.zone(of: query["user"] ?? "") }
            let zones = Set(state.databases.values.map(\.host))
            guard zones.contains(call.host) else { return nil }
            return state.answer(call)
        }
        guard let response else { throw HTTPError(.nameNotResolved, "no such host in the test", mayHaveBeenSent: false) }
        return response
    }

    private static func parts(of url: String) -> (host: String, path: String, query: [String: String]) {
        guard let components = URLComponents(string: url), let range = components.path.range(of: "/v1.0/", options: .caseInsensitive) else {
            return ("", url, [:])
        }
        let items = (components.queryItems ?? []).map { ($0.name, $0.value ?? "") }
        return (components.host ?? "", String(components.path[range.upperBound...]), Dictionary(items) { first, _ in first })
    }
}

// MARK: - Answers

extension FakeAutotask.State {
    fileprivate func zone(of username: String) -> HTTPResponse {
        guard let user = users[username], let database = databases[user.databaseID] else {
            return .refusal("Zone information could not be determined")
        }
        return .ok([
            "zoneName": .string(database.zoneName),
            "url": .string("https://\(database.host)/ATServicesRest/"),
            "webUrl": "https://ww14.autotask.net/",
            "ci": JSON(user.databaseID),
        ])
    }

    fileprivate mutating func answer(_ call: FakeAutotask.Call) -> HTTPResponse {
        guard let name = call.header("UserName"), let user = users[name], call.header("Secret") == user.secret,
            call.header("ApiIntegrationCode") == user.integrationCode, var database = databases[user.databaseID], database.host == call.host
        else { return HTTPResponse(status: 401) }
        defer { databases[user.databaseID] = database }
        switch call.operation {
        case "GET Version":
            return .ok(["majorVersion": "2026", "minorVersion": "2", "build": "1", "customerType": ""])
        case FakeAutotask.question:
            return .ok([
                "externalRequestThreshold": JSON(database.quotaLimit), "requestThresholdTimeframe": 60,
                "currentTimeframeRequestCount": JSON(database.quotaUsed),
            ])
        case "GET Services/entityInformation":
            return .ok(database.entityInformation)
        case "GET Services/entityInformation/fields":
            return .ok(["fields": .array(FakeAutotask.serviceFields)])
        case "POST Services/query":
            let visible = database.services.filter { !database.invisible.contains($0["id"]?.integer ?? 0) }
            let services = visible.map { service in
                var service = service
                if database.hidesCosts { service["unitCost"] = database.hiddenCost }
                return service
            }
            return .page(of: services, matching: call.body, database.collation, database.strays)
        case "POST BillingCodes/query":
            return .page(of: database.billingCodes, matching: call.body, database.collation)
        case "POST Services":
            return database.create(call.body)
        case "PATCH Services":
            return database.update(call.body)
        default:
            return HTTPResponse(status: 404, body: Array("<html><h1>Server Error</h1></html>".utf8))
        }
    }
}

extension FakeAutotask.Database {
    fileprivate var entityInformation: JSON {
        func level(_ verb: String) -> JSON { .string(access[verb] ?? true ? "All" : "None") }
        return [
            "info": [
                "name": "Service", "canCreate": true, "canDelete": false, "canQuery": true, "canUpdate": true,
                "userAccessForCreate": level("Create"), "userAccessForDelete": "None", "userAccessForQuery": level("Query"),
                "userAccessForUpdate": level("Update"), "hasUserDefinedFields": false, "supportsWebhookCallouts": false,
            ]
        ]
    }

    fileprivate mutating func create(_ body: JSON?) -> HTTPResponse {
        guard var record = body?.object else { return .refusal("Value cannot be null.") }
        if let refusal = nameConflict(of: record, except: nil) { return refusal }
        let id = nextServiceID
        nextServiceID += 1
        record["id"] = JSON(id)
        record["isActive"] = record["isActive"] ?? true
        if hidesCosts { record["unitCost"] = .null }
        services.append(record)
        return .ok(["itemId": JSON(id)])
    }

    private func nameConflict(of record: JSONObject, except id: JSON?) -> HTTPResponse? {
        guard hasUniqueNames, let name = record["name"]?.string,
            services.contains(where: { $0["id"] != id && $0["name"]?.string.map(collation.key) == collation.key(name) })
        else { return nil }
        return .refusal(
            "Violation of UNIQUE KEY constraint 'IX_service'. Cannot insert duplicate key in object 'dbo.Service'. "
                + "The duplicate key value is (\(name))."
        )
    }

    fileprivate mutating func update(_ body: JSON?) -> HTTPResponse {
        guard let patch = body?.object, let id = patch["id"], let index = services.firstIndex(where: { $0["id"] == id }) else {
            return .refusal("No message. No matching records found.")
        }
        if let refusal = nameConflict(of: patch, except: id) { return refusal }
        for member in patch.members where !(hidesCosts && member.name == "unitCost") { services[index][member.name] = member.value }
        return .ok(["itemId": id])
    }
}

extension HTTPResponse {
    fileprivate static func ok(_ body: JSON) -> HTTPResponse { HTTPResponse(status: 200, body: body.encoded) }

    /// Autotask's form of a refusal: a 500 with a text.
    fileprivate static func refusal(_ text: String) -> HTTPResponse {
        HTTPResponse(status: 500, body: JSON.object(["errors": [.string(text)]]).encoded)
    }

    fileprivate static func page(
        of records: [JSONObject],
        matching query: JSON?,
        _ collation: Collation,
        _ strays: [JSON] = []
    ) -> HTTPResponse {
        let limit = query?["MaxRecords"]?.integer ?? query?["maxRecords"]?.integer ?? 500
        let filter = (query?["Filter"] ?? query?["filter"])?.array ?? []
        let matching = records.filter { record in filter.allSatisfy { FakeAutotask.matches(record, $0, collation) } }
            .sorted { ($0["id"]?.integer ?? 0) < ($1["id"]?.integer ?? 0) }
        let items = matching.prefix(Int(limit))
        return .ok([
            "items": .array(items.map(JSON.object) + strays),
            "pageDetails": ["count": JSON(items.count), "requestCount": JSON(limit), "prevPageUrl": nil, "nextPageUrl": nil],
        ])
    }
}

extension HTTPHeader {
    /// The value as a server reads it that assumes UTF-8.
    package var text: String { withValue { value in String(decoding: value.indices.map { value[$0] }, as: UTF8.self) } }
}
