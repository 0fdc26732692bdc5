import Contract
import Store

/// A store whose calls count as work of the executor: they are made on threads of the store's own. The store's internal work does not
/// count: it releases the events that waited for an erasure.
struct WatchedStore: EngineStore {
    let store: any EngineStore
    let executor: WatchedExecutor
    /// Runs before each ``JobInbox/accept(_:by:at:rules:)``, as another worker's transaction would.
    var beforeAccepting: @Sendable (any EngineStore) async throws(StoreError) -> Void = { _ in }
    /// Gets the lanes that each of these calls claimed.
    var afterAccepting: @Sendable ([LaneClaim]) -> Void = { _ in }

    func join(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover {
        try await executor.during { () async throws(StoreError) in try await store.join(worker, until: lease, at: now) }
    }
    func renew(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover {
        try await executor.during { () async throws(StoreError) in try await store.renew(worker, until: lease, at: now) }
    }
    func leave(_ worker: WorkerID, at now: Timestamp) async throws(StoreError) {
        try await executor.during { () async throws(StoreError) in try await store.leave(worker, at: now) }
    }
    func replaceBarriers(of worker: WorkerID, with barriers: [CallBarrier], at now: Timestamp) async throws(StoreError) {
        try await executor.during { () async throws(StoreError) in
            try await store.replaceBarriers(of: worker, with: barriers, at: now)
        }
    }
    func barriers(at now: Timestamp) async throws(StoreError) -> [CallBarrier] {
        try await executor.during { () async throws(StoreError) in try await store.barriers(at: now) }
    }
    func countRedelivery(sha256: [UInt8], at now: Timestamp) async throws(StoreError) -> CountedRedelivery {
        try await executor.during { () async throws(StoreError) in try await store.countRedelivery(sha256: sha256, at: now) }
    }
    func accept(
        _ items: [IntakeItem],
        by worker: WorkerID,
        at now: Timestamp,
        rules: IntakeRules
    ) async throws(StoreError) -> Acceptance {
        try await executor.during { () async throws(StoreError) in
            try await beforeAccepting(store)
            let acceptance = try await store.accept(items, by: worker, at: now, rules: rules)
            afterAccepting(acceptance.claims)
            return acceptance
        }
    }
    func claim(
        _ request: ClaimRequest,
        at now: Timestamp,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision
    ) async throws(StoreError) -> ClaimResult {
        try await executor.during { () async throws(StoreError) in try await store.claim(request, at: now, decide: decide) }
    }
    func occupy(database: Int64, under claim: ClaimToken, limit: Int, at now: Timestamp) async throws(StoreError) -> Bool {
        try await executor.during { () async throws(StoreError) in
            try await store.occupy(database: database, under: claim, limit: limit, at: now)
        }
    }
    func linkedServices(_ ids: [Int64]?, in database: Int64, besides lane: Lane) async throws(StoreError) -> Set<Int64> {
        try await executor.during { () async throws(StoreError) in try await store.linkedServices(ids, in: database, besides: lane) }
    }
    func link(
        _ entries: [JournalEntry],
        in database: Int64,
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> LinkOutcome {
        try await executor.during { () async throws(StoreError) in try await store.link(entries, in: database, under: claim, at: now) }
    }
    func boundServices(of lane: Lane, after: ServiceKey?, limit: Int) async throws(StoreError) -> [ServiceBinding] {
        try await executor.during { () async throws(StoreError) in try await store.boundServices(of: lane, after: after, limit: limit) }
    }
    func bindings(to ids: [Int64], in lane: Lane) async throws(StoreError) -> [ServiceBinding] {
        try await executor.during { () async throws(StoreError) in try await store.bindings(to: ids, in: lane) }
    }
    func journal(
        _ entries: [JournalEntry],
        notes: [AuditNote],
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> BatchStop? {
        try await executor.during { () async throws(StoreError) in try await store.journal(entries, notes: notes, under: claim, at: now) }
    }
    func complete(_ claim: ClaimToken, with completion: Completion, at now: Timestamp) async throws(StoreError) -> [OutboxEntry] {
        try await executor.during { () async throws(StoreError) in try await store.complete(claim, with: completion, at: now) }
    }
    func enterChecks(_ round: CheckRound, at now: Timestamp) async throws(StoreError) -> Int {
        try await executor.during { () async throws(StoreError) in try await store.enterChecks(round, at: now) }
    }
    func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void) { store.observeEvents(observer) }
    func observeSetAside(_ observer: @escaping @Sendable (SetAside) -> Void) { store.observeSetAside(observer) }
    func unpublished(of worker: WorkerID, after position: Int64, limit: Int) async throws(StoreError) -> [OutboxEntry] {
        try await executor.during { () async throws(StoreError) in try await store.unpublished(of: worker, after: position, limit: limit) }
    }
    func forgetPublished(_ positions: [Int64]) async throws(StoreError) {
        try await executor.during { () async throws(StoreError) in try await store.forgetPublished(positions) }
    }
    func backlog(perLane share: Int) async throws(StoreError) -> Backlog {
        try await executor.during { () async throws(StoreError) in try await store.backlog(perLane: share) }
    }
    func prune(at now: Timestamp, keeping retention: Retention) async throws(StoreError) {
        try await executor.during { () async throws(StoreError) in try await store.prune(at: now, keeping: retention) }
    }
    func close() async { await store.close() }
}

extension WatchedStore {
    func letters(_ selection: LetterSelection, after id: Int64, limit: Int) async throws(StoreError) -> [KeptLetter] {
        try await executor.during { () async throws(StoreError) in try await store.letters(selection, after: id, limit: limit) }
    }
    func letters(_ selection: LetterSelection, before id: Int64, looking reach: Int) async throws(StoreError) -> LetterPage {
        try await executor.during { () async throws(StoreError) in try await store.letters(selection, before: id, looking: reach) }
    }
    func sealedPayload(ofLetter id: Int64) async throws(StoreError) -> [UInt8]? {
        try await executor.during { () async throws(StoreError) in try await store.sealedPayload(ofLetter: id) }
    }
    func record(_ letters: [CollectedLetter]) async throws(StoreError) -> Int {
        try await executor.during { () async throws(StoreError) in try await store.record(letters) }
    }
    func redrive(
        letter id: Int64,
        as copy: AcceptableJob,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> RedriveOutcome {
        try await executor.during { () async throws(StoreError) in try await store.redrive(letter: id, as: copy, by: actor, at: now) }
    }
    func purgeLetters(_ selection: LetterSelection, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Int {
        try await executor.during { () async throws(StoreError) in try await store.purgeLetters(selection, by: actor, at: now) }
    }
    func begin(_ order: LetterOperationOrder, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> LetterOperation? {
        try await executor.during { () async throws(StoreError) in try await store.begin(order, by: actor, at: now) }
    }
    func operations(before id: Int64, limit: Int) async throws(StoreError) -> [LetterOperation] {
        try await executor.during { () async throws(StoreError) in try await store.operations(before: id, limit: limit) }
    }
    func openOperations() async throws(StoreError) -> [LetterOperation] {
        try await executor.during { () async throws(StoreError) in try await store.openOperations() }
    }
    func cancelOperation(_ id: Int64, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> LetterOperation? {
        try await executor.during { () async throws(StoreError) in try await store.cancelOperation(id, by: actor, at: now) }
    }
    func take(_ step: LetterStep, by worker: WorkerID, at now: Timestamp) async throws(StoreError) -> LetterOperation? {
        try await executor.during { () async throws(StoreError) in try await store.take(step, by: worker, at: now) }
    }
}
