import Contract
import Testing

@testable import autotask_simulator

@Suite("Limits", .timeLimit(.minutes(1)))
struct LimitTests {
    @Test("refuse the fourth concurrent call of one integration on one entity")
    func threads() async throws {
        try await withSimulator { simulator, caller in
            let hold = try await caller.fault(["kind": "hold", "entity": "Services", "times": 3])
            try await withThrowingTaskGroup(of: Int.self) { group in
                for path in ["Services/100", "Services/entityInformation", "Services/entityInformation/fields"] {
                    group.addTask { try await caller.call("GET", path).status }
                }
                try await until { try simulator.database(123456).withState { $0.threads.values.first } == 3 }

                let fourth = try await caller.call("GET", "Services/101")
                #expect(fourth.status == 429)
                #expect(fourth.errors == ["API thread threshold of 3 threads has been exceeded"])
                #expect(try await caller.call("GET", "BillingCodes/5001").status == 200, "another entity has threads of its own")
                var other = caller
                other.integrationCode = "ANOTHER"
                #expect(try await other.call("GET", "Services/101").status == 200, "and so has another integration")

                #expect(try await caller.control("DELETE", "faults/\(hold)").status == 204)
                for try await status in group { #expect(status == 200) }
            }
            #expect(try await caller.call("GET", "Services/101").status == 200)
        }
    }

    @Test("also apply to ThresholdInformation, but not to zone information")
    func exemptions() async throws {
        try await withSimulator(database(["threadLimit": 0])) { _, caller in
            let status = try await caller.call("GET", "ThresholdInformation").status
            #expect(status == 429)
            #expect(try await caller.send("GET", "/atservicesrest/v1.0/zoneInformation?user=api@msp.example").status == 200)
        }
    }

    @Test("suspend a database that has used its quota, for every integration")
    func quota() async throws {
        try await withSimulator(database(["quotaLimit": 10, "quotaUsed": 9])) { simulator, caller in
            simulator.apply(SettingsChange(quotaLatencyScale: 0))
            #expect(try await caller.call("GET", "Version").status == 200)
            #expect(try await caller.call("GET", "Version").status == 429)
            var other = caller
            other.integrationCode = "ANOTHER"
            #expect(try await other.call("GET", "ThresholdInformation").status == 429)
            try await caller.change(["quotaUsed": 4])
            #expect(try await caller.call("GET", "ThresholdInformation").json?["currentTimeframeRequestCount"] == 5)
        }
    }

    @Test("slow a database down from half of its quota on, scaled as configured")
    func slowdown() async throws {
        try await withSimulator(database(["quotaLimit": 100, "quotaUsed": 50])) { simulator, caller in
            simulator.apply(SettingsChange(quotaLatencyScale: 0.1))
            _ = try await caller.call("GET", "Version")
            let call = try #require(try simulator.calls(CallFilter(database: 123456)).first)
            #expect(try #require(call.duration) >= .milliseconds(50))
        }
    }
}
