import Contract
import Store

/// Workers come and go, and others take over what they leave behind.
extension Transaction {
    /// - Parameter process: what the worker runs in, so that others know at once when it is gone.
    func join(_ worker: WorkerID, in process: ProcessIdentity?, until lease: Timestamp, at now: Timestamp) throws -> Takeover {
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
        try connection.run("UPDATE workers SET lease_until = ? WHERE id = ?", lease, worker.description)
        guard connection.changes == 1 else { throw StoreError.fenced() }
        return try takeOver(by: worker, at: now)
    }

    /// Its lanes become free at once. Its unpublished events stay its own until its lease is over, so that it can publish them yet.
    func leave(_ worker: WorkerID, at now: Timestamp) throws { _ = try freeLanes(heldBy: worker.description, at: now) }

    /// - Throws: ``StoreError/Code/fenced`` when the worker was taken for dead, or never joined: nobody would publish its events.
    func checkPresence(of worker: WorkerID) throws {
        let isPresent = try connection.first("SELECT 1 FROM workers WHERE id = ?", worker.description) { _ in true }
        guard isPresent == true else { throw StoreError.fenced() }
    }

    private func takeOver(by worker: WorkerID, at now: Timestamp) throws -> Takeover {
        let others = try connection.all("SELECT id, lease_until, process FROM workers WHERE id <> ?", worker.description) {
            (id: $0.text(0), leaseEnd: $0.moment(1), process: $0.optional(2, $0.text).flatMap { ProcessIdentity(text: $0) })
        }
        var takeover = Takeover(lanes: 0, events: 0)
        for other in others where other.leaseEnd < now || other.process?.isGone == true {
            takeover.lanes += try freeLanes(heldBy: other.id, at: now)
            try connection.run("UPDATE outbox SET worker = ? WHERE worker = ?", worker.description, other.id)
            takeover.events += connection.changes
            try connection.run("DELETE FROM workers WHERE id = ?", other.id)
        }
        return takeover
    }

    /// - Returns: how many there were. Their jobs were interrupted: that is counted, and the attempt is not.
    private func freeLanes(heldBy worker: String, at now: Timestamp) throws -> Int {
        let held = try connection.lanes(heldBy: worker)
        for var row in held {
            try connection.run(
                "UPDATE jobs SET interruptions = interruptions + 1, attempts = attempts - 1 WHERE place = ?",
                row.running
            )
            row.release()
            row.wanted = nil
            try schedule(&row, at: now)
            try save(row)
        }
        return held.count
    }
}
