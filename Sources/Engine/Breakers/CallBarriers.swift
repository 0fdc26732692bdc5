import Contract
import Store
import Synchronization

/// The worker's barriers: what its circuit breakers and quotas decided, for the store. They change with the state of a breaker or a quota,
/// not with a call.
final class CallBarriers: Sendable {
    private struct Key: Hashable {
        let part: CallBarrier.Part
        let cause: CallBarrier.Cause
    }

    private struct State {
        var standing: [Key: CallBarrier] = [:]
        var isSaved = true
    }

    private let state = Mutex(State())

    /// Notes that calls are held back. A barrier that stands already keeps its beginning.
    func stand(_ part: CallBarrier.Part, _ cause: CallBarrier.Cause, until: Timestamp? = nil, percent: Int? = nil, at now: Timestamp) {
        state.withLock { state in
            let key = Key(part: part, cause: cause)
            var barrier = CallBarrier(part, cause, since: now, until: until, percent: percent)
            if let old = state.standing[key], old.isInForce(at: now, isWorkerThere: true) { barrier.since = old.since }
            guard state.standing[key] != barrier else { return }
            state.standing[key] = barrier
            state.isSaved = false
        }
    }

    /// Notes that calls are not held back any more.
    func fall(_ part: CallBarrier.Part, _ causes: CallBarrier.Cause...) {
        state.withLock { state in
            for cause in causes where state.standing.removeValue(forKey: Key(part: part, cause: cause)) != nil { state.isSaved = false }
        }
    }

    /// Returns the barriers to store, if they have changed since the last call, or one of them is over.
    func unsaved(at now: Timestamp) -> [CallBarrier]? {
        state.withLock { state in
            let count = state.standing.count
            if count > 0 { state.standing = state.standing.filter { $0.value.isInForce(at: now, isWorkerThere: true) } }
            guard !state.isSaved || state.standing.count < count else { return nil }
            state.isSaved = true
            return Array(state.standing.values)
        }
    }

    /// The barriers of the last ``unsaved(at:)`` were not stored, or were stored for another worker.
    func saveAgain() { state.withLock { $0.isSaved = false } }
}

extension CircuitBreakers.Target {
    /// The parts of Autotask that a call needs.
    ///
    /// - Parameters:
    ///   - host: the host of its URL.
    ///   - database: the tenant's database, if it is known.
    ///   - credentials: the digest of the credentials that are sent, if any.
    static func all(host: String, database: Int64?, credentials: [UInt8]?) -> [CircuitBreakers.Target] {
        [.zone(host: host)] + (database.map { [.database($0)] } ?? []) + (credentials.map { [.credentials($0)] } ?? [])
    }

    var part: CallBarrier.Part {
        switch self {
        case .zone(let host): .zone(host: host)
        case .database(let id): .database(id)
        case .credentials(let digest): .credentials(digest)
        }
    }
}

extension CallBarrier {
    /// Whether it holds back calls of a priority.
    func holdsBack(_ priority: CallPriority) -> Bool {
        switch cause {
        case .outage, .limit: true
        case .usage: priority.band.map { $0 <= percent ?? 0 } ?? false
        case .share: priority != .connect
        }
    }
}
