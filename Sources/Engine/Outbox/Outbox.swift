import Contract
import Logging
import Store
import Synchronization
import Telemetry

/// Publishes what happened, in each lane's order, and forgets an event once the broker has confirmed it.
///
/// Events come straight from the transaction that stored them; the store is read only at the start, after a takeover, when more waited
/// than is kept in memory, and when the broker takes the events of a lane again. An event that is not confirmed is published again, under the
/// same id: monitors know it by that. What the broker refuses holds back its own lane alone; when the broker does not answer, all wait.
final class Outbox: Sendable {
    private struct State {
        var events = WaitingEvents()
        var isDraining = false
    }

    /// How many events are read at a time.
    private static let pageSize = 4096
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
        state.withLock { $0.events.offer(entries) }
        signal.wake()
    }

    /// Looks into the store: this worker took over events of another.
    func readStore() {
        state.withLock { $0.events.readStore() }
        signal.wake()
    }

    /// Publishes what waits, then lets ``run()`` return. Nothing may be offered after it. What was refused stays in the store.
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
                    let (isDraining, mustRead, nextTrial) = state.withLock {
                        ($0.isDraining && $0.events.isEmpty, $0.events.mustRead, $0.events.nextTrial)
                    }
                    // What cannot be read now stays in the store ...
                    if isDraining { return }
                    // ... and is asked for again: nobody else would wake this worker for it.
                    if !mustRead { await wait(until: nextTrial) }
                    continue
                }
                let answers = await sink.publish(batch.map(\.event))
                let settlement = state.withLock { $0.events.settle(batch, answers, at: clock.now) }
                group.addTask { await self.forget(settlement.confirmed) }
                tell(settlement)
                guard settlement.unanswered > 0 else { continue }
                // When the service is told to finish, whatever cannot be published now stays in the store.
                if state.withLock({ $0.isDraining }) { return }
                await clock.sleep(until: clock.now + Outbox.retryDelay)
            }
        }
    }

    private func tell(_ settlement: WaitingEvents.Settlement) {
        for lane in settlement.held {
            log.warning(
                """
                RabbitMQ refuses a tenant's events, which wait: a queue that follows them is full and has x-overflow reject-publish. \
                `autotask-worker doctor` names it
                """,
                metadata: .keys([.tenant: "\(lane.tenant)", .product: "\(lane.product.rawValue)"])
            )
        }
        for lane in settlement.released {
            log.notice(
                "RabbitMQ takes a tenant's events again",
                metadata: .keys([.tenant: "\(lane.tenant)", .product: "\(lane.product.rawValue)"])
            )
        }
        if settlement.unanswered > 0 {
            log.notice("Events were not confirmed and are published again", metadata: .keys([.count: "\(settlement.unanswered)"]))
        }
    }

    /// Waits until there may be something to do, and not beyond a moment.
    private func wait(until moment: Timestamp?) async {
        guard let moment else {
            _ = await signal.wait()
            return
        }
        await withDiscardingTaskGroup { group in
            group.addTask { [clock, signal] in
                await clock.sleep(until: moment)
                if !Task.isCancelled { signal.wake() }
            }
            _ = await signal.wait()
            group.cancelAll()
        }
    }

    private func nextBatch() async -> [OutboxEntry] {
        if state.withLock({ $0.events.mustRead && $0.events.isEmpty }) { await read() }
        return state.withLock { $0.events.nextBatch(at: clock.now, isTrying: !$0.isDraining) }
    }

    private func read() async {
        state.withLock { $0.events.beginReading() }
        do {
            var position: Int64 = 0
            var hasMore = true
            while hasMore {
                let page = try await store.unpublished(of: worker.current, after: position, limit: Outbox.pageSize)
                position = page.last?.position ?? position
                hasMore = state.withLock { $0.events.take(page) } && page.count == Outbox.pageSize
            }
            state.withLock { $0.events.endReading() }
        } catch {
            log.error("Unpublished events cannot be read", metadata: .keys([.error: "\(error)"]))
            state.withLock { state in
                state.events.readStore()
                state.events.endReading()
            }
            await clock.sleep(until: clock.now + Outbox.retryDelay)
        }
    }

    private func forget(_ positions: [Int64]) async {
        guard !positions.isEmpty else { return }
        while !Task.isCancelled {
            do {
                try await store.forgetPublished(positions)
                return state.withLock { $0.events.forget(positions) }
            } catch {
                log.error("Published events cannot be forgotten", metadata: .keys([.error: "\(error)", .count: "\(positions.count)"]))
            }
            // When the service is told to finish, they are published once more after the next start: a monitor knows them by their ids.
            if state.withLock({ $0.isDraining }) { return }
            await clock.sleep(until: clock.now + Outbox.retryDelay)
        }
    }
}
