import Contract
import Foundation
import Hummingbird
import Testing

@testable import autotask_simulator

/// The database for most tests, with a test's changes.
func database(_ changes: JSON = [:]) -> JSON {
    let usual: JSON = [
        "databaseId": 123456,
        "zone": "AE02",
        "users": [["username": "api@msp.example", "secret": "Right-Secret"]],
        "billingCodes": [
            ["id": 5001, "name": "Recurring"],
            ["id": 5002, "name": "Retired", "isActive": false],
            ["id": 5003, "name": "Labour", "useType": 1],
            ["id": 5004, "name": "Cloud"],
        ],
        "services": [
            [
                "id": 100, "name": "Managed Backup", "unitPrice": .number("12.5"), "unitCost": 8, "billingCodeID": 5001, "periodType": 2,
                "sku": "BK-1",
            ],
            ["id": 101, "name": "Old Firewall", "unitPrice": 20, "billingCodeID": 5002, "periodType": 5, "isActive": false],
        ],
    ]
    return usual.changed(by: changes)
}

/// Runs a simulator with the given databases behind real HTTP.
func withSimulator(_ databases: JSON..., test: @Sendable (Simulator, Caller) async throws -> Void) async throws {
    let simulator = Simulator()
    let seed: JSON = ["databases": .array(databases.isEmpty ? [database()] : databases)]
    try simulator.load(try JSONDecoder().decode(Seed.self, from: Data(seed.encoded)))
    let (ports, listening) = AsyncStream<Int>.makeStream()
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { listening.finish() }
            try await simulator.application(port: 0) { listening.yield($0) }.run()
        }
        guard let port = await ports.first(where: { _ in true }) else { return try await group.waitForAll() }
        try await test(simulator, Caller(port: port))
        group.cancelAll()
    }
}

/// A client of the simulated API, with the credentials of an API user.
struct Caller: Sendable {
    let port: Int
    var username = "api@msp.example"
    var secret = "Right-Secret"
    var integrationCode: String? = "TRACKING-ID"
    var zone = "AE02"

    /// Calls `V1.0/…` in the zone.
    func call(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> Reply {
        try await send(method, "/zone/\(zone)/ATServicesRest/V1.0/\(path)", body?.encoded)
    }

    /// Calls any path with the credentials.
    func send(_ method: String, _ path: String, _ body: [UInt8]? = nil) async throws -> Reply {
        try await open(method, path, body).reply()
    }

    /// Makes a call without waiting for its answer.
    func open(_ method: String, _ path: String, _ body: [UInt8]? = nil) throws -> Wire {
        var headers = [("Content-Type", "application/json"), ("UserName", username), ("Secret", secret)]
        if let integrationCode { headers.append(("ApiIntegrationCode", integrationCode)) }
        return try Wire(port: port, method, path, headers: headers, body: body)
    }

    /// Calls any path without credentials.
    func anonymously(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> Reply {
        try await Wire(port: port, method, path, headers: [], body: body?.encoded).reply()
    }

    /// Calls the control API.
    func control(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> Reply {
        try await anonymously(method, "/simulator/\(path)", body)
    }

    /// Changes the usual database, like a user of Autotask's user interface.
    func change(_ change: JSON) async throws {
        let reply = try await control("PATCH", "databases/123456", change)
        #expect(reply.status == 200, "\(reply.text)")
    }

    /// - Returns: the fault's id.
    func fault(_ fault: JSON) async throws -> Int64 {
        let reply = try await control("POST", "faults", fault)
        return try #require(reply.json?["id"]?.integer, "\(reply.text)")
    }

    func query(_ filter: JSON..., entity: String = "Services") async throws -> Reply {
        try await call("POST", "\(entity)/query", ["filter": .array(filter)])
    }

    func service(_ id: Int64) async throws -> JSON? {
        try await call("GET", "Services/\(id)").json?["item"]
    }
}

extension Reply {
    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSON? { try? JSON(parsing: body) }
    /// The texts of a refusal.
    var errors: [String] { json?["errors"]?.array?.compactMap(\.string) ?? [] }
    var itemID: Int64? { json?["itemId"]?.integer }
    var items: [JSON] { json?["items"]?.array ?? [] }
    var ids: [Int64] { items.compactMap { $0["id"]?.integer } }
    /// The path of the next page.
    var nextPage: String? {
        json?["pageDetails"]?["nextPageUrl"]?.string.flatMap { url in url.firstRange(of: "/zone").map { String(url[$0.lowerBound...]) } }
    }
}

/// A service that the API accepts, with a test's changes.
func service(_ changes: JSON = [:]) -> JSON {
    let usual: JSON = ["name": "Workplace", "unitPrice": .number("9.00"), "billingCodeID": 5001, "periodType": 2]
    return usual.changed(by: changes)
}

extension JSON {
    /// An object with members added or replaced.
    fileprivate func changed(by changes: JSON) -> JSON {
        var members = object ?? JSONObject()
        for member in changes.object?.members ?? [] { members[member.name] = member.value }
        return .object(members)
    }
}

/// Waits, without sleeping, until the simulator meets a condition.
func until(_ condition: @Sendable () throws -> Bool) async throws {
    while try !condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}
