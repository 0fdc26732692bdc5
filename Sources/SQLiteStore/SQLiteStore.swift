package import Contract
import GRDB
package import Store
package import Telemetry

/// The store in one file on one machine: SQLite, with a write-ahead log and every commit on disk.
///
/// Writes go through one ``Writer``, in transactions that many tenants share. Reads run in parallel. Several processes may use the
/// file, but only on the machine that has it: network file systems are not supported.
package final class SQLiteStore: Store {
    private let pool: DatabasePool
    let writer: Writer
    let rows = UnreadableRows()

    /// Opens the store, makes the file if there is none, and brings an older one up to date.
    ///
    /// - Parameters:
    ///   - path: the path of the file. SQLite keeps `-wal` and `-shm` next to it, which belong to it.
    ///   - mustExist: whether a missing or an empty file is an error.
    ///   - migrating: whether an older file is brought up to date. Only the start of a worker does this.
    ///   - chain: chains the rows of the audit log; `nil` to only read the store.
    /// - Throws: ``StoreError``: `corrupt` for a file that is not a store, `newerSchema`, `olderSchema`, `unavailable`.
    package init(
        path: String,
        mustExist: Bool = false,
        migrating: Bool = true,
        auditing chain: AuditChain?,
        instruments: Instruments = .none
    ) async throws(StoreError) {
        let opened = try await StoreThread.run { () throws(StoreError) in
            try StoreFile.open(path, mustExist: mustExist, migrating: migrating)
        }
        pool = opened.pool
        do { writer = try Writer(opened, chain: chain, rows: rows, instruments: instruments) } catch { throw StoreError(noThread: error) }
    }

    deinit { writer.stop() }

    package func close() async {
        writer.stop()
        await writer.waitUntilStopped()
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable (StoreConnection) throws -> Value) async throws(StoreError) -> Value {
        do {
            return try await pool.read { try body(StoreConnection($0)) }
        } catch {
            let error = StoreError(error, path: pool.path)
            writer.note(error)
            throw error
        }
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> Value) async throws(StoreError) -> Value {
        try await writer.write(.work, body)
    }

    /// A failure of the store itself in the last 10 s, for example a full disk; `nil` while it works. A worker writes at least that
    /// often.
    package var trouble: StoreError? { writer.failure(within: .seconds(10)) }

    /// How many operations wait for a transaction.
    package var pendingWrites: Int { writer.waiting }

    /// The rows that could not be read. Each is set aside with its lane.
    package var setAside: [SetAside] { rows.all }

    /// How long erased data has waited to leave the log; `nil` if none waits. It waits while a process reads the store: see
    /// ``StoreReaders``.
    package var erasureDelay: Duration? { writer.erasureWaitsSince.map { .now - $0 } }
}

// MARK: - Workers

