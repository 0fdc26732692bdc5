import Contract
import Synchronization

@testable import Engine

/// A results exchange that shows what was published, and that a test can close for a while, to everybody or to a tenant.
final class ResultsBoard: EventSink {
    private struct State {
        var published: [OrderedEvent] = []
        var silences = 0
        var refusedTenants: Set<TenantID> = []
        var refused: [OrderedEvent] = []
        var attempts = 0
        var waiters: [(condition: @Sendable ([OrderedEvent]) -> Bool, continuation: CheckedContinuation<[OrderedEvent], Never>)] = []
    }

    private let state = Mutex(State())

    /// The next so many batches get no answer.
    func silence(_ count: Int) { state.withLock { $0.silences = count } }

    /// From now on a tenant's events are refused.
    func refuse(_ tenant: TenantID) { state.withLock { _ = $0.refusedTenants.insert(tenant) } }

    /// A tenant's events are taken again.
    func take(_ tenant: TenantID) { state.withLock { _ = $0.refusedTenants.remove(tenant) } }

    /// What was refused, as often as it was.
    var refused: [OrderedEvent] { state.withLock { $0.refused } }

    /// How often something was to be published.
    var attempts: Int { state.withLock { $0.attempts } }

    func publish(_ events: [OrderedEvent]) async -> [BrokerAnswer] {
        let (answers, published, done) = state.withLock { state in
            state.attempts += 1
            guard state.silences == 0 else {
                state.silences -= 1
                return (events.map { _ in BrokerAnswer.missing }, state.published, [] as [CheckedContinuation<[OrderedEvent], Never>])
            }
            let answers = events.map { state.refusedTenants.contains($0.event.lane.tenant) ? BrokerAnswer.refused : .confirmed }
            for (event, answer) in zip(events, answers) {
                if answer == .confirmed { state.published.append(event) } else { state.refused.append(event) }
            }
            let published = state.published
            let done = state.waiters.filter { $0.condition(published) }.map(\.continuation)
            state.waiters.removeAll { $0.condition(published) }
            return (answers, published, done)
        }
        for continuation in done { continuation.resume(returning: published) }
        return answers
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
