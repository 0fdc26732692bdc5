import Contract
import Testing

@testable import autotask_simulator

@Suite("Faults", .timeLimit(.minutes(1)))
struct FaultTests {
    @Test("lose the answer to completed work, at once or later", arguments: ["lostResponse", "lateCommit"])
    func lostResponse(kind: String) async throws {
        try await withSimulator { simulator, caller in
            _ = try await caller.fault(["kind": .string(kind), "operation": "create", "times": 1, "milliseconds": 1])
            await #expect(throws: Wire.Closed.self) { try await caller.call("POST", "Services", service()) }
            try await until { try simulator.calls(CallFilter(operation: "create")).first?.outcome?.itemID == 102 }
            #expect(try await caller.query(["op": "eq", "field": "name", "value": "workplace"]).ids == [102])
            let call = try #require(try await caller.control("GET", "calls?operation=create").json?["calls"]?.array?.first)
            #expect(call["status"] == .null)
            #expect(call["closed"] == true)
            #expect(try await caller.call("POST", "Services", service(["name": "Second"])).status == 200, "it hit once")
        }
    }

    @Test("close the connection before the work of a late commit is done")
    func lateCommit() async throws {
        try await withSimulator { _, caller in
            _ = try await caller.fault(["kind": "lateCommit", "operation": "create", "times": 1, "milliseconds": 3_600_000])
            await #expect(throws: Wire.Closed.self) { try await caller.call("POST", "Services", service()) }
            #expect(try await caller.query(["op": "exist", "field": "id"]).ids == [100, 101])
        }
    }

