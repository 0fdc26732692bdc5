import Contract
import Store
import Synchronization

/// The store functions that handlers need, as a test sets them.
final class HandlerStore: LaneEffects {
    struct State: Sendable {
        /// Databases without a free place.
        var crowded: Set<Int64> = []
        var occupied: [Int64] = []
        /// Every call of `journal`.
        var journal: [[JournalEntry]] = []
        /// The audit notes of these calls.
        var notes: [[AuditNote]] = []
        /// The answer of `journal`.
        var stop: BatchStop?
        /// Services that other lanes are bound to.
        var linked: Set<Int64> = []
        /// The services that the lane is bound to, of all its plans.
        var bindings: [ServiceBinding] = []
        /// Its services with an unresolved write.
        var unsettled: Set<ServiceKey> = []
        /// The Autotask services that other lanes have bound by the time that this lane wants them.
        var linkedMeanwhile: Set<Int64> = []
        /// When another lane forgot an unresolved write.
        var unsettledSince: Timestamp?
        /// The error that the next call throws.
        var error: StoreError.Code?
    }

    private let state = Mutex(State())

    var current: State { state.withLock { $0 } }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    func occupy(database: Int64, under claim: ClaimToken, limit: Int, at now: Timestamp) async throws(StoreError) -> Bool {
        try check()
        return state.withLock {
            guard !$0.crowded.contains(database) else { return false }
            $0.occupied.append(database)
            return true
        }
    }

    func journal(
        _ entries: [JournalEntry],
        notes: [AuditNote],
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> BatchStop? {
        try check()
        return state.withLock {
            $0.journal.append(entries)
            $0.notes.append(notes)
            return $0.stop
        }
    }

    func linkedServices(_ ids: [Int64]?, in database: Int64, besides lane: Lane) async throws(StoreError) -> Set<Int64> {
        try check()
        return state.withLock { state in ids.map { state.linked.intersection($0) } ?? state.linked }
    }

    func link(
        _ entries: [JournalEntry],
        in database: Int64,
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> LinkOutcome {
        try check()
        return state.withLock {
            let taken = $0.linkedMeanwhile.union($0.linked).intersection(entries.compactMap(\.autotaskServiceID))
            guard taken.isEmpty else { return .taken(taken) }
            $0.journal.append(entries)
            return .linked(unsettledSince: $0.unsettledSince)
        }
    }

    func boundServices(of lane: Lane, after: ServiceKey?, limit: Int) async throws(StoreError) -> [ServiceBinding] {
        try check()
        let (bindings, unsettled) = state.withLock { ($0.bindings, $0.unsettled) }
        let bound = bindings.filter { $0.autotaskServiceID != nil && !unsettled.contains($0.key) }
            .sorted { ($0.planID, $0.serviceKey) < ($1.planID, $1.serviceKey) }
        return Array(
            bound.drop { binding in after.map { (binding.planID, binding.serviceKey) <= ($0.planID, $0.serviceKey) } ?? false }.prefix(
                limit
            )
        )
    }

    func bindings(to ids: [Int64], in lane: Lane) async throws(StoreError) -> [ServiceBinding] {
        try check()
        return state.withLock { $0.bindings.filter { $0.autotaskServiceID.map(ids.contains) ?? false } }
    }

    private func check() throws(StoreError) {
        if let code = state.withLock({ $0.error }) { throw StoreError(code, "a fault of the test") }
    }
}
