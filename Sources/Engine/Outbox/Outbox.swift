import Contract
import Logging
import Store
import Synchronization
import Telemetry

/// Publishes events in each lane's order, and deletes an event from the store once the broker has confirmed it.
///
/// Events come straight from the transaction that stored them. The store is read only at the start, after a takeover, when more events
/// waited than memory holds, and when the broker takes a lane's events again. An event that is not confirmed is published again under the
/// same id, by which monitors recognize it. A refused event holds back only its own lane; when the broker does not answer, all lanes wait.
///
/// Every event is published within the limit (``OrderedEvent/parts(within:)``), even one that an earlier version stored, or that is
/// published again.
final class Outbox: Sendable {
    private struct State {
        var events = WaitingEvents()
        var isDraining = false
        /// Lanes whose progress was under way when the broker closed the channel. No progress of theirs is published until an event of
        /// theirs is confirmed.
        var quiet: Set<Lane> = []
        /// Whether an event is under way that has to be alone on the channel.
        var isAlone = false
        /// Why the broker takes no event at all.
        var trouble: String?
    }

    /// How many events are read at a time.
    private static let pageSize = 4096
    private static let retryDelay: Duration = .milliseconds(500)

    private let store: any EventOutbox
    private let engine: EngineContext
    private let state = Mutex(State())
    private let signal = WakeSignal()

    init(_ store: any EventOutbox, engine: EngineContext) {
        self.store = store
        self.engine = engine
    }

    /// Takes events that were just stored.
    func offer(_ entries: [OutboxEntry]) {
        guard !entries.isEmpty else { return }
        state.withLock { $0.events.offer(entries) }
        signal.wake()
    }

    /// The obstacles that keep events from being published.
    var obstacles: OutboxObstacles {
        state.withLock { state in
            OutboxObstacles(
                held: state.events.held.map { lane, held in
                    OutboxObstacles.HeldLane(
                        lane: lane,
                        since: held.since,
                        eventID: held.first.event.event.id,
                        eventType: held.first.event.event.type,
                        closingReason: held.refusal.reason
                    )
                },
                trouble: state.trouble
            )
        }
    }

    /// Publishes a transient event, unless the broker may close the channel over it, or another event has to be alone on the channel.
    func offerInPassing(_ event: OrderedEvent) {
        let lane = event.event.lane
        let isWelcome = state.withLock { state in
            !state.isAlone && !state.events.isSearching && !state.events.isHeld(lane) && !state.quiet.contains(lane)
        }
        guard isWelcome else { return }
        let span = PublicationTraces.span(of: event, engine)
        engine.sink.offer(event) { [self] answer in
            span?.end(answer)
            switch answer {
            case .refused, .closed, .suspected: state.withLock { _ = $0.quiet.insert(lane) }
            case .confirmed, .unavailable, .missing: break
            }
        }
    }

    /// Reads the store, because this worker took over events of another.
    func readStore() {
        state.withLock { $0.events.readStore() }
        signal.wake()
    }

    /// Publishes the waiting events, then lets ``run()`` return. No event may be offered after it. Refused events stay in the store.
    func drain() {
        state.withLock { $0.isDraining = true }
        signal.wake()
    }

    /// Publishes until ``drain()``, or until the task is cancelled.
    func run() async throws {
        // Confirmed events are deleted concurrently with the next publication.
        try await withThrowingDiscardingTaskGroup { group in
            while !Task.isCancelled {
                engine.pulses[.outbox].turn()
                let batch = await nextBatch()
                if batch.entries.isEmpty {
                    let (isDraining, mustRead, nextTrial) = state.withLock {
                        ($0.isDraining && $0.events.isEmpty, $0.events.mustRead, $0.events.nextTrial)
                    }
                    // Events that cannot be read now stay in the store ...
                    if isDraining { return }
                    // ... and are read again: nothing else would wake this worker for them.
                    if !mustRead { await wait(until: nextTrial) }
                    continue
                }
                // The broker may take its time to answer.
                engine.pulses[.outbox].rest()
                let traces = PublicationTraces(batch.entries, engine)
                let answers = await publish(batch)
                traces.end(answers)
                engine.pulses[.outbox].turn()
                let settlement = settle(batch, answers)
                note(batch, answers)
                group.addTask { await self.forget(settlement.confirmed) }
                report(settlement)
                guard settlement.unanswered > 0 else { continue }
                // At shutdown, events that cannot be published now stay in the store.
                if state.withLock({ $0.isDraining }) { return }
                await engine.clock.sleep(until: engine.now + Outbox.retryDelay)
            }
        }
    }

    /// - Returns: the broker's answer for each entry, even if it was shortened or published in pages.
    private func publish(_ batch: WaitingEvents.Batch) async -> [BrokerAnswer] {
        let parts = batch.entries.map { $0.event.parts(within: engine.settings.eventLimit) }
        guard batch.isAlone else {
            var answers = await engine.sink.publish(parts.flatMap(\.self))[...]
            return parts.map { part in
                defer { answers.removeFirst(part.count) }
                return BrokerAnswer(of: answers.prefix(part.count))
            }
        }
        var answers: [BrokerAnswer] = []
        for part in parts.flatMap(\.self) {
            answers += await engine.sink.publish([part])
            if answers.last != .confirmed { break }
        }
        return [BrokerAnswer(of: answers[...])]
    }

