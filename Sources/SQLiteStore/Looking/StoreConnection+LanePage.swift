import Contract
import Store

/// A lane in the order of tenant and product, as the store has it.
struct LanePlace: Sendable {
    let tenant: String
    let product: String

    static let start = LanePlace(tenant: "", product: "")
}

/// Reads lanes for `tenant list`.
extension StoreConnection {
    /// Looks at a number of lanes after one, and returns those that are selected, up to a limit.
    ///
    /// - Returns: also the lane that was looked at last; `nil` at the end.
    func lanePage(
        _ selection: LaneSelection,
        after place: LanePlace,
        limit: Int,
        looking size: Int
    ) throws -> (lanes: [LaneOverview], unreadable: [SetAside], last: LanePlace?) {
        let candidates = try all(
            """
            SELECT l.id, l.tenant, l.product, (?3 IS NULL OR instr(lower(l.tenant), lower(?3)) > 0)
                AND (?4 IS NULL OR COALESCE((SELECT c.status FROM connections c WHERE c.lane = l.id), '') = ?4)
                AND (?5 IS NULL OR (SELECT j.code FROM jobs j INDEXED BY jobs_of_lane
                    WHERE j.lane = l.id AND j.finished_at IS NOT NULL ORDER BY j.place DESC LIMIT 1) = ?5)
            FROM lanes l WHERE (l.tenant, l.product) > (?1, ?2) ORDER BY l.tenant, l.product LIMIT ?6
            """,
            place.tenant,
            place.product,
            selection.search,
            selection.connection?.word,
            selection.lastCode?.rawValue,
            size
        ) { (id: $0.integer(0), place: LanePlace(tenant: $0.text(1), product: $0.text(2)), fits: $0.bool(3)) }
        var (lanes, unreadable, last) = ([LaneOverview](), [SetAside](), LanePlace?.none)
        for candidate in candidates {
            guard lanes.count < limit else { return (lanes, unreadable, last) }
            last = candidate.place
            guard candidate.fits else { continue }
            do { if let lane = try laneOverview(candidate.id) { lanes.append(lane) } } catch let error as StoreError {
                unreadable.append(SetAside("The integration \(candidate.place.tenant)/\(candidate.place.product)", because: "\(error)"))
            }
        }
        return (lanes, unreadable, candidates.count < size ? nil : last)
    }

    /// Calls of a job that was put off because of them fail until it ends, also during its next attempt, which is in `attempts` already.
    /// ``StoreInspection/heldUp`` asks the same.
    private func laneOverview(_ id: Int64) throws -> LaneOverview? {
        try first(
            """
            SELECT l.tenant, l.product, l.epoch, (SELECT status FROM connections c WHERE c.lane = l.id), l.is_enabled,
                (SELECT COUNT(*) FROM jobs j INDEXED BY jobs_rivals WHERE j.lane = l.id AND j.finished_at IS NULL AND j.is_scheduled = 0),
                (SELECT COUNT(*) FROM bindings b WHERE b.lane = l.id),
                (SELECT COUNT(*) FROM bindings b WHERE b.lane = l.id AND b.status = ?2),
                (SELECT j.deferred_code FROM jobs j INDEXED BY jobs_unfinished WHERE j.lane = l.id AND j.finished_at IS NULL
                    AND (j.paused_by IS NOT NULL
                        OR (j.deferred_code IS NOT 'held' AND (j.held_up > 0 OR j.attempts > (j.not_before IS NULL))))
                    ORDER BY j.place LIMIT 1),
                (SELECT j.code FROM jobs j INDEXED BY jobs_of_lane
                    WHERE j.lane = l.id AND j.finished_at IS NOT NULL ORDER BY j.place DESC LIMIT 1)
            FROM lanes l WHERE l.id = ?1
            """,
            id,
            ServiceStatus.synced.rawValue
        ) { row in
            LaneOverview(
                lane: try row.lane(0),
                epoch: row.integer(2),
                connection: try row.optionalWord(3),
                isEnabled: row.bool(4),
                waitingJobs: row.count(5),
                services: row.count(6),
                syncedServices: row.count(7),
                heldUpBy: row.optional(8, row.text),
                lastCode: row.optional(9, row.text)
            )
        }
    }
}

extension LaneSelection.Connection {
    /// The status in the store; empty for none.
    fileprivate var word: String {
        switch self {
        case .missing: ""
        case .status(let status): status.rawValue
        }
    }
}
