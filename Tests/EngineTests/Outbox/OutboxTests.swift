import Contract
import EngineSimulation
import Logging
import Store
import StoreConformance
import Synchronization
import Testing
import Vault

@testable import Engine

@Suite(.timeLimit(.minutes(1)))
struct OutboxTests {
    private static let start = Timestamp("2026-11-22T08:00:00Z")!

    private let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)
    private let otherLane = Lane(tenant: TenantID("msp-4712")!, product: .workplace)
    private let clock = SteppedClock(OutboxTests.start)
    private let results = ResultsBoard()
    private let running = Running()

    private final class Running: Sendable {
        let outbox = Mutex<Outbox?>(nil)
    }

    private var current: Outbox? { running.outbox.withLock { $0 } }

    private func progress(of lane: Lane) -> OrderedEvent {
        let event = Event(
            id: "progress",
            type: .syncProgress,
            lane: lane,
            jobID: JobID("job"),
            time: clock.now,
            traceparent: nil,
            data: [:]
        )
        return OrderedEvent(event: event, epoch: 1, sequence: nil)
    }

    /// Its own next event would wake the outbox as well: a worker without one must still publish those of another.
    @Test func `events of a dead worker that could not be read at first are published`() async throws {
        // The first retry is immediate, because the outbox was just woken.
        let failures = Mutex(2)
        let store = store { name async throws(StoreError) in
            let fails =
                "\(name)" == "unpublished"
                && failures.withLock { left in
                    left -= 1
                    return left >= 0
                }
            if fails { throw StoreError(.unavailable, "a fault of the test") }
        }
        let dead = WorkerID("dead")
        _ = try await store.join(dead, until: clock.now + .seconds(15), at: clock.now)
        try await refuse(1...1, in: lane, of: store, by: dead)
        clock.advance(by: .seconds(16))

        try await withOutbox(of: store, takingOver: 1) { _ in
            for _ in 1...2 { await clock.advanceToNextSleeper() }
            let events = await results.published { !$0.isEmpty }
            #expect(events.map(\.event.id) == ["msp-4711-1"])
        }
    }

    /// A follower can cause this with a full queue of its own.
    @Test func `a lane whose events are refused does not hold up others`() async throws {
        results.refuse(lane.tenant)
        let store = store()
        try await withOutbox(of: store) { worker in
            try await refuse(1...600, in: lane, of: store, by: worker)
            try await refuse(1...1, in: otherLane, of: store, by: worker)
            // No time passes.
            let events = await results.published { !$0.isEmpty }
            #expect(events.map(\.event.id) == ["msp-4712-1"])
        }
    }

    @Test func `a refused event is retried alone and ever less often, and then its lane continues in order`() async throws {
        results.refuse(lane.tenant)
        let store = store()
        try await withOutbox(of: store) { worker in
            try await refuse(1...600, in: lane, of: store, by: worker)
            var pauses: [Duration] = []
            await clock.untilSomebodySleeps()
            let refused = results.refused.count
            for _ in 1...9 {
                let before = clock.now
                await clock.advanceToNextSleeper()
                await clock.untilSomebodySleeps()
                pauses.append(clock.now - before)
            }
            #expect(pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
            #expect(results.refused.dropFirst(refused).map(\.sequence) == Array(repeating: 1, count: 9))

            // Events that come meanwhile wait behind it.
            try await refuse(601...700, in: lane, of: store, by: worker)
            results.take(lane.tenant)
            await clock.advanceToNextSleeper()
            let events = await results.published { $0.count >= 700 }
            #expect(events.map(\.sequence) == (1...700).map { $0 })
        }
        #expect(try await store.unpublished(of: WorkerID("living"), after: 0, limit: 1).isEmpty)
    }

    @Test func `a lane that is refused again soon is retried no more often than before`() async throws {
        results.refuse(lane.tenant)
        let store = store()
        try await withOutbox(of: store) { worker in
            try await refuse(1...1, in: lane, of: store, by: worker)
            for _ in 1...3 { await clock.advanceToNextSleeper() }
            await clock.untilSomebodySleeps()
            results.take(lane.tenant)
            await clock.advanceToNextSleeper()
            _ = await results.published { $0.count == 1 }

            results.refuse(lane.tenant)
            try await refuse(2...2, in: lane, of: store, by: worker)
            await clock.untilSomebodySleeps()
            results.take(lane.tenant)
            let before = clock.now
            await clock.advanceToNextSleeper()
            #expect(clock.now - before == .seconds(8))
            _ = await results.published { $0.count == 2 }
        }
    }

    @Test func `without an answer all lanes continue after the usual pause, in order`() async throws {
        let store = store()
        try await withOutbox(of: store) { worker in
            results.silence(4)
            try await refuse(1...2, in: lane, of: store, by: worker)
            try await refuse(1...2, in: otherLane, of: store, by: worker)
            let before = clock.now
            for _ in 1...4 { await clock.advanceToNextSleeper() }
            let events = await results.published { $0.count == 4 }
            #expect(clock.now - before == .seconds(2))
            for lane in [lane, otherLane] { #expect(events.filter { $0.event.lane == lane }.map(\.sequence) == [1, 2]) }
            #expect(results.refused.isEmpty)
        }
    }

    @Test func `a lane over whose events the channel is closed holds up no other, and the log says why`() async throws {
        results.forbid(lane.tenant)
        let store = store()
        try await withOutbox(of: store) { worker in
            try await refuse(1...100, in: otherLane, of: store, by: worker)
            try await refuse(1...100, in: lane, of: store, by: worker)
            try await refuse(101...200, in: otherLane, of: store, by: worker)
            // No time passes.
            let events = await results.published { Set($0.filter { $0.event.lane == otherLane }.map(\.event.id)).count == 200 }
            var counts: [String: Int] = [:]
            for event in events { counts[event.event.id, default: 0] += 1 }
            #expect(counts.values.allSatisfy { $0 <= 2 })
            await clock.untilSomebodySleeps()
            let held = try #require(current?.obstacles.held.first)
            #expect(held.lane == lane && held.closingReason == "ACCESS_REFUSED" && held.eventID == "msp-4711-1")
            results.forbid(lane.tenant, false)
            await clock.advanceToNextSleeper()
            let all = await results.published { $0.count { $0.event.lane == lane } == 100 }
            #expect(all.filter { $0.event.lane == lane }.map(\.sequence) == (1...100).map { $0 })
            #expect(current?.obstacles.held.isEmpty == true)
        }
    }

    @Test func `a tenant's progress is dropped once it was in flight when the channel was closed`() async throws {
        results.forbid(lane.tenant)
        let store = store()
        try await withOutbox(of: store) { worker in
            let outbox = try #require(current)
            for lane in [lane, otherLane, lane, lane, otherLane] { outbox.offerInPassing(progress(of: lane)) }
            #expect(results.offered.map(\.event.lane) == [lane, otherLane, otherLane])
            results.forbid(lane.tenant, false)
            try await refuse(1...1, in: lane, of: store, by: worker)
            _ = await results.published { $0.count == 1 }
            // The outbox has taken the answer to the first once it publishes the second.
            try await refuse(2...2, in: lane, of: store, by: worker)
            _ = await results.published { $0.count == 2 }
            outbox.offerInPassing(progress(of: lane))
            #expect(results.offered.count == 4)
        }
    }

    @Test func `an event above the limit is published in pages, and is forgotten once all are confirmed`() async throws {
        let store = store()
        let limit = EventLimit(bytes: 4096)
        try await withOutbox(of: store, within: limit) { worker in
            let elements: [JSON] = (1...100).map {
                ["id": JSON($0), "name": .string(String(repeating: "n", count: 60)), "description": "d"]
            }
            let whole: JSONObject = ["billingCodes": .array(elements), "readAt": "2026-11-22T08:00:00Z"]
            try await refuse(1...3, in: lane, of: store, by: worker, data: whole)
            let events = await results.published { $0.count { $0.sequence == 3 } == 1 }
            #expect(events.allSatisfy { $0.encoded.count <= limit.bytes })
            let groups = events.split { $0.sequence != nil }
            #expect(groups.count == 3 && groups.allSatisfy { $0.count == groups[0].count && !$0.isEmpty })
            #expect(events.count { $0.isTerminal } == 3)
        }
        #expect(try await store.unpublished(of: WorkerID("living"), after: 0, limit: 1).isEmpty)
    }

    /// ``withOutbox(of:takingOver:_:)`` ends once the outbox has: no time passes.
    @Test func `a refused event does not hold up the end, and is published after the next start`() async throws {
        results.refuse(lane.tenant)
        let store = store()
        try await withOutbox(of: store) { worker in
            try await refuse(1...3, in: lane, of: store, by: worker)
            await clock.untilSomebodySleeps()
        }
        results.take(lane.tenant)
        try await withOutbox(of: store) { _ in
            let events = await results.published { $0.count == 3 }
            #expect(events.map(\.sequence) == [1, 2, 3])
        }
    }

    // MARK: Support

    private func store(before: @escaping @Sendable (StaticString) async throws(StoreError) -> Void = { _ in }) -> ModelStore {
        ModelStore(ModelDisk(auditing: AuditChain(Vault(KeyRing.generate(at: OutboxTests.start)))), hooks: ModelStore.Hooks(before: before))
    }

    /// Runs an outbox while `body` runs, and until it has drained.
    private func withOutbox(
        of store: ModelStore,
        takingOver count: Int = 0,
        within limit: EventLimit = .standard,
        _ body: (WorkerID) async throws -> Void
    ) async throws {
        let worker = WorkerIdentity(WorkerID("living"))
        #expect(try await store.join(worker.current, until: clock.now + .seconds(3600), at: clock.now).events == count)
        let outbox = Outbox(
            store,
            engine: EngineContext(
                vault: Vault(KeyRing.generate(at: clock.now)),
                settings: EngineSettings(eventLimit: limit),
                sink: results,
                worker: worker,
                clock: clock,
                entropy: SystemEntropy(),
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        running.outbox.withLock { $0 = outbox }
        store.observeEvents { outbox.offer($0) }
        outbox.readStore()
        let task = Task { try await outbox.run() }
        try await body(worker.current)
        outbox.drain()
        try await task.value
        store.observeEvents { _ in }
    }

    /// Has jobs refused: each gets its event at once, with the next number in the lane's sequence.
    private func refuse(
        _ numbers: ClosedRange<Int>,
        in lane: Lane,
        of store: ModelStore,
        by worker: WorkerID,
        data: JSONObject = [:]
    ) async throws {
        let items = numbers.map { number in
            let id = JobID("job-\(number)")!
            let event = Event(
                id: "\(lane.tenant)-\(number)",
                type: .jobRejected,
                lane: lane,
                jobID: id,
                time: clock.now,
                traceparent: nil,
                data: data
            )
            let letter = DeadLetter(
                at: clock.now,
                cause: FailureCause(reason: "job_invalid"),
                detail: "",
                content: .message(DeadMessage(sha256: [1], size: 1, queue: "q", routingKey: "k"))
            )
            return IntakeItem(.refused(JobKey(id: id, lane: lane, digest: [1]), event: event, letter))
        }
        _ = try await store.accept(items, by: worker, at: clock.now) { _ in preconditionFailure("there is no conflict") }
    }
}