    @Test(
        "answer instead of doing the work",
        arguments: [
            (["kind": "serverError"], 500, "Server Error"),
            (["kind": "serverError", "status": 502], 502, "Server Error"),
            (["kind": "unavailable"], 503, "Service Unavailable"),
            (["kind": "businessError", "message": "Nope."], 500, #"{"errors":["Nope."]}"#),
            (["kind": "throttled"], 429, "API thread threshold of 3 threads has been exceeded"),
            (["kind": "status", "status": 403, "body": "Forbidden", "contentType": "text/plain"], 403, "Forbidden"),
        ] as [(JSON, Int, String)]
    )
    func standIns(fault: JSON, status: Int, text: String) async throws {
        try await withSimulator { _, caller in
            let id = try await caller.fault(fault)
            let reply = try await caller.call("POST", "Services", service())
            #expect(reply.status == status)
            #expect(reply.text.contains(text))
            #expect(reply.headers["retry-after"] == nil)
            #expect(try await caller.control("DELETE", "faults/\(id)").status == 204)
            #expect(try await caller.query(["op": "exist", "field": "id"]).ids == [100, 101])
        }
    }

    @Test("set the requested headers")
    func headers() async throws {
        try await withSimulator { _, caller in
            _ = try await caller.fault(["kind": "throttled", "retryAfterSeconds": 7, "times": 1])
            #expect(try await caller.call("GET", "Version").headers["retry-after"] == "7")
            let redirect: JSON = ["kind": "status", "status": 302, "headers": ["Location": "http://127.0.0.1:1/elsewhere"], "times": 1]
            _ = try await caller.fault(redirect)
            let reply = try await caller.call("GET", "Version")
            #expect(reply.status == 302)
            #expect(reply.headers["location"] == "http://127.0.0.1:1/elsewhere")
        }
    }

    @Test("garble the answer to completed work", arguments: ["notJSON", "truncated", "wrongContent"])
    func garbage(kind: String) async throws {
        try await withSimulator { _, caller in
            _ = try await caller.fault(["kind": .string(kind), "times": 1])
            let reply = try await caller.call("POST", "Services", service())
            #expect(reply.status == 200)
            #expect(reply.itemID == nil)
            #expect((reply.json == nil) == (kind != "wrongContent"))
            #expect(try await caller.service(102) != .null)
        }
    }

    @Test("close the connection before anything is read")
    func closeBeforeReading() async throws {
        try await withSimulator(database(["lockAfterFailures": 1])) { _, caller in
            _ = try await caller.fault(["kind": "closeBeforeReading", "times": 1])
            var guesser = caller
            guesser.secret = "Wrong"
            await #expect(throws: Wire.Closed.self) { try await guesser.call("POST", "Services", service()) }
            #expect(try await caller.call("GET", "Version").status == 200)
        }
    }

    @Test("hang until they are removed")
    func hangUntilRemoved() async throws {
        try await withSimulator { simulator, caller in
            let id = try await caller.fault(["kind": "hang", "operation": "create"])
            let wire = try caller.open("POST", "/zone/AE02/ATServicesRest/V1.0/Services", service().encoded)
            try await until { try !simulator.calls(CallFilter(operation: "create")).isEmpty }
            #expect(try simulator.calls(CallFilter(operation: "create")).first?.outcome == nil)
            #expect(try await caller.control("DELETE", "faults/\(id)").status == 204)
            await #expect(throws: Wire.Closed.self) { try await wire.reply() }
            #expect(try await caller.query(["op": "exist", "field": "id"]).ids == [100, 101])
        }
    }

    @Test("hang until the client disconnects")
    func hangUntilGone() async throws {
        try await withSimulator { simulator, caller in
            _ = try await caller.fault(["kind": "hang", "operation": "version"])
            let wire = try caller.open("GET", "/zone/AE02/ATServicesRest/V1.0/Version")
            try await until { try !simulator.calls(CallFilter(operation: "version")).isEmpty }
            wire.disconnect()
            try await until { try simulator.calls(CallFilter(operation: "version")).first?.outcome != nil }
        }
    }

    @Test("complete the work of a slow call although its client has disconnected")
    func latency() async throws {
        try await withSimulator { simulator, caller in
            let hold = try await caller.fault(["kind": "hold", "operation": "create"])
            let wire = try caller.open("POST", "/zone/AE02/ATServicesRest/V1.0/Services", service().encoded)
            try await until { try simulator.database(123456).withState { $0.threads.values.first } == 1 }
            wire.disconnect()
            _ = try await caller.control("DELETE", "faults/\(hold)")
            try await until { try simulator.calls(CallFilter(operation: "create")).first?.outcome?.itemID == 102 }
            #expect(try await caller.service(102) != .null)
        }
    }

    @Test("add up if they are latencies, fixed or random")
    func latencies() async throws {
        try await withSimulator { simulator, caller in
            _ = try await caller.fault(["kind": "latency", "milliseconds": 40])
            _ = try await caller.fault(["kind": "latency", "milliseconds": 20, "upToMilliseconds": 30])
            _ = try await caller.call("GET", "Version")
            let call = try #require(try simulator.calls(CallFilter()).first)
            #expect(try #require(call.duration) >= .milliseconds(60))
            #expect(call.fault == "latency,latency")
        }
    }

    @Test("affect only the selected calls, after the given number of calls, and the given number of times")
    func selection() async throws {
        try await withSimulator { _, caller in
            let fault: JSON = [
                "kind": "serverError", "database": 123456, "user": "API@msp.example", "entity": "services", "method": "get",
                "operation": "GET", "skip": 1, "times": 2,
            ]
            let id = try await caller.fault(fault)
            _ = try await caller.fault(["kind": "serverError", "database": 1])
            _ = try await caller.fault(["kind": "serverError", "user": "other@msp.example"])
            #expect(try await caller.call("GET", "BillingCodes/5001").status == 200)
            #expect(try await caller.query(["op": "exist", "field": "id"]).status == 200)
            var statuses: [Int] = []
            for _ in 1...4 { statuses.append(try await caller.call("GET", "Services/100").status) }
            #expect(statuses == [200, 500, 500, 200])
            let faults = try await caller.control("GET", "faults").json?["faults"]?.array ?? []
            #expect(faults.first { $0["id"]?.integer == id }?["hits"] == 2)
        }
    }

    @Test("change the database in the middle of a job")
    func change() async throws {
        try await withSimulator { _, caller in
            let rename: JSON = ["services": [["id": 100, "name": "Renamed", "isActive": false]], "deletedServices": [101], "zone": "AE02"]
            _ = try await caller.fault(["kind": "change", "operation": "query", "skip": 1, "times": 1, "change": rename])
            #expect(try await caller.query(["op": "exist", "field": "id"]).ids == [100, 101])
            let changed = try await caller.query(["op": "exist", "field": "id"])
            #expect(changed.ids == [100])
            #expect(changed.items.first?["name"] == "Renamed")
            _ = try await caller.fault(["kind": "change", "times": 1, "change": ["zone": "AE03"]])
            #expect(try await caller.call("GET", "Version").status == 401)
        }
    }

    @Test(
        "that lack required members are refused",
        arguments: [
            ["kind": "latency"], ["kind": "lateCommit"], ["kind": "status"], ["kind": "businessError"], ["kind": "change"],
            ["kind": "typo"],
            ["kind": "latency", "milliseconds": 5, "upToMilliseconds": 4], [:],
        ] as [JSON]
    )
    func incomplete(fault: JSON) async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.control("POST", "faults", fault)
            #expect(reply.status == 400)
            #expect(reply.json?["error"]?.string?.isEmpty == false)
        }
    }
}
