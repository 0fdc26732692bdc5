import Contract
import Store

/// The rows of the model store. It is a value: a transaction works on a copy.
struct ModelTables: Sendable {
    struct LaneRow {
        var lane: Lane
        /// The lane as a claim sees it, except for the parts below.
        var state = LaneState(epoch: 1)
        var nextSequence: Int64 = 1
        var revisions: [String: Int64] = [:]
        var hold = LaneHold()
        /// Whether its events wait until the data erased by its reset has left the disk.
        var awaitsErasure = false
        /// When each check is due next, if that is set. Only with a connection.
        var checks: [JobKind: Timestamp] = [:]
    }

    struct JobRow {
        var lane: Lane
        var digest: [UInt8]
        /// The id is also in it. The kind of a refused message means nothing.
        var job: QueuedJob
        var wasRefused = false
        var payload: [UInt8]?
        var requestedAt: Timestamp?
        /// When the present attempt, or the last one, began.
        var begunAt: Timestamp?
        var asked: [UInt8]?
        /// What is kept of those that have ended.
        var attempts: [Attempt] = []
        var finishedAt: Timestamp?
        /// Where its terminal event was put in the outbox again.
        var replayedAt: Int64?
        var event: OrderedEvent?
        /// The code of the event's error.
        var code: String?

        func wasRequested(after other: JobRow) -> Bool { requestedAt.flatMap { own in other.requestedAt.map { $0 < own } } ?? false }
    }

    var workers: [OtherWorker] = []
    var lanes: [LaneRow] = []
    /// The jobs, in the order of acceptance.
    var jobs: [JobRow] = []
    var outbox: [(worker: WorkerID, entry: OutboxEntry)] = []
    /// Events that may be published, even forgotten ones: a worker that lost them may still be publishing. A replay has the first id.
    var released: Set<String> = []
    /// The letters, in the order of their ids.
    var letters: [LetterRow] = []
    var redeliveries: [[UInt8]: (count: Int, at: Timestamp)] = [:]
    var retiredKeys: Set<String> = []
    var pauses: [PauseRow] = []
    var lastPause: Int64 = 0
    var barriers: [(worker: WorkerID, barrier: CallBarrier)] = []
    var operations: [LetterOperation] = []
    var lastOperation: Int64 = 0
    var audit: ModelAudit
    private var lastLetter: Int64 = 0
    private(set) var lastPlace: Int64 = 0
    private(set) var lastPosition: Int64 = 0
    private var lastTurn: Int64 = 0
    /// The most jobs of a lane that one claim looked at, and ended, if it saw a part of the lane.
    var mostSeen = 0
    /// Jobs that began in the transaction that accepted them.
    var begunOnArrival = 0
    var mostEnded = 0
    /// The events that the present transaction stores.
    var events: [OutboxEntry] = []

    /// - Parameter chain: chains the audit log.
    init(chain: AuditChain) { audit = ModelAudit(chain) }

    mutating func nextPlace() -> Int64 {
        lastPlace += 1
        return lastPlace
    }

    mutating func nextLetter() -> Int64 {
        lastLetter += 1
        return lastLetter
    }

    mutating func nextTurn() -> Int64 {
        lastTurn += 1
        return lastTurn
    }

    // MARK: Rows

    func index(of lane: Lane) -> Int? { lanes.firstIndex { $0.lane == lane } }

    /// The lane that a claim holds.
    func index(under claim: ClaimToken) throws(StoreError) -> Int {
        guard let index = index(of: claim.lane), lanes[index].hold.isHeld(under: claim) else { throw ModelTables.fenced }
        return index
    }

    func jobIndex(_ order: Int64?) -> Int? { jobs.firstIndex { $0.job.order == order } }

    /// A lane's unfinished jobs in order. Every transaction asks for them, so the search copies no finished jobs.
    func unfinished(_ lane: Lane) -> [QueuedJob] {
        var found: [QueuedJob] = []
        for index in jobs.indices where jobs[index].finishedAt == nil && jobs[index].lane == lane { found.append(jobs[index].job) }
        return found
    }

    func backlog(of lane: Lane) -> Int { unfinished(lane).count { !$0.isScheduled } }

    // MARK: Workers

    static var fenced: StoreError { StoreError(.fenced, "Another worker has taken over what this worker held.") }

    func checkPresence(of worker: WorkerID) throws(StoreError) {
        guard workers.contains(where: { $0.id == worker }) else { throw ModelTables.fenced }
    }

    /// A write recorded as sent counts as sent no earlier than `now`.
    mutating func restartSettling(at now: Timestamp) {
        for index in lanes.indices {
            for write in lanes[index].state.openWrites.indices where lanes[index].state.openWrites[write].state == .sent {
                lanes[index].state.openWrites[write].at = max(lanes[index].state.openWrites[write].at, now)
            }
            lanes[index].state.unsettledSince = lanes[index].state.unsettledSince.map { max($0, now) }
        }
    }

    mutating func takeOver(by worker: WorkerID, at now: Timestamp) -> Takeover {
        let others = workers.filter { $0.id != worker }
        var takeover = Takeover(lanes: 0, events: 0, nextEnd: others.nextEnd(at: now))
        for other in others where other.isLost(at: now) {
            takeover.lanes += freeLanes(heldBy: other.id, at: now)
            for index in outbox.indices where outbox[index].worker == other.id {
                outbox[index].worker = worker
                takeover.events += 1
            }
        }
        workers.removeAll { $0.id != worker && $0.isLost(at: now) }
        return takeover
    }

