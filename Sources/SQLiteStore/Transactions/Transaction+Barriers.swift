import Contract
import Store

/// Keeps the barriers of workers: a few rows, which change only when a barrier begins or ends. Those of a worker that is gone are out of force
/// (``Store/CallBarrier/isInForce(at:isWorkerThere:)``), and go with the next change.
extension Transaction {
    func replaceBarriers(of worker: WorkerID, with barriers: [CallBarrier], at now: Timestamp) throws {
        try checkPresence(of: worker)
        try connection.run(
            """
            DELETE FROM barriers WHERE worker = ? OR (cause = 'limit' AND until <= ?)
                OR (cause <> 'limit' AND worker NOT IN (SELECT id FROM workers))
            """,
            worker.description,
            now
        )
        for barrier in barriers.stored {
            try connection.run(
                "INSERT OR REPLACE INTO barriers (worker, part, cause, since, until, percent) VALUES (?, ?, ?, ?, ?, ?)",
                worker.description,
                barrier.part.description,
                barrier.cause.rawValue,
                barrier.since,
                barrier.until,
                barrier.percent.map { Int64($0) }
            )
        }
    }
}

extension StoreConnection {
    func barriers(at now: Timestamp) throws -> [CallBarrier] {
        let rows = try all(
            """
            SELECT part, cause, since, until, percent, EXISTS (SELECT 1 FROM workers w WHERE w.id = worker AND w.lease_until > ?)
            FROM barriers
            """,
            now
        ) { row -> (barrier: CallBarrier, isWorkerThere: Bool)? in
            guard let part = CallBarrier.Part(row.text(0)), let cause = CallBarrier.Cause(rawValue: row.text(1)) else { return nil }
            var barrier = CallBarrier(part, cause, since: row.moment(2), until: row.optional(3, row.moment))
            barrier.percent = row.optional(4, row.count)
            return (barrier, row.bool(5))
        }
        return rows.compactMap(\.self).filter { $0.barrier.isInForce(at: now, isWorkerThere: $0.isWorkerThere) }.map(\.barrier)
    }

    /// Until when Autotask wants no call to a database.
    func limit(of database: Int64, at now: Timestamp) throws -> Timestamp? {
        let part = CallBarrier.Part.database(database)
        return try barriers(at: now).filter { $0.part == part && $0.cause == .limit }.compactMap(\.until).max()
    }
}
