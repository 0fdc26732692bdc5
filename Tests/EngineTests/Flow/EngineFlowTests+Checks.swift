import AutotaskModel
import Contract
import SQLiteStore
import Store
import StoreConformance
import Synchronization
import Testing

@testable import Engine

/// Scheduled checks.
extension EngineFlowTests {
    private static let secret = "s3cret"

    private func settings(verify: Duration? = nil, drift: Duration? = nil) -> EngineSettings {
        EngineSettings(acceptsClearCredentials: true, accessCutoff: nil, verifyInterval: verify, driftInterval: drift)
    }

    /// Connects the tenant.
    private func connect() async throws {
        autotask.change {
            $0.databases[7] = FakeAutotask.Database(host: "webservices14.autotask.net")
            $0.users["api@demo.example"] = FakeAutotask.User(secret: Self.secret, integrationCode: "", databaseID: 7)
        }
        let credentials: JSON = ["username": "api@demo.example", "secret": .string(Self.secret)]
        door.deliver(delivery("connect", id: "job-1", data: ["credentials": credentials]))
        let events = await results.published { !$0.isEmpty }
        try #require(events.map(\.event.type) == [.connectionEstablished])
        autotask.forgetCalls()
    }

    /// Lets time pass until a condition holds.
    private func pass(until isSo: () async throws -> Bool) async throws {
        while try await !isSo() { await clock.advanceToNextSleeper() }
    }

    @Test func `a changed password is noticed without a job, reported once, and not tried again`() async throws {
        try await withEngine(settings: settings(verify: .seconds(100))) { store in
            try await connect()
            autotask.change { $0.users["api@demo.example"]?.secret = "changed" }
            try await pass { await results.published { _ in true }.count > 1 }
            let told = await results.published { _ in true }
            #expect(told.map(\.event.type) == [.connectionEstablished, .connectionLost])
            #expect(told[1].event.jobID == nil && told[1].sequence == 2)
            #expect(told[1].event.members["causedBy"] == "scheduled:verify")

            autotask.forgetCalls()
            let end = clock.now + .seconds(1000)
            try await pass { clock.now > end }
            #expect(autotask.calls.isEmpty)
            #expect(await results.published { _ in true }.count == 2)
            #expect(try await store.lanes().map(\.waitingJobs) == [0])
        }
    }

    @Test func `an interval that is set while the worker runs begins scheduled checks`() async throws {
        let joined = Mutex<Engine?>(nil)
        try await withEngine(settings: settings(), onJoined: { engine in joined.withLock { $0 = engine } }) { _ in
            try await connect()
            let engine = try #require(joined.withLock { $0 })
            engine.adopt(settings(verify: .seconds(100)))
            #expect(engine.settings.verifyInterval == .seconds(100))
            try await pass { autotask.operations.contains("GET Services/entityInformation/fields") }
        }
    }

    @Test func `a failed check is not retried before the next is due, and publishes nothing`() async throws {
        try await withEngine(settings: settings(verify: .seconds(100))) { store in
            try await connect()
            autotask.fail("GET zoneInformation", .status(503), .status(503))
            try await pass { autotask.operations.contains("GET Services/entityInformation/fields") }
            // Two failed checks, and one that passed: at least an interval apart, minus the random part.
            #expect(autotask.operations.count { $0 == "GET zoneInformation" } == 3)
            #expect(clock.now >= Timestamp("2026-11-22T08:00:00Z")! + .seconds(180))
            let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)
            try await pass { try await store.lane(lane)?.unfinished.isEmpty ?? true }
            #expect(await results.published { _ in true }.count == 1)
            #expect(try await store.deadLetters().isEmpty)
        }
    }

    @Test func `nothing is checked if checks are turned off`() async throws {
        try await withEngine(settings: settings()) { _ in
            try await connect()
            let end = clock.now + .seconds(1000)
            try await pass { clock.now > end }
            #expect(autotask.calls.isEmpty)
        }
    }

    @Test func `drift is checked on schedule, and only changes are reported`() async throws {
        try await withEngine(settings: settings(drift: .seconds(100))) { _ in
            try await connect()
            let service: JSON = [
                "key": "s1", "type": "License", "period": "Monthly", "unitCost": "1.00", "name": "Service", "unitPrice": "2.50",
                "billingCodeId": 29_683_001,
            ]
            door.deliver(delivery("sync", id: "job-2", data: ["planId": "plan", "services": [service]]))
            _ = await results.published { events in events.contains { $0.event.type == .syncSucceeded } }
            autotask.change { $0.databases[7]?.services[0]["unitPrice"] = .number("3.0") }
            autotask.forgetCalls()
            try await pass { autotask.operations.count { $0 == "POST Services/query" } == 3 }
            let told = await results.published { _ in true }.map(\.event.type)
            #expect(told.filter { $0 == .driftChanged }.count == 1)
            #expect(!told.contains(.driftReported))
        }
    }
}
