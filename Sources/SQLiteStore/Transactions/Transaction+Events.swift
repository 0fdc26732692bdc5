import Contract
import Store

/// Assigns events their places in the sequence, and stores them in the outbox.
extension Transaction {
    /// Gives an event its place in the lane's current epoch, and publishes it.
    func publish(_ event: Event, in row: inout LaneRow, by worker: WorkerID) throws -> OutboxEntry {
        let ordered = OrderedEvent(placing: event, epoch: row.epoch, next: &row.nextSequence)
        let entry = try publish(ordered, by: worker, isHeld: row.isSetAside || row.awaitsErasure)
        if row.awaitsErasure { try awaitErasure(of: entry) }
        return entry
    }

    /// Publishes again an event that already has its place.
    func publish(again event: OrderedEvent, in row: LaneRow, by worker: WorkerID) throws -> OutboxEntry {
        let entry = try publish(event, by: worker, isHeld: row.isSetAside || row.awaitsErasure)
        if row.awaitsErasure { try awaitErasure(of: entry) }
        return entry
    }

    /// Publishes an event that already has its place, or needs none.
    ///
    /// - Parameter isHeld: whether its lane is set aside or awaits an erasure.
    func publish(_ ordered: OrderedEvent, by worker: WorkerID, isHeld: Bool = false) throws -> OutboxEntry {
        let event = ordered.event
        let position = try next(.position)
        try connection.run(
            """
            INSERT INTO outbox (position, worker, tenant, product, epoch, sequence, event_id, type, job_id, redrive_of, time, traceparent,
                data)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            position,
            worker.description,
            event.lane.tenant.description,
            event.lane.product.rawValue,
            ordered.epoch,
            ordered.sequence,
            event.id,
            event.type.rawValue,
            event.jobID?.description,
            event.redriveOf?.description,
            event.time,
            event.traceparent,
            event.data
        )
        let entry = OutboxEntry(position: position, event: ordered, isHeld: isHeld)
        events.append(entry)
        return entry
    }

    /// Makes all further events of the lane wait until the data that this transaction erases has left the log.
    func holdEvents(of row: inout LaneRow) throws {
        row.awaitsErasure = true
        try connection.run("UPDATE lanes SET awaits_erasure = 1 WHERE id = ?", row.id)
    }

    private func awaitErasure(of entry: OutboxEntry) throws {
        try connection.run("UPDATE outbox SET awaits_erasure = 1 WHERE position = ?", entry.position)
        awaitsErasure = true
        hasErased = true
    }

    /// Releases a page of the waiting events once the erased data has left the log.
    ///
    /// Events of another worker wait for that worker's process, which also notices that the log is empty. Later events of the same lane wait
    /// for them.
    ///
    /// It reads at most ``Release/page`` events, and changes at most as many lanes.
    ///
    /// - Parameters:
    ///   - worker: the worker that publishes the events.
    ///   - release: the progress of earlier pages.
    /// - Returns: whether this page is the last.
    func releaseErased(of worker: WorkerID, _ release: inout Release) throws -> Bool {
        let waiting = try connection.waitingForErasure(after: release.after, limit: Release.page)
        for (entry, lane, holder) in waiting {
            release.after = entry.position
            guard holder == worker.description else {
                release.others.insert(lane)
                continue
            }
            guard !release.others.contains(lane) else {
                release.mustRepeat = true
                continue
            }
            // An unreadable event is not published, and no other event waits for it.
            try connection.run("UPDATE outbox SET awaits_erasure = 0 WHERE position = ?", entry.position)
            if let entry = try? entry.entry.get() { events.append(entry) }
        }
        guard waiting.count < Release.page else { return false }
        // Only lanes with events of other workers still wait.
        try connection.run(
            """
            UPDATE lanes SET awaits_erasure = 0 WHERE id IN (SELECT id FROM lanes INDEXED BY lanes_awaiting
                WHERE awaits_erasure <> 0 AND tenant || '/' || product NOT IN (SELECT value FROM json_each(?)) LIMIT ?)
            """,
            String(decoding: JSON.array(release.others.map { .string($0) }).encoded, as: UTF8.self),
            Release.page
        )
        return connection.changes < Release.page
    }

    /// Deletes events by their positions: one statement for each sequence of positions without a gap.
    func forgetPublished(_ positions: [Int64]) throws {
        var range: ClosedRange<Int64>?
        func delete() throws {
            guard let range else { return }
            try connection.run("DELETE FROM outbox WHERE position BETWEEN ? AND ?", range.lowerBound, range.upperBound)
        }
        for position in positions.sorted() {
            if let current = range, position <= current.upperBound || position - 1 == current.upperBound {
                range = current.lowerBound...position
            } else {
                try delete()
                range = position...position
            }
        }
        try delete()
    }

    /// Ends the writes that a sync's plan intended and did not send, unless another sync of the plan is unfinished. They end with the last
    /// one, however it ends. Otherwise they would keep other plans from adopting the service.
    ///
    /// - Parameter order: a job that is about to end. Only a sync has such writes.
    func endIntendedWrites(of order: Int64) throws {
        try connection.run(
            """
            DELETE FROM journal
            WHERE state = 'intended' AND (lane, plan) = (SELECT lane, plan FROM jobs ended WHERE place = ?1 AND kind = 'sync' AND NOT EXISTS
                (SELECT 1 FROM jobs other INDEXED BY jobs_rivals WHERE other.lane = ended.lane AND other.kind = 'sync'
                    AND other.plan = ended.plan AND other.finished_at IS NULL AND other.is_scheduled = 0 AND other.place <> ?1))
            """,
            order
        )
    }

    /// Ends a job: it keeps the terminal event and erases the payload.
    ///
    /// The plan stays, also after a reset: late jobs are compared with it. What the job asked for stays only with its attempts, by which
    /// the pruning finds it.
    ///
    /// - Parameters:
    ///   - code: the code of the error that the event reports.
    ///   - givenUp: set when the job becomes a dead letter, which takes over its payload.
    ///   - completion: the completion of the attempt that ends it, if one does.
    func finish(
        _ order: Int64,
        with ordered: OrderedEvent,
        code: String?,
        givenUp: GivenUp? = nil,
        after completion: Completion? = nil,
        at now: Timestamp
    ) throws {
        let event = ordered.event
        if let givenUp = givenUp ?? completion?.attempt.givenUp { try keep(order, givenUp, at: now) }
        try connection.run(
            """
            UPDATE jobs SET payload = NULL, standing = NULL, expiry = NULL, not_before = NULL, finished_at = ?,
                event_id = ?, event_type = ?, code = ?, event_time = ?, traceparent = ?, epoch = ?, sequence = ?, data = ?,
                api_calls = api_calls + ?,
                asked = CASE WHEN ?12 AND COALESCE(account, '') || ?13 <> '' THEN COALESCE(asked, ?11) END,
                account = CASE WHEN ?12 THEN NULLIF(COALESCE(account, '') || ?13, '') END
            WHERE place = ?14 AND finished_at IS NULL
            """,
            now,
            event.id,
            event.type.rawValue,
            code,
            event.time,
            event.traceparent,
            ordered.epoch,
            ordered.sequence,
            event.data,
            completion?.attempt.apiCalls ?? 0,
            completion?.asked,
            completion?.keepsHistory ?? true,
            completion?.kept?.text ?? "",
            order
        )
        guard connection.changes == 1 else { throw StoreError(.unexpected, "A job that ended is not among the unfinished jobs.") }
    }
}

/// The progress in releasing events that waited for an erasure: see ``Transaction/releaseErased(of:_:)``.
struct Release {
    /// The number of events in one transaction.
    static let page = 64

    /// The position of the last event that was read. Events that are stored meanwhile have later positions.
    var after: Int64 = 0
    /// Lanes with a waiting event of another worker: at most the lanes that were reset since the log was last emptied. Each name has
    /// at most a few hundred bytes.
    var others: Set<String> = []
    /// Whether an event of this worker may be left: it follows an event of another worker, or was taken over between two pages.
    var mustRepeat = false
}
