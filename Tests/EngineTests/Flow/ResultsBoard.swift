import Contract
import Synchronization

@testable import Engine

/// A results exchange that shows what was published, and that a test can close for a while.
final class ResultsBoard: EventSink {
    private struct State {
        var published: [OrderedEvent] = []
        var refusals = 0
        var attempts = 0
        var waiters: [(condition: @Sendable ([OrderedEvent]) -> Bool, continuation: CheckedContinuation<[OrderedEvent], Never>)] = []
    }

    private let state = Mutex(State())

    /// The next so many batches are not confirmed.
    func refuse(_ count: Int) { state.withLock { $0.refusals = count } }

    /// How often something was to be published.
    var attempts: Int { state.withLock { $0.attempts } }

    func publish(_ events: [OrderedEvent]) async -> [Bool] {
        let (isConfirmed, done) = state.withLock { state in
            state.attempts += 1
            guard state.refusals == 0 else {
                state.refusals -= 1
                return (false, [] as [CheckedContinuation<[OrderedEvent], Never>])
            }
            state.published += events
            let published = state.published
            let done = state.waiters.filter { $0.condition(published) }.map(\.continuation)
            state.waiters.removeAll { $0.condition(published) }
            return (true, done)
        }
        let published = state.withLock { $0.published }
        for continuation in done { continuation.resume(returning: published) }
        return events.map { _ in isConfirmed }
    }

    func offer(_ event: OrderedEvent) {}

    /// Waits until what was published is as it should be; the suite's time limit ends a wait in vain.
    func published(until condition: @escaping @Sendable ([OrderedEvent]) -> Bool) async -> [OrderedEvent] {
        await withCheckedContinuation { continuation in
            let published = state.withLock { state -> [OrderedEvent]? in
                if condition(state.published) { return state.published }
                state.waiters.append((condition, continuation))
                return nil
            }
            if let published { continuation.resume(returning: published) }
        }
    }
}
