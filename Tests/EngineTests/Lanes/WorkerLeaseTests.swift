import Contract
import FoundationEssentials
import Logging
import SQLiteStore
import Store
import Testing
import Vault

@testable import Engine

struct WorkerLeaseTests {
    private let start = Timestamp("2026-11-22T08:00:00Z")!

    /// No other task sleeps by the clock here, so that each step is one renewal.
    @Test func `a silent worker's lanes are taken over as soon as its lease is over`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "lease-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let store = try await SQLiteStore(
            path: directory.appending(path: "store.sqlite").path,
            auditing: AuditChain(Vault(KeyRing.generate(at: start)))
        )
        let silent = WorkerID("silent")
        _ = try await store.join(silent, until: start + WorkerLease.duration, at: start)

        let clock = SteppedClock(start)
        let lease = lease(on: store, by: clock)
        try await lease.join()
        let running = Task { try await lease.run() }
        while clock.now <= start + WorkerLease.duration { await clock.advanceToNextSleeper() }
        #expect(clock.now == start + WorkerLease.duration + .milliseconds(1))
        // Once it sleeps again, it has renewed its lease.
        await clock.advanceToNextSleeper()
        await #expect(throws: StoreError.self) { try await store.renew(silent, until: clock.now, at: clock.now) }
        running.cancel()
        _ = await running.result
        await store.close()
    }

    private func lease(on store: SQLiteStore, by clock: SteppedClock) -> WorkerLease {
        let engine = EngineContext(
            vault: Vault(KeyRing.generate(at: clock.now)),
            settings: EngineSettings(),
            sink: ResultsBoard(),
            worker: WorkerIdentity(WorkerID("awake")),
            clock: clock,
            entropy: SystemEntropy(),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        return WorkerLease(
            store: store,
            engine: engine,
            outbox: Outbox(store, engine: engine),
            lanes: WakeSignal(),
            retention: WakeSignal(),
            operations: WakeSignal()
        )
    }
}
