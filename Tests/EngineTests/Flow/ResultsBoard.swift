import Contract
import Synchronization

@testable import Engine

/// A results exchange that shows the published events, and that a test can close for a while, for all tenants or for one.
final class ResultsBoard: EventSink {
    private struct State {
        var published: [OrderedEvent] = []
        var silences = 0
        var refusedTenants: Set<TenantID> = []
        var refused: [OrderedEvent] = []
        /// Tenants over whose events the channel is closed.
        var forbiddenTenants: Set<TenantID> = []
        var offered: [OrderedEvent] = []
        var attempts = 0
        var waiters: [(condition: @Sendable ([OrderedEvent]) -> Bool, continuation: CheckedContinuation<[OrderedEvent], Never>)] = []
    }

    private let state = Mutex(State())

    /// Leaves the next batches unanswered.
    func silence(_ count: Int) { state.withLock { $0.silences = count } }

    /// Refuses a tenant's events from now on.
    func refuse(_ tenant: TenantID) { state.withLock { _ = $0.refusedTenants.insert(tenant) } }

    /// Takes a tenant's events again.
    func take(_ tenant: TenantID) { state.withLock { _ = $0.refusedTenants.remove(tenant) } }

    /// Closes the channel over a tenant's events from now on, or stops doing so.
    func forbid(_ tenant: TenantID, _ isForbidden: Bool = true) {
        state.withLock { if isForbidden { $0.forbiddenTenants.insert(tenant) } else { $0.forbiddenTenants.remove(tenant) } }
    }

    /// Best-effort events that were offered.
    var offered: [OrderedEvent] { state.withLock { $0.offered } }

    /// Refused events, once for each refusal.
    var refused: [OrderedEvent] { state.withLock { $0.refused } }

    /// How often the engine tried to publish an event.
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
                    // Of the earlier events half is confirmed by then; all of them are taken.
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
        let isForbidden = state.withLock { state in
            state.offered.append(event)
            return state.forbiddenTenants.contains(event.event.lane.tenant)
        }
        answered(isForbidden ? .suspected : .confirmed)
    }

    /// Waits until the published events meet a condition; the suite's time limit ends a wait in vain.
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
