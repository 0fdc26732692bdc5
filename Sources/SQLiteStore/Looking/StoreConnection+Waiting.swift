import Contract
import Store

/// Reads unfinished jobs for ``Store/WaitingTable``.
extension StoreConnection {
    func waitingSurroundings(at now: Timestamp) throws -> WaitingSurroundings {
        let workers = try all("SELECT id FROM workers WHERE lease_until > ?", now) { WorkerID($0.text(0)) }
        let occupied = try all("SELECT occupied, COUNT(*) FROM lanes WHERE occupied IS NOT NULL GROUP BY occupied") {
            ($0.integer(0), $0.count(1))
        }
        return WaitingSurroundings(
            workers: Set(workers),
            occupied: Dictionary(occupied) { first, _ in first },
            pauses: try pauses(at: now),
            barriers: try barriers(at: now)
        )
    }

    /// Returns the jobs of some lanes after one, with the last lane that was looked at; `nil` at the end. An unreadable row is left out.
    ///
    /// - Parameter limit: the maximum number of jobs, except that a lane is read as a whole.
    func waitingRows(afterLane lane: Int64, jobs limit: Int) throws -> (rows: [WaitingRow], last: Int64?) {
        let lanes = try all("SELECT id, backlog FROM lanes WHERE id > ? ORDER BY id LIMIT ?", lane, WaitingTable.lanes) {
            (id: $0.integer(0), jobs: $0.count(1))
        }
        guard var last = lanes.first?.id else { return ([], nil) }
        var jobs = 0
        for lane in lanes {
            jobs += lane.jobs
            if jobs > limit, lane.id != last { break }
            last = lane.id
        }
        let rows = try all(
            """
            SELECT l.tenant, l.product, j.place, j.accepted_at, j.not_before, j.deferred_code, j.paused_by, l.set_aside, l.worker, l.running,
                COALESCE(l.wanted, l.database_id), c.zone_api_url
            FROM lanes l CROSS JOIN jobs j INDEXED BY jobs_rivals ON j.lane = l.id LEFT JOIN connections c ON c.lane = l.id
            WHERE l.id > ? AND l.id <= ? AND j.finished_at IS NULL AND j.is_scheduled = 0
            """,
            lane,
            last
        ) { row in try? WaitingRow(row) }
        let ordered = rows.compactMap(\.self).sorted {
            ($0.lane.tenant, $0.lane.product.rawValue, $0.order) < ($1.lane.tenant, $1.lane.product.rawValue, $1.order)
        }
        return (ordered, last)
    }
}

extension WaitingRow {
    /// Reads the columns of the query above.
    fileprivate init(_ row: ResultRow) throws {
        self.init(
            lane: try row.lane(0),
            order: row.integer(2),
            acceptedAt: row.moment(3),
            notBefore: row.optional(4, row.moment),
            code: row.optional(5, row.text).flatMap(ErrorCode.init(rawValue:)),
            pausedBy: row.optional(6, row.integer),
            isSetAside: !row.isNull(7),
            holder: row.optional(8, row.text).map(WorkerID.init),
            running: row.optional(9, row.integer),
            database: row.optional(10, row.integer),
            apiURL: row.optional(11, row.text)
        )
    }
}
