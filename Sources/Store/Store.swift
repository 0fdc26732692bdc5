package import Contract

/// What the worker remembers. RabbitMQ is the road, the store is the memory: a delivery is acknowledged once ``accept(_:by:at:rules:)`` has
/// returned, an accepted job leaves the store only in the transaction of ``complete(_:with:at:)`` that holds its effect and its terminal
/// event, and an event is forgotten only by ``forgetPublished(_:)``, after the broker confirmed it.
///
/// Every function that changes something is one transaction that is on disk when it returns. Functions that are called at the same time
/// may share a transaction; none sees another's half. Time is the caller's: the store has no clock of its own.
///
/// Every function throws ``StoreError``. One whose code is ``StoreError/Code/fenced`` means that the lane is another's by now: stop, and
/// write nothing more to Autotask. Any other means that nothing was changed.
package protocol Store: Sendable {
    // MARK: Workers

    /// Announces a worker whose leases are good until `lease`, and takes over from workers that are gone (see ``renew(_:until:at:)``).
    ///
    /// How long ago a write was sent is told by clocks, and a new process's may have been set meanwhile: what stands as sent, and what a
    /// reset left unsettled, therefore counts as sent no earlier than `now`.
    ///
    /// - Throws: ``StoreError/Code/clockBehind`` when a live worker's clock is ahead by more than ``Clocks/tolerance``: all that share a store
    ///   have to agree on how much time has passed. A worker whose clock is ahead takes over from those that it leaves behind.
    func join(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover

    /// Extends the worker's leases, and takes over from workers whose lease is over or that are known to be dead: their lanes become free,
    /// their running jobs waiting again with one more interruption and one attempt less, their unpublished events this worker's.
    ///
    /// - Throws: ``StoreError/Code/fenced`` when this worker itself was taken for dead meanwhile: it has to join anew.
    func renew(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover

    /// Takes leave: lanes that the worker still holds become free, and their jobs count as interrupted; those that it put back itself do
    /// not. Its unpublished events stay its own until its lease is over, so that it can publish them yet.
    func leave(_ worker: WorkerID, at now: Timestamp) async throws(StoreError)

    // MARK: Intake

    /// Counts one more delivery of a message that the broker marks as redelivered, before anything of it is looked at.
    ///
    /// - Parameter sha256: of the body.
    /// The count ends with ``accept(_:by:at:rules:)`` of the same message.
    func countRedelivery(sha256: [UInt8], at now: Timestamp) async throws(StoreError) -> CountedRedelivery

    /// Takes in what a batch of deliveries held, in its order, as one transaction.
    ///
    /// Where others wait in a job's lane, ``IntakeRules/admit`` is shown a few of its rivals and says what ends: a job that waits and was not
    /// begun, or the arrival itself, which then claims its id like any job.
    ///
    /// - Returns: what became of each item, and the events that were stored.
    /// - Throws: ``StoreError/Code/fenced`` when the worker was taken for dead, or never joined: nobody would publish its events;
    ///   ``StoreError/Code/keyRetired`` when a payload is sealed under a key that was retired.
    func accept(
        _ items: [IntakeItem],
        by worker: WorkerID,
        at now: Timestamp,
        rules: IntakeRules
    ) async throws(StoreError) -> Intake

    // MARK: Lanes

    /// Claims lanes that are free and have something to do, as many as `limit`: those headed by a reset or connect first, those that have only
    /// checks of the worker's own last, each in turn.
    ///
    /// `decide` gets the unfinished jobs of a lane, or a part if they are many (``LaneSnapshot``), and decides about them. For a part
    /// it may be called a second time, with the other jobs that have to end before the job that it wants to run. A call reads a bounded
    /// number of rows and ends a bounded number of jobs: ``ClaimResult/hasMore`` reports whether there is more.
    ///
    /// The call carries out settlements and marks the job to run as running with one attempt more, all in one transaction before any work. A
    /// lane whose decision is to wait stays free and is not offered again before its time. A job that was interrupted twice or more is only
    /// claimed while no other such job runs anywhere. At most ``ClaimRequest/maximumLanesPerDatabase`` lanes of one Autotask database are held
    /// at once.
    ///
    /// A free lane with a job whose ``QueuedJob/deadline`` has come is offered ahead of all others, wherever it stands and even if there is no
    /// place at its database: then it is claimed only to conclude a job (``RunMode/conclude(_:)``), and takes no place.
    ///
    /// - Parameter decide: a pure function; it may be called again when the transaction is.
    /// - Throws: ``StoreError/Code/fenced`` when the worker was taken for dead, or never joined.
    func claim(
        _ request: ClaimRequest,
        at now: Timestamp,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision
    ) async throws(StoreError) -> ClaimResult

    /// Names the Autotask database that a connect in progress is going to talk to, so that the lane counts among that database's.
    ///
    /// - Returns: whether there was a place. If not, the job has to be put back with ``Disposition/postponed``: the lane is claimed again
    ///   when there is a place.
    func occupy(database: Int64, under claim: ClaimToken, limit: Int, at now: Timestamp) async throws(StoreError) -> Bool

    /// Which of these services in an Autotask database are linked to another lane that is connected to it: by a binding, or by a write
    /// that is on record.
    ///
    /// - Parameter ids: few; `nil` for all.
    func linkedServices(_ ids: [Int64]?, in database: Int64, besides lane: Lane) async throws(StoreError) -> Set<Int64>

    /// Records the intention to link services to the lane. Nothing is recorded where one of them is linked to another lane
    /// (``linkedServices(_:in:besides:)``), or where a write of another plan of this lane is about it.
    ///
    /// It is one transaction: of two lanes that want one service at the same moment, one gets it. The link lasts as long as the entries, or the
    /// bindings that take their place. An entry of which nothing was sent ends with the plan's last
    /// unfinished sync, however that ends.
    ///
    /// The transaction reads the bindings and the journal of the lanes that are connected to the database, and one column of all lanes.
    ///
    /// - Parameter entries: with ``JournalEntry/State/intended`` and the ids of the services; few.
    func link(
        _ entries: [JournalEntry],
        in database: Int64,
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> LinkOutcome

    /// Services of a lane that are bound to one in Autotask, of all its plans, in the order of plan and key. One with an unsettled write is
    /// left out.
    ///
    /// - Parameters:
    ///   - after: go on behind it; `nil` from the beginning.
    ///   - limit: a lane may have any number of them.
    func boundServices(of lane: Lane, after: ServiceKey?, limit: Int) async throws(StoreError) -> [ServiceBinding]

    /// The services of a lane, of all its plans, that are bound to these in Autotask.
    ///
    /// - Parameter ids: few.
    func bindings(to ids: [Int64], in lane: Lane) async throws(StoreError) -> [ServiceBinding]

    /// Records the state of writes to Autotask: called before each, and with the outcome after it. An entry replaces the one of its service.
    ///
    /// - Parameter notes: what the audit log tells of them, in the same transaction: each `sent` before the write leaves.
    /// - Returns: whether a reset waits for this lane: then the batch stops at this service boundary, before the write.
    func journal(
        _ entries: [JournalEntry],
        notes: [AuditNote],
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> Bool

    /// Ends the claim: effect, events and the job's new state in one transaction, and a row of the audit log for the attempt.
    ///
    /// - Returns: the events that were stored, with their places in the sequence.
    /// - Throws: ``StoreError/Code/unexpected`` for events that do not fit the disposition (see ``Completion/events``);
    ///   ``StoreError/Code/keyRetired`` when the lane's new key is wrapped by one that was retired. The claim stays.
    func complete(_ claim: ClaimToken, with completion: Completion, at now: Timestamp) async throws(StoreError) -> [OutboxEntry]

    /// Enters the checks that are due, those that have been due for longest first, and chooses when the next of their lanes is due, in one
    /// transaction: of a fleet on one store, one makes them.
    ///
    /// Every lane with a connection has a moment for each kind, chosen anew where there is none yet. It is moved on, and nothing entered, where a
    /// look would be of no use (``CheckRound/Check/isOf(use:)``). It stays as long as the lane has anything unfinished: a check that waited behind a
    /// job that has to be tried again would keep others' from being made.
    ///
    /// - Returns: how many were entered.
    func enterChecks(_ round: CheckRound, at now: Timestamp) async throws(StoreError) -> Int

    // MARK: Outbox

    /// Names who takes the events that transactions of this process store. They are handed over in the order of their positions, once they
    /// are on disk and before the call that stored them returns: only so do the events of a lane reach the broker in their order, since
    /// the tasks that wait for those calls go on in any order.
    ///
    /// - Parameter observer: called on the store's own thread; it must return quickly. It replaces an earlier one.
    func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void)

    /// Registers the observer of unreadable rows, which is called once for each (see ``SetAside``).
    func observeSetAside(_ observer: @escaping @Sendable (SetAside) -> Void)

    /// Events of this worker that were not confirmed yet, oldest first, after a position.
    func unpublished(of worker: WorkerID, after position: Int64, limit: Int) async throws(StoreError) -> [OutboxEntry]

    /// Forgets events that the broker has confirmed.
    func forgetPublished(_ positions: [Int64]) async throws(StoreError)

    // MARK: Looking

    /// How many jobs are accepted and not finished, the worker's own checks not counted.
    ///
    /// - Parameter share: no lane counts for more.
    func backlog(perLane share: Int) async throws(StoreError) -> Int

    /// Every lane that the store knows, by tenant and product.
    func lanes() async throws(StoreError) -> [LaneOverview]

    /// One lane, or `nil` when the store knows nothing of it.
    func lane(_ lane: Lane) async throws(StoreError) -> LaneDetail?

    /// Jobs with this id: each tenant may have one.
    ///
    /// - Parameter tenant: whose it is; `nil` for every tenant's, which takes looking through all ids.
    func jobs(named id: JobID, of tenant: TenantID?) async throws(StoreError) -> [JobRecord]

    // MARK: Dead letters

    /// Dead letters that are meant, the oldest first, behind the one with this id.
    func letters(_ selection: LetterSelection, after id: Int64, limit: Int) async throws(StoreError) -> [KeptLetter]

    /// What is kept of a letter's job; `nil` if nothing is.
    func sealedPayload(ofLetter id: Int64) async throws(StoreError) -> [UInt8]?

    /// Records messages that the broker gave up on. One whose ``DeadMessage/death`` is recorded already changes nothing.
    ///
    /// - Returns: how many were new.
    /// - Throws: ``StoreError/Code/keyRetired`` when a payload is sealed under a key that was retired.
    func record(_ letters: [CollectedLetter]) async throws(StoreError) -> Int

    /// Enters a copy of a letter's job as if it were accepted now, and marks the letter: what was kept of the job is the copy's from then on.
    /// It enters nothing twice. A job that the broker gave up on was never accepted, and is entered under its own id; where that was delivered in
    /// another way in between, the letter is only marked.
    ///
    /// - Parameters:
    ///   - copy: of a job that was accepted. Its id is the old one's ``JobID/redriven``; ``AcceptableJob/redriveOf`` names that.
    ///   - actor: who wants it so.
    func redrive(
        letter id: Int64,
        as copy: AcceptableJob,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> RedriveOutcome

    /// Forgets dead letters, and with them what is kept of their jobs.
    ///
    /// - Parameter actor: who wants it so.
    /// - Returns: how many there were.
    func purgeLetters(_ selection: LetterSelection, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Int

    // MARK: Audit log

    /// Rows of the audit log behind the one with this number, in their order, with the log's ends at that moment.
    ///
    /// Whatever ends an attempt or a job, or writes to Autotask, or is done by an operator, adds its row in its own transaction; nothing but
    /// ``prune(at:keeping:)`` takes one away.
    func auditPage(after number: Int64, limit: Int) async throws(StoreError) -> AuditPage

    /// The newest rows that are meant, in their order.
    func auditRows(_ selection: AuditSelection, newest limit: Int) async throws(StoreError) -> [AuditRow]

    // MARK: Keys

    /// How much is sealed under each key, by its name (``SealedForm``).
    func keyUses() async throws(StoreError) -> [String: KeyUse]

    /// Wraps the credentials keys of some lanes anew, as one transaction.
    ///
    /// - Parameters:
    ///   - lane: go on behind it; `nil` from the beginning.
    ///   - limit: how many lanes at most.
    ///   - rewrap: what a key is wrapped as from now on; `nil` for one that stays as it is.
    func rewrapKeys(
        after lane: Lane?,
        limit: Int,
        _ rewrap: @escaping @Sendable (Lane, _ wrappedKey: [UInt8]) -> [UInt8]?
    ) async throws(StoreError) -> RewrapStep

    /// Ends a key, if nothing is sealed under it: from now on nothing that is gets in any more (``StoreError/Code/keyRetired``), whoever
    /// still has the key in memory. It may be called again.
    ///
    /// - Returns: what is sealed under it; if there is anything, nothing was changed.
    func retireKey(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyUse

    // MARK: Keeping and forgetting

    /// Erases what has been kept long enough: the data of terminal events after 30 days, and with them the payloads and texts of dead
    /// letters; ids after 400 days, and with them dead letters (`Contract`, "Repetition"); after what `retention` says, the history of jobs
    /// that have ended, and rows of the audit log. These are forgotten from its beginning on, and only if they still fit; the place up to
    /// which they were is marked.
    ///
    /// It works in steps that give way to all other work, and may take long: cancelling its task ends it early.
    func prune(at now: Timestamp, keeping retention: Retention) async throws(StoreError)

    /// Finishes what is under way and closes. Later calls throw.
    func close() async
}

extension Store {
    /// For a store that holds nothing but what this program wrote.
    package func observeSetAside(_ observer: @escaping @Sendable (SetAside) -> Void) {}
}

/// How far the clocks of workers may differ that share a store.
package enum Clocks {
    /// Leases and settle times have to be longer than what they wait for, by at least this.
    package static let tolerance: Duration = .seconds(10)
}

/// One run of a worker process, never used again: a UUID, say.
package struct WorkerID: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// What was left behind by workers that are gone.
package struct Takeover: Hashable, Sendable {
    package var lanes: Int
    package var events: Int
    /// When the next lease of another worker is over, if there is one: there may be something to take over then.
    package var nextEnd: Timestamp?

    package init(lanes: Int, events: Int, nextEnd: Timestamp? = nil) {
        self.lanes = lanes
        self.events = events
        self.nextEnd = nextEnd
    }
}