    private func settle(_ batch: WaitingEvents.Batch, _ answers: [BrokerAnswer]) -> WaitingEvents.BatchResult {
        state.withLock { state in
            let settlement = state.events.settle(batch, answers, at: engine.now)
            state.isAlone = false
            if !settlement.confirmed.isEmpty || settlement.trouble != nil { state.trouble = settlement.trouble }
            if !state.quiet.isEmpty {
                for (entry, answer) in zip(batch.entries, answers) where answer == .confirmed {
                    state.quiet.remove(entry.event.event.lane)
                }
            }
            return settlement
        }
    }

    private func note(_ batch: WaitingEvents.Batch, _ answers: [BrokerAnswer]) {
        let now = engine.now
        for (entry, answer) in zip(batch.entries, answers) where answer == .confirmed {
            engine.meters.confirmed(entry.event.event, at: now)
        }
    }

    private func report(_ settlement: WaitingEvents.BatchResult) {
        for held in obstacles.held where settlement.held.contains(held.lane) {
            let metadata: Logger.Metadata = .keys([
                .tenant: "\(held.lane.tenant)", .product: "\(held.lane.product.rawValue)", .eventType: "\(held.eventType.rawValue)",
                .eventID: "\(held.eventID)", .reason: "\(held.closingReason ?? "a queue bound to them refuses them")",
            ])
            if held.closingReason == nil {
                engine.log.warning(
                    """
                    RabbitMQ refuses a tenant's events, which wait: a queue bound to them is full and has x-overflow reject-publish. \
                    'autotask-worker doctor' names it
                    """,
                    metadata: metadata
                )
            } else {
                engine.log.error(
                    "RabbitMQ closes the channel over a tenant's event: only this tenant's events wait",
                    metadata: metadata
                )
            }
        }
        if settlement.suspected > 0 {
            engine.log.notice(
                "RabbitMQ closed the channel over one of several events: each is published alone",
                metadata: .keys([.count: "\(settlement.suspected)"])
            )
        }
        for lane in settlement.released {
            engine.log.notice(
                "RabbitMQ takes a tenant's events again",
                metadata: .keys([.tenant: "\(lane.tenant)", .product: "\(lane.product.rawValue)"])
            )
        }
        if settlement.unanswered > 0 {
            engine.log.notice(
                "Events were not confirmed and are published again",
                metadata: .keys([.count: "\(settlement.unanswered)", .reason: "\(settlement.trouble ?? "no answer")"])
            )
        }
    }

    /// Waits until there may be something to do, at most until the moment.
    private func wait(until moment: Timestamp?) async {
        engine.pulses[.outbox].rest()
        guard let moment else {
            _ = await signal.wait()
            return
        }
        await withDiscardingTaskGroup { group in
            group.addTask { [engine, signal] in
                await engine.clock.sleep(until: moment)
                if !Task.isCancelled { signal.wake() }
            }
            _ = await signal.wait()
            group.cancelAll()
        }
    }

    private func nextBatch() async -> WaitingEvents.Batch {
        if state.withLock({ $0.events.mustRead && $0.events.isEmpty }) { await read() }
        return state.withLock { state in
            let batch = state.events.nextBatch(at: engine.now, isTrying: !state.isDraining)
            state.isAlone = batch.isAlone
            return batch
        }
    }

    private func read() async {
        state.withLock { $0.events.beginReading() }
        do {
            var position: Int64 = 0
            var hasMore = true
            while hasMore {
                let page = try await store.unpublished(of: engine.worker.current, after: position, limit: Outbox.pageSize)
                position = page.last?.position ?? position
                hasMore = state.withLock { $0.events.take(page) } && !page.isEmpty
            }
            state.withLock { $0.events.endReading() }
        } catch {
            engine.log.error("Unpublished events cannot be read", metadata: .keys([.error: "\(error)"]))
            state.withLock { state in
                state.events.readStore()
                state.events.endReading()
            }
            await engine.clock.sleep(until: engine.now + Outbox.retryDelay)
        }
    }

    private func forget(_ positions: [Int64]) async {
        guard !positions.isEmpty else { return }
        while !Task.isCancelled {
            do {
                try await store.forgetPublished(positions)
                return state.withLock { $0.events.forget(positions) }
            } catch {
                engine.log.error(
                    "Published events cannot be deleted from the store",
                    metadata: .keys([.error: "\(error)", .count: "\(positions.count)"])
                )
            }
            // At shutdown, they stay in the store and are published again after the next start. Monitors recognize them by their ids.
            if state.withLock({ $0.isDraining }) { return }
            await engine.clock.sleep(until: engine.now + Outbox.retryDelay)
        }
    }
}

extension BrokerAnswer {
    /// Combines the answers to the parts of an event: the first obstacle prevails.
    fileprivate init(of parts: ArraySlice<BrokerAnswer>) {
        self =
            parts.first { if case .closed = $0 { true } else { false } } ?? parts.first { $0 == .refused }
            ?? parts.first { $0 != .confirmed } ?? .confirmed
    }
}

extension RefusedLane.Refusal {
    fileprivate var reason: String? {
        switch self {
        case .answer: nil
        case .closing(let reason): reason
        }
    }
}

/// Publishes progress when the outbox permits it.
struct ProgressSink: EventSink {
    let outbox: Outbox
    let sink: any EventSink

    func publish(_ events: [OrderedEvent]) async -> [BrokerAnswer] { await sink.publish(events) }

    func offer(_ event: OrderedEvent, answered: @escaping @Sendable (BrokerAnswer) -> Void) { outbox.offerInPassing(event) }
}
