import Contract
import SQLiteStore
import Store
import StoreConformance
import Testing

@testable import Engine

/// A publisher that may publish for some tenants: `reseller`, for those whose names begin with `acme-`.
extension EngineFlowTests {
    private static let settings = EngineSettings(trustedPublishers: try? TrustedPublishers(["portal", "reseller=acme-*"]))

    private func reset(_ id: String, tenant: String, publisher: String = "reseller", routingKey: String? = nil) -> JobMessage {
        delivery("reset", id: id, tenant: tenant, data: ["confirm": true], publisher: publisher, routingKey: routingKey)
    }

    @Test func `a limited publisher's job runs for its own tenant`() async throws {
        try await withEngine(settings: Self.settings) { store in
            door.deliver(reset("job-1", tenant: "acme-1"))
            let events = await results.published { !$0.isEmpty }
            #expect(events.map(\.event.type) == [.integrationReset])
            let letters = try await store.deadLetters()
            #expect(letters.isEmpty)
        }
    }

    @Test func `for another tenant it gets no event, and claims no id`() async throws {
        try await withEngine(settings: Self.settings) { store in
            door.deliver(reset("job-1", tenant: "msp-4711"))
            door.deliver(reset("job-1", tenant: "msp-4711", publisher: "portal"))
            let events = await results.published { !$0.isEmpty }
            #expect(events.map(\.event.type) == [.integrationReset])
            let letters = try await store.deadLetters()
            #expect(letters.map(\.cause) == [FailureCause(reason: "out_of_scope", kind: .reset)])
            #expect(letters.map(\.publisher) == ["reseller"] && letters.map(\.tenant) == [TenantID("msp-4711")])
        }
    }

    @Test func `none of its messages is refused in another tenant's name, or reveals that tenant's ids`() async throws {
        try await withEngine(settings: Self.settings) { store in
            let unreadable = JobMessage(
                queue: "autotask.jobs",
                routingKey: "sync.msp-4711",
                messageID: "job-6",
                type: "autotask.job.sync",
                userID: "reseller",
                body: [0]
            )
            door.deliver(delivery("billing-codes", id: "job-1"))
            _ = await results.published { $0.count == 1 }
            door.deliver(
                // Known ids, with the same payload and with another.
                delivery("billing-codes", id: "job-1", publisher: "reseller"),
                delivery("billing-codes", id: "job-1", data: ["refresh": true], publisher: "reseller"),
                // Invalid messages, of an unsupported kind, and of no kind.
                delivery("reset", id: "job-2", publisher: "reseller"),
                delivery("preview", id: "job-3", publisher: "reseller"),
                delivery("fly", id: "job-4", publisher: "reseller"),
                // One tenant in the body, another in the routing key.
                reset("job-5", tenant: "msp-4711", routingKey: "reset.acme-1"),
                reset("job-5", tenant: "acme-1", routingKey: "reset.msp-4711"),
                unreadable,
                // The messages are delivered again.
                delivery("drift", id: "job-7", publisher: "reseller", isRedelivered: true)
            )
            door.deliver(reset("job-8", tenant: "acme-1"))
            let events = await results.published { $0.count == 2 }
            #expect(events.map(\.event.lane.tenant.description) == ["msp-4711", "acme-1"])
            let letters = try await store.letters(.all, after: 0, limit: 20)
            #expect(letters.count == 9 && letters.allSatisfy { $0.letter.reason == "out_of_scope" && $0.obstacle == .bodyNotKept })
        }
    }

    @Test func `its mistakes about its own tenants are answered`() async throws {
        try await withEngine(settings: Self.settings) { _ in
            door.deliver(
                reset("job-1", tenant: "acme-1", routingKey: "reset.acme-2"),
                reset("job-2", tenant: "acme-1", routingKey: "reset")
            )
            let events = await results.published { $0.count == 2 }
            #expect(events.map(\.event.type) == [.jobRejected, .jobRejected])
        }
    }
}
