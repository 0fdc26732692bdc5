package import Contract
package import Store
import Synchronization

/// The contents of a store, in memory: like a file, they outlive the workers that use it.
package final class ModelDisk: Sendable {
    private let content: Mutex<ModelTables>

    /// - Parameter chain: chains the audit log.
    package init(auditing chain: AuditChain) { content = Mutex(ModelTables(chain: chain)) }

    /// Runs a transaction: completely, or not at all if it throws.
    ///
    /// - Parameter observer: receives the events that it stored, before another transaction can begin.
    func commit<Value: Sendable>(
        _ body: @Sendable (inout ModelTables) throws(StoreError) -> Value,
        observer: (@Sendable ([OutboxEntry]) -> Void)?
    ) throws(StoreError) -> Value {
        try content.withLock { tables throws(StoreError) in
            var draft = tables
            draft.events = []
            let value = try body(&draft)
            tables = draft
            if !draft.events.isEmpty { observer?(draft.events) }
            return value
        }
    }

    /// The current contents, for observers outside the store.
    var tables: ModelTables { content.withLock { $0 } }
}

/// A store on a ``ModelDisk``, as one worker process sees it.
///
/// It is held to the same suite as every store. It calls out around each transaction, so that a simulation can let others run, stop the
/// worker, or make the disk fail.
package final class ModelStore: Store {
    /// Called before and after each transaction. An error before the transaction fails it, so that nothing is changed.
    package struct Hooks: Sendable {
        package var before: @Sendable (StaticString) async throws(StoreError) -> Void
        package var after: @Sendable (StaticString) async -> Void
        /// Called before a caller of ``JobInbox/countRedelivery(sha256:at:)`` gets its result.
        package var counted: @Sendable (_ sha256: [UInt8], _ count: Int) -> Void
        /// Receives the work that follows once erased data has left the disk; it returns whether to repeat it.
        package var erased: @Sendable (_ release: @escaping @Sendable () async -> Bool) async -> Void

        package init(
            before: @escaping @Sendable (StaticString) async throws(StoreError) -> Void = { _ in },
            after: @escaping @Sendable (StaticString) async -> Void = { _ in },
            counted: @escaping @Sendable (_ sha256: [UInt8], _ count: Int) -> Void = { _, _ in },
            erased: @escaping @Sendable (_ release: @escaping @Sendable () async -> Bool) async -> Void = { _ = await $0() }
        ) {
            self.before = before
            self.after = after
            self.counted = counted
            self.erased = erased
        }
    }

    private struct State {
        var observer: (@Sendable ([OutboxEntry]) -> Void)?
        var isClosed = false
        /// The workers with a task that releases events which wait for an erasure. There is one task each: a thousand tasks would each look
        /// repeatedly. A process that was taken for dead joins again as another worker.
        var releasing: Set<WorkerID> = []
    }

    private let disk: ModelDisk
    private let hooks: Hooks
    private let state = Mutex(State())

    package init(_ disk: ModelDisk, hooks: Hooks = Hooks()) {
        self.disk = disk
        self.hooks = hooks
    }

    private func transaction<Value: Sendable>(
        _ name: StaticString,
        _ body: @Sendable (inout ModelTables) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        guard !state.withLock({ $0.isClosed }) else { throw StoreError(.unavailable, "The store is closed.") }
        try await hooks.before(name)
        let value = try disk.commit(body, observer: state.withLock { $0.observer })
        await hooks.after(name)
        return value
    }

    /// Releases a worker's events that wait for an erasure, when the disk allows it; does nothing if that is already in progress.
    private func awaitErasure(of worker: WorkerID) async {
        guard disk.tables.awaitsErasure(of: worker) else { return }
        guard state.withLock({ $0.releasing.insert(worker).inserted }) else { return }
        await hooks.erased { [self] in
            try? await transaction("releaseErased") { tables throws(StoreError) in tables.releaseErased(of: worker) }
            // Nothing may come between the look and the note, or an event that begins to wait there would wait forever.
            let isWaiting = disk.tables.awaitsErasure(of: worker)
            if !isWaiting { state.withLock { _ = $0.releasing.remove(worker) } }
            return isWaiting
        }
    }

    // MARK: Workers

    package func join(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover {
        let takeover = try await transaction("join") { tables throws(StoreError) in
            try tables.workers.filter { $0.id != worker }.checkClocks(joiningUntil: lease)
            tables.workers.removeAll { $0.id == worker }
            tables.workers.append(.init(id: worker, leaseEnd: lease))
            tables.restartSettling(at: now)
            return tables.takeOver(by: worker, at: now)
        }
        await awaitErasure(of: worker)
        return takeover
    }

    package func renew(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover {
        let takeover = try await transaction("renew") { tables throws(StoreError) in
            try tables.checkPresence(of: worker)
            for index in tables.workers.indices where tables.workers[index].id == worker { tables.workers[index].leaseEnd = lease }
            var takeover = tables.takeOver(by: worker, at: now)
            takeover.hasPauses = !tables.pauses.isEmpty
            takeover.hasOperations = tables.operations.contains { $0.endedAt == nil }
            return takeover
        }
        if takeover.events > 0 { await awaitErasure(of: worker) }
        return takeover
    }

    package func leave(_ worker: WorkerID, at now: Timestamp) async throws(StoreError) {
        try await transaction("leave") { tables throws(StoreError) in _ = tables.freeLanes(heldBy: worker, at: now) }
    }

    package func replaceBarriers(of worker: WorkerID, with barriers: [CallBarrier], at now: Timestamp) async throws(StoreError) {
        try await transaction("replaceBarriers") { tables throws(StoreError) in
            try tables.replaceBarriers(of: worker, with: barriers, at: now)
        }
    }

    package func barriers(at now: Timestamp) async throws(StoreError) -> [CallBarrier] {
        try await transaction("barriers") { tables throws(StoreError) in tables.barriers(at: now) }
    }

    // MARK: Intake

    package func countRedelivery(sha256: [UInt8], at now: Timestamp) async throws(StoreError) -> CountedRedelivery {
        let counted = try await transaction("countRedelivery") { tables throws(StoreError) in
            tables.redeliveries[sha256, default: (0, now)].count += 1
            tables.redeliveries[sha256]?.at = now
            return CountedRedelivery(count: tables.redeliveries[sha256]?.count ?? 1, lastPlace: tables.lastPlace)
        }
        hooks.counted(sha256, counted.count)
        return counted
    }

    package func accept(
        _ items: [IntakeItem],
        by worker: WorkerID,
        at now: Timestamp,
        rules: IntakeRules
    ) async throws(StoreError) -> Acceptance {
        let intake = try await transaction("accept") { tables throws(StoreError) in
            try tables.accept(items, by: worker, at: now, rules: rules)
        }
        if intake.events.contains(where: \.isHeld) { await awaitErasure(of: worker) }
        return intake
    }

    // MARK: Lanes

    package func claim(
        _ request: ClaimRequest,
        at now: Timestamp,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision
    ) async throws(StoreError) -> ClaimResult {
        let result = try await transaction("claim") { tables throws(StoreError) in try tables.claim(request, at: now, decide: decide) }
        if result.events.contains(where: \.isHeld) { await awaitErasure(of: request.worker) }
        return result
    }

    package func occupy(database: Int64, under claim: ClaimToken, limit: Int, at now: Timestamp) async throws(StoreError) -> Bool {
        try await transaction("occupy") { tables throws(StoreError) in try tables.occupy(database: database, under: claim, limit: limit) }
    }

    package func linkedServices(_ ids: [Int64]?, in database: Int64, besides lane: Lane) async throws(StoreError) -> Set<Int64> {
        try await transaction("linkedServices") { tables throws(StoreError) in tables.linkedServices(ids, in: database, besides: lane) }
    }

    package func boundServices(of lane: Lane, after: ServiceKey?, limit: Int) async throws(StoreError) -> [ServiceBinding] {
        try await transaction("boundServices") { tables throws(StoreError) in tables.boundServices(of: lane, after: after, limit: limit) }
    }

    package func bindings(to ids: [Int64], in lane: Lane) async throws(StoreError) -> [ServiceBinding] {
        try await transaction("bindings") { tables throws(StoreError) in tables.bindings(to: ids, in: lane) }
    }

    package func link(
        _ entries: [JournalEntry],
        in database: Int64,
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> LinkOutcome {
        try await transaction("link") { tables throws(StoreError) in try tables.link(entries, in: database, under: claim) }
    }

    package func journal(
        _ entries: [JournalEntry],
        notes: [AuditNote],
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> BatchStop? {
        try await transaction("journal") { tables throws(StoreError) in
            try tables.journal(entries, notes: notes, under: claim, at: now)
        }
    }

    package func complete(_ claim: ClaimToken, with completion: Completion, at now: Timestamp) async throws(StoreError) -> [OutboxEntry] {
        let entries = try await transaction("complete") { tables throws(StoreError) in try tables.complete(claim, with: completion, at: now)
        }
        if entries.contains(where: \.isHeld) { await awaitErasure(of: claim.worker) }
        return entries
    }

    package func enterChecks(_ round: CheckRound, at now: Timestamp) async throws(StoreError) -> Int {
        try await transaction("enterChecks") { tables throws(StoreError) in tables.enterChecks(round, at: now) }
    }

    // MARK: Pauses

    package func pauses(at now: Timestamp) async throws(StoreError) -> [Pause] {
        try await transaction("pauses") { tables throws(StoreError) in tables.pauses(at: now) }
    }

    package func pause(_ order: PauseOrder, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Pause? {
        try await transaction("pause") { tables throws(StoreError) in tables.pause(order, by: actor, at: now) }
    }

    package func endPause(_ id: Int64, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Pause? {
        try await transaction("endPause") { tables throws(StoreError) in tables.endPause(id, by: actor, at: now) }
    }

    package func hasten(
        _ id: JobID,
        of tenant: TenantID,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> WaitingJobOutcome {
        try await transaction("hasten") { tables throws(StoreError) in tables.hasten(id, of: tenant, by: actor, at: now) }
    }

    package func giveUp(
        _ id: JobID,
        of tenant: TenantID,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> WaitingJobOutcome {
        try await transaction("giveUp") { tables throws(StoreError) in tables.giveUp(id, of: tenant, by: actor, at: now) }
    }

    // MARK: Outbox

    package func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void) { state.withLock { $0.observer = observer } }

    package func unpublished(of worker: WorkerID, after position: Int64, limit: Int) async throws(StoreError) -> [OutboxEntry] {
        try await transaction("unpublished") { tables throws(StoreError) in
            Array(tables.outbox.lazy.filter { $0.worker == worker && $0.entry.position > position }.map(\.entry).prefix(limit))
        }
    }

    package func forgetPublished(_ positions: [Int64]) async throws(StoreError) {
        try await transaction("forgetPublished") { tables throws(StoreError) in
            tables.outbox.removeAll { positions.contains($0.entry.position) }
        }
    }

    // MARK: Looking

    package func backlog(perLane share: Int) async throws(StoreError) -> Backlog {
        try await transaction("backlog") { tables throws(StoreError) in
            tables.lanes.reduce(into: Backlog(waiting: 0, held: 0)) { backlog, row in
                let held = tables.unfinished(row.lane).count { !$0.isScheduled && $0.pausedBy != nil }
                backlog.waiting += min(tables.backlog(of: row.lane) - held, share)
                backlog.held += min(held, Backlog.heldShare(of: share))
            }
        }
    }

    package func lanes(_ selection: LaneSelection, after lane: Lane?, limit: Int) async throws(StoreError) -> LanePage {
        try await transaction("lanes") { tables throws(StoreError) in tables.lanes(selection, after: lane, limit: limit) }
    }

    package func lane(_ lane: Lane) async throws(StoreError) -> LaneDetail? {
        try await transaction("lane") { tables throws(StoreError) in tables.detail(of: lane) }
    }

    package func waiting(at now: Timestamp) async throws(StoreError) -> WaitingTable {
        try await transaction("waiting") { tables throws(StoreError) in tables.waiting(at: now) }
    }

    package func situation(of lane: Lane, at now: Timestamp) async throws(StoreError) -> LaneSituation? {
        try await transaction("situation") { tables throws(StoreError) in tables.situation(of: lane, at: now) }
    }

    package func unconfirmed(_ event: OrderedEvent) async throws(StoreError) -> UnconfirmedEvent? {
        try await transaction("unconfirmed") { tables throws(StoreError) in tables.unconfirmed(event) }
    }

    package func jobs(named id: JobID, of tenant: TenantID?) async throws(StoreError) -> [JobRecord] {
        try await transaction("jobs") { tables throws(StoreError) in tables.records(of: id, tenant: tenant) }
    }

    package func jobs(
        _ selection: JobSelection,
        before cursor: JobCursor?,
        limit: Int,
        looking reach: Int
    ) async throws(StoreError) -> JobFinding {
        try await transaction("jobs") { tables throws(StoreError) in tables.found(selection, before: cursor, limit: limit, reach: reach) }
    }

    package func failedJobs(since: Timestamp, before cursor: JobCursor?, limit: Int) async throws(StoreError) -> [FailedJob] {
        try await transaction("failedJobs") { tables throws(StoreError) in tables.failedJobs(since: since, before: cursor, limit: limit) }
    }

    package func letters(_ selection: LetterSelection, before id: Int64, looking reach: Int) async throws(StoreError) -> LetterPage {
        try await transaction("letters") { tables throws(StoreError) in
            let seen = tables.keptLetters.filter { $0.id < id }.sorted { $0.id > $1.id }.prefix(reach)
            return LetterPage(letters: seen.filter(selection.includes), looked: seen.count, next: seen.count < reach ? nil : seen.last?.id)
        }
    }

    package func letters(_ selection: LetterSelection, after id: Int64, limit: Int) async throws(StoreError) -> [KeptLetter] {
        try await transaction("letters") { tables throws(StoreError) in
            Array(tables.keptLetters.lazy.filter { $0.id > id && selection.includes($0) }.prefix(limit))
        }
    }

    package func sealedPayload(ofLetter id: Int64) async throws(StoreError) -> [UInt8]? {
        try await transaction("sealedPayload") { tables throws(StoreError) in tables.letters.first { $0.id == id }?.payload }
    }

    package func record(_ letters: [CollectedLetter]) async throws(StoreError) -> Int {
        try await transaction("record") { tables throws(StoreError) in
            var count = 0
            for collected in letters {
                if let payload = collected.sealedPayload { try tables.checkKey(of: payload) }
                if tables.record(collected.letter, sealedPayload: collected.sealedPayload) { count += 1 }
            }
            return count
        }
    }

    package func redrive(
        letter id: Int64,
        as copy: AcceptableJob,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> RedriveOutcome {
        try await transaction("redrive") { tables throws(StoreError) in try tables.redrive(letter: id, as: copy, by: actor, at: now) }
    }

    package func purgeLetters(_ selection: LetterSelection, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Int {
        try await transaction("purgeLetters") { tables throws(StoreError) in tables.purgeLetters(selection, by: actor, at: now) }
    }

    // MARK: Operations

    package func begin(_ order: LetterOperationOrder, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> LetterOperation?
    { try await transaction("begin") { tables throws(StoreError) in tables.begin(order, by: actor, at: now) } }

    package func operations(before id: Int64, limit: Int) async throws(StoreError) -> [LetterOperation] {
        try await transaction("operations") { tables throws(StoreError) in
            Array(tables.operations.reversed().lazy.filter { $0.id < id }.prefix(limit))
        }
    }

    package func openOperations() async throws(StoreError) -> [LetterOperation] {
        try await transaction("openOperations") { tables throws(StoreError) in tables.operations.filter { $0.endedAt == nil } }
    }

    package func cancelOperation(_ id: Int64, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> LetterOperation? {
        try await transaction("cancelOperation") { tables throws(StoreError) in tables.cancelOperation(id, by: actor, at: now) }
    }

    package func take(_ step: LetterStep, by worker: WorkerID, at now: Timestamp) async throws(StoreError) -> LetterOperation? {
        try await transaction("take") { tables throws(StoreError) in try tables.take(step, by: worker, at: now) }
    }

    // MARK: Keys

    package func keyUses() async throws(StoreError) -> [String: KeyUse] {
        try await transaction("keyUses") { tables throws(StoreError) in tables.keyUses }
    }

    package func rewrapKeys(
        after lane: Lane?,
        limit: Int,
        _ rewrap: @escaping @Sendable (Lane, [UInt8]) -> [UInt8]?
    ) async throws(StoreError) -> RewrapStep {
        try await transaction("rewrapKeys") { tables throws(StoreError) in try tables.rewrapKeys(after: lane, limit: limit, rewrap) }
    }

    package func retireKey(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyUse {
        try await transaction("retireKey") { tables throws(StoreError) in tables.retireKey(id) }
    }

    package func auditPage(after number: Int64, limit: Int) async throws(StoreError) -> AuditPage {
        try await transaction("auditPage") { tables throws(StoreError) in tables.audit.page(after: number, limit: limit) }
    }

    package func auditRows(
        _ selection: AuditSelection,
        before number: Int64?,
        newest limit: Int,
        looking reach: Int
    ) async throws(StoreError) -> AuditFinding {
        try await transaction("auditRows") { tables throws(StoreError) in
            tables.audit.found(selection, before: number, newest: limit, reach: reach)
        }
    }

    package func prune(at now: Timestamp, keeping retention: Retention) async throws(StoreError) {
        try await transaction("prune") { tables throws(StoreError) in
            tables.prune(at: now, keeping: retention)
            tables.audit.forget(before: now - retention.audit)
        }
    }

    package func close() async { state.withLock { $0.isClosed = true } }
}
