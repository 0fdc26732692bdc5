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
        /// Over whose events the channel is closed.
        var forbiddenTenants: Set<TenantID> = []
        var offered: [OrderedEvent] = []
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

    /// From now on the channel is closed over a tenant's events, or no more.
    func forbid(_ tenant: TenantID, _ isForbidden: Bool = true) {
        state.withLock { if isForbidden { $0.forbiddenTenants.insert(tenant) } else { $0.forbiddenTenants.remove(tenant) } }
    }

    /// What was offered in passing.
    var offered: [OrderedEvent] { state.withLock { $0.offered } }

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
            let culprit = events.firstIndex { state.forbiddenTenants.contains($0.event.lane.tenant) }
            let answers = events.enumerated().map { index, event -> BrokerAnswer in
                if let culprit {
                    // Of what came before it, half is confirmed by then; all of it is taken.
                    return events.count == 1 ? .closed(reason: "ACCESS_REFUSED") : index < culprit / 2 ? .confirmed : .suspected
                }
                return state.refusedTenants.contains(event.event.lane.tenant) ? .refused : .confirmed
            }
            for ((index, event), answer) in zip(events.enumerated(), answers) {
                if answer == .confirmed || answer == .suspected && index < culprit ?? 0 {
                    state.published.append(event)
                } else {
                    state.refused.append(event)
                }
            }
            let published = state.published
            let done = state.waiters.filter { $0.condition(published) }.map(\.continuation)
            state.waiters.removeAll { $0.condition(published) }
            return (answers, published, done)
        }
        for continuation in done { continuation.resume(returning: published) }
        return answers
    }

    func offer(_ event: OrderedEvent, answered: @escaping @Sendable (BrokerAnswer) -> Void) {
        state.withLock { $0.offered.append(event) }
        if state.withLock({ $0.forbiddenTenants.contains(event.event.lane.tenant) }) { answered(.suspected) }
    }

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
