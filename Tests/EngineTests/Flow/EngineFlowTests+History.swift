import AutotaskModel
import Contract
import HTTP
import SQLiteStore
import Store
import Testing

@testable import Engine

/// The attempts that the store records.
extension EngineFlowTests {
    private var settings: EngineSettings {
        autotask.change {
            $0.databases[7] = FakeAutotask.Database(host: "webservices14.autotask.net")
            $0.users["api@demo.example"] = FakeAutotask.User(secret: "s3cret", integrationCode: "", databaseID: 7)
        }
        var settings = EngineSettings()
        settings.acceptsClearCredentials = true
        settings.accessCutoff = nil
        return settings
    }

    private var connect: JobMessage {
        delivery("connect", id: "connect", data: ["credentials": ["username": "api@demo.example", "secret": "s3cret"]])
    }

    @Test func `a deferred attempt and the attempt that ends the job both record their calls`() async throws {
        try await withEngine(settings: settings) { store in
            door.deliver(connect)
            _ = await results.published { $0.last?.event.type == .connectionEstablished }
            autotask.fail("POST BillingCodes/query", .noAnswer(.timedOut))
            door.deliver(delivery("billing-codes", id: "codes", data: ["refresh": true, "password": "hunter2"]))
            _ = await results.published { $0.last?.event.type == .jobDeferred }
            while await results.published(until: { _ in true }).last?.event.type != .billingCodesListed {
                await clock.advanceToNextSleeper()
            }
            let record = try #require(try await store.jobs(named: JobID("codes")!, of: nil).first)
            #expect(record.asked.map { String(decoding: $0, as: UTF8.self) } == #"{"refresh":true}"#)
            #expect(record.made.map { $0.calls.map(\.answer) } == [[.none("timedOut")], [.status(200)]])
            #expect(record.made.flatMap(\.calls).allSatisfy { $0.method == "POST" && $0.path == "BillingCodes/query" })
            #expect(record.made.map { $0.failure?.code } == [.timeout, nil])
        }
    }

    @Test func `without history the store records no attempts`() async throws {
        var settings = settings
        settings.retention.history = .zero
        try await withEngine(settings: settings) { store in
            door.deliver(connect)
            _ = await results.published { $0.last?.event.type == .connectionEstablished }
            let record = try #require(try await store.jobs(named: JobID("connect")!, of: nil).first)
            #expect(record.asked == nil && record.made.isEmpty && record.apiCalls == 4)
        }
    }
}
