import Contract
import GRDB
import Store

/// Registers workers, and takes over from those that are gone.
extension StoreConnection {
    /// A worker that may still use the store.
    func runningWorker(at now: Timestamp) throws -> WorkerID? { try workers().first { !$0.isGone && $0.leaseEnd > now }?.id }

    fileprivate func isErasureAwaited(by worker: WorkerID) throws -> Bool {
        try first("SELECT 1 FROM outbox WHERE awaits_erasure <> 0 AND worker = ?", worker.description) { _ in true } ?? false
    }

    fileprivate func workers() throws -> [OtherWorker] {
        try all("SELECT id, lease_until, process FROM workers") { row in
            OtherWorker(
                id: WorkerID(row.text(0)),
                leaseEnd: row.moment(1),
                isGone: row.optional(2, row.text).flatMap { ProcessIdentity(text: $0) }?.isGone ?? false
            )
        }
    }
}

extension Transaction {
    /// - Parameter process: the worker's process, so that others notice at once when it is gone.
    func join(_ worker: WorkerID, in process: ProcessIdentity?, until lease: Timestamp, at now: Timestamp) throws -> Takeover {
        try others(than: worker).checkClocks(joiningUntil: lease)
        try connection.run("UPDATE journal SET entered_at = ? WHERE state = 'sent' AND entered_at < ?", now, now)
        try connection.run("UPDATE lanes SET unsettled_since = ? WHERE unsettled_since < ?", now, now)
        try tryAgainWhatWasSetAside(at: now)
        joined = worker
        try connection.run(
            """
            INSERT INTO workers (id, lease_until, process) VALUES (?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until, process = excluded.process
            """,
            worker.description,
            lease,
            process?.text
        )
        return try takeOver(by: worker, at: now)
    }

    func renew(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) throws -> Takeover {
        let found = try connection.first(
            """
            UPDATE workers SET lease_until = ? WHERE id = ?
            RETURNING EXISTS (SELECT 1 FROM pauses), EXISTS (SELECT 1 FROM operations WHERE ended_at IS NULL)
            """,
            lease,
            worker.description
        ) { (hasPauses: $0.bool(0), hasOperations: $0.bool(1)) }
        guard let found else { throw StoreError.fenced() }
        guard try !Schema.current.isSuperseded(in: connection.database) else {
            throw StoreError(
                .newerSchema,
                "A newer version of this program has updated the store, so this worker can no longer read it and ends. Start the newer version."
            )
        }
        var takeover = try takeOver(by: worker, at: now)
        takeover.hasPauses = found.hasPauses
        takeover.hasOperations = found.hasOperations
        return takeover
    }

    /// Frees the worker's lanes at once. Its unpublished events stay its own until its lease is over, so that it can still publish them.
    func leave(_ worker: WorkerID, at now: Timestamp) throws { _ = try freeLanes(heldBy: worker, at: now) }

    /// - Throws: ``StoreError/Code/fenced`` when the worker was declared dead, or never joined: no worker would publish its events.
    func checkPresence(of worker: WorkerID) throws {
        let isPresent = try connection.first("SELECT 1 FROM workers WHERE id = ?", worker.description) { _ in true }
        guard isPresent == true else { throw StoreError.fenced() }
    }

    private func takeOver(by worker: WorkerID, at now: Timestamp) throws -> Takeover {
        let others = try others(than: worker)
        var takeover = Takeover(lanes: 0, events: 0, nextEnd: others.nextEnd(at: now))
        for other in others where other.isLost(at: now) {
            takeover.lanes += try freeLanes(heldBy: other.id, at: now)
            try connection.run("UPDATE outbox SET worker = ? WHERE worker = ?", worker.description, other.id.description)
            takeover.events += connection.changes
            if connection.changes > 0, try connection.isErasureAwaited(by: worker) {
                // The worker that stored them is gone, and the log may still hold the data that their resets erased.
                hasErased = true
                awaitsErasure = true
            }
            try connection.run("DELETE FROM workers WHERE id = ?", other.id.description)
        }
        return takeover
    }

    private func others(than worker: WorkerID) throws -> [OtherWorker] { try connection.workers().filter { $0.id != worker } }

    /// - Returns: how many lanes were freed. For their jobs, the interruption is counted and the attempt is not.
    private func freeLanes(heldBy worker: WorkerID, at now: Timestamp) throws -> Int {
        let held = try connection.lanes(heldBy: worker.description)
        for lane in held {
            guard case .success(var row) = lane else {
                if let lane = lane.failure { try setAside(lane: lane.id, because: lane.reason) }
                continue
            }
            if let order = row.hold.running {
                let job: AuditedJob
                do { job = try auditedJob(order, in: row.lane) } catch let error as StoreError where error.code == .corrupt {
                    try setAside(lane: row.id, because: error)
                    continue
                }
                try audit(AuditEntry(interrupted: job, by: worker, at: now))
                try add(Completion(interrupting: worker, at: now), to: order)
                try extendDeadlines(in: row, besides: order, at: now)
            }
            row.hold.release()
            try schedule(&row, at: now)
            try save(row)
        }
        return held.count
    }
}