extension SQLiteStore {
    package func join(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover {
        try await writer.write(.lease, as: .renew) { try $0.join(worker, in: .current, until: lease, at: now) }
    }

    package func renew(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover {
        try await writer.write(.lease, as: .renew) { try $0.renew(worker, until: lease, at: now) }
    }

    package func leave(_ worker: WorkerID, at now: Timestamp) async throws(StoreError) {
        try await writer.write { try $0.leave(worker, at: now) }
    }

    package func replaceBarriers(of worker: WorkerID, with barriers: [CallBarrier], at now: Timestamp) async throws(StoreError) {
        try await writer.write { try $0.replaceBarriers(of: worker, with: barriers, at: now) }
    }

    package func barriers(at now: Timestamp) async throws(StoreError) -> [CallBarrier] { try await read { try $0.barriers(at: now) } }
}

// MARK: - Intake

extension SQLiteStore {
    package func countRedelivery(sha256: [UInt8], at now: Timestamp) async throws(StoreError) -> CountedRedelivery {
        try await writer.write(as: .accept) { try $0.countRedelivery(sha256: sha256, at: now) }
    }

    package func accept(
        _ items: [IntakeItem],
        by worker: WorkerID,
        at now: Timestamp,
        rules: IntakeRules
    ) async throws(StoreError) -> Acceptance {
        try await writer.write(as: .accept) { try $0.accept(items, by: worker, at: now, rules: rules) }
    }
}

// MARK: - Lanes

extension SQLiteStore {
    package func claim(
        _ request: ClaimRequest,
        at now: Timestamp,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision
    ) async throws(StoreError) -> ClaimResult {
        try await writer.write(as: .claim) { try $0.claim(request, at: now, decide: decide) }
    }

    package func occupy(database: Int64, under claim: ClaimToken, limit: Int, at now: Timestamp) async throws(StoreError) -> Bool {
        try await writer.write(as: .claim) { try $0.occupy(database: database, under: claim, limit: limit) }
    }

    package func linkedServices(_ ids: [Int64]?, in database: Int64, besides lane: Lane) async throws(StoreError) -> Set<Int64> {
        try await read { try $0.linkedServices(ids, in: database, besides: lane) }
    }

    package func boundServices(of lane: Lane, after: ServiceKey?, limit: Int) async throws(StoreError) -> [ServiceBinding] {
        try await read { try $0.boundServices(of: lane, after: after, limit: limit) }
    }

    package func bindings(to ids: [Int64], in lane: Lane) async throws(StoreError) -> [ServiceBinding] {
        try await read { try $0.bindings(to: ids, in: lane) }
    }

    package func link(
        _ entries: [JournalEntry],
        in database: Int64,
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> LinkOutcome {
        try await writer.write(as: .journal) { try $0.link(entries, in: database, under: claim) }
    }

    package func journal(
        _ entries: [JournalEntry],
        notes: [AuditNote],
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> BatchStop? {
        try await writer.write(as: .journal) { try $0.journal(entries, notes: notes, under: claim, at: now) }
    }

    package func complete(_ claim: ClaimToken, with completion: Completion, at now: Timestamp) async throws(StoreError) -> [OutboxEntry] {
        try await writer.write(as: .complete) { try $0.complete(claim, with: completion, at: now) }
    }
}

extension SQLiteStore {
    package func enterChecks(_ round: CheckRound, at now: Timestamp) async throws(StoreError) -> Int {
        try await writer.write(as: .check) { try $0.enterChecks(round, at: now) }
    }
}

// MARK: - Outbox

extension SQLiteStore {
    package func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void) { writer.observeEvents(observer) }

    package func unpublished(of worker: WorkerID, after position: Int64, limit: Int) async throws(StoreError) -> [OutboxEntry] {
        var entries: [OutboxEntry] = []
        var last = position
        var bytes = 0
        // The rows that this call set aside. The lane of a row that was known before may have been restored since.
        var done: Set<SetAside> = []
        while true {
            let (after, size) = (last, min(SQLiteStore.eventPage, limit - entries.count))
            let page = try await read { try $0.unpublished(of: worker, after: after, limit: size) }
            let unreadable = page.compactMap(\.failure)
            guard unreadable.allSatisfy({ done.contains($0.setAside) }) else {
                done.formUnion(unreadable.map(\.setAside))
                // Later events of their lanes are now held back, so the page is read again.
                try await writer.write { transaction in for event in unreadable { try transaction.setAside(event) } }
                continue
            }
            entries += page.compactMap { try? $0.get() }
            last = page.last.map { $0.failure?.position ?? (try? $0.get().position) ?? last } ?? last
            bytes += page.reduce(0) { $0 + ((try? $1.get().event.event.data.count) ?? 0) }
            if page.isEmpty || entries.count >= limit || bytes > SQLiteStore.eventBytes { return entries }
        }
    }

    package func observeSetAside(_ observer: @escaping @Sendable (SetAside) -> Void) { rows.observe(observer) }

    /// Events in one read transaction, so that no reader delays the emptying of the log for long.
    private static let eventPage = 256
    /// The data of events after which a call reads no more of them, in bytes.
    private static let eventBytes = 16 << 20
    /// Rows of a list in one read transaction.
    private static let listPage: Int64 = 2000
    /// Lanes, and jobs, that one read transaction looks at.
    private static let lanePage = 200
    private static let jobPage = 1000

    package func forgetPublished(_ positions: [Int64]) async throws(StoreError) {
        try await writer.write(as: .publish) { try $0.forgetPublished(positions) }
    }
}

// MARK: - Dead letters

extension SQLiteStore {
    package func letters(_ selection: LetterSelection, after id: Int64, limit: Int) async throws(StoreError) -> [KeptLetter] {
        let end = try await read { try $0.lastLetter() }
        var letters: [KeptLetter] = []
        var last = id
        while last < end, letters.count < limit {
            let (after, size) = (last, limit - letters.count)
            let page = try await read { try $0.letters(selection, after: after, upTo: after + SQLiteStore.listPage, limit: size) }
            rows.report(page.compactMap { $0.failure?.row })
            let found = page.compactMap { try? $0.get() }
            letters += found
            last = page.count == size ? found.last?.id ?? after + 1 : after + SQLiteStore.listPage
        }
        return letters
    }

    package func letters(_ selection: LetterSelection, before id: Int64, looking reach: Int) async throws(StoreError) -> LetterPage {
        let (found, window) = try await read { connection in
            let window = try connection.letterWindow(before: id, limit: reach)
            let found = try window.map { try connection.letters(selection, after: $0.first - 1, upTo: id - 1, limit: $0.count) }
            return (found ?? [], window)
        }
        rows.report(found.compactMap { $0.failure?.row })
        let isLast = window.map { $0.count < reach } ?? true
        return LetterPage(
            letters: found.reversed().compactMap { try? $0.get() },
            looked: window?.count ?? 0,
            next: isLast ? nil : window?.first
        )
    }

    package func sealedPayload(ofLetter id: Int64) async throws(StoreError) -> [UInt8]? {
        try await read { try $0.sealedPayload(ofLetter: id) }
    }

    package func record(_ letters: [CollectedLetter]) async throws(StoreError) -> Int {
        try await writer.write { transaction in
            try letters.count { try transaction.record($0.letter, sealedPayload: $0.sealedPayload) }
        }
    }

    package func redrive(
        letter id: Int64,
        as copy: AcceptableJob,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> RedriveOutcome {
        try await writer.write { try $0.redrive(letter: id, as: copy, by: actor, at: now) }
    }

    package func purgeLetters(_ selection: LetterSelection, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Int {
        var count = 0
        while true {
            let step = try await writer.write { try $0.purgeLetters(selection, by: actor, at: now) }
            count += step
            if step < Transaction.step { return count }
        }
    }
}

// MARK: - Keys

extension SQLiteStore {
    package func keyUses() async throws(StoreError) -> [String: KeyUse] { try await read { try $0.keyUses() } }

    package func rewrapKeys(
        after lane: Lane?,
        limit: Int,
        _ rewrap: @escaping @Sendable (Lane, [UInt8]) -> [UInt8]?
    ) async throws(StoreError) -> RewrapStep {
        try await writer.write { try $0.rewrapKeys(after: lane, limit: limit, rewrap) }
    }

    package func retireKey(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyUse {
        try await writer.write { try $0.retireKey(id, at: now) }
    }
}

// MARK: - Looking

extension SQLiteStore {
    package func backlog(perLane share: Int) async throws(StoreError) -> Backlog { try await read { try $0.backlog(perLane: share) } }

    package func lanes(_ selection: LaneSelection, after lane: Lane?, limit: Int) async throws(StoreError) -> LanePage {
        var page = LanePage(lanes: [], next: nil)
        var last: LanePlace? = lane.map { LanePlace(tenant: $0.tenant.description, product: $0.product.rawValue) } ?? .start
        while let place = last {
            guard page.lanes.count < limit else {
                page.next = page.lanes.last?.lane
                break
            }
            let rest = limit - page.lanes.count
            let found = try await read { try $0.lanePage(selection, after: place, limit: rest, looking: SQLiteStore.lanePage) }
            rows.report(found.unreadable)
            page.lanes += found.lanes
            last = found.last
        }
        return page
    }

    package func lane(_ lane: Lane) async throws(StoreError) -> LaneDetail? { try await read { try $0.laneDetail(lane) } }

    package func waiting(at now: Timestamp) async throws(StoreError) -> WaitingTable {
        var table = WaitingTable(try await read { try $0.waitingSurroundings(at: now) }, at: now)
        var last: Int64? = 0
        while let lane = last {
            let page = try await read { try $0.waitingRows(afterLane: lane, jobs: WaitingTable.jobs) }
            table.take(page.rows)
            last = page.last
        }
        return table
    }

    package func situation(of lane: Lane, at now: Timestamp) async throws(StoreError) -> LaneSituation? {
        try await read { try $0.situation(of: lane, at: now) }
    }

    package func unconfirmed(_ event: OrderedEvent) async throws(StoreError) -> UnconfirmedEvent? {
        var last: Int64 = 0
        while true {
            let after = last
            let page = try await read { try $0.outboxPage(after: after, limit: SQLiteStore.listPage) }
            if let row = page.first(where: { $0.eventID == event.event.id }) { return row.event }
            guard page.count == SQLiteStore.listPage, let end = page.last else { return nil }
            last = end.position
        }
    }

    package func jobs(named id: JobID, of tenant: TenantID?) async throws(StoreError) -> [JobRecord] {
        var records: [JobRecord] = []
        var tenants = [tenant?.description].compactMap(\.self)
        var last: String? = tenant == nil ? "" : nil
        while true {
            if let after = last {
                // Without a tenant, each tenant is looked up, because the index begins with the tenant.
                tenants = try await read { try $0.tenants(after: after, limit: 500) }
                last = tenants.count == 500 ? tenants.last : nil
            }
            let some = tenants
            records += try await read { connection in try some.compactMap { try connection.jobRecord(named: id, of: $0) } }
            guard last != nil else { return records }
        }
    }

    package func jobs(
        _ selection: JobSelection,
        before cursor: JobCursor?,
        limit: Int,
        looking reach: Int
    ) async throws(StoreError) -> JobFinding {
        var (finding, isOver) = (JobFinding(), false)
        finding.next = cursor
        // Where most jobs are selected, the first page is enough.
        var pageSize = min(max(limit, SQLiteStore.jobPage / 16), SQLiteStore.jobPage)
        while !isOver, finding.jobs.count < limit, finding.looked < reach {
            let (before, rest, size) = (finding.next, limit - finding.jobs.count, min(pageSize, reach - finding.looked))
            pageSize = min(pageSize * 2, SQLiteStore.jobPage)
            let page = try await read { try $0.jobPage(selection, before: before, limit: rest, looking: size) }
            rows.report(page.unreadable)
            finding.jobs += page.finding.jobs
            finding.looked += page.finding.looked
            finding.backTo = page.finding.backTo ?? finding.backTo
            finding.next = page.finding.next
            isOver = page.finding.next == nil
        }
        return finding
    }

    package func failedJobs(since: Timestamp, before cursor: JobCursor?, limit: Int) async throws(StoreError) -> [FailedJob] {
        try await read { try $0.failedJobs(since: since, before: cursor, limit: limit) }
    }

    package func auditPage(after number: Int64, limit: Int) async throws(StoreError) -> AuditPage {
        try await read { try $0.auditPage(after: number, limit: limit) }
    }

    package func auditRows(
        _ selection: AuditSelection,
        before number: Int64?,
        newest limit: Int,
        looking reach: Int
    ) async throws(StoreError) -> AuditFinding {
        var finding = AuditFinding()
        guard let ends = try await read({ try $0.auditEnds() }) else { return finding }
        var end = min(number.map { $0 - 1 } ?? ends.upperBound, ends.upperBound)
        finding.next = end >= ends.lowerBound ? end + 1 : nil
        while finding.next != nil, finding.rows.count < limit, finding.looked < reach {
            let (page, rest) = (min(SQLiteStore.listPage, Int64(reach - finding.looked)), limit - finding.rows.count)
            let range = max(ends.lowerBound, end - page + 1)...end
            let (rows, span) = try await read {
                (try $0.auditRows(selection, newest: rest, in: range), try $0.auditTimes(in: range, isWhole: selection.since != nil))
            }
            finding.rows = rows + finding.rows
            // The newest of the rows that are left may be in this range too.
            let last = finding.rows.count < limit ? range.lowerBound : rows.first?.number ?? range.lowerBound
            finding.looked += Int(end - last + 1)
            finding.backTo = rows.first.flatMap { $0.number == last ? $0.entry.at : nil } ?? span?.oldest
            end = last - 1
            let isPast = selection.since.map { since in span.map { $0.newest < since } ?? false } ?? false
            finding.next = last > ends.lowerBound && !isPast ? last : nil
        }
        return finding
    }

    package func prune(at now: Timestamp, keeping retention: Retention) async throws(StoreError) {
        var pruning = Pruning(writer)
        try await pruning.repeatedly { try $0.eraseData(at: now, limit: $1) }
        try await pruning.repeatedly { try $0.eraseHistory(before: now - retention.history, limit: $1) }
        try await pruning.repeatedly(from: 0) { try $0.forgetIDs(after: $1, at: now, limit: $2) }
        try await pruning.repeatedly(from: PlanRow?.none) { try $0.forgetPlans(after: $1, at: now, limit: $2).map(Optional.some) }
        try await pruning.repeatedly { try $0.eraseLetters(at: now, limit: $1) }
        try await pruning.repeatedly { try $0.forgetLetters(at: now, limit: $1) }
        try await pruning.repeatedly { try $0.forgetOperations(at: now, limit: $1) }
        try await pruning.repeatedly { try $0.forgetRedeliveries(at: now, limit: $1) }
        try await pruning.repeatedly { try $0.forgetAudit(before: now - retention.audit, limit: $1) }
        // The log is emptied once, at the end. Until then it is written back as it grows.
        if pruning.hasErased { try await writer.write(.chore) { $0.hasErased = true } }
    }

    /// Waits until the log holds no erased data.
    ///
    /// - Parameter patience: how long to wait for readers.
    /// - Returns: whether the log was emptied.
    package func finishErasing(within patience: Duration) async -> Bool {
        let end = ContinuousClock.now + patience
        while writer.erasureWaitsSince != nil {
            guard .now < end, !Task.isCancelled else { return false }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return true
    }
}
