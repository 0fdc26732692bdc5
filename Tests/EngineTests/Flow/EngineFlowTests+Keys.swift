import AutotaskModel
import Contract
import SQLiteStore
import Store
import StoreConformance
import Synchronization
import Testing
import Vault

@testable import Engine

/// Keys that change while the worker runs: it holds the old ring, and another process has changed it.
extension EngineFlowTests {
    private var rotated: KeyRing { keyRing.rotated(Set(KeyRing.Use.allCases), at: clock.now) }

    /// A vault with the old ring, which finds it rotated when it looks.
    private var behind: Vault { Vault(keyRing, source: RingOnDisk(ring: rotated)) }

    @Test func `a job sealed under a key that was retired meanwhile is sealed again, and no job is lost`() async throws {
        try await withEngine(vault: behind) { store in
            let old = try #require(keyRing.activeKey(for: .jobs)?.id)
            #expect(try await store.retireKey(old, at: clock.now).isNone)
            door.deliver(delivery("billing-codes", id: "job-1"))
            let events = await results.published { $0.count == 1 }
            #expect(events.first?.event.type == .billingCodesFailed)
            #expect(try await store.keyUses().isEmpty)
        }
    }

    @Test func `credentials sealed under a key that was retired meanwhile are sealed again`() async throws {
        autotask.change {
            $0.databases[7] = FakeAutotask.Database(host: "webservices14.autotask.net")
            $0.users["api@demo.example"] = FakeAutotask.User(secret: "s3cret", integrationCode: "", databaseID: 7)
        }
        var settings = EngineSettings()
        settings.acceptsClearCredentials = true
        settings.accessCutoff = nil
        try await withEngine(settings: settings, vault: behind) { store in
            let old = try #require(keyRing.activeKey(for: .credentials)?.id)
            #expect(try await store.retireKey(old, at: clock.now).isNone)
            door.deliver(delivery("connect", id: "job-1", data: ["credentials": ["username": "api@demo.example", "secret": "s3cret"]]))
            var events: [OrderedEvent] = []
            while events.isEmpty {
                await clock.advanceToNextSleeper()
                events = await results.published { _ in true }.filter(\.event.type.isTerminal)
            }
            #expect(events.first?.event.type == .connectionEstablished)
            // Two attempts: the worker did not call Autotask repeatedly meanwhile.
            #expect(autotask.calls.count == 8)
            let record = try #require(try await store.jobs(named: JobID("job-1")!, of: nil).first)
            #expect(record.made.map(\.calls.count) == [4, 4] && record.apiCalls == 8)
            let uses = try await store.keyUses()
            #expect(uses.count == 1 && uses.first?.value.credentials == 1 && uses[old] == nil)
        }
    }

    @Test func `a key that another process wrapped by a new key is opened with it`() async throws {
        autotask.change {
            $0.databases[7] = FakeAutotask.Database(host: "webservices14.autotask.net")
            $0.users["api@demo.example"] = FakeAutotask.User(secret: "s3cret", integrationCode: "", databaseID: 7)
        }
        var settings = EngineSettings()
        settings.acceptsClearCredentials = true
        settings.accessCutoff = nil
        let onDisk = rotated
        try await withEngine(settings: settings, vault: Vault(keyRing, source: RingOnDisk(ring: onDisk))) { store in
            door.deliver(delivery("connect", id: "job-1", data: ["credentials": ["username": "api@demo.example", "secret": "s3cret"]]))
            _ = await results.published { $0.count == 1 }
            let outcome = try await KeyRewrapping(store: store, vault: Vault(onDisk)).run()
            #expect(outcome.rewrapped == 1 && outcome.seen == 1 && outcome.unopenable.isEmpty)
            door.deliver(delivery("billing-codes", id: "job-2"))
            let events = await results.published { $0.count == 2 }
            #expect(events.last?.event.type == .billingCodesListed)
        }
    }
}

extension EngineFlowTests {
    @Test func `jobs wait for a key that the ring lacks, are not abandoned, and run once it is there`() async throws {
        let source = ChangingRing(keyRing)
        try await withEngine(vault: Vault(keyRing, source: source)) { store in
            // A worker with the new keys took it in; this worker's ring is an outdated copy.
            let other = WorkerID("another")
            _ = try await store.join(other, until: clock.now + .seconds(5), at: clock.now)
            let onDisk = rotated
            let lane = Lane(tenant: TenantID("msp-2")!, product: .workplace)
            let job = AcceptableJob(
                key: JobKey(id: JobID("codes-1")!, lane: lane, digest: [1]),
                kind: .billingCodes,
                sealedPayload: Vault(onDisk).sealPayload(Array("{}".utf8)[...], job: JobID("codes-1")!, lane: lane)
            )
            _ = try await store.accept([IntakeItem(.job(job))], by: other, at: clock.now) { _ in preconditionFailure("there is no conflict")
            }
            // This wakes the lanes.
            door.deliver(delivery("reset", id: "reset-1", data: ["confirm": true]))
            var events = await results.published { events in events.contains { $0.event.type == .jobDeferred } }
            #expect(events.first { $0.event.type == .jobDeferred }?.event.errorCode == "internal")
            source.ring = onDisk
            while events.allSatisfy({ $0.event.type != .billingCodesFailed }) {
                await clock.advanceToNextSleeper()
                events = await results.published { _ in true }
            }
            #expect(!events.contains { $0.event.type == .jobAbandoned })
            #expect(try await store.deadLetters().isEmpty)
        }
    }
}

extension EngineFlowTests {
    @Test func `a worker whose ring lacks the keys to keep a result does not call Autotask repeatedly`() async throws {
        autotask.change {
            $0.databases[7] = FakeAutotask.Database(host: "webservices14.autotask.net")
            $0.users["api@demo.example"] = FakeAutotask.User(secret: "s3cret", integrationCode: "", databaseID: 7)
        }
        var settings = EngineSettings()
        settings.acceptsClearCredentials = true
        settings.accessCutoff = nil
        let source = ChangingRing(keyRing)
        try await withEngine(settings: settings, vault: Vault(keyRing, source: source)) { store in
            let old = try #require(keyRing.activeKey(for: .credentials)?.id)
            #expect(try await store.retireKey(old, at: clock.now).isNone)
            door.deliver(delivery("connect", id: "job-1", data: ["credentials": ["username": "api@demo.example", "secret": "s3cret"]]))
            let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)
            var waitsUntil: Timestamp?
            // Calls beyond those of one attempt belong to an attempt that did not wait.
            while waitsUntil == nil, autotask.calls.count <= 4 {
                waitsUntil = try await store.lane(lane)?.unfinished.first?.notBefore
            }
            #expect(waitsUntil.map { $0 > clock.now } == true)
            #expect(autotask.calls.count == 4)
            source.ring = rotated
            var events: [OrderedEvent] = []
            while events.isEmpty {
                await clock.advanceToNextSleeper()
                events = await results.published { _ in true }.filter(\.event.type.isTerminal)
            }
            #expect(events.map(\.event.type) == [.connectionEstablished])
        }
    }
}

/// A ring that is updated while the worker runs.
final class ChangingRing: KeyRingSource {
    let description = "a file"
    private let state: Mutex<KeyRing>

    init(_ ring: KeyRing) { state = Mutex(ring) }

    var ring: KeyRing {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    func load() -> KeyRing { ring }
}

/// The ring as another process left it.
struct RingOnDisk: KeyRingSource {
    let ring: KeyRing
    let description = "a file"

    func load() -> KeyRing { ring }
}
