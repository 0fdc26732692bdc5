import Contract
import Store

extension ModelTables {
    mutating func replaceBarriers(of worker: WorkerID, with new: [CallBarrier], at now: Timestamp) throws(StoreError) {
        try checkPresence(of: worker)
        barriers.removeAll { row in
            let isGone = !workers.contains { $0.id == row.worker }
            let isOver = row.barrier.cause == .limit ? row.barrier.until.map { $0 <= now } ?? true : isGone
            return row.worker == worker || isOver
        }
        barriers += new.stored.map { (worker, $0) }
    }

    func barriers(at now: Timestamp) -> [CallBarrier] {
        barriers.filter { row in
            row.barrier.isInForce(at: now, isWorkerThere: workers.contains { $0.id == row.worker && $0.leaseEnd > now })
        }.map(\.barrier)
    }

    func limit(ofLane index: Int, at now: Timestamp) -> (database: Int64, until: Timestamp)? {
        guard let database = lanes[index].hold.database else { return nil }
        let limits = barriers(at: now).filter { $0.part == .database(database) && $0.cause == .limit }
        return limits.compactMap(\.until).max().map { (database, $0) }
    }
}
