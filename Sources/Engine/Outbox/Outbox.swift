import Contract
import Logging
import Store
import Synchronization
import Telemetry

/// Publishes what happened, in each lane's order, and forgets an event once the broker has confirmed it.
///
/// Events come straight from the transaction that stored them; the store is read only at the start, after a takeover, and when more waited
/// than is kept in memory. An event that is not confirmed is published again, under the same id: monitors know it by that.
final class Outbox: Sendable {
    fileprivate struct State {
        var waiting: [OutboxEntry] = []
        /// Positions that are waiting or being published, so that reading the store brings no event twice.
        var known: Set<Int64> = []
        /// Whether the store holds events that are not in memory.
        var mustRead = true
        var isDraining = false
    }

    /// How many events are published at a time.
    private static let batchSize = 512
    /// Beyond this many, events wait in the store alone.
    private static let memoryLimit = 20_000
    private static let retryDelay: Duration = .milliseconds(500)

    private let store: any Store
    private let sink: any EventSink
    private let worker: WorkerIdentity
    private let clock: any EngineClock
    private let log: Logger
    private let state = Mutex(State())
    private let signal = WakeSignal()

    init(store: any Store, sink: any EventSink, worker: WorkerIdentity, clock: any EngineClock, log: Logger) {
        self.store = store
        self.sink = sink
        self.worker = worker
        self.clock = clock
        self.log = log
    }

    /// Takes events that were just stored.
    func offer(_ entries: [OutboxEntry]) {
        guard !entries.isEmpty else { return }
        state.withLock { state in
            if state.waiting.count > Outbox.memoryLimit {
                state.mustRead = true
            } else {
                state.enqueue(entries)
            }
        }
        signal.wake()
    }

    /// Looks into the store: this worker took over events of another.
    func readStore() {
        state.withLock { $0.mustRead = true }
        signal.wake()
    }

    /// Publishes what waits, then lets ``run()`` return. Nothing may be offered after it.
    func drain() {
        state.withLock { $0.isDraining = true }
        signal.wake()
    }

    /// Publishes until ``drain()``, or until the task is cancelled.
    func run() async throws {
        // What is confirmed is forgotten beside the next publication, not before it.
        try await withThrowingDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let batch = await nextBatch()
                if batch.isEmpty {
                    let (isDraining, mustRead) = state.withLock { ($0.isDraining && $0.waiting.isEmpty, $0.mustRead) }
                    // What cannot be read now stays in the store ...
                    if isDraining { return }
                    // ... and is asked for again: nobody else would wake this worker for it.
                    if !mustRead { _ = await signal.wait() }
                    continue
                }
                let confirmed = await sink.publish(batch.map(\.event))
                let positions = zip(batch, confirmed).compactMap { $1 ? $0.position : nil }
                let failed = zip(batch, confirmed).compactMap { $1 ? nil : $0 }
                group.addTask { await self.forget(positions) }
                guard !failed.isEmpty else { continue }
                log.notice("Events were not confirmed and are published again", metadata: .keys([.count: "\(failed.count)"]))
                state.withLock { $0.waiting.insert(contentsOf: failed, at: 0) }
                // When the service is told to finish, whatever cannot be published now stays in the store.
                if state.withLock({ $0.isDraining }) { return }
                await clock.sleep(until: clock.now + Outbox.retryDelay)
            }
        }
    }

    private func nextBatch() async -> [OutboxEntry] {
        if state.withLock({ $0.mustRead && $0.waiting.isEmpty }) { await read() }
        return state.withLock { state in
            let batch = Array(state.waiting.prefix(Outbox.batchSize))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }

    private func read() async {
        state.withLock { $0.mustRead = false }
        do {
            let entries = try await store.unpublished(of: worker.current, after: 0, limit: Outbox.memoryLimit)
            state.withLock { state in
                state.enqueue(entries)
                if entries.count == Outbox.memoryLimit { state.mustRead = true }
            }
        } catch {
            log.error("Unpublished events cannot be read", metadata: .keys([.error: "\(error)"]))
            state.withLock { $0.mustRead = true }
            await clock.sleep(until: clock.now + Outbox.retryDelay)
        }
    }

    private func forget(_ positions: [Int64]) async {
        guard !positions.isEmpty else { return }
        while !Task.isCancelled {
            do {
                try await store.forgetPublished(positions)
                return state.withLock { $0.known.subtract(positions) }
            } catch {
                log.error("Published events cannot be forgotten", metadata: .keys([.error: "\(error)", .count: "\(positions.count)"]))
            }
            // When the service is told to finish, they are published once more after the next start: a monitor knows them by their ids.
            if state.withLock({ $0.isDraining }) { return }
            await clock.sleep(until: clock.now + Outbox.retryDelay)
        }
    }
}

extension Outbox.State {
    fileprivate mutating func enqueue(_ entries: [OutboxEntry]) {
        for entry in entries where known.insert(entry.position).inserted { waiting.append(entry) }
    }
}
