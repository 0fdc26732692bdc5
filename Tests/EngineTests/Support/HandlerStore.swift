import Contract
import Store
import Synchronization

/// The functions of a store that handlers call; the others belong to the engine around them, and refuse.
final class HandlerStore: Store {
    struct State: Sendable {
        /// Databases at which there is no place.
        var crowded: Set<Int64> = []
        var occupied: [Int64] = []
        /// Every call of `journal`.
        var journal: [[JournalEntry]] = []
        /// What was told of them, in the same calls.
        var notes: [[AuditNote]] = []
        var resetWaits = false
        /// Services that other lanes are bound to.
        var linked: Set<Int64> = []
        /// What the lane is bound to, of all its plans.
        var bindings: [ServiceBinding] = []
        /// Its services with an unsettled write.
        var unsettled: Set<ServiceKey> = []
        /// And those that they are bound to by the time that this lane wants them.
        var linkedMeanwhile: Set<Int64> = []
        /// When another lane forgot a write that was under way.
        var unsettledSince: Timestamp?
        /// Thrown by whatever is called next.
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
    ) async throws(StoreError) -> Bool {
        try check()
        return state.withLock {
            $0.journal.append(entries)
            $0.notes.append(notes)
            return $0.resetWaits
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

    private static let notAHandlersMatter = StoreError(.unexpected, "a handler has no business with this")

    func join(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover {
        throw Self.notAHandlersMatter
    }
    func renew(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover {
        throw Self.notAHandlersMatter
    }
    func leave(_ worker: WorkerID, at now: Timestamp) async throws(StoreError) { throw Self.notAHandlersMatter }
    func countRedelivery(sha256: [UInt8], at now: Timestamp) async throws(StoreError) -> CountedRedelivery { throw Self.notAHandlersMatter }
    func accept(
        _ items: [IntakeItem],
        by worker: WorkerID,
        at now: Timestamp,
        rules: IntakeRules
    ) async throws(StoreError) -> Intake { throw Self.notAHandlersMatter }
    func claim(
        _ request: ClaimRequest,
        at now: Timestamp,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision
    ) async throws(StoreError) -> ClaimResult { throw Self.notAHandlersMatter }
    func complete(_ claim: ClaimToken, with completion: Completion, at now: Timestamp) async throws(StoreError) -> [OutboxEntry] {
        throw Self.notAHandlersMatter
    }
    func enterChecks(_ round: CheckRound, at now: Timestamp) async throws(StoreError) -> Int { throw Self.notAHandlersMatter }
    func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void) {}

    func unpublished(of worker: WorkerID, after position: Int64, limit: Int) async throws(StoreError) -> [OutboxEntry] {
        throw Self.notAHandlersMatter
    }
    func forgetPublished(_ positions: [Int64]) async throws(StoreError) { throw Self.notAHandlersMatter }
    func backlog(perLane share: Int) async throws(StoreError) -> Int { throw Self.notAHandlersMatter }
    func lanes() async throws(StoreError) -> [LaneOverview] { throw Self.notAHandlersMatter }
    func lane(_ lane: Lane) async throws(StoreError) -> LaneDetail? { throw Self.notAHandlersMatter }
    func jobs(named id: JobID, of tenant: TenantID?) async throws(StoreError) -> [JobRecord] { throw Self.notAHandlersMatter }
    func letters(_ selection: LetterSelection, after id: Int64, limit: Int) async throws(StoreError) -> [KeptLetter] {
        throw Self.notAHandlersMatter
    }
    func sealedPayload(ofLetter id: Int64) async throws(StoreError) -> [UInt8]? { throw Self.notAHandlersMatter }
    func record(_ letters: [CollectedLetter]) async throws(StoreError) -> Int { throw Self.notAHandlersMatter }
    func redrive(
        letter id: Int64,
        as copy: AcceptableJob,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> RedriveOutcome { throw Self.notAHandlersMatter }
    func purgeLetters(_ selection: LetterSelection, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Int {
        throw Self.notAHandlersMatter
    }
    func keyUses() async throws(StoreError) -> [String: KeyUse] { throw Self.notAHandlersMatter }
    func rewrapKeys(
        after lane: Lane?,
        limit: Int,
        _ rewrap: @escaping @Sendable (Lane, [UInt8]) -> [UInt8]?
    ) async throws(StoreError) -> RewrapStep { throw Self.notAHandlersMatter }
    func retireKey(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyUse { throw Self.notAHandlersMatter }
    func auditPage(after number: Int64, limit: Int) async throws(StoreError) -> AuditPage { throw Self.notAHandlersMatter }
    func auditRows(_ selection: AuditSelection, newest limit: Int) async throws(StoreError) -> [AuditRow] { throw Self.notAHandlersMatter }
    func prune(at now: Timestamp, keeping retention: Retention) async throws(StoreError) { throw Self.notAHandlersMatter }
    func close() async {}
}
