import Contract
import EngineSimulation
import Logging
import Store
import Synchronization
import Testing
import Vault

@testable import Engine

@Suite(.timeLimit(.minutes(1)))
struct OutboxTests {
    private let start = Timestamp("2026-11-22T08:00:00Z")!
    private let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)

    /// Its own next event would wake the outbox as well: a worker that has none must not keep those of another for itself.
    @Test func `events of a dead worker that could not be read at first are published`() async throws {
        // The first time it is tried again at once: it was told to look just now.
        let failures = Mutex(2)
        let chain = AuditChain(Vault(KeyRing.generate(at: start)))
        let store = ModelStore(
            ModelDisk(auditing: chain),
            hooks: ModelStore.Hooks(before: { name async throws(StoreError) in
                let fails =
                    "\(name)" == "unpublished"
                    && failures.withLock { left in
                        left -= 1
                        return left >= 0
                    }
                if fails { throw StoreError(.unavailable, "a fault of the test") }
            })
        )
        let dead = WorkerID("dead")
        _ = try await store.join(dead, until: start + .seconds(15), at: start)
        _ = try await store.accept([refusal], by: dead, at: start) { _ in preconditionFailure("there is no conflict") }

        let clock = SteppedClock(start + .seconds(16))
        let living = WorkerIdentity(WorkerID("living"))
        #expect(try await store.join(living.current, until: clock.now + .seconds(15), at: clock.now).events == 1)
        let results = ResultsBoard()
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let outbox = Outbox(store: store, sink: results, worker: living, clock: clock, log: log)
        outbox.readStore()
        let running = Task { try await outbox.run() }
        for _ in 1...2 { await clock.advanceToNextSleeper() }
        let events = await results.published { !$0.isEmpty }
        #expect(events.map(\.event.id) == ["event-1"])
        outbox.drain()
        try await running.value
    }

    private var refusal: IntakeItem {
        let id = JobID("job-1")!
        let event = Event(id: "event-1", type: .jobRejected, lane: lane, jobID: id, time: start, traceparent: nil, data: [:])
        let letter = DeadLetter(
            at: start,
            cause: FailureCause(reason: "job_invalid"),
            detail: "",
            content: .message(DeadMessage(sha256: [1], size: 1, queue: "q", routingKey: "k"))
        )
        return IntakeItem(.refused(JobKey(id: id, lane: lane, digest: [1]), event: event, letter))
    }
}