    mutating func freeLanes(heldBy worker: WorkerID, at now: Timestamp) -> Int {
        var count = 0
        for index in lanes.indices where lanes[index].hold.worker == worker {
            if let job = jobIndex(lanes[index].hold.running) {
                note(AuditEntry(interrupted: auditedJob(job), by: worker, at: now))
                jobs[job].add(Completion(interrupting: worker, at: now))
                extendDeadlines(in: index, besides: job, at: now)
            }
            lanes[index].hold.release()
            schedule(index, at: now)
            count += 1
        }
        return count
    }

    /// Puts a free lane in line, or computes when it next has something to do.
    mutating func schedule(_ index: Int, at now: Timestamp) {
        let waiting = unfinished(lanes[index].lane)
        let moments = waiting.compactMap(\.notBefore)
        let earliest: Timestamp?? = waiting.isEmpty ? nil : .some(moments.count < waiting.count ? nil : moments.min())
        var hold = lanes[index].hold
        let due = LaneDue(earliest: earliest, at: now) { waiting.filter { !$0.wasBegun }.compactMap(\.expiry).min() }
        hold.schedule(due, rank: LaneRank.lowest(of: waiting)) { nextTurn() }
        lanes[index].hold = hold
    }

    // MARK: Events

    mutating func publish(_ event: Event, in index: Int, by worker: WorkerID) -> OutboxEntry {
        let ordered = OrderedEvent(placing: event, epoch: lanes[index].state.epoch, next: &lanes[index].nextSequence)
        return publish(ordered, by: worker, isHeld: lanes[index].awaitsErasure)
    }

    mutating func publish(_ event: OrderedEvent, by worker: WorkerID, isHeld: Bool = false) -> OutboxEntry {
        lastPosition += 1
        let entry = OutboxEntry(position: lastPosition, event: event, isHeld: isHeld)
        if !isHeld { released.insert(event.event.id) }
        outbox.append((worker, entry))
        events.append(entry)
        return entry
    }

    /// Whether events of a worker wait until the data erased by a reset has left the disk.
    func awaitsErasure(of worker: WorkerID) -> Bool { outbox.contains { $0.worker == worker && $0.entry.isHeld } }

    /// The erased data has left the disk: the worker's events that waited for it are released, except those behind another worker's.
    mutating func releaseErased(of worker: WorkerID) {
        var others: Set<Lane> = []
        for index in outbox.indices where outbox[index].entry.isHeld {
            let lane = outbox[index].entry.event.event.lane
            if outbox[index].worker != worker {
                others.insert(lane)
            } else if !others.contains(lane) {
                outbox[index].entry.isHeld = false
                released.insert(outbox[index].entry.event.event.id)
                events.append(outbox[index].entry)
            }
        }
        let waiting = Set(outbox.lazy.filter { $0.entry.isHeld }.map { $0.entry.event.event.lane })
        for index in lanes.indices where !waiting.contains(lanes[index].lane) { lanes[index].awaitsErasure = false }
    }

    mutating func finish(
        _ order: Int64,
        with event: OrderedEvent,
        code: String?,
        givenUp: GivenUp? = nil,
        at now: Timestamp
    ) throws(StoreError) {
        guard let index = jobIndex(order), jobs[index].finishedAt == nil else {
            throw StoreError(.unexpected, "A job that ended is not among the unfinished jobs.")
        }
        if let givenUp { keep(jobs[index], givenUp, at: now) }
        endPlanned(of: jobs[index].job, in: jobs[index].lane)
        jobs[index].payload = nil
        jobs[index].finishedAt = now
        jobs[index].event = event
        jobs[index].code = code
    }
}

extension ModelTables {
    /// A planned, unsent write ends with the last unfinished sync of its plan.
    private mutating func endPlanned(of job: QueuedJob, in lane: Lane) {
        let isAlone = !unfinished(lane).contains { $0.kind == .sync && $0.planID == job.planID && $0.order != job.order }
        guard job.kind == .sync, isAlone, let index = index(of: lane) else { return }
        lanes[index].state.openWrites.removeAll { $0.planID == job.planID && $0.state == .intended }
    }
}

// MARK: - Pruning

extension ModelTables {
    mutating func prune(at now: Timestamp, keeping retention: Retention) {
        let (dataLimit, idLimit) = (now - Retention.data, now - Retention.ids)
        for index in jobs.indices where jobs[index].finishedAt.map({ $0 <= dataLimit }) ?? false { jobs[index].event?.event.data = [] }
        for index in jobs.indices where jobs[index].finishedAt.map({ $0 <= now - retention.history }) ?? false {
            jobs[index].eraseHistory()
        }
        jobs.removeAll { $0.finishedAt.map { $0 <= idLimit } ?? false }
        for index in letters.indices where letters[index].letter.at <= dataLimit { letters[index].eraseIfOfJob() }
        letters.removeAll { $0.letter.at <= idLimit }
        operations.removeAll { $0.endedAt.map { $0 <= idLimit } ?? false }
        redeliveries = redeliveries.filter { $0.value.at > now - Retention.redeliveries }
    }
}
