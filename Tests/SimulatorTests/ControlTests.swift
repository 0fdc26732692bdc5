import Contract
import Testing

@testable import autotask_simulator

@Suite("The control API", .timeLimit(.minutes(1)))
struct ControlTests {
    private func databases(_ count: Int64) -> JSON {
        let databases = (1...count).map { number -> JSON in
            database(["databaseId": .integer(number), "users": [["username": .string("api-\(number)@msp.example"), "secret": "s"]]])
        }
        return ["databases": .array(databases)]
    }

    @Test("creates hundreds of databases at once, each with its own users")
    func bulk() async throws {
        try await withSimulator { _, caller in
            #expect(try await caller.control("PUT", "databases", databases(300)).json == ["databases": 300])
            #expect(try await caller.control("GET", "health").json == ["status": "ok", "databases": 301])
            let zone = try await caller.anonymously("GET", "/atservicesrest/v1.0/zoneInformation?user=api-300@msp.example")
            #expect(zone.json?["ci"] == 300)
        }
    }

    @Test("replaces a database completely, with its records")
    func replace() async throws {
        try await withSimulator { simulator, caller in
            _ = try await caller.call("POST", "Services", service())
            _ = try await caller.control(
                "PUT",
                "databases",
                ["databases": [database(["users": [["username": "new@msp.example", "secret": "s"]]])]]
            )
            #expect(try simulator.calls(CallFilter(database: 123456)).isEmpty)
            #expect(try await caller.call("GET", "Version").status == 401, "the old user is gone")
            var new = caller
            new.username = "new@msp.example"
            new.secret = "s"
            #expect(try await new.query(["op": "exist", "field": "id"]).ids == [100, 101])
        }
    }

    @Test("refuses a user name that another database has")
    func conflict() async throws {
        try await withSimulator { _, caller in
            let other: JSON = ["databases": [database(["databaseId": 7, "users": [["username": "API@msp.example", "secret": "s"]]])]]
            let reply = try await caller.control("PUT", "databases", other)
            #expect(reply.status == 409)
            #expect(reply.json?["error"]?.string?.contains("123456") == true)
        }
    }

    @Test("replaces everything by a seed")
    func seed() async throws {
        try await withSimulator { simulator, caller in
            _ = try await caller.fault(["kind": "serverError"])
            _ = try await caller.call("GET", "Version")
            let seed: JSON = [
                "settings": ["latencyMilliseconds": 3], "databases": [database(["databaseId": 9])],
                "faults": [["kind": "throttled", "times": 1]],
            ]
            #expect(try await caller.control("PUT", "seed", seed).json == ["databases": 1])
            #expect(try simulator.calls(CallFilter()).isEmpty)
            #expect(try await caller.control("GET", "settings").json?["latencyMilliseconds"] == 3)
            #expect(try await caller.call("GET", "Version").status == 429)
            #expect(try await caller.call("GET", "Version").status == 200)
            #expect(try await caller.control("GET", "databases/123456").status == 404)
        }
    }

    @Test("changes a database as a user of Autotask does")
    func change() async throws {
        try await withSimulator { _, caller in
            let change: JSON = [
                "newServices": [["name": "Foreign", "unitPrice": .number("0.1"), "billingCodeID": 5001, "periodType": 2]],
                "services": [["id": 100, "isActive": false, "internalID": "x"]],
                "deletedServices": [101],
                "billingCodes": [["id": 5001, "isActive": false], ["id": 5005, "name": "New"]],
                "users": [["username": "second@msp.example", "secret": "Second"]],
            ]
            let json = try await caller.control("PATCH", "databases/123456", change).json
            #expect(json == ["createdServices": [102]])
            #expect(try await caller.query(["op": "exist", "field": "id"]).ids == [100, 102])
            #expect(try await caller.service(100)?["isActive"] == false)
            #expect(try await caller.service(102)?["unitPrice"] == .number("0.1"))
            #expect(try await caller.call("POST", "Services", service()).errors == ["BillingCode does not exist or is invalid"])
            #expect(try await caller.call("POST", "Services", service(["billingCodeID": 5005])).status == 200)
            var second = caller
            second.username = "second@msp.example"
            second.secret = "Second"
            #expect(try await second.call("GET", "Version").status == 200)
        }
    }

    @Test("sets the latency of all databases, or of one")
    func latency() async throws {
        try await withSimulator { simulator, caller in
            let settings = try await caller.control("PATCH", "settings", ["latencyMilliseconds": 30, "quotaLatencyScale": .number("0.5")])
            #expect(settings.json?["latencyMilliseconds"] == 30)
            #expect(settings.json?["quotaLatencyScale"] == .number("0.5"))
            _ = try await caller.call("GET", "Version")
            try await caller.change(["latencyMilliseconds": 60])
            _ = try await caller.call("GET", "Version")
            let durations = try simulator.calls(CallFilter()).compactMap(\.duration)
            #expect(durations[0] >= .milliseconds(30))
            #expect(durations[1] >= .milliseconds(60))
        }
    }

    @Test(
        "explains what is wrong with a request",
        arguments: [
            ("PUT", "databases", "not JSON", 400), ("PUT", "databases", #"{"databases":[{"zone":"AE02"}]}"#, 400),
            ("PUT", "databases", #"{"databases":[{"databaseId":1,"zone":"AE02","fields":{"nmae":{"length":1}}}]}"#, 400),
            ("PATCH", "databases/123456", #"{"services":[{"id":100,"unitPrice":"cheap"}]}"#, 400), ("PATCH", "databases/5", "{}", 404),
            ("DELETE", "databases/5", "", 404), ("DELETE", "faults/5", "", 404), ("GET", "databases/x", "", 404),
        ]
    )
    func mistakes(method: String, path: String, body: String, status: Int) async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.send(method, "/simulator/\(path)", Array(body.utf8))
            #expect(reply.status == status)
            #expect(reply.json?["error"]?.string?.isEmpty == false)
        }
    }

    @Test("removes databases")
    func removal() async throws {
        try await withSimulator { _, caller in
            #expect(try await caller.control("DELETE", "databases/123456").status == 204)
            #expect(try await caller.call("GET", "Version").status == 401)
            _ = try await caller.control("PUT", "databases", databases(2))
            #expect(try await caller.control("DELETE", "databases").status == 204)
            #expect(try await caller.control("GET", "databases").json == ["databases": []])
        }
    }
}
