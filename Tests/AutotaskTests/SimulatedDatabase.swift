import Autotask
import Contract
import Foundation
import FoundationNetworking
import HTTP
import Secrets

/// A database in a running `autotask-simulator`, with one user, for one test.
struct SimulatedDatabase {
    /// The simulator's URL, `http://127.0.0.1:PORT/`, from the environment.
    static let simulator = ProcessInfo.processInfo.environment["TEST_SIMULATOR_URL"].flatMap(URL.init(string:))

    /// Its `host:port`, as a transport's list of allowed hosts names it.
    static var host: String { "\(simulator?.host ?? ""):\(simulator?.port ?? 80)" }

    static let billingCode: Int64 = 29_683_001

    let id: Int64
    let username: String
    let secret: [UInt8]
    private let simulator: URL

    /// Makes a database.
    ///
    /// - Parameters:
    ///   - user: members of the user in addition to its name and secret.
    ///   - members: members of the database in addition to its identity, zone, user and billing codes.
    init(username: String? = nil, secret: String = "Correct-Horse-4711", user: JSONObject = [:], _ members: JSONObject = [:]) async throws {
        guard let simulator = SimulatedDatabase.simulator else { throw SimulatorError(text: "TEST_SIMULATOR_URL is not set") }
        self.simulator = simulator
        let id = Int64.random(in: 1_000_000...2_000_000_000)
        self.id = id
        self.username = "api-\(id)" + (username ?? "@demo.example")
        self.secret = Array(secret.utf8)
        var account = user
        account["username"] = .string(self.username)
        account["secret"] = .string(secret)
        var database = members
        database["databaseId"] = JSON(id)
        database["zone"] = "AE02"
        database["users"] = [.object(account)]
        if database["billingCodes"] == nil {
            database["billingCodes"] = [["id": JSON(SimulatedDatabase.billingCode), "name": "Recurring"]]
        }
        _ = try await control("PUT", "databases", ["databases": [.object(database)]])
    }

    func credentials(secret: [UInt8]? = nil) -> AutotaskCredentials {
        .test(username: username, secret: secret ?? self.secret, code: "TRACK-4711")
    }

    func directory(_ transport: any HTTPTransport) -> ZoneDirectory {
        ZoneDirectory(transport: transport, lookupURL: simulator.appendingPathComponent("atservicesrest").absoluteString)
    }

    /// A session in the zone that the directory names.
    func session(
        _ transport: any HTTPTransport,
        secret: [UInt8]? = nil,
        timeout: Duration = .seconds(20)
    ) async throws(AutotaskError) -> AutotaskSession {
        let found = try await directory(transport).zone(forUserOf: .test(username: username))
        return AutotaskSession(transport: transport, zone: found.zone, credentials: credentials(secret: secret), timeout: timeout)
    }

    /// Changes the database as a person does in Autotask's user interface.
    func change(_ change: JSON) async throws {
        _ = try await control("PATCH", "databases/\(id)", change)
    }

    /// Plans a fault for calls to this database.
    func fault(_ kind: String, _ members: JSONObject = [:]) async throws {
        var fault = members
        fault["kind"] = .string(kind)
        fault["database"] = JSON(id)
        _ = try await control("POST", "faults", .object(fault))
    }

    /// The services as the database holds them.
    func services() async throws -> [JSON] {
        try await control("GET", "databases/\(id)/services")["services"]?.array ?? []
    }

    /// The calls that this database received, in order.
    func calls() async throws -> [JSON] {
        try await control("GET", "calls?database=\(id)")["calls"]?.array ?? []
    }

    private func control(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> JSON {
        guard let url = URL(string: "simulator/" + path, relativeTo: simulator) else { throw SimulatorError(text: path) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.encoded) }
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let status = (response as? HTTPURLResponse)?.statusCode, (200..<300).contains(status) else {
            throw SimulatorError(text: "\(method) \(path): \(String(decoding: data, as: UTF8.self))")
        }
        return data.isEmpty ? .null : try JSON(parsing: Array(data))
    }
}

/// Why the simulator could not be set up.
struct SimulatorError: Error {
    let text: String
}
