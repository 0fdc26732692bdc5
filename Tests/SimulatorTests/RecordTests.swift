import Contract
import Testing

@testable import autotask_simulator

@Suite("Records", .timeLimit(.minutes(1)))
struct RecordTests {
    @Test("describe the request and the answer of each call")
    func call() async throws {
        try await withSimulator { _, caller in
            _ = try await caller.call("PATCH", "Services", ["id": 100, "unitPrice": .number("13.00")])
            _ = try await caller.call("PATCH", "Services", ["id": 100, "name": "Old Firewall"])
            _ = try await caller.send("GET", "/zone/AE02/ATServicesRest/V1.0/Services/query?search=%7B%22filter%22%3A%5B%5D%7D")
            let calls = try await caller.control("GET", "calls?database=123456").json?["calls"]?.array ?? []
            let first = try #require(calls.first)
            #expect(first["sequence"] == 1)
            #expect(first["database"] == 123456)
            #expect(first["zone"] == "AE02")
            #expect(first["method"] == "PATCH")
            #expect(first["path"] == "/zone/AE02/ATServicesRest/V1.0/Services")
            #expect(first["entity"] == "Services")
            #expect(first["operation"] == "patch")
            #expect(first["user"] == "api@msp.example")
            #expect(first["status"] == 200)
            #expect(first["itemId"] == 100)
            #expect(first["body"] == ["id": 100, "unitPrice": .number("13.00")])
            #expect(first["inFlightEntity"] == 1)
            #expect(calls[1]["status"] == 500)
            #expect(calls[1]["errors"]?.array?.count == 1)
            #expect(calls[2]["body"] == ["filter": []])
        }
    }

    @Test("hold no secret")
    func secrets() async throws {
        try await withSimulator { _, caller in
            _ = try await caller.call("POST", "Services", service())
            _ = try await caller.send("GET", "/atservicesrest/v1.0/zoneInformation?user=api@msp.example")
            var stranger = caller
            stranger.username = "nobody@msp.example"
            _ = try await stranger.call("GET", "Version")
            for path in ["calls", "databases", "databases/123456", "faults", "settings", "health"] {
                let text = try await caller.control("GET", path).text
                #expect(!text.contains("Right-Secret"))
                #expect(!text.contains("TRACKING-ID"))
            }
        }
    }

    @Test("are found by any filter")
    func filters() async throws {
        try await withSimulator { _, caller in
            var stranger = caller
            stranger.username = "nobody@msp.example"
            _ = try await stranger.call("GET", "Version")
            _ = try await caller.call("GET", "Version")
            _ = try await caller.call("GET", "Services/100")
            _ = try await caller.call("POST", "Services", service())
            _ = try await caller.call("GET", "Nothing")
            func sequences(_ query: String) async throws -> [Int64] {
                let calls = try await caller.control("GET", "calls?\(query)").json?["calls"]?.array ?? []
                return calls.compactMap { $0["sequence"]?.integer }
            }
            #expect(try await sequences("") == [1, 2, 3, 4, 5])
            #expect(try await sequences("database=123456") == [2, 3, 4, 5])
            #expect(try await sequences("entity=services") == [3, 4])
            #expect(try await sequences("method=post") == [4])
            #expect(try await sequences("operation=create") == [4])
            #expect(try await sequences("status=401") == [1])
            #expect(try await sequences("user=NOBODY@msp.example") == [1])
            #expect(try await sequences("database=123456&after=3") == [4, 5])
            #expect(try await caller.control("GET", "calls?database=x").status == 400)
            #expect(try await caller.control("GET", "calls?database=5").status == 404)
        }
    }

    @Test("count the most concurrent calls, by entity and together")
    func inFlight() async throws {
        try await withSimulator { simulator, caller in
            let hold = try await caller.fault(["kind": "hold"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for path in ["Services/100", "Services/101", "BillingCodes/5001"] {
                    group.addTask { _ = try await caller.call("GET", path) }
                }
                try await until { try simulator.calls(CallFilter()).count == 3 }
                _ = try await caller.control("DELETE", "faults/\(hold)")
                try await group.waitForAll()
            }
            _ = try await caller.call("GET", "Services/100")
            let summary = try await caller.control("GET", "calls/summary?database=123456").json
            #expect(summary?["calls"] == 4)
            #expect(
                summary?["maximumInFlight"] == [
                    ["database": 123456, "entity": "*", "count": 3],
                    ["database": 123456, "entity": "BillingCodes", "count": 1],
                    ["database": 123456, "entity": "Services", "count": 2],
                ]
            )
            let counts = try simulator.calls(CallFilter()).map(\.inFlightDatabase)
            #expect(counts.sorted() == [1, 1, 2, 3])
        }
    }

    @Test("are erased on demand, and calls in progress stay counted")
    func reset() async throws {
        try await withSimulator { simulator, caller in
            let hold = try await caller.fault(["kind": "hold", "times": 1])
            async let held = caller.call("GET", "Services/100")
            try await until { try simulator.calls(CallFilter()).count == 1 }
            #expect(try await caller.control("DELETE", "calls?database=123456").status == 204)
            #expect(try simulator.calls(CallFilter()).isEmpty)
            _ = try await caller.call("GET", "Services/101")
            _ = try await caller.control("DELETE", "faults/\(hold)")
            #expect(try await held.status == 200)
            let calls = try simulator.calls(CallFilter())
            #expect(calls.map(\.inFlightEntity) == [2])
        }
    }

    @Test("are kept up to a limit, and without bodies if these are not wanted")
    func limits() async throws {
        try await withSimulator { simulator, caller in
            _ = try await caller.control("PATCH", "settings", ["recordBodies": false, "recordLimit": 4])
            for _ in 1...9 { _ = try await caller.call("PATCH", "Services", ["id": 100, "unitPrice": 1]) }
            let calls = try simulator.calls(CallFilter())
            #expect(calls.count <= 4)
            #expect(calls.last?.sequence == 9)
            #expect(calls.allSatisfy { $0.body == nil && $0.outcome?.status == 200 })
        }
    }
}
